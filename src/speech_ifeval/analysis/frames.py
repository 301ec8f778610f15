"""A scored run as rows, and rows as a data frame of pandas or polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import code_of
from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.models.recorded import is_run, read_responses
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER, load_scored, scoring_labels
from speech_ifeval.records import Item, Response, Verdict
from speech_ifeval.results import Summary

Kind = Literal["verdicts", "responses", "items"]
Library = Literal["pandas", "polars"]
Row = dict[str, Any]
_Type = Literal["text", "truth", "count", "figure"]


def _typed(columns: str) -> dict[str, _Type]:
    """Read names of columns, each followed by what it holds unless that is text."""
    pairs = (column.partition(":") for column in columns.split())
    return {name: msgspec.convert(held or "text", _Type) for name, _, held in pairs}


# The columns of each kind, in their order.
COLUMNS: Mapping[str, Mapping[str, _Type]] = {
    "verdicts": _typed(
        "id category code constraint kwargs index:count followed:truth reason near_miss otherwise clip dataset "
        "wording response reference_followed:truth"
    ),
    "responses": _typed(
        "id category clip dataset response finish_reason error input_tokens:count output_tokens:count "
        "seconds:figure audio_cut:truth transcript reference_response"
    ),
    "items": _typed(
        "id category code constraints instruction transcript label metric twin clip dataset source licence "
        "speaker wording followed:truth response reference_followed:truth"
    ),
}


def run_rows(folder: Path, benchmark: Benchmark | None, summary: Summary, kind: str) -> list[Row]:
    """Return a run's rows; what is unscored is None.

    Args:
        folder: the run directory.
        benchmark: what was answered.
        summary: whose scoring is meant, where the directory holds several.
        kind: ``verdicts``, ``responses`` or ``items``.

    Raises:
        UsageError: another kind, no benchmark, or the scoring is gone.
        DataError: a file is broken.
    """
    if kind not in COLUMNS:
        raise UsageError(f"no rows of kind {kind!r}: expected {', '.join(COLUMNS)}")
    if benchmark is None:
        raise UsageError("the run does not say which benchmark it answered; make it with benchmark=…")
    responses = read_responses([folder], benchmark).responses
    beside = folder / REFERENCE_FOLDER
    with_reference = summary.reference is not None and is_run(beside)
    if kind == "responses":
        theirs = read_responses([beside], benchmark).responses if with_reference else {}
        return [_response(benchmark.item(id), one, theirs.get(id)) for id, one in responses.items()]
    verdicts = _verdicts(folder, summary)
    reference = _verdicts(beside, summary, theirs=True) if with_reference else []
    if kind == "verdicts":
        followed = {(one.item, one.index): one.followed for one in reference}
        return [_verdict(benchmark.item(one.item), one, responses, followed) for one in verdicts]
    ours, other = _by_item(verdicts), _by_item(reference)
    return [_item(benchmark.item(id), ours[id], responses.get(id), other.get(id)) for id in ours]


def _verdicts(folder: Path, summary: Summary, *, theirs: bool = False) -> Sequence[Verdict]:
    """Those of the scoring that a summary was made from, or made against."""
    of = summary.reference if theirs and summary.reference is not None else summary
    for label in scoring_labels(folder):
        scored = replace(load_scored(folder, label), task=of.task)
        if scored.signature() == of.signature:
            return scored.verdicts
    raise UsageError(f"{folder} no longer holds the scoring {of.signature}; score it again")


def _by_item(verdicts: Sequence[Verdict]) -> dict[str, bool | None]:
    """Whether all constraints of an item are followed; None where one of them is unscored."""
    found: dict[str, list[bool | None]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.item, []).append(verdict.followed)
    return {id: None if None in each else all(each) for id, each in found.items()}


def _verdict(
    item: Item, one: Verdict, responses: Mapping[str, Response], reference: Mapping[tuple[str, int], bool | None]
) -> Row:
    response = responses.get(item.id)
    return {
        "id": item.id,
        "category": item.category,
        "code": one.code,
        "constraint": one.constraint,
        "kwargs": msgspec.json.encode(item.constraints[one.index].kwargs, order="sorted").decode(),
        "index": one.index,
        "followed": one.followed,
        "reason": one.reason,
        "near_miss": one.near_miss,
        "otherwise": one.otherwise,
        "clip": item.clip,
        "dataset": item.dataset,
        "wording": item.wording,
        "response": None if response is None else response.text,
        "reference_followed": reference.get((item.id, one.index)),
    }


def _response(item: Item, one: Response, theirs: Response | None) -> Row:
    return {
        "id": item.id,
        "category": item.category,
        "clip": item.clip,
        "dataset": item.dataset,
        "response": one.text,
        **{name: getattr(one, name) for name in ("finish_reason", "error", "input_tokens", "output_tokens")},
        **{name: getattr(one, name) for name in ("seconds", "audio_cut", "transcript")},
        "reference_response": None if theirs is None else theirs.text,
    }


def _item(item: Item, followed: bool | None, response: Response | None, theirs: bool | None) -> Row:
    said = ("instruction", "transcript", "label", "metric", "twin", "clip", "dataset", "source", "licence")
    return {
        "id": item.id,
        "category": item.category,
        "code": code_of(item),
        "constraints": " ".join(constraint.id for constraint in item.constraints),
        **{name: getattr(item, name) for name in (*said, "speaker", "wording")},
        "followed": followed,
        "response": None if response is None else response.text,
        "reference_followed": theirs,
    }


def frame_of(rows: Sequence[Row], kind: Kind, library: str) -> Any:
    """Return rows as a data frame, every column of one type, missing values allowed in all of them.

    Raises:
        UsageError: another library.
        MissingExtraError: it is not installed.
    """
    if library not in get_args(Library):
        raise UsageError(f"no data frames of {library!r}: expected {' or '.join(get_args(Library))}")
    columns = {name: ([row[name] for row in rows], type) for name, type in COLUMNS[kind].items()}
    return _in_pandas(columns) if library == "pandas" else _in_polars(columns)


def _in_pandas(columns: Mapping[str, tuple[list[Any], _Type]]) -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("pandas", "pandas", "to_frame") from None
    types = {"text": "string", "truth": "boolean", "count": "Int64", "figure": "Float64"}
    return pandas.DataFrame(
        {name: pandas.array(values, dtype=types[type]) for name, (values, type) in columns.items()}
    )


def _in_polars(columns: Mapping[str, tuple[list[Any], _Type]]) -> Any:
    try:
        import polars
    except ImportError:
        raise MissingExtraError("polars", "polars", "to_frame") from None
    types = {"text": polars.String, "truth": polars.Boolean, "count": polars.Int64, "figure": polars.Float64}
    return polars.DataFrame(
        {name: values for name, (values, _) in columns.items()},
        schema={name: types[type] for name, (_, type) in columns.items()},
    )
