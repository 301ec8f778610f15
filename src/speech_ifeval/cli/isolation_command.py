"""``speech-ifeval isolation``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from speech_ifeval.cli import experiment_options as options


def isolation_command(
    model: Annotated[
        str, typer.Option(help="Who answers, as for `speech-ifeval run`; no recorded responses.")
    ] = "lab:corpus-style",
    model_args: options.ModelArgs = "",
    reference: options.Reference = None,
    reference_args: options.ReferenceArgs = "",
    benchmark: options.Asked = "bundled",
    audio_dir: options.AudioDir = None,
    output_dir: Annotated[Path, typer.Option(help="The folder of the run directories, one a condition.")] = Path(
        "runs/isolation"
    ),
    limit: Annotated[int | None, typer.Option(help="Only the first so many items of each category.")] = None,
    sample: options.Sample = None,
    max_new_tokens: options.MaxNewTokens = None,
    temperature: Annotated[float, typer.Option(min=0, help="0 decodes greedily.")] = 0.0,
    batch_size: Annotated[str | None, typer.Option(help="A number, or auto, for adapters with batches.")] = None,
    devices: Annotated[
        str | None, typer.Option(help="One process for each: 0,1,… for GPUs, or cpu. For model and reference.")
    ] = None,
    rules: Annotated[str, typer.Option(help="The rule set that scores: official, careful, ifeval.")] = "official",
    judge: options.Judged = None,
    judge_args: options.JudgeArgs = "",
    placebos: Annotated[
        Path | None,
        typer.Option(help="A TOML file of neutral sentences and frames. Default: those that ship, in English."),
    ] = None,
    margin: Annotated[float, typer.Option(help="What counts as no change, in points; fix it beforehand.")] = 5.0,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the swapped clips, the sentences drawn, and the tests.")
    ] = 0,
    trained_on: options.TrainedOn = None,
    allow_upload: options.AllowUpload = False,
    yes: options.Yes = False,
    items: Annotated[bool, typer.Option("--items", help="List the items behind each count.")] = False,
    figure: options.Figure = None,
    as_json: options.AsJson = False,
    markdown: options.Markdown = False,
) -> None:
    """Is the constraint isolated from the speech? The same items with other clips, and with placebos.

    Makes six runs of the model and four of the reference; the same command goes on where it was stopped.
    """
    from functools import partial

    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.experiments.isolating import isolate
    from speech_ifeval.models import accepts, parse_arguments
    from speech_ifeval.models.placing import parse_devices
    from speech_ifeval.report.isolation_tables import isolation_markdown, isolation_view
    from speech_ifeval.report.plots import isolation_figure

    check_form(as_json, markdown, figure)
    shared: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    also = shared if reference is not None and accepts(reference, "batch_size") else {}
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
            limit=limit,
            temperature=temperature,
            rules=rules,
            seed=seed,
        )
        found = isolate(
            model,
            model_args={**shared, **parse_arguments(model_args)},
            reference=reference,
            reference_args={**also, **parse_arguments(reference_args)},
            devices=parse_devices(devices),
            benchmark=benchmark,
            output_dir=output_dir,
            placebos=placebos,
            margin=margin,
            seed=seed,
            **settings,
        )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=partial(isolation_view, items=items),
        written=partial(isolation_markdown, items=items),
        figure=figure,
        draw=isolation_figure,
    )
