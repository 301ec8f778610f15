"""How figures are written: the same in the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from speech_ifeval.results import Difference, Estimate, Rate, Summary

NONE = "–"
TITLES = {
    "closed-ended": "Closed-ended",
    "creative-writing": "Creative writing",
    "chain-of-thought": "Chain of thought",
}
CODE_TITLES = {
    "CC": "change case",
    "SE": "start, end",
    "WR": "wrap",
    "JS": "JSON",
    "BP": "bullet points",
    "KW": "keywords",
    "LN": "length",
    "CoT": "chain of thought",
}
SIGNIFICANT = 0.05
_WEAKEST = 2  # codes named as the weakest


def visible(text: str) -> str:
    r"""Write control characters as escapes, line ends too: names and replies must not steer a terminal.

    >>> visible("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def number(value: float | None, signed: bool = False) -> str:
    """A figure with two decimals and a true minus sign.

    >>> number(-3.567), number(2.0, signed=True), number(None)
    ('−3.57', '+2.00', '–')
    """
    if value is None:
        return NONE
    return f"{value:+.2f}".replace("-", "−") if signed else f"{value:.2f}".replace("-", "−")


def span(low: float | None, high: float | None, signed: bool = False) -> str:
    """An interval.

    >>> span(81.2, 85.94)
    '81.20 to 85.94'
    """
    return NONE if low is None or high is None else f"{number(low, signed)} to {number(high, signed)}"


def p_value(p: float) -> str:
    """A p-value as papers write it.

    >>> p_value(0.0000012), p_value(0.0471)
    ('<0.001', '0.047')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def of(estimate: Estimate | Rate, signed: bool = False) -> tuple[str, str]:
    """A figure and its interval as two cells."""
    value = estimate.rate if isinstance(estimate, Rate) else estimate.value
    return number(value, signed), span(estimate.low, estimate.high, signed)


def change_cells(change: Difference | None) -> list[str]:
    """A paired difference, its interval and its p-value as three cells."""
    if change is None:
        return [NONE] * 3
    p = NONE if change.p is None else p_value(change.p)
    return [number(change.value, signed=True), span(change.low, change.high, signed=True), p]


def lora_cell(sorts: Sequence[Mapping[str, Any]]) -> str:
    """How LoRA layers scale: factor, α and r, which never stand alone.

    >>> lora_cell([{"factor": 0.5, "alpha": 32, "r": 8, "rslora": False, "scale": 2.0, "layers": 10}])
    '0.5 · 32 / 8'
    """
    shown = {f"{one['factor']:g} · {one['alpha']:g} / {'√' * bool(one['rslora'])}{one['r']}" for one in sorts}
    return "; ".join(sorted(shown)) or NONE


def weakest_codes(summary: Summary) -> list[str]:
    """Name the weakest codes: those whose interval lies below the rate over all items.

    Where more than two do, the lowest two.
    """
    overall = summary.items.rate
    if overall is None:
        return []
    low = [
        (rate.rate, code)
        for code, rate in summary.codes.items()
        if rate.rate is not None and rate.high is not None and rate.high < overall
    ]
    return [code for _, code in sorted(low)[:_WEAKEST]]


def lost_codes(summary: Summary) -> list[str]:
    """Name the codes followed significantly less often than by the reference (McNemar, Holm over the codes)."""
    return [
        code for code, test in summary.code_tests.items() if test.p_holm < SIGNIFICANT and test.lost > test.gained
    ]


_EXPOSURES = {
    "wording": "in words it was trained on",
    "id": "of a trained id in other words",
    "none": "not trained on",
}


def contamination_sentences(summary: Summary) -> Iterator[str]:
    """Yield what the model was trained on of what it was asked, and rates with and without, where it is known."""
    found = summary.contamination
    if found is None:
        return
    if not found.contaminated:
        yield (
            f"Not contaminated: none of {found.items} items demands what record {visible(found.record)} was "
            "trained on."
        )
        return
    parts = [
        f"{_EXPOSURES[kind]} {number(rate.rate)} % ({span(rate.low, rate.high)}; {rate.n} items)"
        for kind, rate in found.rates.items()
    ]
    yield (
        f"Contaminated: {found.contaminated} of {found.items} items demand what the model was trained on (record "
        f"{visible(found.record)}). Followed: {', '.join(parts)}."
    )


def findings(summary: Summary) -> Iterator[str]:
    """Yield the sentences that stand below the tables."""
    yield from contamination_sentences(summary)
    weakest = weakest_codes(summary)
    if weakest:
        named = " and ".join(
            f"{code} ({CODE_TITLES[code]}, {number(summary.codes[code].rate)} %)" for code in weakest
        )
        yield f"Weakest: {named}."
    lost = lost_codes(summary)
    if lost:
        yield f"Lost against the reference (McNemar, Holm over the codes, p < {SIGNIFICANT}): {', '.join(lost)}."
    for near_miss, count in list(summary.near_misses.items())[:3]:
        yield f"Near misses: {count} × {visible(near_miss)}."
    flips = summary.other_rules["flips"]
    if flips:
        pairs = "1 verdict" if flips == 1 else f"{flips} verdicts"
        yield f"The rule set {summary.other_rules['rules']} would flip {pairs}."
    for reason, count in summary.unscored.items():
        yield f"Unscored: {count} × {visible(reason)}."
    replies = summary.replies
    if replies.get("truncated"):
        yield f"Cut off at the token limit: {replies['truncated']} replies."
    if replies.get("audio_cut"):
        yield f"Only the beginning of the clip was heard: {replies['audio_cut']} replies."
    if replies.get("unclosed_thoughts"):
        yield f"Thoughts that never end: {replies['unclosed_thoughts']} replies, which follow no rule."
    for note in summary.notes:
        yield f"{note[0].upper()}{note[1:]}."
