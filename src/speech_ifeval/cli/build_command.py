"""``speech-ifeval build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def build_command(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="The corpus: .jsonl, .csv or .tsv; a folder of audio with metadata.csv or metadata.jsonl; a "
            "folder that datasets has saved; Lhotse's cuts.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    name: Annotated[str | None, typer.Option(help="What reports call it. Default: the folder's name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it says about itself.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the items as a whole.")] = None,
    audio_dir: Annotated[
        Path | None, typer.Option(help="The folder that audio paths are relative to. Default: the manifest's.")
    ] = None,
    audio: Annotated[
        str, typer.Option(help="copy the clips, link to them, or leave them where they lie.")
    ] = "copy",
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="What the manifest calls one of our columns; repeatable."),
    ] = None,
    ignore_other_columns: Annotated[
        bool, typer.Option("--ignore-other-columns", help="Leave out columns that are not known.")
    ] = False,
    task: Annotated[str | None, typer.Option(help="The task of rows that name none, e.g. transcription.")] = None,
    language: Annotated[
        str | None, typer.Option(help="The language of the instructions. Default: the pool's own, else en.")
    ] = None,
    pool: Annotated[Path | None, typer.Option(help="A file of wordings of your own, in place of ours.")] = None,
    closed_ended: Annotated[
        int | None, typer.Option(min=0, help="How many with a constraint. Default: one for every row with a task.")
    ] = None,
    creative_writing: Annotated[int | None, typer.Option(min=0, help="Default: one for every clip.")] = None,
    chain_of_thought: Annotated[
        int | None, typer.Option(min=0, help="Default: one for every clip that is asked more than what is said.")
    ] = None,
    crossed: Annotated[
        bool, typer.Option("--crossed", help="Ask every question with every wording of its constraint.")
    ] = False,
    published_layout: Annotated[
        bool, typer.Option(help="Write the files of the published release too, into published/.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was built as JSON.")] = False,
) -> None:
    """Build a benchmark of one's own from any speech corpus.

    Everything is written beside the folder and moved into place when it is whole and has passed check-benchmark.
    """
    from speech_ifeval.benchmarks.build import Plan, build_benchmark, count_holdings, load_pool
    from speech_ifeval.cli.output import print_json, print_view, say_plainly
    from speech_ifeval.errors import RunInterruptedError, UsageError

    if audio not in ("copy", "link", "leave"):
        raise UsageError(f"--audio must be copy, link or leave, found {audio!r}")
    if language is None:
        language = "en" if pool is None else load_pool(pool).language
    title = out.resolve().name if name is None else name
    plan = Plan(
        name=title,
        description=description or f"Built by speech-ifeval from {manifest.name}.",
        licence=licence,
        language=language,
        pool=pool,
        closed_ended=closed_ended,
        creative_writing=creative_writing,
        chain_of_thought=chain_of_thought,
        crossed=crossed,
        published_layout=published_layout,
        seed=seed,
    )
    try:
        benchmark = build_benchmark(
            manifest,
            out,
            plan,
            audio_dir=audio_dir,
            audio=audio,  # type: ignore[arg-type]
            columns=_columns(column or []),
            task=task,
            ignore_other_columns=ignore_other_columns,
            say=say_plainly,
        )
    except KeyboardInterrupt:
        raise RunInterruptedError("interrupted: nothing was left behind; the same command begins anew") from None
    holdings = count_holdings(benchmark)
    if as_json:
        print_json(holdings)
    else:
        from speech_ifeval.report.build_tables import built_view

        elsewhere: Any = (audio_dir or manifest.parent) if audio == "leave" else None
        print_view(*built_view(holdings, out, elsewhere))


def _columns(given: list[str]) -> dict[str, str]:
    from speech_ifeval.errors import UsageError

    columns = {}
    for pair in given:
        ours, found, theirs = pair.partition("=")
        if not (ours and found and theirs):
            raise UsageError(f"--column takes OURS=THEIRS, such as transcript=sentence, found {pair!r}")
        columns[ours] = theirs
    return columns
