"""Shards become one run directory: joined as often as one likes, while others are still being answered."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.sharding import Shard, deal
from speech_ifeval.benchmarks.training_record import TrainingRecord
from speech_ifeval.errors import DataError, MismatchError, OutputError, UsageError
from speech_ifeval.judges.replay import KEPT
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, SHARDS_FOLDER, is_run
from speech_ifeval.pipeline.generating import RESUMED_BY, read_latest
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.pipeline.shard_folders import SCORING_FILE, shards_of
from speech_ifeval.records import Response
from speech_ifeval.runs import (
    claim_stage,
    differences,
    locked,
    read_manifest,
    write_bytes,
    write_document,
    writing,
)

_SHARD, _SELECTION = "shard", "selection"
# What may differ between shards, and is kept of each where it does.
_OF_EACH = ("recorded", "audio_check", "version")


@dataclass(frozen=True)
class Missing:
    """What a shard has not answered: `missing` of its `items`; `begun` where it has a directory."""

    shard: Shard
    missing: int
    items: int
    begun: bool


@dataclass(frozen=True)
class Joined:
    """What lies in a run directory after its shards were joined.

    Attributes:
        folder: the run directory.
        items: how many items the run asks.
        answered: those that have a reply.
        failed: those whose request failed: the shard's command asks them again.
        missing: shards with items that nobody has answered.
        doubles: items that were answered several times; copies, taken over by their fingerprint, are none.
        different: those of them with different texts, though their inputs were the same; the first is kept.
    """

    folder: Path
    items: int
    answered: int
    failed: int
    missing: tuple[Missing, ...]
    doubles: int
    different: tuple[str, ...]


@dataclass
class _Source:
    """A directory with responses: a shard's, or (`shard` is None) a run's own."""

    path: Path
    shard: Shard | None
    manifest: dict[str, Any]


@dataclass
class _Pool:
    """Responses by item, the first text of each."""

    found: dict[str, tuple[Response, Path]] = field(default_factory=dict)
    doubles: set[str] = field(default_factory=set)
    different: set[str] = field(default_factory=set)

    def add(self, path: Path, responses: Iterable[Response]) -> None:
        for response in responses:
            standing, where = self.found.setdefault(response.id, (response, path))
            if standing == response or response.text is None:  # or a copy, taken over by its fingerprint
                continue
            if standing.text is None:
                self.found[response.id] = response, path
                continue
            if standing.fingerprint != response.fingerprint:
                raise MismatchError(
                    f"{path}: {response.id} was answered there for other inputs than in {where} (fingerprint "
                    f"{response.fingerprint}, not {standing.fingerprint}): the audio, the prompt or the model "
                    "differ between machines; delete the shard that is wrong, and answer it again"
                )
            self.doubles.add(response.id)
            if standing.text != response.text:
                self.different.add(response.id)


def has_shards(run: Path) -> bool:
    """Whether a run directory holds shards.

    >>> has_shards(Path("nowhere"))
    False
    """
    return bool(shards_of(run))


def join_shards(runs: Sequence[Path], folder: Path, benchmark: Benchmark) -> Joined:
    """Join the shards that lie in run directories into one of them, or into another one.

    What `folder` holds already goes first, then what the others do, in their order; of an item that stands there
    twice with the same fingerprint the first text counts.

    Args:
        runs: run directories with shards, such as copies from several machines.
        folder: the run directory to write; the same again is written by the same shards.
        benchmark: what they answer.

    Raises:
        UsageError: there are no shards.
        MismatchError: they are not of one run, or not of this benchmark; names the keys that differ.
        DataError: a line is broken; a torn last line is left out.
        OutputError: the directory cannot be written, or another process is at it.
    """
    sources = list(_sources(runs, folder))
    shards = [source for source in sources if source.shard is not None]
    if not shards:
        raise UsageError(
            f"{', '.join(map(str, runs))}: expected shards in {SHARDS_FOLDER}/I-of-N, found none; make them with "
            "speech-ifeval run … --shard I/N"
        )
    _refuse_different(sources, shards[0], benchmark)
    with locked(folder):
        pool = _Pool()
        for source in sources:
            pool.add(source.path, _responses(source.path, benchmark))
        manifest = _manifest(shards)
        standing = claim_stage(folder / RUN_FILE, manifest, RESUMED_BY)
        if standing != manifest:
            write_document(folder / RUN_FILE, manifest)
        _write(folder / RESPONSES_FILE, [pool.found[id][0] for id in benchmark.by_id if id in pool.found])
        _keep_judgements(folder, shards)
    selection = msgspec.convert(manifest[_SELECTION], Selection)
    asked = {item.id for item in selection.with_twins(benchmark)}
    answered = {id for id, (response, _) in pool.found.items() if response.text is not None}
    return Joined(
        folder,
        items=len(asked),
        answered=len(asked & answered),
        failed=len(asked & (pool.found.keys() - answered)),
        missing=tuple(
            _missing(asked, pool.found, {one.shard for one in shards if one.shard}, selection, benchmark)
        ),
        doubles=len(pool.doubles),
        different=tuple(id for id in benchmark.by_id if id in pool.different),
    )


def _sources(runs: Sequence[Path], folder: Path) -> Iterator[_Source]:
    for run in (folder, *(run for run in runs if run.resolve() != folder.resolve())):
        if is_run(run):
            yield _Source(run, None, read_manifest(run / RUN_FILE) or {})
        for shard, path in shards_of(run):
            manifest = read_manifest(path / RUN_FILE) or {}
            said = manifest.get(_SHARD)
            if said != {"index": shard.index, "count": shard.count}:
                raise MismatchError(
                    f"{path / RUN_FILE}: expected the manifest of the shard {shard.label}, found that of "
                    f"{said!r}; give the directory back the name it was made with, or delete it"
                )
            yield _Source(path, shard, manifest)


def _refuse_different(sources: Sequence[_Source], first: _Source, benchmark: Benchmark) -> None:
    named = f"{benchmark.name}-{benchmark.short_fingerprint}"
    if first.manifest.get("benchmark") != named:
        raise MismatchError(
            f"{first.path} answers the benchmark {first.manifest.get('benchmark')}, not {named}; name it with "
            "--benchmark"
        )
    for source in sources:
        # A run that was merged, or made in one process, before may have asked fewer items since then.
        names = {*first.manifest, *source.manifest} - {_SHARD, *_OF_EACH} if source.shard else {*RESUMED_BY}
        rows = [
            row
            for name in sorted(names)
            for row in differences(name, first.manifest.get(name), source.manifest.get(name))
        ]
        if rows:
            raise MismatchError(
                f"{source.path} is no part of the run of {first.path} ({'; '.join(rows)}); answer it again "
                "with the same command as the others, or delete it"
            )


def _responses(path: Path, benchmark: Benchmark) -> list[Response]:
    found = read_latest(path / RESPONSES_FILE)
    strangers = [id for id in found if id not in benchmark.by_id]
    if strangers:
        raise DataError(
            f"{path / RESPONSES_FILE}: {len(strangers)} of {len(found)} responses answer no item of "
            f"{benchmark.name}, the first {strangers[0]!r}; delete the file, and answer the shard again"
        )
    return list(found.values())


def _manifest(shards: Sequence[_Source]) -> dict[str, Any]:
    """The manifest that a single process would have written; what may differ is kept by shard where it does."""
    manifest = {name: value for name, value in shards[0].manifest.items() if name != _SHARD}
    for name in _OF_EACH:
        values = [source.manifest.get(name) for source in shards]
        if any(value != values[0] for value in values):
            manifest[name] = {
                source.shard.label: value for source, value in zip(shards, values, strict=True) if source.shard
            }
    return manifest


def _write(path: Path, responses: list[Response]) -> None:
    content = msgspec.json.Encoder(order="deterministic").encode_lines(responses)
    try:
        before = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror}); give another --output-dir") from None
    if before != content:
        write_bytes(path, content)


def _keep_judgements(folder: Path, shards: Sequence[_Source]) -> None:
    """Bring along the recorded judge's replies that shards of recorded responses have: each has all of them."""
    for source in shards:
        for path in sorted(source.path.glob(f"{KEPT}*")):
            if not (folder / path.name).exists():
                with writing(folder):
                    content = path.read_bytes()
                write_bytes(folder / path.name, content)


