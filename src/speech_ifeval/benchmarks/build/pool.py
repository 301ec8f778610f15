"""Pools: the wordings of one language, read strictly, so that nothing can be drawn that would not compile."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct, field

from speech_ifeval import constraints
from speech_ifeval.constraints.kwargs import Field
from speech_ifeval.constraints.scripts import SCRIPTS, share_in
from speech_ifeval.errors import ConstraintError, DataError, UsageError
from speech_ifeval.records import JUDGED_CODE, JUDGED_ID, Item

SHIPPED = Path(__file__).parent / "pools"
CLOSED_CODES = ("CC", "SE", "WR", "JS")
OPEN_CODES = ("BP", "KW", "LN")
FROM_TRANSCRIPT = "transcript"
_RULES = "official"  # the rule set that items are compiled under when a benchmark is read
_LENGTHS = ("one", "two", "three", "four")

Values = tuple[int | str, ...] | str


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """The wordings of one constraint.

    Attributes:
        id: the constraint's id.
        wordings: each with a placeholder such as ``{num_bullets}`` for every kwarg of `values`.
        kwargs: kwargs that the wordings say in words, such as the relation "at least".
        values: kwarg to what is drawn from: a list, or ``transcript`` for words that are said in the clip.
    """

    id: str
    wordings: tuple[str, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """The code that the constraint counts under."""
        return JUDGED_CODE if self.id == JUDGED_ID else constraints.find_definition(self.id, _RULES).code

    @property
    def name(self) -> str:
        """The id, with the fixed kwargs behind it where there are some."""
        return f"{self.id}({', '.join(map(str, self.kwargs.values()))})" if self.kwargs else self.id

    @property
    def reads_transcripts(self) -> bool:
        """Whether words of the clip are drawn for it."""
        return FROM_TRANSCRIPT in self.values.values()


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """How the options of a question are written behind it; `quote` holds ``{0}``, the option."""

    start: str
    between: str
    last: str
    end: str
    quote: str

    def behind(self, question: str, options: tuple[str, ...]) -> str:
        """Return the question with its options.

        >>> Options("Choose from ", ", ", " or ", ".", '"{0}"').behind("Who speaks?", ("a cook", "a pilot"))
        'Who speaks? Choose from "a cook" or "a pilot".'
        """
        if question[-1].isalnum():
            question += self.end
        quoted = [filled(self.quote, {"0": option}) for option in options]
        listed = self.last.join([self.between.join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
        return f"{question} {self.start}{listed}{self.end}"


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """A task: how its answers are measured, and questions for rows that bring none of their own."""

    metric: Literal["wer", "accuracy"]
    questions: tuple[str, ...] = ()


class Creative(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked where there is no right answer."""

    prompts: tuple[str, ...]


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that are never drawn from a transcript: nobody can write without them."""

    function: tuple[str, ...] = ()


class Pool(Struct, frozen=True, forbid_unknown_fields=True):
    """The wordings of one language; made by `load_pool`.

    >>> pool = load_pool(find_pool("en"))
    >>> pool.script, pool.in_codes(("JS",))[0].id
    ('Latin', 'detectable_format:json_format')
    """

    language: str
    script: str
    entries: tuple[Entry, ...] = field(name="constraint")
    lists: dict[Literal["one", "two", "three", "four"], str] = field(default_factory=dict)
    options: Options | None = None
    tasks: dict[str, Task] = field(name="task", default_factory=dict)
    creative: Creative | None = None
    words: Words = field(default_factory=Words)

    def in_codes(self, codes: tuple[str, ...]) -> tuple[Entry, ...]:
        """Return the entries that count under one of the codes."""
        return tuple(entry for entry in self.entries if entry.code in codes)


class WordingKey(NamedTuple):
    """The parts of a wording's key: the pool's language, the constraint, the fixed kwargs' values, a number from
    1.

    >>> wording_key("en/length_constraints:number_words(at least)/07")
    WordingKey(language='en', constraint='length_constraints:number_words', fixed='at least', number=7)
    """

    language: str
    constraint: str
    fixed: str
    number: int


_KEY = re.compile(r"(?P<language>[^/]+)/(?P<constraint>[^/(]+)(?:\((?P<fixed>[^/]*)\))?/(?P<number>\d{2,})")


def key_of(pool: Pool, entry: Entry, number: int) -> str:
    """Return the key of an entry's wording; `number` counts from 1."""
    return f"{pool.language}/{entry.name}/{number:02d}"


def wording_key(key: str | Item) -> WordingKey | None:
    """Return the parts of a wording's key, or of an item's; None where the item was drawn from no pool.

    Raises:
        UsageError: this is no such key.

    >>> wording_key("en/startend:quotation/07").number
    7
    """
    text = key.wording if isinstance(key, Item) else key
    if text is None:
        return None
    match = _KEY.fullmatch(text)
    if match is None:
        raise UsageError(f"expected a wording's key such as en/startend:quotation/07, found {text!r}; correct it")
    return WordingKey(match["language"], match["constraint"], match["fixed"] or "", int(match["number"]))


