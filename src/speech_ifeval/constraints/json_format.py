"""The reply is JSON (code JS).

Python's own parser decides, with three limits fixed so that a verdict depends on the text alone: nesting deeper
than `MAX_DEPTH` does not follow (the parser's recursion would depend on the caller's stack), an integer of more
than `MAX_DIGITS` digits does not (the parser's own limit can be switched off), and long numbers are never read.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import NamedTuple

from speech_ifeval.constraints.registry import Miss, Verifier, constraint

MAX_DEPTH = 900
MAX_DIGITS = 4300  # the default of sys.get_int_max_str_digits()

_SURELY_SHALLOW = 20  # with so few opening brackets, depth need not be looked at
_CUT_EVERY = 20  # levels that are parsed in one piece where the caller's stack has no room for more
_VALUE_STARTS = '{["-0123456789tfnNI'
_FENCES = ("```json", "```Json", "```JSON", "```")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_LONG_NUMBER = 641  # digits; Python reads 640 whatever its limit is set to
_LONG_DIGITS = re.compile(r"\d{641}")
_SAMPLED = 149  # so many digits apart, four in a row are what a long number cannot do without
_FOUR_DIGITS = re.compile(r"\d{4}")
_BLOCK = 512  # brackets whose depth is looked at together
_STEP = {code: (1 if code in b"[{" else -1) for code in b"[]{}"}
_WORTHWHILE = 8  # innermost pairs are taken out, all at once, while they are so large a part of the brackets
_TURN = re.compile(r"([\[{]*)([\]}]*)")
_ANY_CLOSER = re.compile(r"[]}]")
_OPENER = str.maketrans("]}", "[{")
_CLOSER = str.maketrans("[{", "]}")

# A text with more brackets than this is parsed part by part: objects that live as long as the whole text are gone
# over again and again by the garbage collector, and all other objects of the process with them, which takes longer
# than parsing. The lists of a part this short are gone before the collector looks (at 700 objects).
_MANY_BRACKETS = 10_000
_PART = 600


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError("an integer of more digits than Python reads")
    return 0


def _unread(_: str) -> int:
    return 0


def _refused(name: str) -> int:
    raise ValueError(f"{name} is Python's, not JSON's")


class Grammar(NamedTuple):
    """Two decoders that accept the same texts: the plain one is quick, the other reads no long number."""

    plain: json.JSONDecoder
    long_numbers: json.JSONDecoder

    def decoder(self, text: str) -> json.JSONDecoder:
        if len(text) < _LONG_NUMBER or _FOUR_DIGITS.search(text[::_SAMPLED]) is None:
            return self.plain
        return self.plain if _LONG_DIGITS.search(text) is None else self.long_numbers


PYTHON = Grammar(json.JSONDecoder(), json.JSONDecoder(parse_int=_integer, parse_float=_unread))
RFC_8259 = Grammar(
    json.JSONDecoder(parse_constant=_refused),
    json.JSONDecoder(parse_int=_unread, parse_float=_unread, parse_constant=_refused),
)


def unfenced(text: str) -> str:
    """Take off white space and one Markdown code fence, as the published check does.

    >>> unfenced("```json\\n{}\\n```")
    '{}'
    """
    inner = text.strip()
    if "`" in inner:
        for fence in _FENCES:
            inner = inner.removeprefix(fence)
        inner = inner.removesuffix("```").strip()
    return inner


def _brackets(text: str) -> bytes:
    """The brackets outside strings."""
    bare = _STRING.sub("", text) if '"' in text else text
    return bare.encode("ascii", "replace").translate(None, _NOT_BRACKETS)


def depth(text: str, over: int = 0) -> int:
    """Return how deep brackets outside strings nest, whether or not they pair.

    All that counts is whether, and how far, it is over `over`.

    >>> depth('{"a": [[1, "]]]"]]}')
    3
    """
    return _depth(_brackets(text), over)


def _depth(brackets: bytes, over: int) -> int:
    level = deepest = 0
    for start in range(0, len(brackets), _BLOCK):
        block = brackets[start : start + _BLOCK]
        opening = block.count(b"[") + block.count(b"{")
        if level + opening > max(deepest, over):
            deepest = max(deepest, level + max(accumulate(map(_STEP.__getitem__, block))))
        level += 2 * opening - len(block)
    return deepest


def parses(grammar: Grammar, text: str) -> bool:
    """Whether the grammar accepts the whole text, nested at most `MAX_DEPTH` deep, whatever the stack holds.

    >>> parses(PYTHON, "[" * 900 + "]" * 900), parses(PYTHON, "[" * 901 + "]" * 901)
    (True, False)
    """
    if text[:1] not in _VALUE_STARTS:
        return False
    brackets = b""
    if text.count("[") + text.count("{") > _SURELY_SHALLOW:
        brackets = _brackets(text)
        if _depth(brackets, MAX_DEPTH) > MAX_DEPTH:
            return False
    decoder = grammar.decoder(text)
    try:
        if len(brackets) > _MANY_BRACKETS:
            in_strings = sum(map(text.count, "[]{}")) > len(brackets)
            return _parses_in_parts(decoder, text, _STRING.sub(_blank, text) if in_strings else text)
        decoder.decode(text)
    except ValueError:
        return False
    except RecursionError:
        return _parses_in_pieces(decoder, text)
    return True


def _parses_in_parts(decoder: json.JSONDecoder, text: str, bare: str) -> bool:
    """Parse some `_PART` characters at a time; may raise what the decoder does.

    `bare` is the text, its length kept, without the brackets that stand in strings.

    A part ends behind a closing bracket, where nothing matters of what was read but which brackets are open. So
    each part is parsed with these before it and, for those open at its end, closing ones behind it; but for the
    ones around it that it does not come to.
    """
    opened = ""
    cut = 0
    while len(text) - cut > 2 * _PART:
        closer = _ANY_CLOSER.search(bare, cut + _PART)
        if closer is None:
            break
        end = closer.end()
        still_open, lowest = _opened(opened, bare[cut:end])
        if not still_open:
            break  # the end, or an error
        around = max(0, lowest - 1)
        decoder.decode(_reopened(opened[around:]) + text[cut:end] + _closers(still_open[around:]))
        opened, cut = still_open, end
    decoder.decode(_reopened(opened) + text[cut:])
    return True


def _blank(string: re.Match[str]) -> str:
    return '"' * (string.end() - string.start())


def _reopened(opened: str) -> str:
    return opened.replace("{", '{"":') + "null" if opened else ""


def _closers(opened: str) -> str:
    return opened[::-1].translate(_CLOSER)


def _opened(opened: str, bare: str) -> tuple[str, int]:
    """Return the brackets open behind `bare`, a text without strings, and how few were in between.

    None are where some do not pair.
    """
    brackets = bare.encode("ascii", "replace").translate(None, _NOT_BRACKETS)
    removed = len(brackets)
    while removed * _WORTHWHILE > len(brackets):
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        removed = before - len(brackets)
    lowest = len(opened)
    for openers, closers in _TURN.findall(brackets.decode()):
        opened += openers
        if not opened.endswith(closers[::-1].translate(_OPENER)):
            return "", 0
        opened = opened[: len(opened) - len(closers)]
        lowest = min(lowest, len(opened))
    return opened, lowest


def _parses_in_pieces(decoder: json.JSONDecoder, text: str) -> bool:
    """Parse every `_CUT_EVERY` levels apart, a parsed piece standing as `null` in the one around it."""
    frames: list[list[str]] = [[]]
    cut = level = 0
    for mark in _STRING_OR_BRACKET.finditer(text):
        kind = mark[0][0]
        if kind in "[{":
            if level and level % _CUT_EVERY == 0:
                frames[-1].append(text[cut : mark.start()])
                frames.append([])
                cut = mark.start()
            level += 1
        elif kind in "]}":
            level -= 1
            if level < 0:
                return False
            if level and level % _CUT_EVERY == 0:
                piece = "".join([*frames.pop(), text[cut : mark.end()]])
                cut = mark.end()
                if not frames or not _decodes(decoder, piece):
                    return False
                frames[-1].append("null")
    return len(frames) == 1 and _decodes(decoder, "".join([*frames[0], text[cut:]]))


def _decodes(decoder: json.JSONDecoder, text: str) -> bool:
    try:
        decoder.decode(text)
    except ValueError:
        return False
    return True


def missing_closers(text: str) -> str:
    """Return the brackets that a text breaking off outside a string would need, innermost first.

    >>> missing_closers('{"a": [1, 2')
    ']}'
    """
    waiting: list[str] = []
    for mark in _STRING_OR_BRACKET.findall(text):
        if mark == "{":
            waiting.append("}")
        elif mark == "[":
            waiting.append("]")
        elif mark in ("]", "}") and (not waiting or waiting.pop() != mark):
            return ""
    return "".join(reversed(waiting))


def _why(grammar: Grammar, text: str) -> Miss:
    inner = unfenced(text)
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(text, MAX_DEPTH) > MAX_DEPTH:
        return Miss(f"nested deeper than {MAX_DEPTH} levels")
    closers = missing_closers(inner)
    if closers and parses(grammar, inner + closers):
        return Miss(f"lacks only the closing {closers[:20]}", "unclosed-json")
    if closers and inner.count('"') % 2 and parses(grammar, inner + '"' + closers):
        return Miss(f'breaks off inside a string; lacks "{closers[:20]}', "unclosed-json")
    start = min((at for at in (inner.find("{"), inner.find("[")) if at >= 0), default=-1)
    end = max(inner.rfind("}"), inner.rfind("]")) + 1
    if start >= 0 and end > start and (start > 0 or end < len(inner)) and parses(grammar, inner[start:end]):
        return Miss("text outside the JSON", "text-outside-json")
    if start == 0:
        if '"' not in inner and "'" in inner and parses(grammar, inner.replace("'", '"')):
            return Miss("single quotes instead of double quotes", "other-quotes")
        if parses(grammar, _TRAILING_COMMA.sub(r"\1", inner)):
            return Miss("a comma before a closing bracket", "trailing-comma")
    try:
        grammar.decoder(inner).decode(inner)
    except ValueError as error:
        return Miss(f"not JSON: {error}")
    return Miss("not JSON")


_TRAILING_COMMA = re.compile(r",\s*+([\]}])")


@constraint("detectable_format:json_format", code="JS", rules=("official", "ifeval"))
def json_reply() -> Verifier:
    """Python's JSON parser reads the reply, one code fence taken off; scalars and NaN pass; at most 900 deep."""
    return Verifier(
        lambda text: parses(PYTHON, unfenced(text)),
        lambda text: _why(PYTHON, text),
    )


@constraint("detectable_format:json_format", code="JS", rules=("careful",))
def strict_json_reply() -> Verifier:
    """The reply, one code fence taken off, is JSON by RFC 8259 (NaN and Infinity are not); at most 900 deep."""
    return Verifier(
        lambda text: parses(RFC_8259, unfenced(text)),
        lambda text: _why(RFC_8259, text),
    )
