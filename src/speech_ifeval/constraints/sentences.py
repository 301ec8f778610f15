"""Counting sentences, as the published verdicts do and as a careful reader does.

The published verdicts come from NLTK's Punkt. Untrained, and given the abbreviations below, it reproduces all
of them, so neither NLTK nor a downloaded model is needed: what Punkt then does follows from a few local rules,
written down here; the tests compare them with NLTK itself.

A *candidate* is one of ``. ? !`` that is directly followed by a closing or opening mark, or by white space
and more text. Candidates of one word (white space meaning ASCII white space) are judged together, once,
by the word up to its last candidate and the token that follows. The word ends a sentence if any token of that
context is a stop: a lone ``.``, ``?`` or ``!``, or a token ending with a single period that is neither an
abbreviation, nor an initial followed by a letter, nor a number followed by a lower-case letter.

NLTK 3.10 is the pattern. NLTK 3.9 and earlier did not take the typographic quotes ``‘ ’ “ ” « »`` for closing
marks (`He said “Hi.” Then` was one sentence), and had Python's view of white space (\\x1c to \\x1f are
white space) and of letters where 3.10 has that of the `regex` package. Characters that Python's Unicode
tables do not know yet, but those of `regex` do, are the only ones that may be seen differently here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise, repeat, starmap

ABBREVIATIONS = frozenset(
    (
        *("dr", "mr", "mrs", "ms", "prof", "rev", "hon", "jr", "sr", "st"),
        *("gen", "col", "capt", "lt", "sgt", "inc", "ltd", "co"),
        *("vs", "etc", "e.g", "i.e", "u.s", "a.m", "p.m", "no", "fig"),
    )
)
# From how many words with candidates on, and how close together, it pays to decide once for all that are alike.
_MANY = 400
_DENSE = 16
_CHUNK = 4000  # words that are decided together
# Of a text that repeats itself: what is left at both ends, the longest unit looked for, how often it has to come.
_MARGIN, _LONGEST_UNIT, _TURNS = 512, 2048, 16
_TERMINATORS = ".?!"
_NO_SENTENCE_STARTS_WITH = frozenset(";:,.!?")
_CLOSERS = "\"')]}‘’“”«»"
_CLOSERS_CLASS = re.escape(_CLOSERS)
_CIRCLED_LETTERS = re.compile("[\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]")
_ASCII_SPACE = " \t\n\r\x0b\x0c"

# Character classes, to be put between brackets or used as they are. A space is what Unicode calls one: unlike
# for `str.isspace`, the separators \x1c to \x1f are not.
_MARKS = frozenset("()[]{}\"'‘’“”«»;:*@?!")
_MARK = r"()\[\]{}\"'‘’“”«»;:*@?!"
_SPACE = r"[^\S\x1c-\x1f]"
_VISIBLE = r"[\S\x1c-\x1f]"
_IN_WORD = r"[^ \t\n\r\x0b\x0c]"
_GAP = rf"[ \t\n\r\x0b\x0c]{_SPACE}*+"  # between words
_FOLLOWED = rf"(?=[{_MARK}]|{_SPACE}++{_VISIBLE})"


def _endings(length: int) -> str:
    return "|".join(sorted(word for word in ABBREVIATIONS if len(word) == length and word.isalpha()))


# One match for each word with a candidate, from its first relevant candidate to the word's end. Where the
# candidate alone settles that a sentence ends, the group stays unset; otherwise the word has to be looked at.
# It begins with a plain character class, which `re` searches fastest.
_WORD_WITH_CANDIDATE = re.compile(
    rf"""
    [.?!] (?=[{_MARK}\s])
    (?:
        (?: (?<=\S[?!])                                     # a token of its own, inside a word
          | (?<=[{_MARK}%…]\.)                              # ends neither abbreviation, initial nor number
          | (?<=[A-Za-z]{{5}}\.)                            # longer than any abbreviation
          | (?<=[A-Za-z]{{2}}\.) (?<!(?i:{_endings(2)})\.) (?<!(?i:{_endings(3)})\.) (?<!(?i:{_endings(4)})\.)
        ) (?=[{_MARK}]|{_GAP}\S) {_IN_WORD}*
      |
        (?<!{_IN_WORD}[.?!]) (?<!\A\s.) (?={_GAP}\S)         # a word of its own
      |
        {_FOLLOWED} {_IN_WORD}* ()
    )
    """,
    re.VERBOSE,
)
_CANDIDATE = re.compile(rf"[.?!]{_FOLLOWED}")
_LAST_CANDIDATE = re.compile(rf"{_IN_WORD}*[.?!]{_FOLLOWED}")
_SPACES = re.compile(rf"{_SPACE}*")
_NEXT_TOKEN = re.compile(rf"{_SPACE}++{_VISIBLE}+")

_DOTS_OR_DASHES = rf"--|\.\.|\.{_SPACE}\.{_SPACE}\."
_TOKEN = re.compile(
    rf"""
    -{{2,}} | \.{{2,}} | \.(?:{_SPACE}\.){{2,}}
  | (?![()\[\]{{}}"`:;&\#*@,-]) {_VISIBLE}                   # these never begin a longer token
    (?: (?!{_DOTS_OR_DASHES}|,(?:\Z|{_SPACE}|[{_MARK}]|{_DOTS_OR_DASHES})) (?![{_MARK}]) {_VISIBLE} )*
  | {_VISIBLE}
    """,
    re.VERBOSE,
)
_PIECE = re.compile(r"[^()\[\]{}\":;*@]*+[()\[\]{}\":;*@]|.+", re.DOTALL)  # ends with a mark that is a token
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*")
_DIGITS = re.compile(r"[0-9]+")
_WORD = re.compile(rf"{_IN_WORD}*")
_WORD_AND_GAP = re.compile(rf"{_IN_WORD}++(?:{_SPACE}*[ \t\n\r\x0b\x0c])?")
_CLOSING = re.compile(rf"([{_CLOSERS_CLASS}]+?)(?:{_SPACE}+|(?=--)|\Z)")
_CONTINUATION = re.compile(rf"([{_CLOSERS_CLASS}]*)({_SPACE}*)(.?)", re.DOTALL)
_ELLIPSIS_AT_END = re.compile(r"(?:\.\.|…\.?|\.\s\.)[?!]*\Z")


def count_sentences(text: str, enough: int | None = None) -> int:
    """Count the sentences of `text` as untrained Punkt with `ABBREVIATIONS` does.

    Args:
        text: any string; blank text has no sentence.
        enough: a threshold. When given, all that counts is whether the result is at least `enough`: counting
            stops as soon as that is settled either way.

    Never raises; linear in the text's length.

    Source: Kiss and Strunk, Unsupervised Multilingual Sentence Boundary Detection (Computational Linguistics
    32, 2006), as implemented by NLTK 3.10 (`PunktSentenceTokenizer.tokenize`).

    >>> count_sentences("Dr. Who met J. R. Smith at 3.14 p.m. today... or not? He won't say.")
    2
    >>> count_sentences("One. Two. Three. Four.", enough=2) >= 2
    True
    """
    most = text.count(".") + text.count("?") + text.count("!")
    if not most:
        return 1 if text and not text.isspace() else 0
    # What follows the last end is a sentence too, unless it is nothing but closing marks. A terminator in the
    # last place is none of those, and ends no sentence that another one follows.
    closed = text[-1] in _TERMINATORS
    most += 1 - closed
    if enough is None:
        enough = most + 2
    elif most < enough:
        return most
    if len(text) > 4 * _MARGIN and (total := count_loop(text, count_sentences)) is not None:
        return total
    wanted = enough - closed
    check_at = min(wanted, _MANY)
    found = 0
    looked = 0
    for match in _WORD_WITH_CANDIDATE.finditer(text):
        if match.lastindex is None:
            found += 1
        else:
            found += len(_ends_in_word(text, match.start()))
            looked += 1
        if found >= check_at or looked == _MANY:
            if found >= wanted:
                return found + closed
            if looked == _MANY or match.end() < _DENSE * found:
                found += _count_alike(text, match.end(), wanted - found)
                break
            check_at = wanted
    return found + (closed or _has_rest(text))


def careful_sentences(text: str, enough: int | None = None) -> int:
    """Count the sentences of `text` as a careful reader does.

    As `count_sentences`, but a sentence goes on after an ellipsis followed by a lower-case letter, after a
    quotation or parenthesis inside it that ends with a terminator, and as long as terminators follow.

    Args:
        text: any string; blank text has no sentence.
        enough: a threshold; all that counts is whether the result is at least that, as in `count_sentences`.

    Never raises; linear in the text's length.

    >>> asked = 'What did you mean by "How did you know?" - were you asking about an event?'
    >>> count_sentences(asked), careful_sentences(asked)
    (2, 1)
    """
    if enough is not None:
        most = text.count(".") + text.count("?") + text.count("!") + 1
        if most < enough:
            return most
    if len(text) > 4 * _MARGIN and (total := count_loop(text, careful_sentences)) is not None:
        return total
    found = 0
    for looked, match in enumerate(_WORD_WITH_CANDIDATE.finditer(text), 1):
        for end in _ends_of(text, match):
            found += not _goes_on(text, end)
        if enough is not None and found >= enough:
            return found
        if looked == _MANY:
            found += _count_alike(text, match.end(), (enough or len(text)) - found, careful=True)
            break
    return found + _has_rest(text)


def count_loop(text: str, count: Callable[[str], int]) -> int | None:
    """Count in a text that repeats itself what `count` counts, from few of its turns; None in any other text.

    What is counted must be decided by the words near by: then one turn more adds the same each time. The unit has
    white space, where words end, and more than that.

    >>> count_loop("I see. " * 10**6, count_sentences)
    1000000
    """
    unit = text.find(text[_MARGIN : _MARGIN + 64], _MARGIN + 1, _MARGIN + 64 + _LONGEST_UNIT) - _MARGIN
    turns = (len(text) - 2 * _MARGIN) // unit - 8 if unit > 0 else 0
    if turns < _TURNS or text[_MARGIN : -_MARGIN - unit] != text[_MARGIN + unit : -_MARGIN]:
        return None
    turn = text[_MARGIN : _MARGIN + unit]
    if turn.isspace() or not any(map(turn.__contains__, _ASCII_SPACE)):
        return None
    cut = _MARGIN + 4 * unit
    rest = text[cut + turns * unit :]
    found = count(text[:cut] + rest)
    return found + turns * (count(text[: cut + unit] + rest) - found)


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each sentence of `text` begins and ends, as `PunktSentenceTokenizer.span_tokenize` does.

    White space between sentences belongs to none; closing marks belong to the sentence before them.

    >>> text = '"Stop." (He did.) Then what?'
    >>> [text[start:stop] for start, stop in sentence_spans(text)]
    ['"Stop."', '(He did.)', 'Then what?']
    """
    length = len(text.rstrip())
    start = 0
    end = -1
    for following in _ends(text):
        if end >= 0:
            closed, start = _close(text, start, end, following + 1)
            yield closed
        end = following
    if end >= 0:
        closed, start = _close(text, start, end, length)
        yield closed
    if start < length:
        yield start, length


def _close(text: str, start: int, end: int, stop: int) -> tuple[tuple[int, int], int]:
    # The span of the sentence whose terminator is at `end`, and where the next one, which ends at `stop`, begins.
    following = _next_start(text, end)
    marks = _CLOSING.match(text, following, stop)
    return ((start, end + 1), following) if marks is None else ((start, marks.end(1)), marks.end())


def _ends(text: str) -> Iterator[int]:
    # The places of the terminators that end a sentence.
    for match in _WORD_WITH_CANDIDATE.finditer(text):
        yield from _ends_of(text, match)


def _ends_of(text: str, match: re.Match[str]) -> Sequence[int]:
    first = match.start()
    return (_last_candidate(text, first),) if match.lastindex is None else _ends_in_word(text, first)


def _count_alike(text: str, start: int, enough: int, careful: bool = False) -> int:
    """Count the ends from `start`, the end of a word, deciding once for all words that have the same neighbours.

    Slower on ordinary text than looking at each word, and many times faster on text that loops. Stops after a
    chunk of words with which there are `enough`.
    """
    first = len(text) - len(text[start:].lstrip())
    before = text[first - 8 if first > 8 else 0 : first]
    # One digit stands for all, and for many.
    words = _WORD_AND_GAP.findall(_DIGITS.sub("1", text[start:]))
    found = 0
    for begin in range(0, len(words), _CHUNK):
        chunk = words[begin : begin + _CHUNK + 1]
        following = chunk[1:] if len(chunk) > _CHUNK else (*chunk[1:], "")
        lefts: Iterable[str] = repeat("")
        if careful:  # which looks at a few characters before a terminator, too
            lefts = chain((words[begin - 1] if begin else before,), chunk)
        for (left, word, right), times in Counter(zip(lefts, chunk, following, strict=False)).items():
            left = left[-8:]
            around = left + word + right
            candidate = _CANDIDATE.search(around, len(left))
            if candidate is not None and candidate.start() < len(left) + len(word):
                ends = _ends_in_word(around, candidate.start())
                found += times * (sum(not _goes_on(around, end) for end in ends) if careful else len(ends))
        if found >= enough:
            break
    return found


def _last_candidate(text: str, first: int) -> int:
    # `first` is a candidate; the last one of the same word.
    match = _LAST_CANDIDATE.match(text, first)
    assert match is not None
    return match.end() - 1


def _ends_in_word(text: str, first: int) -> list[int]:
    """Return the candidates, of those in the word whose first one is at `first`, that end a sentence."""
    start = _word_start(text, first)
    last = _last_candidate(text, first)
    ends = [last] if _stops(text, start, last) else []
    # Punkt takes a terminator at the very beginning of a word for a word of its own as well. At the beginning
    # of the text it overlooks a single white-space character, and so does not see the word's beginning.
    alone = start == first < last and not (start == 1 and text[0] in _ASCII_SPACE)
    if alone and _stops(text, first, first):
        ends.insert(0, first)
    return ends


def _word_start(text: str, at: int) -> int:
    size = 16
    while True:
        begin = at - size if at > size else 0
        run = _WORD.match(text[begin:at][::-1])
        assert run is not None
        at -= run.end()
        if at > begin or not begin:
            return at
        size *= 8  # few steps, even in a text that is all one word


def _stops(text: str, start: int, candidate: int) -> bool:
    """Decide whether a sentence ends in the word from `start` to `candidate`, given what follows it."""
    following = _NEXT_TOKEN.match(text, candidate + 1)
    assert following is not None or text[candidate + 1] in _MARKS
    context = text[start : following.end() if following else candidate + 2]
    if len(context) < 200 and "\n" not in context:
        tokens = _TOKEN.findall(context)
        return any(map(_is_stop, tokens, tokens[1:]))
    # Lines are read one by one, and those of nothing but white space in Python's sense not at all.
    lines = list(filter(str.strip, context.split("\n")))
    pairs = pairwise(match[0] for line in lines for match in _TOKEN.finditer(line))
    if any(starmap(_is_stop, islice(pairs, 64))):
        return True
    pieces = _PIECE.findall(lines[0])  # of a long word, mostly the same few
    lines[0] = pieces.pop()
    for block in chain([lines], zip(set(pieces))):
        if any(starmap(_is_stop, set(pairwise(chain.from_iterable(map(_TOKEN.findall, block)))))):
            return True
    return False


def _is_stop(token: str, following: str) -> bool:
    if token[-1] != ".":
        return token == "?" or token == "!"
    word = token[:-1].lower()
    if not word:
        return True
    if word[-1] == ".":  # an ellipsis
        return False
    if word in ABBREVIATIONS or word[word.rfind("-") + 1 :] in ABBREVIATIONS:
        return False
    if len(token) == 2 and is_letter(token[0]):
        return not (following in _NO_SENTENCE_STARTS_WITH or following[0].islower() or following[0].isupper())
    if _NUMBER.fullmatch(word):
        return not (following in _NO_SENTENCE_STARTS_WITH or following[0].islower())
    return True


def is_letter(character: str) -> bool:
    """Decide whether NLTK 3.10 takes `character` for a letter: the `regex` package's word characters but digits.

    >>> [is_letter(character) for character in "é_Ⓐ²1"]
    [True, True, True, False, False]
    """
    if character.isascii():
        return character.isalpha() or character == "_"
    category = unicodedata.category(character)
    return (
        (category[0] in "LM" or category in ("Nl", "Pc"))
        or character in "\u200c\u200d"
        or _CIRCLED_LETTERS.match(character) is not None
    )


def _next_start(text: str, end: int) -> int:
    if text[end + 1] in _MARKS:
        return end + 1
    space = _SPACES.match(text, end + 1)
    assert space is not None
    return space.end()


def _has_rest(text: str) -> bool:
    """Decide whether anything but closing marks follows the last end; without one, whether there is any text."""
    last = len(text.rstrip().rstrip(_CLOSERS).rstrip()) - 1
    if last >= 0 and _CANDIDATE.match(text, last) and _stops(text, _word_start(text, last), last):
        return bool(text[_next_start(text, last) :].rstrip().strip(_CLOSERS))
    return bool(text) and not text.isspace()


def _goes_on(text: str, end: int) -> bool:
    """Decide whether a careful reader reads on past the terminator at `end`."""
    match = _CONTINUATION.match(text, end + 1)
    assert match is not None
    closers, space, character = match.groups()
    if not character:
        return False
    if character in ".?!…":
        return True
    if character.islower():
        return bool(closers) or _ELLIPSIS_AT_END.search(text[max(0, end - 8) : end + 1]) is not None
    # A dash on a new line begins a list item.
    return bool(closers) and character in ",;:-–—" and "\n" not in space
