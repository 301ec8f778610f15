"""`lab study`: every recipe with every seed, each once, from one self-aligned model; figures over seeds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import mean

import msgspec
import pytest
import torch

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.derived import of_items
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.lab import evaluation
from speech_ifeval.lab.listening import listen
from speech_ifeval.lab.making import make_aligned
from speech_ifeval.lab.shipped import shipped_models, take_shipped
from speech_ifeval.lab.speech_model import SpokenBatches
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, WORK, Making, Recipes
from speech_ifeval.lab.study import CellFigures, cells, run_study, study_so_far
from speech_ifeval.lab.tables import study_table
from speech_ifeval.lab.targets import asked
from speech_ifeval.records import CATEGORIES
from tests.lab.small import SMALL

CELLS = ["corpus", "own-5%", "own-full"]


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def few() -> Benchmark:
    bundled = load_benchmark("bundled")
    items = [one for category in CATEGORIES for one in bundled.in_category(category)[:4]]
    twins = [bundled.item(one.twin) for one in items if one.twin is not None]
    return of_items(bundled, items + twins, "few")


@contextmanager
def short() -> Iterator[None]:
    """A study whose models are asked for short replies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "LONGEST_REPLY", 12)
        yield


def making(out: Path, recipes: Recipes = SMALL, seed: int = 0, tell: Callable[[str], None] = print) -> Making:
    return Making(out, seed, recipes, "cpu", lambda text: None, lambda one: tell(one.stage))


@pytest.fixture(scope="module")
def made(few: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CellFigures]]:
    """A study that was killed in one of its cells, and gone on with."""
    out = tmp_path_factory.mktemp("study") / "lab"

    def killer(stage: str) -> None:
        if stage.startswith("study/own-5%-seed1"):
            raise Killed

    with short():
        with pytest.raises(Killed):
            run_study(making(out, tell=killer), few, names=CELLS, seeds=2)
        return out, run_study(making(out), few, names=CELLS, seeds=2)


def test_an_unknown_recipe_is_refused_before_anything_is_made(few: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recipe 'own-50%'; it has corpus, corpus-5%, .*, own-full"):
        run_study(making(tmp_path / "lab"), few, names=["own", "own-50%"])
    assert not (tmp_path / "lab").exists()


@pytest.mark.slow
def test_every_recipe_has_every_seed_and_their_mean(made: tuple[Path, list[CellFigures]]) -> None:
    _, found = made
    assert [one.name for one in found] == CELLS
    for one in found:
        assert [Path(row.run).name for row in one.each] == [f"{one.name}-seed0", f"{one.name}-seed1"]
        values = [row.ifrate.value for row in one.each if row.ifrate.value is not None]
        assert one.ifrate.value == pytest.approx(mean(values))
        assert one.recipe.full == one.name.endswith("full")
    header, rows = study_table(found)
    assert [row[0] for row in rows] == CELLS
    assert {len(row) for row in rows} == {len(header)}


@pytest.mark.slow
def test_what_is_done_is_not_made_again(made: tuple[Path, list[CellFigures]], few: Benchmark) -> None:
    out, found = made
    stages: list[str] = []
    with short():
        again = run_study(making(out, tell=stages.append), few, names=CELLS, seeds=2)
    assert stages == []
    assert again == found


@pytest.mark.slow
def test_what_is_made_by_now_can_be_looked_at(
    made: tuple[Path, list[CellFigures]], few: Benchmark, tmp_path: Path
) -> None:
    out, found = made
    copied = tmp_path / "lab"
    shutil.copytree(out, copied)
    shutil.rmtree(copied / "study" / "own-5%-seed1")
    shutil.rmtree(copied / "study" / "own-full-seed0")
    with short():
        seen = study_so_far(making(copied), few)
        alone = study_so_far(making(copied), few, names=["own-5%"])
    assert [(one.name, one.seeds) for one in seen] == [("corpus", 2), ("own-5%", 1)]
    assert alone == seen[1:]
    assert seen[0].ifrate == found[0].ifrate
    assert seen[1].ifrate.low is None
    assert study_table(seen)[1][1][0] == "own-5%"
    with short(), pytest.raises(UsageError, match="no cell of a study is made"):
        study_so_far(making(tmp_path / "empty"), few)


@pytest.mark.slow
def test_listening_once_changes_neither_a_loss_nor_a_gradient(made: tuple[Path, list[CellFigures]]) -> None:
    out, _ = made
    materials = make_aligned(making(out))
    model, heard = materials.aligned, materials.heard
    batches = SpokenBatches(heard, materials.tokenizer, "cpu")
    rows = asked(heard, materials.wordings, Random(0), "corpus", 16)
    listened = listen(model, heard)
    embeddings = model.get_input_embeddings().requires_grad_(True)
    found = []
    for inputs in (batches.inputs(rows), batches.inputs_listened(rows, listened, embeddings)):
        loss = model(**inputs).loss
        (gradient,) = torch.autograd.grad(loss, [embeddings.weight])
        found.append((loss.item(), gradient))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1])


@pytest.mark.slow
def test_a_cell_of_another_recipe_is_refused(made: tuple[Path, list[CellFigures]], few: Benchmark) -> None:
    out, _ = made
    other = msgspec.structs.replace(SMALL, tune=msgspec.structs.replace(SMALL.tune, rank=4))
    with short(), pytest.raises(MismatchError, match="corpus-seed0 was made by another recipe"):
        run_study(making(out, other), few, names=CELLS, seeds=1)


def test_the_study_varies_style_constrained_rows_and_what_is_tuned() -> None:
    found = {
        cell.name: (cell.recipe.style, cell.recipe.constrained, cell.recipe.full) for cell in cells(SMALL.tune)
    }
    assert found == {
        "corpus": ("corpus", 0, False),
        "corpus-5%": ("corpus", 0.05, False),
        "corpus-20%": ("corpus", 0.2, False),
        "corpus-full": ("corpus", 0, True),
        "own": ("own", 0, False),
        "own-5%": ("own", 0.05, False),
        "own-20%": ("own", 0.2, False),
        "own-full": ("own", 0, True),
    }


def test_a_folder_is_begun_with_the_shipped_models_where_they_are_what_is_asked_for(tmp_path: Path) -> None:
    take_shipped(making(tmp_path / "same", Recipes()))
    for stage in (BACKBONE, ALIGNED):
        for path in (shipped_models() / stage).iterdir():
            assert (tmp_path / "same" / stage / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "same" / WORK / stage / "stage.json").is_file()
    take_shipped(making(tmp_path / "seed", Recipes(), seed=1))
    take_shipped(making(tmp_path / "steps", Recipes().with_steps(0.5)))
    assert [path.name for path in tmp_path.iterdir()] == ["same"]


def test_a_folder_that_was_begun_is_left_alone(tmp_path: Path) -> None:
    mark = tmp_path / WORK / BACKBONE / "stage.json"
    mark.parent.mkdir(parents=True)
    mark.write_text("begun", "utf-8")
    take_shipped(making(tmp_path, Recipes()))
    assert mark.read_text("utf-8") == "begun"
    assert not (tmp_path / BACKBONE).exists()
