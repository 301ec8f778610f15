"""IFEval's loose pass: forgive a first or last line around the answer, and Markdown asterisks."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def trimmings(text: str) -> Iterator[str]:
    """Yield the eight readings of the loose pass: each of four line cuts, as it is and without ``*``.

    Source: arXiv 2311.07911, section 2.2 ("loose" accuracy).

    >>> list(trimmings("Sure!\\n**yes**"))[:4]
    ['Sure!\\n**yes**', 'Sure!\\nyes', '**yes**', 'yes']
    """
    lines = text.split("\n")
    for cut in (
        text,
        "\n".join(lines[1:]).strip(),
        "\n".join(lines[:-1]).strip(),
        "\n".join(lines[1:-1]).strip(),
    ):
        yield cut
        yield cut.replace("*", "")


def loosened(check: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a check that is met when any of the eight readings meets `check`.

    >>> loosened(str.isupper)("Sure!\\nYES")
    True
    """
    return lambda text: any(map(check, trimmings(text)))
