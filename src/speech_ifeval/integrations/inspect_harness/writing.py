"""``speech-ifeval export --format inspect``."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.analysis.exporting import FinishedRun
from speech_ifeval.errors import MissingExtraError, OutputError, UsageError
from speech_ifeval.runs import writing

SUFFIXES = (".eval", ".json")


def write_log(run: FinishedRun, output: Path | None) -> Path:
    """Write a scored run as a log of Inspect's; return its file, by default ``RUN.eval`` beside the run directory.

    Raises:
        UsageError: a name that ends neither in .eval nor in .json.
        MissingExtraError: inspect-ai is not installed.
        OutputError: the file cannot be written.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError:
        raise MissingExtraError("inspect", "inspect-ai", "export --format inspect") from None
    from speech_ifeval.integrations.inspect_harness.log import log_of

    folder = run.folder.resolve()
    path = output or folder.with_name(f"{folder.name}.eval")
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"a log of Inspect's ends in {' or '.join(SUFFIXES)}, found {str(path)!r}; rename it with -o"
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file with -o")
    log = log_of(run)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, path)
    return path
