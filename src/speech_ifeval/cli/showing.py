"""How a command shows what it found: a view, Markdown or JSON, and a figure beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from speech_ifeval.job import Run, ShardRun

Found = TypeVar("Found")


def check_form(as_json: bool, markdown: bool, figure: Path | None = None) -> None:
    """Stop before any work where the result could not be shown as asked.

    Raises:
        UsageError: two forms at once, or a figure of no format.
        MissingExtraError: matplotlib is missing.
    """
    from speech_ifeval.errors import UsageError

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    if figure is not None:
        from speech_ifeval.report.plots import check_figure

        check_figure(figure)


def show(
    found: Found,
    *,
    as_json: bool,
    markdown: bool,
    view: Callable[[Found], Sequence[Any]],
    written: Callable[[Found], str],
    figure: Path | None = None,
    draw: Callable[[Found, Path], None] | None = None,
) -> None:
    """Print what was found in the form that was asked for, and draw its figure."""
    from speech_ifeval.cli.output import print_json, print_text, print_view

    if figure is not None and draw is not None:
        draw(found, figure)
    if as_json:
        print_json(found)
    elif markdown:
        print_text(written(found))
    else:
        print_view(*view(found))


def show_run(run: Run, *, as_json: bool) -> None:
    """Print a run's figures, or `summary.json`, and where its files are."""
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.report.figures import visible
    from speech_ifeval.report.sensitivity_tables import sensitivity_view
    from speech_ifeval.report.terminal import summary_view

    if as_json:
        print_json(run.summary)
        return
    print_view(*summary_view(run.summary))
    if run.sensitivity is not None:
        print_view("", *sensitivity_view(run.sensitivity))
    print_text(f"\nWritten: {visible(str(run.folder))}\nReport: {visible(str(run.report))}\n")
    print_text(f"Page: {visible(str(run.report_html))}\n")


def show_shard(run: ShardRun, *, as_json: bool) -> None:
    """Print where a shard's answers are, and what comes next."""
    from speech_ifeval.cli.output import print_json, print_text
    from speech_ifeval.pipeline.merging import merge_command
    from speech_ifeval.pipeline.shard_folders import folder_of
    from speech_ifeval.report.figures import visible

    command = merge_command(run.folder)
    if as_json:
        print_json({"shard": run.shard.label, "folder": str(folder_of(run.folder, run.shard)), "next": command})
        return
    print_text(f"Written: {visible(str(folder_of(run.folder, run.shard)))}\n")
    print_text(f"Nothing is scored yet. Once all {run.shard.count} shards are answered: {visible(command)}\n")
