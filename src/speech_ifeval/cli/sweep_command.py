"""``speech-ifeval sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli import experiment_options as options


def sweep_command(
    model: Annotated[
        str,
        typer.Option(
            help="hf: or lab: with a LoRA; a fully tuned hf: model with --base; a worker that declares a scale; a "
            "server's model with {scale} in its name."
        ),
    ] = "lab:corpus-style",
    model_args: options.ModelArgs = "",
    lora_scale: Annotated[
        str, typer.Option(help="Scales: first:last:step, both ends included, or numbers separated by commas.")
    ] = "0:1:0.125",
    part: Annotated[
        list[str] | None,
        typer.Option(help="What is scaled: all, layers=0-3, modules=q_proj+v_proj, or both; repeatable."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="For a fully tuned model: what it was tuned from, as hf: takes it. The language model's weights "
            "are set between the two."
        ),
    ] = None,
    reference: options.Reference = None,
    reference_args: options.ReferenceArgs = "",
    benchmark: options.Asked = "bundled",
    audio_dir: options.AudioDir = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The folder of the run directories. Default: runs/sweep-<name>.")
    ] = None,
    sample: options.Sample = None,
    judge: options.Judged = None,
    judge_args: options.JudgeArgs = "",
    max_new_tokens: options.MaxNewTokens = None,
    trained_on: options.TrainedOn = None,
    allow_upload: options.AllowUpload = False,
    yes: options.Yes = False,
    figure: options.Figure = None,
    markdown: options.Markdown = False,
    as_json: options.AsJson = False,
) -> None:
    """Scale down what training changed, and see instruction following and the task come and go.

    The model is loaded once; every scale is a run that can be stopped and gone on with.
    """
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.experiments.sweeping import parse_scales, sweep
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.models.transformers_models.lora import parse_part
    from speech_ifeval.report.plots import sweep_figure
    from speech_ifeval.report.sweep_tables import sweep_markdown, sweep_view

    check_form(as_json, markdown, figure)
    with run_progress() as shown:
        settings = options.run_settings(
            shown,
            model,
            audio_dir=audio_dir,
            sample=sample,
            judge=judge,
            judge_args=judge_args,
            max_new_tokens=max_new_tokens,
            allow_upload=allow_upload,
            yes=yes,
            trained_on=trained_on,
        )
        found = sweep(
            model,
            parse_scales(lora_scale),
            benchmark,
            model_args=parse_arguments(model_args),
            base=base,
            parts=[parse_part(one) for one in part or ["all"]],
            reference=reference,
            reference_args=parse_arguments(reference_args),
            output_dir=output_dir,
            tell=shown.say,
            **settings,
        )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=sweep_view,
        written=sweep_markdown,
        figure=figure,
        draw=sweep_figure,
    )
