"""Two different replies in one."""

from __future__ import annotations

import re

from speech_ifeval.constraints.registry import Miss, Verifier, constraint

_SEPARATOR = "******"
_OTHER_SEPARATOR = re.compile(r"(?<![*_=-])(?:\*{3,}|-{3,}|_{3,}|={3,})(?![*_=-])")


@constraint("combination:two_responses")
def two_responses() -> Verifier:
    """Two replies that differ, with six asterisks between them; a separator may also open or close the text.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("combination:two_responses")
    >>> check.check("Tea.\\n******\\nCoffee."), check.explain("Tea.\\n***\\nCoffee.").near_miss
    (True, 'other-separator')
    """

    def check(text: str) -> bool:
        pieces = text.split(_SEPARATOR)
        # At most two replies and an empty piece at either end: longer lists need not be looked through.
        if not 2 <= len(pieces) <= 4:
            return False
        stripped = [piece.strip() for piece in pieces]
        if not all(stripped[1:-1]):
            return False
        replies = list(filter(None, stripped))
        return len(replies) == 2 and replies[0] != replies[1]

    def why(text: str) -> Miss:
        pieces = [piece.strip() for piece in text.split(_SEPARATOR)]
        replies = list(filter(None, pieces))
        if not all(pieces[1:-1]):
            return Miss(f"an empty reply between two separators {_SEPARATOR}", "empty-reply-between")
        if len(replies) == 2:
            return Miss("the two replies are the same", "same-reply")
        if len(replies) == 1:
            other = _OTHER_SEPARATOR.search(text.replace(_SEPARATOR, ""))
            if other:
                return Miss(f"separated by {other[0][:20]} instead of {_SEPARATOR}", "other-separator")
        found = f"{len(replies)} repl{'y' if len(replies) == 1 else 'ies'} instead of 2"
        return Miss(found, "off-by-one" if len(replies) == 3 else None)

    return Verifier(check, why)
