"""Numbers in digits and words, and amounts: what is read, and what is no number."""

from __future__ import annotations

import pytest

from speech_ifeval.benchmarks.numbers_in_words import amounts_of, numbers_in, value_of


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12", 12),
        (" 007 ", 7),
        ("Twenty-one", 21),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),  # longer than any count of anything
        ("1" * 5000, None),  # Python refuses to read it
        ("٣", None),
        ("many", None),
        ("", None),
    ],
)
def test_a_number_has_a_value_where_somebody_counts_so_far(written: str, value: int | None) -> None:
    assert value_of(written) == value


def test_a_text_full_of_digits_states_no_amount() -> None:
    endless = "1" * 5000
    assert numbers_in(f"in {endless} words") == []
    assert amounts_of("words", f"in {endless} words") == []


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("Use 5 or more sentences.", 5, None),
        ("Your answer must have 5 sentences or more.", 5, None),
        ("Three sentences or fewer, please.", 1, 3),
        ("Write 4 sentences or less than that.", 1, 4),
        ("Write 4 sentences or poems.", 4, 4),
        ("Write 4 sentences or moreover a poem.", 4, 4),
    ],
)
def test_more_or_fewer_stands_before_or_behind_the_unit(text: str, low: int, high: int | None) -> None:
    assert [(amount.low, amount.high) for amount in amounts_of("sentences?", text)] == [(low, high)]
