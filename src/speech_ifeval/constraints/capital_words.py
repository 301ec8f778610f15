"""Words in capital letters, counted as `nltk.word_tokenize` would cut them.

NLTK cuts a text into sentences, and a sentence by some thirty substitutions, most of which only put spaces
around marks. For capital words alone nearly all of that can be left out: what is left of a text once it is cut
at white space and at the marks below is cut rightly, unless an apostrophe or one of six words such as "CANNOT"
is involved. Only sentences with one of these are rewritten, by `_spaced`.
"""

from __future__ import annotations

import re

from speech_ifeval.constraints.kwargs import Count, Relation
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.sentences import is_letter, sentence_spans

_SPACE = r"[^\S\x1c-\x1f]"  # unlike `str.split`, the substitutions do not take \x1c to \x1f for white space
_CUT = re.compile(r"[\s\"`«»“”‘’„;@#$%&‒-―?!*()\[\]{}<>]+|-{2}|\.{2,}|[:,](?!\d)")

# What needs a look at the sentence: an apostrophe, a period where a sentence may end inside a word, and the words
# that are cut in two.
_NOT_PLAIN = re.compile(r"'|\.:\d|(?i:cannot|gimme|gonna|gotta|lemme|wanna)")
_I_AM = re.compile(r"I'(?:m|d|s|ll|ve|re)[,?!]?")
_NO_CAPITAL_WORD = re.compile(r"(?:[A-Z][a-z]+'s|[A-Z][a-z]{2,}'[a-z]+)[.,?!]?")

_OPENING = re.compile(r"[«“‘„`]")
_OPENING_STRAIGHT = re.compile(r"(?<=[ (\[{<])(?:\"|'')")
_APOSTROPHE = re.compile(r"'(?=\S)(?<![A-Za-z0-9_]')")
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
_IT_IS_INSIDE = re.compile(r"(?i)(?<= )('t)(is)\b")
_IT_WAS_INSIDE = re.compile(r"(?i)(?<= )('t)(was)\b")
_SEPARATOR = re.compile(r"[\x1c-\x1f]")


@constraint("change_case:capital_word_frequency")
def capital_word_frequency(*, capital_frequency: Count, capital_relation: Relation) -> Verifier:
    """Fewer than, or at least, so many words are in capital letters.

    A word is a token of NLTK's `word_tokenize`, with the untrained Punkt of `count_sentences` in place of the
    trained one, and is in capital letters if `str.isupper` says so: "I" and "U.S." are, "A1" is, "2" is not.

    Source: Zhou et al., Instruction-Following Evaluation for Large Language Models (arXiv 2311.07911), table 2.
    """
    fewer = capital_relation == "less than"

    def check(text: str) -> bool:
        return (count_capital_words(text) < capital_frequency) is fewer

    def why(text: str) -> Miss:
        found = count_capital_words(text)
        words = "word" if found == 1 else "words"
        return Miss(f"{found} {words} in capital letters instead of {capital_relation} {capital_frequency}")

    return Verifier(check, why)


def count_capital_words(text: str) -> int:
    """Count the tokens of `text` that are in capital letters.

    Equal to counting them in the output of NLTK 3.10's tokenizers, except for characters that Python's Unicode
    tables do not know yet. Never raises; linear in the text's length.

    >>> count_capital_words("I DON'T know NATO, but you CANNOT say it isn't in the U.S.A.")
    7
    """
    count = _count_plain(text)
    if count is None:
        count = 0
        rest = []
        for start, stop in sentence_spans(text):
            sentence = text[start:stop]
            in_sentence = _count_plain(sentence)
            if in_sentence is None:
                rest.append(_with_ends_apart(sentence))
            else:
                count += in_sentence
        count += _count_upper(_spaced("\n".join(rest)).split())
    return count


def _count_upper(words: list[str]) -> int:
    return sum(map(str.isupper, words))


def _count_plain(text: str) -> int | None:
    """Count them where no sentence is needed for it; None where one is."""
    count = 0
    contracted = False
    for word in text.split():
        if word.islower():
            continue
        if _NOT_PLAIN.search(word):
            if not any(map(str.isupper, word)) or _NO_CAPITAL_WORD.fullmatch(word):
                continue
            if not _I_AM.fullmatch(word):
                return None
            count += 1
            contracted = True
        elif word.isalpha():
            count += word.isupper()
        else:
            count += _count_upper(_CUT.split(word))
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


def _spaced(text: str) -> str:
    """Put spaces around the tokens of `text`, as far as words with capital letters are concerned.

    The order matters, since many steps look for the spaces that earlier ones put.
    """
    text = _OPENING.sub(r" \g<0> ", text)
    text = _OPENING_STRAIGHT.sub(" ` ", text)
    text = _APOSTROPHE.sub(_opening_apostrophe, text)
    text = _PAUSE.sub(r" \1 \2", text)
    text = _MARK.sub(r" \g<0> ", text)
    text = _LONE_APOSTROPHE.sub(" ' ", text)
    text = _LATER_MARK.sub(r" \g<0> ", text)
    text = _SPACES.sub(" ", f" {text} ")
    text = _SHORT_CLITIC.sub(r" \1 ", text)
    text = _LONG_CLITIC.sub(r" \1 ", text)
    text = _TWO_WORDS_INSIDE.sub(_two_words, text)
    text = _IT_IS_INSIDE.sub(r" \1 \2 ", text)
    return _IT_WAS_INSIDE.sub(r" \1 \2 ", text)


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
