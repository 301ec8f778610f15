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
