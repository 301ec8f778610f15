"""The isolation check as people read it: both verdicts, no figure without its interval, nothing that steers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from speech_ifeval.report.isolation_tables import isolation_markdown, isolation_view
from speech_ifeval.results import (
    Carried,
    Contrast,
    Difference,
    Estimate,
    FlipExcess,
    Isolation,
    IsolationFinding,
    KindDifference,
    PairedChange,
    WordErrorContrast,
)

HOSTILE = "closed-ended/\x1b[2J|<b>1"


def change(**more: Any) -> PairedChange:
    known: dict[str, Any] = {
        "n": 160,
        "value": -1.25,
        "low": -4.5,
        "high": 2.0,
        "p": 0.4,
        "p_holm": 0.8,
        "p_equivalent": 0.02,
        "power": 61.0,
        "least_margin": 5.9,
        "verdict": "same",
    }
    return PairedChange(**(known | more))


def contrast(second: str, by: str = "all", group: str = "all", **more: Any) -> Contrast:
    return Contrast("following", "original", second, by, group, 160, 80.0, 78.75, change(), (HOSTILE,), (), **more)


@pytest.fixture
def found() -> Isolation:
    return isolation()


def isolation() -> Isolation:
    return Isolation(
        schema_version=1,
        name="a|b\x1b[31m",
        reference="its reader",
        signature="benchmark:made@0|seed:0",
        runs={"original": "benchmark:made@0"},
        margin=5.0,
        findings=[
            IsolationFinding("audio to following", "isolated", "the rate changes by −1.2 points"),
            IsolationFinding("constraint to perception", "undecided", "power 61 %"),
        ],
        audio_used=True,
        control=[contrast("swapped")],
        following=[
            contrast("swapped", against_reference=change(verdict="undecided")),
            contrast("swapped", "code", "JS"),
            contrast("swapped", "kind", "content"),
            contrast("silent"),
        ],
        flips=[FlipExcess("rephrased", Estimate(9, 5, 14, 160, 0), Estimate(8, 4, 13, 160, 0), change())],
        carried=Carried(160, 0.02, -0.1, 0.1, 0.4, 999),
        perception=[],
        word_errors=[
            WordErrorContrast("plain", "placebo", 40, 200, 5.0, 6.0, Difference(1.0, -1.0, 3.0, 0.3, 0.3)),
        ],
        kinds=[KindDifference("following", "original", "swapped", 90, 60, Difference(0.5, -2.0, 3.0, 0.7, 0.7))],
        notes=["the condition placebo was left out"],
    )


def seen(found: Isolation, **options: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, width=250, force_terminal=True)
    for part in isolation_view(found, **options):
        console.print(part)
    return out.getvalue()


def test_both_verdicts_stand_first_and_every_change_has_its_interval(found: Isolation) -> None:
    text = isolation_markdown(found)
    lines = text.splitlines()
    assert lines[0].startswith("- Audio → following: isolated")
    assert lines[1].startswith("- Constraint → perception: undecided")
    change = "−1.25 | −4.50 to +2.00"
    row = f"| another clip | 160 | 80.00 | 78.75 | 1 | 0 | {change} | 0.800 | 0.020 | 61 | same |"
    assert row in lines  # whether the audio is used
    assert f"{row} {change} | 61 | undecided |" in lines
    assert "| · JS (JSON) |" in text
    assert "| · on content |" in text
    assert "Following moves with the clip: correlation 0.02 over 160 items; by chance −0.10 to 0.10" in text
    assert lines[-1] == f"`{found.signature}`"


def test_silence_is_described_without_a_verdict(found: Isolation) -> None:
    row = next(line for line in isolation_markdown(found).splitlines() if line.startswith("| silence |"))
    assert "same" not in row
    assert "−4.50 to +2.00 | – | – | – | – |" in row


def test_names_and_ids_can_neither_break_a_table_nor_steer_a_terminal(found: Isolation) -> None:
    text, shown = isolation_markdown(found, items=True), seen(found, items=True)
    assert "\\|&lt;b&gt;1" in text
    assert "\x1b[2J" not in text + shown
    assert "\\x1b[2J" in shown
    assert "closed-ended" not in seen(found)
