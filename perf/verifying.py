"""Measure the worst that `speech-ifeval verify` takes on before it refuses a file; run from anywhere.

    python perf/verifying.py [--json FILE] [--share 1]

Each shape is a forged submission whose work is just below the limit: long replies and what takes long on them,
many demands, many small groups, many words to align. `--share 0.1` goes to a tenth of the limit. Every file is
written, read and verified as the command does it; what is measured is the processor time and the memory of a
process of its own. An honest file, the shipped example and its reference, stands in the first row.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from measuring import figure, machine_line, markdown_table, parser, write_json

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import DataError
from speech_ifeval.judges import reply_hash
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.records import Constraint, Judgement, Response
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.archive import LIMITS, unzipped, zipped
from speech_ifeval.submission.packing import submit
from speech_ifeval.submission.reading import read_submission
from speech_ifeval.submission.verifying import verify
from speech_ifeval.submission.work import Answered, work_of

MIB = 1 << 20
Asked = tuple[own.PackedItem, str, str | None]  # an item, its reply, and what a judge said


def demand(id: str, **kwargs: Any) -> Constraint:
    """A constraint."""
    return Constraint(id, kwargs)


def item(number: int, *constraints: Constraint, **fields: Any) -> own.PackedItem:
    """A closed-ended item, or the twin of one where it has no constraint."""
    texts = {"instruction": "Say.", "clip": f"{number}.wav", "dataset": "d", **fields}
    return own.PackedItem(id=f"closed-ended/{number}", category="closed-ended", constraints=constraints, **texts)


def long_replies(text: str, constraint: Constraint, letters: int = 2 * MIB) -> Iterator[Asked]:
    """Items without end, each with a long reply made of `text`."""
    reply = text * (letters // len(text))
    for number in range(sys.maxsize):
        yield item(number, constraint), reply, None


def short(reply: str, constraint: Constraint) -> Iterator[Asked]:
    """Items without end, each with a short reply."""
    for number in range(sys.maxsize):
        yield item(number, constraint), reply, None


def asked_for_words() -> Iterator[Asked]:
    """One item after the other that asks for words of its own, which have to be prepared."""
    for number in range(sys.maxsize):
        words = [f"é{number:x}{k:x}" for k in range(2_000)]
        yield item(number, demand("keywords:existence", keywords=words)), "a reply", None


def with_options() -> Iterator[Asked]:
    """Questions with many options about a reply that names none of them, judged by rules of thumb."""
    options = ", ".join(f'"option {k:x}"' for k in range(2_000))
    for number in range(sys.maxsize):
        question = f"Choose the answer from {options}"
        constraint = demand("punctuation:no_comma")
        labelled = item(number, constraint, instruction=question, label="option 0", metric="accuracy")
        yield labelled, "so the " * 5_000, "rules"


def groups() -> Iterator[Asked]:
    """Each answer in a data set of its own, which has intervals of its own."""
    for number in range(sys.maxsize):
        one = item(number, demand("punctuation:no_comma"), label="a", metric="accuracy", dataset=f"d{number}")
        yield one, "a b", "Result: YES"


def transcripts() -> Iterator[Asked]:
    """Many short transcripts, each drawn again and again for intervals and tests."""
    for number in range(sys.maxsize):
        one = item(number, demand("punctuation:no_comma"), label="a b", metric="wer", transcript="a b")
        yield one, "a c d", "a c d"


def alignments() -> Iterator[Asked]:
    """Long transcripts that differ everywhere."""
    said, heard = "a b " * 20_000, "b a " * 50_000
    for number in range(sys.maxsize):
        one = item(number, demand("punctuation:no_comma"), label="a", metric="wer", transcript=said)
        yield one, heard, heard


SHAPES: dict[str, tuple[str, Callable[[], Iterator[Asked]]]] = {
    "`number_words`, replies of `00:00 `": (
        "official",
        lambda: long_replies(
            "00:00 ", demand("length_constraints:number_words", num_words=10**6, relation="at least")
        ),
    ),
    "`json_format`, replies nested 400 deep": (
        "official",
        lambda: long_replies("[" * 400 + "1" + "]" * 400 + ",", demand("detectable_format:json_format")),
    ),
    "`number_highlighted_sections`, stars": (
        "official",
        lambda: long_replies("*a", demand("detectable_format:number_highlighted_sections", num_highlights=10**6)),
    ),
    "2,000 words in long replies": (
        "official",
        lambda: long_replies(
            "a ", demand("keywords:existence", keywords=[f"é{k:x}" for k in range(2_000)]), 50_000
        ),
    ),
    "a phrase of 20,000 letters that nearly occurs": (
        "official",
        lambda: long_replies("a ", demand("keywords:existence", keywords=["a " * 10_000 + "é"]), 100_000),
    ),
    "the language of short replies": (
        "official",
        lambda: short("the quick brown fox", demand("language:response_language", language="de")),
    ),
    "the language of long replies": (
        "official",
        lambda: short("p" * 20_000, demand("language:response_language", language="de")),
    ),
    "capitals by `ifeval`, short replies": (
        "ifeval",
        lambda: short("THE QUICK BROWN FOX", demand("change_case:english_capital")),
    ),
    "2,000 words to prepare, short replies": ("official", asked_for_words),
    "2,000 options, rules of thumb": ("official", with_options),
    "answers in data sets of their own": ("official", groups),
    "short transcripts": ("official", transcripts),
    "long transcripts that differ": ("official", alignments),
    "many short replies": ("official", lambda: short("a", demand("punctuation:no_comma"))),
}


def written(path: Path, like: Path, rules: str, rows: Iterator[Asked], most: int) -> int:
    """Write the largest submission of these rows whose work is at most `most`, and return its work."""
    members = {
        name: one for name, one in unzipped(like.read_bytes(), like.name).items() if "reference" not in name
    }
    header = json.loads(members[own.HEADER])
    how = own.ScoredHow(rules, False, "unscored", None, 0)
    asked: list[Asked] = []
    sizes = work = 0

    def reckoned(one: Asked) -> int:
        answered = Answered(*_said([one]))
        return work_of([one[0]], how, [answered]) - work_of([], how, [])

    known: dict[str, int] = {}
    datasets: set[str] = set()
    for one in rows:
        reply = len(one[1]) + len(one[2] or "")
        key = f"{reply}/{len(own.encoded(one[0].constraints))}/{len(one[0].instruction or '')}"
        if key not in known:
            known[key] = reckoned(one) - 100_000
        more = known[key] + 100_000 * (one[0].dataset not in datasets)
        datasets.add(one[0].dataset)
        sizes += len(own.encoded(one[0])) + reply + 400
        if work + more > most or sizes > 250 * MIB:
            break
        work += more
        asked.append(one)
    judge, responses, judgements = _said(asked)
    document = json.loads(members["run/verdicts.manifest.json"])
    document["judge"] = judge
    header["scoring"]["rules"] = rules
    header["benchmark"] |= {"name": "forged", "items": len(asked)}
    members |= {
        own.ITEMS: _lines(one for one, _, _ in asked),
        "run/responses.jsonl": _lines(responses),
        "run/verdicts.manifest.json": own.encoded(document),
        "run/judgements.jsonl": _lines(own.PackedJudgement(one) for one in judgements),
    }
    found = {name: own.member_of(one) for name, one in members.items() if name != own.HEADER}
    header["members"] = found
    ordered = {
        own.HEADER: own.encoded(msgspec.convert(header, own.Header)),
        **{name: members[name] for name in own.MEMBERS[1:] if name in members},
    }
    path.write_bytes(zipped(ordered))
    return work


def _said(asked: list[Asked]) -> tuple[str, list[Response], list[Judgement]]:
    judge = "replay-00000000"
    responses, judgements = [], []
    for one, reply, said in asked:
        responses.append(Response(one.id, reply))
        if said == "rules":
            judge = "heuristic-1"
            judgements.append(Judgement(one.id, "accuracy", False, reply_hash(reply), None))
        elif said is not None and one.metric == "wer":
            judgements.append(Judgement(one.id, "transcript", None, reply_hash(reply), said, extracted=said))
        elif said is not None:
            judgements.append(Judgement(one.id, "accuracy", True, reply_hash(reply), said))
    return judge, responses, judgements


def _lines(records: Any) -> bytes:
    return b"".join(own.encoded(record) + b"\n" for record in records)


def measured(file: Path) -> dict[str, float]:
    """Verify a file in a process of its own; return processor seconds and MiB."""
    out = subprocess.run([sys.executable, __file__, "--verify", str(file)], check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(out.stdout)
    return found


def verify_here(file: Path) -> None:
    """Verify, and print what it took."""
    start = time.process_time()
    try:
        holds = verify(file).holds
    except DataError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # what the parent took does not count here
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"seconds": time.process_time() - start, "mib": peak, "holds": holds}))


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--share", type=float, default=1.0, help="how much of the limit (default: all of it)")
    given.add_argument("--verify", type=Path, help="verify one file and print what it took")
    options = given.parse_args()
    if options.verify is not None:
        verify_here(options.verify)
        return
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        score(
            [locate("example:tuned")],
            load_benchmark("example"),
            reference=[locate("example:reference")],
            output_dir=folder / "run",
        )
        honest = Path(submit(folder / "run").file)
        read = read_submission(honest)
        sides = [side.answered for side in (read.run, read.reference) if side is not None]
        cases = [("the shipped example, an honest file", honest, work_of(read.items, read.header.scoring, sides))]
        for shape, (rules, make) in SHAPES.items():
            file = folder / "forged.zip"
            work = written(file, honest, rules, make(), int(LIMITS.work * options.share))
            cases = [*cases, (shape, file, work)]
            for named, path, reckoned in cases:
                took = measured(path)
                rows.append({"shape": named, "megabytes": path.stat().st_size / 1e6, "work": reckoned, **took})
                print(rows[-1], file=sys.stderr, flush=True)
            cases = []
    print(machine_line(), "\n")
    head = ["file", "MB", "of the limit, %", "s", "MiB"]
    print(
        markdown_table(
            head,
            (
                [
                    row["shape"],
                    figure(row["megabytes"]),
                    figure(100 * row["work"] / LIMITS.work),
                    figure(row["seconds"]),
                    figure(row["mib"]),
                ]
                for row in rows
            ),
        )
    )
    write_json(options.json, {"limit": LIMITS.work, "rows": rows})


if __name__ == "__main__":
    main()
