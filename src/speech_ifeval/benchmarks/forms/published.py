"""The published release: four files of JSON lines, one per category and one of unconstrained twins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from speech_ifeval.benchmarks.contents import Benchmark, fingerprint_of, missing_categories
from speech_ifeval.benchmarks.forms import Form
from speech_ifeval.benchmarks.rows import check_clip, check_constraint, check_text, decode_row, read_rows
from speech_ifeval.errors import DataError
from speech_ifeval.records import JUDGED_ID, TWIN_CATEGORY, Constraint, Item

NAME = "speech-ifeval"
CLOSED_FILE = "closed_ended_questions.jsonl"
TWIN_FILE = "closed_ended_questions-woprompt.jsonl"
CREATIVE_FILE = "creative_writing.jsonl"
THOUGHT_FILE = "chain-of-thought.jsonl"
FOLDERS = (".", "eval_data", "data/eval_data")
REPORTS_FOLDER = "reports"  # of judges' replies, beside recorded responses

# Only names that no other corpus uses; for anything else the source stays unsaid.
_SOURCES = (
    ("LibriSpeech", re.compile(r"(?:.*/)?\d+-\d+-\d{4}\.flac")),
    ("IEMOCAP", re.compile(r"(?:.*/)?Ses0[1-5][FM]_(?:impro|script)\d\d\w*_[FM]\d{3}\.wav")),
    ("MELD", re.compile(r"(?:.*/)?dia\d+_utt\d+\.\w+")),
    ("Common Voice", re.compile(r"(?:.*/)?common_voice_[a-z-]+_\d+\.\w+")),
    ("MMAU", re.compile(r"(?:.*/)?MMAU/[^/]+")),
)

# Who is heard, where the corpus writes it into the name: LibriSpeech's reader, IEMOCAP's session and the letter
# of the one who speaks (the first letter is whose movements were captured).
_SPEAKERS = (
    ("LibriSpeech", re.compile(r"(?:.*/)?(\d+)-\d+-\d{4}\.flac")),
    ("IEMOCAP", re.compile(r"(?:.*/)?(Ses0[1-5])[FM]_(?:impro|script)\d\d\w*_([FM])\d{3}\.wav")),
)

Number = Annotated[int, msgspec.Meta(ge=0)]


class _Row(msgspec.Struct, frozen=True):
    # Fields that the release holds beside these (`key`, and whatever later versions add) are not ours to refuse.
    audio_filepath: str
    instruction: str
    dataset: str
    metric: str
    textual_audio: str | None = None
    seed_transcript: str | None = None  # the same field in the published outputs
    licence: str | None = None
    license: str | None = None

    @property
    def transcript(self) -> str | None:
        return self.seed_transcript if self.textual_audio is None else self.textual_audio


class _ConstrainedRow(_Row, frozen=True, kw_only=True):
    id: Number
    instruction_id_list: list[str]
    kwargs: list[msgspec.Raw]  # decoded once per distinct text: 1,333 rows hold a tenth as many


class _ClosedRow(_ConstrainedRow, frozen=True, kw_only=True):
    label: str


class _TwinRow(_Row, frozen=True, kw_only=True):
    id: Number
    label: str


_CLOSED = msgspec.json.Decoder(_ClosedRow)
_TWIN = msgspec.json.Decoder(_TwinRow)
_CREATIVE = msgspec.json.Decoder(_ConstrainedRow)
_THOUGHT = msgspec.json.Decoder(_Row)
_KWARGS = msgspec.json.Decoder(dict[str, Any])


def find(path: Path) -> Path | None:
    """Return the folder, `path` itself or one below, that holds a category file of the release."""
    for folder in FOLDERS:
        for name in (CLOSED_FILE, CREATIVE_FILE, THOUGHT_FILE):
            if (path / folder / name).is_file():
                return path / folder
    return None


def read(folder: Path) -> Benchmark:
    """Read the release's files; a category whose file is absent is named in `missing_categories`.

    Raises:
        DataError: a row is not what it should be, ids repeat, or twins do not match.
    """
    items: list[Item] = []
    places: dict[str, str] = {}
    for place, item in _items(folder):
        items.append(item)
        places[item.id] = place.removeprefix(f"{folder}{os.sep}")
    return Benchmark(
        name=NAME,
        items=tuple(items),
        fingerprint=fingerprint_of(items),
        root=folder,
        missing_categories=missing_categories(items),
        description="The published Speech-IFEval release (arXiv 2505.19037).",
        places=places,
    )


def _items(folder: Path) -> Iterator[tuple[str, Item]]:
    compiled = _Constraints()
    closed, twins = folder / CLOSED_FILE, folder / TWIN_FILE
    if twins.is_file() and not closed.is_file():
        raise DataError(f"{twins}:1: twins of {CLOSED_FILE}, which is not there; restore it or remove the twins")
    if closed.is_file():
        yield from _closed_ended(closed, twins if twins.is_file() else None, compiled)
    if (folder / CREATIVE_FILE).is_file():
        lines: dict[int, str] = {}
        for place, row in read_rows(folder / CREATIVE_FILE, _CREATIVE):
            _check_number(place, row.id, lines)
            id = f"creative-writing/{row.id:04d}"
            yield place, _item(place, row, id, "creative-writing", compiled.of(place, row))
    if (folder / THOUGHT_FILE).is_file():
        judged = (Constraint(JUDGED_ID),)
        for count, (place, thought) in enumerate(read_rows(folder / THOUGHT_FILE, _THOUGHT)):
            # The release gives these rows no id, so they are counted in the order of the file.
            yield place, _item(place, thought, f"chain-of-thought/{count:04d}", "chain-of-thought", judged)


def _closed_ended(path: Path, twin_path: Path | None, compiled: _Constraints) -> Iterator[tuple[str, Item]]:
    lines: dict[int, str] = {}
    rows: dict[int, _ClosedRow] = {}
    for place, row in read_rows(path, _CLOSED):
        _check_number(place, row.id, lines)
        rows[row.id] = row
        twin = None if twin_path is None else f"{TWIN_CATEGORY}/{row.id:04d}"
        id = f"closed-ended/{row.id:04d}"
        yield place, _item(place, row, id, "closed-ended", compiled.of(place, row), row.label, twin)
    if twin_path is None:
        return
    twin_lines: dict[int, str] = {}
    for place, twin_row in read_rows(twin_path, _TWIN):
        _check_number(place, twin_row.id, twin_lines)
        constrained = rows.get(twin_row.id)
        if constrained is None:
            raise DataError(
                f"{place}: the id {twin_row.id} is in no row of {path}; twins share their id: correct it"
            )
        for name in ("audio_filepath", "label"):
            mine, other = getattr(twin_row, name), getattr(constrained, name)
            if mine != other:
                raise DataError(
                    f"{place}: twins have the same {name}, found {mine!r} and, at {lines[twin_row.id]}, "
                    f"{other!r}; correct one"
                )
        id = f"{TWIN_CATEGORY}/{twin_row.id:04d}"
        twin_of = f"closed-ended/{twin_row.id:04d}"
        yield place, _item(place, twin_row, id, TWIN_CATEGORY, (), twin_row.label, twin_of)
    lost = [number for number in rows if number not in twin_lines]
    if lost:
        last = next(reversed(twin_lines.values()))
        raise DataError(
            f"{last}: expected {len(rows)} rows, one for every row of {path}, found {len(twin_lines)}; "
            f"add the twin of the id {lost[0]} ({lines[lost[0]]}), or remove the file"
        )


def _check_number(place: str, number: int, lines: dict[int, str]) -> None:
    if number in lines:
        raise DataError(
            f"{place}: the id {number} is already taken at {lines[number]}; ids are unique: change one"
        )
    lines[number] = place


def _item(
    place: str,
    row: _Row,
    id: str,
    category: str,
    constraints: tuple[Constraint, ...],
    label: str | None = None,
    twin: str | None = None,
) -> Item:
    check_text(place, "instruction", row.instruction)
    check_clip(place, row.audio_filepath)
    return Item(
        id=id,
        category=category,
        instruction=row.instruction,
        clip=row.audio_filepath,
        dataset=row.dataset,
        constraints=constraints,
        transcript=row.transcript,
        label=label,
        metric=row.metric,
        twin=twin,
        source=source_of(row.audio_filepath),
        licence=row.licence or row.license,
        speaker=speaker_of(row.audio_filepath),
    )


def source_of(clip: str) -> str | None:
    """Return the corpus that the clip's name is certain to come from, else None.

    >>> source_of("Gender_recognition/dia3_utt7.wav"), source_of("clips/one.wav")
    ('MELD', None)
    """
    for corpus, pattern in _SOURCES:
        if pattern.fullmatch(clip):
            return corpus
    return None


def speaker_of(clip: str) -> str | None:
    """Return the speaker that the clip's name tells for sure, with the corpus, else None.

    >>> speaker_of("Speech_emotion_recognition/Ses05F_impro02_M041.wav"), speaker_of("a/dia3_utt7.wav")
    ('IEMOCAP/Ses05M', None)
    """
    for corpus, pattern in _SPEAKERS:
        if found := pattern.fullmatch(clip):
            return f"{corpus}/{''.join(found.groups())}"
    return None


class _Constraints:
    """The rows' constraints, each distinct text of id and kwargs compiled once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], Constraint] = {}

    def of(self, place: str, row: _ConstrainedRow) -> tuple[Constraint, ...]:
        ids, kwargs = row.instruction_id_list, row.kwargs
        if len(ids) != len(kwargs):
            raise DataError(
                f'{place}: "instruction_id_list" and "kwargs" must be equally long, found {len(ids)} and '
                f"{len(kwargs)}; give every id its kwargs, {{}} where it has none"
            )
        if not ids:
            raise DataError(
                f'{place}: the field "instruction_id_list" must name a constraint, found none; add one'
            )
        return tuple(self._constraint(place, id, bytes(raw)) for id, raw in zip(ids, kwargs, strict=True))

    def _constraint(self, place: str, id: str, raw: bytes) -> Constraint:
        found = self._known.get((id, raw))
        if found is None:
            given = decode_row(f'{place}: "kwargs" of {id}', raw, _KWARGS)
            found = self._known[id, raw] = check_constraint(place, id, given)
        return found


FORM = Form("the published release", f"{CLOSED_FILE}, {CREATIVE_FILE} or {THOUGHT_FILE}", find, read)
