"""A reply's leading thoughts, set apart from its answer."""

from __future__ import annotations

import re
from typing import NamedTuple

_OPEN, _CLOSE = "<think>", "</think>"
_SPACE = re.compile(r"\s*+")


class SplitReply(NamedTuple):
    """`answer` is what constraints are checked on; `thoughts` is None where the reply holds none.

    `closed` is False where the thoughts never end: then there is no answer, and `answer` is empty.
    """

    answer: str
    thoughts: str | None
    closed: bool


def split_thoughts(reply: str) -> SplitReply:
    """Split ``<think>…</think>`` off the front of a reply.

    Only thoughts that lead the reply count, however many; a tag further on, or written otherwise
    (``<THINK>``), is part of the answer. Chat templates that put
    the opening tag into the prompt leave a reply that begins inside its thoughts, so a closing tag without
    an opening one ends thoughts too.

    >>> split_thoughts("<think>Hm.</think>\\n\\nYES")
    SplitReply(answer='YES', thoughts='Hm.', closed=True)
    >>> split_thoughts("<think>Hm. And then").closed
    False
    >>> split_thoughts("YES").thoughts is None
    True
    """
    thoughts: list[str] = []
    at = _after_space(reply, 0)
    if not reply.startswith(_OPEN, at):
        before, close, _ = reply.partition(_CLOSE)
        if not close or _OPEN in before:
            return SplitReply(reply, None, True)
        thoughts.append(before)
        at = _after_space(reply, len(before) + len(_CLOSE))
    while reply.startswith(_OPEN, at):
        start = at + len(_OPEN)
        end = reply.find(_CLOSE, start)
        if end < 0:
            return SplitReply("", "".join([*thoughts, reply[start:]]), False)
        thoughts.append(reply[start:end])
        at = _after_space(reply, end + len(_CLOSE))
    return SplitReply(reply[at:], "".join(thoughts), True)


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
