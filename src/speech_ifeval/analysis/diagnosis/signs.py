"""What a reply shows at a glance: it goes round in circles, refuses to listen, or still holds its thoughts.

Each takes time linear in the text, or looks at no more than a stated part of it, and raises on no text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

TIMES = 4  # how often a stretch stands in a row before it is a loop
LEAST_WORDS = 20  # of the whole loop: "no, no, no, no" is none
LEAST_LETTERS = 60  # of a loop without any space
_READ = 20_000  # letters, from the end: a loop is there, and longer than its stretch can sensibly be

_THOUGHT_TAG = re.compile(r"</?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad)>", re.IGNORECASE)

_SOUND = r"(?:audios?|recordings?|sounds?|voices?|speech|clips?)"
_UNABLE = (
    r"\bI(?:'m| am)? (?:can(?:not|'t| not)|unable|not able|not capable|do(?:n't| not) have (?:the ability|access)|"
    r"have no (?:ability|access)|did(?:n't| not) receive|have(?:n't| not) received)"
)
_REFUSAL = re.compile(
    rf"{_UNABLE}\b[^.!?\n]{{0,60}}?\b{_SOUND}\b"
    r"|\bas an? (?:text|AI|language)[ -][^.!?\n]{0,40}?\b(?:model|assistant),? I\b"
    rf"|\bno {_SOUND}(?: file| clip)? (?:is |was |has been )?(?:provided|attached|given|included|uploaded)\b"
    r"|\b(?:please|(?:could|can) you)(?: please)? (?:provide|upload|share|attach|send)\b"
    rf"[^.!?\n]{{0,40}}?\b{_SOUND}\b",
    re.IGNORECASE,
)
_CLOSERS = "\"'”’)]}>.!?*`"


def loop_at_end(text: str) -> str | None:
    """Return the stretch that a text repeats to its end, at least four times in a row; None where it does not.

    Words count, not what stands between them; the repeats have at least 20 words, or, where no space is among
    them, 60 letters. The last word may be broken off. Only the last 20,000 letters are looked at.

    >>> loop_at_end("He said: and then he " + "went on and on " * 6 + "we")
    'went on and on'
    >>> loop_at_end("No, no, no, no."), loop_at_end("ha" * 40)
    (None, 'ha')
    """
    words = text[-_READ:].split()
    if not words:
        return None
    for whole in (words, words[:-1]):
        if (found := _repeated(whole[::-1], LEAST_WORDS)) is not None:
            return " ".join(reversed(found))
    for letters in (words[-1], words[-1].rstrip(_CLOSERS)):
        if len(letters) >= LEAST_LETTERS and (found := _repeated(letters[::-1], LEAST_LETTERS)) is not None:
            return "".join(reversed(found))
    return None


def _repeated(backwards: Sequence[str], least: int) -> Sequence[str] | None:
    """Return what a sequence begins with at least `TIMES` times in a row, over at least `least` members.

    By the prefix function (Knuth, Morris & Pratt 1977): a beginning of n members has the period n minus its
    longest border.
    """
    border = [0] * len(backwards)
    for at in range(1, len(backwards)):
        length = border[at - 1]
        while length and backwards[at] != backwards[length]:
            length = border[length - 1]
        border[at] = length + (backwards[at] == backwards[length])
        n = at + 1
        period = n - border[at]
        if n >= least and period * TIMES <= n:
            return backwards[:period]
    return None


def refusal_in(text: str) -> str | None:
    """Return the words by which a reply says, in English, that it cannot listen; None where it does not.

    >>> refusal_in("I'm sorry, but I can't listen to audio. Please type it.")
    "I can't listen to audio"
    >>> refusal_in("She cannot hear the recording.") is None
    True
    """
    found = _REFUSAL.search(text.replace("’", "'"))
    return None if found is None else found[0]


def thought_tag_in(answer: str) -> str | None:
    """Return a tag of thoughts that is left in an answer, whose leading ``<think>…</think>`` is off already.

    >>> thought_tag_in("<THINKING>He sounds calm.</THINKING> Calm.")
    '<THINKING>'
    """
    found = _THOUGHT_TAG.search(answer)
    return None if found is None else found[0]
