from __future__ import annotations

import pytest

from speech_ifeval.report.figures import findings, number, of, p_value, span, visible, weakest_codes
from speech_ifeval.report.markdown import code, escape, summary_markdown, table
from speech_ifeval.results import CodeTest, Estimate, Rate, Summary

NOTHING = Rate(0, 0, 0, None, None, None)


def rate(followed: int, n: int, low: float, high: float, unscored: int = 0) -> Rate:
    return Rate(followed, n, unscored, 100 * followed / n, low, high)


def summary(**changes: object) -> Summary:
    fields: dict[str, object] = {
        "schema_version": 1,
        "name": "model",
        "signature": "benchmark:b|rules:official",
        "settings": {},
        "ifrate": Estimate(80.0, 70.0, 90.0, 10, 0),
        "forgetting": None,
        "points": None,
        "categories": dict.fromkeys(("closed-ended", "creative-writing", "chain-of-thought"), rate(8, 10, 50, 95)),
        "codes": dict.fromkeys(("CC", "SE", "WR", "JS", "BP", "KW", "LN", "CoT"), NOTHING),
        "ids": {},
        "datasets": {},
        "items": rate(80, 100, 70, 88),
        "pairs": rate(80, 100, 70, 88),
        "code_tests": {},
        "reference": None,
        "other_rules": {"rules": None, "flips": 0, "items": []},
        "near_misses": {},
        "unscored": {},
        "replies": {},
        "notes": [],
    }
    return Summary(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 你好 😀", "plain é 你好 😀"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x07\x7f\x9b\x00", "\\x07\\x7f\\x9b\\x00"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),  # these turn the direction of the text
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_control_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text).isprintable()


def test_every_character_is_printable_once_it_is_made_visible() -> None:
    everything = "".join(map(chr, range(0x11_0000)))
    assert visible(everything).isprintable()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),  # a backslash in front does not undo it
        ("<script>&", "&lt;script&gt;&amp;"),
        ("*a* _b_ `c` ~d~", "\\*a\\* \\_b\\_ \\`c\\` \\~d\\~"),
        ("![x](http://y)", "!\\[x\\](http://y)"),
        ("a\n\n# b", "a\\\\n\\\\n# b"),
        ("a\x1bb", "a\\\\x1bb"),
    ],
)
def test_a_name_cannot_become_markdown(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a|b", "`a|b`"), ("a`b", "`` a`b ``"), ("`", "`` ` ``"), ("a``b", "``` a``b ```"), ("a\nb", "`a\\nb`")],
)
def test_code_stays_code(text: str, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (88.985, False, "88.98"),
        (100.0, False, "100.00"),
        (0.0, False, "0.00"),
        (-3.567, False, "−3.57"),
        (3.567, True, "+3.57"),
        (-3.567, True, "−3.57"),
        (None, False, "–"),
        (None, True, "–"),
    ],
)
def test_a_figure_has_two_decimals_and_a_true_minus(value: float | None, signed: bool, shown: str) -> None:
    assert number(value, signed) == shown


def test_intervals_and_p_values() -> None:
    assert span(-1.5, 2, signed=True) == "−1.50 to +2.00"
    assert span(None, 2) == span(1, None) == "–"
    assert [p_value(p) for p in (0.0, 0.00099, 0.001, 0.05, 1.0)] == [
        "<0.001",
        "<0.001",
        "0.001",
        "0.050",
        "1.000",
    ]
    assert of(NOTHING) == ("–", "–")
    assert of(Estimate(1.0, 0.5, 2.0, 3, 0), signed=True) == ("+1.00", "+0.50 to +2.00")


def test_the_weakest_codes_lie_wholly_below_the_rate_over_all() -> None:
    codes = {
        "CC": rate(50, 100, 40, 60),
        "SE": rate(30, 100, 20, 40),
        "WR": rate(60, 100, 50, 70),
        "JS": rate(70, 100, 60, 81),  # reaches the rate over all
        "BP": NOTHING,
    }
    assert weakest_codes(summary(codes=codes)) == ["SE", "CC"]
    assert weakest_codes(summary(codes=codes, items=NOTHING)) == []


def test_findings_say_what_a_reader_must_know() -> None:
    told = list(
        findings(
            summary(
                code_tests={"JS": CodeTest(10, 9, 0, 0.004, 0.02), "CC": CodeTest(10, 0, 9, 0.004, 0.02)},
                near_misses={"unclosed-json": 79, "off-by-one": 3, "other-quotes": 2, "trailing-comma": 1},
                other_rules={"rules": "careful", "flips": 1, "items": []},
                unscored={"no response: \x1b[2J": 2},
                replies={"truncated": 4, "unclosed_thoughts": 5},
                notes=["the benchmark holds no x items"],
            )
        )
    )
    assert told == [
        "Lost against the reference (McNemar, Holm over the codes, p < 0.05): JS.",
        "Near misses: 79 × unclosed-json.",
        "Near misses: 3 × off-by-one.",
        "Near misses: 2 × other-quotes.",
        "The rule set careful would flip 1 verdict.",
        "Unscored: 2 × no response: \\x1b[2J.",
        "Cut off at the token limit: 4 replies.",
        "Thoughts that never end: 5 replies, which follow no rule.",
        "The benchmark holds no x items.",
    ]
    assert list(findings(summary())) == []


def test_a_markdown_summary_names_its_signature_and_what_is_not_there() -> None:
    text = summary_markdown(summary(name="a|b", ifrate=Estimate(None, None, None, 5, 7, "no scored item in x")))
    assert text.startswith("### a\\|b\n\n|  | value |")
    assert "| IFrate, % | – | – | 5 | 7 |" in text
    assert text.endswith("`benchmark:b|rules:official`\n")
    assert "JSON" not in text  # a code without a pair is left out


def test_a_table_is_aligned() -> None:
    assert table(["a", "b", "c"], [["1", "2", "3"]]) == "| a | b | c |\n| :-- | --: | --: |\n| 1 | 2 | 3 |"
