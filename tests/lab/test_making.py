"""`lab train`: the same seed makes the same models, killed or not; what it cannot start or write it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from speech_ifeval.errors import MismatchError
from speech_ifeval.lab import learning
from speech_ifeval.lab.backbone import make_tokenizer
from speech_ifeval.lab.learning import Progress
from speech_ifeval.lab.making import make_models
from speech_ifeval.lab.stages import MODELS, Making
from speech_ifeval.lab.wordings import english
from tests.command_line import invoke, run
from tests.lab.small import SMALL

WEIGHTS = ["model.safetensors", "adapter_model.safetensors"]


class Killed(BaseException):
    """Stands for the end of a process."""


def made(out: Path, seed: int = 0, watch: Callable[[Progress], None] = lambda one: None) -> Path:
    make_models(Making(out, seed, SMALL, "cpu", lambda text: None, watch))
    return out


def weights(models: Path) -> dict[str, Any]:
    found = {}
    for name in MODELS:
        for path in (models / name / file for file in WEIGHTS):
            if path.is_file():
                found |= {f"{name}/{key}": value.float() for key, value in load_file(path).items()}
    return found


def furthest(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("whole") / "lab")


@pytest.mark.slow
def test_the_same_seed_makes_the_same_models_and_another_another_tokenizer(whole: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "again")
    tokenizer = "backbone/tokenizer.json"
    assert (again / tokenizer).read_bytes() == (whole / tokenizer).read_bytes()
    assert furthest(weights(again), weights(whole)) <= 1e-3  # docs/lab.md
    make_tokenizer(english(), seed=1).save_pretrained(tmp_path / "other" / "backbone")
    assert (tmp_path / "other" / tokenizer).read_bytes() != (whole / tokenizer).read_bytes()


@pytest.mark.slow
def test_models_do_not_name_the_folder_they_were_made_in(whole: Path) -> None:
    texts = [path for name in MODELS for path in (whole / name).iterdir() if path.suffix != ".safetensors"]
    assert texts
    assert [path for path in texts if str(whole) in path.read_text("utf-8")] == []


@pytest.mark.slow
def test_a_making_that_is_killed_in_every_stage_goes_on_to_the_same_models(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY_SECONDS", -1.0)
    done: tuple[str, ...] = ()  # by the making before
    for stage in ("backbone", "tower", "self-aligned", "corpus-style"):
        stages: list[str] = []

        def killer(one: Progress, stage: str = stage, stages: list[str] = stages) -> None:
            stages.append(one.stage)
            if one.stage == stage and one.step >= 20:
                raise Killed

        with pytest.raises(Killed):
            made(tmp_path / "lab", watch=killer)
        assert not set(stages) & set(done)
        done = MODELS[: MODELS.index(stage) if stage in MODELS else 1]
    made(tmp_path / "lab")
    assert furthest(weights(tmp_path / "lab"), weights(whole)) <= 1e-3


@pytest.mark.slow
def test_a_folder_of_another_seed_is_refused(whole: Path) -> None:
    with pytest.raises(MismatchError, match="backbone was made from another seed or recipe"):
        made(whole, seed=3)


def test_without_flite_it_says_what_to_install_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = invoke("lab", "train", "--out", tmp_path / "lab")
    assert done.code == 7
    assert "apt-get install flite" in done.err
    assert not (tmp_path / "lab").exists()


@pytest.mark.slow
def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = run("lab", "train", "--out", tmp_path / "lab", "--steps", "0.001", before=small)
    assert done.code == 5, done.err
    assert str(tmp_path / "lab") in done.err
    assert "File too large" in done.err
    assert "Traceback" not in done.err
