"""The options that all commands have which make several runs of one model, and what they become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_ifeval.cli.finished_options import Figure as Figure
from speech_ifeval.cli.finished_options import TrainedOn as TrainedOn

if TYPE_CHECKING:
    from speech_ifeval.cli.run_progress import RunProgress

ModelArgs = Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of its adapter, or a JSON object.")]
Reference = Annotated[
    str | None,
    typer.Option(
        help="The model's own text LLM, which reads the transcripts. Default for lab: models: lab:backbone."
    ),
]
ReferenceArgs = Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of its adapter.")]
Asked = Annotated[str, typer.Option("--benchmark", help="The benchmark: a folder, bundled or example.")]
AudioDir = Annotated[
    Path | None, typer.Option(help="The folder of the clips. Default: in or beside the benchmark's.")
]
Sample = Annotated[int | None, typer.Option(help="Only so many items, spread over categories and codes; nested.")]
Judged = Annotated[
    str | None,
    typer.Option("--judge", help="openai:MODEL, heuristic or none. Default for lab: models: heuristic."),
]
JudgeArgs = Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of the judge.")]
MaxNewTokens = Annotated[
    int | None, typer.Option(min=1, help="The longest reply. Default: 2048, for lab: models 200.")
]
AllowUpload = Annotated[
    bool, typer.Option("--allow-upload", help="Audio may go to a host that is not this machine.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many calls to a server.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")]


def run_settings(
    shown: RunProgress,
    model: str,
    *,
    audio_dir: Path | None,
    sample: int | None,
    judge: str | None,
    judge_args: str,
    max_new_tokens: int | None,
    allow_upload: bool,
    yes: bool,
    trained_on: list[Path] | None,
    limit: int | None = None,
    temperature: float = 0.0,
    rules: str = "official",
    seed: int = 0,
) -> dict[str, Any]:
    """Return the settings of the runs, as `speech_ifeval.evaluate` takes them."""
    from speech_ifeval.benchmarks.selection import Selection
    from speech_ifeval.benchmarks.training_record import read_training_records
    from speech_ifeval.cli.permission import JudgePermission, Permission
    from speech_ifeval.job import Watching, longest_reply
    from speech_ifeval.models import Generation, parse_arguments
    from speech_ifeval.pipeline.asking import Asking
    from speech_ifeval.pipeline.generating import Conditions
    from speech_ifeval.pipeline.scoring import Scoring

    return {
        "selection": Selection(limit=limit, sample=sample),
        "asking": Asking(
            generation=Generation(
                max_new_tokens=max_new_tokens or longest_reply(model), temperature=temperature, seed=seed
            )
        ),
        "conditions": Conditions(audio_dir=audio_dir, allow_upload=allow_upload),
        "scoring": Scoring(
            rules=rules,
            judge=judge,
            judge_args=parse_arguments(judge_args),
            confirm=JudgePermission(shown.say, given=yes),
            seed=seed,
            trained_on=read_training_records(trained_on or ()),
        ),
        "watching": Watching(say=shown.say, progress=shown.show, confirm=Permission(shown.say, given=yes)),
    }
