"""The published rows, recomputed from the columns by hand."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files

import pytest

from speech_ifeval.analysis.published.reading import published_figures, read_figures
from speech_ifeval.analysis.published.recomputing import compared, published_block, scaled_forgetting
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.sources import OFFICIAL
from speech_ifeval.errors import DataError
from tests.shared_data import RELEASE, needs_release

TEXT = files("speech_ifeval.analysis.published").joinpath("figures.toml").read_text("utf-8")

# (closed + creative + CoT) / 3, and 100 · (that − the reference's) / the reference's, worked out on paper.
BY_HAND = {
    "DeSTA2": ("88.99", "-3.83"),
    "DiVA": ("76.13", "-17.73"),
    "BLSP-emo": ("60.20", "-17.92"),
    "Qwen2-Audio-Instruct": ("47.11", None),
    "SALMONN": ("36.89", "-50.20"),
    "Qwen-Audio-Chat": ("32.98", None),
    "LTU-AS": ("29.19", "-54.90"),
    "Llama3.1-8B-Instruct": ("93.52", None),
    "Llama3-8B-Instruct": ("92.53", None),
    "Qwen2.5-7B-Instruct": ("83.32", None),
    "Qwen2-7B-Instruct": ("83.11", None),
    "Llama2-7B-Chat": ("75.26", None),
    "Vicuna 13B v1.1": ("74.07", None),
    "Qwen-7B-chat": ("73.34", None),
    "Vicuna 7B v1.1": ("64.73", None),
}


def test_ifrate_and_delta_are_those_of_the_columns() -> None:
    rows = {row.name: row for row in published_block().rows}
    assert list(rows) == list(BY_HAND)  # models first, each kind by its recomputed IFrate
    for name, (ifrate, forgetting) in BY_HAND.items():
        assert f"{rows[name].ifrate.value:.2f}" == ifrate, name
        value = rows[name].forgetting.value
        assert (None if value is None else f"{value:.2f}") == forgetting, name


def test_exactly_the_rows_that_contradict_their_columns_are_marked() -> None:
    block = published_block()
    assert [row.name for row in block.rows if row.ifrate.differs] == ["DeSTA2", "Qwen2.5-7B-Instruct"]
    assert [row.name for row in block.rows if row.forgetting.differs] == ["DeSTA2"]
    assert [(row.ifrate.printed, row.forgetting.printed) for row in block.rows if row.name == "DeSTA2"] == [
        (89.23, -3.57)
    ]
    assert [row.place for row in block.rows] == [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 8]


def test_a_printed_figure_is_compared_at_its_own_digits() -> None:
    assert not compared(Decimal("60.204"), Decimal("60.2")).differs
    assert compared(Decimal("60.26"), Decimal("60.2")).differs
    assert not compared(Decimal("-3.5651"), Decimal("-3.57")).differs
    assert not compared(None, Decimal("1")).differs


def test_the_scaled_delta_is_one_that_the_printed_ifrate_can_give() -> None:
    figures = published_figures()
    found = scaled_forgetting(figures.scaled[0], figures)
    # 74.0667 is Vicuna's; 68.055 would be printed as 68.06 and gives -8.117, 68.06 itself gives -8.11.
    assert (round(found.value or 0, 3), found.differs) == (-8.110, False)
    other = read_figures(TEXT.replace("forgetting = -8.12", "forgetting = -8.14"), "x")
    assert scaled_forgetting(other.scaled[0], other).differs


@needs_release
def test_the_sizes_are_those_of_the_release() -> None:
    benchmark = load_benchmark(RELEASE)
    assert benchmark.fingerprint == OFFICIAL.fingerprint
    for category, size in published_figures().items.items():
        assert len(benchmark.in_category(category)) == size


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "slm"', 'kind = "slm"\ninvented = 1', "unknown field `invented`"),
        ("closed_ended = 83.71", 'closed_ended = "many"', r"closed_ended"),
        ("closed_ended = 83.71\n", "", "missing required field `closed_ended`"),
        ('name = "DiVA"', 'name = "DeSTA2"', "expected every system once"),
        ('reference = "Qwen-7B-chat"', 'reference = "Qwen"', "BLSP-emo: expected a reference .* found 'Qwen'"),
        ('reference = "Qwen-7B-chat"\n', "", "BLSP-emo: expected the reference of a printed Δ"),
        ('[[scaled]]\nsystem = "SALMONN"', '[[scaled]]\nsystem = "other"', "expected a system .* found 'other'"),
        ("schema_version = 1", "schema_version = ", "expected published figures"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(DataError, match=message):
        read_figures(TEXT.replace(old, new), "figures.toml")
