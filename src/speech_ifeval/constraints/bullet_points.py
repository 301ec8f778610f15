"""Bullet points (code BP): lines that begin with a mark.

A line ends only at ``\\n``; digits and white space are Unicode's.
"""

from __future__ import annotations

import re
from itertools import islice

from speech_ifeval.constraints.kwargs import Count
from speech_ifeval.constraints.registry import Miss, Verifier, constraint

# Every pattern begins with the newline before the line (one is put before the text), so that a search jumps
# from line to line; white space is taken possessively, so that nothing is read twice.
_STAR = re.compile(r"\n[^\S\n]*+\*(?:[^*\n]|\n[^\n]*+)")
_DASH = re.compile(r"\n[^\S\n]*+-")
_DASH_DOT_DIGIT = re.compile(r"\n[^\S\n]*+[-•\d]")
_ANY = re.compile(r"\n[^\S\n]*+(?:\*[^*]|[-•\d])")
_STAR_OR_DASH = re.compile(r"\n[^\S\n]*+(?:\*[^*]|-)")


def _counted(any_mark: re.Pattern[str], other_marks: re.Pattern[str], text: str, enough: int | None) -> int:
    lines = "\n" + text
    if "*\n" not in lines:
        return sum(1 for _ in islice(any_mark.finditer(lines), enough))
    # A lone "*" takes the line after it along, so that line's own star is not counted; other marks are.
    stars = sum(1 for _ in islice(_STAR.finditer(lines), enough))
    return stars + sum(1 for _ in islice(other_marks.finditer(lines), enough))


def count_bullets(text: str, enough: int | None = None) -> int:
    """Count lines that begin with ``*`` (not ``**``), ``-``, ``•`` or a digit; a literal ``\\n`` is a newline.

    With `enough`, counting may stop at any number that is at least that.

    >>> count_bullets("1. one\\n • two\\n**three**")
    2
    """
    return _counted(_ANY, _DASH_DOT_DIGIT, text.replace("\\n", "\n") if "\\" in text else text, enough)


def count_stars_and_dashes(text: str, enough: int | None = None) -> int:
    """Count lines that begin with ``*`` (not ``**``) or ``-``: IFEval's Markdown bullets.

    >>> count_stars_and_dashes("* one\\n- two\\n3. three")
    2
    """
    return _counted(_STAR_OR_DASH, _DASH, text, enough)


def _why(found: int, expected: int) -> Miss:
    plural = "" if found == 1 else "s"
    near = "off-by-one" if abs(found - expected) == 1 and found else None
    return Miss(f"{found} bullet{plural} instead of {expected}", near)


@constraint("detectable_format:number_bullet_lists", code="BP", rules=("official", "careful"))
def bullets(*, num_bullets: Count) -> Verifier:
    """Exactly `num_bullets` lines begin with `*` (not `**`), `-`, `•` or a digit."""
    return Verifier(
        lambda text: count_bullets(text, num_bullets + 1) == num_bullets,
        lambda text: _why(count_bullets(text), num_bullets),
    )


@constraint("detectable_format:number_bullet_lists", code="BP", rules=("ifeval",))
def markdown_bullets(*, num_bullets: Count) -> Verifier:
    """Exactly `num_bullets` lines begin with `*` (not `**`) or `-`."""
    return Verifier(
        lambda text: count_stars_and_dashes(text, num_bullets + 1) == num_bullets,
        lambda text: _why(count_stars_and_dashes(text), num_bullets),
    )
