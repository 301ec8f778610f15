"""``speech-ifeval run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from speech_ifeval.cli.finished_options import TrainedOn
from speech_ifeval.cli.guarding import guarded


@guarded
def _from_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options that the file names as defaults; what the command line says goes first."""
    if path is not None:
        from speech_ifeval.cli.configuration import read_configuration

        found = context.command.params
        options = {option.name or "": bool(getattr(option, "multiple", False)) for option in found}
        context.default_map = read_configuration(path, options)
    return path


def run_command(
    model: Annotated[
        str | None,
        typer.Option(
            help="Who answers: hf:PATH, openai:NAME, … (`speech-ifeval models` lists them). "
            "Default: lab:corpus-style, a tiny model that ships."
        ),
    ] = None,
    model_args: Annotated[
        str, typer.Option(metavar="K=V,…", help="Arguments of its adapter, or a JSON object.")
    ] = "",
    reference: Annotated[
        str | None,
        typer.Option(
            help="The reference system: the model's own text LLM, which reads the transcripts. Gives Δ. "
            "Default for lab: models: lab:backbone."
        ),
    ] = None,
    reference_args: Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of its adapter.")] = "",
    benchmark: Annotated[
        str | None, typer.Option(help="The benchmark: a folder, bundled or example. Default: bundled.")
    ] = None,
    audio_dir: Annotated[
        Path | None, typer.Option(help="The folder of the clips. Default: in or beside the benchmark's.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The run directory. Default: runs/<name of the model>.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many items of each category.")] = None,
    sample: Annotated[
        int | None, typer.Option(help="Only so many items, spread over categories and codes; nested.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Answer one of N parts, counted from 1, or auto: as Slurm's array, or else its step, says. Then "
            "`speech-ifeval merge`.",
        ),
    ] = None,
    categories: Annotated[
        str, typer.Option(help="Only these, separated by commas: closed-ended, creative-writing, …")
    ] = "",
    twins: Annotated[bool, typer.Option(help="Ask the closed-ended items without their constraint too.")] = True,
    input: Annotated[
        str | None, typer.Option(help="audio or transcript. Default: audio for a model that hears.")
    ] = None,
    system_prompt: Annotated[
        str | None, typer.Option(help='The system prompt; "" for none. Default: the published one.')
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="The longest reply. Default: 2048, for lab: models 200.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0 decodes greedily.")] = 0.0,
    seed: Annotated[
        int, typer.Option(min=0, help="Of sampling, and of the task level's intervals and tests.")
    ] = 0,
    batch_size: Annotated[str | None, typer.Option(help="A number, or auto, for adapters with batches.")] = None,
    devices: Annotated[
        str | None, typer.Option(help="One process for each: 0,1,… for GPUs, or cpu. For model and reference.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="ray: actors on a Ray cluster, one for each GPU. Default: this process, or --devices."),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="The cluster's head, or auto. Default: RAY_ADDRESS, else one started here."
        ),
    ] = None,
    ray_actors: Annotated[
        int | None,
        typer.Option(min=1, help="So many actors. Default: one a GPU; without GPUs one a CPU, less the last."),
    ] = None,
    rules: Annotated[str, typer.Option(help="The rule set that scores: official, careful, ifeval.")] = "official",
    judge: Annotated[
        str | None, typer.Option(help="openai:MODEL, heuristic, replay:PATH or none, as in `speech-ifeval score`.")
    ] = None,
    judge_args: Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of the judge.")] = "",
    rubric: Annotated[
        list[Path] | None, typer.Option(help="A rubric of your own, in Markdown; repeatable.")
    ] = None,
    judge_repeats: Annotated[
        int, typer.Option(min=1, help="Ask for each verdict so many times; the majority counts.")
    ] = 1,
    judge_cache: Annotated[
        Path | None, typer.Option(help="The folder the judge's replies are kept in. Default: the user's cache.")
    ] = None,
    task_level: Annotated[
        bool, typer.Option(help="Also have answers and transcripts judged, with and without constraints.")
    ] = True,
    trained_on: TrainedOn = None,
    broken_audio: Annotated[
        str,
        typer.Option(help="stop: refuse broken or missing clips. record: leave their items unscored."),
    ] = "stop",
    skip_audio_check: Annotated[
        bool, typer.Option("--skip-audio-check", help="Do not check that the audio reaches the model.")
    ] = False,
    allow_upload: Annotated[
        bool, typer.Option("--allow-upload", help="Audio may go to a host that is not this machine.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many calls to a server.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(callback=_from_file, is_eager=True, help="A TOML file with these options as keys."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the content of summary.json.")] = False,
) -> None:
    """Ask a model the items of a benchmark, score the replies, and compare with the reference system.

    The same command goes on where a run was stopped, and does nothing where all is done.
    """
    from speech_ifeval.benchmarks.selection import Selection
    from speech_ifeval.benchmarks.training_record import read_training_records
    from speech_ifeval.cli.permission import JudgePermission, Permission
    from speech_ifeval.cli.run_progress import run_progress
    from speech_ifeval.cli.showing import show_run, show_shard
    from speech_ifeval.errors import UsageError
    from speech_ifeval.job import SHIPPED_MODEL, ShardRun, Watching, evaluate, longest_reply
    from speech_ifeval.models import SYSTEM_PROMPT, Generation, accepts, parse_arguments
    from speech_ifeval.models.placing import parse_devices
    from speech_ifeval.pipeline.asking import Asking
    from speech_ifeval.pipeline.generating import Conditions
    from speech_ifeval.pipeline.interrupts import ended_by_schedulers
    from speech_ifeval.pipeline.scoring import Scoring

    if input not in (None, "audio", "transcript"):
        raise UsageError(f"--input takes audio or transcript, found {input!r}")
    model = SHIPPED_MODEL if model is None else model
    system = SYSTEM_PROMPT if system_prompt is None else system_prompt or None
    shared: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    also = shared if reference is not None and accepts(reference, "batch_size") else {}
    with ended_by_schedulers(), run_progress() as shown:
        run = evaluate(
            model,
            model_args={**shared, **parse_arguments(model_args)},
            reference=reference,
            reference_args={**also, **parse_arguments(reference_args)},
            devices=parse_devices(devices, engine, ray_address, ray_actors),
            benchmark=benchmark,
            output_dir=output_dir,
            selection=Selection(
                limit=limit,
                sample=sample,
                categories=tuple(name.strip() for name in categories.split(",") if name.strip()),
                twins=twins,
            ),
            shard=shard,
            asking=Asking(
                input=input,  # type: ignore[arg-type]  # checked above
                system=system,
                generation=Generation(
                    max_new_tokens=max_new_tokens or longest_reply(model), temperature=temperature, seed=seed
                ),
            ),
            conditions=Conditions(
                audio_dir=audio_dir,
                audio_check=not skip_audio_check,
                broken_audio=broken_audio,  # type: ignore[arg-type]  # checked there
                allow_upload=allow_upload,
            ),
            scoring=Scoring(
                rules=rules,
                judge=judge,
                judge_args=parse_arguments(judge_args),
                rubrics=tuple(rubric or ()),
                judge_repeats=judge_repeats,
                judge_cache=judge_cache,
                task_level=task_level,
                confirm=JudgePermission(shown.say, given=yes),
                seed=seed,
                trained_on=read_training_records(trained_on or ()),
            ),
            watching=Watching(say=shown.say, progress=shown.show, confirm=Permission(shown.say, given=yes)),
        )
    if isinstance(run, ShardRun):
        show_shard(run, as_json=as_json)
    else:
        show_run(run, as_json=as_json)
