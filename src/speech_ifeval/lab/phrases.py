"""Values and wordings for lessons: phrases to start and end with, keywords, other ways to say the same demand.

None of the values that the pool offers to benchmarks is among them: what the shipped models are asked in the
bundled benchmark they have not been trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from random import Random

from speech_ifeval.benchmarks.build import find_pool, load_pool

# fmt: off
# ruff: noqa: E501
_PHRASE_WORDS = (
    "the", "a", "my", "your", "our", "this", "it", "here", "there", "now", "then", "first", "well", "so", "and", "or",
    "but", "if", "you", "we", "they", "he", "she", "is", "are", "was", "be", "can", "may", "must", "will", "need",
    "want", "know", "think", "hear", "say", "tell", "ask", "see", "give", "take", "make", "go", "come", "look", "wait",
    "start", "stop", "reply", "question", "voice", "word", "note", "message", "speaker", "story", "point", "fact",
    "matter", "reason", "way", "time", "day", "moment", "friend", "reader", "dear", "good", "great", "clear", "short",
    "simple", "true", "right", "ready", "sure", "happy", "new", "next", "last", "final", "full", "whole", "best",
    "every", "all", "some", "more", "much", "very", "really", "always", "never", "again", "soon", "today", "later",
    "with", "without", "from", "for", "about", "into", "over", "after", "before", "of", "to", "on", "at", "by",
    "yes", "no", "please", "thanks", "hello", "goodbye", "welcome", "care", "luck", "rest", "end", "done", "have",
    "hope", "helps", "else", "following", "according", "based", "what", "that", "me", "us", "them", "one", "two",
    "I", "as", "how", "when", "who", "where", "why", "which", "any", "thing", "anything", "something", "nothing", "only",
    "just", "also", "still", "should", "would", "could", "do", "does", "not", "their", "his", "her", "its", "these", "out",
    "up", "down", "back", "let", "put", "keep", "find", "found", "said", "told", "like", "far", "close", "listen", "read",
    "hearing", "speaking", "thinking", "simply", "clearly", "kindly", "because", "while", "until", "being", "thank", "hand",
)
_KEYWORDS = (
    "anchor", "autumn", "balloon", "barrel", "beacon", "bridge", "bronze", "butter", "button", "canyon", "carrot",
    "cellar", "cherry", "circle", "coffee", "comet", "corner", "cotton", "crystal", "diamond", "dolphin", "donkey",
    "dragon", "eagle", "engine", "falcon", "farmer", "finger", "fossil", "fountain", "galaxy", "ginger", "glacier",
    "guitar", "hazel", "honey", "iron", "ivory", "jungle", "kitten", "ladder", "lemon", "lizard", "magnet", "maple",
    "melody", "midnight", "mineral", "monkey", "mountain", "music", "mustard", "needle", "ocean", "olive", "orange",
    "oyster", "palace", "panther", "paper", "parrot", "pebble", "pigeon", "planet", "plaster", "pocket", "pony",
    "potato", "puzzle", "rabbit", "railway", "ribbon", "river", "saddle", "salmon", "sandal", "season", "silver",
    "sister", "sparrow", "spider", "spring", "squirrel", "stable", "storm", "sugar", "summer", "sunset", "tailor",
    "temple", "ticket", "tiger", "timber", "tomato", "torch", "tower", "tractor", "travel", "trumpet", "tulip",
    "tunnel", "turtle", "valley", "vessel", "village", "wafer", "wheel", "whistle", "willow", "winter", "wizard",
    "yellow", "zebra",
)
# Parts of words that do not exist: together they hold nearly every piece that English words are spelled with.
_ONSETS = (
    "", "b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k", "l", "m", "n",
    "p", "ph", "pl", "pr", "qu", "r", "s", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str", "sw", "t", "th", "tr",
    "v", "w", "wh", "y", "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ar", "au", "ea", "ee", "er", "ie", "oa", "oo", "or", "ou", "ow", "ur", "y")
_CODAS = (
    "", "", "", "b", "ble", "ck", "d", "dge", "f", "g", "l", "ld", "le", "lt", "m", "mp", "n", "nd", "ng", "nk", "nt", "p",
    "r", "rd", "rk", "rn", "s", "ss", "st", "t", "th", "tle", "ve", "x",
)
_SAME = (
    ("answer", "reply", "response"),
    ("entire", "whole", "complete", "full"),
    ("must", "should", "has to", "needs to"),
    ("Write", "Give", "Put"),
    ("nothing else", "nothing more"),
    ("Use", "Take"),
    ("contain", "have", "include"),
    ("start", "begin"),
    ("Start", "Begin"),
    ("end", "finish"),
    ("End", "Finish"),
    ("exactly", "precisely"),
    ("thinking", "reasoning", "reasons"),
    ("Think", "Reason"),
    ("Explain", "Show", "Lay out", "Write down"),
    ("step by step", "one step at a time"),
    ("before you answer", "before the answer", "and then answer"),
)
_SMALL = (
    "the", "a", "an", "your", "of", "in", "it", "is", "be", "that", "all", "to", "with", "for", "as", "this", "and",
)
# fmt: on
_BEFORE = ("", "", "", "", "Please note: ", "One more thing: ", "Remember: ", "I have a wish: ", "I want this: ")
_CLOSERS = (".", ".", ".", "!", "?", ",", ":", "")
_ONE_OF = re.compile("|".join(rf"\b{word}\b" for group in _SAME for word in sorted(group, key=len, reverse=True)))
_GROUP = {word: group for group in _SAME for word in group}


def draw_phrase(rng: Random) -> str:
    """Return a phrase of two to six words that means nothing much.

    >>> draw_phrase(Random(1))
    'Which troagork friend.'
    """
    words = rng.sample(_PHRASE_WORDS, rng.randint(2, 6))
    if rng.random() < 0.15:
        words[rng.randrange(len(words))] = draw_keyword(rng)
    if rng.random() < 0.25:
        words[rng.randrange(len(words) - 1)] += ","
    return _as_sentence(words, rng)


def _as_sentence(words: Sequence[str], rng: Random) -> str:
    text = " ".join(words)
    return text[0].upper() + text[1:] + rng.choice(_CLOSERS)


def draw_echo(rng: Random) -> str:
    """Return five to fourteen words to be said again, every second of them rare.

    >>> len(draw_echo(Random(1)).split()) >= 5
    True
    """
    words = rng.sample(_PHRASE_WORDS, rng.randint(5, 14))
    words = [draw_keyword(rng) if rng.random() < 0.5 else word for word in words]
    return _as_sentence(words, rng)


def draw_keyword(rng: Random) -> str:
    """Return a word of English, or, as often, one that does not exist, which can only be copied.

    >>> [draw_keyword(Random(seed)) for seed in range(4)]
    ['bleaslounk', 'willow', 'chird', 'rabbit']
    """
    if rng.random() < 0.5:
        return rng.choice(_KEYWORDS)
    word = _made_up(rng)
    while word in _asked_for():
        word = _made_up(rng)
    return word


@cache
def _asked_for() -> frozenset[str]:
    """The keywords that benchmarks ask for."""
    pool = load_pool(find_pool("en"), "en")
    values = (entry.values.get("keywords", ()) for entry in pool.entries)
    return frozenset(word for words in values if not isinstance(words, str) for word in map(str, words))


def _made_up(rng: Random) -> str:
    last = rng.choice((1, 2, 2, 2, 3)) - 1
    syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(last + 1)]
    return "".join(
        one + (rng.choice(_CODAS) if place == last or rng.random() < 0.25 else "")
        for place, one in enumerate(syllables)
    )


def varied(wording: str, rng: Random) -> str:
    """Return a wording with some of its words exchanged for others of the same meaning, now and then in haste.

    >>> varied("Write your entire reply in capital letters.", Random(4))
    'Please note: Please write your full reply in capital letters.'
    """
    if rng.random() < 0.25:
        words = wording.split(" ")
        wording = " ".join(one for one in words if one not in _SMALL or rng.random() < 0.6)
    if rng.random() < 0.2:
        wording = f"Please {wording[0].lower()}{wording[1:]}"
    swapped = _ONE_OF.sub(lambda found: rng.choice(_GROUP[found[0]]) if rng.random() < 0.5 else found[0], wording)
    return rng.choice(_BEFORE) + swapped
