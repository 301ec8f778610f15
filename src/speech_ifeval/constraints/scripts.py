"""Scripts: which letters belong to which, and which of them a verifier can judge.

The name of a character in the Unicode database begins with its script, and that is all that is asked of it:
letters are told apart, nothing else.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

# fmt: off
# Names that a pool may give, and how the Unicode names of their letters begin.
SCRIPTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "Arabic": ("ARABIC",),
    "Armenian": ("ARMENIAN",),
    "Bengali": ("BENGALI",),
    "Burmese": ("MYANMAR",),
    "Cyrillic": ("CYRILLIC",),
    "Devanagari": ("DEVANAGARI",),
    "Ethiopic": ("ETHIOPIC",),
    "Georgian": ("GEORGIAN",),
    "Greek": ("GREEK",),
    "Gujarati": ("GUJARATI",),
    "Gurmukhi": ("GURMUKHI",),
    "Han": ("CJK",),
    "Hangul": ("HANGUL",),
    "Hebrew": ("HEBREW",),
    "Japanese": ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK"),
    "Kannada": ("KANNADA",),
    "Khmer": ("KHMER",),
    "Lao": ("LAO",),
    "Latin": ("LATIN", "FEMININE", "MASCULINE"),
    "Malayalam": ("MALAYALAM",),
    "Sinhala": ("SINHALA",),
    "Tamil": ("TAMIL",),
    "Telugu": ("TELUGU",),
    "Thai": ("THAI",),
    "Tibetan": ("TIBETAN",),
})
# fmt: on

# Letters in two cases that writers do use; Georgian has capitals in Unicode and none on paper.
BICAMERAL = ("Latin", "Greek", "Cyrillic", "Armenian")
# Words stand between spaces, and `\w` takes them whole. Not so where vowels are marks of their own (Devanagari and
# its kin: `\w` ends at each), and where words are not set apart (Han, Japanese, Thai, Lao, Khmer, Burmese).
SPACED = ("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Hangul")
# Sentences end in . ? or !: not with Greek ; Armenian ։ Arabic ؟ the danda, or 。
STOPPED = ("Latin", "Cyrillic", "Georgian", "Hebrew", "Hangul")
# The comma is U+002C: not Arabic ، nor 、.
COMMA = ("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Hangul")


def letters_by_script(text: str) -> Counter[str]:
    """Count the letters of a text by the first word of their Unicode names.

    >>> sorted(letters_by_script("OK, да!").items())
    [('CYRILLIC', 2), ('LATIN', 2)]
    """
    return Counter(
        unicodedata.name(character, "UNNAMED").split(" ", 1)[0] for character in text if character.isalpha()
    )


def share_in(script: str, text: str) -> float | None:
    """Return how many of a text's letters are of a script, 0 to 1; None where it has no letter.

    >>> share_in("Japanese", "カタカナ"), share_in("Latin", "はい"), share_in("Latin", "12")
    (1.0, 0.0, None)
    """
    counts = letters_by_script(text)
    total = counts.total()
    return sum(counts[name] for name in SCRIPTS[script]) / total if total else None
