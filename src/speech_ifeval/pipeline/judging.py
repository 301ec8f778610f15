"""Which judge decides what rules cannot, what it is asked, and how what it says is kept.

Recorded replies beside the responses, or those that are named, are replayed. A judge that is asked is asked about
what the run directory does not hold yet; each judgement is written as it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.errors import MismatchError, ModelError, SpeechIFEvalError, UsageError
from speech_ifeval.judges import (
    CALL_FAILED,
    Cost,
    Judge,
    Judged,
    Judgements,
    Question,
    judge_of,
    no_judge,
    replay,
    reply_hash,
    use_of,
)
from speech_ifeval.judges.replay import KEPT, kept_in, read_judge, read_kept, recorded_at, seal, unedited
from speech_ifeval.judges.wording import CUT_OFF, UNREADABLE
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.judge_variance import JudgeVariance, Z, judge_variance
from speech_ifeval.models import Model
from speech_ifeval.models.recorded import Intake
from speech_ifeval.models.replaying import ReplayModel
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item, Judgement, Response
from speech_ifeval.runs import appender, write_lines

NO_JUDGE = "none"
REPLAY = "replay"
EMPTY = "the reply is empty"

Confirm = Callable[[Judge, Cost], None]
Progress = Callable[[int, int], None]


def is_asked(wanted: str | None) -> bool:
    """Whether a judge of this specification is asked, rather than replayed or not there.

    >>> is_asked("openai:gpt-4o-2024-11-20"), is_asked("replay:reports"), is_asked(None)
    (True, False, False)
    """
    return wanted is not None and wanted != NO_JUDGE and wanted.partition(":")[0] != REPLAY


def choose_judge(wanted: str | None, intake: Intake, benchmark: Benchmark) -> Judged:
    """Return what a judge has said already.

    Args:
        wanted: None replays what lies beside the responses (``reports/``, and ``judgements.….jsonl`` of run
            directories), ``none`` uses no judge, ``replay:PATH`` replays a file or folder.
        intake: the responses, and where they came from.
        benchmark: what they answer.

    Raises:
        UsageError: another value, a path without judge replies, or a run directory with those of several judges.
        MismatchError: an item was judged twice, differently.
    """
    if wanted == NO_JUDGE:
        return no_judge
    if wanted is not None:
        kind, _, path = wanted.partition(":")
        if kind != REPLAY or not path:
            raise UsageError(f"--judge takes none or replay:PATH, found {wanted!r}")
        return recorded_at(Path(path), benchmark)
    judgements = dict(replay(intake.report_files, benchmark).judgements)
    kept = [_kept_in(run) for run in intake.runs]
    for run, judged in zip(intake.runs, kept, strict=True):
        for key, judgement in judged.judgements.items():
            if judgements.setdefault(key, judgement) != judgement:
                raise MismatchError(
                    f"{run}: {judgement.item} was judged elsewhere, and differently; name one --judge replay:PATH"
                )
    if len(kept) == 1 and not intake.report_files:
        return kept[0]
    return judge_of(judgements)


def kept_judge(run: Path, label: str) -> str | None:
    """Where the judgements are that a scoring was made with: a run may hold those of several judges.

    >>> kept_judge(Path("nowhere"), "heuristic-1") is None
    True
    """
    path = run / f"{KEPT}{label}.jsonl"
    return f"{REPLAY}:{path}" if path.is_file() else None


def _kept_in(run: Path) -> Judged:
    path = kept_in(run)
    return no_judge if path is None else read_judge(path)


def replayed(model: Model, benchmark: Benchmark) -> Judged | None:
    """Return the judge whose recorded replies lie beside the responses that a model replays; None for others."""
    return choose_judge(None, model.intake, benchmark) if isinstance(model, ReplayModel) else None


def keep_judgements(folder: Path, judged: Judged) -> None:
    """Write a judge's replies into the run directory, so that it can be scored again alone."""
    if not judged.judgements or any(read_kept(one) == judged.judgements for one in folder.glob(f"{KEPT}*.jsonl")):
        return
    path = _path(folder, judged.label)
    # The same judge may have said more here, which its own next run would have to ask for again.
    _write(path, unedited(path) | dict(judged.judgements))


