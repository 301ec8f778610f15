"""Do judgements follow from what the judge is recorded to have said, and is it about the responses at hand?"""

from __future__ import annotations

from collections.abc import Iterator

from speech_ifeval.constraints import split_thoughts
from speech_ifeval.endpoints import CallError
from speech_ifeval.judges import CALL_FAILED, Question, Setup, judge_of, open_judge, reply_hash, use_of
from speech_ifeval.judges.replay import RECORDED
from speech_ifeval.judges.rereading import reread, same_finding
from speech_ifeval.judges.wording import fenced_reply
from speech_ifeval.models.recorded import Intake
from speech_ifeval.pipeline.judging import questions_about
from speech_ifeval.records import TWIN_CATEGORY, Judgement
from speech_ifeval.results import Claim, Contradiction
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.benchmark_claim import CheckedBenchmark
from speech_ifeval.submission.claims import claim, contradiction
from speech_ifeval.submission.reading import PackedSide

_HEURISTIC = "heuristic"


def check_judge(label: str, packed: PackedSide, intake: Intake, found: CheckedBenchmark, *, changed: int) -> Claim:
    """Check every judgement of a run.

    Args:
        label: what stands behind the claim's name.
        packed: the run.
        intake: its responses.
        found: the benchmark.
        changed: how many texts were written otherwise; a judge that is named by its content is not checked then.
    """
    name = f"judgements{label}"
    judge = str(packed.scored.get("judge"))
    if not packed.judgements:
        return claim(name, "none")
    checking = _Checking(judge, packed, intake, found, changed)
    wrong = list(checking.wrong())
    detail = f"{checking.read} follow from what {judge} said"
    if checking.unread:
        why = (
            "it takes texts that are withheld"
            if judge.startswith(_HEURISTIC)
            else "nothing tells how they came about"
        )
        detail = f"{detail}, {checking.unread} not checked: {why}"
    return claim(name, detail, wrong, checked=not checking.unread)


class _Checking:
    """Judgements gone through once: `read` were made again from the judge's words, `unread` could not be."""

    def __init__(
        self, judge: str, packed: PackedSide, intake: Intake, found: CheckedBenchmark, changed: int
    ) -> None:
        self._judge = judge
        self._packed = packed
        self._responses = intake.responses
        self._found = found
        self._changed = changed
        self._questions, self._known = questions_about(
            found.benchmark.items, found.benchmark, intake.responses, task_level=True
        )
        self.read = self.unread = 0

    def wrong(self) -> Iterator[Contradiction]:
        seen: set[tuple[str, str]] = set()
        by_rules = self._by_rules_of_thumb()
        for row in self._packed.judgements:
            one = row.judgement
            key = one.item, one.use
            item = self._found.benchmark.by_id.get(one.item)
            response = self._responses.get(one.item)
            if item is None or use_of(item) != one.use:
                yield contradiction(f"{one.item} {one.use}", "an item that is judged so", "none")
            elif key in seen:
                yield contradiction(f"{one.item} {one.use}", "one judgement", "another")
            elif (
                response is not None and response.text is not None and reply_hash(response.text) == one.reply_hash
            ):
                yield from self._follows(row, response.text, by_rules.get(key))
            seen.add(key)
        yield from self._named_by_content()

    def _follows(self, row: own.PackedJudgement, text: str, by_rules: Judgement | None) -> Iterator[Contradiction]:
        one, answer = row.judgement, split_thoughts(text).answer
        token = own.token_of(row)
        if one.messages and token is not None and fenced_reply(token, answer) not in one.messages[1].content:
            yield contradiction(f"{one.item} {one.use}", "the judge was sent the response", "another text")
            return
        try:
            expected = by_rules or self._said(row, text, answer, token)
        except CallError as error:
            yield contradiction(f"{one.item} {one.use}", "as many replies as were asked for", str(error))
            return
        if expected is None:
            self.unread += 1
            return
        self.read += 1
        if not same_finding(one, expected):
            yield contradiction(f"{one.item} {one.use}", _finding(expected), _finding(one))

    def _said(self, row: own.PackedJudgement, text: str, answer: str, token: str | None) -> Judgement | None:
        """What the judge's words say; those of people and of judges of somebody else's kind are not read."""
        one = row.judgement
        nobody = one.judge_reply is None and not row.withheld and not one.messages
        if nobody and (one.item, one.use) in self._known:  # an empty reply, about which nobody was asked
            return self._known[one.item, one.use]
        if token is None and CALL_FAILED not in one.flags and not self._judge.startswith(RECORDED):
            return None
        return reread(one, text, answer, token)

    def _by_rules_of_thumb(self) -> dict[tuple[str, str], Judgement]:
        """Judge by rules of thumb once more; a verdict on a label takes the texts."""
        if not self._judge.startswith(_HEURISTIC):
            return {}
        with open_judge(_HEURISTIC, Setup(self._found.benchmark)) as judge:
            if judge.label != self._judge:
                return {}
            return {(one.item, one.use): one for one in judge.judge(filter(self._is_whole, self._questions))}

    def _is_whole(self, question: Question) -> bool:
        if question.use != "accuracy":
            return True
        item = self._found.benchmark.item(question.item)
        asked = item.twin if item.twin is not None and item.category != TWIN_CATEGORY else item.id
        return not {item.id, asked} & self._found.withheld

    def _named_by_content(self) -> Iterator[Contradiction]:
        """A judge whose replies were recorded elsewhere is called by a hash of them, messages included."""
        withheld = any(row.withheld for row in self._packed.judgements)
        if not self._judge.startswith(RECORDED) or withheld or self._changed:
            return
        said = [row.judgement for row in self._packed.judgements]
        expected = judge_of({(one.item, one.use): one for one in said}).label
        if expected != self._judge:
            yield contradiction("judge", expected, self._judge)


def _finding(one: Judgement) -> str:
    if one.use == "transcript":
        said = "no transcript" if one.extracted is None else f"the transcript {one.extracted!r}"
    else:
        said = {True: "yes", False: "no", None: "unscored"}[one.verdict]
    return said + (f" ({', '.join(one.flags)})" if one.flags else "")
