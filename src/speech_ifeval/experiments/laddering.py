"""From the reference on text to the model on audio, one change at a time: the runs behind the parts of Δ.

```
reference, transcript with metadata ─▶ reference, bare transcript ─▶ reference, what the model itself hears
                                    ─▶ the model, transcript with metadata ─▶ the model, audio
```
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.analysis.parts import AUDIO, BARE, CASCADE, REFERENCE, TEXT, Step, ladder_of
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.derived import with_items, with_transcript, without_metadata
from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.job import RUNS_FOLDER, AnyModel, Watching, evaluate, slug, usual_settings
from speech_ifeval.models import Model, open_model
from speech_ifeval.models.recorded import RUN_FILE, read_responses
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, generate
from speech_ifeval.pipeline.interrupts import stop_on_signals
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.records import CATEGORIES, Item
from speech_ifeval.results import Ladder
from speech_ifeval.runs import read_manifest

TRANSCRIBE = "Transcribe the speech."
NOTHING_HEARD = "(nothing was heard)"
NO_TEXT_PATH = "the model has no text path: it answered no question that it was given as text"
LEFT_OUT = "left out"
_HEARD = "own-transcripts"


def ladder(
    model: str,
    reference: str | None = None,
    benchmark: str | Path | Benchmark = "bundled",
    *,
    model_args: Mapping[str, Any] | None = None,
    reference_args: Mapping[str, Any] | None = None,
    rungs: Sequence[str] = (BARE, CASCADE, TEXT),
    transcribe: str = TRANSCRIBE,
    asking: Asking | None = None,
    scoring: Scoring | None = None,
    conditions: Conditions | None = None,
    output_dir: str | Path | None = None,
    watching: Watching | None = None,
    tell: Callable[[str], None] = lambda title: None,
    **settings: Any,
) -> Ladder:
    """Make the runs between the reference on text and the model on audio, and part Δ.

    Args:
        model, reference: specifications, as for `speech_ifeval.evaluate`.
        benchmark: what is asked: a benchmark, its folder, or its name.
        model_args, reference_args: of their adapters.
        rungs: which rungs between the two ends, of ``bare``, ``cascade``, ``text``.
        transcribe: how the model is asked for its own transcript, for the cascade.
        asking, scoring, conditions, watching: as for `speech_ifeval.evaluate`.
        output_dir: the folder of the run directories; by default ``runs/ladder-<name>``.
        tell: told which rung comes next.
        settings: whatever else `speech_ifeval.evaluate` takes, such as ``selection``.

    Raises:
        UsageError: no reference, or an unknown rung.
        SpeechIFEvalError: what `speech_ifeval.evaluate` raises; the same call goes on.

    >>> ladder("lab:corpus-style", rungs=["balcony"])
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no such rung: balcony; there are bare, cascade and text between the ends
    """
    unknown = sorted(set(rungs) - {BARE, CASCADE, TEXT})
    if unknown:
        raise UsageError(
            f"no such rung: {', '.join(unknown)}; there are {BARE}, {CASCADE} and {TEXT} between the ends"
        )
    reference_model, asking, scoring = usual_settings(model, reference, asking, scoring)
    if not isinstance(reference_model, str):
        raise UsageError(
            "a ladder starts from the reference system; name the model's own text LLM with --reference"
        )
    benchmark = load_benchmark(benchmark)
    folder = Path(output_dir or RUNS_FOLDER / f"ladder-{slug(model)}")
    watching = watching or Watching()
    reading = msgspec.structs.replace(asking, input="transcript")
    apart = dataclasses.replace(scoring, trained_on=None)  # what the model was trained on, the reference was not

    def climb(name: str, who: AnyModel, title: str, asked: Benchmark, how: Asking, **more: Any) -> Step:
        tell(f"{name}: {title}")
        # The reference's run is where the model's run looks for what a reference has answered already.
        place = folder / "reading" / REFERENCE if name == REFERENCE else folder / name
        run = evaluate(
            who,
            benchmark=asked,
            output_dir=place,
            asking=how,
            scoring=scoring if name in (TEXT, AUDIO) else apart,
            watching=watching,
            **more,
            **settings,
        )
        manifest = read_manifest(run.folder / RUN_FILE) or {}
        lora = manifest.get("model", {}).get("lora", [])
        return Step(name, run.summary.name, run.folder, asked, lora)

    with open_model(reference_model, reference_args, benchmark=benchmark) as theirs:
        first = climb(REFERENCE, theirs, reference_model, benchmark, reading)
        if BARE in rungs:
            bare = climb(BARE, theirs, reference_model, without_metadata(benchmark), reading)
        else:
            bare = Step(BARE, reference_model, None, None, why=LEFT_OUT)
    with open_model(model, model_args, benchmark=benchmark) as ours:
        if CASCADE in rungs:
            tell(f"{CASCADE}: {model} writes down what it hears")
            heard = own_transcripts(ours, benchmark, folder / _HEARD, asking, conditions, transcribe, watching)
        else:
            heard = {}
        text = Step(TEXT, model, None, None, why=LEFT_OUT)
        if TEXT in rungs:
            try:
                text = climb(TEXT, ours, model, benchmark, reading)
            except (ModelError, UsageError) as error:  # without a chat template, say
                text = Step(TEXT, model, None, None, why=f"{NO_TEXT_PATH} ({error})")
        audio = climb(
            AUDIO, ours, model, benchmark, asking, reference=reference_model, reference_args=reference_args,
            conditions=conditions,
        )  # fmt: skip
    cascade = Step(CASCADE, reference_model, None, None, why=LEFT_OUT)
    if CASCADE in rungs:
        read = with_items(
            benchmark, lambda item: with_transcript(item, heard.get(item.clip) or NOTHING_HEARD), _HEARD
        )
        with open_model(reference_model, reference_args, benchmark=benchmark) as theirs:
            cascade = climb(CASCADE, theirs, reference_model, read, reading)
    return ladder_of([first, bare, cascade, text, audio], audio.who, first.who)


def own_transcripts(
    model: Model,
    benchmark: Benchmark,
    folder: Path,
    asking: Asking,
    conditions: Conditions | None,
    transcribe: str,
    watching: Watching,
) -> dict[str, str]:
    """Ask a model for the words of every clip of a benchmark, and return its replies by clip; none where it
    failed.

    Raises:
        UsageError: the model's replies are recorded ones.
        SpeechIFEvalError: what generating raises; what was answered is kept.
    """
    if model.canned:
        raise UsageError(
            f"{model.name}: recorded replies cannot be asked for transcripts; leave the rung {CASCADE} out"
        )
    clips = dict.fromkeys(item.clip for item in benchmark.items)
    items = tuple(
        Item(f"{_HEARD}/{place:04d}", CATEGORIES[0], transcribe, clip, _HEARD) for place, clip in enumerate(clips)
    )
    asked = dataclasses.replace(
        benchmark, name=f"{benchmark.name}+{_HEARD}", items=items, fingerprint=fingerprint_of(items)
    )
    with stop_on_signals(watching.say) as stop:
        generate(
            model,
            asked,
            folder,
            asking=asking,
            conditions=conditions,
            stop=stop,
            say=watching.say,
            progress=lambda course: watching.progress("own transcripts", course),
        )
    if stop.requested:
        raise stop.error(f"stopped: what was answered is kept in {folder}; the same command goes on")
    replies = read_responses([folder], asked).responses
    return {item.clip: reply.text for item in items if (reply := replies.get(item.id)) is not None and reply.text}
