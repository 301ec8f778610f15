"""Is what a judge calls the transcript really in the reply?"""

from __future__ import annotations

import re
import unicodedata

NOT_A_SUBSTRING = "not-a-substring"
NOT_IN_REPLY = "what the judge calls the transcript does not stand in the reply"

_QUOTES = str.maketrans(dict.fromkeys("’‘ʼ`´", "'") | dict.fromkeys("“”„«»", '"'))
_TOKEN = re.compile(r"[^\W_]+|[\"'<>()\[\]{}|/\\]")
_WORD = re.compile(r"[^\W_]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}


def normal_form(text: str) -> str:
    """Return a text's words, quotes and brackets between single spaces.

    Compatibility forms are written plainly (NFKC); case, white space, the form of a quote and every other mark
    do not count.

    >>> normal_form('“Don’t!”  he\\nsaid—twice.')
    '" don \\' t " he said twice'
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES)
    return " ".join(_TOKEN.findall(plain))


def normal_words(text: str) -> str:
    """Return a text's words alone between single spaces, in the plain form of `normal_form`.

    >>> normal_words('“Don’t!”  he\\nsaid—twice.')
    'dont he said twice'
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES).replace("'", "")
    return " ".join(_WORD.findall(plain))


def is_substring(extracted: str, reply: str) -> bool:
    """Whether the words of `extracted` stand in the reply, side by side and in this order.

    Both are compared in their `normal_form`, quotes and brackets around the extracted text left out, those
    inside it not. A reply in JSON may spell it with escapes. A text without words stands in every reply.

    >>> is_substring("hello, World", 'You said: "HELLO WORLD."'), is_substring("hello there", "hello world")
    (True, False)
    >>> is_substring("a list of words", '["a", "list", "of", "words"]')
    False
    """
    words = normal_form(_without_edges(extracted))
    if not words or _stands_in(words, reply):
        return True
    return "\\" in reply and _stands_in(words, _ESCAPE.sub(_unescaped, reply))


def _without_edges(text: str) -> str:
    """Leave out the marks at both ends; a pattern would look at those inside again and again."""
    start = next((index for index, letter in enumerate(text) if letter.isalnum()), len(text))
    end = next((index for index in range(len(text), start, -1) if text[index - 1].isalnum()), start)
    return text[start:end]


def _stands_in(words: str, reply: str) -> bool:
    return f" {words} " in f" {normal_form(reply)} "


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPED.get(match[2], match[2])
