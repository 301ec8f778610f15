"""Makes the runs that the isolation check needs, each in a run directory of its own, and concludes from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as with_fields

from speech_ifeval.analysis.isolation import (
    MARGIN,
    ORIGINAL,
    PLACEBO,
    REPEATED,
    REPHRASED,
    SILENT,
    SWAPPED,
    isolation,
)
from speech_ifeval.analysis.observing import Observed, observe
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import UsageError
from speech_ifeval.experiments.conditions import (
    CLOSED,
    in_other_words,
    with_neutral_sentences,
    with_silence,
    with_swapped_clips,
)
from speech_ifeval.experiments.sentences import Placebos, placebos_for
from speech_ifeval.job import (
    SHIPPED_MODEL,
    AnyModel,
    Watching,
    evaluate,
    open_any,
    slug,
    usual_settings,
)
from speech_ifeval.models import Generation, Model, accepts, check_arguments
from speech_ifeval.models.fleet import DEVICE
from speech_ifeval.models.placing import Devices
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, Course
from speech_ifeval.pipeline.preflight import find_audio
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.records import TWIN_CATEGORY, Item
from speech_ifeval.results import Isolation

FOLDER = Path("runs/isolation")
SILENCE_FOLDER = "silence"
REFERENCE_PREFIX = "reference-"


@dataclass(frozen=True)
class _Condition:
    """Under which condition which items are asked: made when it is its turn, since silence is written to disk."""

    name: str
    benchmark: Callable[[], Benchmark]
    selection: Selection
    generation: Generation
    of_reference: bool = True


def isolate(
    model: AnyModel | None = None,
    *,
    model_args: Mapping[str, Any] | None = None,
    reference: AnyModel | None = None,
    reference_args: Mapping[str, Any] | None = None,
    devices: Devices = (),
    benchmark: str | Path | Benchmark = "bundled",
    output_dir: str | Path = FOLDER,
    selection: Selection | None = None,
    asking: Asking | None = None,
    conditions: Conditions | None = None,
    scoring: Scoring | None = None,
    placebos: Path | None = None,
    margin: float = MARGIN,
    seed: int = 0,
    watching: Watching | None = None,
) -> Isolation:
    """Ask a model the same items under six conditions, and say whether constraints are isolated from the speech.

    A check that was stopped goes on where it was when it is called again alike. Each condition has a run
    directory, ``output_dir/<model>/<condition>``. Those of the reference lie beside them, in
    ``output_dir/reference-<reference>/``, and are those of every model that is checked into the same folder.

    Args:
        model: in any form that `speech_ifeval.evaluate` takes, but recorded responses; opened once for all
            conditions. None for the shipped ``lab:corpus-style``.
        model_args: the adapter's arguments, where a specification is given.
        reference: the reference system in the same forms; opened when the model has been closed.
        reference_args: its adapter's arguments.
        devices: one process for each.
        benchmark: the benchmark, its folder, or its name. It needs closed-ended items with
            twins.
        output_dir: the folder of the run directories.
        selection: which items are asked; twins always come along.
        asking: how they are put; the speech is always heard by the model and read by the reference.
        conditions: audio folder, broken clips, uploads. Whether the audio is used is part of the check, so nothing
            is asked beforehand.
        scoring: how responses are scored: one rule set, and a judge, without which nobody knows whether the audio
            is used.
        placebos: a file of neutral sentences and frames, for a language that none are shipped for.
        margin: what counts as no change, in points.
        seed: of the clips that are swapped, the sentences that are drawn, and of the tests.
        watching: who is told what; turns are named after model or reference and the condition.

    Raises:
        UsageError: recorded responses, a model that does not hear, a benchmark without twins, a margin that is
            none.
        RunInterruptedError: somebody asked for it to stop; the same call goes on.
        SpeechIFEvalError: see `speech_ifeval.errors`; what was written is kept.

    >>> isolate("lab:corpus-style", margin=0)
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: --margin takes points between 0 and 100, found 0
    """
    model = SHIPPED_MODEL if model is None else model
    reference, asking, scoring = usual_settings(model, reference, asking, scoring)
    if not 0 < margin < 100:
        raise UsageError(f"--margin takes points between 0 and 100, found {margin:g}")
    for named, arguments in ((model, model_args), (reference, reference_args)):
        if isinstance(named, str):
            check_arguments(named, arguments or {})
    loaded = load_benchmark(benchmark)
    conditions = replace(conditions or Conditions(), audio_check=False)
    watching = watching or Watching()
    items = _chosen(loaded, selection or Selection())
    sentences = placebos_for(loaded, placebos)
    if sentences is None:
        watching.say(
            f"no neutral sentences are shipped in {loaded.language!r}: the conditions {PLACEBO} and {REPHRASED} "
            "are left out; give --placebos FILE"
        )
    plan = _planned(loaded, items, selection or Selection(), asking, conditions, sentences, Path(output_dir), seed)
    maker = _Maker(Path(output_dir), asking, conditions, scoring, watching)
    with open_any(model, model_args, loaded, devices) as opened:
        _refuse_deaf(opened)
        ours = maker.observed("model", opened, plan)
    theirs = None
    if reference is not None:
        takes_devices = isinstance(reference, str) and accepts(reference, DEVICE)
        with open_any(reference, reference_args, loaded, devices if takes_devices else ()) as opened:
            theirs = maker.observed("reference", opened, [one for one in plan if one.of_reference])
    return isolation(ours, reference=theirs, margin=margin, seed=seed)


def _chosen(benchmark: Benchmark, selection: Selection) -> tuple[Item, ...]:
    items = with_fields(selection, twins=True).with_twins(benchmark)
    if not any(item.category == TWIN_CATEGORY and item.label is not None for item in items):
        raise UsageError(
            f"{benchmark.name} has no closed-ended items with a label and a twin among those chosen: nothing "
            "would say whether the audio is used; choose others, or build a benchmark with `speech-ifeval build`"
        )
    return items


def _refuse_deaf(model: Model) -> None:
    if model.canned:
        raise UsageError(f"{model.name} holds recorded responses, which answer no other questions; name a model")
    if not model.hears:
        raise UsageError(f"the model {model.name} takes no audio, so nothing can be asked of its hearing")


def _planned(
    benchmark: Benchmark,
    items: Sequence[Item],
    selection: Selection,
    asking: Asking,
    conditions: Conditions,
    placebos: Placebos | None,
    folder: Path,
    seed: int,
) -> list[_Condition]:
    own = asking.generation
    again = with_fields(own, seed=own.seed + 1)  # what is sampled is sampled anew; greedy decoding is not touched

    def silent() -> Benchmark:
        audio = find_audio(benchmark, items, conditions.audio_dir)
        return with_silence(benchmark, items, audio, folder / SILENCE_FOLDER)

    chosen, everything = with_fields(selection, twins=True), Selection()
    plan = [
        _Condition(ORIGINAL, lambda: benchmark, chosen, own),
        _Condition(SWAPPED, lambda: with_swapped_clips(benchmark, items, seed), everything, own),
    ]
    if placebos is not None:
        closed = Selection(categories=(CLOSED,), twins=False)
        plan += [
            _Condition(REPHRASED, lambda: in_other_words(benchmark, items, placebos, seed), everything, own),
            _Condition(PLACEBO, lambda: with_neutral_sentences(benchmark, items, placebos, seed), closed, own),
        ]
    return [
        *plan,
        _Condition(REPEATED, lambda: benchmark, chosen, again, of_reference=False),
        _Condition(SILENT, silent, everything, own, of_reference=False),
    ]


@dataclass(frozen=True)
class _Maker:
    folder: Path
    asking: Asking
    conditions: Conditions
    scoring: Scoring
    watching: Watching

    def observed(self, turn: str, model: Model, plan: Sequence[_Condition]) -> dict[str, Observed]:
        """Run a model under each condition, or go on with it, and read what came of it."""
        return {condition.name: self._under(condition, turn, model) for condition in plan}

    def _under(self, condition: _Condition, turn: str, model: Model) -> Observed:
        reads = turn == "reference"
        name = slug(model.name)
        benchmark = condition.benchmark()
        asking = with_fields(self.asking, generation=condition.generation)
        conditions = self.conditions
        if condition.name == SILENT:
            conditions = replace(conditions, audio_dir=benchmark.root)
        run = evaluate(
            model,
            benchmark=benchmark,
            output_dir=self.folder / (f"{REFERENCE_PREFIX}{name}" if reads else name) / condition.name,
            selection=condition.selection,
            asking=with_fields(asking, input="transcript") if reads else asking,
            conditions=conditions,
            scoring=self.scoring,
            watching=self._watched(f"{turn}, {condition.name}"),
        )
        settings = run.summary.settings
        return observe(run.folder, benchmark, rules=str(settings["rules"]), judge=str(settings["judge"]))

    def _watched(self, turn: str) -> Watching:
        say, progress = self.watching.say, self.watching.progress

        def shown(_: str, course: Course) -> None:
            progress(turn, course)

        return replace(self.watching, say=lambda message: say(f"{turn}: {message}"), progress=shown)
