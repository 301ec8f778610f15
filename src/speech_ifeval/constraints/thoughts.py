"""A reply's leading thoughts, set apart from its answer."""

from __future__ import annotations

from typing import NamedTuple

_OPEN, _CLOSE = "<think>", "</think>"


class SplitReply(NamedTuple):
    """`answer` is what constraints are checked on; `thoughts` is None where the reply holds none.

    `closed` is False where the thoughts never end: then there is no answer, and `answer` is empty.
    """

    answer: str
    thoughts: str | None
    closed: bool


def split_thoughts(reply: str) -> SplitReply:
    """Split ``<think>…</think>`` off the front of a reply.

    Only thoughts that lead the reply count; a tag further on is part of the answer. Chat templates that put
    the opening tag into the prompt leave a reply that begins inside its thoughts, so a closing tag without
    an opening one ends thoughts too.

    >>> split_thoughts("<think>Hm.</think>\\n\\nYES")
    SplitReply(answer='YES', thoughts='Hm.', closed=True)
    >>> split_thoughts("<think>Hm. And then").closed
    False
    >>> split_thoughts("YES").thoughts is None
    True
    """
    start = reply.lstrip()
    opened = start.startswith(_OPEN)
    if not opened and _CLOSE not in reply:
        return SplitReply(reply, None, True)
    body = start[len(_OPEN) :] if opened else reply
    before, close, after = body.partition(_CLOSE)
    if not close:
        return SplitReply("", before, False)
    if not opened and _OPEN in before:
        return SplitReply(reply, None, True)
    return SplitReply(after.lstrip(), before, True)
