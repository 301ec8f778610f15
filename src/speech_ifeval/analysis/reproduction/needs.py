"""What a missing cell takes: commands, answers and judge calls, and hours where an answer's time is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from speech_ifeval.records import TWIN_CATEGORY
from speech_ifeval.results import MissingSystem, PublishedFigures, PublishedScale, PublishedSystem
from speech_ifeval.results.reproduction import Table

BENCHMARK = "benchmarks/official"
_HOUR = 3600


class Needs:
    """Reckons for one table; a reference system that several models share is asked once.

    Args:
        table: which.
        figures: the published ones, with the sizes of the benchmark.
        seconds: how long an answer takes; None where it is not known.
    """

    def __init__(self, table: Table, figures: PublishedFigures, seconds: float | None) -> None:
        self._table = table
        self._figures = figures
        self._seconds = seconds
        self._asked: set[str] = set()

    def had(self, system: str) -> None:
        """Note that a system is at hand: it is not asked again as a reference."""
        self._asked.add(system)

    def of(
        self, one: PublishedSystem, printed: dict[str, float], scale: PublishedScale | None = None
    ) -> MissingSystem:
        """Return what a system without a run takes, with its reference's answers where nothing has them yet."""
        systems = 1
        reference = None
        if one.reference is not None and one.kind == "slm" and self._table != "task-level":
            reference = next(system for system in self._figures.systems if system.name == one.reference)
            if reference.name not in self._asked:
                systems += 1
                self.had(reference.name)
        answers = systems * self.answers()
        return MissingSystem(
            system=one.name,
            printed=printed,
            commands=list(self._commands(one, reference, scale)),
            page=one.page,
            answers=answers,
            judge_calls=systems * self.judge_calls(),
            gpu_hours=None if self._seconds is None else answers * self._seconds / _HOUR,
        )

    def answers(self) -> int:
        """How many questions one system answers."""
        sizes = self._figures.items
        return sum(size for name, size in sizes.items() if name != TWIN_CATEGORY or self._table == "task-level")

    def judge_calls(self) -> int:
        """How many replies of one system a judge sees: chain of thought, and for the task level every answer."""
        sizes = self._figures.items
        answers = sizes["closed-ended"] + sizes[TWIN_CATEGORY]
        return sizes["chain-of-thought"] + (answers if self._table == "task-level" else 0)

    def _commands(
        self, one: PublishedSystem, reference: PublishedSystem | None, scale: PublishedScale | None
    ) -> Iterator[str]:
        parts = ["speech-ifeval run", f"--model {one.spec}"]
        if one.spec.startswith("worker:"):
            parts.append('--model-args "$ARGUMENTS' + (f',lora_alpha={scale.alpha:g}"' if scale else '"'))
        if one.args is not None:
            parts.append(f"--model-args {one.args}")
        if one.kind == "reference":
            parts.append("--input transcript")
        if reference is not None:
            parts.append(f"--reference {reference.spec}")
        if reference is not None and reference.args is not None:
            parts.append(f"--reference-args {reference.args}")
        parts.append(f"--benchmark {BENCHMARK}")
        if self._table != "task-level":
            parts += ["--no-twins", "--no-task-level"]
        folder = re.sub(r"[^\w.]+", "-", one.name.casefold()) + (f"-alpha-{scale.alpha:g}" if scale else "")
        yield " ".join([*parts, f"--judge {self._figures.source.judge}", f"--output-dir runs/{folder}"])

    def arithmetic(self, missing: Sequence[MissingSystem], source: str | None) -> Iterator[str]:
        """Say how it was reckoned."""
        sizes = self._figures.items
        counted = [
            f"{size:,} {name}"
            for name, size in sizes.items()
            if name != TWIN_CATEGORY or self._table == "task-level"
        ]
        yield f"answers of one system: {' + '.join(counted)} = {self.answers():,}"
        calls = f"{sizes['chain-of-thought']:,} chain-of-thought"
        if self._table == "task-level":
            calls += f" + {sizes['closed-ended']:,} closed-ended + {sizes[TWIN_CATEGORY]:,} without a constraint"
        yield f"judge calls for one system: {calls} = {self.judge_calls():,}, each tried once"
        answers, judged = sum(one.answers for one in missing), sum(one.judge_calls for one in missing)
        yield (
            f"all that is missing: {answers:,} answers, {judged:,} judge calls; a reference system that several "
            "models share is asked once"
        )
        if self._seconds is None:
            yield (
                "GPU hours: answers × seconds an answer / 3,600. How long an answer takes is not known here: it "
                "depends on the machine. Name a run that measured it, or give --seconds-per-answer"
            )
        else:
            hours = answers * self._seconds / _HOUR
            yield f"GPU hours: {answers:,} answers × {self._seconds:.3g} s ({source}) / 3,600 = {hours:.1f}"
