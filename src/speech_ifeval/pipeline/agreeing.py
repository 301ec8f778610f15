"""Two judges of the same replies: what they agree on, and every reply on which they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges import Judgements
from speech_ifeval.judges.replay import KEPT, recorded_at
from speech_ifeval.metrics.agreement import cohen_kappa, confusion, rate_of_words
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.word_errors import count_edits, normalise
from speech_ifeval.records import SCHEMA_VERSION, USES, Judgement
from speech_ifeval.results import Disagreement, Estimate, JudgeAgreement, UseAgreement

_SAME = "one judge says the same of every reply, so agreement beyond chance has no meaning"
_NO_WORDS = "the first judge finds no word in any reply"
_ONE_CLIP = "the clips do not differ, so nothing tells how far other clips would"


class Source(NamedTuple):
    """A judge's judgements by (item, use), and what to call the judge."""

    name: str
    judgements: Judgements


def judge_agreement(first: Path, second: Path, benchmark: Benchmark | None = None) -> JudgeAgreement:
    """Compare what two judges say of the same replies, use by use.

    Only replies that both have judged count, by the hash of their text: a judgement of another reply to the same
    item is counted apart, as is one that only one judge has scored.

    Args:
        first: a file ``judgements.….jsonl`` of a run directory, a run directory with one such file, a file or
            folder of recorded judge replies in the release's layout, or a folder of responses with ``reports/``.
        second: the same.
        benchmark: what was judged. Recorded replies need it to find their items; where it is given, clips are the
            unit that intervals sample, otherwise items are.

    Raises:
        UsageError: no judge's replies at a path, or those of several judges.
        DataError: a line is broken.
        MismatchError: the two have judged no reply in common.

    >>> judge_agreement(Path("a.jsonl"), Path("a.jsonl"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: the same judgements are named twice ('a.jsonl'); name two judges
    """
    if first.resolve() == second.resolve():
        raise UsageError(f"the same judgements are named twice ({str(first)!r}); name two judges")
    one, other = read_source(first, benchmark), read_source(second, benchmark)
    uses = [_compare(use, one, other, benchmark) for use in USES]
    if not any(use.n for use, _ in uses):
        raise MismatchError(
            f"{first} ({len(one.judgements)} judgements) and {second} ({len(other.judgements)}) have scored no "
            "reply in common: judge the same responses with both"
        )
    shown = [(use, rows) for use, rows in uses if use.n or any(use.alone) or use.other_reply or any(use.unscored)]
    notes = [] if benchmark is not None else ["items are taken as independent; give --benchmark to sample clips"]
    return JudgeAgreement(
        SCHEMA_VERSION,
        (one.name, other.name),
        [use for use, _ in shown],
        [row for _, rows in shown for row in rows],
        notes,
    )


def read_source(path: Path, benchmark: Benchmark | None) -> Source:
    """Read one judge's judgements from wherever they are kept; see `judge_agreement`.

    Raises:
        UsageError: there are none, or those of several judges.
        DataError: a line is broken.
    """
    judged = recorded_at(path, benchmark)
    name = judged.label if judged.judgements else path.name.removeprefix(KEPT).removesuffix(".jsonl")
    return Source(name, judged.judgements)


def _compare(
    use: str, first: Source, second: Source, benchmark: Benchmark | None
) -> tuple[UseAgreement, list[Disagreement]]:
    ones = {item: judgement for (item, of), judgement in first.judgements.items() if of == use}
    others = {item: judgement for (item, of), judgement in second.judgements.items() if of == use}
    shared = [item for item in ones if item in others]
    same = [item for item in shared if ones[item].reply_hash == others[item].reply_hash]
    if benchmark is not None:
        order = {item.id: index for index, item in enumerate(benchmark.items)}
        same.sort(key=lambda item: order.get(item, len(order)))
    both = [item for item in same if _said(ones[item]) is not None and _said(others[item]) is not None]
    pairs = [(ones[item], others[item]) for item in both]
    clip = _clips(both, benchmark)
    if use == "transcript":
        equal = [normalise(one.extracted or "") == normalise(other.extracted or "") for one, other in pairs]
    else:
        equal = [one.verdict == other.verdict for one, other in pairs]
    unscored = sum(_said(ones[item]) is None for item in same), sum(_said(others[item]) is None for item in same)
    words = _word_errors(pairs, clip) if use == "transcript" and pairs else None
    compared = UseAgreement(
        use=use,
        n=len(pairs),
        equal=sum(equal),
        agreement=_share(equal, clip),
        kappa=_kappa(pairs, clip) if use != "transcript" and pairs else None,
        confusion=_confusion(pairs) if use != "transcript" and pairs else None,
        word_errors=words,
        unscored=unscored,
        alone=(len(ones) - len(shared), len(others) - len(shared)),
        other_reply=len(shared) - len(same),
    )
    apart = [
        Disagreement(one.item, use, (_shown(one), _shown(other)), (_why(one), _why(other)))
        for (one, other), alike in zip(pairs, equal, strict=True)
        if not alike
    ]
    return compared, apart


def _said(judgement: Judgement) -> bool | str | None:
    return judgement.extracted if judgement.use == "transcript" else judgement.verdict


def _shown(judgement: Judgement) -> bool | str:
    said = _said(judgement)
    return "" if said is None else said


def _why(judgement: Judgement) -> str | None:
    """The stated reason, or else the judge's own words; of a transcript they are the transcript itself."""
    return judgement.reason or (None if judgement.use == "transcript" else judgement.judge_reply)


def _clips(items: Sequence[str], benchmark: Benchmark | None) -> list[int]:
    known = {} if benchmark is None else benchmark.by_id
    names = [known[item].clip if item in known else item for item in items]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]


def _share(equal: Sequence[bool], clip: Sequence[int]) -> Estimate:
    if not equal:
        return Estimate(None, None, None, 0, 0, "no reply was scored by both")
    value, low, high = rate_interval(np.array(equal), np.array(clip))
    return Estimate(100 * value, 100 * low, 100 * high, len(equal), 0)


def _verdicts(pairs: Sequence[tuple[Judgement, Judgement]]) -> tuple[list[bool], list[bool]]:
    return [bool(one.verdict) for one, _ in pairs], [bool(other.verdict) for _, other in pairs]


def _kappa(pairs: Sequence[tuple[Judgement, Judgement]], clip: Sequence[int]) -> Estimate:
    found = cohen_kappa(*_verdicts(pairs), np.array(clip))
    if found is None:
        return Estimate(None, None, None, len(pairs), 0, _SAME)
    return Estimate(found.value, found.low, found.high, len(pairs), 0)


def _confusion(pairs: Sequence[tuple[Judgement, Judgement]]) -> dict[str, int]:
    return dict(confusion(*_verdicts(pairs))._asdict())


def _word_errors(pairs: Sequence[tuple[Judgement, Judgement]], clip: Sequence[int]) -> Estimate:
    edits = count_edits([one.extracted or "" for one, _ in pairs], [other.extracted or "" for _, other in pairs])
    found = rate_of_words([one.errors for one in edits], [one.words for one in edits], np.array(clip))
    if found is None:
        return Estimate(None, None, None, len(pairs), 0, _NO_WORDS)
    if found.low is None or found.high is None:
        return Estimate(100 * found.value, None, None, len(pairs), 0, _ONE_CLIP)
    return Estimate(100 * found.value, 100 * found.low, 100 * found.high, len(pairs), 0)
