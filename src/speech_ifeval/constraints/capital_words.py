"""Words in capital letters, counted as `nltk.word_tokenize` would cut them.

NLTK cuts a text into sentences, and a sentence by some thirty substitutions, most of which only put spaces
around marks. For capital words alone nearly all of that can be left out: what is left of a text once it is cut
at white space and at the marks below is cut rightly, unless an apostrophe or one of six words such as "CANNOT"
is involved. Only sentences with one of these are rewritten, by `_spaced`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import repeat

from speech_ifeval.constraints.kwargs import Count, Relation
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import BICAMERAL
from speech_ifeval.constraints.sentences import count_loop, is_letter, sentence_spans

_SPACE = r"[^\S\x1c-\x1f]"  # unlike `str.split`, the substitutions do not take \x1c to \x1f for white space
_CUT = re.compile(r"[\s\"`«»“”‘’„;@#$%&‒-―?!*()\[\]{}<>]+|-{2}|\.{2,}|[:,](?!\d)")

# What needs a look at the sentence: an apostrophe, a period where a sentence may end inside a word, and the words
# that are cut in two.
_NOT_PLAIN = re.compile(
    r"[':CcGgLlWw](?:(?<=')|(?<=\.:)\d|(?i:(?<=c)annot|(?<=g)(?:imme|onna|otta)|(?<=l)emme|(?<=w)anna))"
)
# The last capital of a word; nothing that is one is missing.
_LAST_CAPITAL = re.compile(
    r"[A-Z\x80-\U0010ffff](?:(?![A-Za-z])|(?<=[\x80-\U0010ffff])|(?=(?i:n't|not|me|na|ta|is|was)))"
)
_I_AM = re.compile(r"I'(?:m|d|s|ll|ve|re)[,?!]?")
_NO_CAPITAL_WORD = re.compile(r"(?:[A-Z][a-z]+'s|[A-Z][a-z]{2,}'[a-z]+)[.,?!]?")

# How many words, or characters of sentences, are looked at before it is asked whether there are enough.
_FIRST = 500
_LONG = 5000

# What `_spaced` looks for. Where only a space is to be put before a match, the pattern begins with a plain
# character, which `re` searches fastest, and looks back from there.
_OPENING = "«“‘„`"
_OPENING_STRAIGHT = re.compile(r"(?<=[ (\[{<])(?:\"|'')")
_APOSTROPHE_IN_ASCII = re.compile(
    r"'(?=[A-Za-z0-9_])(?<![A-Za-z0-9_\x80-\U0010ffff]')(?!(?i:re|ve|ll|[mtsdn])(?![A-Za-z0-9_]))"
)
_APOSTROPHE = re.compile(
    r"'(?=\S)(?<![A-Za-z0-9_]')(?:(?<=[\x80-\U0010ffff]')|(?=(?i:re|ve|ll|[mtsdn])?[\x80-\U0010ffff]))"
)
_CLITIC = re.compile(r"re|ve|ll|[mtsdn]", re.IGNORECASE)
_LAST_PERIOD = re.compile(rf"(?<=[^.])\.([\])}}>\"'»”’ ]*+){_SPACE}*+\Z")
_PAUSE = re.compile(r"([:,])(\D|\Z)")
_DOTS = re.compile(r"(\.{2,})")
_MARKS = ";@#$%&‒–—―?!"
_LONE_APOSTROPHE = re.compile(r"(?<=[^'])' ")
_LATER_MARKS = (*'*"()[]{}<>»”’', "--", "''")
_SPACES = re.compile(rf"{_SPACE}+")
_SHORT_CLITIC = re.compile(r"'(?=[sSmMdD]? )(?<=[^' ]')")
_LONG_CLITIC = re.compile(r"'(?=(?:ll|LL|re|RE|ve|VE) )(?<=[^' ]')")
_LONG_CLITIC_OR_NOT = re.compile(r"(?<=[^' ])(?='(?:ll|LL|re|RE|ve|VE) |n't |N'T )")
_TWO_WORDS_INSIDE = re.compile(
    r"(?i)\b(?:(can)(not)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(d)('ye)|(more)('n))\b|\b(wan)(na)(?=\s)"
)
_INSIDE = ("cannot", "gimme", "gonna", "gotta", "lemme", "wanna", "d'ye", "more'n", "'tis", "'twas")
_IT_IS_INSIDE = re.compile(r"(?i)(?<= )('t)(is)\b")
_IT_WAS_INSIDE = re.compile(r"(?i)(?<= )('t)(was)\b")
_SEPARATOR = re.compile(r"[\x1c-\x1f]")


@constraint("change_case:capital_word_frequency", scripts=BICAMERAL)
def capital_word_frequency(*, capital_frequency: Count, capital_relation: Relation) -> Verifier:
    """Fewer than, or at least, so many words are in capital letters.

    A word is a token of NLTK's `word_tokenize`, with the untrained Punkt of `count_sentences` in place of the
    trained one, and is in capital letters if `str.isupper` says so: "I" and "U.S." are, "A1" is, "2" is not.

    Source: Zhou et al., Instruction-Following Evaluation for Large Language Models (arXiv 2311.07911), table 2.
    """
    fewer = capital_relation == "less than"

    def check(text: str) -> bool:
        return (count_capital_words(text, capital_frequency) < capital_frequency) is fewer

    def why(text: str) -> Miss:
        found = count_capital_words(text)
        words = "word" if found == 1 else "words"
        return Miss(f"{found} {words} in capital letters instead of {capital_relation} {capital_frequency}")

    return Verifier(check, why)


def count_capital_words(text: str, enough: int | None = None) -> int:
    """Count the tokens of `text` that are in capital letters.

    Args:
        text: any string.
        enough: a threshold. When given, all that counts is whether the result is at least `enough`: counting
            stops as soon as that is settled either way.

    Equal to counting them in the output of NLTK 3.10's tokenizers, except for characters that Python's Unicode
    tables do not know yet. Never raises; linear in the text's length.

    >>> count_capital_words("I DON'T know NATO, but you CANNOT say it isn't in the U.S.A.")
    7
    """
    # A word of one ASCII letter has a space or mark after it, or a word that is longer.
    most = len(text) // 2 + 1 if text.isascii() else len(text)
    if enough is None:
        enough = most + 1
    elif most < enough:
        return most
    if len(text) > _LONG:
        total = count_loop(text, count_capital_words)
        if total is not None:
            return total
        capitals = len(_LAST_CAPITAL.findall(text))
        if capitals < enough <= most:
            return capitals
    count = _count_plain(text, enough)
    if count is None:
        count = size = 0
        look_at = _FIRST
        rest = []
        for start, stop in sentence_spans(text):
            sentence = text[start:stop]
            in_sentence = _count_plain(sentence, enough)
            if in_sentence is None:
                rest.append(_with_ends_apart(sentence))
                size += stop - start
                if size > look_at:
                    count += _count_spaced("\n".join(rest), enough - count)
                    rest = []
                    size = 0
                    look_at *= 2
            else:
                count += in_sentence
            if count >= enough:
                return count
        count += _count_spaced("\n".join(rest), enough - count)
    return count


def _count_upper(words: list[str]) -> int:
    return sum(map(str.isupper, words))


def _count_plain(text: str, enough: int) -> int | None:
    """Count them where no sentence is needed for it; None where one is."""
    count = 0
    contracted = False
    words = text.split()
    for chunk in (words[:_FIRST], words[_FIRST:]) if len(words) > _FIRST else (words,):
        for word, times in Counter(chunk).items() if len(chunk) > _FIRST else zip(chunk, repeat(1)):
            if word.islower():
                continue
            if _NOT_PLAIN.search(word):
                if not any(map(str.isupper, word)) or _NO_CAPITAL_WORD.fullmatch(word):
                    continue
                if not _I_AM.fullmatch(word):
                    return None
                count += times
                contracted = True
            elif word.isalpha():
                if word.isupper():
                    count += times
            else:
                *pieces, rest = _CUT.split(word, _FIRST)
                count += times * _count_upper(pieces)
                if count < enough:
                    count += times * _count_upper(_CUT.split(rest))
        if count >= enough:
            break
    if contracted and _SEPARATOR.search(text):  # which do not end a contraction
        return None
    return count


def _with_ends_apart(sentence: str) -> str:
    # The two steps that depend on where a sentence begins and ends; after them, sentences can be cut together.
    if sentence.startswith('"'):
        sentence = " ` " + sentence[1:]
    period = _LAST_PERIOD.search(sentence)
    # Quotes after a space have become opening ones by then, which may not follow the last period.
    if period and ' "' not in period[1] and " ''" not in period[1]:
        sentence = f"{sentence[: period.start()]} . {period[1]}"
    return sentence


def _count_spaced(text: str, enough: int) -> int:
    """Count the capital words of sentences whose ends are apart; as in `_count_plain`, up to `enough`."""
    first, *pieces = text.split(" ")
    if len(pieces) < _FIRST:
        return _count_upper(_spaced(text).split())
    # What stands between two spaces is cut without regard to what stands beyond them. Of a loop it is cut once.
    count = _count_upper(_spaced(f"{first} \n {pieces.pop()}").split())
    for chunk in (pieces[:_FIRST], pieces[_FIRST:]):
        alike = defaultdict(list)
        for piece, times in Counter(chunk).items():
            alike[times].append(piece)
        for times, together in alike.items():
            count += times * _count_upper(_spaced(f" {' '.join(together)} ").split())
        if count >= enough:
            break
    return count


def _spaced(text: str) -> str:
    """Put spaces around the tokens of `text`, as far as words with capital letters are concerned.

    The order matters, since many steps look for the spaces that earlier ones put.
    """
    text = _marks_apart(text, _OPENING)
    text = _OPENING_STRAIGHT.sub(" ` ", text)
    if "'" in text:
        text = _APOSTROPHE_IN_ASCII.sub("' ", text)
        if not text.isascii():
            text = _APOSTROPHE.sub(_opening_apostrophe, text)
    parts = _PAUSE.split(text)
    parts[1::3] = [f" {pause} " for pause in parts[1::3]]
    text = "".join(parts)
    if ".." in text:
        parts = _DOTS.split(text)
        parts[1::2] = repeat(" .. ", len(parts) // 2)
        text = "".join(parts)
    text = _marks_apart(text, _MARKS)
    text = _LONE_APOSTROPHE.sub(" ' ", text)
    text = _marks_apart(text, _LATER_MARKS)
    text = _SPACES.sub(" ", f" {text} ") if _SEPARATOR.search(text) else f" {' '.join(text.split())} "
    text = _SHORT_CLITIC.sub(" '", text)
    has_not = "n't " in text or "N'T " in text
    text = _LONG_CLITIC_OR_NOT.sub(" ", text) if has_not else _LONG_CLITIC.sub(" '", text)
    lower = text.lower()
    if not text.isascii() or any(map(lower.__contains__, _INSIDE)):
        text = _TWO_WORDS_INSIDE.sub(_two_words, text)
        text = _IT_IS_INSIDE.sub(r" \1 \2 ", text)
        text = _IT_WAS_INSIDE.sub(r" \1 \2 ", text)
    return text


def _marks_apart(text: str, marks: Iterable[str]) -> str:
    for mark in marks:
        if mark in text:
            text = text.replace(mark, f" {mark} ")
    return text


def _opening_apostrophe(match: re.Match[str]) -> str:
    # Before a word it opens a quotation, unless what follows is a contracted word or ending, such as 't or 've.
    text, at = match.string, match.start()
    if (at and _in_word(text[at - 1])) or not _in_word(text[at + 1]):
        return "'"
    clitic = _CLITIC.match(text, at + 1)
    if clitic and not _in_word(text[clitic.end() : clitic.end() + 1]):
        return "'"
    return "' "


def _in_word(character: str) -> bool:
    return bool(character) and (is_letter(character) or character.isdecimal())


def _two_words(match: re.Match[str]) -> str:
    return f" {' '.join(filter(None, match.groups()))} "