def _missing(
    asked: set[str], found: Container[str], begun: set[Shard], selection: Selection, benchmark: Benchmark
) -> Iterator[Missing]:
    """Say which shards can answer what is missing: those of the N of which most lie there, the larger of two."""
    counts = Counter(shard.count for shard in begun)
    count = max(counts, key=lambda one: (counts[one], one))
    dealt = deal(benchmark, count, first_items=selection.limit is not None)
    items = Counter(dealt[id] for id in asked)
    missing = Counter(dealt[id] for id in asked if id not in found)
    for index in sorted(missing):
        shard = Shard(index, count)
        yield Missing(shard, missing[index], items[index], shard in begun)


class KeptScoring(Struct, frozen=True, forbid_unknown_fields=True):
    """How the run of some shards is to be scored; of the judge's arguments only the names are kept."""

    rules: str
    loose: bool
    missing: str
    limit: int | None
    judge: str | None
    judge_args: tuple[str, ...]
    rubrics: tuple[str, ...]
    judge_repeats: int
    task_level: bool
    seed: int
    trained_on: TrainingRecord | None = None


def keep_scoring(folder: Path, scoring: Scoring) -> None:
    """Write into a shard's directory how its run is to be scored once it is merged.

    Raises:
        OutputError: the directory cannot be written.
    """
    kept = KeptScoring(
        rules=scoring.rules,
        loose=scoring.loose,
        missing=scoring.missing,
        limit=scoring.limit,
        judge=scoring.judge,
        judge_args=tuple(sorted(scoring.judge_args)),
        rubrics=tuple(str(path.absolute()) for path in scoring.rubrics),
        judge_repeats=scoring.judge_repeats,
        task_level=scoring.task_level,
        seed=scoring.seed,
        trained_on=scoring.trained_on if isinstance(scoring.trained_on, TrainingRecord) else None,
    )
    write_document(folder / SCORING_FILE, kept)


