"""Following rates by code, model beside model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.records import CATEGORIES, CODES, JUDGED_CODE
from speech_ifeval.report.plots.drawing import COLOURS, MARKERS, PAGE, grid, names_of
from speech_ifeval.report.plots.tiles import FRAME, ROW, draw_tiles
from speech_ifeval.results import Rate, Summary

SIDE_BY_SIDE = len(COLOURS)  # more than so many models are told by rows, not by colours
_LONGEST = 29  # characters of a name, three in a row
_SHORT = {"closed-ended": "Closed", "creative-writing": "Creative", "chain-of-thought": "CoT"}


def codes_figure(runs: Sequence[tuple[str, Summary]], paths: Sequence[Path]) -> None:
    """Draw each model's following rates, by category and by code.

    Up to six models stand side by side as points with their intervals, each with a colour and a shape of its own.
    More are rows of a table of shades, with the rates written in, since nobody tells seven colours apart.

    Args:
        runs: names and summaries, in the order in which they are drawn.
        paths: one file for each format.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: a file cannot be written.
    """
    columns = columns_of([summary for _, summary in runs])
    if len(runs) <= SIDE_BY_SIDE:
        with grid(paths, PAGE, [2.2]) as ((axis,),):
            _points(axis, runs, columns)
    else:
        with grid(paths, PAGE, [FRAME + ROW * len(runs)]) as ((axis,),):
            draw_tiles(
                axis,
                [name for name, _ in runs],
                [title_of(column) for column in columns],
                [[rate_of(summary, column).rate for column in columns] for _, summary in runs],
                shades="cividis",  # one order of lightness for all kinds of colour vision, and in grey
                ends=(0, 100),
                split=sum(column in CATEGORIES for column in columns),
            )
            axis.set_xlabel("following rate, %")


def columns_of(summaries: Sequence[Summary]) -> list[str]:
    """Return the categories and codes that anything is scored in; chain of thought, which is both, once."""
    return [name for name in CATEGORIES if any(one.categories[name].n for one in summaries)] + [
        code for code in CODES if code != JUDGED_CODE and any(one.codes[code].n for one in summaries)
    ]


def title_of(column: str) -> str:
    """Return what a category or code is called at an axis.

    >>> title_of("creative-writing"), title_of("JS")
    ('Creative', 'JS')
    """
    return _SHORT.get(column, column)


def rate_of(summary: Summary, column: str) -> Rate:
    """Return the following rate of a category or code."""
    return summary.categories[column] if column in summary.categories else summary.codes[column]


def _points(axis: Any, runs: Sequence[tuple[str, Summary]], columns: Sequence[str]) -> None:
    names = names_of([name for name, _ in runs], _LONGEST)
    step = min(0.8 / max(1, len(runs)), 0.16)
    for at, (_, summary) in enumerate(runs):
        shift = (at - (len(runs) - 1) / 2) * step
        found = [(place + shift, rate_of(summary, column)) for place, column in enumerate(columns)]
        known = [(x, rate) for x, rate in found if rate.rate is not None]
        for x, rate in known:
            if rate.low is not None and rate.high is not None:
                axis.plot([x, x], [rate.low, rate.high], color=COLOURS[at], linewidth=0.9, solid_capstyle="butt")
        axis.plot(
            [x for x, _ in known],
            [rate.rate for _, rate in known],
            MARKERS[at],
            color=COLOURS[at],
            markersize=4,
            markeredgewidth=0,
            label=names[at],
        )
    split = sum(column in CATEGORIES for column in columns)
    if 0 < split < len(columns):
        axis.axvline(split - 0.5, color="0.75", linewidth=0.6)
    axis.set_xlim(-0.5, len(columns) - 0.5)
    axis.set_ylim(-3, 103)
    axis.set_yticks(range(0, 101, 20))
    axis.grid(axis="y", color="0.92", linewidth=0.5)
    axis.set_axisbelow(True)
    axis.set_xticks(range(len(columns)), [title_of(column) for column in columns])
    axis.tick_params(axis="x", length=0)
    axis.set_ylabel("following rate, %")
    axis.figure.legend(loc="outside upper center", ncols=min(len(runs), 3), handletextpad=0.2, columnspacing=1.2)
