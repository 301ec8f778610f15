"""``heuristic``: rules of thumb, with no network and no model (docs/judge-agreement.md: how far they agree)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.benchmarks.numbers_in_words import value_of
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING, NOT_IN_REPLY, is_substring, normal_words
from speech_ifeval.judges.interface import Judge, Question, unscored
from speech_ifeval.judges.registry import Setup, judge_kind
from speech_ifeval.records import Judgement

LABEL = "heuristic-1"  # the number counts the changes to the rules

REASONING_WORDS = 30  # fewer words answer, they do not argue
REASONING_SENTENCES = 6
REASONING_SIGNS = 2  # steps, or grounds
ANSWER_LETTERS = 40  # how far an answer stands from the word that announces it
_STEP = re.compile(r"^[ \t]*(?:[-*•]|\d+[.):]|#+|\*\*|step \d+)", re.IGNORECASE | re.MULTILINE)
_GROUND = re.compile(
    r"\b(?:because|since|therefore|thus|hence|so|suggests?|implies|indicates?|means that|based on|which is|let's|"
    r"first|next|then|finally|step|analy[sz]e|consider|conclude)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?:](?:\s|$)|\n")

_SETTLES = re.compile(
    r"\b(?:answer|conclusion|conclude|therefore|overall|thus|identified as|classif(?:y|ied) as|likely|would be|"
    r"there are|there is|is)\b"
)
_LIST_NUMBER = re.compile(r"^[ \t]*\d+[.):]|\(\d+\)", re.MULTILINE)
_SAME = [
    frozenset({"male", "man", "masculine", "boy"}),
    frozenset({"female", "woman", "feminine", "girl"}),
    frozenset({"happy", "happiness", "joy", "joyful"}),
    frozenset({"sad", "sadness"}),
    frozenset({"angry", "anger"}),
    frozenset({"neutral", "neutrality"}),
]

_FENCE = re.compile(r"^\s*```\w*\n?|```\s*$")
_TITLE = re.compile(r"<<[^<>]*>>")
_QUOTED = re.compile(r'["“]([^"“”]+)["”]')
_OPENING, _CLOSING = tuple('"“'), tuple('"”')
_LABELLED = re.compile(r"^[^\n\"“:]{0,120}:\s*")


@judge_kind("heuristic")
def open_heuristic(target: str, setup: Setup) -> Judge:
    """Rules of thumb: signs of steps and grounds, the option a reply settles on, what stands between quotes."""
    return _Heuristic()


class _Heuristic(Judge):
    label = LABEL

    def judge(self, questions: Iterable[Question]) -> Iterator[Judgement]:
        for one in questions:
            if one.use == "transcript":
                yield _with_transcript(one)
                continue
            if one.use == "reasoning":
                verdict: bool | None = reasons(one.reply)
            else:
                verdict = agrees(one.reply, one.label or "", options_of(one.question))
            yield Judgement(one.item, one.use, verdict, one.reply_hash, None)


def _with_transcript(one: Question) -> Judgement:
    found = transcript_in(one.reply)
    if not is_substring(found, one.reply):
        return unscored(one, NOT_IN_REPLY, flags=(NOT_A_SUBSTRING,))
    return Judgement(one.item, one.use, None, one.reply_hash, None, extracted=found)


def reasons(reply: str) -> bool:
    """Whether a reply looks as if it worked towards its answer: long enough, in steps or with grounds.

    >>> reasons("A pilot.")
    False
    """
    if len(normal_words(reply).split()) < REASONING_WORDS:
        return False
    steps = len(_STEP.findall(reply))
    signs = max(steps, len(_GROUND.findall(reply)))
    return signs >= REASONING_SIGNS or len(_SENTENCE_END.findall(reply)) >= REASONING_SENTENCES


def agrees(reply: str, label: str, options: Sequence[str]) -> bool:
    """Whether the option that a reply settles on, the last one it names as its answer, is the label.

    >>> agrees("The speaker is a woman.", "female", ("male", "female"))
    True
    >>> agrees("Not male: the answer is female.", "male", ("male", "female"))
    False
    """
    named = {option: _forms(option) for option in dict.fromkeys([*options, label])}
    mine = named[label]
    lines = [normal_words(line) for line in reply.splitlines() if normal_words(line)]
    for line in (lines[-1:] + lines[:1]) if lines else ():  # an answer that stands alone
        alone = [forms for forms in named.values() if line in forms]
        if alone:
            return any(forms & mine for forms in alone)
    words = f" {normal_words(_LIST_NUMBER.sub(' ', reply))} "
    # The longest first: an option inside a longer one is not named itself.
    forms = sorted({form for option in named.values() for form in option if form}, key=lambda form: -len(form))
    places = list(re.finditer(rf"(?<= )(?:{'|'.join(map(re.escape, forms))})(?= )", words)) if forms else []
    if not places:
        return False
    if len({match[0] for match in places}) == 1:
        return places[0][0] in mine
    return _settled_on(places, [match.end() for match in _SETTLES.finditer(words)]) in mine


def _settled_on(places: Sequence[re.Match[str]], answers: Sequence[int]) -> str:
    """The option named right after the last word that announces an answer, else the last one named."""
    starts = [match.start() for match in places]
    for at in reversed(answers):
        next_one = bisect_left(starts, at)
        if next_one < len(starts) and starts[next_one] <= at + ANSWER_LETTERS:
            return places[next_one][0]
    return places[-1][0]


def _forms(option: str) -> frozenset[str]:
    words = normal_words(option)
    for same in _SAME:
        if words in same:
            return same
    value = value_of(words)
    return frozenset({words} | ({str(value)} if value is not None else set()))


def transcript_in(reply: str) -> str:
    """Return what looks like the transcript in a reply: its longest quotation, or what follows an introduction.

    >>> transcript_in('Here is the transcript:\\n\\n"Hello there."')
    'Hello there.'
    >>> transcript_in('{"text": "hello there"}')
    'hello there'
    """
    text = _FENCE.sub("", reply).strip()
    inside = _in_json(text)
    if inside is not None:
        return inside
    text = _TITLE.sub("", text).strip() or text
    for paragraph in re.split(r"\n\s*\n", text):
        whole = _LABELLED.sub("", paragraph).strip()
        if len(whole) > 2 and whole[0] in _OPENING and whole[-1] in _CLOSING:
            return whole[1:-1]
    if text[0:1] in _OPENING:  # it begins with direct speech
        return _longest(text)
    quoted = max(_QUOTED.findall(text), key=len, default="")
    if len(quoted) * 2 > len(text) or len(quoted.split()) > 4:
        return str(quoted)
    return _longest(_LABELLED.sub("", text))


def _longest(text: str) -> str:
    return max(re.split(r"\n\s*\n", text.strip()), key=len).strip()


def _in_json(text: str) -> str | None:
    """The longest text in a JSON document, or all of them in a row where each is a word."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    if not isinstance(document, dict | list):
        return document if isinstance(document, str) else None
    texts = [one for one in _texts(document) if one]
    if len(texts) > 1 and all(len(one.split()) == 1 for one in texts):
        return " ".join(texts)
    return max(texts, key=len, default="")


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    for part in (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    ):
        yield from _texts(part)
