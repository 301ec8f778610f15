"""Constraints missed by a hair, and passes that only the rule set gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import Group, Worst, worst_of
from speech_ifeval.analysis.diagnosis.telling import told
from speech_ifeval.metrics.intervals import mean_rate_interval
from speech_ifeval.metrics.summaries import category_groups
from speech_ifeval.records import CATEGORIES, CODES, Verdict

RULE = Rule(SPOILT)
NO_CONSTRAINT = "no constraint that rules decide is scored"


@check(
    "near-misses",
    title="constraints missed by a known hair, in the worst code",
    about="scoring",
    rule=RULE,
    cause="The model knows the demand and slips: a bracket is forgotten where the end of the reply is cut or "
    "learnt too short, a count is off by one, quotation marks are curly.",
    advice=(
        "Read the code's rate together with this: it says how exact the replies are, less how obedient.",
        "Where replies break off, ask again with a higher limit, or look at what the model takes for its end.",
        "`speech-ifeval score RUN --loose` trims a reply's first and last line before it is checked.",
    ),
)
def near_misses(evidence: Evidence) -> Measured | Unmade:
    """By the labels that verifiers give (`explain`), and what IFrate would be if these counted as followed."""
    ruled = _ruled(evidence)
    if not ruled:
        return Unmade(NO_CONSTRAINT)
    worst = _by_code(evidence, ruled, lambda verdict: verdict.near_miss is not None)
    missed = [verdict for verdict in ruled if verdict.near_miss is not None]
    common = Counter(verdict.near_miss for verdict in missed)
    parts = []
    for part in worst.parts:
        failed = sum(one.followed is False for one in ruled if _code(one) == part.name)
        kinds = Counter(one.near_miss for one in missed if _code(one) == part.name)
        named = ", ".join(f"{count} {label}" for label, count in kinds.most_common())
        text = f"{part.count} of {failed} failures{f': {named}' if named else ''}"
        parts.append(msgspec.structs.replace(part, text=text))
    return Measured(
        figure=worst.figure,
        of=f"constraints under {worst.name}",
        count=worst.count,
        sentence=" ".join(_if_counted(evidence, missed)),
        cases=[
            Case(one.item, f"{one.constraint}: {one.reason}")
            for one in sorted(missed, key=lambda one: (_code(one) != worst.name, -common[one.near_miss]))
        ],
        parts=parts,
        parts_at_once=True,
        bound=worst.bound,
    )


def _if_counted(evidence: Evidence, missed: list[Verdict]) -> Iterator[str]:
    """Say what IFrate would be, with all of them and with each kind alone."""
    kinds: dict[str, set[tuple[str, int]]] = {}
    for one in missed:
        kinds.setdefault(str(one.near_miss), set()).add((one.item, one.index))
    if not kinds:
        return
    yield f"{_ifrate(evidence, 'they', set().union(*kinds.values()))}"
    if len(kinds) > 1:
        for name, keys in sorted(kinds.items(), key=lambda kind: -len(kind[1]))[:3]:
            yield _ifrate(evidence, f"{len(keys)} × {name}", keys)


def _ifrate(evidence: Evidence, whose: str, keys: set[tuple[str, int]]) -> str:
    """What follows then is followed now, or is one of these: the gain is the mean share of items that turn."""
    verdicts = evidence.run.scored.verdicts
    counted = [
        msgspec.structs.replace(one, followed=True) if (one.item, one.index) in keys else one for one in verdicts
    ]
    now, then = (category_groups(side, evidence.clip_index) for side in (verdicts, counted))
    if not all(len(group.followed) for group in (*now, *then)):
        return f"If {whose} counted as followed: there is no IFrate, a category has no scored item."
    turning = [(after.followed & ~before.followed, after.clip) for before, after in zip(now, then, strict=True)]
    # Judged categories cannot turn, however few their items are: they are no part of what is estimated.
    ruled = [group for category, group in zip(CATEGORIES, turning, strict=True) if category != CATEGORIES[2]]
    gain = mean_rate_interval(ruled)
    points = told(*(100 * end * len(ruled) / len(CATEGORIES) for end in gain), signed=True)
    ifrate = 100 * sum(float(group.followed.mean()) for group in then) / len(CATEGORIES)
    return f"If {whose} counted as followed, IFrate would be {ifrate:.2f} %: {points} points."


@check(
    "lenient-passes",
    title="passes that the careful reading does not give, in the worst code",
    about="scoring",
    rule=RULE,
    cause="The published rules check less than the instruction says: text outside <<…>> passes, say, or a phrase "
    "at the end that is cut.",
    advice=("`speech-ifeval score RUN --rules careful` reads what the instruction says; compare both readings.",),
)
def lenient_passes(evidence: Evidence) -> Measured | Unmade:
    """Constraints of a code that are followed by the official rules and not by the careful ones."""
    rules = evidence.run.scored.settings.get("rules")
    if rules != "official":
        return Unmade(
            f"the run was scored with the rules {rules}; the official ones are held against careful ones"
        )
    ruled = _ruled(evidence)
    if not ruled:
        return Unmade(NO_CONSTRAINT)
    worst = _by_code(evidence, ruled, _lenient)
    passed = [verdict for verdict in ruled if _lenient(verdict)]
    stricter = sum(verdict.otherwise is not None and verdict.followed is False for verdict in ruled)
    return Measured(
        figure=worst.figure,
        of=f"constraints under {worst.name}",
        count=worst.count,
        sentence=f"In all codes: {len(passed)} such passes, and {stricter} fails that the careful reading passes.",
        cases=[
            Case(one.item, f"{one.constraint} is followed by the official rules, not by the careful ones")
            for one in sorted(passed, key=lambda one: _code(one) != worst.name)
        ],
        parts=worst.parts,
        parts_at_once=True,
        bound=worst.bound,
    )


def _lenient(verdict: Verdict) -> bool:
    return verdict.followed is True and verdict.otherwise is not None


def _ruled(evidence: Evidence) -> list[Verdict]:
    return [one for one in evidence.run.scored.verdicts if one.followed is not None and one.rules != "judge"]


def _code(verdict: Verdict) -> str:
    return verdict.code or verdict.constraint


def _by_code(evidence: Evidence, verdicts: Iterable[Verdict], does: Callable[[Verdict], bool]) -> Worst:
    groups: dict[str, Group] = {}
    for verdict in verdicts:
        groups.setdefault(_code(verdict), Group()).add(verdict, does(verdict))
    order = {code: number for number, code in enumerate(CODES)}
    ordered = dict(sorted(groups.items(), key=lambda group: (order.get(group[0], len(order)), group[0])))
    return worst_of(evidence, ordered, RULE)
