"""Building a benchmark: from a manifest to a folder that is whole, checked, and moved into place at the end."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks.build.audio import AUDIO_FOLDER, AudioMode, check_sounds, clip_names, place_audio
from speech_ifeval.benchmarks.build.composing import Built, compose
from speech_ifeval.benchmarks.build.corpus_checks import check_rows, warnings_about
from speech_ifeval.benchmarks.build.manifests import read_manifest
from speech_ifeval.benchmarks.build.plan import Plan
from speech_ifeval.benchmarks.build.pool import find_pool, load_pool
from speech_ifeval.benchmarks.build.published_layout import PUBLISHED_FOLDER, write_published
from speech_ifeval.benchmarks.build.rows import Corpus
from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.defects import find_defects
from speech_ifeval.benchmarks.finding import Defect
from speech_ifeval.benchmarks.forms.native import HEADER_FILE, ITEMS_FILE
from speech_ifeval.benchmarks.loading import load_benchmark
from speech_ifeval.benchmarks.rows import check_clip
from speech_ifeval.errors import DataError, OutputError
from speech_ifeval.records import SCHEMA_VERSION

_ENCODER = msgspec.json.Encoder()
_SHOWN = 3
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Say = Callable[[str], None]


def _silent(message: str) -> None:
    """Say nothing: what a library does that nobody listens to."""


def build_benchmark(
    manifest: Path,
    out: Path,
    plan: Plan,
    *,
    audio_dir: Path | None = None,
    audio: AudioMode = "copy",
    columns: Mapping[str, str] | None = None,
    task: str | None = None,
    ignore_other_columns: bool = False,
    say: Say = _silent,
) -> Benchmark:
    """Build a benchmark from a corpus, check it, and return it as it is read back.

    Args:
        manifest: what `read_manifest` reads: JSON lines, CSV, a folder that `datasets` has saved, Lhotse's cuts.
        out: the folder to make; it may exist, empty.
        plan: what is to be built.
        audio_dir: the folder that audio paths are relative to; None for the manifest's.
        audio: whether clips are copied, linked to, or left where they lie.
        columns: our name of a column to the manifest's.
        task: of rows that name none.
        ignore_other_columns: leave out columns that are not known, in place of refusing them.
        say: told, a line each, what weakens the benchmark.

    Raises:
        UsageError: the call is wrong: no such manifest, pool or column, more questions than there are.
        DataError: the manifest, the pool or a clip is not what it should be, or what was built has defects.
        OutputError: the folder holds something already, or cannot be written; nothing is left behind.
        MissingExtraError: an optional package is needed.

    >>> build_benchmark(Path("nowhere.csv"), Path("mine"), Plan("mine", ""))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no manifest at 'nowhere.csv'; check the path
    """
    corpus = read_manifest(
        manifest, audio_dir=audio_dir, columns=columns, task=task, ignore_others=ignore_other_columns
    )
    return build_from_corpus(corpus, out, plan, audio=audio, say=say)


def build_from_corpus(
    corpus: Corpus, out: Path, plan: Plan, *, audio: AudioMode = "copy", say: Say = _silent
) -> Benchmark:
    """Build a benchmark from rows in memory; arguments and errors as of `build_benchmark`.

    >>> build_from_corpus(Corpus((), {}), Path("mine"), Plan("mine", ""))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.DataError: expected a row for every clip, found none; add some
    """
    if not corpus.rows:
        raise DataError("expected a row for every clip, found none; add some")
    pool = load_pool(plan.pool or find_pool(plan.language), plan.language)
    check_rows(corpus.rows, pool)
    check_sounds(corpus)
    names = _clip_names(corpus, audio)
    for line in (*corpus.notes, *warnings_about(corpus.rows)):
        say(line)
    with _in_place_when_whole(out) as folder:
        seconds = place_audio(corpus, names, folder / AUDIO_FOLDER, audio)
        built = compose(corpus.rows, seconds, names, pool, plan, say)
        header = {
            "name": plan.name,
            "schema_version": SCHEMA_VERSION,
            "description": plan.description,
            "licence": plan.licence,
            "language": pool.language,
        }
        (folder / HEADER_FILE).write_bytes(_ENCODER.encode_lines([header]))
        (folder / ITEMS_FILE).write_bytes(_ENCODER.encode_lines(built.items))
        if plan.published_layout:
            write_published(built.items, folder / PUBLISHED_FOLDER)
        benchmark = load_benchmark(folder)
        _check(benchmark, built, None if audio == "leave" else folder / AUDIO_FOLDER, say)
    return replace(benchmark, root=out)


def _clip_names(corpus: Corpus, audio: AudioMode) -> dict[str, str]:
    if audio != "leave":
        return clip_names(dict.fromkeys(row.audio for row in corpus.rows))
    for row in corpus.rows:
        check_clip(row.place, row.audio)
    return {row.audio: row.audio for row in corpus.rows}


def _check(benchmark: Benchmark, built: Built, audio: Path | None, say: Say) -> None:
    defects = find_defects(benchmark, audio)
    wrong = [defect for defect in defects if defect.severity != "note"]
    if wrong:
        shown = "; ".join(_told(defect, built) for defect in wrong[:_SHOWN])
        further = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise DataError(
            f"what the corpus makes has defects: {shown}{further}; correct the manifest, nothing was written"
        )
    for defect in defects:
        say(f"note: {defect.found}: {defect.note}")


def _told(defect: Defect, built: Built) -> str:
    origins: Sequence[str] = tuple(dict.fromkeys(built.origins[id] for id in defect.items if id in built.origins))
    place = f"{origins[0]}: " if origins else ""
    return f"{place}{defect.kind}, found {defect.found}, expected {defect.expected}"


@contextmanager
def _in_place_when_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that becomes it at the end; after an error it is gone.

    Raises:
        OutputError: `out` is taken, or something could not be written.
    """
    folder = out.parent / f".{out.name}.building-{os.getpid()}"
    try:
        if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
            raise OutputError(f"{out} exists and is not an empty folder; give another --out, or remove it")
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        try:
            yield folder
            folder.rename(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(out, error) from error


def _cannot_write(out: Path, error: OSError) -> OutputError:
    if error.errno in _FULL:
        return OutputError(
            f"{out}: {error.strerror}; nothing was left behind: free some space and run the same command again"
        )
    at: Any = error.filename or out
    return OutputError(f"{out} cannot be written ({error.strerror or error}: {at}); give another --out")
