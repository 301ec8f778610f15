"""From verdicts to a summary: rates, IFrate, and what was lost against the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from speech_ifeval.metrics.following import EMPTY, ClipIndex, Group, by_item, by_pair, rates
from speech_ifeval.metrics.intervals import (
    Interval,
    forgetting_interval,
    mean_rate_interval,
    points_interval,
)
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.paired import mcnemar
from speech_ifeval.records import CATEGORIES, CODES, SCHEMA_VERSION, Verdict
from speech_ifeval.results import CodeTest, Contamination, Estimate, Rate, Reference, Summary, TaskLevel

# A reference whose IFrate is known to no better than this share of itself makes Δ a poor yardstick.
WIDE_REFERENCE = 0.1
SIGNED = (
    "benchmark",
    "rules",
    "verifiers",
    "detector",
    "judge",
    "loose",
    "missing",
    "normaliser",
    "seed",
    "subset",
    "contaminated",
    "items",
    "unscored",
    "version",
)


@dataclass(frozen=True)
class ScoredRun:
    """What summarising needs of a scored run: its verdicts, what produced them, and what was found beside them."""

    name: str
    verdicts: Sequence[Verdict]
    settings: Mapping[str, Any]
    replies: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    task: TaskLevel | None = None
    contamination: Contamination | None = None

    def all_settings(self) -> dict[str, Any]:
        """The settings, and those of the task level where there is one."""
        own = {} if self.task is None else {"normaliser": self.task.normaliser, "seed": self.task.seed}
        return {**self.settings, **own}

    def signature(self) -> str:
        """The settings and the count of unscored pairs, as one line that stands beside every figure."""
        unscored = sum(verdict.followed is None for verdict in self.verdicts)
        settings = {**self.all_settings(), "unscored": unscored}
        return "|".join(f"{name}:{settings[name]}" for name in SIGNED if name in settings)


def category_groups(verdicts: Sequence[Verdict], clips: ClipIndex) -> list[Group]:
    """The three categories' outcomes by item, in the usual order; a category without items is empty."""
    groups = by_item(verdicts, lambda verdict: verdict.category, clips)
    return [groups.get(category, EMPTY) for category in CATEGORIES]


def arrays(groups: Sequence[Group]) -> list[tuple[Any, Any]]:
    """The groups as the intervals take them: (followed, clip) of each."""
    return [(group.followed, group.clip) for group in groups]


def ifrate(groups: Sequence[Group]) -> Estimate:
    """IFrate, in percent: the unweighted mean of the three categories' following rates.

    `value` is None, and `why` names the categories, where one has no scored item.

    Source: arXiv 2505.19037, section 2.
    """
    n = sum(len(group.followed) for group in groups)
    unscored = sum(group.unscored for group in groups)
    empty = _empty(groups)
    if empty:
        return Estimate(None, None, None, n, unscored, f"no scored item in {', '.join(empty)}")
    return _percent(mean_rate_interval(arrays(groups)), n, unscored)


def _empty(groups: Sequence[Group]) -> list[str]:
    return [name for name, group in zip(CATEGORIES, groups, strict=True) if not len(group.followed)]


def _percent(interval: Interval, n: int, unscored: int) -> Estimate:
    return Estimate(100 * interval.value, 100 * interval.low, 100 * interval.high, n, unscored)


def against(groups: Sequence[Group], reference: Sequence[Group]) -> tuple[Estimate, Estimate]:
    """Return (Δ, points): the relative and the absolute difference of IFrate to the reference's.

    Δ is in percent of the reference's IFrate, points in percentage points; negative is forgetting.

    Source: arXiv 2505.19037, section 2.
    """
    n = sum(len(group.followed) for group in groups)
    unscored = sum(group.unscored for group in (*groups, *reference))
    for whose, side in (("the run", groups), ("the reference", reference)):
        empty = _empty(side)
        if empty:
            nothing = Estimate(None, None, None, n, unscored, f"{whose} has no scored item in {', '.join(empty)}")
            return nothing, nothing
    points = _percent(points_interval(arrays(groups), arrays(reference)), n, unscored)
    if not any(group.followed.any() for group in reference):
        return Estimate(None, None, None, n, unscored, "the reference follows nothing"), points
    return _percent(forgetting_interval(arrays(groups), arrays(reference)), n, unscored), points


