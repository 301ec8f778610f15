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
    from speech_ifeval.benchmarks.selection import Selection
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.cli.permission import JudgePermission, Permission
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.errors import UsageError
    from speech_ifeval.experiments.isolating import isolate
    from speech_ifeval.job import Watching, longest_reply
    from speech_ifeval.models import Generation, accepts, parse_arguments
    from speech_ifeval.pipeline.asking import Asking
    from speech_ifeval.pipeline.generating import Conditions
    from speech_ifeval.pipeline.scoring import Scoring
    from speech_ifeval.report.plots import check_figure, isolation_figure

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    check_figure(figure)
    shared: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    also = shared if reference is not None and accepts(reference, "batch_size") else {}
    with run_progress() as shown:
        found = isolate(
            model,
            model_args={**shared, **parse_arguments(model_args)},
            reference=reference,
            reference_args={**also, **parse_arguments(reference_args)},
            devices=[] if devices is None else [name.strip() for name in devices.split(",")],
            benchmark=benchmark,
            output_dir=output_dir,
            selection=Selection(limit=limit, sample=sample),
            asking=Asking(
                generation=Generation(
                    max_new_tokens=max_new_tokens or longest_reply(model), temperature=temperature, seed=seed
                ),
            ),
            conditions=Conditions(audio_dir=audio_dir, allow_upload=allow_upload),
            scoring=Scoring(
                rules=rules,
                judge=judge,
                judge_args=parse_arguments(judge_args),
                confirm=JudgePermission(shown.say, given=yes),
                seed=seed,
            ),
            placebos=placebos,
            margin=margin,
            seed=seed,
            watching=Watching(say=shown.say, progress=shown.show, confirm=Permission(shown.say, given=yes)),
        )
    if figure is not None:
        isolation_figure(found, figure)
    if as_json:
        print_json(found)
    elif markdown:
        from speech_ifeval.report.isolation_tables import isolation_markdown

        print_text(isolation_markdown(found, items=items))
    else:
        from speech_ifeval.report.isolation_tables import isolation_view

        print_view(*isolation_view(found, items=items))
