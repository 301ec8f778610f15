"""``replay:PATH``: what a judge said before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from speech_ifeval.judges.interface import Judge, Judged, Question
from speech_ifeval.judges.registry import Setup, judge_kind
from speech_ifeval.judges.replay import recorded_at
from speech_ifeval.records import Judgement


@judge_kind("replay", target="PATH")
def open_replay(target: str, setup: Setup) -> Judge:
    """Recorded replies: a file or folder in the release's layout, or the judgements of a run directory.

    Raises:
        UsageError: there are none at the path.
        DataError: a line is not what it should be.
        MismatchError: an item was judged twice, differently.
    """
    return _Recorded(recorded_at(Path(target), setup.benchmark))


class _Recorded(Judge):
    recorded: Judged

    def __init__(self, judged: Judged) -> None:
        self.recorded = judged
        self.label = judged.label

    def judge(self, questions: Iterable[Question]) -> Iterator[Judgement]:
        for question in questions:
            said = self.recorded.judgements.get((question.item, question.use))
            if said is not None:
                yield said
