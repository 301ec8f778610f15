"""Model cards: what lies beside the shipped weights says what they are made of and what was measured."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from speech_ifeval.errors import DataError
from speech_ifeval.lab.cards import write_cards
from speech_ifeval.lab.evaluation import Figures
from speech_ifeval.lab.stages import MODELS, read_made
from speech_ifeval.results import AnswerRate, Estimate, Rate

WEIGHTS = Path(str(files("speech_ifeval") / "lab" / "weights"))
RATE = Rate(7, 10, 0, 70.0, 40.0, 90.0)
ROW = Figures(
    model="backbone",
    scale=None,
    run="runs/backbone",
    ifrate=Estimate(71.23, 60.0, 80.0, 270, 0),
    forgetting=None,
    points=None,
    codes={"CC": RATE},
    wordings={"seen": RATE, "unseen": RATE},
    tasks={"transcription": AnswerRate(40, 0, 12.34, 10.0, 15.0, words=295)},
    signature="benchmark:bundled-x|rules:official",
)


@pytest.mark.parametrize("name", MODELS)
def test_a_card_states_recipe_seed_limits_and_figures(tmp_path: Path, name: str) -> None:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(WEIGHTS / "made.json", models)
    write_cards(models, [ROW])
    card = (models / name / "README.md").read_text("utf-8")
    for part in ("lab train --seed 0", "71.23", "12.34", ROW.signature, "## Limits", "steps="):
        assert part in card, part


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_models_have_cards(name: str) -> None:
    assert "## Measured" in (WEIGHTS / name / "README.md").read_text("utf-8")
    assert read_made(WEIGHTS).seed == 0


def test_a_folder_that_does_not_say_how_its_models_were_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="made.json: expected what `lab train` writes"):
        write_cards(tmp_path, [ROW])
