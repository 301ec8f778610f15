"""A judge's recorded replies, replayed: no call is made, and the signature names the record by its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark, Joiner
from speech_ifeval.benchmarks.forms.published import REPORTS_FOLDER
from speech_ifeval.benchmarks.rows import decode_row, read_rows
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges.cache import safe_name
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING, is_substring
from speech_ifeval.judges.interface import Judged, Judgements, Key, Use
from speech_ifeval.records import CATEGORIES, JUDGED_ID, TWIN_CATEGORY, Item, Judgement
from speech_ifeval.runs import read_manifest, whole_lines, write_document

# The verdict is the last thing the judge says, alone on its line but for Markdown stars and a full stop.
_RESULT = re.compile(r"^[*_ ]*Result:[*_ ]*(YES|NO)[*_. ]*$", re.IGNORECASE)


ANNOTATOR = "annotator-"  # what the label of a person who judges begins with
KEPT = "judgements."  # what the file of a judge's replies in a run directory begins with
RECORDED = "replay-"  # what the label of a judge begins with that is named by its content
_EDITED = "-edited-"
SEAL = "judgements"  # the manifest's key for the hash of what was written
_LABELLED = (CATEGORIES[0], TWIN_CATEGORY)
_MEASURED: dict[str, Use] = {"accuracy": "accuracy", "wer": "transcript"}


class _ReportRow(msgspec.Struct):
    id: str | int | None = None
    audio_filepath: str | None = None
    instruction: str | None = None
    response: str | None = None
    eval_response: str | None = None


_JUDGEMENT = msgspec.json.Decoder(Judgement)
_DECODER = msgspec.json.Decoder(_ReportRow)


no_judge = Judged("none")


def parse_result(reply: str) -> bool | None:
    """Read the verdict off the last line of a judge's reply; None where there is not exactly one.

    Source: the published Speech-IFEval judge ends its reply with ``Result: YES`` or ``Result: NO``.

    >>> parse_result("It counts the options first.\\nResult: YES"), parse_result("Result: YES or NO")
    (True, None)
    """
    lines = reply.strip().splitlines()
    found = _RESULT.match(lines[-1].strip()) if lines else None
    return None if found is None else found[1].upper() == "YES"


def reply_hash(reply: str) -> str:
    """Return the SHA-256 of a model's reply, in hexadecimal.

    >>> reply_hash("yes")[:8]
    '8a798890'
    """
    return hashlib.sha256(reply.encode("utf-8", "surrogatepass")).hexdigest()


def replay(files: Iterable[Path], benchmark: Benchmark) -> Judged:
    """Read recorded judge replies in the release's layout (``reports/llm_eval@….jsonl``).

    Rows are joined to items as responses are, and the item says what was judged: never the file's name. Rows
    about items that no judge decides, and rows without a judge's reply, are passed over.

    Raises:
        DataError: a line is not what it should be.
        MismatchError: an item was judged twice, differently.
    """
    joiner = Joiner(benchmark)
    judgements: dict[Key, Judgement] = {}
    for path in files:
        joiner.restart()
        for place, row in read_rows(path, _DECODER, of_replies=True):
            if row.eval_response is None or row.response is None:
                continue
            item = joiner.find(row.id, row.audio_filepath, row.instruction)
            use = None if item is None else use_of(item)
            if item is None or use is None:
                continue
            judgement = judgement_of_reply(item.id, use, row.response, row.eval_response)
            if judgements.setdefault((item.id, use), judgement) != judgement:
                raise MismatchError(
                    f"{place}: {item.id} was judged before, and differently; keep the replies of one judge in "
                    "reports/"
                )
    return judge_of(judgements)


def use_of(item: Item) -> Use | None:
    """Return what a judge is asked about an item; None where rules decide all of it.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> [use_of(example.item(id)) for id in ("chain-of-thought/0000", "creative-writing/0000")]
    ['reasoning', None]
    """
    if any(constraint.id == JUDGED_ID for constraint in item.constraints):
        return "reasoning"
    if item.label is None or item.category not in _LABELLED:
        return None
    return _MEASURED.get(item.metric or "")


def judgement_of_reply(item: str, use: Use, response: str, reply: str) -> Judgement:
    """Return what a reply of the published judge says of a response.

    >>> judgement_of_reply("a", "reasoning", "First this.", "It does.\\nResult: YES").verdict
    True
    """
    if use == "transcript":
        flags = () if is_substring(reply, response) else (NOT_A_SUBSTRING,)
        return Judgement(item, use, None, reply_hash(response), reply, extracted=reply, flags=flags)
    verdict = parse_result(reply)
    why = None if verdict is not None else "the judge's reply does not end with Result: YES or NO"
    return Judgement(item, use, verdict, reply_hash(response), reply, reason=why)


def judge_of(judgements: Judgements) -> Judged:
    """Return the judge who said this, labelled by the content: edited replies are another judge's.

    >>> one = Judgement("a", "reasoning", True, "0" * 64, "Result: YES")
    >>> judge_of({}).label, judge_of({("a", "reasoning"): one}).label
    ('none', 'replay-126c49db')
    """
    if not judgements:
        return no_judge
    return Judged(f"{RECORDED}{content_digest(judgements)[:8]}", judgements)


def recorded_at(path: Path, benchmark: Benchmark | None) -> Judged:
    """Return what one judge has said, wherever that is kept.

    Args:
        path: a file ``judgements.….jsonl``, a run directory with one of those (labels of people stand for no judge
            unless their file is named), a file or folder of recorded replies in the release's layout, or a folder
            of responses with ``reports/``.
        benchmark: whose items recorded replies are about; judgements need none.

    Raises:
        UsageError: there is no such path, no judge's reply at it, or those of several judges.
        DataError: a line is not what it should be.
        MismatchError: an item was judged twice, differently.
    """
    if path.is_file() and path.name.startswith(KEPT):
        return read_judge(path)
    if path.is_dir():
        kept = kept_in(path)
        if kept is not None:
            return read_judge(kept)
        folder = path / REPORTS_FOLDER if (path / REPORTS_FOLDER).is_dir() else path
        files = sorted(file for file in folder.glob("*.jsonl") if not file.name.startswith(KEPT))
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(
            f"no judgements at {str(path)!r}: expected {KEPT}….jsonl, or a .jsonl file or folder of a judge's "
            "recorded replies"
        )
    if benchmark is None and files:
        raise UsageError(
            f"{str(path)!r} holds recorded replies, not judgements: say of which items by --benchmark"
        )
    judged = no_judge if benchmark is None else replay(files, benchmark)
    if not judged.judgements:
        about = "" if benchmark is None else f" about an item of {benchmark.name}"
        raise UsageError(
            f"{str(path)!r} holds no judge's replies{about}: expected {KEPT}….jsonl, or .jsonl files with rows "
            'that have "eval_response" and "response"'
        )
    return judged


def kept_in(run: Path) -> Path | None:
    """Return the file of a run directory's one judge; None where there is none.

    People label a sample: they are compared with a judge, and never stand for one unless they are named.

    Raises:
        UsageError: there are several.
    """
    files = sorted(file for file in run.glob(f"{KEPT}*.jsonl") if not file.name.startswith(f"{KEPT}{ANNOTATOR}"))
    if len(files) > 1:
        paths = ", ".join(map(str, files))
        raise UsageError(
            f"{run} holds the replies of several judges ({paths}); name one of these files (--judge replay:PATH)"
        )
    return files[0] if files else None


def read_judge(path: Path) -> Judged:
    """Return the judge whose judgements a file ``judgements.<judge>.jsonl`` holds, by the file's name.

    Where the manifest beside it says what was written and the file holds something else, the label says so. What
    was recorded elsewhere, or has a file whose name cannot be a label, is named by what it says.

    Raises:
        DataError: a line is not what it should be.
    """
    judgements = read_kept(path)
    name = path.name.removesuffix(".jsonl").removeprefix(KEPT)
    if not judgements or name.startswith(RECORDED) or name in (no_judge.label, "") or safe_name(name) != name:
        return judge_of(judgements)
    found = content_digest(judgements)
    if _sealed(path) in (None, found):
        return Judged(name, judgements)
    return Judged(f"{name.partition(_EDITED)[0]}{_EDITED}{found[:8]}", judgements)


def content_digest(judgements: Judgements) -> str:
    """Return the SHA-256 over judgements, in hexadecimal, whatever their order."""
    content = msgspec.json.encode([judgements[key] for key in sorted(judgements)])
    return hashlib.sha256(content).hexdigest()


def seal(path: Path, judgements: Judgements | None, details: Mapping[str, Any] | None = None) -> None:
    """Write into the manifest beside a file of judgements what the judge wrote, so that an edit shows.

    Args:
        path: the file ``judgements.….jsonl``.
        judgements: what it holds; None while it is being written, when nothing can be said of it.
        details: what else the manifest is to hold; by default what it does.

    Raises:
        OutputError: it cannot be written.
    """
    manifest = _manifest(path)
    held = read_manifest(manifest)
    holds = dict(held or {}) if details is None else dict(details)
    holds.pop(SEAL, None)
    if judgements is not None:
        holds[SEAL] = content_digest(judgements)
    if holds != held and (holds or held is not None):
        write_document(manifest, holds)


def unedited(path: Path) -> dict[Key, Judgement]:
    """Read judgements that are to be gone on with.

    Raises:
        MismatchError: somebody has edited them since they were written.
        DataError: a line is not what it should be.
    """
    judgements = read_kept(path)
    if judgements and _sealed(path) not in (None, content_digest(judgements)):
        raise MismatchError(
            f"{path} was edited since the judge wrote it, and cannot be gone on with: move it elsewhere, where "
            "--judge replay:PATH replays it, or delete it"
        )
    return judgements


def _sealed(path: Path) -> str | None:
    found = (read_manifest(_manifest(path)) or {}).get(SEAL)
    return found if isinstance(found, str) else None


def _manifest(path: Path) -> Path:
    return path.with_suffix(".manifest.json")


def read_kept(path: Path) -> dict[Key, Judgement]:
    """Read the judgements of a run directory, a torn last line left out; of two about an item the later counts.

    Raises:
        DataError: a line is not what it should be.
    """
    lines = enumerate(whole_lines(path), start=1)
    judgements = [decode_row(f"{path}:{number}", line, _JUDGEMENT) for number, line in lines]
    return {(judgement.item, judgement.use): judgement for judgement in judgements}
