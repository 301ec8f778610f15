"""Recorded responses, read from what people have: the release's output layout, a run directory, one JSONL."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark, Joiner
from speech_ifeval.benchmarks.forms.published import REPORTS_FOLDER
from speech_ifeval.benchmarks.loading import DEFAULT, SHIPPED
from speech_ifeval.benchmarks.rows import decode_row, read_rows
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.records import Item, Response
from speech_ifeval.runs import whole_lines

RESPONSES_FILE = "responses.jsonl"
RUN_FILE = "responses.manifest.json"
SHARDS_FOLDER = "shards"
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".7z")
_SHOWN = 3  # rows named in a message about many


class _Row(msgspec.Struct):
    """A row as others write it; every other key is let be."""

    id: str | int | None = None
    audio_filepath: str | None = None
    instruction: str | None = None
    model: str | None = None
    response: str | msgspec.UnsetType | None = msgspec.UNSET
    error: str | None = None
    finish_reason: str | None = None


class _Run(msgspec.Struct):
    """What a run directory says of its responses: whose they are, and which items were asked."""

    name: str | None = None
    stage: str = "import"
    benchmark: str | None = None
    selection: Selection = Selection()


_RUN = msgspec.json.Decoder(_Run)
_ROW = msgspec.json.Decoder(_Row)
_RESPONSE = msgspec.json.Decoder(Response)


@dataclass(frozen=True)
class Intake:
    """What was read: responses by item id, the files that recorded judge replies may stand in, run directories.

    `growing` says that the responses are those of a run that may have got more since it was scored.
    """

    name: str
    responses: dict[str, Response] = field(repr=False)
    report_files: tuple[Path, ...]
    runs: tuple[Path, ...]
    run: Path | None
    selection: Selection = field(default_factory=Selection)
    growing: bool = False

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, over what can be scored, in the order of the ids: not times or counts."""
        responses = (self.responses[id] for id in sorted(self.responses))
        content = msgspec.json.encode(
            [Response(one.id, one.text, one.finish_reason, one.error) for one in responses]
        )
        return hashlib.sha256(content).hexdigest()


def read_responses(paths: Iterable[Path], benchmark: Benchmark) -> Intake:
    """Read responses from paths that are parts of one run.

    Raises:
        UsageError: a path does not exist or holds no responses.
        DataError: a line is broken, or a row has no response.
        MismatchError: a run answers another benchmark, a row answers no item, an item is answered twice, or two
            models' rows are mixed.
    """
    paths = list(paths)
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("the same path is named twice; name each part of the run once")
    reader = _Reader(benchmark)
    reports: list[Path] = []
    for path in paths:
        if is_run(path):
            _refuse_other_benchmark(path, benchmark)
            reader.read_own(path / RESPONSES_FILE)
        else:
            files, found_reports = _files(path)
            reports += found_reports
            for file in files:
                reader.read(file)
    reader.refuse_strangers()
    run = _described(paths[0]) if len(paths) == 1 and is_run(paths[0]) else _Run()
    return Intake(
        name=_name(paths),
        responses=reader.responses,
        report_files=tuple(reports),
        runs=tuple(path for path in paths if is_run(path)),
        run=paths[0] if len(paths) == 1 and is_run(paths[0]) else None,
        selection=run.selection,
        growing=run.stage == "generate",
    )


def is_run(path: Path) -> bool:
    """Whether the path is a run directory of ours."""
    try:
        return (path / RUN_FILE).is_file()
    except OSError:  # a name too long for the system
        return False


def _name(paths: list[Path]) -> str:
    first = paths[0].resolve()
    if is_run(first):
        return _described(first).name or first.name
    if first.is_file():
        return first.stem if first.stem != "responses" else first.parent.name
    return first.name or "run"


def _described(run: Path) -> _Run:
    return decode_row(f"{run / RUN_FILE}:1", (run / RUN_FILE).read_bytes(), _RUN)


