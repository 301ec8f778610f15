"""Items from rows: shares, twins, wordings, crossing, what is drawn; rows that nothing right is asked about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark, find_defects
from speech_ifeval.benchmarks.build import Built, Row, find_pool, load_pool, wording_key
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.constraints import find_definition
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.records import JUDGED_ID, Item
from tests.benchmarks.build.corpora import composed, rows_of


def benchmark_of(built: Built) -> Benchmark:
    return Benchmark("made", built.items, fingerprint_of(built.items), Path(), language="en")


def of(built: Built, category: str) -> list[Item]:
    return [item for item in built.items if item.category == category]


def code(item: Item) -> str | None:
    return find_definition(item.constraints[0].id, "official").code


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 3), st.booleans(), st.integers(0, 1000))
def test_whatever_is_composed_has_no_defect(
    clips: int, speakers: int, tasks: int, crossed: bool, seed: int
) -> None:
    names = ("transcription", "gender", "")[: tasks + 1] if tasks < 3 else ("",)
    closed = None if names != ("",) else 0
    built = composed(rows_of(clips, speakers, names), closed_ended=closed, crossed=crossed, seed=seed)
    assert find_defects(benchmark_of(built)) == []
    assert len({item.id for item in built.items}) == len(built.items)


def test_codes_have_equal_shares_and_ids_alternate_within_them() -> None:
    built = composed(rows_of(60), closed_ended=101, creative_writing=60)
    codes = Counter(map(code, of(built, "closed-ended")))
    assert sorted(codes.values()) == [25, 25, 25, 26]
    assert Counter(map(code, of(built, "creative-writing"))) == {"BP": 20, "KW": 20, "LN": 20}
    ids = Counter(item.constraints[0].id for item in of(built, "closed-ended"))
    for group in (("change_case:english_capital", "change_case:english_lowercase"),
                  ("combination:repeat_prompt", "startend:end_checker"),
                  ("startend:quotation", "detectable_format:title")):  # fmt: skip
        assert abs(ids[group[0]] - ids[group[1]]) <= 1
    lengths = Counter(
        (item.constraints[0].id.rpartition("_")[2], item.constraints[0].kwargs.get("relation"))
        for item in of(built, "creative-writing")
        if code(item) == "LN"
    )
    for unit in ("words", "sentences", "paragraphs"):
        assert sum(count for (name, _), count in lengths.items() if name == unit) in (6, 7)
    for unit in ("words", "sentences"):
        assert abs(lengths[unit, "at least"] - lengths[unit, "less than"]) <= 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("clips", "speakers", "items"), [(48, 4, 96), (300, 40, 400), (60, 7, 120), (40, 1, 80)])
def test_codes_are_balanced_over_tasks_and_speakers_at_once(
    clips: int, speakers: int, items: int, seed: int
) -> None:
    closed = of(composed(rows_of(clips, speakers), closed_ended=items, seed=seed), "closed-ended")
    tasks = Counter((item.dataset, code(item)) for item in closed)
    assert max(tasks.values()) - min(tasks.values()) <= 2
    voices = Counter((item.speaker, code(item)) for item in closed)
    assert len(voices) == 4 * speakers
    assert max(voices.values()) - min(voices.values()) <= 2


def test_a_corpus_whose_speakers_are_unknown_is_balanced_over_tasks() -> None:
    rows = [replace(row, speaker=None) for row in rows_of(40)]
    tasks = Counter((item.dataset, code(item)) for item in of(composed(rows, closed_ended=60), "closed-ended"))
    assert max(tasks.values()) - min(tasks.values()) <= 2


def test_wordings_are_used_equally_often() -> None:
    built = composed(rows_of(120), closed_ended=240, creative_writing=120)
    used: dict[str, Counter[str]] = {}
    for item in built.items:
        if item.wording is not None:
            used.setdefault(item.wording.rpartition("/")[0], Counter())[item.wording] += 1
    for entry, counts in used.items():
        short_of = 0 if len(counts) < 12 else min(counts.values())
        assert max(counts.values()) - short_of <= 1, entry


def test_values_are_used_equally_often() -> None:
    built = composed(rows_of(120), closed_ended=0, creative_writing=120)
    bullets = Counter(
        item.constraints[0].kwargs["num_bullets"]
        for item in built.items
        if "num_bullets" in item.constraints[0].kwargs
    )
    assert sorted(bullets) == [2, 3, 4, 5]
    assert max(bullets.values()) - min(bullets.values()) <= 1


def test_twins_share_everything_but_the_demand() -> None:
    built = composed(rows_of(6))
    by_id = {item.id: item for item in built.items}
    for item in of(built, "closed-ended"):
        assert item.twin == item.id.replace("closed-ended", "closed-ended-plain")
        twin = by_id[item.twin]
        assert item.instruction.startswith(f"{twin.instruction}\n")
        assert item.instruction.count("\n") == 1
        for field in ("clip", "label", "metric", "transcript", "dataset", "speaker"):
            assert getattr(twin, field) == getattr(item, field)
        assert (twin.constraints, twin.wording, twin.twin) == ((), None, item.id)


def test_chain_of_thought_asks_closed_questions_other_than_transcription() -> None:
    built = composed(rows_of(8))
    thoughts = of(built, "chain-of-thought")
    assert len(thoughts) == 8
    for item in thoughts:
        assert (item.constraints[0].id, item.metric, item.label, item.dataset) == (
            JUDGED_ID,
            "cot",
            None,
            "gender",
        )
        assert 'Choose the answer from "male" or "female".\n' in item.instruction


def test_crossed_every_wording_is_asked_with_the_same_questions_and_values() -> None:
    built = composed(rows_of(8), closed_ended=8, creative_writing=6, chain_of_thought=2, crossed=True)
    assert len(of(built, "closed-ended")) == 8 * 12
    asked: dict[str, dict[int, set[tuple[str, str, str]]]] = {}
    for item in built.items:
        key = wording_key(item)
        if key is not None:
            what = (item.clip, item.instruction.partition("\n")[0], str(item.constraints[0].kwargs))
            asked.setdefault(f"{key.constraint} {key.fixed}", {}).setdefault(key.number, set()).add(what)
    for wordings in asked.values():
        assert sorted(wordings) == list(range(1, 13))
        assert all(same == wordings[1] for same in wordings.values())


def test_the_same_seed_gives_the_same_items_and_another_one_others() -> None:
    assert composed(rows_of(9), seed=3).items == composed(rows_of(9), seed=3).items
    assert composed(rows_of(9), seed=3).items != composed(rows_of(9), seed=4).items


def test_a_forbidden_word_is_said_in_the_clip_and_in_nothing_that_is_asked() -> None:
    built = composed(rows_of(60, tasks=("",)), closed_ended=0, creative_writing=180)
    words = [item for item in built.items if item.constraints[0].id == "keywords:forbidden_words"]
    assert len(words) == 30
    for item in words:
        question, _, demand = item.instruction.partition("\n")
        for word in item.constraints[0].kwargs["forbidden_words"]:
            assert word in str(item.transcript).lower()
            assert len(word) >= 4
            assert word not in question.lower()
            assert demand.lower().count(word) == 1
            assert word not in load_pool(find_pool("en")).words.function
    assert {len(item.constraints[0].kwargs["forbidden_words"]) for item in words} == {1, 2}


def test_a_keyword_is_said_neither_in_the_clip_nor_in_the_question() -> None:
    said = [Row(f"{n}.wav", "A lantern in the orchard, thunderous velvet.", speaker="ann") for n in range(20)]
    built = composed(said, closed_ended=0, creative_writing=60)
    used = [word for item in built.items for word in item.constraints[0].kwargs.get("keywords", ())]
    assert used
    assert not {"lantern", "orchard", "thunder", "velvet"} & set(used)


def test_clips_that_say_no_word_leave_the_entry_out_and_say_so() -> None:
    said: list[str] = []
    rows = [Row(f"{n}.wav", "No, no. I am.", speaker="ann") for n in range(6)]
    built = composed(rows, said, closed_ended=0, creative_writing=6)
    assert {item.constraints[0].id for item in built.items if code(item) == "KW"} == {"keywords:existence"}
    assert said == ["warning: no clip has words for keywords:forbidden_words; it is left out"]


def test_open_instructions_are_shared_only_where_there_are_no_others() -> None:
    built = composed(rows_of(200, tasks=("gender",)), closed_ended=0, creative_writing=0, chain_of_thought=None)
    assert (
        len(built.items) == 48
    )  # 4 questions and 12 wordings: by default no instruction is asked about two clips
    assert find_defects(benchmark_of(built)) == []
    more = composed(rows_of(200, tasks=("gender",)), closed_ended=0, creative_writing=0, chain_of_thought=100)
    assert [defect.kind for defect in find_defects(benchmark_of(more))] == ["instruction-shared"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"closed_ended": 15},
            "15 closed_ended questions are asked for, the corpus and the pool make 14 different",
        ),
        ({"creative_writing": 5000}, "5000 creative_writing questions are asked for"),
        ({"chain_of_thought": 49}, "49 chain_of_thought questions are asked for, the corpus and the pool make"),
    ],
)
def test_more_than_there_is_to_ask_is_refused(plan: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        composed(rows_of(1), **plan)
    assert message in str(caught.value)


def test_a_row_comes_again_with_another_constraint() -> None:
    built = composed(rows_of(1), closed_ended=14, creative_writing=0, chain_of_thought=0)
    assert len({item.instruction for item in of(built, "closed-ended")}) == 14


HELLO = Row("a.wav", "Hello there.", task="transcription", place="m.csv:2")
CHOICE = replace(HELLO, task="gender", label="male", options=("male", "female"), place="m.csv:3")

BAD_ROWS: list[tuple[list[Row], str]] = [
    ([replace(HELLO, task="gender")], "m.csv:2: the task 'gender' needs a label, found none; add the"),
    ([replace(HELLO, task="wit", label="dry")], "the task 'wit' has no questions in the pool (those that have: "),
    ([replace(HELLO, task="choice", label="x")], "m.csv:2: the task 'choice' has no questions in the pool"),
    ([replace(HELLO, task=None, label="x")], "a row with the field 'label' needs a task, found none; name one"),
    ([replace(CHOICE, label="Male")], "m.csv:3: expected the label among the options 'male', 'female', found"),
    ([replace(CHOICE, options=("male",))], "m.csv:3: expected at least two different options, found 'male'"),
    ([replace(CHOICE, options=("male", "Male"))], "m.csv:3: expected at least two different options"),
    ([replace(CHOICE, options=("male", "a \"b\""))], "without double quotation marks, found 'a \"b\"'"),
    ([replace(CHOICE, options=("male", ""))], "an option is one line of text"),
    ([HELLO, replace(HELLO, place="m.csv:9")], "m.csv:9: the same is asked about a.wav at m.csv:2 already"),
    ([HELLO, replace(CHOICE, transcript="Bye.")],
     "m.csv:3: rows about one clip have the same transcript, found 'Bye.'"),
    ([HELLO, replace(CHOICE, speaker="ann")],
     "rows about one clip have the same speaker, found 'ann' and, at m.csv:2, None"),
    ([replace(HELLO, metadata={"Mood": "calm"}), replace(CHOICE, metadata={"Mood": "glad"})],
     "m.csv:3: the metadata of a.wav say Mood: glad, and calm in a row before; correct one"),
    ([replace(HELLO, transcript="はい、そうです。")],
     "m.csv:2: the pool is in the script Latin and draws words from transcripts, most letters of 'はい"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS)
def test_rows_about_which_nothing_right_can_be_asked(rows: list[Row], message: str) -> None:
    with pytest.raises(DataError) as caught:
        composed(rows)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"closed_ended": 3}, "closed_ended questions are asked for, but the manifest has no row with a task"),
        ({"chain_of_thought": 3}, "the manifest has no row with a task other than transcription"),
        ({"creative_writing": 0}, "the plan asks for no item: give at least one category a number above 0"),
    ],
)
def test_a_category_that_the_corpus_cannot_fill(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        composed(rows_of(2, tasks=("",)), **plan)
    assert message in str(caught.value)


def test_speech_in_another_script_is_fine_where_no_word_is_drawn_from_it() -> None:
    rows = [replace(HELLO, transcript="はい、そうです。", speaker="ann")]
    built = composed(rows, creative_writing=0)
    assert len(built.items) == 2


def test_a_pool_in_another_language_makes_a_benchmark_without_defects(tmp_path: Path) -> None:
    pool = tmp_path / "ja.toml"
    pool.write_text(
        'language = "ja"\nscript = "Japanese"\n'
        '[[constraint]]\nid = "startend:quotation"\nwordings = ["答え全体を二重引用符で囲んでください。"]\n'
        '[[constraint]]\nid = "detectable_format:number_bullet_lists"\n'
        'wordings = ["{num_bullets}個の箇条書きで答えてください。"]\n[constraint.values]\nnum_bullets = [2, 3]\n'
        '[[constraint]]\nid = "reasoning:chain_of_thought"\nwordings = ["順を追って考えてください。"]\n'
        '[options]\nstart = "次から選んでください："\nbetween = "、"\nlast = "または"\nend = "。"\n'
        'quote = "「{0}」"\n'
        '[task.gender]\nmetric = "accuracy"\nquestions = ["話者の性別は何ですか。"]\n'
        '[creative]\nprompts = ["音声を説明してください。"]\n',
        "utf-8",
    )
    rows = [Row("a.wav", "窓を開けてください。", "gender", "女性", options=("男性", "女性"), speaker="a")]
    built = composed(rows, pool=pool, language="ja")
    assert [item.wording for item in built.items if item.wording] == [
        "ja/startend:quotation/01",
        "ja/detectable_format:number_bullet_lists/01",
        "ja/reasoning:chain_of_thought/01",
    ]
    assert built.items[1].instruction == "話者の性別は何ですか。 次から選んでください：「男性」または「女性」。"
    benchmark = Benchmark("ja", built.items, "", Path(), language="ja")
    assert find_defects(benchmark) == []


def test_the_shipped_pool_says_which_words_are_never_drawn() -> None:
    pool = load_pool(find_pool("en"))
    assert {"that", "with", "would"} <= set(pool.words.function)
    assert not {word for word in pool.words.function if len(word) < 4 or not word.isalpha()}
