"""Does the instruction's text say what its kwargs check? Rules on the text and the kwargs, item by item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from speech_ifeval.benchmarks.finding import Defect, Question, Severity, shortened
from speech_ifeval.benchmarks.numbers_in_words import Amount, amounts_of, numbers_in
from speech_ifeval.records import Constraint

# What an instruction that demands the constraint cannot do without.
_MENTIONS = {
    "change_case:english_capital": re.compile(r"capital|upper.?case|\bcaps\b", re.IGNORECASE),
    "change_case:english_lowercase": re.compile(r"lower.?case|capital|small letters", re.IGNORECASE),
    "startend:quotation": re.compile(r"quotation|quotes?\b|quoted", re.IGNORECASE),
    "detectable_format:title": re.compile(r"<<|bracket|title", re.IGNORECASE),
    "detectable_format:json_format": re.compile(r"json", re.IGNORECASE),
    "detectable_format:number_bullet_lists": re.compile(r"bullet", re.IGNORECASE),
    "length_constraints:number_words": re.compile(r"\bwords?\b", re.IGNORECASE),
    "length_constraints:number_sentences": re.compile(r"\bsentences?\b", re.IGNORECASE),
    "length_constraints:number_paragraphs": re.compile(r"\bparagraphs?\b", re.IGNORECASE),
}


class _Counted(NamedTuple):
    kwarg: str
    unit: str


_COUNTED = {
    "detectable_format:number_bullet_lists": _Counted("num_bullets", r"bullets?(?:[ -]points?)?"),
    "length_constraints:number_words": _Counted("num_words", "words?"),
    "length_constraints:number_sentences": _Counted("num_sentences", "sentences?"),
    "length_constraints:number_paragraphs": _Counted("num_paragraphs", "paragraphs?"),
}
_PHRASES = {"combination:repeat_prompt": "prompt_to_repeat", "startend:end_checker": "end_phrase"}
_WORD_LISTS = {"keywords:existence": "keywords", "keywords:forbidden_words": "forbidden_words"}

_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
_QUOTED = re.compile(
    r"""(?<!\w)'([^'\n]{1,60})'(?!\w)|"([^"\n]{1,60})"|\*\*([^*\n]{1,60})\*\*|“([^”\n]{1,60})”|‘([^’\n]{1,60})’"""
)


def find_wording_defects(questions: Iterable[Question], in_english: bool = True) -> Iterator[Defect]:
    """Yield where an instruction demands something else than its kwargs check.

    What an instruction says is known in English only; phrases and keywords must stand in it in any language.
    """
    for question in questions:
        for constraint in question.item.constraints:
            mentions = _MENTIONS.get(constraint.id) if in_english else None
            if mentions is not None and not mentions.search(_demand(question)):
                yield question.defect(
                    "constraint-not-stated",
                    "error",
                    shortened(question.item.instruction),
                    f"words that demand {_checked(constraint)}",
                    "a reply that follows the instruction fails the check",
                    with_twin=False,
                )
            elif constraint.id in _COUNTED:
                if in_english:
                    yield from _amount_defects(question, constraint, _COUNTED[constraint.id])
            elif constraint.id in _PHRASES:
                yield from _phrase_defects(question, constraint.kwargs.get(_PHRASES[constraint.id]))
            elif constraint.id in _WORD_LISTS:
                yield from _word_defects(question, constraint.kwargs.get(_WORD_LISTS[constraint.id]))
        yield from _shape_defects(question)


def _demand(question: Question) -> str:
    """Return the part of the instruction that the twin lacks, or all of it."""
    if question.twin is None or not question.shares_stem:
        return question.item.instruction
    return question.item.instruction[len(question.stem) :]


def _checked(constraint: Constraint) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in constraint.kwargs.items())
    return f"{constraint.id}({given})"


