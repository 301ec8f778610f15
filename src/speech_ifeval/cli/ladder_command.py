"""``speech-ifeval ladder``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli import experiment_options as options


def ladder_command(
    model: Annotated[str, typer.Option(help="Who answers, as for `speech-ifeval run`.")] = "lab:corpus-style",
    model_args: options.ModelArgs = "",
    reference: options.Reference = None,
    reference_args: options.ReferenceArgs = "",
    benchmark: options.Asked = "bundled",
    rungs: Annotated[
        str, typer.Option(help="Rungs between reference and model, separated by commas: bare, cascade, text.")
    ] = "bare,cascade,text",
    transcribe: Annotated[
        str, typer.Option(help="How the model is asked for its own transcripts, for the cascade.")
    ] = "Transcribe the speech.",
    audio_dir: options.AudioDir = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The folder of the run directories. Default: runs/ladder-<name>.")
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
    """Where does Δ come from: from changed weights, or from hearing instead of reading?

    The same items by the reference on text, by the reference on what the model hears, by the model on text, by the
    model on audio. Δ in two parts that add up to it.
    """
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.experiments.laddering import ladder
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.report.ladder_tables import ladder_markdown, ladder_view
    from speech_ifeval.report.plots import ladder_figure

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
        found = ladder(
            model,
            reference,
            benchmark,
            model_args=parse_arguments(model_args),
            reference_args=parse_arguments(reference_args),
            rungs=[name.strip() for name in rungs.split(",") if name.strip()],
            transcribe=transcribe,
            output_dir=output_dir,
            tell=shown.say,
            **settings,
        )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=ladder_view,
        written=ladder_markdown,
        figure=figure,
        draw=ladder_figure,
    )
