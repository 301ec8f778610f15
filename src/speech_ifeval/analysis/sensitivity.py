"""Constraint sensitivity: does the answer stay the same when a constraint that has nothing to do with it is added?

The same question is asked without and with a constraint (twins). What changes in the answer, and what replies do
with the constraint that they did not do without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from speech_ifeval.analysis.changes import Grouping, Told, adjusted, behaviour, changed_answers, word_errors
from speech_ifeval.analysis.twins import Twin, twins_of
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.metrics.answers import NOT_A_SUBSTRING, UNANSWERABLE, Answer
from speech_ifeval.metrics.word_errors import NORMALISER
from speech_ifeval.models.recorded import read_responses
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.pipeline.judging import choose_judge
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import Behaviour, ChangedAnswers, Sensitivity, WordErrorChange

MADE_UP = 0.5  # insertions per reference word above which a transcript counts as made up
HEURISTIC = "heuristic"  # its figures differ with the constraint itself (docs/judge-agreement.md)
TWIN = "twins are a question with and without its constraint"


@dataclass(frozen=True)
class System:
    """Whose replies: what is known of the twins, and of the answers to them."""

    name: str
    judge: str
    twins: list[Twin]
    answers: list[Answer]


def sensitivity(
    run: Path,
    benchmark: Benchmark,
    *,
    reference: Path | None = None,
    judge: str | None = None,
    made_up: float = MADE_UP,
    seed: int = 0,
) -> Sensitivity:
    """Measure what constraints do to the answers of a run.

    Args:
        run: responses to items and to their twins: a run directory, or recorded responses in another form.
        benchmark: what they answer.
        reference: the reference system's responses; its own change is taken off.
        judge: as `speech_ifeval.pipeline.judging.choose_judge` takes it, for both.
        made_up: insertions per reference word above which a transcript counts as made up.
        seed: of the bootstrap of word error rates.

    Raises:
        UsageError: `made_up` is not a number from 0.
        MismatchError: no twins were answered.
        UsageError, DataError, MismatchError: what reading the responses and judgements raises.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> from speech_ifeval.models.recorded import locate
    >>> found = sensitivity(locate("example:tuned"), load_benchmark("example"))
    >>> found.twins, [row.name for row in found.behaviours if row.by == "all"]
    (40, ['empty', 'echo'])
    """
    if not 0 <= made_up < float("inf"):
        raise UsageError(f"--made-up takes a number from 0, found {made_up}")
    ours = read_system(run, benchmark, judge)
    theirs = None if reference is None else read_system(reference, benchmark, judge)
    return sensitivity_of(ours, benchmark, reference=theirs, made_up=made_up, seed=seed)


def read_system(path: Path, benchmark: Benchmark, judge: str | None = None) -> System:
    """Read a system's responses and judgements.

    Raises:
        MismatchError: it answered no twins.
        UsageError, DataError, MismatchError: what reading them raises.
    """
    intake = read_responses([path], benchmark)
    judged = choose_judge(judge, intake, benchmark)
    answers = answers_of(benchmark, intake.responses, judged.judgements)
    twins = twins_of(benchmark, intake.responses, answers)
    if not twins:
        raise MismatchError(
            f"{path} answers no twins of {benchmark.name}: {TWIN}; run the model on both (without --no-twins)"
        )
    return System(intake.name, judged.label, twins, answers)


def sensitivity_of(
    run: System,
    benchmark: Benchmark,
    *,
    reference: System | None = None,
    made_up: float = MADE_UP,
    seed: int = 0,
) -> Sensitivity:
    """Measure what constraints do to the answers of a system that was read; see `sensitivity`."""
    base = None if reference is None else {twin.id: twin for twin in reference.twins}

    def counted(name: str, groups: Iterable[tuple[Grouping, list[Twin]]], told: Told) -> Iterator[Behaviour]:
        for grouping, twins in groups:
            if (row := behaviour(name, grouping, twins, told, base)) is not None:
                yield row

    closed = [twin for twin in run.twins if twin.answer.metric == "accuracy"]
    spoken = [twin for twin in run.twins if twin.answer.metric == "wer"]
    everything = [(Grouping("all", "all"), run.twins)]
    metrics = [(Grouping("metric", "wer"), spoken), (Grouping("metric", "accuracy"), closed)]
    behaviours = [
        *counted("wrong", _grouped(closed, by_dataset=True), lambda side: side.wrong),
        *counted("contradicted", _grouped(closed, by_dataset=True, parts=False), lambda side: side.contradicted),
        *counted("empty", everything, lambda side: side.empty),
        *counted("echo", everything, lambda side: side.echoes),
        *counted("made-up", metrics, lambda side: side.made_up(made_up)),
    ]
    answers: list[ChangedAnswers | None] = [
        changed_answers(metric, grouping, twins)
        for metric, chosen in (("accuracy", closed), ("wer", spoken))
        for grouping, twins in _grouped(chosen, by_dataset=metric == "accuracy")
    ]
    errors: list[WordErrorChange | None] = [
        word_errors(grouping, twins, base, seed) for grouping, twins in _grouped(spoken)
    ]
    return Sensitivity(
        schema_version=SCHEMA_VERSION,
        name=run.name,
        reference=None if reference is None else reference.name,
        signature=_signature(run, benchmark, reference, made_up, seed),
        twins=len(run.twins),
        behaviours=adjusted(behaviours),
        answers=[row for row in answers if row is not None],
        word_errors=adjusted([row for row in errors if row is not None and (row.n or row.by == "all")]),
        notes=list(_notes(run, reference)),
        contradicted=_contradicted(run),
    )


def _grouped(
    twins: Sequence[Twin], *, by_dataset: bool = False, parts: bool = True
) -> Iterator[tuple[Grouping, list[Twin]]]:
    """All of them, then by data set where asked for, and, as `parts`, by code and by the constraint's id."""
    if not twins:
        return
    yield Grouping("all", "all"), list(twins)
    keys: list[tuple[str, list[str | None]]] = []
    if by_dataset:
        keys.append(("dataset", [twin.answer.dataset for twin in twins]))
    if parts:
        keys.append(("code", [twin.answer.code for twin in twins]))
        keys.append(("constraint", [twin.answer.constraint for twin in twins]))
    for by, names in keys:
        for name in dict.fromkeys(names):
            if name is not None:
                yield Grouping(by, name), [twin for twin, of in zip(twins, names, strict=True) if of == name]


