"""The options that commands share which read finished runs, and draw what they find."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.configuration import run_file
from speech_ifeval.cli.guarding import guarded

Answered = Annotated[
    str | None,
    typer.Option(
        "--benchmark",
        help="The benchmark that was answered: a folder, bundled or example. Default: the run's own, or bundled.",
    ),
]
Scoring = Annotated[
    str | None,
    typer.Option(
        help="Which scoring, where a run holds several: a rule set, or a name or pattern of "
        "verdicts.<scoring>.jsonl. Default: the only one, or official."
    ),
]
RunFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=guarded(run_file),
        is_eager=True,
        help="The TOML file that `speech-ifeval run` was given: its options that this command has as well.",
    ),
]
Figure = Annotated[
    Path | None,
    typer.Option(help="Also draw a figure: a file ending in .svg, .pdf or .png. Needs the extra plots."),
]

TrainedOn = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="RECORD",
        help="What the model was trained on by a reward, as the split of its training rows wrote it: it marks the "
        "run where it is asked the same. The run directory keeps it. Repeatable.",
    ),
]
