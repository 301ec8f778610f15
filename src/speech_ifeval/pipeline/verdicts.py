"""From items and responses to verdicts: one for every constraint of every item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speech_ifeval.constraints import Compiled, split_thoughts
from speech_ifeval.constraints.remembering import compiled
from speech_ifeval.errors import ConstraintError
from speech_ifeval.judges import Judged
from speech_ifeval.judges.replay import reply_hash
from speech_ifeval.records import JUDGED_CODE, JUDGED_ID, Constraint, Item, Response, Verdict

# The reading beside the one asked for: how many verdicts would flip if the other were used.
OTHER_RULES = {"official": "careful", "careful": "official", "ifeval": "official"}

NO_RESPONSE = "no response"
NOT_JUDGED = "not judged: no judge, and no recorded reply of one"
OTHER_REPLY = "the recorded judge reply is about another response"


@dataclass(frozen=True)
class Rules:
    """What decides: the rule set, the loose pass, the judge, and what a missing response counts as."""

    rules: str
    loose: bool
    judge: Judged
    missing_fails: bool

    def verdicts(self, item: Item, response: Response | None) -> Iterator[Verdict]:
        """Yield the item's verdicts, one a constraint, in their order."""
        text = None if response is None else response.text
        answer = None if text is None else split_thoughts(text).answer
        for index, constraint in enumerate(item.constraints):
            if answer is None:
                why = NO_RESPONSE
                if response is not None and response.error is not None:
                    why = f"no response: {response.error}"
                yield self._verdict(item, constraint, index, False if self.missing_fails else None, why)
            elif constraint.id == JUDGED_ID:
                yield self._judged(item, constraint, index, text or "")
            else:
                yield self._ruled(item, constraint, index, answer)

    def _ruled(self, item: Item, constraint: Constraint, index: int, answer: str) -> Verdict:
        asked = compiled(constraint.id, constraint.kwargs, self.rules, self.loose)
        followed, reason, near_miss = asked.explain(answer)
        other = self._other(constraint)
        otherwise = other.rules if other is not None and other.check(answer) != followed else None
        return self._verdict(item, constraint, index, followed, reason or None, near_miss, otherwise)

    def _other(self, constraint: Constraint) -> Compiled | None:
        try:
            return compiled(constraint.id, constraint.kwargs, OTHER_RULES[self.rules], self.loose)
        except ConstraintError:  # a plug-in's constraint need not have a meaning in every rule set
            return None

    def _judged(self, item: Item, constraint: Constraint, index: int, text: str) -> Verdict:
        judgement = self.judge.judgements.get((item.id, "reasoning"))
        if judgement is None:
            return self._verdict(item, constraint, index, None, NOT_JUDGED)
        if judgement.reply_hash != reply_hash(text):
            return self._verdict(item, constraint, index, None, OTHER_REPLY)
        reason = judgement.reason if judgement.verdict is not False else judgement.reason or "the judge says no"
        return self._verdict(item, constraint, index, judgement.verdict, reason)

    def _verdict(
        self,
        item: Item,
        constraint: Constraint,
        index: int,
        followed: bool | None,
        reason: str | None,
        near_miss: str | None = None,
        otherwise: str | None = None,
    ) -> Verdict:
        judged = constraint.id == JUDGED_ID
        code = JUDGED_CODE if judged else compiled(constraint.id, constraint.kwargs, self.rules, self.loose).code
        return Verdict(
            item=item.id,
            category=item.category,
            dataset=item.dataset,
            clip=item.clip,
            constraint=constraint.id,
            code=code,
            index=index,
            rules="judge" if judged else self.rules,
            followed=followed,
            reason=reason,
            near_miss=near_miss,
            otherwise=otherwise,
        )