def _signature(run: System, benchmark: Benchmark, reference: System | None, made_up: float, seed: int) -> str:
    parts = {
        "benchmark": f"{benchmark.name}@{benchmark.short_fingerprint}",
        "judge": run.judge,
        **({} if reference is None else {"reference-judge": reference.judge}),
        "normaliser": NORMALISER,
        "made-up": f"{made_up:g}",
        "seed": str(seed),
        "version": version("speech-ifeval"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _contradicted(system: System) -> list[str]:
    sides = (side for twin in system.twins for side in (twin.plain, twin.constrained))
    return [side.answer.item for side in sides if side.contradicted]


def _notes(run: System, reference: System | None) -> Iterator[str]:
    for system in (run, *([] if reference is None else [reference])):
        whose = "" if reference is None else f" of {system.name}"
        answers = [side.answer for twin in system.twins for side in (twin.plain, twin.constrained)]
        reasons: dict[str, int] = {}
        for answer in answers:
            if answer.unscored is not None:
                reasons[answer.unscored] = reasons.get(answer.unscored, 0) + 1
        for reason, count in sorted(reasons.items(), key=lambda one: -one[1]):
            yield f"{count} answers{whose} are unscored: {reason}"
        strange = [answer.item for answer in answers if NOT_A_SUBSTRING in answer.flags]
        if strange:
            yield f"the judge's transcript{whose} is no part of the reply, and counted: {', '.join(strange)}"
        if denied := len(_contradicted(system)):
            judged = "answers are" if denied > 1 else "answer is"
            yield f"{denied} {judged} counted wrong, as judged, though the reply{whose} says that it is the label"
        if system.judge.startswith(HEURISTIC):
            yield f"changes{whose} are those that the rules of {system.judge} see; a language model may see others"
    broken = sum(UNANSWERABLE in twin.answer.flags for twin in run.twins)
    if broken:
        yield f"{broken} twins cannot be answered right, their label not being an option; they are counted"
