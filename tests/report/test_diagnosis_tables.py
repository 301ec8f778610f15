from __future__ import annotations

from typing import Any

import pytest

from speech_ifeval.report.diagnosis_tables import diagnosis_markdown, diagnosis_sentences
from speech_ifeval.results import CleanCheck, Diagnosis, Difference, Estimate, Finding, FindingPart, UnmadeCheck


def finding(severity: Any = "severe", **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "check": "truncation",
        "title": "replies cut off",
        "about": "replies",
        "severity": severity,
        "figure": Estimate(20.0, 15.0, 26.0, 200, 0),
        "unit": "%",
        "of": "replies",
        "count": 40,
        "threshold": 5.0,
        "worse": "higher",
        "sentence": "40 do not follow.",
        "against_reference": None,
        "parts": (),
        "parts_at_once": False,
        "examples": (),
        "items": (),
        "cause": "Too low a limit.",
        "advice": ("Try `speech-ifeval run --max-new-tokens`.",),
    }
    return Finding(**{**fields, **changes})


def clean(bound: float | None = 2.0, **changes: Any) -> CleanCheck:
    fields: dict[str, Any] = {
        "check": "empty",
        "title": "empty replies",
        "about": "replies",
        "figure": Estimate(0.0, 0.0, bound, 200, 0),
        "unit": "%",
        "of": "replies",
        "count": 0,
        "threshold": 5.0,
        "worse": "higher",
        "bound": bound,
        "beyond": bound is None or bound > 5.0,
    }
    return CleanCheck(**{**fields, **changes})


def diagnosis(**changes: Any) -> Diagnosis:
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": "mine",
        "reference": None,
        "signature": "benchmark:b",
        "ifrate": Estimate(80.0, 75.0, 84.0, 300, 0),
        "forgetting": None,
        "findings": (),
        "clean": (clean(),),
        "unmade": (),
        "notes": (),
    }
    return Diagnosis(**{**fields, **changes})


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        (
            diagnosis(),
            (
                "mine: IFrate is 80.00 % (75.00 to 84.00); of 1 checks none finds anything.",
                "Nothing was found; nearest to its threshold comes empty replies, which can be up to 2.00 %.",
                "1 checks found nothing, and none of these can hide more than its threshold; all could be made.",
            ),
        ),
        (
            diagnosis(
                ifrate=Estimate(None, None, None, 0, 0, "no scored item in chain-of-thought"),
                findings=(finding(), finding("note")),
                clean=(clean(), clean(9.0), clean(None)),
                unmade=(UnmadeCheck("a", "b", "replies", "no judge"),),
            ),
            (
                "mine: IFrate does not exist (no scored item in chain-of-thought); of 5 checks 2 find something: "
                "1 severe, 1 small.",
                "Gravest is replies cut off: 20.00 % (15.00 to 26.00), 40 of 200 replies.",
                "3 checks found nothing, of which 2 could hide more than their threshold with so few items; 1 "
                "could not be made.",
            ),
        ),
        (
            diagnosis(
                reference="theirs",
                forgetting=Estimate(-40.0, -50.0, -31.0, 300, 0),
                findings=(
                    finding(
                        title="high forgetting",
                        figure=Estimate(-40.0, -50.0, -31.0, 300, 0),
                        count=None,
                        worse="lower",
                        threshold=-30.0,
                    ),
                    finding(),
                ),
            ),
            (
                "mine: IFrate is 80.00 % (75.00 to 84.00) and Δ −40.00 % (−50.00 to −31.00) against theirs; of 3 "
                "checks 2 find something: 2 severe.",
                "Gravest is high forgetting: −40.00 % (−50.00 to −31.00); as severe: replies cut off.",
                "1 checks found nothing, and none of these can hide more than its threshold; all could be made.",
            ),
        ),
    ],
)
def test_three_sentences(found: Diagnosis, sentences: tuple[str, str, str]) -> None:
    assert diagnosis_sentences(found) == sentences


def test_only_columns_that_hold_something_are_shown() -> None:
    part = FindingPart("CC", Estimate(-5.0, -9.0, -1.0, 50, 0), None, 0.0004, "2 lost")
    figure = Estimate(-40.0, -50.0, -31.0, 300, 0)
    loss = finding(figure=figure, worse="lower", threshold=-30.0, count=None, parts=(part,), parts_at_once=True)
    shown = diagnosis_markdown(diagnosis(findings=(loss,)))
    assert "| of these | n | points | 95 % interval, all at once | p (Holm) |  |" in shown
    assert "| · CC | 50 | −5.00 | −9.00 to −1.00 | &lt;0.001 | 2 lost |" in shown
    assert "under −30 %" in shown
    plain = diagnosis_markdown(
        diagnosis(findings=(finding(parts=(FindingPart("x", Estimate(1.0, 0.0, 2.0, 9, 0), 1),)),))
    )
    assert "| of these | count | n | % | 95 % interval |" in plain
    assert "less reference" not in plain


def test_the_reference_stands_beside() -> None:
    beside = finding(against_reference=Difference(12.5, 3.0, 20.0, 0.02, 0.02))
    shown = diagnosis_markdown(diagnosis(reference="theirs", findings=(beside, finding("note"))))
    assert "| +12.50 | +3.00 to +20.00 | 0.020 |" in shown
    assert "| – | – | – |" in shown


def test_commands_in_advice_are_code_and_the_rest_is_escaped() -> None:
    shown = diagnosis_markdown(diagnosis(findings=(finding(cause="A <tag> and `a|b`."),)))
    assert "Usual cause: A &lt;tag&gt; and `a|b`." in shown
    assert "- Try `speech-ifeval run --max-new-tokens`." in shown


def test_checks_that_could_not_be_made_stand_together_by_why() -> None:
    unmade = tuple(UnmadeCheck(name, name, "replies", "no judge") for name in ("one", "two"))
    assert "- one; two: no judge" in diagnosis_markdown(diagnosis(unmade=unmade))
