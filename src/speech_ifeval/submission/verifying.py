"""A submission is scored again by somebody who was not there when it was made."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.loading import SHIPPED
from speech_ifeval.errors import ConstraintError, DataError
from speech_ifeval.results import Verification
from speech_ifeval.submission.checking import check_submission
from speech_ifeval.submission.contents import About
from speech_ifeval.submission.reading import read_submission


def verify(path: str | Path, *, benchmark: str | Path | Benchmark | None = None) -> Verification:
    """Score a submission again and say what holds of what it claims.

    It shows that the scoring is right, and not that a model wrote the responses. The file is taken for an enemy's:
    nothing of it reaches the disk.

    Args:
        path: the file that `submit` wrote.
        benchmark: the benchmark itself, its folder or its name, to compare items and texts with. By default a
            benchmark that ships with this package, where the file names it.

    Raises:
        UsageError: there is no such file or benchmark.
        DataError: the file is no submission, or a broken one.
        MissingExtraError: a constraint needs an optional package.

    >>> import tempfile
    >>> import speech_ifeval as sif
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = sif.evaluate("replay:example:tuned", output_dir=f"{folder}/tuned")
    ...     found = verify(sif.submit(run).file)
    >>> found.holds, [claim.name for claim in found.claims][:4]
    (True, ['files', 'items', 'benchmark', 'verifiers'])
    """
    submission = read_submission(Path(path))
    try:
        return check_submission(submission, _benchmark(submission.header.benchmark, benchmark))
    except ConstraintError as error:
        raise DataError(
            f"{submission.file}: its constraints cannot be decided by its rule set ({error})"
        ) from None
    except RecursionError:
        raise DataError(f"{submission.file}: it is nested too deeply for any submission") from None


def _benchmark(about: About, named: str | Path | Benchmark | None) -> Benchmark | None:
    if named is not None:
        return load_benchmark(named)
    if about.name not in SHIPPED:
        return None
    shipped = load_benchmark(about.name)
    return shipped if shipped.fingerprint == about.fingerprint else None
