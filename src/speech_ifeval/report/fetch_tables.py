"""What a fetch brought, for people: what was done, the corpora and their licences, what is missing."""

from __future__ import annotations

import shlex

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from speech_ifeval.benchmarks.fetching import Fetched
from speech_ifeval.pipeline.prefetching import Prefetched
from speech_ifeval.report.figures import visible

_FEW = 5


def fetched_view(fetched: Fetched, audio: bool) -> list[RenderableType]:
    """Return what `speech-ifeval fetch` prints; `audio` is False where clips were not asked for."""
    lines = [visible(line) for line in fetched.did] or ["Everything was there already; nothing was changed."]
    parts: list[RenderableType] = [Text(line) for line in lines]
    table = Table(title=Text("Licences", style="bold"), title_justify="left", box=None, pad_edge=False)
    for column in ("corpus", "clips", "licence", "note"):
        table.add_column(column, justify="right" if column == "clips" else "left", overflow="fold")
    for row in fetched.licences:
        known = (row.corpus or "not told", str(row.clips), row.licence or "not stated", row.note)
        table.add_row(*(Text(visible(cell)) for cell in known))
    parts += ["", table, Text(fetched.licence), ""]
    there = fetched.clips - len(fetched.missing)
    parts.append(Text(f"{fetched.items} items name {fetched.clips} clips; {there} are there."))
    if fetched.missing and audio:
        parts.append(Text(visible(f"Missing: {_listed(fetched.missing)}"), style="bold red"))
    if fetched.left_out:
        rows = tuple(f"{name} ({why})" for name, why in fetched.left_out.items())
        parts.append(Text(visible(f"Not extracted: {_listed(rows)}")))
    folder = visible(shlex.quote(fetched.folder))
    parts += ["", Text(f"Next: speech-ifeval run --model MODEL --reference REFERENCE --benchmark {folder}")]
    return parts


def prefetched_view(found: Prefetched) -> list[RenderableType]:
    """Return what `speech-ifeval prefetch` prints: what is here, and what the job has to export."""
    benchmark = found.benchmark
    clips = "" if benchmark.clips is None else f", {benchmark.clips} clips, all of which decode"
    lines = [f"{benchmark.name}: {benchmark.items} items{clips}, in {benchmark.folder}"]
    for one in found.repositories:
        now = f"{one.fetched / 1e6:,.1f} MB fetched now" if one.fetched else "all there already"
        lines.append(f"{one.name} at {one.commit[:12]}: {one.files} files, {one.size / 1e6:,.1f} MB, {now}")
    if found.repositories:
        lines.append("Configurations and processors load without network, and all weights are whole.")
    lines += [f"Not fetched: {note}." for note in found.notes]
    lines += ["", "The job needs:" if found.environment else "The job needs nothing more."]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in found.environment.items()]
    return [Text(visible(line), overflow="fold") for line in lines]


def _listed(names: tuple[str, ...]) -> str:
    further = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + further
