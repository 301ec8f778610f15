"""``lab study``: which speech training makes a model forget? Recipes of stage two, several seeds each.

Every cell starts from the same self-aligned model; a seed decides the questions, their order and the LoRA's first
weights. Cells that are done are not made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, takewhile
from pathlib import Path

import msgspec
from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.job import Run, Watching
from speech_ifeval.lab.evaluation import Figures, figures_of, run_model
from speech_ifeval.lab.listening import listen
from speech_ifeval.lab.making import Materials, load_speech, make_aligned, tune
from speech_ifeval.lab.recipes import TuneRecipe, digest
from speech_ifeval.lab.saving import save_model
from speech_ifeval.lab.shipped import take_shipped
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, WORK, Making
from speech_ifeval.metrics.seeds import CrossedMean, clip_shares, crossed_mean, crossed_relative
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.records import CATEGORIES, Verdict
from speech_ifeval.runs import write_document, write_text

STUDY = "study"
SEEDS = 3
_RESULT = "figures.json"
_MADE = "made"
_MODEL = "model"


class Cell(Struct, frozen=True):
    """A recipe of the study, by the name it is kept under."""

    name: str
    recipe: TuneRecipe


def cells(base: TuneRecipe) -> list[Cell]:
    """Return the study's recipes: style × share of constrained rows with a LoRA, and both styles tuned in full.

    >>> [cell.name for cell in cells(TuneRecipe())][:4]
    ['corpus', 'corpus-5%', 'corpus-20%', 'corpus-full']
    """
    made = []
    for style in ("corpus", "own"):
        for share in (0.0, 0.05, 0.2):
            name = style if not share else f"{style}-{share:.0%}"
            made.append(Cell(name, msgspec.structs.replace(base, style=style, constrained=share)))
        course = msgspec.structs.replace(base.course, rate=base.full_rate)
        made.append(Cell(f"{style}-full", msgspec.structs.replace(base, style=style, full=True, course=course)))
    return made


def chosen_cells(base: TuneRecipe, names: Sequence[str] = ()) -> list[Cell]:
    """Return the study's recipes of these names, in the study's order; all of them without a name.

    Raises:
        UsageError: the study has no recipe of that name.

    >>> [cell.name for cell in chosen_cells(TuneRecipe(), ["own-full", "own"])]
    ['own', 'own-full']
    """
    made = cells(base)
    if strange := set(names) - {cell.name for cell in made}:
        raise UsageError(
            f"the study has no recipe {min(strange)!r}; it has {', '.join(cell.name for cell in made)}"
        )
    return [cell for cell in made if not names or cell.name in names]


class CellFigures(Struct, frozen=True):
    """A cell over its seeds.

    Attributes:
        name: of the cell; `recipe` is what it was made by.
        seeds: how many.
        ifrate, forgetting: means over seeds; intervals are over seeds and clips.
        each: the row of every seed.
    """

    name: str
    recipe: TuneRecipe
    seeds: int
    ifrate: CrossedMean
    forgetting: CrossedMean
    each: list[Figures]


def run_study(
    making: Making,
    benchmark: Benchmark,
    *,
    names: Sequence[str] = (),
    seeds: int = SEEDS,
    watching: Watching | None = None,
    tell: Callable[[str], None] = lambda title: None,
) -> list[CellFigures]:
    """Make and evaluate every cell with every seed.

    Args:
        making: as for `make_models`; its folder holds the self-aligned model, or gets it: the shipped one
            where seed and recipes are those that it was made from.
        benchmark: what is asked.
        names: of the cells; all of them where none is named.
        seeds: how many a cell.
        watching: who is told how far a run is.
        tell: told what comes next.

    Raises:
        MismatchError: the folder holds a stage or a cell of another recipe.
        ModelError: flite is missing.
        OutputError: the folder cannot be written.
        UsageError: no cell has that name.
    """
    chosen = chosen_cells(making.recipes.tune, names)
    take_shipped(making)
    materials = make_aligned(making)
    tell("the tower hears every clip")
    # The tower is the same in every cell, and frozen.
    materials = msgspec.structs.replace(materials, listened=listen(materials.aligned, materials.heard))
    rows = []
    for cell in chosen:
        runs = []
        for number in range(seeds):
            tell(f"{cell.name}, seed {number}")
            _make_cell(making, materials, cell, number)
            runs.append(_evaluate_cell(making, cell, number, benchmark, watching))
        rows.append(_over_seeds(cell, runs, benchmark))
    return rows


def study_so_far(
    making: Making,
    benchmark: Benchmark,
    *,
    names: Sequence[str] = (),
    watching: Watching | None = None,
    tell: Callable[[str], None] = lambda title: None,
) -> list[CellFigures]:
    """Evaluate what `run_study` has made by now, and make nothing; cells without a seed are left out.

    Raises:
        UsageError: nothing is made, or no cell has that name.
        MismatchError: the folder holds a cell of another recipe.
    """
    rows = []
    for cell in chosen_cells(making.recipes.tune, names):
        runs = []
        for number in takewhile(partial(_is_cell_made, making, cell), count()):
            tell(f"{cell.name}, seed {number}")
            runs.append(_evaluate_cell(making, cell, number, benchmark, watching))
        if runs:
            rows.append(_over_seeds(cell, runs, benchmark))
    if not rows:
        raise UsageError(f"{making.out}: no cell of a study is made there; leave --so-far out")
    return rows


def _place(making: Making, cell: Cell, number: int) -> Path:
    return making.out / STUDY / f"{cell.name}-seed{number}"


def _is_cell_made(making: Making, cell: Cell, number: int) -> bool:
    return _is_made(_place(making, cell, number), digest(making.seed + number, cell.recipe))


def _make_cell(making: Making, materials: Materials, cell: Cell, number: int) -> None:
    folder, name = _place(making, cell, number), f"{STUDY}/{cell.name}-seed{number}"
    model = folder / _MODEL
    if not _is_cell_made(making, cell, number):
        fresh = msgspec.structs.replace(materials, aligned=load_speech(making.out / ALIGNED, making.device))
        tuned = tune(making, fresh, cell.recipe, making.seed + number, name)
        shutil.rmtree(model, ignore_errors=True)
        save_model(model, tuned.to("cpu").half(), *([materials.processor] if cell.recipe.full else []))
        write_text(folder / _MADE, f"{digest(making.seed + number, cell.recipe)}\n")
        shutil.rmtree(making.out / WORK / name)


def _evaluate_cell(
    making: Making, cell: Cell, number: int, benchmark: Benchmark, watching: Watching | None
) -> Run:
    folder = _place(making, cell, number)
    model = folder / _MODEL
    spec, arguments = f"hf:{making.out / ALIGNED}", {"adapter": str(model)}
    if cell.recipe.full:
        spec, arguments = f"hf:{model}", {}
    # Run directories side by side, so that the reference answers once.
    run = run_model(
        spec,
        arguments,
        f"hf:{making.out / BACKBONE}",
        benchmark,
        making.out / STUDY / "runs" / folder.name,
        watching,
    )
    write_document(folder / _RESULT, figures_of(run, cell.name, None, benchmark))
    return run


def _is_made(folder: Path, asked: str) -> bool:
    path = folder / _MADE
    if not path.is_file():
        return False
    if (found := path.read_text("utf-8").strip()) != asked:
        raise MismatchError(
            f"{folder}: {folder.name} was made by another recipe ({found}, not {asked}); take another folder"
        )
    return True


def _over_seeds(cell: Cell, runs: Sequence[Run], benchmark: Benchmark) -> CellFigures:
    followed = [_followed(load_scored(run.folder).verdicts) for run in runs]
    reference = _followed(load_scored(runs[0].folder / "reference").verdicts)
    shares = clip_shares([*followed, reference])
    return CellFigures(
        cell.name,
        cell.recipe,
        len(runs),
        crossed_mean(shares[:-1]),
        crossed_relative(shares[:-1], shares[-1]),
        [figures_of(run, cell.name, None, benchmark) for run in runs],
    )


def _followed(verdicts: Sequence[Verdict]) -> dict[str, list[tuple[str, bool]]]:
    """Outcomes by category; the lab's items have one constraint each."""
    return {
        category: [
            (one.clip, one.followed) for one in verdicts if one.category == category and one.followed is not None
        ]
        for category in CATEGORIES
    }
