from __future__ import annotations

from collections.abc import Iterable, Iterator

from speech_ifeval.judges import Judge, Question
from speech_ifeval.records import Judgement


class Always(Judge):
    """Says yes; `judged` are the hashes of what it was asked about."""

    label = "always-1"

    def __init__(self) -> None:
        self.judged: list[str] = []

    def judge(self, questions: Iterable[Question]) -> Iterator[Judgement]:
        for one in questions:
            self.judged.append(one.reply_hash)
            yield Judgement(one.item, one.use, True, one.reply_hash, None)
