"""The stage that compares: run directories in, a comparison out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks.rows import decode_row
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.metrics.comparisons import compare_runs
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.pipeline.contamination import TRAINED_ON, told_contaminated
from speech_ifeval.records import Verdict
from speech_ifeval.results import Comparison, Contamination, Summary, TaskLevel
from speech_ifeval.runs import AnyRun, folder_of, whole_lines


class _Summarised(msgspec.Struct):
    task: TaskLevel | None = None
    contamination: Contamination | None = None


class _Named(msgspec.Struct):
    name: str | None = None
    task: TaskLevel | None = None


class _ReferenceOnly(msgspec.Struct):
    reference: _Named | None = None


_REFERENCE_TASK = msgspec.json.Decoder(_ReferenceOnly)
_VERDICT = msgspec.json.Decoder(Verdict)
_SUMMARISED = msgspec.json.Decoder(_Summarised)
MOST_RUNS = 20
REFERENCE_FOLDER = "reference"
# Runs that differ in one of these answer other questions; in the others they are compared, and it is said.
MUST_AGREE = ("benchmark", "rules", "verifiers", "loose", "missing", "subset")
_NOT_SHOWN = ("schema_version", "responses", "judgements", "name", "pairs", TRAINED_ON)
SHOULD_AGREE = ("judge", "detector", "version")


def compare(
    runs: Sequence[AnyRun],
    *,
    references: Sequence[AnyRun] = (),
    scoring: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare 2 to 20 scored runs.

    Args:
        runs: run directories, as `score` writes them, or what `evaluate` returned.
        references: one run directory for all, or one for each run; empty takes ``RUN/reference`` where every
            run has one, and leaves Δ out otherwise.
        scoring: which scoring to take where a run directory holds several: its name or a pattern
            (``careful.*.loose``), or a rule set for its plain scoring; by default the only one, or ``official``.
        progress: called with (done, all) as the pairs of runs are gone through.

    Raises:
        UsageError: too few or too many runs, no scored run at a path, or several scorings to choose from.
        MismatchError: the runs answer another benchmark or were scored otherwise; names what differs.
        DataError: a file of verdicts is broken.

    >>> compare([Path("runs/one")])
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: compare takes 2 to 20 runs, found 1
    """
    if not 2 <= len(runs) <= MOST_RUNS:
        raise UsageError(f"compare takes 2 to {MOST_RUNS} runs, found {len(runs)}")
    folders = [folder_of(run) for run in runs]
    refuse_doubles(folders)
    scored = told_apart(folders, [load_scored(path, scoring) for path in folders])
    against, notes = _references(folders, [folder_of(run) for run in references], scoring)
    notes += check_agreement([*zip(folders, scored, strict=True), *(against or [])])
    return compare_runs(scored, None if against is None else [run for _, run in against], notes, progress)


def refuse_doubles(runs: Sequence[Path]) -> None:
    """Refuse a run directory that is named twice.

    Raises:
        UsageError: one is.
    """
    if len({path.resolve() for path in runs}) < len(runs):
        raise UsageError("the same run directory is named twice; name each once")


def load_scored(folder: Path, scoring: str | None = None) -> ScoredRun:
    """Read a scored run back from its directory.

    Raises:
        UsageError: the directory holds no scoring, not the one asked for, or several to choose from.
        DataError: a file is broken; the message starts with ``file:line:``.
    """
    label = scoring_label(folder, scoring)
    settings = _manifest(folder / f"verdicts.{label}.manifest.json")
    path = folder / f"verdicts.{label}.jsonl"
    verdicts = [
        decode_row(f"{path}:{number}", line, _VERDICT) for number, line in enumerate(whole_lines(path), start=1)
    ]
    if not verdicts:
        raise DataError(f"{path}:1: expected verdicts, found none; score the run again")
    pairs = len({(verdict.item, verdict.index) for verdict in verdicts})
    if pairs != len(verdicts):
        raise DataError(
            f"{path}: expected one verdict a constraint, found doubles; delete the file and score again"
        )
    if pairs != settings.get("pairs", pairs):
        raise DataError(
            f"{path}:{pairs + 1}: expected {settings['pairs']} verdicts, found {pairs}; the scoring was cut "
            "short: run the same `speech-ifeval score` command again"
        )
    own_name = folder.resolve().name
    # RUN/reference says where it lies, not who answered.
    name = str(settings.get("name", own_name)) if own_name == REFERENCE_FOLDER else own_name
    known = _summarised(folder / f"summary.{label}.json")
    return ScoredRun(
        name=name,
        verdicts=verdicts,
        settings=shown_settings(settings),
        task=known.task,
        contamination=known.contamination,
    )


def scoring_labels(folder: Path) -> list[str]:
    """Return the names of the scorings that a run directory holds, sorted.

    Raises:
        UsageError: it holds none.
    """
    labels = sorted(
        path.name.removeprefix("verdicts.").removesuffix(".manifest.json")
        for path in folder.glob("verdicts.*.manifest.json")
    )
    if not labels:
        raise UsageError(f"no scored run at {str(folder)!r}: score the responses first with `speech-ifeval score`")
    return labels


def scoring_label(folder: Path, scoring: str | None = None) -> str:
    """Return the name of the one scoring that is meant, as `compare` takes it.

    Raises:
        UsageError: the directory holds no scoring, not the one asked for, or several to choose from.
    """
    return _chosen(folder, scoring_labels(folder), scoring)


