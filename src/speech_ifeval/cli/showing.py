"""How a command shows what it found: a view, Markdown or JSON, and a figure beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

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
