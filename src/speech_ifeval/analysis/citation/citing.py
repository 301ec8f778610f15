"""A run as a paper describes it: every setting in sentences, with the publications behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from speech_ifeval.analysis.citation.bibliography import find_publication, publication
from speech_ifeval.analysis.scored_runs import read_summaries
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.sources import CORPORA, OFFICIAL
from speech_ifeval.errors import MismatchError
from speech_ifeval.models.recorded import RUN_FILE
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.pipeline.contamination import told_contaminated
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import BibEntry, Citation, Cited, Estimate, Summary
from speech_ifeval.runs import AnyRun, folder_of

PAPER, IFEVAL, TOOL = "lu2025speechifeval", "zhou2023ifeval", "speechifeval"
_DIGITS = 12  # of the fingerprint in a signature


def cite(run: AnyRun, benchmark: Benchmark | None = None, *, scoring: str | None = None) -> Citation:
    """Return how to cite a scored run.

    Args:
        run: the run directory, or what `evaluate` returned.
        benchmark: what it answers, for the corpora of its clips; None where these are known without it, as those
            of the published release are, or are to be left out.
        scoring: which scoring, where the directory holds several, as `compare` takes it.

    Raises:
        UsageError: no scored run at the path, or several scorings to choose from.
        DataError: its summary cannot be read.
        MismatchError: it answers another benchmark.

    >>> import tempfile
    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> from speech_ifeval.models.recorded import locate
    >>> from speech_ifeval.pipeline.scoring import score
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     example, run = load_benchmark("example"), Path(folder) / "run"
    ...     _ = score([locate("example:tuned")], example, output_dir=run)
    ...     found = cite(run, example)
    >>> [one.key for one in found.entries][:3]
    ['speechifeval', 'lu2025speechifeval', 'zhou2023ifeval']
    """
    folder = folder_of(run)
    ((name, summary),) = read_summaries([folder], scoring)
    if benchmark is not None and not _answers(summary, benchmark.fingerprint):
        raise MismatchError(
            f"{folder} answers {summary.settings.get('benchmark')}, not "
            f"{benchmark.name}-{benchmark.short_fingerprint}; name its own with --benchmark"
        )
    writer = _Writer(name, folder, summary, benchmark)
    methods = list(writer.sentences())
    keys = dict.fromkeys([TOOL, PAPER, IFEVAL, *(key for one in methods for key in one.keys)])
    entries: list[BibEntry] = [publication(key).entry() for key in keys]
    return Citation(SCHEMA_VERSION, str(folder), methods, entries, list(writer.unknown), summary.signature)


def _answers(summary: Summary, fingerprint: str) -> bool:
    return str(summary.settings.get("benchmark")).endswith(fingerprint[:_DIGITS])


class _Writer:
    """Writes the sentences, and keeps what has no known publication."""

    def __init__(self, name: str, run: Path, summary: Summary, benchmark: Benchmark | None) -> None:
        self._name = name
        self._summary = summary
        self._settings = summary.settings
        self._benchmark = benchmark
        self._made = _manifest(run)
        self._reference = _manifest(run / REFERENCE_FOLDER)
        self.unknown: dict[str, None] = {}

    def sentences(self) -> Iterator[Cited]:
        yield self._asked()
        yield from self._answered_by("The model", self._name, self._made)
        if self._summary.reference is not None:
            yield from self._answered_by("Its reference system", self._summary.reference.name, self._reference)
        yield from self._corpora()
        yield from self._scored()
        yield from self._statistics()
        yield from self._figures()

    def _asked(self) -> Cited:
        benchmark = str(self._settings.get("benchmark"))
        name, _, digits = benchmark.rpartition("-")
        official = _answers(self._summary, OFFICIAL.fingerprint)
        what = "the published Speech-IFEval items" if official else f"the benchmark {name}"
        keys = [TOOL, PAPER]
        if not official and find_publication(benchmark, "tool") is None:
            self.unknown[f"the benchmark {name}"] = None
        return Cited(
            f"We measured instruction following with speech-ifeval {self._settings.get('version')} on {what} "
            f"(fingerprint {digits}; items asked: {self._settings.get('subset')}, "
            f"{self._settings.get('items')} of them)",
            keys,
        )

    def _answered_by(self, whose: str, name: str, made: Mapping[str, Any]) -> Iterator[Cited]:
        model = made.get("model")
        settings = model if isinstance(model, dict) else {}
        spec = str(settings.get("model") or settings.get("worker") or made.get("name") or name)
        known = next((one for each in (spec, name) if (one := find_publication(each, "model")) is not None), None)
        keys = [] if known is None else [known.key]
        if known is None and not self._is_shipped(spec, name):
            self.unknown[f"the model {spec}"] = None
        parts = [f"{whose} is {spec}" if spec == name else f"{whose}, {name}, is {spec}"]
        for key, said in (("revision", "revision"), ("adapter", "adapter"), ("dtype", "computed in")):
            if settings.get(key) is not None:
                parts.append(f"{said} {settings[key]}")
        parts += list(_lora(settings.get("lora")))
        yield Cited(", ".join(parts), keys)
        generation = made.get("generation")
        if isinstance(generation, dict):
            yield Cited(f"It was given the {_heard(made)}; its answers were {_decoded(generation)}", [])
        else:
            yield Cited("Its responses were recorded elsewhere, and do not say how they were generated", [])

    def _is_shipped(self, *names: str) -> bool:
        """Whether it is one of the models that ship with this package, which has no publication but the tool."""
        return any(name.removeprefix("lab-") in ("corpus-style", "self-aligned", "backbone") for name in names)

    def _corpora(self) -> Iterator[Cited]:
        if self._benchmark is None and _answers(self._summary, OFFICIAL.fingerprint):
            sources: list[str | None] = [*sorted(CORPORA, key=str.casefold)]
        elif self._benchmark is not None:
            sources = sorted(
                {item.source for item in self._benchmark}, key=lambda source: (source or "").casefold()
            )
        else:
            self.unknown["the corpora of its clips (name the benchmark with --benchmark)"] = None
            return
        named, keys = [], []
        for source in sources:
            if source is None:
                continue
            named.append(source)
            known = find_publication(source, "corpus")
            if known is None:
                self.unknown[f"the corpus {source}"] = None
            else:
                keys.append(known.key)
        if named:
            yield Cited(f"The clips of the benchmark come from {_list(named)}", keys)
        if None in sources:
            some = "some of " if named else ""
            yield Cited(f"The benchmark names no corpus for {some}its clips", [])

    def _scored(self) -> Iterator[Cited]:
        settings = self._settings
        loose = "" if settings.get("loose") == "no" else ", with the loose pass"
        yield Cited(
            f"Constraints were checked by rules (rule set {settings.get('rules')}, verifiers "
            f"{settings.get('verifiers')}, language detector {settings.get('detector')}{loose}; missing responses "
            f"count as {settings.get('missing')})",
            [IFEVAL],
        )
        if (told := told_contaminated(settings)) is not None:
            yield Cited(f"The run is contaminated: {told}", [])
        judge = str(settings.get("judge"))
        what = "Reasoning was" if self._summary.task is None else "Reasoning, answers and transcripts were"
        if judge == "none":
            yield Cited("Reasoning was not judged, so that IFrate does not exist", [])
        elif judge.startswith("replay-"):
            yield Cited(f"{what} judged by recorded replies of a judge ({judge})", [])
            self.unknown[f"the judge whose recorded replies are {judge}"] = None
        else:
            known = find_publication(judge, "judge", "tool")
            if known is None:
                self.unknown[f"the judge {judge}"] = None
            yield Cited(f"{what} judged by {judge}", [] if known is None else [known.key])
        task = self._summary.task
        if task is not None:
            known = find_publication(task.normaliser, "normaliser")
            yield Cited(
                f"Word errors are counted after the normaliser {task.normaliser}; their intervals are "
                f"bootstrapped with seed {task.seed}",
                [] if known is None else [known.key],
            )

    def _statistics(self) -> Iterator[Cited]:
        yield Cited(
            "IFrate is the unweighted mean of the following rates of closed-ended questions, creative writing and "
            "chain of thought; all intervals are at 95 %, with the clip as sampling unit: Wilson's score interval "
            "at the effective sample size for rates, and its extension to sums of rates for IFrate",
            ["wilson1927", "kish1965"],
        )
        if self._summary.forgetting is not None:
            yield Cited(
                "The forgetting rate is the relative difference of IFrate to the reference system's, with "
                "Fieller's interval; codes were tested against the reference by McNemar's exact test, adjusted "
                "over the codes by Holm's method",
                ["fieller1954", "mcnemar1947", "holm1979"],
            )

    def _figures(self) -> Iterator[Cited]:
        summary = self._summary
        parts = [f"IFrate {_estimate(summary.ifrate, ' %')}"]
        if summary.reference is not None:
            parts.append(f"the reference's {_estimate(summary.reference.ifrate, ' %')}")
        if summary.forgetting is not None:
            parts.append(f"forgetting rate {_estimate(summary.forgetting, ' %')}")
        if summary.points is not None:
            parts.append(f"difference {_estimate(summary.points, ' points')}")
        counts = f"{summary.ifrate.n} items scored, {summary.ifrate.unscored} unscored"
        yield Cited(f"The figures are {', '.join(parts)}; {counts}", [])


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / RUN_FILE).read_bytes())
    except (OSError, ValueError):  # a reference that was scored elsewhere
        return {}
    return found if isinstance(found, dict) else {}


def _lora(told: Any) -> Iterator[str]:
    """Factor, α and r, which never stand alone."""
    sorts = told if isinstance(told, list) else [told]
    for one in sorts:
        if isinstance(one, dict) and {"factor", "alpha", "r"} <= one.keys():
            yield (
                f"its LoRA at factor {one['factor']:g} of what was trained (α {one['alpha']:g}, r {one['r']:g}"
                + (", rank-stabilised)" if one.get("rslora") else ")")
            )


def _heard(made: Mapping[str, Any]) -> str:
    system = made.get("system")
    told = f', the system prompt "{system}"' if system else ""
    return f"{'transcript' if made.get('input') == 'transcript' else 'audio'}{told} and the instruction"


def _decoded(generation: Mapping[str, Any]) -> str:
    greedy = not generation.get("temperature")
    how = "decoded greedily" if greedy else "sampled"
    rest = ", ".join(
        f"{key.replace('_', ' ')} {value:g}" for key, value in generation.items() if isinstance(value, int | float)
    )
    return f"{how} ({rest})"


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _estimate(found: Estimate, unit: str) -> str:
    if found.value is None:
        return f"does not exist ({found.why})"
    value, low, high = (
        f"{end:.2f}".replace("-", "−") for end in (found.value, found.low or 0.0, found.high or 0.0)
    )
    return f"{value}{unit}" + ("" if found.low is None or found.high is None else f" ({low} to {high})")
