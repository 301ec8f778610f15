"""A judge's recorded replies, replayed: no call is made, and the signature names the record by its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from speech_ifeval.benchmarks import Benchmark, Joiner
from speech_ifeval.benchmarks.rows import decode_row, read_rows
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING, is_substring
from speech_ifeval.judges.interface import Judged, Judgements, Key, Use
from speech_ifeval.records import CATEGORIES, JUDGED_ID, TWIN_CATEGORY, Item, Judgement
from speech_ifeval.runs import whole_lines

# The verdict is the last thing the judge says, alone on its line but for Markdown stars and a full stop.
_RESULT = re.compile(r"^[*_ ]*Result:[*_ ]*(YES|NO)[*_. ]*$", re.IGNORECASE)


ANNOTATOR = "annotator-"  # what the label of a person who judges begins with
KEPT = "judgements."  # what the file of a judge's replies in a run directory begins with
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
            judgement = _recorded(item.id, use, row.response, row.eval_response)
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


def _recorded(item: str, use: Use, response: str, reply: str) -> Judgement:
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
    content = msgspec.json.encode([judgements[key] for key in sorted(judgements)])
    return Judged(f"replay-{hashlib.sha256(content).hexdigest()[:8]}", judgements)


def recorded_at(path: Path, benchmark: Benchmark) -> Judged:
    """Return what is recorded at a path: a file ``judgements.….jsonl``, or a file or folder of the release's.

    Raises:
        UsageError: there is no such path, or no judge's reply in it.
        DataError: a line is not what it should be.
        MismatchError: an item was judged twice, differently.
    """
    if path.name.startswith(KEPT) and path.is_file():
        return judge_of(read_kept(path))
    files = [path] if path.is_file() else sorted(path.glob("*.jsonl"))
    if not files:
        raise UsageError(f"no recorded judge replies at {str(path)!r}: expected a .jsonl file or a folder of them")
    judged = replay(files, benchmark)
    if not judged.judgements:
        raise UsageError(
            f"{str(path)!r} holds no judge's reply about an item of {benchmark.name}: expected a .jsonl file or "
            'a folder of them, with rows that have "eval_response" and "response"'
        )
    return judged


def read_kept(path: Path) -> dict[Key, Judgement]:
    """Read the judgements of a run directory, a torn last line left out; of two about an item the later counts.

    Raises:
        DataError: a line is not what it should be.
    """
    lines = enumerate(whole_lines(path), start=1)
    judgements = [decode_row(f"{path}:{number}", line, _JUDGEMENT) for number, line in lines]
    return {(judgement.item, judgement.use): judgement for judgement in judgements}
