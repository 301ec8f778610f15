from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile, language
from speech_ifeval.constraints.language import detect, english, require_detector
from speech_ifeval.errors import ConstraintError, MissingExtraError

ID = "language:response_language"

SENTENCES = {
    "en": "The quick brown fox jumps over the lazy dog, and nobody minds.",
    "de": "Der schnelle braune Fuchs springt über den faulen Hund.",
    "fr": "Le renard brun saute par-dessus le chien paresseux, sans se presser.",
    "ru": "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "ko": "빠른 갈색 여우가 게으른 개를 뛰어넘습니다.",
    "hi": "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूदती है।",
    "zh-cn": "敏捷的棕色狐狸跳过了懒狗，这是一个简单的句子。",
}


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("code", SENTENCES)
def test_response_language(rules: str, code: str) -> None:
    check = compile(ID, rules=rules, language=code).check
    assert [other for other, text in SENTENCES.items() if check(text)] == [code]


@pytest.mark.parametrize("text", ["1 + 1 = 2", "?!", "\ud800\udc00", "https://example.org", "\U0001f600", "\x00"])
def test_no_language_is_not_followed(text: str) -> None:
    assert detect(text) is None
    assert compile(ID, language="en").explain(text) == (
        False,
        "no language can be detected instead of en",
        "undetectable-language",
    )


def test_why() -> None:
    assert compile(ID, language="de").explain(SENTENCES["fr"]) == (False, "fr instead of de", None)
    assert compile(ID, language="de").explain(SENTENCES["de"]).followed


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("zh", "did you mean zh-cn or zh-tw"),
        ("EN", "did you mean en"),
        ("pt-br", "did you mean pt"),
        ("german", "no language 'german'"),
        ("xx", "it knows af ar bg .* vi zh-cn zh-tw"),
        (" ", "not empty"),
        (None, "a text"),
    ],
)
def test_what_cannot_be_compiled(code: Any, message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        compile(ID, language=code)


def test_english() -> None:
    assert english(SENTENCES["en"])
    assert not english(SENTENCES["de"])
    assert not english("1")


# Short replies in capitals are where an unseeded detector wavers.
WAVERING = ["YES", "OK THEN", "HELLO THERE", "NO WAY", "ja", "a cat", "IT IS A MAN SPEAKING."]


def test_the_same_answer_every_time() -> None:
    for text in WAVERING:
        assert len({detect(text) for _ in range(20)}) == 1


def test_the_same_answer_in_another_process() -> None:
    program = f"from speech_ifeval.constraints.language import detect; print([detect(t) for t in {WAVERING!r}])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str([detect(text) for text in WAVERING])


def test_threads_share_one_factory_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_loaded", [])
    alone = {text: detect(text) for text in SENTENCES.values()}
    monkeypatch.setattr(language, "_loaded", [])
    loads = []
    load = language._load

    def counted(needed_by: str) -> Any:
        loads.append(threading.get_ident())
        return load(needed_by)

    monkeypatch.setattr(language, "_load", counted)
    texts = list(SENTENCES.values()) * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect, texts)) == [alone[text] for text in texts]
    assert len(loads) == 1


def test_langdetect_itself_is_left_alone() -> None:
    program = (
        "import langdetect.detector_factory as theirs\n"
        "from speech_ifeval.constraints.language import detect\n"
        "detect('This is English text.')\n"
        "assert theirs._factory is None and theirs.DetectorFactory.seed is None"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_the_verifiers_does_not_import_the_detector() -> None:
    program = (
        "import sys, speech_ifeval.constraints as c\n"
        "c.definitions(); c.compile('punctuation:no_comma').check('a')\n"
        "assert not [name for name in sys.modules if name.startswith('langdetect')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("id", "rules", "kwargs"),
    [
        (ID, "official", {"language": "en"}),
        ("change_case:english_capital", "ifeval", {}),
        ("change_case:english_lowercase", "ifeval", {}),
    ],
)
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, id: str, rules: str, kwargs: dict[str, Any]
) -> None:
    monkeypatch.setattr(language, "_loaded", [])
    monkeypatch.setitem(sys.modules, "langdetect", None)
    monkeypatch.setitem(sys.modules, "langdetect.detector_factory", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'speech-ifeval\[language\]'"):
        compile(id, rules=rules, **kwargs)
    with pytest.raises(MissingExtraError, match="a test needs the package langdetect"):
        require_detector("a test")


def test_only_what_is_read_counts() -> None:
    """The same verdict as for the whole text: langdetect reads 10,000 characters itself."""
    from langdetect import DetectorFactory

    theirs = DetectorFactory()
    theirs.seed = 0
    theirs.word_lang_prob_map = language._factory("").word_lang_prob_map
    theirs.langlist = language._factory("").langlist
    for text in (SENTENCES["de"] * 1000, SENTENCES["en"] * 180 + SENTENCES["ru"] * 1000):
        whole = theirs.create()
        whole.append(text)
        assert whole.detect() == detect(text)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_has_one_answer(text: str) -> None:
    assert detect(text) == detect(text)


WALLS = ["a", "a@", "http://a ", "http://", "A ", "日", "漢a", "\ud800", "1", " ", "\n", "ệ", "a.", "\U0001f600"]


@pytest.mark.parametrize("wall", WALLS)
def test_a_megabyte_of_anything(wall: str) -> None:
    text = wall * (1_000_000 // len(wall))
    check = compile(ID, language="en").check
    started = time.perf_counter()
    check(text)
    assert time.perf_counter() - started < 2
