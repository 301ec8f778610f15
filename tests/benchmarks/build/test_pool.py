"""Pools: the shipped ones say what they check, whatever is drawn; a broken one is refused, with its line."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from speech_ifeval.benchmarks import Benchmark, find_defects
from speech_ifeval.benchmarks.build import (
    Pool,
    Row,
    WordingKey,
    find_pool,
    load_pool,
    shipped_languages,
    wording_key,
)
from speech_ifeval.benchmarks.build.drawing import Drawer
from speech_ifeval.benchmarks.build.pool import takes_list
from speech_ifeval.constraints import compile, definitions
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.records import CODES, JUDGED_ID, Item

LANGUAGES = shipped_languages()
ROW = Row("a.wav", "Seven boats sailed north.")
HEAD = 'language = "en"\nscript = "Latin"\n'
BULLETS = """
[[constraint]]
id = "detectable_format:number_bullet_lists"
wordings = ["Use {num_bullets} bullet points."]
[constraint.values]
num_bullets = [2, 3]
"""
WORDS = """
[[constraint]]
id = "keywords:existence"
wordings = ["Use {keywords}."]
[constraint.values]
keywords = ["lantern"]
"""
QUOTES = '\n[[constraint]]\nid = "startend:quotation"\nwordings = ["Use quotes."]\n'


def every_item(pool: Pool) -> list[Item]:
    """An item for every wording and value of a pool, words from transcripts as one and as two."""
    drawer = Drawer(pool, Random(0))
    items: list[Item] = []
    for entry in pool.entries:
        lists: tuple[list[str], ...] = (["boats"], ["boats", "sailed"])
        drawn = [lists if takes_list(entry.id, name) else values for name, values in entry.values.items()]
        for values in product(*drawn):
            for number in range(1, len(entry.wordings) + 1):
                demand = drawer.demand(entry, number, dict(zip(entry.values, values, strict=True)), ROW)
                id, clip = f"creative-writing/{len(items):04d}", f"{len(items)}.wav"
                asked, demanded = f"Describe it.\n{demand.text}", (demand.constraint,)
                items.append(Item(id, "creative-writing", asked, clip, "x", demanded, wording=demand.wording))
    return items


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shipped_pool_has_ten_wordings_or_more_for_every_id_of_a_code(language: str) -> None:
    pool = load_pool(find_pool(language), language)
    wanted = {one.id for one in definitions() if one.code and "official" in one.rules} | {JUDGED_ID}
    scripts = {one.id: one.scripts for one in definitions() if "official" in one.rules}
    judged = {id for id in wanted if (able := scripts.get(id)) is None or pool.script in able}
    assert {entry.id for entry in pool.entries} == judged
    assert {entry.code for entry in pool.entries} == set(CODES)
    assert min(len(entry.wordings) for entry in pool.entries) >= 10
    relations = Counter(entry.id for entry in pool.entries if "relation" in entry.kwargs)
    assert set(relations.values()) == {2}


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_drawn_from_a_shipped_pool_says_what_it_checks(language: str) -> None:
    items = every_item(load_pool(find_pool(language)))
    assert len({item.wording for item in items}) == sum(
        len(entry.wordings) for entry in load_pool(find_pool(language)).entries
    )
    found = find_defects(Benchmark("pool", tuple(items), "", Path(), language=language))
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wordings_key_leads_back_to_the_wording(language: str) -> None:
    pool = load_pool(find_pool(language))
    for item in every_item(pool):
        key = wording_key(item)
        assert key is not None
        assert (key.language, key.constraint) == (language, item.constraints[0].id)
        assert key.fixed == item.constraints[0].kwargs.get("relation", "")
        entry = next(
            one for one in pool.entries if one.id == key.constraint and (not key.fixed or key.fixed in one.name)
        )
        start = entry.wordings[key.number - 1].partition("{")[0]
        assert item.instruction.partition("\n")[2].startswith(start)


def test_keys_are_read_and_items_of_no_pool_have_none() -> None:
    assert wording_key("pt-BR/a:b(less than)/112") == WordingKey("pt-BR", "a:b", "less than", 112)
    assert wording_key(Item("a/0", "closed-ended", "Hi.", "a.wav", "x")) is None
    with pytest.raises(UsageError, match=r"expected a wording's key such as en/.*found 'en/startend'"):
        wording_key("en/startend")


BAD: list[tuple[str, str]] = [
    (HEAD, "`constraint`"),
    ("language = 3", "Expected `str`, got `int` - at `$.language`"),
    ("language = 'en\n", "expected TOML, found text that is not"),
    (HEAD + "colour = 1" + QUOTES, "unknown field `colour`"),
    (HEAD + QUOTES + "weight = 2\n", "unknown field `weight` - at `$.constraint[0]`"),
    (HEAD.replace("en", "../en") + QUOTES, "the language must be a code such as en or pt-BR, found '../en'"),
    (HEAD.replace("Latin", "Elvish") + QUOTES, "unknown script 'Elvish': expected one of Arabic, "),
    (HEAD + QUOTES.replace("quotation", "quotations"),
     ":4: unknown constraint id 'startend:quotations'; did you mean"),
    (HEAD + QUOTES.replace("startend:quotation", "punctuation:no_comma"), "counts under none of the codes CC, "),
    (HEAD + QUOTES.replace('["Use quotes."]', "[]"), "needs at least one wording, found none; add one"),
    (HEAD + QUOTES.replace("Use quotes.", " "), "wordings must each be one line without white space around it"),
    (HEAD + QUOTES.replace("Use quotes.", "Use\\nquotes."), "wordings must each be one line"),
    (HEAD + QUOTES.replace('"Use quotes."', '"Quote.", "Quote."'), "'Quote.' stands twice among the wordings"),
    (HEAD + QUOTES.replace("Use quotes.", "引用符を使う"), "most letters of '引用符を使う' are not"),
    (HEAD + QUOTES.replace("Use quotes.", "Use {marks}."),
     "holds {marks}, for which startend:quotation draws no value"),
    (HEAD + QUOTES.replace("Use quotes.", "Use { quotes."), "the braces of 'Use { quotes.' do not fit"),
    (HEAD + QUOTES + QUOTES, ":8: startend:quotation has wordings at "),
    (HEAD + BULLETS.replace("{num_bullets} bullet", "some bullet"),
     "does not say {num_bullets}; add the placeholder"),
    (HEAD + BULLETS.replace("Use {num_bullets}", "Use {num_bullets.real}"),
     "a placeholder is a plain name in braces"),
    (HEAD + BULLETS.replace("Use {num_bullets}", "Use {num_bullets!r}"),
     "a placeholder is a plain name in braces"),
    (HEAD + BULLETS.replace("num_bullets = [2", "bullets = [2"), "has no kwarg 'bullets' (it takes num_bullets)"),
    (HEAD + BULLETS.replace("[constraint.values]\nnum_bullets = [2, 3]", ""),
     "needs the kwarg num_bullets; give it"),
    (HEAD + BULLETS.replace("[2, 3]", '[2, "x"]'), "must each be a whole number, 0 or more"),
    (HEAD + BULLETS.replace("[2, 3]", "[2, 2]"), "must be at least one, each once, found [2, 2]"),
    (HEAD + BULLETS.replace("[2, 3]", "[]"), "must be at least one, each once, found []"),
    (HEAD + BULLETS.replace("[2, 3]", '"transcript"'), "must be a list, found 'transcript'"),
    (HEAD + BULLETS.replace("wordings", "kwargs = {num_bullets = 2}\nwordings"),
     "num_bullets is fixed and drawn at once"),
    (HEAD + WORDS, "are listed in the text: the pool needs [lists] with at least `one`"),
    (HEAD + '[lists]\none = "{0}"\n' + WORDS.replace("lantern", "l.n("), "the keyword 'l.n(' holds '('"),
    (HEAD + '[lists]\none = "{0}"\n' + WORDS.replace('["lantern"]', '"speech"'),
     "for words of the clip, found 'speech'"),
    (HEAD + '[lists]\none = "{1}"\n' + WORDS, "lists.one must hold each of {0}, found '{1}'"),
    (HEAD + '[lists]\nmany = "{0}"\n' + WORDS, "many"),
    (HEAD + QUOTES + '[options]\nstart=""\nbetween=""\nlast=""\nend=""\nquote="x"',
     "options.quote must hold {0} once"),
    (HEAD + QUOTES + '[task.x]\nmetric = "bleu"', "Invalid enum value 'bleu' - at `$.task[...].metric`"),
    (HEAD + QUOTES + '[task.x]\nmetric = "wer"\nquestions = [""]', "task.x: questions must each be one line"),
    (HEAD + QUOTES + "[creative]\nprompts = []", "creative.prompts must hold a prompt, found none"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_broken_pool_is_refused_with_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        load_pool(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value).replace("\\n", "")


CANNOT_JUDGE = [
    ("Japanese", "大文字で書く。", "change_case:english_capital", ""),
    ("Han", "全部大写。", "change_case:english_lowercase", ""),
    ("Japanese", "{num_words}単語以上。", "length_constraints:number_words", 'relation = "at least"'),
    ("Thai", "{num_words} คำ", "length_constraints:number_words", 'relation = "at least"'),
    ("Devanagari", "{num_words} शब्द", "length_constraints:number_words", 'relation = "at least"'),
    ("Arabic", "{num_sentences} جمل", "length_constraints:number_sentences", 'relation = "at least"'),
]


@pytest.mark.parametrize(("script", "wording", "id", "fixed"), CANNOT_JUDGE)
def test_a_script_that_a_verifier_cannot_judge_is_refused(
    script: str, wording: str, id: str, fixed: str, tmp_path: Path
) -> None:
    name = wording.partition("{")[2].partition("}")[0]
    values = f"[constraint.values]\n{name} = [3]\n" if name else ""
    path = tmp_path / "own.toml"
    path.write_text(
        f'language = "xx"\nscript = "{script}"\n[[constraint]]\nid = "{id}"\nkwargs = {{ {fixed} }}\n'
        f'wordings = ["{wording}"]\n{values}',
        "utf-8",
    )
    with pytest.raises(DataError, match=rf":3: {id} cannot be judged in the script {script}, only in Latin, "):
        load_pool(path)


def test_a_pool_of_ones_own_may_have_one_wording_and_braces(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + QUOTES.replace("Use quotes.", "Use quotes, not {{braces}}."))
    pool = load_pool(path)
    assert Drawer(pool, Random(0)).text(pool.entries[0], 1, {}) == "Use quotes, not {braces}."


@pytest.mark.parametrize(("content", "message"), [(b"\xff", "expected UTF-8"), (None, "cannot be read")])
def test_a_pool_that_cannot_be_read(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_pool(tmp_path / "own.toml")


def test_a_language_that_no_pool_is_in_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pool in 'xx' is shipped; expected one of en"):
        find_pool("xx")
    with pytest.raises(UsageError, match=r"no pool in '\.\./pools/en' is shipped"):
        find_pool("../pools/en")
    path = tmp_path / "own.toml"
    path.write_text(HEAD + QUOTES)
    with pytest.raises(UsageError, match=r"holds wordings in 'en', asked for was 'de'; give --language en"):
        load_pool(path, "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_a_shipped_pool_compiles(language: str) -> None:
    def compiled(kwargs: dict[str, Any], id: str) -> bool:
        return compile(id, **kwargs).id == id

    items = every_item(load_pool(find_pool(language)))
    constraints = [item.constraints[0] for item in items if item.constraints[0].id != JUDGED_ID]
    assert all(compiled(one.kwargs, one.id) for one in constraints)
    assert msgspec.json.encode(constraints)
