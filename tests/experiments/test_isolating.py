"""The isolation check told on models that are made to be isolated, to mix the two, or not to hear at all."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, RunInterruptedError, UsageError
from speech_ifeval.experiments.isolating import isolate
from speech_ifeval.job import Watching
from speech_ifeval.models import Request
from speech_ifeval.models.functions import Function, FunctionModel
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.report.isolation_tables import isolation_markdown
from speech_ifeval.results import Contrast, Isolation
from tests.experiments import listening
from tests.experiments.tones import tone, write_tones

JUDGED = Scoring(judge="heuristic")
LISTENING = Path(listening.__file__)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_tones(tmp_path_factory.mktemp("isolation") / "tones")


def check(model: Any, tones: Benchmark, folder: Path, **more: Any) -> Isolation:
    return isolate(model, benchmark=tones, output_dir=folder / "runs", **{"scoring": JUDGED, **more})


def verdicts(found: Isolation) -> list[str]:
    return [finding.verdict for finding in found.findings]


def row(rows: Sequence[Contrast], first: str, second: str, by: str = "all", group: str = "all") -> Contrast:
    (found,) = (one for one in rows if (one.first, one.second, one.by, one.group) == (first, second, by, group))
    return found


def reader(function: Function) -> FunctionModel:
    return FunctionModel(function, name="reader", hears=False)


def test_a_model_that_keeps_the_two_apart_is_isolated_both_ways(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.isolated, tones, tmp_path)
    assert verdicts(found) == ["isolated", "isolated"]
    assert found.audio_used is True
    assert row(found.control, "original", "swapped").change.high < -90
    assert {one.change.value for one in (*found.following, *found.perception) if one.second != "silent"} == {0.0}
    assert row(found.following, "original", "swapped").n == 150 + 60 + 20
    assert found.notes == []


def test_a_model_that_reads_its_constraint_from_the_audio_is_told(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.reads_its_constraint_from_the_audio, tones, tmp_path)
    assert verdicts(found) == ["interacts", "isolated"]
    # Long tones stay half of all: the rate alone would not tell, what the clips carry along does.
    rate = row(found.following, "original", "swapped").change
    assert rate.low < 0 < rate.high
    assert found.carried is not None
    assert found.carried.correlation == pytest.approx(1.0, abs=0.05)
    assert found.carried.p == 1 / (found.carried.draws + 1)
    flipped = {
        *row(found.following, "original", "swapped").worse,
        *row(found.following, "original", "swapped").better,
    }
    lengths = {item.id: tone(int(item.clip.removesuffix(".wav")))[2] for item in tones}
    assert {lengths[id] for id in row(found.following, "original", "swapped").worse} == {True}
    assert 100 * len(flipped) / rate.n == pytest.approx(found.flips[0].swapped.value)
    assert found.flips[0].kept.value == 0
    assert found.flips[0].excess.verdict == "differs"


def test_a_model_that_ignores_the_audio_is_no_evidence(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.ignores_the_audio, tones, tmp_path)
    assert verdicts(found) == ["no evidence", "no evidence"]
    assert found.audio_used is False
    assert all("the audio is not used" in finding.why for finding in found.findings)
    # Without the control it would pass.
    assert row(found.following, "original", "swapped").change.verdict == "same"
    assert row(found.perception, "plain", "constrained").change.verdict == "same"


def test_a_model_that_demands_distract_interacts_and_a_neutral_sentence_does_not(
    tones: Benchmark, tmp_path: Path
) -> None:
    found = check(listening.distracted_by_demands, tones, tmp_path)
    assert verdicts(found) == ["isolated", "interacts"]
    answers = row(found.perception, "plain", "constrained")
    closed = tones.in_category("closed-ended")
    expected = {item.id for item in closed if tone(int(item.clip.removesuffix(".wav")))[0] % 3 == 0}
    assert (set(answers.worse), answers.better) == (expected, ())
    assert answers.change.value == pytest.approx(-100 * len(expected) / len(closed))
    for first, second, verdict in (
        ("plain", "placebo", "same"),
        ("plain", "rephrased", "same"),
        ("plain", "repeated", "same"),
        ("placebo", "constrained", "differs"),
    ):
        assert row(found.perception, first, second).change.verdict == verdict, second
    words = {one.second: one for one in found.word_errors}
    assert (words["placebo"].change.value, words["constrained"].change.value) == (
        0,
        pytest.approx(100 * 10 * 2 / 120),
    )
    assert not any("neutral sentence" in note for note in found.notes)


def test_what_any_sentence_does_is_not_put_down_to_the_constraint(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.distracted_by_any_sentence, tones, tmp_path)
    assert verdicts(found)[1] == "interacts"
    assert row(found.perception, "placebo", "constrained").change.verdict == "same"
    assert any("neutral sentence of the constraint's length" in note for note in found.notes)


def test_what_the_reference_does_alike_is_taken_off(tones: Benchmark, tmp_path: Path) -> None:
    distracted = listening.distracted_by_demands
    found = check(distracted, tones, tmp_path, reference=reader(distracted))
    assert verdicts(found) == ["isolated", "isolated"]
    answers = row(found.perception, "plain", "constrained")
    assert answers.change.verdict == "differs"
    assert answers.against_reference is not None
    assert (answers.against_reference.value, answers.against_reference.verdict) == (0, "same")
    sound = check(
        distracted, tones, tmp_path, reference=FunctionModel(listening.isolated, name="sound", hears=False)
    )
    assert verdicts(sound) == ["isolated", "interacts"]


def test_too_few_items_are_undecided_and_the_power_says_why(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.isolated, tones, tmp_path, selection=Selection(limit=24))
    assert verdicts(found) == ["undecided", "undecided"]
    change = row(found.perception, "plain", "constrained").change
    assert (change.n, change.value) == (24, 0)
    assert change.power < 20
    assert change.least_margin > found.margin
    assert "power" in found.findings[1].why
    wide = check(listening.isolated, tones, tmp_path / "wide", selection=Selection(limit=24), margin=30)
    assert verdicts(wide) == ["isolated", "isolated"]


def test_a_control_on_too_few_clips_does_not_say_that_the_audio_is_not_used(
    tones: Benchmark, tmp_path: Path
) -> None:
    found = check(listening.isolated, tones, tmp_path, selection=Selection(limit=3))
    assert verdicts(found) == ["no evidence", "no evidence"]
    assert found.audio_used is None
    assert "not shown that the audio is used" in found.findings[0].why


def test_without_a_judge_nothing_says_whether_the_audio_is_used(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.isolated, tones, tmp_path, scoring=Scoring())
    assert verdicts(found) == ["no evidence", "no evidence"]
    assert (found.audio_used, found.control, found.perception) == (None, [], [])


def test_a_check_that_was_stopped_goes_on_and_asks_nothing_twice(tones: Benchmark, tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    stopped: list[bool] = []

    def listens(requests: Sequence[Request]) -> list[str]:
        asked.extend((request.id, request.instruction + str(request.audio)) for request in requests)
        if len(asked) > 500 and not stopped:
            stopped.append(True)
            signal.raise_signal(signal.SIGINT)
        return listening.isolated(requests)

    with pytest.raises(RunInterruptedError, match="the same command goes on from there"):
        check(listens, tones, tmp_path)
    assert len(asked) < 600
    found = check(listens, tones, tmp_path)
    assert verdicts(found) == ["isolated", "isolated"]
    everything, closed = len(tones), len(tones.in_category("closed-ended"))
    assert len(asked) == 5 * everything + closed
    again = check(listens, tones, tmp_path)
    assert (len(asked), again) == (5 * everything + closed, found)


def test_the_references_conditions_are_shared_by_the_models_of_a_folder(tones: Benchmark, tmp_path: Path) -> None:
    asked: list[str] = []

    def reads(requests: Sequence[Request]) -> list[str]:
        asked.extend(request.id for request in requests)
        return listening.isolated(requests)

    reference = reader(reads)
    check(listening.isolated, tones, tmp_path, reference=reference)
    once = len(asked)
    assert once == 3 * len(tones) + len(tones.in_category("closed-ended"))
    check(listening.distracted_by_demands, tones, tmp_path, reference=reference)
    assert len(asked) == once
    folders = {path.name for path in (tmp_path / "runs").iterdir()}
    assert folders == {"isolated", "distracted_by_demands", "reference-reader", "silence"}


def test_a_specification_is_opened_once(tones: Benchmark, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    opened = f"with open({str(tmp_path / 'opened')!r}, 'a') as file:\n    file.write('once ')\n"
    own.write_text(f"{LISTENING.read_text()}\n{opened}")
    found = check(f"py:{own}:isolated", tones, tmp_path)
    assert (verdicts(found), (tmp_path / "opened").read_text()) == (["isolated", "isolated"], "once ")


def test_items_are_asked_as_each_condition_says(tones: Benchmark, tmp_path: Path) -> None:
    seen: dict[str, list[Request]] = {}
    turn: list[str] = []

    def listens(requests: Sequence[Request]) -> list[str]:
        for request in requests:
            seen.setdefault(request.id, []).append(request)
        return listening.isolated(requests)

    check(listens, tones, tmp_path, watching=Watching(progress=lambda name, course: turn.append(name)))
    turns = list(dict.fromkeys(turn))
    assert turns == [
        f"model, {name}" for name in ("original", "swapped", "rephrased", "placebo", "repeated", "silent")
    ]
    item = tones.item("closed-ended/0000")
    original, swapped, rephrased, placebo, repeated, silent = seen[item.id]
    assert original.instruction == swapped.instruction == repeated.instruction == silent.instruction
    assert original.audio == rephrased.audio == placebo.audio == repeated.audio
    assert swapped.audio is not None
    assert tone(int(swapped.audio.stem))[1] != item.label
    assert rephrased.instruction.endswith("\n" + item.instruction.partition("\n")[2])
    assert listening.demanded(placebo.instruction) == ""
    assert abs(len(placebo.instruction) - len(item.instruction)) < 10
    assert repeated.generation.seed != original.generation.seed
    assert silent.audio is not None
    assert listening.heard(silent)[2] == 0
    assert silent.seconds == original.seconds


def test_another_language_leaves_the_placebos_out_or_brings_its_own(tmp_path: Path) -> None:
    tones = write_tones(tmp_path / "tones", clips=20, names=0, thinking=0, language="nn")
    said: list[str] = []
    found = check(listening.isolated, tones, tmp_path, watching=Watching(say=said.append), margin=20)
    assert any("no neutral sentences are shipped in 'nn'" in sentence for sentence in said)
    assert {one.second for one in found.perception} == {"constrained", "repeated", "silent"}
    assert {"The condition placebo was left out.", "The condition rephrased was left out."} <= {
        line.removeprefix("- ") for line in isolation_markdown(found).splitlines()
    }
    own = tmp_path / "own.toml"
    own.write_text('language = "nn"\nneutral = ["Det regnar."]\nframes = ["Ver så snill: {request}"]\n')
    found = check(listening.isolated, tones, tmp_path, placebos=own, margin=20)
    assert verdicts(found) == ["isolated", "isolated"]
    assert any(one.second == "placebo" for one in found.perception)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("language =", "expected TOML"),
        ('language = "nn"\nneutral = ["A."]', "missing required field `frames`"),
        ('language = "nn"\nneutral = ["A."]\nframes = ["{it}"]', "must hold {request} once"),
        ('language = "nn"\nneutral = []\nframes = ["{request}"]', "neutral must hold at least one text"),
    ],
)
def test_a_broken_file_of_placebos_is_refused_before_anything_is_asked(
    text: str, message: str, tones: Benchmark, tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        check(listening.isolated, tones, tmp_path, placebos=tmp_path / "own.toml")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("replay:example:tuned", {}, "recorded responses"),
        (reader(listening.isolated), {}, "takes no audio"),
        (listening.isolated, {"margin": 0}, "--margin takes points between 0 and 100"),
        (
            listening.isolated,
            {"selection": Selection(categories=("creative-writing",))},
            "with a label and a twin",
        ),
        (listening.isolated, {"placebos": Path("nowhere.toml")}, "no placebos at 'nowhere.toml'"),
        (listening.isolated, {"reference": "hff:x"}, "did you mean hf"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_anything_is_asked(
    model: Any, options: dict[str, Any], message: str, tones: Benchmark, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        check(model, tones, tmp_path, **options)
    assert not (tmp_path / "runs").exists()


def test_every_run_and_condition_is_in_the_signatures(tones: Benchmark, tmp_path: Path) -> None:
    found = check(listening.isolated, tones, tmp_path, reference=reader(listening.isolated), seed=3)
    assert f"benchmark:tones@{tones.short_fingerprint}|rules:official" in found.signature
    assert found.signature.endswith(f"|margin:5|seed:3|version:{found.signature.rpartition(':')[2]}")
    assert {f"reference {name}" for name in ("original", "swapped", "rephrased", "placebo")} <= set(found.runs)
    for name, signature in found.runs.items():
        condition = name.removeprefix("reference ")
        run = tmp_path / "runs" / ("reference-reader" if name != condition else "isolated") / condition
        made = json.loads((run / "summary.json").read_text())
        assert signature.partition("|")[0] == f"benchmark:{made['settings']['benchmark']}"
