"""The items of the page, and what each system replied to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from speech_ifeval.analysis.diagnosis.evidence import SystemRun
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.judges import Judged
from speech_ifeval.judges.wording import token_in
from speech_ifeval.records import USES, Item, Judgement, Verdict
from speech_ifeval.report.page.document import (
    Marks,
    ShownConstraint,
    ShownItem,
    ShownJudgement,
    ShownReply,
    ShownSystem,
    ShownVerdict,
)
from speech_ifeval.report.page.marking import demand_span, failure_marks, joined

TOKEN = "\0"  # in a line of what a judge was sent: its token, of which there is one a judgement
REPLY = -1  # in the place of a line: the reply that was judged, which the page holds already


class Lines:
    """Lines of text, each kept once: what judges are sent is mostly the same rubric, and the reply."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, text: str, token: str | None = None, reply: str | None = None) -> list[int]:
        """Return the numbers of a text's lines.

        Args:
            text: what was sent.
            token: what `TOKEN` stands for in its lines, unless that is in the text itself.
            reply: what `REPLY` stands for where it has lines of its own.
        """
        if reply:
            before, found, after = text.partition(f"\n{reply}\n")
            if found:
                return [*self.add(before, token), REPLY, *self.add(after, token)]
        if token and TOKEN not in text:
            text = text.replace(token, TOKEN)
        return [self._numbers.setdefault(line, len(self._numbers)) for line in text.split("\n")]

    @property
    def kept(self) -> list[str]:
        """Every line, by its number."""
        return list(self._numbers)


def asked_items(systems: Iterable[SystemRun], benchmark: Benchmark) -> list[Item]:
    """Return the items that any of the systems was scored on, in the benchmark's order."""
    wanted = {verdict.item for system in systems for verdict in system.scored.verdicts}
    return [item for item in benchmark if item.id in wanted]


def shown_item(item: Item, benchmark: Benchmark, codes: dict[str, str | None], withheld: bool) -> ShownItem:
    """Return an item as the page shows it; `withheld` leaves out what is said in its clip.

    Args:
        item: a scored one.
        benchmark: its own.
        codes: of constraints, by id.
        withheld: whether the transcript, and a label that is one, may not be passed on.
    """
    return ShownItem(
        id=item.id,
        category=item.category,
        dataset=item.dataset,
        instruction=item.instruction,
        clip_name=item.clip,
        demand=demand_span(benchmark, item),
        constraints=[
            ShownConstraint(one.id, codes.get(one.id), ", ".join(_kwarg(*pair) for pair in one.kwargs.items()))
            for one in item.constraints
        ],
        source=item.source,
        transcript=None if withheld else item.transcript,
        label=None if withheld and item.metric == "wer" else item.label,
        metric=item.metric,
        twin=item.twin,
        withheld=withheld,
    )


def _kwarg(name: str, value: object) -> str:
    return f"{name} {json.dumps(value, ensure_ascii=False, default=str)}"


def codes_of(systems: Iterable[SystemRun]) -> dict[str, str | None]:
    """Return the code that each constraint id counts under."""
    return {verdict.constraint: verdict.code for system in systems for verdict in system.scored.verdicts}


def shown_system(
    system: SystemRun, items: Sequence[Item], benchmark: Benchmark, lines: Lines, secret: dict[str, list[str]]
) -> ShownSystem:
    """Return a system with its reply to each item.

    Args:
        system: whose replies.
        items: those of the page.
        benchmark: theirs.
        lines: takes the lines of what judges were sent.
        secret: by item id, texts that may not be passed on.
    """
    verdicts: dict[str, list[Verdict]] = {}
    for verdict in system.scored.verdicts:
        verdicts.setdefault(verdict.item, []).append(verdict)
    replies = [
        _reply(system, item, verdicts.get(item.id, []), benchmark, lines, secret.get(item.id, []))
        for item in items
    ]
    return ShownSystem(system.name, system.scored.signature(), system.judged.label, replies)


def _reply(
    system: SystemRun,
    item: Item,
    verdicts: Sequence[Verdict],
    benchmark: Benchmark,
    lines: Lines,
    secret: Sequence[str],
) -> ShownReply:
    if not verdicts:
        return ShownReply(scored=False)
    response = system.responses.get(item.id)
    twin = benchmark.by_id.get(item.twin) if item.twin is not None else None
    plain = None if twin is None else system.responses.get(twin.id)
    text = None if response is None else response.text
    return ShownReply(
        text=text,
        error=None if response is None else response.error,
        cut=response is not None and response.finish_reason == "length",
        followed=system.followed.get(item.id),
        verdicts=[
            ShownVerdict(one.index, one.followed, one.reason, one.near_miss, one.otherwise) for one in verdicts
        ],
        marks=_marks(item, verdicts, text or ""),
        judgements=_judgements(system.judged, item.id, text, lines, secret),
        plain=None if plain is None else plain.text,
        plain_error=None if plain is None else plain.error,
        plain_judgements=[]
        if twin is None
        else _judgements(system.judged, twin.id, None if plain is None else plain.text, lines, secret),
        right=_right(system.judged, item.id),
        plain_right=None if twin is None else _right(system.judged, twin.id),
    )


def _marks(item: Item, verdicts: Sequence[Verdict], text: str) -> Marks:
    found: Marks = []
    for verdict in verdicts:
        if verdict.followed is False and verdict.index < len(item.constraints):
            found += failure_marks(item.constraints[verdict.index], text, verdict.reason)
    return joined(found)


def _right(judged: Judged, item: str) -> bool | None:
    found = judged.judgements.get((item, "accuracy"))
    return None if found is None else found.verdict


def _judgements(
    judged: Judged, item: str, reply: str | None, lines: Lines, secret: Sequence[str]
) -> list[ShownJudgement]:
    found = (judged.judgements.get((item, use)) for use in USES)
    return [_judgement(one, reply, lines, secret) for one in found if one is not None]


def _judgement(one: Judgement, reply: str | None, lines: Lines, secret: Sequence[str]) -> ShownJudgement:
    open_messages = [message for message in one.messages if not any(text in message.content for text in secret)]
    token = token_in(one.messages) if all(TOKEN not in message.content for message in open_messages) else None
    return ShownJudgement(
        use=one.use,
        verdict=one.verdict,
        reply=one.judge_reply,
        extracted=one.extracted,
        reason=one.reason,
        messages=[(message.role, lines.add(message.content, token, reply)) for message in open_messages],
        token=token if open_messages else None,
        withheld=len(one.messages) - len(open_messages),
    )
