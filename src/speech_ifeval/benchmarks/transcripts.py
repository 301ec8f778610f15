"""What the reference system reads instead of the audio: metadata against the label, and broken transcripts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.benchmarks.finding import Defect, Question, shortened

_GENDERS = {"man": "male", "male": "male", "woman": "female", "female": "female"}
# fmt: off
_EMOTIONS = frozenset((
    "neutral", "calm", "happy", "happiness", "joy", "sad", "sadness", "angry", "anger", "fearful", "fear",
    "surprised", "surprise", "disgusted", "disgust",
))
# fmt: on
_GENDER = re.compile(r"Gender:\s*(\w+)", re.IGNORECASE)
_EMOTION = re.compile(r"Emotion:\s*(\w+)", re.IGNORECASE)
_META = re.compile(r"\[[\d:. -]+\]|\((?:Gender|Emotion):[^)]*\)")

# Speech does not say at most four different words in any twenty; a recogniser caught in a loop does.
LOOP_WINDOW = 20
LOOP_WORDS = 4


def find_transcript_defects(questions: Sequence[Question]) -> Iterator[Defect]:
    """Yield questions whose transcript misleads the reference system."""
    for question in questions:
        transcript = question.item.transcript
        if transcript is not None:
            yield from _metadata_defects(question, transcript)
            word = looping_word(_META.sub(" ", transcript))
            if word is not None:
                yield question.defect(
                    "transcript-degenerate",
                    "warning",
                    f"{transcript.count(word)} times {word!r} in {shortened(transcript, 60)}",
                    "what is said in the clip",
                    "the reference system cannot know what is said",
                )
        elif any(other.item.transcript is not None for other in questions):
            yield question.defect(
                "transcript-missing",
                "warning",
                "no transcript",
                "a transcript, as other items have",
                "no reference",
            )
        yield from _replacement_defects(question)
    yield from _differing_transcripts(questions)


def _metadata_defects(question: Question, transcript: str) -> Iterator[Defect]:
    label = (question.item.label or "").strip().casefold()
    options = {option.strip().casefold() for option in options_of(question.stem)}
    note = "the reference system is told the wrong answer, which caps it"
    if label in _GENDERS and options <= _GENDERS.keys():
        stated = {value.casefold() for value in _GENDER.findall(transcript)}
        if stated and _GENDERS[label] not in {_GENDERS.get(value, value) for value in stated}:
            found = f"Gender: {', '.join(sorted(stated))}"
            yield question.defect("gender-contradicts-label", "warning", found, f"the label {label!r}", note)
    if label in _EMOTIONS and options <= _EMOTIONS:
        stated = {value.casefold() for value in _EMOTION.findall(transcript)}
        if stated and label not in stated:
            found = f"Emotion: {', '.join(sorted(stated))}"
            yield question.defect("emotion-contradicts-label", "warning", found, f"the label {label!r}", note)


def looping_word(text: str) -> str | None:
    """Return the commonest word of a stretch that repeats itself, None where no stretch does.

    >>> looping_word("so " * 40), looping_word("Every word of this is a different one.")
    ('so', None)
    """
    words = text.split()
    counts: dict[str, int] = defaultdict(int)
    for at, word in enumerate(words):
        counts[word] += 1
        if at >= LOOP_WINDOW:
            gone = words[at - LOOP_WINDOW]
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
        if at >= LOOP_WINDOW - 1 and len(counts) <= LOOP_WORDS:
            return max(counts, key=counts.__getitem__)
    return None


def _replacement_defects(question: Question) -> Iterator[Defect]:
    item = question.item
    fields = {"instruction": item.instruction, "transcript": item.transcript or "", "label": item.label or ""}
    for name, text in fields.items():
        if "\ufffd" in text:
            at = text.index("\ufffd")
            around = text[max(0, at - 20) : at + 20]
            yield question.defect(
                "replacement-character",
                "warning",
                f"U+FFFD in the {name}: {around!r}",
                "the characters that were lost",
                "the text went through a wrong decoding",
            )


def _differing_transcripts(questions: Iterable[Question]) -> Iterator[Defect]:
    read: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if question.item.transcript is not None:
            read[question.item.clip].append(question)
    for clip, same in read.items():
        others = [question for question in same if question.item.transcript != same[0].item.transcript]
        if others:
            ids = (same[0].item.id, *(question.item.id for question in others))
            found = f"{1 + len({question.item.transcript for question in others})} transcripts of {clip}"
            yield Defect("transcripts-differ", "warning", ids, same[0].place, found, "one transcript for one clip")
