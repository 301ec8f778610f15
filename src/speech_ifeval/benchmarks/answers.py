"""Can the question be answered as it is labelled? Options, labels, and what the transcript says of them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from speech_ifeval.benchmarks.finding import Defect, Question, shortened
from speech_ifeval.benchmarks.numbers_in_words import value_of

_CHOOSE = re.compile(
    r"(?:(?P<before>\S)\s+|^\s*)Choose (?:the|your|an|one) (?:correct )?(?:answer|option)s? from\b:?(?P<rest>.*)"
)
_QUOTED_OPTION = re.compile(r'"([^"]*)"')
_CATEGORIES = re.compile(r"(?:categories|options|choices|emotions|labels): (?P<rest>[^.\n]+)", re.IGNORECASE)
_LIST_SEPARATOR = re.compile(r" ?, ?(?:(?:and|or) )?| (?:and|or) ")

_FIRST_WORD = re.compile(r"which word (?:appears|occurs|comes|is said|is spoken) first", re.IGNORECASE)
_HOW_OFTEN = re.compile(
    r"how (?:many times|often) does the word ['\"‘“]([^'\"’”]+)['\"’”] (?:appear|occur)", re.IGNORECASE
)
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_STAMP = re.compile(r"\[[\d:. -]+\]|\((?:Gender|Emotion):[^)]*\)")


def options_of(question: str) -> tuple[str, ...]:
    """Return the options a question offers, as they are written; none where it offers none.

    >>> options_of('Who speaks? Choose the answer from "a pilot", "a cook" or "a nurse".')
    ('a pilot', 'a cook', 'a nurse')
    >>> options_of("Answer with one of these categories: calm, cross, and glad.")
    ('calm', 'cross', 'glad')
    """
    if match := _CHOOSE.search(question):
        return tuple(_QUOTED_OPTION.findall(match["rest"]))
    if match := _CATEGORIES.search(question):
        return tuple(option for option in _LIST_SEPARATOR.split(" ".join(match["rest"].split())) if option)
    return ()


def find_answer_defects(questions: Sequence[Question]) -> Iterator[Defect]:
    """Yield questions whose options, label and transcript do not fit together."""
    offered = {question.item.id: options_of(question.stem) for question in questions}
    answerable: dict[str, str] = {}
    for question in questions:
        label = question.item.label
        if label is not None and label in offered[question.item.id]:
            answerable.setdefault(question.stem, question.item.id)
    for question in questions:
        options, label = offered[question.item.id], question.item.label
        if label is not None and options and label not in options:
            yield _unanswerable(question, options, label, answerable.get(question.stem))
        doubled = [option for option, times in Counter(options).items() if times > 1]
        if doubled:
            yield question.defect(
                "options-doubled",
                "warning",
                f"{', '.join(map(repr, doubled))} twice among {', '.join(map(repr, options))}",
                f"{len(options)} different options",
                "guessing is easier than for other questions",
            )
        if label is not None and label != label.strip():
            yield question.defect(
                "label-space", "warning", repr(label), repr(label.strip()), "an exact comparison fails"
            )
        match = _CHOOSE.search(question.stem)
        if match and match["before"] and (match["before"].isalnum() or match["before"] in "\"')"):
            before = question.stem[: match.end("before")]
            yield question.defect(
                "separator-missing",
                "note",
                f"…{before[-30:]} Choose…",
                "a mark such as . or ? or : before 'Choose'",
                "question and options run into each other",
            )
        yield from _contradicted(question, options)
    yield from _two_labels(questions)


def _unanswerable(question: Question, options: tuple[str, ...], label: str, other: str | None) -> Defect:
    found = f"the label {shortened(label)}, the options {', '.join(map(repr, options))}"
    if any(label.strip().casefold() == option.strip().casefold() for option in options):
        return question.defect(
            "label-spelled-otherwise",
            "warning",
            found,
            "the label exactly as its option",
            "an exact comparison fails",
        )
    if other is not None:
        note = f"question and options are those of {other}; no model can be right"
        return question.defect("options-pasted", "error", found, "the label's own question and options", note)
    return question.defect(
        "label-not-offered", "error", found, "a label among the options", "no model can be right"
    )


def _contradicted(question: Question, options: tuple[str, ...]) -> Iterator[Defect]:
    """Compare the label with the transcript where the answer can be counted out."""
    label, transcript = question.item.label, question.item.transcript
    if label is None or transcript is None:
        return
    note = "one of them is wrong, and the reference system reads the transcript"
    spoken = _STAMP.sub(" ", transcript)
    if match := _HOW_OFTEN.search(question.stem):
        times, labelled = sum(match[1].casefold() in forms for forms in _forms(spoken)), value_of(label)
        if labelled is not None and labelled != times:
            found = f"{match[1]!r} {times} times in {shortened(spoken.strip())}"
            yield question.defect("transcript-contradicts-label", "warning", found, f"the label {label!r}", note)
    elif _FIRST_WORD.search(question.stem) and label in options:
        words = _forms(spoken)
        first = {
            option: next((at for at, forms in enumerate(words) if option.casefold() in forms), None)
            for option in options
        }
        known = {option: at for option, at in first.items() if at is not None}
        if len(known) == len(options) and min(known, key=known.__getitem__) != label:
            found = f"{min(known, key=known.__getitem__)!r} comes first in {shortened(spoken.strip())}"
            yield question.defect("transcript-contradicts-label", "warning", found, f"the label {label!r}", note)


def _forms(text: str) -> list[frozenset[str]]:
    """Return each word of a text in the spellings that count as the same: it's, its, it."""
    words = _WORD.findall(text.casefold().replace("’", "'"))
    return [frozenset((word, word.replace("'", ""), word.partition("'")[0])) for word in words]


def _two_labels(questions: Iterable[Question]) -> Iterator[Defect]:
    asked: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in questions:
        if question.item.label is not None:
            asked[question.item.clip, question.stem].append(question)
    for same in asked.values():
        labels = {question.item.label for question in same}
        if len(labels) > 1:
            ids = tuple(id for question in same for id in question.ids)
            found = ", ".join(sorted(map(repr, labels)))
            expected = "one label for one question about one clip"
            yield Defect("labels-contradict", "error", ids, same[0].place, found, expected, "one of them is wrong")
