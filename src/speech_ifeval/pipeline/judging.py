"""Which judge decides what rules cannot: recorded replies beside the responses, or those that are named."""

from __future__ import annotations

from pathlib import Path

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.rows import decode_row
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges import Judge, judge_of, no_judge, replay
from speech_ifeval.models import Model
from speech_ifeval.models.recorded import Intake
from speech_ifeval.models.replaying import ReplayModel
from speech_ifeval.records import Judgement
from speech_ifeval.runs import whole_lines, write_lines

_JUDGEMENT = msgspec.json.Decoder(Judgement)
_KEPT = "judgements."


def choose_judge(wanted: str | None, intake: Intake, benchmark: Benchmark) -> Judge:
    """Return the judge.

    Args:
        wanted: None replays what lies beside the responses (``reports/``, and ``judgements.….jsonl`` of run
            directories), ``none`` uses no judge, ``replay:PATH`` replays a file or folder.
        intake: the responses, and where they came from.
        benchmark: what they answer.

    Raises:
        UsageError: another value, a path without judge replies, or a run directory with those of several judges.
        MismatchError: an item was judged twice, differently.
    """
    if wanted == "none":
        return no_judge
    if wanted is not None:
        kind, _, path = wanted.partition(":")
        if kind != "replay" or not path:
            raise UsageError(f"--judge takes none or replay:PATH, found {wanted!r}")
        return _named(Path(path), benchmark)
    judgements = dict(replay(intake.report_files, benchmark).judgements)
    for run in intake.runs:
        for item, judgement in _kept_in(run).items():
            if judgements.setdefault(item, judgement) != judgement:
                raise MismatchError(
                    f"{run}: {item} was judged elsewhere, and differently; name one --judge replay:PATH"
                )
    return judge_of(judgements)


def _named(path: Path, benchmark: Benchmark) -> Judge:
    if path.name.startswith(_KEPT) and path.is_file():
        return judge_of(_kept(path))
    files = [path] if path.is_file() else sorted(path.glob("*.jsonl"))
    if not files:
        raise UsageError(f"no recorded judge replies at {str(path)!r}: expected a .jsonl file or a folder of them")
    judge = replay(files, benchmark)
    if not judge.judgements:
        raise UsageError(
            f"{str(path)!r} holds no judge's reply about an item of {benchmark.name}: expected a .jsonl file or "
            'a folder of them, with rows that have "eval_response" and "response"'
        )
    return judge


def _kept_in(run: Path) -> dict[str, Judgement]:
    kept = sorted(run.glob(f"{_KEPT}*.jsonl"))
    if len(kept) > 1:
        paths = ", ".join(map(str, kept))
        raise UsageError(f"{run} holds the replies of several judges ({paths}); choose with --judge replay:PATH")
    return _kept(kept[0]) if kept else {}


def _kept(path: Path) -> dict[str, Judgement]:
    lines = enumerate(whole_lines(path), start=1)
    judgements = [decode_row(f"{path}:{number}", line, _JUDGEMENT) for number, line in lines]
    return {judgement.item: judgement for judgement in judgements}


def replayed(model: Model, benchmark: Benchmark) -> Judge | None:
    """Return the judge whose recorded replies lie beside the responses that a model replays; None for others."""
    return choose_judge(None, model.intake, benchmark) if isinstance(model, ReplayModel) else None


def keep_judgements(folder: Path, judge: Judge) -> None:
    """Write the judge's replies into the run directory, so that it can be scored again alone."""
    if judge.judgements:
        path = folder / f"{_KEPT}{judge.label}.jsonl"
        write_lines(path, [judge.judgements[item] for item in sorted(judge.judgements)])