def shipped_languages() -> tuple[str, ...]:
    """Return the languages that a pool is shipped for.

    >>> shipped_languages()
    ('en',)
    """
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def find_pool(language: str) -> Path:
    """Return the shipped pool of a language.

    Raises:
        UsageError: there is none.

    >>> find_pool("xx")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no pool in 'xx' is shipped; expected one of en, or a pool of your own
    """
    if language not in shipped_languages():
        names = ", ".join(shipped_languages())
        raise UsageError(f"no pool in {language!r} is shipped; expected one of {names}, or a pool of your own")
    return SHIPPED / f"{language}.toml"


def load_pool(path: Path, language: str | None = None) -> Pool:
    """Read a pool and check that everything that can be drawn from it compiles, and says what it must.

    Args:
        path: a file in TOML; ``docs/building.md`` shows one.
        language: the language that is asked for; None for whatever it is in.

    Raises:
        UsageError: the pool is in another language.
        DataError: the file cannot be read or is not what it should be; the message names it, and the line where
            there is one.
    """
    text = _text_of(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: expected TOML, found text that is not ({error}); correct it") from None
    try:
        pool = msgspec.convert(document, Pool)
    except msgspec.ValidationError as error:
        raise DataError(
            f"{path}: expected a pool of wordings, found something else: {error}; correct it"
        ) from None
    if language is not None and pool.language != language:
        raise UsageError(
            f"{path} holds wordings in {pool.language!r}, asked for was {language!r}; give --language "
            f"{pool.language}, or another pool"
        )
    _check_pool(path, text, pool)
    return pool


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); check the path of the pool"
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, found something else ({error.reason}); save it as UTF-8"
        ) from None


def _check_pool(path: Path, text: str, pool: Pool) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]+", pool.language):
        raise DataError(
            f"{path}: the language must be a code such as en or pt-BR, found {pool.language!r}; correct it"
        )
    if pool.script not in SCRIPTS:
        raise DataError(
            f"{path}: unknown script {pool.script!r}: expected one of {', '.join(SCRIPTS)}; correct it"
        )
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if line.strip() == "[[constraint]]"]
    seen: dict[str, str] = {}
    for at, entry in enumerate(pool.entries):
        place = f"{path}:{lines[at]}" if len(lines) == len(pool.entries) else f"{path}: constraint {at + 1}"
        _check_entry(place, pool, entry)
        if entry.name in seen:
            raise DataError(f"{place}: {entry.name} has wordings at {seen[entry.name]} already; put them together")
        seen[entry.name] = place
    for length, template in pool.lists.items():
        expected = {str(number) for number in range(_LENGTHS.index(length) + 1)}
        if set(_placeholders(f"{path}: lists.{length}", template)) != expected:
            raise DataError(
                f"{path}: lists.{length} must hold each of {_braced(expected)}, found {template!r}; mend it"
            )
    if pool.options is not None and _placeholders(f"{path}: options.quote", pool.options.quote) != ["0"]:
        raise DataError(f"{path}: options.quote must hold {{0}} once, found {pool.options.quote!r}; mend it")
    for name, task in pool.tasks.items():
        _check_texts(f"{path}: task.{name}", pool, "questions", task.questions)
    if pool.creative is not None:
        _check_texts(f"{path}: creative", pool, "prompts", pool.creative.prompts)
        if not pool.creative.prompts:
            raise DataError(
                f"{path}: creative.prompts must hold a prompt, found none; add one or remove [creative]"
            )


def _check_texts(place: str, pool: Pool, name: str, texts: tuple[str, ...]) -> None:
    """Refuse texts that are empty, of several lines, there twice, or of another script than the pool's."""
    for number, text in enumerate(texts, start=1):
        if not text.strip() or text != text.strip() or "\n" in text:
            raise DataError(
                f"{place}: {name} must each be one line without white space around it, found {text!r}; correct it"
            )
        if text in texts[: number - 1]:
            raise DataError(f"{place}: {text!r} stands twice among the {name}; change or remove one")
        share = share_in(pool.script, _without_placeholders(text))
        if share is not None and share < 0.5:
            raise DataError(
                f"{place}: the pool is in the script {pool.script}, most letters of {text!r} are not; correct one"
            )


