"""A run's rows as data frames: every kind, both libraries, missing values missing."""

from __future__ import annotations

import builtins
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.analysis.frames import COLUMNS, frame_of
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.job import Run, evaluate
from speech_ifeval.pipeline.scoring import Scoring, score
from tests.pipeline.conftest import write_rows

pandas = pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    return evaluate("replay:example:tuned", reference="replay:example:reference", output_dir=folder)


def test_the_frames_figures_are_the_summarys(run: Run) -> None:
    frame = run.to_frame()
    codes = frame.groupby("code")["followed"].agg(["sum", "count"])
    for code, rate in run.summary.codes.items():
        if rate.n:
            assert (int(codes.loc[code, "sum"]), int(codes.loc[code, "count"])) == (rate.followed, rate.n)
    assert run.summary.reference is not None
    theirs = frame.groupby("code")["reference_followed"].sum()
    assert {code: int(theirs[code]) for code in theirs.index} == {
        code: rate.followed for code, rate in run.summary.reference.codes.items() if rate.n
    }
    items = run.to_frame("items").groupby("category")["followed"].sum()
    assert {name: int(items[name]) for name in items.index} == {
        name: rate.followed for name, rate in run.summary.categories.items()
    }


def test_a_row_says_what_was_asked_and_answered(run: Run) -> None:
    assert run.benchmark is not None
    row = run.to_frame().set_index("id").loc["closed-ended/0002"]
    item = run.benchmark.item("closed-ended/0002")
    assert json.loads(row["kwargs"]) == item.constraints[0].kwargs
    assert (row["constraint"], row["clip"], row["dataset"]) == (item.constraints[0].id, item.clip, item.dataset)
    said = run.to_frame("responses").set_index("id")
    assert row["response"] == said.loc["closed-ended/0002", "response"]
    assert "closed-ended-plain/0002" in said.index
    asked = run.to_frame("items").set_index("id")
    assert asked.loc["closed-ended/0002", "instruction"] == item.instruction


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_have_one_type_whatever_is_missing(run: Run, kind: Any) -> None:
    types = {"text": "string", "truth": "boolean", "count": "Int64", "figure": "Float64"}
    for frame in (run.to_frame(kind), frame_of([], kind, "pandas")):
        assert {name: str(frame[name].dtype) for name in frame.columns} == {
            name: types[held] for name, held in COLUMNS[kind].items()
        }


def test_what_is_unscored_is_missing(tmp_path: Path) -> None:
    failed = {"id": "closed-ended/0000", "response": None, "error": "no reply"}
    rows = [failed, {"id": "closed-ended/0001", "response": "yes"}]
    example = load_benchmark("example")
    path = write_rows(tmp_path / "mine.jsonl", rows)
    summary, folder = score([path], example, output_dir=tmp_path / "run", scoring=Scoring(judge="none"))
    made = Run(folder, summary, benchmark=example)
    frame = made.to_frame()
    assert frame["followed"].count() == 1
    assert frame["reference_followed"].isna().all()
    said = made.to_frame("responses").set_index("id")
    assert said.loc["closed-ended/0000", "error"] == "no reply"


@pytest.mark.parametrize("kind", COLUMNS)
def test_polars_has_the_same_rows(run: Run, kind: Any) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    ours, theirs = run.to_frame(kind, library="polars"), run.to_frame(kind)
    assert ours.columns == list(theirs.columns)
    plain = theirs.astype(object).where(theirs.notna(), None).to_dict("records")
    assert ours.to_dicts() == plain
    types = {"text": polars.String, "truth": polars.Boolean, "count": polars.Int64, "figure": polars.Float64}
    assert dict(ours.schema) == {name: types[held] for name, held in COLUMNS[kind].items()}


def test_what_is_not_installed_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name in ("pandas", "polars"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for library in ("pandas", "polars"):
        with pytest.raises(MissingExtraError, match=rf"pip install 'speech-ifeval\[{library}\]'"):
            run.to_frame(library=library)  # type: ignore[arg-type]  # one of the two


def test_another_kind_or_library_is_said(run: Run) -> None:
    with pytest.raises(UsageError, match="expected verdicts, responses, items"):
        run.to_frame("rows")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected pandas or polars"):
        run.to_frame(library="arrow")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="which benchmark"):
        replace(run, benchmark=None).to_frame()
