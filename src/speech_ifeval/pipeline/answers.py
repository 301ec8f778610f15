"""From responses and judgements to answers: was the question itself answered right, constraint or not?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

import msgspec

from speech_ifeval.benchmarks import Benchmark, unanswerable
from speech_ifeval.constraints import find_definition, split_thoughts
from speech_ifeval.judges.replay import reply_hash
from speech_ifeval.metrics.answers import UNANSWERABLE, Answer
from speech_ifeval.metrics.word_errors import count_edits, normalise
from speech_ifeval.pipeline.verdicts import NO_RESPONSE, OTHER_REPLY
from speech_ifeval.records import CATEGORIES, JUDGED_CODE, JUDGED_ID, TWIN_CATEGORY, Item, Judgement, Response

ACCURACY: Literal["accuracy"] = "accuracy"
WER: Literal["wer"] = "wer"
NOT_JUDGED = "not judged"


def answers_of(
    benchmark: Benchmark,
    responses: Mapping[str, Response],
    judgements: Mapping[tuple[str, str], Judgement],
) -> list[Answer]:
    """Return the answer to every closed-ended item and twin that has a label, in the benchmark's order.

    Args:
        benchmark: the items.
        responses: by item id; an item without one is unscored, as is one whose reply failed.
        judgements: by item id and use, ``accuracy`` or ``transcript``. One of another reply is worth nothing.
    """
    broken = unanswerable(benchmark)
    answers = [
        _answer(item, benchmark, responses.get(item.id), judgements, (UNANSWERABLE,) if item.id in broken else ())
        for item in benchmark.items
        if item.category in (CATEGORIES[0], TWIN_CATEGORY) and item.metric in (ACCURACY, WER)
        if item.label is not None
    ]
    return list(_with_words(answers, benchmark))


def _answer(
    item: Item,
    benchmark: Benchmark,
    response: Response | None,
    judgements: Mapping[tuple[str, str], Judgement],
    flags: tuple[str, ...],
) -> Answer:
    constrained = item if item.category == CATEGORIES[0] or item.twin is None else benchmark.item(item.twin)
    ids = sorted({constraint.id for constraint in constrained.constraints})
    judgement = judgements.get((item.id, "transcript" if item.metric == WER else ACCURACY))
    why = _unscored(response, judgement)
    text = None if response is None or response.text is None else split_thoughts(response.text).answer
    if item.metric == WER and judgement is not None and why is None:
        text = judgement.extracted
    return Answer(
        item=item.id,
        pair=constrained.id,
        dataset=item.dataset,
        clip=item.clip,
        speaker=item.speaker,
        metric=cast("Literal['accuracy', 'wer']", item.metric),
        code="+".join(sorted({code for code in map(_code, ids) if code is not None})) or None,
        constraint="+".join(ids) or None,
        constrained=item is constrained,
        correct=judgement.verdict if judgement is not None and why is None and item.metric == ACCURACY else None,
        text=text,
        unscored=why,
        flags=flags if judgement is None or why is not None else (*flags, *judgement.flags),
    )


def _unscored(response: Response | None, judgement: Judgement | None) -> str | None:
    """Why the judgement does not say how right the reply is; None where it does."""
    if response is None or response.text is None:
        return f"{NO_RESPONSE}: {response.error}" if response is not None and response.error else NO_RESPONSE
    if judgement is None:
        return NOT_JUDGED
    if judgement.reply_hash != reply_hash(response.text):
        return OTHER_REPLY
    found = judgement.extracted if judgement.use == "transcript" else judgement.verdict
    return (judgement.reason or "the judge gave no verdict") if found is None else None


def _code(id: str) -> str | None:
    # Every constraint of a benchmark has a meaning in the rule set `official`; the code is the same in all.
    return JUDGED_CODE if id == JUDGED_ID else find_definition(id, "official").code


def _with_words(answers: list[Answer], benchmark: Benchmark) -> Iterator[Answer]:
    """Count the edits of all transcripts together, which is several times faster than one by one."""
    found = [answer for answer in answers if answer.metric == WER and answer.unscored is None]
    labels = [benchmark.item(answer.item).label or "" for answer in found]
    edits = count_edits(labels, [answer.text or "" for answer in found])
    counted = {answer.item: one for answer, one in zip(found, edits, strict=True)}
    for answer in answers:
        if answer.metric != WER:
            yield answer
        elif answer.item in counted:
            one = counted[answer.item]
            yield msgspec.structs.replace(answer, edits=one, words=one.words)
        else:
            words = len(normalise(benchmark.item(answer.item).label or "").split())
            yield msgspec.structs.replace(answer, words=words)
