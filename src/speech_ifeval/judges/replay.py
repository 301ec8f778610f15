"""A judge's recorded replies, replayed: no call is made, and the signature names the record by its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from speech_ifeval.benchmarks import Benchmark, Joiner
from speech_ifeval.benchmarks.rows import read_rows
from speech_ifeval.errors import MismatchError
from speech_ifeval.records import JUDGED_ID, Judgement

# The verdict is the last thing the judge says, alone on its line but for Markdown stars and a full stop.
_RESULT = re.compile(r"^[*_ ]*Result:[*_ ]*(YES|NO)[*_. ]*$", re.IGNORECASE)


class _ReportRow(msgspec.Struct):
    id: str | int | None = None
    audio_filepath: str | None = None
    instruction: str | None = None
    response: str | None = None
    eval_response: str | None = None


_DECODER = msgspec.json.Decoder(_ReportRow)


@dataclass(frozen=True)
class Judge:
    """What a judge said of each item: `label` names it in file names and signatures, ``none`` if there is none."""

    label: str
    judgements: Mapping[str, Judgement] = field(default_factory=dict, repr=False)


no_judge = Judge("none")


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


def replay(files: Iterable[Path], benchmark: Benchmark) -> Judge:
    """Read recorded judge replies in the release's layout (``reports/llm_eval@….jsonl``).

    Rows are joined to items as responses are, never by the file's name; rows about items that no judge
    decides (task accuracy, rule verdicts) are passed over here.

    Raises:
        DataError: a line is not what it should be.
        MismatchError: an item was judged twice, differently.
    """
    joiner = Joiner(benchmark)
    judgements: dict[str, Judgement] = {}
    for path in files:
        joiner.restart()
        for place, row in read_rows(path, _DECODER, of_replies=True):
            if row.eval_response is None or row.response is None:
                continue
            item = joiner.find(row.id, row.audio_filepath, row.instruction)
            if item is None or not any(constraint.id == JUDGED_ID for constraint in item.constraints):
                continue
            followed = parse_result(row.eval_response)
            judgement = Judgement(
                item=item.id,
                followed=followed,
                judge_reply=row.eval_response,
                reply_hash=reply_hash(row.response),
                reason=None if followed is not None else "the judge's reply does not end with Result: YES or NO",
            )
            if judgements.setdefault(item.id, judgement) != judgement:
                raise MismatchError(
                    f"{place}: {item.id} was judged before, and differently; keep the replies of one judge in "
                    "reports/"
                )
    return judge_of(judgements)


def judge_of(judgements: Mapping[str, Judgement]) -> Judge:
    """Return the judge who said this, labelled by the content: edited replies are another judge's.

    >>> judge_of({}).label, judge_of({"a": Judgement("a", True, "Result: YES", "0" * 64)}).label
    ('none', 'replay-c73ef09e')
    """
    if not judgements:
        return no_judge
    content = msgspec.json.encode([judgements[id] for id in sorted(judgements)])
    return Judge(f"replay-{hashlib.sha256(content).hexdigest()[:8]}", judgements)
