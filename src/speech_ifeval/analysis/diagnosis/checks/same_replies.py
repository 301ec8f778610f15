"""The same reply whatever is heard, and the same reply whatever is demanded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from speech_ifeval.analysis.diagnosis.evidence import NO_TWINS, Evidence, Reply, SystemRun
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import Group, apart, followed_of, rate, worst_of
from speech_ifeval.analysis.diagnosis.telling import quoted
from speech_ifeval.analysis.replies import named_options, plain_words
from speech_ifeval.analysis.twins import Twin
from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.records import TWIN_CATEGORY, Item
from speech_ifeval.results import Difference

NEARLY_ALWAYS = 90.0  # percent
MOST_OF_ONE_LABEL = 80.0  # percent; a data set of nearly one label says nothing of who gives always that one
LEAST_REPLIES = 10

_EARS = (
    "Make sure that the audio reaches the model: `speech-ifeval run` checks it with two clips before it begins; "
    "look for its word in the manifest (`audio_check`).",
    "Swap the clips and see whether the answers move: `speech-ifeval isolation`.",
    "Look at the projector's learning rate and at how much of the tuning loss is on words that only the "
    "audio tells.",
)


@check(
    "same-reply",
    title="replies that other clips get word for word",
    about="answers",
    rule=Rule(SPOILT),
    cause="The audio is not heard: it never reaches the language model, or tuning has taught it to do without. A "
    "few alike are what short answers to plain questions are: see what the reference does.",
    advice=_EARS,
)
def same_reply(evidence: Evidence) -> Measured | Unmade:
    """Of transcripts and creative writing: the words of a reply to another clip with another transcript."""
    replies, clips = _open(evidence.run), _clips_by_words(evidence.run)
    heard = {reply.item.clip for reply, _ in replies}
    if len(heard) < 2:
        return Unmade("there are no transcripts and no creative writing about several clips")
    several = _said_of_several(clips)
    does = [words in several for _, words in replies]
    doing = [one for one, shared in zip(replies, does, strict=True) if shared]
    return Measured(
        figure=rate(evidence, does, [reply.item for reply, _ in replies]),
        of="transcripts and creative replies",
        count=len(doing),
        sentence=f"{len(clips)} different replies to {len(heard)} clips. "
        + followed_of(evidence.run, [reply for reply, _ in doing]),
        cases=[Case(reply.item.id, f"{len(clips[words])} clips get this reply") for reply, words in doing],
        against=_same_as_reference(
            evidence, {reply.item.id: one for (reply, _), one in zip(replies, does, strict=True)}
        ),
    )


def _same_as_reference(evidence: Evidence, ours: Mapping[str, bool]) -> Difference | None:
    if evidence.reference is None:
        return None
    several = _said_of_several(_clips_by_words(evidence.reference))
    both = [
        (reply.item, ours[reply.item.id], words in several)
        for reply, words in _open(evidence.reference)
        if reply.item.id in ours
    ]
    if not both:
        return None
    return apart(evidence, [one[1] for one in both], [one[2] for one in both], [one[0] for one in both])


def _clips_by_words(run: SystemRun) -> dict[str, set[tuple[str, str | None]]]:
    """The clips, with their transcripts, that get each reply."""
    clips: dict[str, set[tuple[str, str | None]]] = {}
    for reply, words in _open(run):
        clips.setdefault(words, set()).add((reply.item.clip, reply.item.transcript))
    return clips


def _open(run: SystemRun) -> list[tuple[Reply, str]]:
    """Transcripts and creative writing, with their words; empty ones are another trouble."""
    found = ((reply, plain_words(reply.answer)) for reply in run.replies if _is_open(reply.item))
    return [(reply, words) for reply, words in found if words]


def _is_open(item: Item) -> bool:
    return item.metric == "wer" or item.category == "creative-writing"


def _said_of_several(clips: Mapping[str, set[tuple[str, str | None]]]) -> set[str]:
    # Once a reply's words, not once a reply: a model that always says the same has one reply to all clips.
    return {words for words, said_of in clips.items() if _are_several(said_of)}


def _are_several(said_of: set[tuple[str, str | None]]) -> bool:
    """Whether these are different clips, and not known to say the same."""
    transcripts = {transcript for _, transcript in said_of}
    return len({clip for clip, _ in said_of}) > 1 and (len(transcripts) > 1 or None in transcripts)


RULE = Rule(NEARLY_ALWAYS, floor=None)  # a commonest answer there always is


@check(
    "one-answer",
    title="closed questions that nearly always get one answer, in the worst data set",
    about="answers",
    rule=RULE,
    cause="The audio is not heard, or one label was so common in tuning that it is the safe thing to say.",
    advice=(*_EARS, "Balance the labels of the tuning data."),
)
def one_answer(evidence: Evidence) -> Measured | Unmade:
    """The share of the commonest answer in a data set of which no label has more than 80 %."""
    datasets: dict[str, list[Reply]] = {}
    for reply in evidence.run.replies:
        if reply.item.metric == "accuracy" and reply.item.label is not None and reply.answer.strip():
            datasets.setdefault(reply.item.dataset, []).append(reply)
    groups: dict[str, Group] = {}
    commonest: dict[str, str] = {}
    for name, replies in datasets.items():
        labels = Counter(reply.item.label for reply in replies)
        if len(replies) < LEAST_REPLIES or 100 * labels.most_common(1)[0][1] > MOST_OF_ONE_LABEL * len(replies):
            continue
        given = [_given(evidence, reply) for reply in replies]
        commonest[name] = Counter(given).most_common(1)[0][0]
        groups[name] = Group([reply.item for reply in replies], [one == commonest[name] for one in given])
    if not groups:
        return Unmade(f"no data set has {LEAST_REPLIES} answers to closed questions with different labels")
    worst = worst_of(evidence, groups, RULE)
    return Measured(
        figure=worst.figure,
        of=f"answers in {worst.name}",
        count=worst.count,
        sentence=f"That answer is {quoted(commonest[worst.name])}.",
        cases=[
            Case(
                reply.item.id,
                f"the answer is {quoted(commonest[worst.name])}, the label {quoted(reply.item.label or '')}",
            )
            for reply in datasets[worst.name]
            if _given(evidence, reply) == commonest[worst.name]
            and plain_words(reply.item.label or "") != commonest[worst.name]
        ],
        parts=worst.parts,
        parts_at_once=True,
        bound=worst.bound,
    )


def _given(evidence: Evidence, reply: Reply) -> str:
    """The one option that a reply names, else its words."""
    item = reply.item
    asked = item.instruction
    if item.category != TWIN_CATEGORY and item.twin is not None:
        asked = evidence.run.benchmark.item(item.twin).instruction
    named = named_options(reply.answer, options_of(asked))
    return next(iter(named)) if len(named) == 1 else plain_words(reply.answer)


@check(
    "constraint-ignored",
    title="replies that are the same, letter by letter, without the constraint",
    about="following",
    rule=Rule(SPOILT),
    cause="The demand on the form is not read at all: the task alone decides the reply, as it did in tuning.",
    advice=(
        "See whether the text path still reads it: `speech-ifeval ladder`; if so, smaller LoRA scales may: "
        "`speech-ifeval sweep`.",
        "Put the same questions with and without a demand on the form into the tuning data (`speech-ifeval lab "
        "study`).",
    ),
)
def constraint_ignored(evidence: Evidence) -> Measured | Unmade:
    """Of twins: equal replies that do not follow the constraint; where there is one, beside the reference's."""
    run = evidence.run
    if not run.twins:
        return Unmade(NO_TWINS)
    known = [(twin, does) for twin in run.twins if (does := _ignores(run, twin)) is not None]
    if not known:
        return Unmade("no twins have two replies and a scored constraint")
    doing = [twin for twin, does in known if does]
    measured = Measured(
        figure=rate(evidence, [does for _, does in known], [twin.answer for twin, _ in known]),
        of="twins",
        count=len(doing),
        sentence=_codes(doing),
        cases=[Case(twin.id, f"the reply is that without the constraint; {run.why(twin.id)}") for twin in doing],
    )
    return _beside_reference(evidence, measured, known)


def _ignores(run: SystemRun, twin: Twin) -> bool | None:
    before, after, followed = twin.plain.reply, twin.constrained.reply, run.followed.get(twin.id)
    if followed is None or before is None or after is None or not after.strip():
        return None
    return before == after and not followed


def _codes(twins: list[Twin]) -> str:
    counted = Counter(twin.answer.code or twin.answer.constraint or "" for twin in twins)
    return f"By code: {', '.join(f'{code} {count}' for code, count in counted.most_common())}." if counted else ""


def _beside_reference(evidence: Evidence, measured: Measured, known: list[tuple[Twin, bool]]) -> Measured:
    reference = evidence.reference
    if reference is None:
        return measured
    both: list[tuple[Twin, bool, bool]] = []
    for twin, does in known:
        other = reference.twin.get(twin.id)
        theirs = None if other is None else _ignores(reference, other)
        if theirs is not None:
            both.append((twin, does, theirs))
    if not both:
        return measured
    against = apart(evidence, [one[1] for one in both], [one[2] for one in both], [one[0].answer for one in both])
    return replace(measured, against=against)
