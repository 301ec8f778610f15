"""Runs at hand: which published system each stands for, and whether it answers what was published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.analysis.scored_runs import read_summaries
from speech_ifeval.benchmarks.sources import OFFICIAL
from speech_ifeval.errors import UsageError
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE
from speech_ifeval.records import Response
from speech_ifeval.results import PublishedFigures, PublishedSystem, Summary
from speech_ifeval.runs import whole_lines

_FINGERPRINT = 12  # digits of it in a signature
_RESPONSE = msgspec.json.Decoder(Response)


class AtHand(Struct, frozen=True):
    """A scored run: its directory, summary and the published system that it stands for, None for none."""

    folder: Path
    summary: Summary
    system: PublishedSystem | None
    manifest: dict[str, Any]


def read_at_hand(
    runs: Sequence[str], figures: PublishedFigures, scoring: str | None
) -> tuple[list[AtHand], list[str]]:
    """Read scored runs, each given as its path or as ``NAME=PATH``, and say of those without a system why.

    Raises:
        UsageError: no scored run at a path, an unknown name, or a system with two runs.
        DataError: a summary cannot be read.
    """
    named = [_parted(run, figures) for run in runs]
    read = read_summaries([path for _, path in named], scoring)
    found: list[AtHand] = []
    notes: list[str] = []
    for (system, folder), (name, summary) in zip(named, read, strict=True):
        manifest = _manifest(folder)
        system = system or _named_like(folder, summary, manifest, figures)
        why = _unlike(summary.settings)
        if system is None:
            notes.append(f"{name} is none of the published systems by its name; give it as NAME={folder}")
        elif why is not None:
            notes.append(f"{name} is not set beside {system.name}: {why}")
            system = None
        one = AtHand(folder, summary, system, manifest)
        if system is not None and any(other.system is system and scaled(other) == scaled(one) for other in found):
            raise UsageError(f"{system.name} has two runs; leave {folder} or the other out")
        found.append(one)
    return found, notes


def _parted(run: str, figures: PublishedFigures) -> tuple[PublishedSystem | None, Path]:
    name, given, path = run.partition("=")
    if not given or Path(run).exists():
        return None, Path(run)
    for one in figures.systems:
        if _plain(name) in _names(one):
            return one, Path(path)
    known = ", ".join(one.name for one in figures.systems)
    raise UsageError(f"{run}: expected the name of a published system, found {name!r}; they are {known}")


def _names(one: PublishedSystem) -> set[str]:
    return {_plain(name) for name in (one.name, one.spec, one.spec.partition(":")[2], *one.also)}


def _plain(name: str) -> str:
    """A name without what people write differently: case and marks."""
    return re.sub(r"[^\w]|_", "", name.casefold())


def _named_like(
    folder: Path, summary: Summary, manifest: dict[str, Any], figures: PublishedFigures
) -> PublishedSystem | None:
    said = {_plain(str(name)) for name in (folder.resolve().name, summary.name, manifest.get("name", ""))}
    return next((one for one in figures.systems if said & _names(one)), None)


def reference_of(run: AtHand, figures: PublishedFigures) -> PublishedSystem | None:
    """Return the published system that the reference of a run stands for: the one named so, if it is."""
    if run.summary.reference is None:
        return None
    said = _plain(run.summary.reference.name)
    return next((one for one in figures.systems if said in _names(one)), None)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / RUN_FILE).read_bytes())
    except (OSError, ValueError):  # what it says is a help, and scored runs need not have one
        return {}
    return found if isinstance(found, dict) else {}


def scaled(run: AtHand) -> float | None:
    """Return by which factor a run's LoRA was scaled; None where it was not, or nothing is told."""
    model = run.manifest.get("model")
    lora = model.get("lora") if isinstance(model, dict) else None
    sorts = lora if isinstance(lora, list) else [lora]
    factors = {float(one["factor"]) for one in sorts if isinstance(one, dict) and "factor" in one}
    return factors.pop() if len(factors) == 1 and factors != {1.0} else None


def _unlike(settings: dict[str, Any]) -> str | None:
    """Why a run's figures are not those of the published items and rules; None where they are."""
    benchmark = str(settings.get("benchmark"))
    if not benchmark.endswith(OFFICIAL.fingerprint[:_FINGERPRINT]):
        return f"it answers {benchmark}, not the published items"
    if settings.get("subset") != "all":
        return f"it answers a part of the items, {settings.get('subset')}"
    if settings.get("rules") != "official" or settings.get("loose") != "no":
        return f"it was scored by the rule set {settings.get('rules')}, loose pass {settings.get('loose')}"
    return None


def published_items(signature: str) -> bool:
    """Whether a signature is of all published items.

    >>> published_items("benchmark:bundled-83df997de3d2|rules:official|subset:all")
    False
    """
    parts = dict(part.partition(":")[::2] for part in signature.split("|"))
    return _unlike(parts) is None


def seconds_an_answer(runs: Sequence[AtHand]) -> tuple[float, int] | None:
    """Return the mean seconds an answer took in runs that measured it, and how many answers that is of."""
    seconds = [one for run in runs for one in _seconds(run.folder)]
    return (sum(seconds) / len(seconds), len(seconds)) if seconds else None


def _seconds(folder: Path) -> Iterator[float]:
    for line in whole_lines(folder / RESPONSES_FILE):
        try:
            found = _RESPONSE.decode(line).seconds
        except msgspec.DecodeError:  # the run was scored: a line that is broken was not this one
            continue
        if found is not None:
            yield found