def wanted_scoring(runs: Sequence[Path], given: Mapping[str, Any]) -> Scoring:
    """Return how shards were to be scored, with what is given now in its place.

    Args:
        runs: run directories with shards.
        given: fields of `Scoring`.

    Raises:
        MismatchError: the shards were to be scored differently, in what is not given.
        UsageError: their judge had arguments, which are not kept, and none are given.
    """
    kept: dict[str, Any] = {}
    where: Path | None = None
    for run in runs:
        for _, path in shards_of(run):
            found = _read_scoring(path / SCORING_FILE)
            if found is None:
                continue
            asked = {name: value for name, value in msgspec.structs.asdict(found).items() if name not in given}
            if where is None:
                kept, where = asked, path
            rows = [row for name in asked for row in differences(name, kept.get(name), asked[name])]
            if rows:
                raise MismatchError(
                    f"{path} was to be scored otherwise than {where} ({'; '.join(rows)}); say how, by the "
                    "options of merge"
                )
    arguments = kept.pop("judge_args", ())
    if "judge" not in given and arguments:
        raise UsageError(
            f"the shards were to be judged by {kept.get('judge')} with arguments of its own "
            f"({', '.join(arguments)}), which are not kept; give --judge-args again"
        )
    if "rubrics" in kept:
        kept["rubrics"] = tuple(Path(path) for path in kept["rubrics"])
    if "judge" in given:  # the options of another judge mean nothing to this one
        kept = {name: value for name, value in kept.items() if name not in ("rubrics", "judge_repeats")}
    return Scoring(**{**kept, **given})


def _read_scoring(path: Path) -> KeptScoring | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeptScoring)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(
            f"{path}:1: expected how the run is scored, found otherwise ({error}); delete it"
        ) from None


def merge_command(run: Path) -> str:
    """Return the command that merges the shards of a run.

    >>> merge_command(Path("runs/a b"))
    "speech-ifeval merge 'runs/a b'"
    """
    return f"speech-ifeval merge {shlex.quote(str(run))}"
