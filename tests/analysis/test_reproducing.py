"""Published figures beside those of real runs: what is reproduced, what is missing, and what that takes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.reproduction.at_hand import published_items
from speech_ifeval.analysis.reproduction.reproducing import reproduce
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.results import Estimate, Reproduction, Sweep
from tests.analysis.runs_of_example import TUNED, make_run
from tests.report.test_plots import point
from tests.shared_data import DESTA2, RELEASE, needs_release

ITEMS = 933 + 400 + 200
OFFICIAL = "benchmark:official-fe46d1b56406|rules:official|loose:no|subset:all"


@pytest.fixture(scope="module")
def desta2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "desta2"
    return score([locate(str(DESTA2))], load_benchmark(RELEASE), output_dir=folder)[1]


@needs_release
def test_the_recorded_responses_give_the_published_columns_and_not_the_printed_ifrate(desta2: Path) -> None:
    found = reproduce("leaderboard", [str(desta2)])
    (ours,) = found.systems
    assert (ours.system, ours.run) == ("DeSTA2", str(desta2))
    assert [(cell.figure, cell.printed, cell.same) for cell in ours.cells] == [
        ("closed-ended", 83.71, True),
        ("creative-writing", 91.75, True),
        ("chain-of-thought", 91.5, True),
        ("IFrate", 89.23, False),
        ("Δ", -3.57, None),  # there is no run of the reference
    ]
    assert ours.cells[3].value == pytest.approx(88.99, abs=0.005)
    assert ours.cells[3].inside
    assert "DeSTA2" not in {one.system for one in found.missing}
    (note,) = [
        note for note in found.notes if note.startswith("Δ of DeSTA2 needs the replies of Llama3-8B-Instruct")
    ]
    assert "run --model hf:meta-llama/Meta-Llama-3-8B-Instruct --input transcript" in note
    assert f"speech-ifeval score {desta2} --reference runs/llama3-8b-instruct --benchmark" in note


@needs_release
def test_the_recorded_judge_gives_the_published_task_level(desta2: Path) -> None:
    found = reproduce("task-level", [str(desta2)])
    assert [(cell.figure, cell.same) for cell in found.systems[0].cells] == [
        ("Automatic_speech_recognition, WER, without", True),
        ("Automatic_speech_recognition, WER, with", True),
        ("Speech_emotion_recognition, accuracy, without", True),
        ("Speech_emotion_recognition, accuracy, with", True),
        ("Gender_recognition, accuracy, without", True),
        ("Gender_recognition, accuracy, with", True),
        ("MMAU, accuracy, without", True),
        ("MMAU, accuracy, with", True),
    ]
    assert found.missing == []
    assert "DiVA" in found.notes[0]
    assert "not recorded here" in found.notes[0]


@needs_release
def test_a_run_can_be_told_which_system_it_is(desta2: Path) -> None:
    found = reproduce("leaderboard", [f"diva={desta2}"])
    assert [one.system for one in found.systems] == ["DiVA"]
    assert [cell.same for cell in found.systems[0].cells[:3]] == [False, False, False]
    other = score([desta2], load_benchmark(RELEASE), output_dir=desta2.parent / "DeSTA2-8B-beta")[1]
    with pytest.raises(UsageError, match="DeSTA2 has two runs"):
        reproduce("leaderboard", [str(desta2), str(other)])


def test_every_missing_model_comes_with_its_command_and_what_it_takes() -> None:
    found = reproduce("leaderboard", seconds_per_answer=2.0)
    assert [one.system for one in found.missing] == [
        *("DeSTA2", "DiVA", "BLSP-emo", "Qwen2-Audio-Instruct", "SALMONN", "Qwen-Audio-Chat", "LTU-AS"),
        *("Llama3.1-8B-Instruct", "Llama2-7B-Chat", "Qwen2.5-7B-Instruct", "Qwen2-7B-Instruct"),
    ]
    needs = {one.system: one for one in found.missing}
    assert needs["DeSTA2"].commands == [
        'speech-ifeval run --model worker:desta2 --model-args "$ARGUMENTS" --reference '
        "hf:meta-llama/Meta-Llama-3-8B-Instruct --benchmark benchmarks/official --no-twins --no-task-level "
        "--judge openai:gpt-4o-2024-11-20 --output-dir runs/desta2"
    ]
    assert (
        "--reference hf:lmsys/vicuna-7b-v1.1 --reference-args chat_template=vicuna" in needs["LTU-AS"].commands[0]
    )
    assert "--model-args chat_template=llama-2 --input transcript" in needs["Llama2-7B-Chat"].commands[0]
    # DeSTA2 brings its reference along, DiVA has the same one, Qwen's audio models have none.
    assert [needs[name].answers for name in ("DeSTA2", "DiVA", "Qwen2-Audio-Instruct")] == [
        2 * ITEMS,
        ITEMS,
        ITEMS,
    ]
    assert [needs[name].judge_calls for name in ("DeSTA2", "DiVA")] == [400, 200]
    assert needs["DiVA"].gpu_hours == pytest.approx(ITEMS * 2 / 3600)
    systems = 15  # every model and every text model once
    assert sum(one.answers for one in found.missing) == systems * ITEMS
    assert any(f"{systems * ITEMS:,} answers, {systems * 200:,} judge calls" in line for line in found.arithmetic)
    assert found.arithmetic[-1] == f"GPU hours: {systems * ITEMS:,} answers × 2 s (as given) / 3,600 = 12.8"
    assert needs["DiVA"].printed == {
        "closed-ended": 83.14,
        "creative-writing": 61.75,
        "chain-of-thought": 83.5,
        "IFrate": 76.13,
        "Δ": -17.73,
    }


def test_hours_are_not_made_up_where_no_answer_was_timed() -> None:
    found = reproduce("task-level")
    (missing,) = found.missing
    assert (missing.system, missing.answers, missing.judge_calls) == ("DeSTA2", ITEMS + 933, 200 + 2 * 933)
    assert missing.gpu_hours is None
    assert "--seconds-per-answer" in found.arithmetic[-1]
    assert "--no-twins" not in missing.commands[0]


def test_hours_are_those_that_runs_at_hand_measured(tmp_path: Path) -> None:
    run = make_run(tmp_path / "timed", TUNED)
    lines = [json.loads(line) for line in (run / "responses.jsonl").read_text().splitlines()]
    timed = [line | {"seconds": 1.0 + (at % 2)} for at, line in enumerate(lines)]
    (run / "responses.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in timed))
    found = reproduce("task-level", [str(run)])
    assert found.missing[0].gpu_hours == pytest.approx((ITEMS + 933) * 1.5 / 3600)
    assert f"mean of {len(lines)} measured answers" in found.arithmetic[-1]
    assert found.notes[0].startswith("timed is none of the published systems by its name; give it as NAME=")


def test_other_items_are_not_set_beside_published_figures(tmp_path: Path) -> None:
    run = make_run(tmp_path / "SALMONN", TUNED)
    found = reproduce("leaderboard", [str(run)])
    assert found.systems == []
    assert found.notes[0].startswith("SALMONN is not set beside SALMONN: it answers example-")
    assert "SALMONN" in {one.system for one in found.missing}


def sweep(path: Path, model: str, signature: str) -> str:
    points = [
        msgspec.structs.replace(
            point(scale, value), signature=signature, ifrate=Estimate(value, value - 2, value + 2, ITEMS, 0)
        )
        for scale, value in ((0.125, 68.0601), (1.0, 36.9))
    ]
    path.write_bytes(msgspec.json.encode(Sweep(1, model, None, points, [])))
    return str(path)


def test_a_sweep_of_the_published_model_fills_both_scales(tmp_path: Path) -> None:
    found = reproduce("lora", [sweep(tmp_path / "sweep.json", "worker:salmonn", OFFICIAL)])
    assert found.missing == []
    assert [
        (one.system, one.cells[0].printed, one.cells[0].same, one.cells[0].inside) for one in found.systems
    ] == [
        ("SALMONN", 36.89, False, True),
        ("SALMONN, α 4", 68.06, True, True),
    ]
    assert found.notes[-1] == (
        "the factor at α 4 is 0.125: the LoRA was trained at α 32 with r 8, and its scale is 0.5 instead of 4"
    )


@pytest.mark.parametrize(
    ("model", "signature", "why"),
    [
        ("lab:corpus-style", OFFICIAL, "another model"),
        (
            "worker:salmonn",
            OFFICIAL.replace("official-fe46d1b56406", "bundled-1"),
            "other items than the published",
        ),
        ("worker:salmonn", OFFICIAL.replace("subset:all", "subset:sample-48"), "other items than the published"),
    ],
)
def test_another_sweep_stands_beside(tmp_path: Path, model: str, signature: str, why: str) -> None:
    found = reproduce("lora", [sweep(tmp_path / "sweep.json", model, signature)])
    assert found.systems == []
    assert [one.system for one in found.missing] == ["SALMONN", "SALMONN, α 4"]
    assert 'lora_alpha=4"' in found.missing[1].commands[0]
    folders = [one.commands[0].rpartition(" ")[2] for one in found.missing]
    assert folders == ["runs/salmonn", "runs/salmonn-alpha-4"]  # one would refuse the other's settings
    (beside,) = found.beside
    assert (beside.model, list(beside.ifrate)) == (model, ["0.125", "1"])
    assert beside.why.startswith(why)


def test_what_is_printed_as_json_reads_back(tmp_path: Path) -> None:
    found = reproduce("lora", [sweep(tmp_path / "sweep.json", "lab:corpus-style", OFFICIAL)])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Reproduction, strict=True) == found


def test_wrong_calls_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected leaderboard, task-level, lora, found 'all'"):
        reproduce("all")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected the name of a published system, found 'nobody'"):
        reproduce("leaderboard", ["nobody=run"])
    with pytest.raises(UsageError, match="no scored run at"):
        reproduce("leaderboard", ["DiVA=nowhere"])
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="expected what sweep"):
        reproduce("lora", [str(tmp_path / "x.json")])


def test_which_signatures_are_of_the_published_items() -> None:
    assert published_items(OFFICIAL)
    assert not published_items(OFFICIAL.replace("rules:official", "rules:careful"))
    assert not published_items("")
