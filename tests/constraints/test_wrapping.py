from __future__ import annotations

import pytest

from speech_ifeval.constraints import RULE_SETS, compile

QUOTATION = "startend:quotation"
TITLE = "detectable_format:title"


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Hello"', True),
        ('  "Hello"\n', True),
        ('""', True),
        ('"', False),
        ('" "', True),
        ('"a" and "b"', True),  # first and last character decide
        ('Hello"', False),
        ('"Hello', False),
        ("“Hello”", False),
        ("'Hello'", False),
        ('"Hello".', False),
        ('```"Hello"```', False),
        ('"\ud800"', True),
        ("", False),
    ],
)
def test_quotation(rules: str, text: str, expected: bool) -> None:
    assert compile(QUOTATION, rules=rules).check(text) is expected


@pytest.mark.parametrize(
    ("text", "official", "careful"),
    [
        ("<<A title>>", True, True),
        (" <<A title>>\n", True, True),
        ("Here: <<A title>> and more", True, False),
        ("<<A>>\n<<B>>", True, False),
        ("<<A\nB>>", False, True),  # the whole reply is wrapped, over two lines
        ("<<A>>.", True, False),
        ("<<>>", False, False),
        ("<< >>", False, False),
        ("<<<>>>", False, False),
        ("<<\u00a0>>", False, False),  # white space of any kind is no content
        ("<<\x1c\u2003>>", False, False),
        ("<<\n>>", False, False),
        ("<<<A>>>", True, True),
        ("<<a << b>>", True, True),
        ("<<a>> b <<c>>", True, False),
        ("<A title>", False, False),
        ("<<A title>", False, False),
        ("<A title>>", False, False),
        (">>A title<<", False, False),
        ("«A title»", False, False),
        ("<<\ud800>>", True, True),
        ("<<>>>", False, False),
        ("<<> >>", True, False),  # the published check takes this > for content
        ("<<> x>>", True, True),
    ],
)
def test_title(text: str, official: bool, careful: bool) -> None:
    found = [compile(TITLE, rules=rules).check(text) for rules in RULE_SETS]
    assert found == [official, careful, official]


@pytest.mark.parametrize(
    ("text", "reason", "near"),
    [
        ("Hello", 'begins with H instead of "', None),
        ("'", "is only '", None),
        ('"', 'is only "', None),
        ("“Hello”", 'wrapped in “…” instead of "…"', "other-quotes"),
        ("'Hello'", "wrapped in '…' instead of \"…\"", "other-quotes"),
        ('"Hello', "the closing quotation mark is missing", "unclosed-wrap"),
        ('Hello"', "the opening quotation mark is missing", "unclosed-wrap"),
        ('"Hello" he said', "text after the quotation", "text-outside-wrap"),
        ('He said "hello"', "text before the quotation", "text-outside-wrap"),
        ('He said "hello" twice', "text before and after the quotation", "text-outside-wrap"),
        ("\t", "the reply is empty", None),
    ],
)
def test_why_no_quotation(text: str, reason: str, near: str | None) -> None:
    assert compile(QUOTATION).explain(text) == (False, reason, near)


@pytest.mark.parametrize(
    ("rules", "text", "reason", "near"),
    [
        ("official", "A title", "no <<…>> in the reply", None),
        ("official", "<<A title", "the closing >> is missing", "unclosed-wrap"),
        ("official", "A title>>", "the opening << is missing", "unclosed-wrap"),
        ("official", "«A title»", "wrapped in «…» instead of <<…>>", "other-brackets"),
        ("official", "<A title>", "wrapped in <…> instead of <<…>>", "other-brackets"),
        ("official", "<<>>", "nothing inside the <<…>>, or they stand on different lines", None),
        ("careful", "Here: <<A title>>", "text outside the <<…>>", "text-outside-wrap"),
        ("careful", "<<A>> and <<B>>", "more than one <<…>>", "text-outside-wrap"),
    ],
)
def test_why_no_title(rules: str, text: str, reason: str, near: str | None) -> None:
    assert compile(TITLE, rules=rules).explain(text) == (False, reason, near)