def _refuse_other_benchmark(run: Path, benchmark: Benchmark) -> None:
    """Refuse a run whose answers would be joined to other questions: ids are alike in all benchmarks.

    The same items under another name, and an amended edition under the same one, are let be.
    """
    answered, ours = _described(run).benchmark, f"{benchmark.name}-{benchmark.short_fingerprint}"
    if answered is None:
        return
    name, _, fingerprint = answered.rpartition("-")
    if name != benchmark.name and fingerprint != benchmark.short_fingerprint:
        raise MismatchError(
            f"the run {run} answers another benchmark: {answered} there, {ours} here; give the benchmark that it "
            "answers with --benchmark, or name a run on this one"
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the system
        return False


def _files(path: Path) -> tuple[list[Path], list[Path]]:
    if not _exists(path):
        raise UsageError(f"no responses at {str(path)!r}: expected a folder or a .jsonl file; check the path")
    if path.suffix in _PACKED:
        raise UsageError(f"{str(path)!r} is packed: unpack it first")
    if not path.is_dir():
        return [path], []
    files = sorted(file for file in path.glob("*.jsonl") if file.is_file())
    if not files and (path / SHARDS_FOLDER).is_dir():
        raise UsageError(
            f"{str(path)!r} holds shards that are not merged yet: speech-ifeval merge {shlex.quote(str(path))}"
        )
    if not files:
        raise UsageError(
            f"{str(path)!r} holds no responses: expected one .jsonl file per category, a run directory with "
            f"{RESPONSES_FILE}, or the path of one .jsonl file"
        )
    return files, sorted(file for file in (path / REPORTS_FOLDER).glob("*.jsonl") if file.is_file())


class _Reader:
    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._joiner = Joiner(benchmark)
        self._places: dict[str, str] = {}
        self._model: tuple[str, str] | None = None
        self._strangers: list[str] = []
        self._rows = 0
        self.responses: dict[str, Response] = {}

    def read(self, path: Path) -> None:
        self._joiner.restart()
        for place, row in read_rows(path, _ROW, of_replies=True):
            if row.response is msgspec.UNSET and not row.error:
                raise DataError(
                    f'{place}: the row has no "response"; add the model\'s reply, or "response": null and an '
                    '"error" where there is none'
                )
            self._check_model(place, row.model)
            item = self._joiner.find(row.id, row.audio_filepath, row.instruction)
            if item is None:
                self._rows += 1
                self._strangers.append(f"{place} ({self._described(row)})")
                continue
            text = None if isinstance(row.response, msgspec.UnsetType) else row.response
            self._add(place, item, _response(item.id, text, row))

    def read_own(self, path: Path) -> None:
        if not path.exists():
            raise DataError(
                f"{path}:1: expected the run's responses, found no such file; give the responses that the run was "
                f"made from, with --output-dir {path.parent}"
            )
        for number, line in enumerate(whole_lines(path), start=1):
            place = f"{path}:{number}"
            response = decode_row(place, line, _RESPONSE)
            item = self._benchmark.by_id.get(response.id)
            if item is None:
                self._rows += 1
                self._strangers.append(f"{place} (id {response.id!r})")
                continue
            self._add(place, item, response)

    def _add(self, place: str, item: Item, response: Response) -> None:
        self._rows += 1
        answered = self.responses.get(item.id)
        if answered is not None and answered.text is None and self._same_file(item.id, place):
            self._places[item.id] = place  # a request that failed, asked again by the run that wrote both
        before = self._places.setdefault(item.id, place)
        if before != place:
            other_file = before.rpartition(":")[0] != place.rpartition(":")[0]
            advice = (
                "the paths of one call are parts of one run: score each model's files apart"
                if other_file
                else "keep one of them"
            )
            raise MismatchError(f"{place}: {item.id} is answered a second time, first at {before}; {advice}")
        self.responses[item.id] = response

    def _same_file(self, id: str, place: str) -> bool:
        before = self._places[id].rpartition(":")[0]
        return before == place.rpartition(":")[0] and before.endswith(RESPONSES_FILE)

    def _check_model(self, place: str, model: str | None) -> None:
        if model is None:
            return
        if self._model is None:
            self._model = (model, place)
        elif self._model[0] != model:
            raise MismatchError(
                f"{place}: a row of the model {model!r} among rows of {self._model[0]!r} (first at "
                f"{self._model[1]}); the paths of one call are parts of one run: score each model apart"
            )

    def _described(self, row: _Row) -> str:
        item = self._benchmark.by_id.get(row.id) if isinstance(row.id, str) else None
        if item is not None:
            return f"its instruction is not that of {item.id}"
        if row.audio_filepath is not None and row.instruction is not None:
            return f"clip {row.audio_filepath!r} with the instruction {row.instruction[:60]!r}"
        return f"id {row.id!r}" if row.id is not None else "neither an id nor a clip and an instruction"

    def refuse_strangers(self) -> None:
        if not self._strangers:
            return
        first = self._benchmark.items[0].id
        shown = "; ".join(self._strangers[:_SHOWN])
        raise MismatchError(
            f"{len(self._strangers)} of {self._rows} rows answer no item of the benchmark "
            f"{self._benchmark.name}: {shown}{'; …' if len(self._strangers) > _SHOWN else ''}. Give the benchmark "
            f"they answer with --benchmark; this one's ids look like {first!r}, and rows without such an id are "
            'joined by "audio_filepath" and "instruction"'
        )


def _response(id: str, text: str | None, row: _Row) -> Response:
    finish: Any = row.finish_reason if row.finish_reason in ("stop", "length", "error") else None
    if row.error:  # logs write "" where there was none
        return Response(id, None, "error", row.error)
    return Response(id, text, finish, None if text is not None else "the response is null")


def locate(path: str) -> Path:
    """Return the folder or file a path names; ``example:NAME`` names responses that are shipped.

    Raises:
        UsageError: no such shipped responses.

    >>> locate("example:tuned").name
    'tuned'
    """
    scheme, colon, name = path.partition(":")
    if not colon or scheme != "example":
        return Path(path)
    shipped = SHIPPED["example"] / "responses"
    names = sorted(folder.name for folder in shipped.iterdir() if folder.is_dir())
    if name not in names:
        raise UsageError(
            f"no shipped responses {path!r}: expected {' or '.join(f'example:{one}' for one in names)}"
        )
    return shipped / name


def benchmark_answered(path: str) -> str:
    """Return the name of the shipped benchmark that responses answer: a run's own, or that of ``example:…``.

    Responses of which nothing is known are taken for answers to the default benchmark.

    >>> benchmark_answered("example:tuned"), benchmark_answered("outputs/my-model")
    ('example', 'bundled')
    """
    if path.startswith("example:"):
        return "example"
    return answers_shipped(Path(path)) or DEFAULT


def answers_shipped(run: Path) -> str | None:
    """Return the name of the shipped benchmark that a run directory answers, by its own word; None for others.

    >>> answers_shipped(Path("nowhere")) is None
    True
    """
    named = _described(run).benchmark if is_run(run) else None
    return next((name for name in SHIPPED if named is not None and named.startswith(f"{name}-")), None)
