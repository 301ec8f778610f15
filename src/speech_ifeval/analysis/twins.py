"""Twins: a question without and with its constraint, and what is known of the two replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from speech_ifeval.analysis.replies import announced_option, answer_in, beyond, echoes, named_options, same_option
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.word_errors import normalise
from speech_ifeval.records import Response

_RIGHT = "\N{CHECK MARK}"  # no option is spelled so
_OUTSIDE = "\N{BALLOT X}"


@dataclass(frozen=True)
class Side:
    """One of the two: what is known of its answer, and its reply without thoughts (None where there is none)."""

    answer: Answer
    reply: str | None = field(repr=False)
    echoes: bool | None
    options: tuple[str, ...]
    label: str | None = None

    @property
    def wrong(self) -> bool | None:
        """Whether the answer to a closed question is judged wrong; None where it is not judged."""
        return None if self.answer.correct is None else not self.answer.correct

    @cached_property
    def contradicted(self) -> bool | None:
        """Whether the answer is judged wrong, though the reply says that its answer is the label."""
        if self.wrong is None or self.reply is None or self.label is None:
            return None
        if not self.wrong:
            return False
        announced = announced_option(self.reply, (*self.options, self.label))
        return announced is not None and same_option(announced, self.label)

    @property
    def empty(self) -> bool | None:
        """Whether nothing is left of the reply beside its thoughts."""
        return None if self.reply is None else not self.reply.strip()

    @cached_property
    def named(self) -> frozenset[str] | None:
        """The options that the reply names; None where the question offers none, or there is no reply."""
        return named_options(self.reply, self.options) if self.options and self.reply is not None else None

    def made_up(self, times: float) -> bool | None:
        """Whether the answer is none that could be: too many words inserted, or an answer that was not offered."""
        if self.answer.edits is not None:
            return beyond(self.answer.edits, times)
        if self.wrong is None or self.named is None:
            return None
        return self.wrong and not self.empty and not self.named

    @cached_property
    def given(self) -> str | None:
        """The answer in a form to be compared with the twin's; None where it cannot be told.

        A right answer is the label, however it is worded. A wrong one is the one option that the reply names, or
        none of them; which of several a reply means is not guessed.
        """
        if self.answer.metric == "wer":
            return None if self.answer.edits is None else normalise(self.answer.text or "")
        if self.wrong is None or self.empty is None:
            return None
        if not self.wrong:
            return _RIGHT
        if self.empty:
            return ""
        if self.named is None or len(self.named) > 1:
            return None
        return next(iter(self.named), _OUTSIDE)


@dataclass(frozen=True)
class Twin:
    """A question answered without (`plain`) and with the constraint; `id` is that of the constrained item."""

    id: str
    plain: Side
    constrained: Side

    @property
    def answer(self) -> Answer:
        """What the two share: data set, clip, speaker, metric, code."""
        return self.constrained.answer

    @property
    def changed(self) -> bool | None:
        """Whether the answer is another one with the constraint; None where that cannot be told.

        Two answers outside the options may be the same or not, so nothing is said of them.
        """
        before, after = self.plain.given, self.constrained.given
        if self.answer.metric == "accuracy" and self.plain.wrong != self.constrained.wrong:
            return None if self.plain.wrong is None or self.constrained.wrong is None else True
        if before is None or after is None or before == after == _OUTSIDE:
            return None
        return before != after


def twins_of(benchmark: Benchmark, responses: Mapping[str, Response], answers: Sequence[Answer]) -> list[Twin]:
    """Return the twins of which both were asked, in the order of the constrained items.

    Args:
        benchmark: the items.
        responses: by item id.
        answers: what is known of each, see `speech_ifeval.pipeline.answers.answers_of`.
    """
    plain = {answer.pair: answer for answer in answers if not answer.constrained}
    found = []
    for answer in answers:
        other = plain.get(answer.pair)
        if answer.constrained and other is not None and answer.item in responses and other.item in responses:
            options = options_of(benchmark.item(other.item).instruction) if answer.metric == "accuracy" else ()
            sides = [_side(benchmark, responses[one.item], one, options) for one in (other, answer)]
            found.append(Twin(answer.pair, *sides))
    return found


def _side(benchmark: Benchmark, response: Response, answer: Answer, options: tuple[str, ...]) -> Side:
    item = benchmark.item(answer.item)
    if response.text is None:
        return Side(answer, None, None, options, item.label)
    reply = answer_in(response.text)
    return Side(answer, reply, echoes(item, reply), options, item.label)
