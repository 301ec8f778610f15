"""``speech-ifeval report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.figures_option import Figures
from speech_ifeval.cli.finished_options import Answered, Scoring


def report_command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…",
            help="Scored run directories, or recorded responses in the forms that `score` takes (scored aside, "
            "with the judge replies that lie beside them), all on the same benchmark.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    reference: Annotated[
        str | None,
        typer.Option(help="The reference system's, in the same forms, of all runs. Default: RUN/reference."),
    ] = None,
    benchmark: Answered = None,
    scoring: Scoring = None,
    with_analyses: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="What sweep, ladder, isolation or wording printed with --json; repeatable.",
        ),
    ] = None,
    audio: Annotated[
        str, typer.Option(help="none; link: relative paths to the clips; embed: each clip once, as Opus.")
    ] = "none",
    audio_dir: Annotated[
        Path | None,
        typer.Option(help="What the clips lie in. Default: looked for by the benchmark."),
    ] = None,
    include_restricted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="A source whose clips and transcripts are shown though no licence is known to allow it, or "
            "unknown; repeatable. For your eyes only.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals and tests of word error rates.")] = 0,
    figures: Figures = None,
) -> None:
    """Write one HTML page about runs: figures, charts, diagnosis, and every item with its replies.

    The page is one file, asks nothing of any network, and works from the disk.
    """
    from speech_ifeval.analysis.diagnosis.reading import read_evidences
    from speech_ifeval.analysis.saved import read_analysis
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.figures_option import check_figures, draw_figures
    from speech_ifeval.cli.output import print_text
    from speech_ifeval.models.recorded import benchmark_answered, locate
    from speech_ifeval.report.page.making import PageOptions, check_audio, make_page, page_facts
    from speech_ifeval.runs import write_bytes

    check_figures(figures)
    options = PageOptions(
        audio=check_audio(audio),
        audio_dir=audio_dir,
        include_restricted=tuple(include_restricted or ()),
        analyses=[read_analysis(path) for path in with_analyses or ()],
    )
    loaded = load_benchmark(benchmark or benchmark_answered(runs[0]))
    evidences = read_evidences(
        [locate(run) for run in runs],
        loaded,
        reference=None if reference is None else locate(reference),
        scoring=scoring,
        seed=seed,
    )
    page = make_page(evidences, loaded, output, options)
    write_bytes(output, page.content)
    print_text("\n".join(page_facts(page, output)) + "\n")
    draw_figures(figures, [locate(run) for run in runs], scoring=scoring, results=with_analyses or ())
