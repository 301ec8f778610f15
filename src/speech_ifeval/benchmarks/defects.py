"""What is wrong with a benchmark's data, found by rules and reported, never repaired silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from speech_ifeval.benchmarks.answers import find_answer_defects
from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.finding import SEVERITIES, Defect, Question, questions_of
from speech_ifeval.benchmarks.transcripts import find_transcript_defects
from speech_ifeval.benchmarks.wording import find_wording_defects
from speech_ifeval.errors import UsageError

ENGLISH = "en"
UNANSWERABLE_KINDS = ("options-pasted", "label-not-offered")

Check = Callable[[Sequence[Question]], Iterator[Defect]]


def find_defects(benchmark: Benchmark, audio_root: Path | None = None) -> list[Defect]:
    """Return the defects of a benchmark: errors first, then warnings and notes, each in the items' order.

    Args:
        benchmark: as `load_benchmark` returns it.
        audio_root: the folder that the clips' paths are relative to; missing files become one line. The
            audio is not looked for where it is None.

    Raises:
        UsageError: `audio_root` is no folder.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> find_defects(load_benchmark("example"))
    []
    """
    questions = list(questions_of(benchmark))
    checks: tuple[Check, ...] = (find_answer_defects, find_transcript_defects, _collection)
    found = list(chain.from_iterable(check(questions) for check in checks))
    found.extend(find_wording_defects(questions, in_english=benchmark.language in (None, ENGLISH)))
    if audio_root is not None:
        found.extend(_missing_audio(benchmark, Path(audio_root)))
    order = {item.id: index for index, item in enumerate(benchmark.items)}

    def rank(defect: Defect) -> tuple[int, str, int]:
        return SEVERITIES.index(defect.severity), defect.kind, order[defect.items[0]] if defect.items else -1

    return sorted(found, key=rank)


def unanswerable(benchmark: Benchmark) -> frozenset[str]:
    """Return the ids of items and twins that no answer can get right: the label is not among the options.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> sorted(unanswerable(load_benchmark("example")))
    []
    """
    found = find_answer_defects(list(questions_of(benchmark)))
    return frozenset(id for defect in found if defect.kind in UNANSWERABLE_KINDS for id in defect.items)


def _collection(questions: Sequence[Question]) -> Iterator[Defect]:
    """Yield what only shows when the items are seen together."""
    yield from _missing_twins(questions)
    asked: dict[tuple[str, str, str], list[Question]] = defaultdict(list)
    for question in questions:
        asked[question.item.category, question.item.instruction, question.item.clip].append(question)
    for same in asked.values():
        if len(same) > 1:
            ids = tuple(question.item.id for question in same)
            found = f"{len(same)} times the same instruction about {same[0].item.clip}"
            yield Defect(
                "item-doubled", "warning", ids, same[0].place, found, "once", "it counts twice in every rate"
            )
    shared: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    first: dict[str, Question] = {}
    for question in questions:
        if question.item.label is None:
            shared[question.item.category][question.item.instruction].add(question.item.clip)
            first.setdefault(question.item.category, question)
    for category, clips in shared.items():
        repeated = sum(len(about) > 1 for about in clips.values())
        if repeated:
            yield Defect(
                "instruction-shared",
                "note",
                (),
                first[category].place.partition(":")[0],
                f"{repeated} of {len(clips)} instructions of {category} are asked about several clips",
                "nothing; this is information",
                "its items are less independent than their number suggests",
            )


def _missing_twins(questions: Sequence[Question]) -> Iterator[Defect]:
    closed = [question for question in questions if question.item.category == "closed-ended"]
    alone = [question for question in closed if question.twin is None]
    expected = "the same question without its constraint"
    note = "what the constraint costs the answer itself cannot be measured"
    if closed and len(alone) == len(closed):
        file = closed[0].place.partition(":")[0]
        yield Defect("twin-missing", "note", (), file, f"no twin for any of {len(closed)} items", expected, note)
        return
    for question in alone:
        yield question.defect("twin-missing", "warning", "no twin, as other items have", expected, note)


def _missing_audio(benchmark: Benchmark, root: Path) -> Iterator[Defect]:
    if not root.is_dir():
        raise UsageError(
            f"the audio folder {str(root)!r} is no folder: expected the one that clips are relative to"
        )
    clips = list(dict.fromkeys(item.clip for item in benchmark.items))
    missing = [clip for clip in clips if not (root / clip).is_file()]
    if missing:
        found = f"{len(missing)} of {len(clips)} clips are not in {root}, the first one {missing[0]}"
        note = "generating replies needs them; scoring recorded replies does not"
        yield Defect("audio-missing", "warning", (), "", found, "every clip that an item names", note)
