"""A speech-aware model against its reference system: what is lost, category by category and code by code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.records import CATEGORIES, JUDGED_CODE
from speech_ifeval.report.figures import CODE_TITLES, TITLES, lost_codes, number
from speech_ifeval.report.plots.codes import SIDE_BY_SIDE, columns_of, rate_of, title_of
from speech_ifeval.report.plots.drawing import COLOURS, COLUMN, PAGE, grid, names_of
from speech_ifeval.report.plots.tiles import FRAME, ROW, draw_tiles
from speech_ifeval.results import Rate, Reference, Summary

_ACROSS = {1: 1, 2: 2, 4: 2}  # panels side by side, by their number; otherwise three
_LONGEST = {1: 26, 2: 32, 3: 22}  # characters of a name above a panel, its Δ behind it
_ROW_OF_PANEL = 0.16
_FRAME_OF_PANEL = 0.62


def reference_figure(runs: Sequence[tuple[str, Summary]], paths: Sequence[Path]) -> None:
    """Draw each model's following rates beside its reference's, joined by a line, a panel a model.

    A star stands behind the codes that are followed significantly less often (McNemar, Holm over the codes). More
    than six models are rows of a table of shades: the difference to the reference, in points.

    Args:
        runs: names and summaries; those without a reference are left out.
        paths: one file for each format.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: a file cannot be written.
    """
    with_reference = [(name, one, one.reference) for name, one in runs if one.reference is not None]
    columns = columns_of([one for _, one, _ in with_reference])
    if len(with_reference) > SIDE_BY_SIDE:
        with grid(paths, PAGE, [FRAME + ROW * len(with_reference)]) as ((axis,),):
            _differences(axis, with_reference, columns)
        return
    across = _ACROSS.get(len(with_reference), 3)
    heights = [_FRAME_OF_PANEL + _ROW_OF_PANEL * len(columns)] * -(-len(with_reference) // across)
    names = names_of([name for name, _, _ in with_reference], _LONGEST[across])
    with grid(paths, COLUMN if across == 1 else PAGE, heights, across, share=False) as axes:
        panels = axes.flat
        for at, (axis, (_, summary, reference)) in enumerate(zip(panels, with_reference, strict=False)):
            _draw(axis, names[at], summary, reference, columns, named=at % across == 0)
        for axis in list(axes.flat)[len(with_reference) :]:
            axis.set_visible(False)
        for axis in axes.flat[max(0, len(with_reference) - across) :]:  # the lowest of each column
            axis.set_xlabel("following rate, %", labelpad=2)
        axes.flat[0].figure.legend(
            *_key(),
            loc="outside upper center",
            ncols=1 if across == 1 else 2,
            handletextpad=0.3,
            columnspacing=1.2,
        )


def _differences(axis: Any, runs: Sequence[tuple[str, Summary, Reference]], columns: Sequence[str]) -> None:
    values, marks = [], []
    for _, summary, reference in runs:
        lost = lost_codes(summary)
        pairs = [(rate_of(summary, column).rate, theirs_of(reference, column).rate) for column in columns]
        values.append([None if ours is None or theirs is None else ours - theirs for ours, theirs in pairs])
        marks.append(["*" if _code_of(column) in lost else "" for column in columns])
    draw_tiles(
        axis,
        [name for name, _, _ in runs],
        [title_of(column) for column in columns],
        values,
        shades="PuOr",  # orange is lost; told from violet by all common kinds of colour vision
        ends=(-100, 100),
        marks=marks,
        split=sum(column in CATEGORIES for column in columns),
        signed=True,
    )
    axis.set_xlabel("difference to the reference system (points)")


def theirs_of(reference: Reference, column: str) -> Rate:
    """Return the reference's following rate of a category or code."""
    return reference.categories[column] if column in CATEGORIES else reference.codes[column]


def _draw(
    axis: Any, name: str, summary: Summary, reference: Reference, columns: Sequence[str], *, named: bool
) -> None:
    lost = lost_codes(summary)
    for place, column in enumerate(columns):
        ours = rate_of(summary, column)
        theirs = theirs_of(reference, column)
        if ours.rate is not None and theirs.rate is not None:
            axis.plot([ours.rate, theirs.rate], [place, place], color="0.8", linewidth=2.2, zorder=1)
        _side(axis, theirs, place - 0.16, COLOURS[0], "s", filled=False)
        _side(axis, ours, place + 0.16, COLOURS[1], "o", filled=True)
        if _code_of(column) in lost:
            axis.annotate(
                "*", (1.015, place), xycoords=("axes fraction", "data"), va="center", annotation_clip=False
            )
    axis.set_yticks(range(len(columns)), [_title(column) if named else "" for column in columns])
    split = sum(column in CATEGORIES for column in columns)
    axis.axhline(split - 0.5, color="0.75", linewidth=0.6)
    axis.set_ylim(len(columns) - 0.5, -0.5)
    axis.set_xlim(-3, 103)
    axis.set_xticks(range(0, 101, 20))
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="0.92", linewidth=0.5)
    axis.set_axisbelow(True)
    delta = None if summary.forgetting is None else summary.forgetting.value
    told = "" if delta is None else f", Δ {number(delta, signed=True)} %"
    axis.set_title(f"{name}{told}", fontsize=8, loc="left")


def _side(axis: Any, rate: Rate, place: float, colour: str, marker: str, *, filled: bool) -> None:
    if rate.rate is None:
        return
    if rate.low is not None and rate.high is not None:
        axis.plot([rate.low, rate.high], [place, place], color=colour, linewidth=0.8, zorder=2)
    face = colour if filled else "white"
    axis.plot(rate.rate, place, marker, ms=3.6, mec=colour, mfc=face, mew=0.9, zorder=3)


def _key() -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=COLOURS[0], marker="s", mfc="white", ms=4, linewidth=0.8),
        Line2D([], [], color=COLOURS[1], marker="o", ms=4, linewidth=0.8),
    ]
    return marks, ["reference system, transcript", "speech-aware model, audio"]


def _title(column: str) -> str:
    return TITLES[column] if column in TITLES else f"{column}  {CODE_TITLES[column]}"


def _code_of(column: str) -> str:
    return JUDGED_CODE if column == "chain-of-thought" else column