def _check_entry(place: str, pool: Pool, entry: Entry) -> None:
    if not entry.wordings:
        raise DataError(f"{place}: {entry.id} needs at least one wording, found none; add one")
    _check_texts(f"{place}: {entry.id}", pool, "wordings", entry.wordings)
    fields = _fields_of(place, pool, entry)
    for name in (*entry.kwargs, *entry.values):
        if name not in fields:
            takes = ", ".join(fields) or "none"
            raise DataError(f"{place}: {entry.id} has no kwarg {name!r} (it takes {takes}); correct or remove it")
    both = entry.kwargs.keys() & entry.values.keys()
    if both:
        raise DataError(f"{place}: {entry.id}: {min(both)} is fixed and drawn at once; remove one of the two")
    for name, kwarg in fields.items():
        if kwarg.required and name not in entry.kwargs and name not in entry.values:
            raise DataError(f"{place}: {entry.id} needs the kwarg {name}; give it under kwargs or values")
        if name in entry.values:
            _check_values(place, pool, entry, kwarg)
    for wording in entry.wordings:
        stated = set(_placeholders(f"{place}: {entry.id}", wording))
        unknown, unsaid = stated - entry.values.keys(), entry.values.keys() - stated
        if unknown:
            raise DataError(
                f"{place}: the wording {wording!r} holds {_braced(unknown)}, for which {entry.id} draws no value; "
                "correct it, or add the kwarg to the values"
            )
        if unsaid:
            raise DataError(
                f"{place}: the wording {wording!r} does not say {_braced(unsaid)}; add the placeholder"
            )
    if entry.id != JUDGED_ID:
        for kwargs in _every_kwargs(entry, fields):
            try:
                constraints.compile_from(entry.id, kwargs, _RULES)
            except ConstraintError as error:
                raise DataError(f"{place}: {error}; correct it") from None


def _fields_of(place: str, pool: Pool, entry: Entry) -> dict[str, Field]:
    if entry.id == JUDGED_ID:
        return {}
    try:
        definition = constraints.find_definition(entry.id, _RULES)
    except ConstraintError as error:
        raise DataError(f"{place}: {error}; correct it") from None
    if definition.code not in (*CLOSED_CODES, *OPEN_CODES):
        known = ", ".join((*CLOSED_CODES, *OPEN_CODES))
        raise DataError(f"{place}: {entry.id} counts under none of the codes {known}; remove it")
    if definition.scripts is not None and pool.script not in definition.scripts:
        raise DataError(
            f"{place}: {entry.id} cannot be judged in the script {pool.script}, only in "
            f"{', '.join(definition.scripts)}; remove it from the pool"
        )
    return {kwarg.name: kwarg for kwarg in definition.fields}


def takes_list(id: str, name: str) -> bool:
    """Return whether a constraint's kwarg is a list of words.

    >>> takes_list("keywords:existence", "keywords"), takes_list("startend:end_checker", "end_phrase")
    (True, False)
    """
    fields = {kwarg.name: kwarg for kwarg in constraints.find_definition(id, _RULES).fields}
    return _is_list(fields[name])


def _is_list(kwarg: Field) -> bool:
    return kwarg.kind.accepts(("word",))


def _check_values(place: str, pool: Pool, entry: Entry, kwarg: Field) -> None:
    values = entry.values[kwarg.name]
    where = f"{place}: {entry.id}: the values of {kwarg.name}"
    if _is_list(kwarg) and "one" not in pool.lists:
        raise DataError(f"{where} are listed in the text: the pool needs [lists] with at least `one`; add it")
    if isinstance(values, str):
        if values != FROM_TRANSCRIPT or not _is_list(kwarg):
            may = f"a list, or {FROM_TRANSCRIPT!r} for words of the clip" if _is_list(kwarg) else "a list"
            raise DataError(f"{where} must be {may}, found {values!r}; correct it")
        return
    if not values or len(set(values)) < len(values):
        raise DataError(f"{where} must be at least one, each once, found {list(values)!r}; correct it")
    for value in values:
        if not kwarg.kind.accepts((value,) if _is_list(kwarg) else value):
            raise DataError(f"{where} must each be {kwarg.kind.expected}, found {value!r}; correct it")


def _every_kwargs(entry: Entry, fields: dict[str, Field]) -> Iterator[dict[str, Any]]:
    """Yield kwargs in which every value occurs that can be drawn."""
    drawn = {name: values for name, values in entry.values.items() if not isinstance(values, str)}
    told: dict[str, Any] = {name: ["word"] for name in entry.values.keys() - drawn.keys()}
    for at in range(max(map(len, drawn.values()), default=1)):
        one = {name: values[at % len(values)] for name, values in drawn.items()}
        yield entry.kwargs | told | {name: [v] if _is_list(fields[name]) else v for name, v in one.items()}


def _placeholders(place: str, template: str) -> list[str]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise DataError(
            f"{place}: the braces of {template!r} do not fit ({error}); write {{{{ for a brace"
        ) from None
    for _, name, spec, conversion in parts:
        if name is not None and (not re.fullmatch(r"\w+", name) or spec or conversion):
            raise DataError(f"{place}: a placeholder is a plain name in braces, found {template!r}; correct it")
    return [name for _, name, _, _ in parts if name is not None]


def _without_placeholders(template: str) -> str:
    return re.sub(r"\{\w*\}", " ", template)


def _braced(names: set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))


def filled(template: str, values: dict[str, str]) -> str:
    """Return a template with its placeholders filled; nothing but plain names is looked up.

    >>> filled('{{Say}} "{0}"', {"0": "{1}"})
    '{Say} "{1}"'
    """
    return "".join(
        text + (values[name] if name is not None else "") for text, name, _, _ in Formatter().parse(template)
    )
