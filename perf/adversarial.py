"""Input that makes naive verifiers explode, and how the time of ours grows on it; used by ``verifiers.py``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from measuring import figure, markdown_table, quoted, seconds

from speech_ifeval.constraints import Compiled, compile_from, definitions
from speech_ifeval.errors import MissingExtraError

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LIMIT_MS = 100.0  # what no check may take on 1 MB
_LOOKS = (3_000, 30_000)  # at which every input is looked at
_KEPT_BY_TIME, _KEPT_BY_GROWTH = 8, 4  # inputs tried at 1 MB, of these

# Repeated to the wanted length, alone and with what FRAMES puts around them.
UNITS = (
    *("\n", "\n\n", "\n ", " ", "\t", "\r", " \n\n", "\x1c", "\u2003", "\x85"),
    *(
        "[",
        "[]",
        "[1],",
        "[[[[[[1]]]]]],",
        "{",
        '{"a":',
        "[{},",
        "[x]",
        "]",
        "}",
        '"',
        '",',
        '\\"',
        "\\",
        "\\n",
        "1,",
    ),
    *("<", "<<", ">", ">>", "<< >>\n", "<< >>", "<<a\n", ">> <<", "<<<a>"),
    *("*", "* ", "*\n", "***", "***\n", "a***\n", "* *", "**a", "*a*", "******", "-\n", "- a\n", "1\n", "•"),
    *(
        "a",
        "a ",
        "A",
        "A ",
        "Aa ",
        "é",
        "é ",
        "É ",
        "İ",
        "İ ",
        "ſ",
        "ß",
        "Σ",
        "漢",
        "\U0001f600",
        "\ud800",
        "a\u0301",
    ),
    *("'", "''", "'a ", "I'm ", "CANNOT ", "A'B ", "`", "```", "```json", "“", "” ", "‘", "«", "’", "…"),
    *(
        ".",
        ". ",
        "? ",
        "?!",
        "...",
        ".a",
        ". a",
        "a. ",
        "A. ",
        "dr. ",
        "e.g. ",
        "1. ",
        "!)",
        ". )",
        ".' ",
        "\xa0. ",
    ),
    *(",", ", ", "1,0", "00:00 ", "1:", "p", "p. ", "p.p. ", "P.S", "Section 1 ", "Section ", "My answer is "),
    *("@", "a@", "http://", "http://a ", "1", "1 ", "12:34:56.789] ", "—", "-", "_", "_a", "# ", "word ", "war"),
    *("the rose and the vine, ", 'He said "Hi." ', "One. Two? Three! "),
)
FRAMES = (
    ("", ""),
    ("a", ""),
    ("", "a"),
    ("[", "1]"),
    ("{", "}"),
    ("<<", ">>"),
    ('"', '"'),
    ("```json\n", "\n```"),
)

# The kwargs each verifier is tried with: some that a long text meets at once, some that it never meets.
_NEVER, _WORDS = 10**7, ["rose", "vine"]
KWARGS: dict[str, list[dict[str, Any]]] = {
    "change_case:capital_word_frequency": [{"capital_frequency": _NEVER, "capital_relation": "at least"}],
    "combination:repeat_prompt": [{"prompt_to_repeat": "the rose"}, {"prompt_to_repeat": "“É’s” İ"}],
    "detectable_content:number_placeholders": [{"num_placeholders": n} for n in (3, 490_000)],
    "detectable_content:postscript": [{"postscript_marker": mark} for mark in ("P.S.", "P.P.S", "p.s.x")],
    "detectable_format:multiple_sections": [
        {"section_spliter": "Section", "num_sections": 3},
        {"section_spliter": "Section", "num_sections": 99_000},
        {"section_spliter": "S.c", "num_sections": 99_000},
    ],
    "detectable_format:number_bullet_lists": [{"num_bullets": n} for n in (3, _NEVER)],
    "detectable_format:number_highlighted_sections": [{"num_highlights": n} for n in (3, 490_000)],
    "keywords:existence": [
        {"keywords": keywords} for keywords in (_WORDS, ["ROSÉ", "İ"], ["aaaaaaaab"], ["a.a.a.b"], ["kiss", "ask"])
    ],
    "keywords:forbidden_words": [
        {"forbidden_words": words}
        for words in (_WORDS, ["ROSÉ", "İ"], ["aaaaaaaab"], ["a.a.a.b"], ["kiss", "ask"])
    ],
    "keywords:frequency": [
        {"keyword": word, "frequency": n, "relation": "at least"}
        for word, n in (("rose", 3), ("a", _NEVER), ("aaaaaaaab", 3), ("a.a.b", 3), ("Straße", 3), ("skiss", 3))
    ],
    "keywords:letter_frequency": [
        {"letter": letter, "let_frequency": _NEVER, "let_relation": "at least"} for letter in "ai#é"
    ],
    "language:response_language": [{"language": "de"}],
    "length_constraints:nth_paragraph_first_word": [
        {"num_paragraphs": 3, "nth_paragraph": 1, "first_word": "a"},
        {"num_paragraphs": 99, "nth_paragraph": 99, "first_word": "rose"},
    ],
    "length_constraints:number_paragraphs": [{"num_paragraphs": n} for n in (1, 3)],
    "length_constraints:number_sentences": [
        {"num_sentences": n, "relation": relation}
        for n in (3, _NEVER // 20)
        for relation in ("less than", "at least")
    ],
    "length_constraints:number_words": [{"num_words": n, "relation": "at least"} for n in (60, 99_000, _NEVER)],
    "startend:end_checker": [{"end_phrase": "the rose"}, {"end_phrase": "“É’s” İ."}],
}
# Careful takes any keyword literally.
CAREFUL_KWARGS: dict[str, list[dict[str, Any]]] = {
    "keywords:existence": [{"keywords": ["(a+)+$", "[x]"]}],
    "keywords:forbidden_words": [{"forbidden_words": ["(a+)+$", "[x]"]}],
    "keywords:frequency": [{"keyword": "(a+)+$", "frequency": 3, "relation": "at least"}],
}


Run = Callable[[Compiled, str], object]


class Input(NamedTuple):
    """A text of any length: the unit repeated between what opens and what closes it."""

    opening: str
    unit: str
    closing: str

    def text(self, size: int) -> str:
        """Return the text of `size` characters, less where the unit does not fit once more."""
        room = size - len(self.opening) - len(self.closing)
        return self.opening + self.unit * (room // len(self.unit)) + self.closing

    def shown(self) -> str:
        """Name it for the table."""
        around = [quoted(part) for part in (self.opening, self.closing)]
        return f"{around[0] + ' + ' if self.opening else ''}{quoted(self.unit)} × n" + (
            f" + {around[1]}" if self.closing else ""
        )


Texts = dict[Input, tuple[str, str]]


def inputs() -> Iterator[Input]:
    """Yield every input."""
    for unit in UNITS:
        for opening, closing in FRAMES:
            yield Input(opening, unit, closing)


def _compiled(only: str | None) -> Iterator[tuple[str, str, list[Compiled]]]:
    for definition in definitions():
        if only not in (None, definition.id) or ":" not in definition.id:
            continue
        rules = definition.rules[0]
        choices = KWARGS.get(definition.id, [{}])
        if rules == "careful":
            choices = [*choices, *CAREFUL_KWARGS.get(definition.id, [])]
        try:
            made = [compile_from(definition.id, kwargs, rules) for kwargs in choices]
        except MissingExtraError as missing:
            print(f"{definition.id} in {rules} is left out: {missing}\n")
            continue
        yield definition.id, ", ".join(definition.rules), made


def _check(one: Compiled, text: str) -> bool:
    return one.check(text)


def _taken(run: Run, one: Compiled, text: str, repeats: int = 1) -> float:
    return seconds(lambda: run(one, text), repeats)


def _candidates(run: Run, made: list[Compiled], texts: Texts, thorough: bool) -> list[tuple[Compiled, Input]]:
    """Choose, by two quick looks at each, the inputs that are worth 1 MB."""
    if thorough:
        return [(one, given) for one in made for given in texts]
    looks = []
    for one in made:
        for given, (small, large) in texts.items():
            taken = _taken(run, one, large)
            looks.append((taken, taken / (_taken(run, one, small) + 1e-5), one, given))
    slow = sorted(looks, key=lambda look: -look[0])[:_KEPT_BY_TIME]
    # Below a tenth of a millisecond growth is the clock's noise.
    steep = sorted((look for look in looks if look[0] > 1e-4), key=lambda look: -look[1])[:_KEPT_BY_GROWTH]
    return list(dict.fromkeys((one, given) for _, _, one, given in (*slow, *steep)))


def measure_growth(*, thorough: bool = False, only: str | None = None) -> list[dict[str, Any]]:
    """Return, for every verifier and for check and explain, the worst input and its milliseconds by size."""
    texts: Texts = {given: (given.text(_LOOKS[0]), given.text(_LOOKS[1])) for given in inputs()}
    found = []
    for id, rules, made in _compiled(only):
        for what, run in (("check", _check), ("explain", Compiled.explain)):
            worst: tuple[float, Compiled, Input] | None = None
            for one, given in _candidates(run, made, texts, thorough):
                text = given.text(SIZES[-1])
                taken = _taken(run, one, text)
                if worst is None or taken > worst[0]:
                    taken = min(taken, _taken(run, one, text, 2))
                if worst is None or taken > worst[0]:
                    worst = (taken, one, given)
            assert worst is not None
            _, one, given = worst
            times = {size: 1000 * _taken(run, one, given.text(size), 5) for size in SIZES}
            found.append(
                {
                    "id": id,
                    "rules": rules,
                    "what": what,
                    "kwargs": dict(one.kwargs),
                    "input": given._asdict(),
                    "shown": given.shown(),
                    "milliseconds": times,
                    "growth": times[SIZES[-1]] / times[SIZES[-2]],
                }
            )
            print(f"{id} ({rules}) {what}: {times[SIZES[-1]]:.1f} ms on {given}", file=sys.stderr)
    return found


def growth_table(found: list[dict[str, Any]]) -> str:
    """Format what `measure_growth` returned."""
    parts = []
    for what in ("check", "explain"):
        rows = [row for row in found if row["what"] == what]
        cells = [
            [f"`{row['id']}`", row["rules"], row["shown"]]
            + [figure(row["milliseconds"][size]) for size in SIZES]
            + [figure(row["growth"])]
            for row in rows
        ]
        head = ("id", "rules", "worst input", "1 kB", "10 kB", "100 kB", "1 MB, ms", "1 MB : 100 kB")
        slowest = max(row["milliseconds"][SIZES[-1]] for row in rows)
        parts.append(
            f"## Worst input of each verifier: `{what}`\n\n"
            f"Milliseconds, of {len(UNITS) * len(FRAMES)} inputs; 10 is linear. The slowest takes "
            f"{figure(slowest)} ms on 1 MB.\n\n{markdown_table(head, cells, text_columns=3)}\n"
        )
        if what == "check":
            slow = [row for row in rows if row["milliseconds"][SIZES[-1]] > LIMIT_MS]
            parts += [f"**Above {LIMIT_MS:.0f} ms:** `{row['id']}` in {row['rules']}\n" for row in slow]
    return "\n".join(parts)