def _summarised(path: Path) -> _Summarised:
    """What was summarised of replies, judgements and instructions, none of which is read again."""
    if not path.is_file():  # a reference has no summary of its own
        return _Summarised()
    try:
        return _SUMMARISED.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}:1: expected a summary, found what is none ({error}); score the run again"
        ) from None


def reference_task(folder: Path, name: str) -> TaskLevel | None:
    """Return the task level of a run's reference, as its summary has it; None where it has none of that name."""
    path = folder / "summary.json"
    if not path.is_file():
        return None
    try:
        found = _REFERENCE_TASK.decode(path.read_bytes()).reference
    except msgspec.DecodeError:
        return None  # an older summary: its own reader says so
    return None if found is None or found.name != name else found.task


def told_apart(paths: Sequence[Path], runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Name runs of the same name by so much of their paths that no two are alike."""
    return [replace(run, name=name) for run, name in zip(runs, names_of(paths, runs), strict=True)]


def names_of(paths: Sequence[Path], runs: Sequence[ScoredRun] | Sequence[Summary]) -> list[str]:
    """Return a name for each run, no two alike: its own, or so much of its path as is needed."""
    names = [run.name for run in runs]
    parts = 1
    while len(set(names)) < len(names):
        parts += 1
        longer = ["/".join(path.resolve().parts[-parts:]) for path in paths]
        names = [more if names.count(name) > 1 else name for name, more in zip(names, longer, strict=True)]
    return names


def _chosen(folder: Path, labels: list[str], scoring: str | None) -> str:
    """The one scoring meant: by name, by pattern, or a rule set's plain one; `official` if none is named."""
    if scoring is None and len(labels) == 1:
        return labels[0]
    wanted = scoring or "official"
    found = [label for label in labels if fnmatchcase(label, wanted)]
    found = found or [label for label in labels if _is_plain(label, wanted)]
    held = f"it holds {', '.join(labels)}"
    if not found:
        raise UsageError(f"{folder} holds no scoring {wanted!r}; {held}: name one with --scoring")
    if len(found) > 1:
        raise UsageError(f"{folder} holds several scorings {wanted!r}; {held}: name one with --scoring")
    return found[0]


def _is_plain(label: str, rules: str) -> bool:
    """Whether the label is the rule set and a judge, and nothing else was asked for."""
    return label.startswith(f"{rules}.") and not any(part in label for part in (".loose", ".missing-", ".limit-"))


def shown_settings(manifest: dict[str, Any]) -> dict[str, Any]:
    """The settings of a scoring that its signature shows: all that another run can share."""
    return {key: value for key, value in manifest.items() if key not in _NOT_SHOWN}


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{path}:1: expected JSON, found text that is not ({error}); score the run again"
        ) from None
    if not isinstance(manifest, dict):
        raise DataError(f"{path}:1: expected a JSON object; score the run again")
    return manifest


def _references(
    runs: Sequence[Path], references: Sequence[Path], scoring: str | None
) -> tuple[list[tuple[Path, ScoredRun]] | None, list[str]]:
    """The reference of each run, or None and why; where none is named, each run's own, if all have one."""
    if len(references) == 1:
        loaded = load_scored(references[0], scoring)
        return [(references[0], loaded)] * len(runs), []
    if references and len(references) != len(runs):
        raise UsageError(
            f"--reference was given {len(references)} times for {len(runs)} runs: give it once, or once a run"
        )
    if references:
        return [(path, load_scored(path, scoring)) for path in references], []
    own = [run / REFERENCE_FOLDER for run in runs]
    without = [str(run) for run, path in zip(runs, own, strict=True) if not path.is_dir()]
    if without:
        return None, [f"Δ is left out: no reference in {', '.join(without)}; name one with --reference"]
    try:
        return [(path, load_scored(path, scoring)) for path in own], []
    except UsageError as error:  # scored otherwise than the runs
        return None, [f"Δ is left out: {error}"]


def check_agreement(runs: Sequence[tuple[Path, ScoredRun]]) -> list[str]:
    """Return what differs between runs that can be compared all the same, in words.

    Raises:
        MismatchError: they answer another benchmark or were scored otherwise; names what differs.
    """
    first_path, first = runs[0]
    notes: dict[str, None] = {}
    for _, run in runs:
        if (told := told_contaminated(run.settings)) is not None:
            notes[f"{run.name} is contaminated: {told}"] = None
    for path, run in runs[1:]:
        differing = [key for key in MUST_AGREE if run.settings.get(key) != first.settings.get(key)]
        if differing:
            what = "; ".join(
                f"{key}: {first.settings.get(key)!r} against {run.settings.get(key)!r}" for key in differing
            )
            raise MismatchError(
                f"{first_path} and {path} cannot be compared ({what}); score both on the same benchmark with the "
                "same options"
            )
        for key in SHOULD_AGREE:
            ours, theirs = str(first.settings.get(key)), str(run.settings.get(key))
            if ours != theirs and ours.startswith("replay-") and theirs.startswith("replay-"):
                notes["judge replies were recorded run by run, and do not say which judge wrote them"] = None
            elif ours != theirs:
                notes[f"{key} differs: {ours} and {theirs}"] = None
    return list(notes)
