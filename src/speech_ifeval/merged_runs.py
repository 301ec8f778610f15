"""Shards become a run: joined, scored and reported as the run of a single process is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import IncompleteError, UsageError
from speech_ifeval.job import Run, Watching, reported
from speech_ifeval.models.recorded import answers_shipped
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.pipeline.merging import Joined, Missing, has_shards, join_shards, wanted_scoring
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.pipeline.shard_folders import shards_of

_SHOWN = 8  # shards or items named in a message about many


def merge(
    run: str | Path,
    *more: str | Path,
    benchmark: str | Path | Benchmark | None = None,
    output_dir: str | Path | None = None,
    partial: bool = False,
    watching: Watching | None = None,
    **scoring: Any,
) -> Run:
    """Join the shards of a run, its reference's too, and score and report it as one.

    It can be called again, also while shards are being answered, and then joins what there is. Verdicts and
    figures are those of a single process.

    Args:
        run: the run directory, with ``shards/``.
        more: other directories with shards of the same run, such as copies from other machines.
        benchmark: what was answered; None for a shipped benchmark, by the run's own word.
        output_dir: where to write; by default the run directory, where there is only one.
        partial: score also where items are missing; they count as unscored.
        watching: who is told what.
        scoring: fields of `Scoring`, in the place of what the shards were asked to be scored by.

    Raises:
        IncompleteError: items are missing; names the shards. What there is was joined.
        MismatchError: the shards are not of one run; names the keys that differ.
        UsageError: no shards, or nothing says which benchmark or how to judge.
        SpeechIFEvalError: see `speech_ifeval.errors`; what was written is kept.

    >>> import tempfile
    >>> import speech_ifeval as sif
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for index in (1, 2, 3):
    ...         _ = sif.evaluate("replay:example:tuned", output_dir=folder, shard=sif.Shard(index, 3))
    ...     run = sif.merge(folder)
    >>> f"{run.ifrate.value:.2f}"
    '40.83'
    """
    watching = watching or Watching()
    runs = [Path(one) for one in (run, *more)]
    if output_dir is None and more:
        raise UsageError("several directories are merged into another one; name it with --output-dir")
    folder = runs[0] if output_dir is None else Path(output_dir)
    loaded = load_benchmark(_answered(runs) if benchmark is None else benchmark)
    how = wanted_scoring(runs, scoring)
    done = [join_shards(runs, folder, loaded)]
    beside = [one / REFERENCE_FOLDER for one in runs]
    if any(map(has_shards, beside)):
        done.append(join_shards(beside, folder / REFERENCE_FOLDER, loaded))
    for joined in done:
        _tell(joined, watching.say)
    lacking = [f"{joined.folder}: {_missing(joined)}" for joined in done if joined.missing]
    if lacking and not partial:
        raise IncompleteError(
            f"{'; '.join(lacking)}. {_advice([one for joined in done for one in joined.missing])}"
        )
    summary, folder = score([folder], loaded, scoring=how, progress=watching.scoring)
    return reported(folder, summary, loaded)


def _answered(runs: Sequence[Path]) -> str:
    found = {answers_shipped(path) for run in runs for _, path in shards_of(run)}
    name = next(iter(found)) if len(found) == 1 else None
    if name is None and found:
        raise UsageError(
            "the shards do not say which benchmark they answer by a name that is known; give --benchmark"
        )
    return name or "bundled"  # without any shards, which is said next


def _tell(joined: Joined, say: Callable[[str], None]) -> None:
    facts = [f"{joined.answered} of {joined.items} items answered"]
    facts += [f"{joined.failed} failed, asked again by the same commands"] * (joined.failed > 0)
    facts += [f"{joined.doubles} answered twice, the first is kept"] * (joined.doubles > 0)
    say(f"{joined.folder}: {'; '.join(facts)}")
    if joined.different:
        shown = ", ".join(joined.different[:_SHOWN]) + (", …" if len(joined.different) > _SHOWN else "")
        say(
            f"{len(joined.different)} of these have two different texts for the same inputs ({shown}), as "
            "sampling and half precision give them; the first is kept"
        )


def _missing(joined: Joined) -> str:
    rows = [
        f"shard {one.shard.label} {one.missing} of {one.items}{'' if one.begun else ' (not begun)'}"
        for one in joined.missing[:_SHOWN]
    ]
    rows += ["…"] * (len(joined.missing) > _SHOWN)
    count = sum(one.missing for one in joined.missing)
    return f"{count} of {joined.items} items are missing: {', '.join(rows)}"


def _advice(missing: Sequence[Missing]) -> str:
    labels = list(dict.fromkeys(one.shard.label for one in missing))
    named = ", ".join(f"--shard {label}" for label in labels[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
    return (
        "What there is was joined, and nothing scored. Run the same speech-ifeval run command again with "
        f"{named}, then merge again; --partial scores what there is"
    )
