"""``speech-ifeval annotate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered


def annotate_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory; the labels are kept in it.")],
    sample: Annotated[int, typer.Option(help="How many replies; more of the same seed contain fewer.")] = 100,
    annotator: Annotated[str, typer.Option(help="Who labels: names the file of the labels.")] = "1",
    benchmark: Answered = None,
    audio_dir: Annotated[
        Path | None, typer.Option(help="The folder of the clips. Default: in or beside the benchmark's.")
    ] = None,
    use: Annotated[
        list[str] | None,
        typer.Option(help="What to ask: reasoning, accuracy or transcript. Repeatable; default: all three."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which sample, and in which order.")] = 0,
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here and not in the browser.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the page; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Label a blind sample of a run's replies yourself: people as one more judge.

    Neither the model nor a judge's verdict is shown. Each label is written at once; the same command goes on.
    """
    from speech_ifeval.annotation.session import labels_file, session
    from speech_ifeval.annotation.tasks import tasks_of
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_text
    from speech_ifeval.models.recorded import benchmark_answered
    from speech_ifeval.records import USES
    from speech_ifeval.report.figures import visible

    tasks = tasks_of(
        run,
        load_benchmark(benchmark or benchmark_answered(str(run))),
        sample=sample,
        seed=seed,
        uses=tuple(use or USES),
        audio_dir=audio_dir,
    )
    with session(run, annotator, tasks) as work:
        if work.task is None:
            print_text(f"all {work.total} of the sample are labelled\n")
        elif terminal:
            from speech_ifeval.annotation.terminal import label_in_terminal
            from speech_ifeval.cli.output import ask_line

            label_in_terminal(work, lambda line: print_text(f"{visible(line)}\n"), ask_line)
        else:
            from speech_ifeval.annotation.serving import serving

            with serving(work, port) as server:
                print_text(
                    f"{work.total - work.labelled} replies to label at {server.url}\n"
                    "Whoever has this address can label. Stop on the page, or with Ctrl-C here.\n"
                )
                if browser:
                    import webbrowser

                    webbrowser.open(server.url)
                server.wait()
        path = visible(str(labels_file(run, annotator)))
        print_text(f"{work.labelled} of {work.total} labelled: {path}\n")
