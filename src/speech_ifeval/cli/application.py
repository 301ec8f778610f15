"""The application: its commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from speech_ifeval.cli import (
    annotate_command,
    build_command,
    check_benchmark_command,
    cite_command,
    compare_command,
    constraints_command,
    diagnose_command,
    export_command,
    fetch_command,
    figures_command,
    include_path_command,
    isolation_command,
    judge_agreement_command,
    lab_command,
    ladder_command,
    leaderboard_command,
    merge_command,
    models_command,
    prefetch_command,
    report_command,
    reproduce_command,
    run_command,
    score_command,
    sensitivity_command,
    serve_command,
    submit_command,
    sweep_command,
    verify_command,
    watch_command,
    wording_command,
)
from speech_ifeval.cli.guarding import guarded

app = typer.Typer(
    name="speech-ifeval",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Does a speech-aware language model still follow instructions, and what did speech training cost it?",
    epilog="Exit codes: 0 done; 1 check-benchmark found defects, fetch could not get everything, or merge found "
    "shards missing; 2 wrong call; 3 broken file; 4 inputs that do not belong together; 5 results cannot be "
    "written; 6 an optional package or program is missing; 7 no model answers; 8 a submission does not hold "
    "what it claims; 75 preempted: start the same command again; 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"speech-ifeval {version('speech-ifeval')}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


app.command("run")(guarded(run_command.run_command))
app.command("merge")(guarded(merge_command.merge_command))
app.command("prefetch")(guarded(prefetch_command.prefetch_command))
app.command("models")(guarded(models_command.models_command))
app.command("serve")(guarded(serve_command.serve_command))
app.command("score")(guarded(score_command.score_command))
app.command("compare")(guarded(compare_command.compare_command))
app.command("leaderboard")(guarded(leaderboard_command.leaderboard_command))
app.command("figures")(guarded(figures_command.figures_command))
app.command("reproduce")(guarded(reproduce_command.reproduce_command))
app.command("cite")(guarded(cite_command.cite_command))
app.command("report")(guarded(report_command.report_command))
app.command("sensitivity")(guarded(sensitivity_command.sensitivity_command))
app.command("sweep")(guarded(sweep_command.sweep_command))
app.command("watch")(guarded(watch_command.watch_command))
app.command("ladder")(guarded(ladder_command.ladder_command))
app.command("diagnose")(guarded(diagnose_command.diagnose_command))
app.command("isolation")(guarded(isolation_command.isolation_command))
app.command("wording")(guarded(wording_command.wording_command))
app.command("submit")(guarded(submit_command.submit_command))
app.command("verify")(guarded(verify_command.verify_command))
app.command("export")(guarded(export_command.export_command))
app.command("include-path")(guarded(include_path_command.include_path_command))
app.command("annotate")(guarded(annotate_command.annotate_command))
app.command("judge-agreement")(guarded(judge_agreement_command.judge_agreement_command))
app.command("build")(guarded(build_command.build_command))
app.command("fetch")(guarded(fetch_command.fetch_command))
app.command("check-benchmark")(guarded(check_benchmark_command.check_benchmark_command))
app.command("constraints")(guarded(constraints_command.constraints_command))
app.add_typer(lab_command.lab_app, name="lab")
