"""A benchmark as harnesses ask it: items and prompts out, texts in, verdicts on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.selection import Selection, growing_order
from speech_ifeval.constraints import find_definition
from speech_ifeval.constraints.language import detector_label
from speech_ifeval.integrations.harness.settings import TaskSettings, read_settings
from speech_ifeval.judges import Judge, Judged, Setup, no_judge, open_judge
from speech_ifeval.metrics.summaries import SIGNED
from speech_ifeval.models import Request
from speech_ifeval.pipeline.asking import refuse_untranscribed
from speech_ifeval.pipeline.judging import NO_JUDGE, questions_about
from speech_ifeval.pipeline.preflight import find_audio
from speech_ifeval.pipeline.scoring import verifier_versions, verifiers_digest
from speech_ifeval.pipeline.verdicts import Rules
from speech_ifeval.records import Item, Response, Verdict


class Prompt(Struct, frozen=True):
    """What a harness asks of one item: system prompt (None for none), the user's text, the clip if it is heard."""

    item: Item
    system: str | None
    text: str
    audio: Path | None


class Questions:
    """The items of a benchmark that carry a constraint, in the order in which samples grow.

    Args:
        settings: what is asked and how it is scored.

    Raises:
        SpeechIFEvalError: the benchmark cannot be read, or there is no such judge or rule set.

    >>> questions = Questions(TaskSettings(benchmark="example"))
    >>> (verdict,) = questions.verdicts("closed-ended/0002", "I heard: hello")
    >>> verdict.constraint, verdict.followed
    ('combination:repeat_prompt', False)
    """

    def __init__(self, settings: TaskSettings) -> None:
        find_definition("startend:quotation", settings.rules)  # a mistyped rule set is found here
        self.settings = settings
        self.benchmark = load_benchmark(settings.benchmark)
        self.items: Sequence[Item] = growing_order(Selection().choose(self.benchmark))
        self._judge = None if settings.judge == NO_JUDGE else self._opened()

    def _opened(self) -> Judge:
        setup = Setup(self.benchmark, repeats=self.settings.judge_repeats)
        return open_judge(self.settings.judge, setup, self.settings.judge_args)

    def heard(self) -> list[Prompt]:
        """Return what a model that hears is asked.

        Raises:
            UsageError, DataError: there is no audio.
        """
        given = self.settings.audio_dir
        folder = find_audio(self.benchmark, self.items, None if given is None else Path(given))
        return [self._prompt(item, folder / item.clip) for item in self.items]

    def read(self) -> list[Prompt]:
        """Return what a reference system is asked, with the transcript in the text.

        Raises:
            DataError: an item has no transcript.
        """
        refuse_untranscribed(self.items)
        return [self._prompt(item, None) for item in self.items]

    def _prompt(self, item: Item, audio: Path | None) -> Prompt:
        system = self.settings.system or None
        request = Request(item.id, item.instruction, audio, item.transcript, system)
        return Prompt(item, system, request.text, audio)

    @property
    def asks_a_judge(self) -> bool:
        """Whether a judge is asked, which may take long, rather than replayed or not there."""
        return self._judge is not None and self._judge.recorded is None

    def verdicts(self, id: str, reply: str | None, error: str | None = None) -> list[Verdict]:
        """Return the verdicts on one item's reply, one a constraint; safe to call from several threads.

        Args:
            id: the item's.
            reply: the model's whole text, thoughts included; None where there is none, which is unscored.
            error: why there is none.

        Raises:
            UsageError: no such item.
            SpeechIFEvalError: the judge can judge nothing.
        """
        item = self.benchmark.item(id)
        response = Response(id, reply, error=error)
        rules = Rules(self.settings.rules, self.settings.loose, self._judged(item, response), missing_fails=False)
        return list(rules.verdicts(item, response))

    def _judged(self, item: Item, response: Response) -> Judged:
        if self._judge is None:
            return no_judge
        if self._judge.recorded is not None:
            return self._judge.recorded
        asked, known = questions_about([item], self.benchmark, {item.id: response}, task_level=False)
        if asked:
            known |= {(one.item, one.use): one for one in self._judge.judge(asked)}
        return Judged(self._judge.label, known)

    @cached_property
    def signature(self) -> str:
        """What the verdicts depend on, as one line; in the words of `speech-ifeval score`."""
        rules = self.settings.rules
        versions = verifier_versions(self.items, rules)
        settings = {
            "benchmark": f"{self.benchmark.name}-{self.benchmark.short_fingerprint}",
            "rules": rules,
            "verifiers": verifiers_digest(versions),
            "detector": detector_label(rules, versions.keys()),
            "judge": NO_JUDGE if self._judge is None else self._judge.label,
            "loose": "yes" if self.settings.loose else "no",
            "missing": "unscored",
            "version": version("speech-ifeval"),
        }
        return "|".join(f"{name}:{settings[name]}" for name in SIGNED if name in settings)


@cache
def questions_for(settings: str) -> Questions:
    """Return the questions of encoded settings, read once a process.

    Raises:
        SpeechIFEvalError: as `Questions`.
    """
    return Questions(read_settings(settings))


def told(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """Return verdicts as JSON types, what a harness writes down beside a reply.

    >>> verdict = Verdict("a", "closed-ended", "asr", "a.wav", "startend:quotation", "WR", 0, "official", True)
    >>> told([verdict])
    [{'constraint': 'startend:quotation', 'code': 'WR', 'followed': True, 'reason': None, 'rules': 'official'}]
    """
    shown = ("constraint", "code", "followed", "reason", "rules")
    return [{name: getattr(verdict, name) for name in shown} for verdict in verdicts]