def is_wide(estimate: Estimate) -> bool:
    """Whether an IFrate's interval reaches further than a tenth of its value to either side, on average."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return False
    return (estimate.high - estimate.low) / 2 > WIDE_REFERENCE * estimate.value


def code_tests(groups: Mapping[str, Group], reference: Mapping[str, Group]) -> dict[str, CodeTest]:
    """Test each code's lost against its gained pairs by McNemar, Holm over the codes."""
    counted: dict[str, tuple[int, int, int]] = {}
    for code in CODES:
        ours = dict(zip(groups.get(code, EMPTY).keys, groups.get(code, EMPTY).followed.tolist(), strict=True))
        theirs = reference.get(code, EMPTY)
        both = [
            (ours[key], ref) for key, ref in zip(theirs.keys, theirs.followed.tolist(), strict=True) if key in ours
        ]
        if both:
            lost = sum(ref and not run for run, ref in both)
            gained = sum(run and not ref for run, ref in both)
            counted[code] = (len(both), lost, gained)
    raw = {code: mcnemar(lost, gained) for code, (_, lost, gained) in counted.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return {
        code: CodeTest(n, lost, gained, raw[code], float(adjusted[code]))
        for code, (n, lost, gained) in counted.items()
    }


def summarise(run: ScoredRun, reference: ScoredRun | None = None) -> Summary:
    """Compute every figure of a scored run; with a reference, also Δ, points and the tests per code."""
    clips = ClipIndex()
    categories = category_groups(run.verdicts, clips)
    codes = by_pair(run.verdicts, lambda verdict: verdict.code, clips)
    forgetting = points = against_reference = None
    tests: dict[str, CodeTest] = {}
    notes = list(run.notes)
    rate = ifrate(categories)
    if rate.why is not None:
        notes.append(f"IFrate does not exist: {rate.why}")
    if reference is not None:
        their_categories = category_groups(reference.verdicts, clips)
        their_codes = by_pair(reference.verdicts, lambda verdict: verdict.code, clips)
        forgetting, points = against(categories, their_categories)
        tests = code_tests(codes, their_codes)
        their_rate = ifrate(their_categories)
        against_reference = Reference(
            name=reference.name,
            signature=reference.signature(),
            ifrate=their_rate,
            categories=_by_category(their_categories),
            codes=rates(their_codes, CODES),
            wide=is_wide(their_rate),
            task=reference.task,
        )
        if against_reference.wide:
            notes.append(
                "the reference's own interval is wide (more than a tenth of its IFrate to either side): read the "
                "points beside Δ"
            )
    return Summary(
        schema_version=SCHEMA_VERSION,
        name=run.name,
        signature=run.signature(),
        settings=run.all_settings(),
        ifrate=rate,
        forgetting=forgetting,
        points=points,
        categories=_by_category(categories),
        codes=rates(codes, CODES),
        ids=rates(by_pair(run.verdicts, lambda verdict: verdict.constraint, clips)),
        datasets=rates(by_item(run.verdicts, lambda verdict: verdict.dataset, clips)),
        items=rates(by_item(run.verdicts, lambda _: "all", clips), ("all",))["all"],
        pairs=rates(by_pair(run.verdicts, lambda _: "all", clips), ("all",))["all"],
        code_tests=tests,
        reference=against_reference,
        other_rules=_other_rules(run.verdicts),
        near_misses=_counted(verdict.near_miss for verdict in run.verdicts),
        unscored=_counted(verdict.reason for verdict in run.verdicts if verdict.followed is None),
        replies=dict(run.replies),
        notes=notes,
        task=run.task,
        contamination=run.contamination,
    )


def _by_category(groups: Sequence[Group]) -> dict[str, Rate]:
    return rates(dict(zip(CATEGORIES, groups, strict=True)), CATEGORIES)


def _counted(values: Any) -> dict[str, int]:
    return dict(Counter(value for value in values if value is not None).most_common())


def _other_rules(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """How many verdicts the other reading would flip, and which."""
    flipped = [verdict for verdict in verdicts if verdict.otherwise is not None]
    return {
        "rules": flipped[0].otherwise if flipped else None,
        "flips": len(flipped),
        "items": [
            {"item": verdict.item, "constraint": verdict.constraint, "followed": verdict.followed}
            for verdict in flipped
        ],
    }
