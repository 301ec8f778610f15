"""From evidence to the page: figures, diagnosis, items, and what must be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace

from speech_ifeval.analysis.diagnosis.diagnosing import diagnosis_of
from speech_ifeval.analysis.diagnosis.evidence import Evidence, SystemRun
from speech_ifeval.analysis.saved import NAMES, SavedAnalysis
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.licences import Permission, permission_of
from speech_ifeval.errors import UsageError
from speech_ifeval.metrics.comparisons import compare_runs
from speech_ifeval.pipeline.comparing import check_agreement
from speech_ifeval.pipeline.preflight import find_audio
from speech_ifeval.records import Item
from speech_ifeval.report.diagnosis_tables import diagnosis_sentences
from speech_ifeval.report.figures import CODE_TITLES, TITLES, contamination_sentences, findings, visible
from speech_ifeval.report.page.assembling import page_html
from speech_ifeval.report.page.audio import MODES, AudioMode, Clips, gather_clips
from speech_ifeval.report.page.document import (
    Audio,
    Document,
    ItemSet,
    LeftOut,
    ShownAnalysis,
    ShownRun,
)
from speech_ifeval.report.page.items import Lines, asked_items, codes_of, shown_item, shown_system
from speech_ifeval.results import Behaviour, Comparison, Diagnosis, Sensitivity

_CHANGED = {"accuracy": "another answer with the constraint", "wer": "another transcript with the constraint"}
ReadRun = tuple[Evidence, Sequence[str]]


@dataclass(frozen=True)
class PageOptions:
    """What a page holds beside figures and replies.

    Attributes:
        audio: ``none``, ``link`` or ``embed``.
        audio_dir: what the clips lie in; None looks in the benchmark's folder.
        include_restricted: sources whose clips and transcripts are shown though no licence is known to allow it.
        analyses: others that were made of the same models.
    """

    audio: AudioMode = "none"
    audio_dir: Path | None = None
    include_restricted: Sequence[str] = ()
    analyses: Sequence[SavedAnalysis] = ()


@dataclass(frozen=True)
class Page:
    """A page that was made, its `content` not yet written."""

    content: bytes = field(repr=False)
    items: int
    audio: Audio
    left_out: Sequence[LeftOut]


def make_page(
    runs: Sequence[ReadRun], benchmark: Benchmark, path: Path, options: PageOptions | None = None
) -> Page:
    """Return one page about runs on the same benchmark.

    Args:
        runs: their evidence and what is to be known of how it was read, as
            `speech_ifeval.analysis.diagnosis.reading.read_evidences` returns it.
        benchmark: what they answer.
        path: where the page will stand; links to clips lead from there.
        options: what it holds beside figures and replies.

    Raises:
        UsageError: a source that the benchmark does not have, an audio folder that does not exist.
        DataError: audio is wanted, and none of the benchmark's is found.
        MismatchError: the runs were not scored alike.
        MissingExtraError: audio is to be embedded, and what encodes it is not installed.
    """
    options = options or PageOptions()
    evidences = [evidence for evidence, _ in runs]
    systems = _systems(evidences)
    items = asked_items(systems, benchmark)
    permissions = {item.id: permission_of(item, benchmark) for item in items}
    _check_sources(options.include_restricted, permissions.values())
    withheld = {
        id
        for id, permission in permissions.items()
        if not permission.given and permission.source not in options.include_restricted
    }
    open_items = [item for item in items if item.id not in withheld]
    clips = _clips(benchmark, items, open_items, path, options)
    codes = codes_of(systems)
    shown = [shown_item(item, benchmark, codes, item.id in withheld) for item in items]
    order = list(clips.embedded or clips.linked)
    numbers = {name: number for number, name in enumerate(order)}
    shown = [
        one if one.withheld or one.clip_name not in numbers else replace(one, clip=numbers[one.clip_name])
        for one in shown
    ]
    lines = Lines()
    secret = {item.id: _said_in(item) for item in items if item.id in withheld}
    audio = Audio(
        mode=options.audio,
        clips=len(order),
        size=sum(map(len, clips.embedded.values())),
        sources=list(clips.linked.values()),
    )
    left_out = _left_out(items, withheld, permissions, clips, audio=options.audio != "none")
    places = _places(items)
    document = Document(
        version=version("speech-ifeval"),
        benchmark=visible(benchmark.name),
        fingerprint=benchmark.short_fingerprint,
        titles={**TITLES, **CODE_TITLES},
        runs=[_run(evidence, notes, systems, places) for evidence, notes in runs],
        systems=[shown_system(system, items, benchmark, lines, secret) for system in systems],
        items=shown,
        comparison=_comparison(evidences),
        analyses=[ShownAnalysis(NAMES[type(one)], one) for one in options.analyses],
        lines=lines.kept,
        audio=audio,
        left_out=left_out,
        notes=[],
    )
    return Page(page_html(document, list(clips.embedded.values())), len(items), audio, left_out)


def check_audio(mode: str) -> AudioMode:
    """Return how audio is taken.

    Raises:
        UsageError: in no way that is known.
    """
    for known in MODES:
        if mode == known:
            return known
    raise UsageError(f"--audio takes {', '.join(MODES)}, found {mode!r}")


def page_facts(page: Page, path: Path) -> Iterator[str]:
    """Yield what a user is told of a page that was written: where, how large, and what it does not hold."""
    held = f"{page.items} items"
    if page.audio.mode == "embed":
        held += f", {page.audio.clips} clips ({page.audio.size / 1e6:.1f} MB of Opus)"
    elif page.audio.mode == "link":
        held += f", links to {page.audio.clips} clips"
    yield f"Written: {visible(str(path))}, {len(page.content) / 1e6:.1f} MB: {held}"
    for one in page.left_out:
        what = [f"{one.clips} clips"] * (one.clips > 0) + [f"{one.transcripts} transcripts"] * (
            one.transcripts > 0
        )
        if what:
            yield f"Left out: {' and '.join(what)} of {visible(one.source)}: {one.why}"


def _systems(evidences: Iterable[Evidence]) -> list[SystemRun]:
    """Runs first, then their references, each once."""
    found: list[SystemRun] = []
    evidences = list(evidences)
    for system in (*(one.run for one in evidences), *(one.reference for one in evidences)):
        if system is not None and not any(_same(system, known) for known in found):
            found.append(system)
    return found


def _same(one: SystemRun, other: SystemRun) -> bool:
    """Whether two systems are one: runs that were made side by side each hold a copy of their reference."""
    if one is other:
        return True
    if (one.name, one.judged.label, one.scored.signature()) != (
        other.name,
        other.judged.label,
        other.scored.signature(),
    ):
        return False
    texts = ({id: response.text for id, response in system.responses.items()} for system in (one, other))
    return next(texts) == next(texts) and one.scored.verdicts == other.scored.verdicts


def _number(systems: Sequence[SystemRun], wanted: SystemRun) -> int:
    return next(number for number, system in enumerate(systems) if _same(system, wanted))


def _places(items: Sequence[Item]) -> dict[str, int]:
    """The number of each item, by its id and that of its twin."""
    found = {item.twin: number for number, item in enumerate(items) if item.twin is not None}
    return {**found, **{item.id: number for number, item in enumerate(items)}}


def _run(
    evidence: Evidence, notes: Sequence[str], systems: Sequence[SystemRun], places: Mapping[str, int]
) -> ShownRun:
    summary, diagnosis = evidence.summary, diagnosis_of(evidence, notes=notes)
    against = evidence.reference
    theirs = summary.reference
    return ShownRun(
        name=summary.name,
        signature=summary.signature,
        system=_number(systems, evidence.run),
        ifrate=summary.ifrate,
        categories=summary.categories,
        codes=summary.codes,
        datasets=summary.datasets,
        sentences=(*contamination_sentences(summary), *diagnosis_sentences(diagnosis)),
        remarks=list(findings(summary)),
        diagnosis=_without_items(diagnosis),
        sets=_sets(diagnosis, evidence.sensitivity, places),
        forgetting=summary.forgetting,
        points=summary.points,
        reference=None if against is None else _number(systems, against),
        reference_ifrate=None if theirs is None else theirs.ifrate,
        reference_categories={} if theirs is None else theirs.categories,
        reference_codes={} if theirs is None else theirs.codes,
        code_tests=summary.code_tests,
        task=summary.task,
        reference_task=None if theirs is None else theirs.task,
        sensitivity=None if evidence.sensitivity is None else _without_lists(evidence.sensitivity),
    )


def _without_items(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, findings=tuple(replace(one, items=()) for one in diagnosis.findings))


def _without_lists(found: Sensitivity) -> Sensitivity:
    return replace(
        found,
        behaviours=[replace(row, appeared=(), disappeared=()) for row in found.behaviours],
        answers=[replace(row, items=()) for row in found.answers],
        word_errors=[replace(row, items=(), fewer=()) for row in found.word_errors],
        contradicted=[],
    )


def _sets(diagnosis: Diagnosis, found: Sensitivity | None, places: Mapping[str, int]) -> list[ItemSet]:
    """The items of every finding, and those whose reply a constraint changes."""
    sets = [("finding", one.check, one.title, one.items) for one in diagnosis.findings]
    if found is not None:
        sets += [
            ("constraint", _appeared(row), f"{row.name.replace('-', ' ')}, only with the constraint", row.appeared)
            for row in found.behaviours
            if row.by in ("all", "metric")
        ]
        sets += [
            ("constraint", f"changed-{row.metric}", _CHANGED.get(row.metric, "another answer"), row.items)
            for row in found.answers
            if row.by == "all"
        ]
        sets += [
            ("constraint", "word-errors", "more word errors with the constraint", row.items)
            for row in found.word_errors
            if row.by == "all"
        ]
    shown: dict[str, ItemSet] = {}
    for group, key, title, ids in sets:
        numbers = sorted({places[id] for id in ids if id in places})
        if numbers:
            shown.setdefault(key, ItemSet(key, title, group, numbers))
    return list(shown.values())


def _appeared(row: Behaviour) -> str:
    return f"{row.name}-appeared" if row.by == "all" else f"{row.name}-{row.group}-appeared"


def _comparison(evidences: Sequence[Evidence]) -> Comparison | None:
    """Paired differences between several runs, without the items: the page finds those by itself."""
    if len(evidences) < 2:
        return None
    scored = [one.run.scored for one in evidences]
    notes = check_agreement([(Path(run.name), run) for run in scored])
    references = [one.reference.scored for one in evidences if one.reference is not None]
    whole = references if len(references) == len(scored) else None
    return replace(compare_runs(scored, whole, notes), flips=[])


def _check_sources(named: Iterable[str], permissions: Iterable[Permission]) -> None:
    known = sorted({permission.source for permission in permissions if not permission.given})
    for name in named:
        if name not in known:
            has = f"has {', '.join(map(visible, known))}" if known else "restricts none"
            raise UsageError(f"--include-restricted {visible(name)}: the benchmark {has}")


def _clips(
    benchmark: Benchmark, items: Sequence[Item], open_items: Sequence[Item], path: Path, options: PageOptions
) -> Clips:
    if options.audio == "none" or not open_items:
        return Clips({}, {}, {})
    folder = find_audio(benchmark, items, options.audio_dir)
    return gather_clips(list(dict.fromkeys(item.clip for item in open_items)), folder, options.audio, path)


def _said_in(item: Item) -> list[str]:
    said = (item.transcript, item.label if item.metric == "wer" else None)
    return [text for text in said if text]


def _left_out(
    items: Sequence[Item],
    withheld: set[str],
    permissions: Mapping[str, Permission],
    clips: Clips,
    *,
    audio: bool,
) -> list[LeftOut]:
    found: list[LeftOut] = []
    closed = [item for item in items if item.id in withheld]
    reasons = Counter((permissions[item.id].source, _why(permissions[item.id])) for item in closed)
    for source, why in reasons:
        theirs = [item for item in closed if permissions[item.id].source == source]
        names = {item.clip for item in theirs} if audio else set()
        found.append(LeftOut(source, why, len(names), sum(bool(_said_in(item)) for item in theirs)))
    sources = {item.clip: permissions[item.id].source for item in items}
    broken = Counter((sources[name], visible(why)) for name, why in clips.refused.items())
    found += [LeftOut(source, why, clips=count) for (source, why), count in broken.items()]
    return found


def _why(permission: Permission) -> str:
    if permission.licence is None:
        why = "no licence is stated"
    else:
        why = f"its licence ({visible(permission.licence)}) is not known to allow passing it on"
    return f"{why}; {visible(permission.note)}" if permission.note else why
