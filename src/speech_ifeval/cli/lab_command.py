"""``speech-ifeval lab``: train, evaluate, study, curves, bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speech_ifeval.cli.finished_options import Figure
from speech_ifeval.cli.guarding import guarded

if TYPE_CHECKING:
    from speech_ifeval.cli.run_progress import RunProgress
    from speech_ifeval.lab.stages import Making
    from speech_ifeval.lab.tables import Table

lab_app = typer.Typer(
    no_args_is_help=True,
    help="Tiny speech-aware models: train them, evaluate them, study what makes them forget. Needs the extra hf.",
)

Out = Annotated[Path, typer.Option("--out", help="The folder of the models. Checkpoints lie in work/ below it.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:1.")]
Steps = Annotated[
    float,
    typer.Option(
        min=0.001, max=1.0, help="The share of every recipe's steps, speech and questions, to see that it works."
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of PyTorch. Default: its own choice.")]
Asked = Annotated[str, typer.Option(help="What they are asked: a folder, or bundled.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")]


def train_command(
    out: Out = Path("lab"), seed: Seed = 0, device: Device = "cpu", steps: Steps = 1.0, threads: Threads = None
) -> None:
    """Make the shipped models from a seed: corpus, tokenizer, backbone, tower, self-aligned, corpus-style.

    The same command goes on where it was stopped. Speech is made by flite.
    """
    from speech_ifeval.cli.output import print_text
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.lab.making import make_models
    from speech_ifeval.lab.stages import MODELS

    with run_progress() as shown:
        make_models(_making(shown, out, seed, device, steps, threads))
    print_text("".join(f"{out / name}\n" for name in MODELS))


def evaluate_command(
    models: Annotated[
        Path | None, typer.Option(help="The folder of the three models. Default: those that are shipped.")
    ] = None,
    benchmark: Asked = "bundled",
    output_dir: Annotated[Path, typer.Option(help="The folder of the runs.")] = Path("runs/lab"),
    scales: Annotated[str, typer.Option(help="LoRA scales of corpus-style.")] = "0,0.125,0.25,0.5,0.75,1",
    cards: Annotated[bool, typer.Option("--cards", help="Write the figures into the models' cards.")] = False,
    markdown: Markdown = False,
    as_json: AsJson = False,
) -> None:
    """Show backbone, self-aligned and corpus-style side by side, and corpus-style at every LoRA scale.

    IFrate, Δ, points, every code, the tasks themselves; seen and unseen wordings apart; with intervals.
    """
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_json
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form
    from speech_ifeval.job import Watching
    from speech_ifeval.lab.cards import write_cards
    from speech_ifeval.lab.evaluation import evaluate_models
    from speech_ifeval.lab.shipped import shipped_models
    from speech_ifeval.lab.tables import codes_table, models_table, tasks_table

    check_form(as_json, markdown)
    with run_progress() as shown:
        rows = evaluate_models(
            shipped_models() if models is None else models,
            load_benchmark(benchmark),
            output_dir,
            scales=_scales(scales),
            watching=Watching(say=shown.say, progress=shown.show),
            tell=shown.say,
        )
    if cards:
        write_cards(shipped_models() if models is None else models, rows)
    if as_json:
        print_json(rows)
    else:
        _print(
            [models_table(rows), codes_table(rows), tasks_table(rows)], [row.signature for row in rows], markdown
        )


def study_command(
    out: Out = Path("lab"),
    benchmark: Asked = "bundled",
    recipes: Annotated[
        str, typer.Option(help="Only these, separated by commas, such as own,own-full. Default: all eight.")
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="How many a recipe.")] = 3,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Show what is made by now, whatever the seeds, and make nothing.")
    ] = False,
    seed: Seed = 0,
    device: Device = "cpu",
    steps: Steps = 1.0,
    threads: Threads = None,
    figure: Figure = None,
    markdown: Markdown = False,
    as_json: AsJson = False,
) -> None:
    """Vary stage two and see what is forgotten: style of replies, constrained rows, LoRA or all weights.

    The same command goes on where it was stopped. It starts from the self-aligned model in --out; where there is
    none, from the shipped one, or with another --seed or --steps from one that it makes first.
    """
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_json
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form
    from speech_ifeval.job import Watching
    from speech_ifeval.lab.figure import study_figure
    from speech_ifeval.lab.study import run_study, study_so_far
    from speech_ifeval.lab.tables import study_table

    check_form(as_json, markdown, figure)
    with run_progress() as shown:
        making, asked = _making(shown, out, seed, device, steps, threads), load_benchmark(benchmark)
        watching = Watching(say=shown.say, progress=shown.show)
        names = [name.strip() for name in recipes.split(",") if name.strip()]
        if so_far:
            cells = study_so_far(making, asked, names=names, watching=watching, tell=shown.say)
        else:
            cells = run_study(making, asked, names=names, seeds=seeds, watching=watching, tell=shown.say)
    if figure is not None:
        study_figure(cells, figure)
    if as_json:
        print_json(cells)
    else:
        _print([study_table(cells)], [one.signature for cell in cells for one in cell.each], markdown)


def curves_command(
    out: Out = Path("lab-curves"),
    benchmark: Asked = "bundled",
    seed: Seed = 0,
    device: Device = "cpu",
    steps: Steps = 1.0,
    threads: Threads = None,
    figure: Figure = None,
    markdown: Markdown = False,
    as_json: AsJson = False,
) -> None:
    """Watch the shipped self-aligned model forget, or not, while it is tuned in either style.

    Two trainings by transformers' Trainer with SpeechIFEvalCallback: replies as speech corpora have them, and the
    text model's own. The same command goes on where it was stopped. Speech is made by flite.
    """
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form
    from speech_ifeval.lab.curves import CurvesRecipe, run_curves
    from speech_ifeval.lab.making import require_packages
    from speech_ifeval.report.plots import training_figure
    from speech_ifeval.report.training_tables import training_markdown, training_view

    check_form(as_json, markdown, figure)
    require_packages()
    from speech_ifeval.integrations.transformers_callback import SpeechIFEvalCallback

    _use_threads(threads)
    with run_progress() as shown:
        curves = run_curves(
            out,
            load_benchmark(benchmark),
            SpeechIFEvalCallback,
            recipe=CurvesRecipe().with_steps(steps),
            seed=seed,
            device=device,
            say=shown.say,
        )
    if figure is not None:
        training_figure(curves, figure)
    if as_json:
        print_json(curves)
    elif markdown:
        print_text("\n".join(f"**{curve.model}**\n\n{training_markdown(curve)}" for curve in curves))
    else:
        for curve in curves:
            print_view(*training_view(curve), "")


def bundle_command(
    out: Annotated[Path, typer.Option("--out", help="The folder of the benchmark; it must not exist.")],
    seed: Seed = 0,
    crossed: Annotated[
        bool, typer.Option("--crossed", help="Half the questions, each with every wording: for `wording`.")
    ] = False,
) -> None:
    """Make the bundled benchmark again: speak its clips, and build its items. Speech is made by flite."""
    from speech_ifeval.cli.output import print_text, say_plainly
    from speech_ifeval.lab.bundled import make_bundled

    made = make_bundled(out, seed, say_plainly, crossed=crossed)
    print_text(f"{out}: {len(made)} items, fingerprint {made.short_fingerprint}\n")


def _making(shown: RunProgress, out: Path, seed: int, device: str, steps: float, threads: int | None) -> Making:
    from speech_ifeval.lab.making import require_packages
    from speech_ifeval.lab.stages import Making, Recipes

    require_packages()
    _use_threads(threads)
    return Making(
        out,
        seed,
        Recipes().with_steps(steps),
        device,
        shown.say,
        lambda one: shown.show_steps(one.stage, one.step, one.steps, one.new, f"loss {one.loss:.3f}"),
    )


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _scales(text: str) -> list[float]:
    from speech_ifeval.errors import UsageError

    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(f"--scales takes numbers separated by commas, found {text!r}") from None


def _print(tables: list[Table], signatures: list[str], markdown: bool) -> None:
    from speech_ifeval.cli.output import print_text, print_view
    from speech_ifeval.report import markdown as written
    from speech_ifeval.report.terminal import figures_table

    distinct = list(dict.fromkeys(signatures))
    if markdown:
        parts = [written.table(header, rows) for header, rows in tables]
        print_text("\n\n".join([*parts, *map(written.code, distinct)]) + "\n")
        return
    for header, rows in tables:
        print_view(figures_table(header, rows), "")
    print_text("".join(f"{line}\n" for line in distinct))


lab_app.command("train")(guarded(train_command))
lab_app.command("evaluate")(guarded(evaluate_command))
lab_app.command("study")(guarded(study_command))
lab_app.command("curves")(guarded(curves_command))
lab_app.command("bundle")(guarded(bundle_command))
