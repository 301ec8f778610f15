"""High forgetting: how much of the reference's IFrate is lost, and which codes carry the loss."""

from __future__ import annotations

from collections.abc import Iterator

from speech_ifeval.analysis.diagnosis.evidence import Evidence, SystemRun
from speech_ifeval.analysis.diagnosis.measuring import Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import all_at_once, apart
from speech_ifeval.records import CODES, Verdict
from speech_ifeval.results import Estimate, FindingPart

HIGH_FORGETTING = -30.0  # percent of the reference's IFrate (arXiv 2505.19037)
SIGNIFICANT = 0.05

Pair = tuple[str, int]


@check(
    "high-forgetting",
    title="high forgetting (Δ: IFrate lost against the reference system)",
    about="forgetting",
    rule=Rule(HIGH_FORGETTING, worse="lower"),
    cause="Tuning on speech tasks whose answers all have one form moves the language model's weights away from "
    "following instructions; answers in the text model's own words do so far less.",
    advice=(
        "See how much of it is in the adapter: `speech-ifeval sweep` asks the model at smaller LoRA scales, and "
        "shows what following gains and the task itself loses.",
        "See whether the weights or the audio lose it: `speech-ifeval ladder` asks the model's text path with the "
        "transcript.",
        "Tune on answers that the text model itself wrote to the transcripts; `speech-ifeval lab study` measures "
        "what that changes on a small model.",
    ),
)
def high_forgetting(evidence: Evidence) -> Measured | Unmade:
    """Δ, and McNemar's test of each code (Holm over the codes)."""
    reference = evidence.reference
    if reference is None:
        return Unmade(evidence.no_reference)
    found = evidence.summary.forgetting
    if found is None or found.value is None:
        return Unmade(
            "Δ does not exist" if found is None or found.why is None else f"Δ does not exist: {found.why}"
        )
    tests = evidence.summary.code_tests
    carried = [code for code, test in tests.items() if test.p_holm < SIGNIFICANT and test.lost > test.gained]
    named = (
        f"Codes that carry it (McNemar, Holm): {', '.join(carried)}." if carried else "No code alone carries it."
    )
    return Measured(
        figure=found,
        of="items",
        sentence=named,
        cases=[
            Case(verdict.item, f"{verdict.reason or 'not followed'}; the reference follows {verdict.constraint}")
            for verdict in _lost(evidence.run, reference)
            if not carried or verdict.code in carried
        ],
        parts=list(_by_code(evidence, reference)),
        parts_at_once=True,
    )


def _decided(run: SystemRun) -> dict[Pair, Verdict]:
    return {(one.item, one.index): one for one in run.scored.verdicts if one.followed is not None}


def _lost(run: SystemRun, reference: SystemRun) -> Iterator[Verdict]:
    theirs = _decided(reference)
    for key, verdict in _decided(run).items():
        if verdict.followed is False and key in theirs and theirs[key].followed:
            yield verdict


def _by_code(evidence: Evidence, reference: SystemRun) -> Iterator[FindingPart]:
    ours, theirs = _decided(evidence.run), _decided(reference)
    tests = evidence.summary.code_tests
    for code in (code for code in CODES if code in tests):
        both = [key for key, verdict in ours.items() if key in theirs and verdict.code == code]
        change = apart(
            evidence,
            [ours[key].followed is True for key in both],
            [theirs[key].followed is True for key in both],
            [ours[key] for key in both],
            all_at_once(len(tests)),
        )
        test = tests[code]
        figure = Estimate(change.value, change.low, change.high, test.n, 0)
        yield FindingPart(code, figure, None, test.p_holm, f"points; {test.lost} lost, {test.gained} gained")