def ask_judge(
    judge: Judge,
    folder: Path,
    questions: Iterable[Question],
    *,
    known: Judgements | None = None,
    confirm: Confirm | None = None,
    progress: Progress | None = None,
) -> Judged:
    """Ask a judge what the run directory does not hold yet, and return all that it said of these questions.

    Args:
        judge: who is asked.
        folder: the run directory; ``judgements.<label>.jsonl`` gets every judgement as it comes.
        questions: what is to be judged. One whose call failed before is asked again.
        known: judgements that nobody has to be asked for.
        confirm: called with the judge and what it will cost, before the first call; raises to refuse.
        progress: called with (done, all) after each judgement.

    Raises:
        MismatchError: somebody has edited the file since.
        SpeechIFEvalError: no question can be answered, or the file cannot be written; what came before is kept.
    """
    wanted = {(question.item, question.use): question for question in questions}
    path = _path(folder, judge.label)
    kept = unedited(path)
    done: dict[tuple[str, str], Judgement] = {
        key: kept[key]
        for key, question in wanted.items()
        if key in kept and kept[key].reply_hash == question.reply_hash and CALL_FAILED not in kept[key].flags
    }
    left = [question for key, question in wanted.items() if key not in done]
    done |= known or {}
    if left:
        cost = judge.cost(left)
        if confirm is not None and cost is not None and cost.calls:
            confirm(judge, cost)
        seal(path, None)
        try:
            with appender(path) as out:
                for count, judgement in enumerate(_judgements(judge, left), start=1):
                    out.write(judgement)
                    done[judgement.item, judgement.use] = judgement
                    if progress is not None:
                        progress(count, len(left))
        finally:
            details = {"judge": judge.name, "label": judge.label, **judge.details()}
            seal(path, read_kept(path), details)
    whole = kept | done
    if left or whole != kept:
        _write(path, whole)
    return Judged(judge.label, done)


def _write(path: Path, judgements: Judgements) -> None:
    # A kill between the two leaves judgements of which nobody says what they were, not ones that seem edited.
    seal(path, None)
    write_lines(path, _sorted(judgements))
    seal(path, judgements)


def _judgements(judge: Judge, questions: list[Question]) -> Iterator[Judgement]:
    """Judge, with what a judge of somebody else's raises in our words."""
    try:
        yield from judge.judge(questions)
    except SpeechIFEvalError:
        raise
    except Exception as error:  # a plug-in may raise anything; what came before is kept
        raise ModelError(f"the judge {judge.label} failed ({type(error).__name__}: {error})") from error


def questions_about(
    items: Iterable[Item], benchmark: Benchmark, responses: Mapping[str, Response], *, task_level: bool
) -> tuple[list[Question], dict[tuple[str, str], Judgement]]:
    """Return what a judge is to be asked about these items, and what needs no judge because the reply is empty.

    The judge sees the question without its constraint, which is the twin's, and the reply without its thoughts.

    Args:
        items: those that were asked; at the task level their twins come along.
        benchmark: where the twins are.
        responses: by item id; an item without a reply is not asked about.
        task_level: whether answers and transcripts are judged beside chain of thought.
    """
    chosen = {item.id: item for item in items}
    twins = [item for item in benchmark if item.category == TWIN_CATEGORY and item.twin in chosen]
    questions: list[Question] = []
    known: dict[tuple[str, str], Judgement] = {}
    for item in [*chosen.values(), *twins]:
        use = use_of(item)
        response = responses.get(item.id)
        if use is None or response is None or response.text is None or not (task_level or use == "reasoning"):
            continue
        reply, hashed = split_thoughts(response.text).answer, reply_hash(response.text)
        if reply.strip():
            label = item.label if use == "accuracy" else None
            questions.append(Question(item.id, use, _plain_question(item, benchmark), reply, hashed, label))
        elif use == "transcript":
            known[item.id, use] = Judgement(item.id, use, None, hashed, None, extracted="", reason=EMPTY)
        else:
            known[item.id, use] = Judgement(item.id, use, False, hashed, None, reason=EMPTY)
    return questions, known


