"""From a path or a name to a benchmark."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.forms import own_forms, plugged_in_forms
from speech_ifeval.errors import UsageError

DEFAULT = "bundled"
SHIPPED = {name: Path(__file__).parent / name for name in (DEFAULT, "example")}


def load_benchmark(path: Path | str | Benchmark) -> Benchmark:
    """Read and validate a benchmark.

    Args:
        path: a folder in one of the forms of ``docs/formats.md`` (the published release, also where it lies
            in ``eval_data/`` or ``data/eval_data/`` below; or a folder with ``benchmark.json``), or the name
            of a shipped benchmark: ``bundled`` (with its clips) or ``example`` (responses only). Write
            ``./example`` for a folder of that name. A benchmark is returned as it is.

    Raises:
        UsageError: there is no such folder or name, or the folder holds no benchmark.
        DataError: a row is not what it should be; the message starts with ``file:line:``.
        MissingExtraError: a constraint needs an optional package.

    Source of the published form: Lu et al., Speech-IFEval (arXiv 2505.19037).

    >>> example = load_benchmark("example")
    >>> example.name, example.missing_categories
    ('example', ())
    """
    if isinstance(path, Benchmark):
        return path
    folder = SHIPPED.get(path) if isinstance(path, str) else None
    folder = Path(path) if folder is None else folder
    names = ", ".join(SHIPPED)
    if not _exists(folder):
        raise UsageError(f"no benchmark at {str(path)!r}: expected a folder, or one of the names {names}")
    if not folder.is_dir():
        raise UsageError(
            f"{str(path)!r} is a file: expected the folder of a benchmark; try {str(folder.parent)!r}"
        )
    for forms in (own_forms, plugged_in_forms):
        for form in forms():
            found = form.find(folder)
            if found is not None:
                return form.read(found)
    expected = "; or ".join(f"{form.expects} ({form.name})" for form in (*own_forms(), *plugged_in_forms()))
    raise UsageError(f"{str(path)!r} holds no benchmark: expected {expected}; or one of the names {names}")


def _exists(folder: Path) -> bool:
    try:
        return folder.exists()
    except (OSError, ValueError):  # a name too long for the system, or one with a NUL
        return False
