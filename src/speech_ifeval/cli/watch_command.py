"""``speech-ifeval watch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli import experiment_options as options


def watch_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Where checkpoints appear: full models or PEFT adapters, as Trainer writes them."
        ),
    ],
    model_args: options.ModelArgs = "",
    reference: Annotated[
        str | None,
        typer.Option(help="The model's own text LLM, such as hf:PATH, asked once; or a run directory of it."),
    ] = None,
    reference_args: options.ReferenceArgs = "",
    benchmark: options.Asked = "bundled",
    audio_dir: options.AudioDir = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The folder of the run directories. Default: runs/watch-<name>.")
    ] = None,
    sample: options.Sample = None,
    once: Annotated[bool, typer.Option("--once", help="Evaluate what is complete now, and end.")] = False,
    poll: Annotated[float, typer.Option(help="Seconds between two looks into the folder.")] = 30.0,
    threshold: Annotated[
        float, typer.Option(help="Warn where the whole 95 % interval of Δ is below this, in percent.")
    ] = -10.0,
    margin: Annotated[
        float,
        typer.Option(help="By how many points the best checkpoint's task may be below the best task level."),
    ] = 2.0,
    judge: Annotated[str, typer.Option("--judge", help="heuristic, openai:MODEL or none.")] = "heuristic",
    judge_args: options.JudgeArgs = "",
    max_new_tokens: options.MaxNewTokens = None,
    trained_on: options.TrainedOn = None,
    yes: options.Yes = False,
    figure: options.Figure = None,
    markdown: options.Markdown = False,
    as_json: options.AsJson = False,
) -> None:
    """Evaluate the checkpoints of a training as they appear, and show what is forgotten step by step.

    Complete checkpoints only, each once; Ctrl-C ends it, and the same command goes on. The curve so far is in
    curve.json in the folder of the runs, and drawn again with every point.
    """
    from speech_ifeval.cli.output import print_view
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.errors import UsageError
    from speech_ifeval.experiments.checkpoint_watch import watch
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.report.plots import training_figure
    from speech_ifeval.report.training_tables import training_markdown, training_view
    from speech_ifeval.results import TrainingCurve

    check_form(as_json, markdown, figure)
    if (as_json or markdown) and not once:
        form = "--json" if as_json else "--markdown"
        raise UsageError(
            f"{form} goes with --once; without it, curve.json and curve.md in the folder of the runs grow"
        )

    def draw(curve: TrainingCurve, path: Path) -> None:
        training_figure([curve], path)

    with run_progress() as shown:
        settings = options.run_settings(
            shown,
            "hf:",
            audio_dir=audio_dir,
            sample=sample,
            judge=judge,
            judge_args=judge_args,
            max_new_tokens=max_new_tokens,
            allow_upload=False,
            yes=yes,
            trained_on=trained_on,
        )

        def grown(curve: TrainingCurve) -> None:
            if figure is not None and curve.steps:
                draw(curve, figure)
            if not once and curve.steps:
                shown.stop()
                print_view(*training_view(curve), "")

        found = watch(
            folder,
            benchmark,
            model_args=parse_arguments(model_args),
            reference=reference,
            reference_args=parse_arguments(reference_args),
            output_dir=output_dir,
            once=once,
            poll=poll,
            threshold=threshold,
            margin=margin,
            grown=grown,
            **settings,
        )
    show(found, as_json=as_json, markdown=markdown, view=training_view, written=training_markdown)