def judgements_digest(judged: Judged) -> str:
    """Return twelve digits of a hash over what verdicts depend on: the verdicts made from other judgements go."""
    content = [
        (one.item, one.use, one.verdict, one.reply_hash, one.extracted, one.reason)
        for one in _sorted(judged.judgements)
    ]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]


def judge_notes(judged: Judged, benchmark: Benchmark) -> list[str]:
    """Return what is to be known of the judgements: what could not be judged, and how much repeats vary."""
    everything = judged.judgements.values()
    failed = sum(CALL_FAILED in one.flags for one in everything)
    unread = sum(one.judge_reply is not None and one.reason in (UNREADABLE, CUT_OFF) for one in everything)
    notes = []
    if failed:
        notes.append(f"{failed} calls to the judge failed; the same command asks them again")
    if unread:
        notes.append(f"{unread} replies of the judge could not be read, asked twice; their items are unscored")
    repeated = [one for one in everything if one.verdicts and one.item in benchmark.by_id]
    return [*notes, *_reasoning_note(repeated, benchmark), *_accuracy_notes(repeated, benchmark)]


def _reasoning_note(repeated: list[Judgement], benchmark: Benchmark) -> Iterator[str]:
    rows = [one for one in repeated if one.use == "reasoning"]
    found = judge_variance([one.verdicts for one in rows])
    if found is None:
        return
    note = (
        f"judge repeats: chain of thought {_rates(found)} by repeat, {_divided(found)}; the judge alone moves the "
        f"rate of one judging by ±{Z * found.deviation:.1f} points (95 %) and that of the majority by "
        f"±{Z * found.of_majority:.1f}"
    )
    scored = [one for one in rows if one.verdict is not None]
    if scored:
        numbers: dict[str, int] = {}
        clips = [numbers.setdefault(benchmark.item(one.item).clip, len(numbers)) for one in scored]
        _, low, high = rate_interval(np.array([bool(one.verdict) for one in scored]), np.array(clips))
        half_width = 50 * (high - low)
        note = f"{note}, {found.part_of(half_width):.1f} of the interval's ±{half_width:.1f}"
    yield note


def _accuracy_notes(repeated: list[Judgement], benchmark: Benchmark) -> Iterator[str]:
    """Say it of each side of the task level, data set by data set, as its figures are given."""
    for category, side in ((CATEGORIES[0], "with"), (TWIN_CATEGORY, "without")):
        groups: dict[str, list[Judgement]] = {}
        for one in repeated:
            item = benchmark.item(one.item)
            if one.use == "accuracy" and item.category == category:
                groups.setdefault(item.dataset, []).append(one)
        variances = {name: judge_variance([one.verdicts for one in groups[name]]) for name in sorted(groups)}
        parts = [
            f"{name} {_rates(found)} by repeat, {_divided(found)}, ±{Z * found.deviation:.1f} points and "
            f"±{Z * found.of_majority:.1f}"
            for name, found in variances.items()
            if found is not None
        ]
        if parts:
            yield (
                f"judge repeats: accuracy {side} the constraint, and how far the judge alone moves the rate of "
                f"one judging and of the majority (95 %): {'; '.join(parts)}"
            )


def _rates(found: JudgeVariance) -> str:
    return f"{min(found.rates):.1f} to {max(found.rates):.1f} %"


def _divided(found: JudgeVariance) -> str:
    return f"{found.divided} of {found.items} replies with divided verdicts"


def _plain_question(item: Item, benchmark: Benchmark) -> str:
    if item.constraints and item.twin is not None:
        return benchmark.item(item.twin).instruction
    return item.instruction


def _path(folder: Path, label: str) -> Path:
    return folder / f"{KEPT}{label}.jsonl"


def _sorted(judgements: Judgements) -> list[Judgement]:
    return [judgements[key] for key in sorted(judgements)]
