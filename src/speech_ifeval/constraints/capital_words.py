"""Words in capital letters, counted as `nltk.word_tokenize` would cut them.

NLTK cuts a text into sentences, and a sentence by some thirty substitutions, most of which only put spaces
around marks. For capital words alone nearly all of that can be left out: what is left of a text once it is cut
at white space and at the marks below is cut rightly, unless an apostrophe or one of six words such as "CANNOT"
is involved. Only sentences with one of these are rewritten, by `_spaced`.
"""

from __future__ import annotations

import re

_SPACE = r"[^\S\x1c-\x1f]"  # unlike `str.split`, the substitutions do not take \x1c to \x1f for white space
_CUT = re.compile(r"[\s\"`«»“”‘’„;@#$%&‒-―?!*()\[\]{}<>]+|-{2}|\.{2,}|[:,](?!\d)")

# Words that are cut in two; "wanna" only before white space.
_TWO_WORDS = r"(?i:(can)(?=not)|(gim)(?=me)|(gon)(?=na)|(got)(?=ta)|(lem)(?=me))"
_NOT_PLAIN = re.compile(r"'|\.:\d|(?i:cannot|gimme|gonna|gotta|lemme|wanna)")
_CONTRACTED = re.compile(r"(?:(I)'(?:m|d|s|ll|ve|re)|[A-Z][a-z]+'s|[A-Z][a-z]{2,}'[a-z]+)[.,?!]?")

_OPENING = re.compile(r"[«“‘„`]")
_OPENING_STRAIGHT = re.compile(r"(?<=[ (\[{<])(?:\"|'')")
_APOSTROPHE = re.compile(r"'(?=\S)")
_CLITIC = re.compile(r"re|ve|ll|[mtsdn]", re.IGNORECASE)
_LAST_PERIOD = re.compile(rf"(?<=[^.])\.([\])}}>\"'»”’ ]*+){_SPACE}*+\Z")
_PAUSE = re.compile(r"([:,])(\D|\Z)")
_MARK = re.compile(r"\.{2,}|[;@#$%&‒-―?!]")
_LONE_APOSTROPHE = re.compile(r"(?<=[^'])' ")
_LATER_MARK = re.compile(r"[*\"()\[\]{}<>»”’]|--|''")
_SPACES = re.compile(rf"{_SPACE}+")
_SHORT_CLITIC = re.compile(r"(?<=[^' ])('[sSmMdD]?)(?= )")
_LONG_CLITIC = re.compile(r"(?<=[^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T)(?= )")
_TWO_WORDS_INSIDE = re.compile(
    r"(?i)\b(?:(can)(not)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(d)('ye)|(more)('n))\b|\b(wan)(na)(?=\s)"
)
_IT_INSIDE = re.compile(r"(?i)(?<= )('t)(is|was)\b")