def _amount_defects(question: Question, constraint: Constraint, counted: _Counted) -> Iterator[Defect]:
    number = constraint.kwargs.get(counted.kwarg)
    if not isinstance(number, int):
        return
    relation = constraint.kwargs.get("relation")
    low: int = min(1, number) if relation == "less than" else number
    high = {"less than": number - 1, "at least": None}.get(str(relation), number)
    text = question.item.instruction
    amounts = amounts_of(counted.unit, text)

    def defect(kind: str, severity: Severity, found: str, expected: str, note: str) -> Defect:
        return question.defect(kind, severity, found, expected, note, with_twin=False)

    checked = f"the check takes {_span(low, high)}"
    per_part = [amount for amount in amounts if amount.per_part]
    if per_part:
        note = "the parts of a reply are not told apart, so the demand is checked over all of them"
        yield defect("per-part-demand", "warning", repr(per_part[0].words), checked, note)
        return
    if not amounts:
        if number not in (numbers := numbers_in(text)):
            found = f"the numbers {numbers}" if numbers else "no number"
            note = "a reply that follows the instruction may fail"
            yield defect("number-not-stated", "error", f"{found} in {shortened(text)}", checked, note)
        return
    asked = amounts[-1]
    if asked.additional:
        if low <= asked.low:
            note = "the part before it is counted too, so the sum must be larger than the number stated"
            yield defect("part-not-counted", "warning", repr(asked.words), checked, note)
        return
    relation_kind = _compare(asked, low, high)
    if relation_kind is not None:
        kind, severity, note = relation_kind
        yield defect(kind, severity, f"{asked.words!r} asks for {_span(asked.low, asked.high)}", checked, note)


def _compare(asked: Amount, low: int, high: int | None) -> tuple[str, Severity, str] | None:
    """Compare what is asked for with what the check takes; None where they are the same."""
    asked_high, taken_high = (float("inf") if end is None else end for end in (asked.high, high))
    if (asked.low, asked_high) == (low, taken_high):
        return None
    if asked_high < low or taken_high < asked.low:
        return "number-contradicts", "error", "every reply that follows the instruction fails the check"
    if low <= asked.low and asked_high <= taken_high:
        return "check-looser", "warning", "some replies that do not follow the instruction pass the check"
    return "check-stricter", "error", "some replies that follow the instruction fail the check"


def _span(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"


def _phrase_defects(question: Question, phrase: Any) -> Iterator[Defect]:
    if not isinstance(phrase, str):
        return
    text = question.item.instruction
    if phrase not in text:
        same = phrase.translate(_TYPOGRAPHIC) in text.translate(_TYPOGRAPHIC)
        yield question.defect(
            "phrase-differs" if same else "phrase-not-stated",
            "warning" if same else "error",
            shortened(text),
            f"the phrase that is checked, {phrase!r}",
            "typographic and plain marks differ" if same else "a reply that follows the instruction fails",
            with_twin=False,
        )
    elif phrase != phrase.translate(_TYPOGRAPHIC):
        yield question.defect(
            "typographic-phrase",
            "warning",
            repr(phrase),
            repr(phrase.translate(_TYPOGRAPHIC)),
            "compared by code points, a reply with the plain mark fails",
            with_twin=False,
        )


def _word_defects(question: Question, words: Any) -> Iterator[Defect]:
    if not isinstance(words, list | tuple):
        return
    text = question.item.instruction.casefold()
    checked = [word for word in words if isinstance(word, str)]
    absent = [word for word in checked if word.casefold() not in text]
    if absent:
        yield question.defect(
            "keyword-not-stated",
            "error",
            f"{', '.join(map(repr, absent))} nowhere in {shortened(question.item.instruction)}",
            "every word that is checked stands in the instruction",
            "a reply that follows the instruction may fail",
            with_twin=False,
        )
    known = {word.casefold() for word in checked}
    quoted = ["".join(groups).strip() for groups in _QUOTED.findall(question.item.instruction)]
    unchecked = [word for word in quoted if word.casefold() not in known]
    if unchecked:
        yield question.defect(
            "keyword-not-checked",
            "warning",
            f"{', '.join(map(repr, unchecked))} quoted in the instruction",
            f"only {', '.join(map(repr, checked))} is checked",
            "some replies that do not follow the instruction pass the check",
            with_twin=False,
        )


def _shape_defects(question: Question) -> Iterator[Defect]:
    if question.twin is None or not question.item.constraints:
        return
    if not question.shares_stem:
        yield question.defect(
            "twin-asks-otherwise",
            "warning",
            shortened(question.stem),
            f"the beginning of {shortened(question.item.instruction)}",
            "with and without a constraint are not the same question",
        )
        return
    lines = _demand(question).strip("\n").splitlines()
    if len(lines) > 1:
        yield question.defect(
            "constraint-of-several-lines",
            "note",
            f"{len(lines)} lines, the last one {lines[-1]!r}",
            "a constraint of one line",
            "a program that takes the last line for the constraint is misled",
            with_twin=False,
        )
