"""What one reply does, read off its text: names an option, says its instruction over, or says nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from speech_ifeval.benchmarks.numbers_in_words import value_of
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.metrics.answers import WordEdits
from speech_ifeval.records import Item

ECHO_WORDS = 6  # the shortest stretch of an instruction that nobody says over by chance

# A quotation is what the reply may have to contain: an option, a phrase to end with. Single quotes are also
# apostrophes, so they count only where no letter touches them from outside.
_STRETCH_ENDS = re.compile(
    r"""[.?!:;\n]|"[^"\n]*"|“[^”\n]*”|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)‘[^’\n]*’(?!\w)|\*\*[^*\n]*\*\*"""
)
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_NO_WORD = re.compile(r"[\W_]+")
_ANSWER = re.compile(r"\banswer\b", re.IGNORECASE)
_ANSWER_IS = re.compile(r" answer (?:is )?(?=\S)")


def plain_words(text: str) -> str:
    """Return a text's words between single spaces: neither case, apostrophes nor any other mark counts.

    >>> plain_words("Don’t!  he\\nsaid—twice")
    'dont he said twice'
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", _APOSTROPHES.sub("", plain)).strip()


def answer_in(reply: str) -> str:
    """Return a reply without its thoughts; ``""`` where nothing else is left.

    >>> answer_in("<think>He sounds calm.</think> Calm.").strip()
    'Calm.'
    """
    return split_thoughts(reply).answer


def named_options(reply: str, options: Iterable[str]) -> frozenset[str]:
    """Return the options that a reply names, as plain words; numbers count in digits and in words.

    An option that only stands inside a longer one named is not named itself. Where several are named and the reply
    says which is its answer, those after the last such word count.

    >>> sorted(named_options('Not "a cook": the answer is a pilot.', ("a cook", "a pilot")))
    ['a pilot']
    >>> sorted(named_options('{"count": 9}', ("nine", "ninety"))), sorted(named_options("Who knows?", ("yes",)))
    (['9'], [])
    """
    plain = sorted({_plain(option) for option in options} - {""}, key=lambda option: (-len(option), option))
    named = _named(_plain(reply), plain)
    if len(named) > 1:
        *_, last = _ANSWER.split(reply)
        named = _named(_plain(last), plain) or named
    return frozenset(named)


def announced_option(reply: str, options: Iterable[str]) -> str | None:
    """Return the option, as plain words, that stands right after the reply's last "answer" or "answer is".

    >>> announced_option('The correct answer is: "A pilot." No cook would fly.', ("a cook", "a pilot"))
    'a pilot'
    >>> announced_option("My answer is not a cook.", ("a cook", "a pilot")) is None
    True
    """
    _, *after = _ANSWER_IS.split(f" {_plain(reply)} ")
    plain = sorted({_plain(option) for option in options} - {""}, key=lambda option: (-len(option), option))
    return next((option for option in plain if after and after[-1].startswith(f"{option} ")), None)


def same_option(first: str, second: str) -> bool:
    """Whether two texts are one option: the same words, numbers in digits or in words.

    >>> same_option("Nine.", "9"), same_option("a pilot", "a cook")
    (True, False)
    """
    return _plain(first) == _plain(second)


def _named(words: str, options: Sequence[str]) -> set[str]:
    left, found = f" {words} ", set()
    for option in options:
        if f" {option} " in left:
            found.add(option)
            left = left.replace(f" {option} ", " | ")
    return found


def _plain(text: str) -> str:
    values = ((word, value_of(word)) for word in plain_words(text).split())
    return " ".join(word if value is None else str(value) for word, value in values)


def echoes(item: Item, reply: str) -> bool:
    """Whether the reply says a whole stretch of its instruction over, word for word.

    A stretch is what stands between two marks ``. ? ! : ;``, line ends or quotations, and has at least six
    words. Quotations are left out, and what the constraint itself demands: those a reply may have to hold.

    >>> asked = 'Write down what the speaker says. End with "That is all there is to it."'
    >>> item = Item("a", "closed-ended", asked, "a.wav", "asr")
    >>> echoes(item, "I will write down what the speaker says."), echoes(item, "That is all there is to it.")
    (True, False)
    """
    said = f" {plain_words(reply)} "
    return any(f" {stretch} " in said for stretch in _stretches(item))


def _stretches(item: Item) -> Iterable[str]:
    demanded = " | ".join(
        plain_words(part)
        for constraint in item.constraints
        for value in constraint.kwargs.values()
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, str)
    )
    for stretch in _STRETCH_ENDS.split(item.instruction):
        words = plain_words(stretch)
        if words.count(" ") >= ECHO_WORDS - 1 and words not in demanded:
            yield words


def beyond(edits: WordEdits, times: float) -> bool:
    """Whether a transcript has more words inserted than so many times the words that were said.

    >>> beyond(WordEdits(hits=4, substitutions=0, deletions=0, insertions=3), times=0.5)
    True
    """
    return edits.insertions > times * edits.words
