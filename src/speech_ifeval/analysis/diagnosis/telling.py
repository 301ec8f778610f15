"""Figures and texts inside sentences."""

from __future__ import annotations

SHORT = 80  # letters of a text that stands inside a sentence


def told(value: float, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Return a figure with its interval, with a true minus sign.

    >>> told(-1.234, -4.0, 1.5, signed=True), told(5.0, None, None)
    ('−1.23 (−4.00 to +1.50)', '5.00 (no interval)')
    """
    form = "+.2f" if signed else ".2f"
    ends = "no interval" if low is None or high is None else f"{low:{form}} to {high:{form}}"
    return f"{value:{form}} ({ends})".replace("-", "−")


def quoted(text: str) -> str:
    """Return a text as it stands inside a sentence: on one line, cut at 80 letters, in quotes.

    >>> quoted("He sounds\\ncalm.")
    '“He sounds calm.”'
    """
    line = " ".join(text[: 4 * SHORT].split())
    return f"“{line if len(line) <= SHORT else line[: SHORT - 1] + '…'}”"


def shortened(text: str, first: int, last: int) -> str:
    """Return a text with its middle left out: the first and the last so many letters.

    >>> shortened("abcdefghijklmnopqrstuvwxyz", 3, 4), shortened("abcdefghij", 3, 4)
    ('abc … wxyz', 'abcdefghij')
    """
    return text if len(text) <= first + last + 3 else f"{text[:first]} … {text[-last:]}"
