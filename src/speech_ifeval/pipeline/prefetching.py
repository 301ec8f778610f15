"""Before a job on nodes without network: what its run reads is brought here, and tried without network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.downloading import Patience
from speech_ifeval.benchmarks.fetch_record import RECORD_FILE
from speech_ifeval.benchmarks.fetching import Titled, Where, fetch_benchmark, silent
from speech_ifeval.benchmarks.sources import RELEASES
from speech_ifeval.errors import DataError, ModelError
from speech_ifeval.judges.registry import find_kind
from speech_ifeval.models import needs_of
from speech_ifeval.models.needs import Needs, Snapshot
from speech_ifeval.models.transformers_models.fetching import FetchedSnapshot, fetch_repository, is_repository
from speech_ifeval.pipeline.judging import is_asked
from speech_ifeval.pipeline.preflight import find_audio, refuse_broken, survey_clips


class PrefetchedBenchmark(Struct, frozen=True):
    """The benchmark as it lies here: `clips` that decode, of `items`; `clips` is None where nothing is heard."""

    name: str
    folder: str
    fingerprint: str
    items: int
    clips: int | None


class Prefetched(Struct, frozen=True):
    """What is here now.

    Attributes:
        benchmark: what will be asked.
        repositories: what will be loaded.
        notes: what is needed and could not be fetched, a sentence each.
        environment: what the job must set, by name.
    """

    benchmark: PrefetchedBenchmark
    repositories: tuple[FetchedSnapshot, ...]
    notes: tuple[str, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class Fetching:
    """How things are fetched: where clips lie, the hub's token, how long to insist, who is told how far it is."""

    audio_dir: Path | None = None
    token: str | None = field(default=None, repr=False)
    patience: Patience = field(default_factory=Patience)
    progress: Titled = silent
    say: Callable[[str], None] = lambda message: None


def prefetch(
    models: Sequence[tuple[str, Mapping[str, Any]]],
    benchmark: str | Path = "bundled",
    *,
    hears: bool = True,
    judge: str | None = None,
    fetching: Fetching | None = None,
) -> Prefetched:
    """Bring here what a run will read, and make sure that it loads without network.

    Args:
        models: who will answer: specifications, each with its adapter's arguments.
        benchmark: its folder or name; a published release that is not there is fetched, ``official`` into
            ``benchmarks/official``.
        hears: whether clips are needed.
        judge: who will judge, as `Scoring` takes it.
        fetching: how.

    Raises:
        ModelError: a checkpoint cannot be had, holds pickled weights only, or does not load without network.
        DataError: clips are missing or broken.
        SpeechIFEvalError: see `speech_ifeval.errors`; what was fetched is kept, and the same call goes on.

    >>> found = prefetch([("replay:example:tuned", {})], "example", hears=False)
    >>> found.benchmark.items, found.repositories
    (106, ())
    """
    fetching = fetching or Fetching()
    needs = Needs()
    for spec, arguments in models:  # a mistyped one is found before gigabytes are fetched
        needs += needs_of(spec, arguments)
    loaded = _benchmark(benchmark, hears, fetching)
    described = PrefetchedBenchmark(
        loaded.name, str(loaded.root), loaded.fingerprint, len(loaded), _clips(loaded, fetching) if hears else None
    )
    repositories = _repositories(needs.snapshots, fetching.say)
    if judge is not None and is_asked(judge) and find_kind(judge)[0].by_rubric:
        needs += Needs(
            notes=(f"the judge {judge} is asked at its server: merge, or score, where that is reached",)
        )
    return Prefetched(described, repositories, needs.notes, _environment() if repositories else {})


def _benchmark(named: str | Path, hears: bool, fetching: Fetching) -> Benchmark:
    release = RELEASES.get(Path(named).name)
    folder = Path("benchmarks") / named if str(named) in RELEASES else Path(named)
    if release is None or (folder.is_dir() and not (folder / RECORD_FILE).is_file()):  # not for fetch to change
        return load_benchmark(named)
    where = Where(token=fetching.token, patience=fetching.patience)
    fetched = fetch_benchmark(release, folder, where=where, audio=hears, progress=fetching.progress)
    for line in fetched.did:
        fetching.say(line)
    if fetched.missing and hears:
        raise DataError(
            f"{folder}: {len(fetched.missing)} of {fetched.clips} clips are missing, the first "
            f"{fetched.missing[0]}; run it again, or speech-ifeval fetch with --from a copy that has them"
        )
    return load_benchmark(folder)


def _clips(benchmark: Benchmark, fetching: Fetching) -> int:
    survey = survey_clips(benchmark.items, find_audio(benchmark, benchmark.items, fetching.audio_dir))
    refuse_broken(survey)
    return len(survey.clips)


def _repositories(snapshots: tuple[Snapshot, ...], say: Callable[[str], None]) -> tuple[FetchedSnapshot, ...]:
    if not snapshots:
        return ()
    from speech_ifeval.models.transformers_models.failures import require_transformers
    from speech_ifeval.models.transformers_models.loading import Checkpoint, base_and_adapter
    from speech_ifeval.models.transformers_models.rehearsing import rehearse_offline

    require_transformers(f"hf:{snapshots[0].target}")
    found: dict[str, FetchedSnapshot] = {}
    for snapshot in dict.fromkeys(snapshots):
        target, adapter = base_and_adapter(Checkpoint(snapshot.target, adapter=snapshot.adapter))
        for name, of_adapter in ((target, False), *([(adapter, True)] if adapter else [])):
            if name not in found and is_repository(name):
                say(f"{name}: fetching what is not here yet")
                found[name] = fetch_repository(name, snapshot, adapter=of_adapter)
    wrong = [problem for problem in rehearse_offline(snapshots) if problem is not None]
    if wrong:
        raise ModelError(f"without network this would fail on the job's nodes: {'; '.join(wrong)}")
    return tuple(found.values())


def _environment() -> dict[str, str]:
    """What finds the same cache on another node; a token is never part of it."""
    from huggingface_hub import constants

    home, cache = Path(constants.HF_HOME).absolute(), Path(constants.HF_HUB_CACHE).absolute()
    found = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    return found if cache == home / "hub" else {**found, "HF_HUB_CACHE": str(cache)}
