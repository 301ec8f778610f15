"""The wording of a demand, apart from its question and its values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.demands import Demand, demand_of, without_values
from speech_ifeval.records import Constraint, Item
from tests.shared_data import RELEASE, needs_release


def made(*items: Item) -> Benchmark:
    return Benchmark("made", items, fingerprint_of(items), Path())


def item(instruction: str, id: str = "a", twin: str | None = None, **more: Any) -> Item:
    constraints = more.pop("constraints", (Constraint("startend:quotation"),))
    return Item(id, "closed-ended", instruction, "a.wav", "asr", constraints, twin=twin, **more)


@pytest.mark.parametrize(
    ("text", "kwargs", "expected"),
    [
        ("Write 3 bullet points.", {"num_bullets": 3}, "Write {num_bullets} bullet points."),
        ("Write three bullet points.", {"num_bullets": 3}, "Write {num_bullets} bullet points."),
        ("Write 13 points in 3 groups.", {"num_bullets": 3}, "Write 13 points in {num_bullets} groups."),
        ("Write thirty-three words.", {"num_words": 3}, "Write thirty-three words."),
        ("A single paragraph.", {"num_paragraphs": 1}, "A {num_paragraphs} paragraph."),
        ("End with 'That is all.'", {"end_phrase": "That is all."}, "End with '{end_phrase}'"),
        ("Say “Yes.” first", {"prompt_to_repeat": "No."}, "Say “Yes.” first"),
        ("Use sea, not seaside.", {"keywords": ["sea"]}, "Use {keywords}, not seaside."),
        ("Use Sea.", {"keywords": ["sea"]}, "Use {keywords}."),
        (
            "At least 5, at least.",
            {"relation": "at least", "num_words": 5},
            "At least {num_words}, at least.",
        ),
        (r"Say \1 or \g<0>.", {"end_phrase": r"\1"}, r"Say {end_phrase} or \g<0>."),
        ("All of it.", {"flag": True, "share": 0.5, "empty": "", "none": None}, "All of it."),
    ],
)
def test_values_are_taken_out_where_they_stand(text: str, kwargs: dict[str, Any], expected: str) -> None:
    assert without_values(text, kwargs) == expected


def test_the_demand_is_what_the_twin_lacks_however_many_lines_it_has() -> None:
    plain = item("What is said?\nAnswer with a word.", "b", constraints=())
    asked = item("What is said?\nAnswer with a word.\nIn quotes,\nplease.", "a", twin="b")
    assert demand_of(made(plain, asked), asked) == Demand(
        "", "In quotes,\nplease.", "In quotes,\nplease.", False, None
    )


def test_without_a_twin_the_first_line_is_the_question() -> None:
    asked = item("What is said?\nIn quotes.")
    assert demand_of(made(asked), asked).wording == "In quotes."


def test_a_twin_that_asks_otherwise_is_not_taken_off() -> None:
    plain, asked = item("Who speaks?", "b", constraints=()), item("What is said?\nIn quotes.", twin="b")
    assert demand_of(made(plain, asked), asked).wording == "In quotes."


def test_one_sentence_is_a_prompt_as_a_whole() -> None:
    asked = item("Sum it up in 2 lines.", constraints=(Constraint("length_constraints:number_lines", {"n": 2}),))
    assert demand_of(made(asked), asked) == Demand(
        "", "Sum it up in {n} lines.", "Sum it up in {n} lines.", True, None
    )


def test_a_built_items_wording_is_its_key_and_the_relation_is_its_own() -> None:
    words = Constraint("length_constraints:number_words", {"relation": "at least", "num_words": 40})
    key = "en/length_constraints:number_words(at least)/07"
    asked = item("Describe it.\nUse 40 words or more.", constraints=(words,), wording=key)
    demand = demand_of(made(asked), asked)
    assert (demand.fixed, demand.wording, demand.text) == ("at least", key, "Use {num_words} words or more.")
    recovered = item("Describe it.\nUse 40 words or more.", constraints=(words,))
    assert demand_of(made(recovered), recovered).fixed == "at least"


def test_of_several_constraints_all_values_are_taken_out() -> None:
    both = (Constraint("startend:end_checker", {"end_phrase": "Bye."}), Constraint("a:b", {"n": 2}))
    asked = item('What?\nIn 2 lines, ending with "Bye."', constraints=both)
    found = [demand_of(made(asked), asked, index) for index in range(2)]
    assert {one.wording for one in found} == {'In {n} lines, ending with "{end_phrase}"'}
    assert [one.phrase for one in found] == ["Bye.", None]


@needs_release
def test_the_published_items_have_the_wordings_they_are_known_to_have() -> None:
    release = load_benchmark(RELEASE)
    demands: dict[tuple[str, str], list[Demand]] = {}
    for asked in release:
        for index, constraint in enumerate(asked.constraints):
            key = (asked.category, constraint.id)
            demands.setdefault(key, []).append(demand_of(release, asked, index))
    wordings = {key: Counter(demand.wording for demand in found) for key, found in demands.items()}
    closed = {id: len(found) for (category, id), found in wordings.items() if category == "closed-ended"}
    assert closed == {
        "change_case:english_capital": 25,
        "change_case:english_lowercase": 25,
        "detectable_format:json_format": 50,
        "startend:quotation": 24,
        "detectable_format:title": 25,
        "combination:repeat_prompt": 23,
        "startend:end_checker": 17,
    }
    assert set(wordings["closed-ended", "detectable_format:json_format"].values()) == {5}
    assert set(wordings["closed-ended", "detectable_format:title"].values()) == {4, 5}
    assert Counter(wordings["chain-of-thought", "reasoning:chain_of_thought"].values()) == {5: 40}
    for id in ("combination:repeat_prompt", "startend:end_checker"):
        pairs = {(demand.phrase, demand.wording) for demand in demands["closed-ended", id]}
        assert len(pairs) == 25 == len({phrase for phrase, _ in pairs})  # each phrase has one wording
    whole = {category: {demand.whole for demand in found} for (category, _), found in demands.items()}
    assert whole == {"closed-ended": {False}, "creative-writing": {True}, "chain-of-thought": {False}}


def test_every_item_of_the_bundled_benchmark_says_its_wording() -> None:
    bundled = load_benchmark("bundled")
    texts: dict[str, set[str]] = {}
    for asked in bundled:
        for index in range(len(asked.constraints)):
            demand = demand_of(bundled, asked, index)
            assert asked.wording == demand.wording
            assert not demand.whole
            texts.setdefault(demand.wording, set()).add(demand.text)
    several = {key: found for key, found in texts.items() if len(found) > 1}
    assert all("keywords" in key for key in several)  # one word or two
