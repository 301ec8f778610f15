"""`lab curves`: trainings by the real Trainer with the callback, killed and gone on with; what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from transformers import TrainerCallback

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import MismatchError
from speech_ifeval.integrations.transformers_callback import SpeechIFEvalCallback
from speech_ifeval.lab.curves import STYLES, CurvesRecipe, run_curves
from speech_ifeval.report.plots import training_figure
from speech_ifeval.report.training_tables import training_markdown
from speech_ifeval.results import TrainingCurve

DOCS = Path(__file__).parents[2] / "docs"
RECORD = DOCS / "figures" / "training.json"
SMALL = msgspec.structs.replace(CurvesRecipe().with_steps(0.015), sample=6, every=2, keep=1)  # three steps


class Killed(BaseException):
    """Stands for the end of a process."""


class _Killer(TrainerCallback):  # type: ignore[misc]
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 2 and args.output_dir.endswith("own"):
            raise Killed


class _Killing(SpeechIFEvalCallback):
    def add_to(self, trainer: Any) -> SpeechIFEvalCallback:
        trainer.add_callback(_Killer())
        return super().add_to(trainer)


@pytest.mark.slow
def test_both_styles_are_tuned_and_a_killed_training_goes_on(tmp_path: Path) -> None:
    bundled, said = load_benchmark("bundled"), []
    with pytest.raises(Killed):
        run_curves(tmp_path / "curves", bundled, _Killing, recipe=SMALL)
    curves = run_curves(tmp_path / "curves", bundled, SpeechIFEvalCallback, recipe=SMALL, say=said.append)
    assert said[0] == "corpus: done already"
    assert "own: 3 steps, from checkpoint-2 on" in said
    assert [one.model for one in curves] == [f"{style}-style" for style in STYLES]
    for curve in curves:
        assert [one.step for one in curve.steps] == [0, 2, 3]
        assert all(one.items == 6 for one in curve.steps)
    # Before the first step both are the self-aligned model.
    assert curves[0].steps[0].ifrate == curves[1].steps[0].ifrate
    with pytest.raises(MismatchError, match="seed: 0 there, 1 now"):
        run_curves(tmp_path / "curves", bundled, SpeechIFEvalCallback, recipe=SMALL, seed=1)


def recorded() -> list[TrainingCurve]:
    return msgspec.json.decode(RECORD.read_bytes(), type=list[TrainingCurve])


def test_the_page_shows_its_record() -> None:
    page = (DOCS / "training.md").read_text("utf-8")
    for curve in recorded():
        table = training_markdown(curve).split("\n\n", 1)[0]
        assert table in page, curve.model


def test_the_record_is_of_the_recipe_and_shows_forgetting_before_the_end(tmp_path: Path) -> None:
    recipe = CurvesRecipe()
    corpus, own = recorded()
    for curve in (corpus, own):
        assert [one.step for one in curve.steps] == list(range(0, recipe.tune.course.steps + 1, recipe.every))
        assert {one.items for one in curve.steps} == {recipe.sample}
    assert corpus.warned
    assert corpus.warned[0] <= recipe.tune.course.steps / 2
    assert not own.warned
    training_figure([corpus, own], tmp_path / "curves.svg")
    assert f"warning at {corpus.warned[0]}" in (tmp_path / "curves.svg").read_text("utf-8")
