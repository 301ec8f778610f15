"""What judging costs here beside the judge: questions made, replies that are remembered, judgements read back.

Run from anywhere: ``python perf/judging.py [--json FILE] [--items 1000]``. A judge that answers at once, in this
process, fills a cache; then the same replies are judged from it, and from the run directory. Processor time, best
of five. It fails above half a second for 1,000 judgements from the cache.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import figure, machine_line, markdown_table, parser, seconds, write_json

from speech_ifeval.judges import Question
from speech_ifeval.judges.cache import ReplyCache, Said
from speech_ifeval.judges.criteria import load_rubrics
from speech_ifeval.judges.language_judge import LanguageJudge
from speech_ifeval.judges.replay import read_kept, reply_hash
from speech_ifeval.pipeline.judging import ask_judge
from speech_ifeval.records import Message

MOST_SECONDS = 0.5
CACHED = "judged from the cache, into a new run directory"
LABEL = "a pilot"
REPLY = "The speaker says that he has flown all night, and his voice is tired. The answer is a pilot. " * 5
USES = ("reasoning", "accuracy", "transcript")
_TOKEN = re.compile(r"Result ([0-9a-f]{8}): ")


def _answer(messages: Sequence[Message], repeat: int) -> Said:
    token = _TOKEN.search(messages[0].content)
    assert token is not None
    said = '"he has flown all night"' if "NONE" in messages[0].content else "YES"
    return Said(f"It was weighed with care, step by step.\nResult {token[1]}: {said}")


def _never(messages: Sequence[Message], repeat: int) -> Said:
    raise AssertionError("everything should be remembered")


def _questions(count: int) -> list[Question]:
    made = []
    for number in range(count):
        use = USES[number % len(USES)]
        text = f"{REPLY}{number}"
        label = LABEL if use == "accuracy" else None
        made.append(Question(f"closed-ended/{number:04d}", use, "Who speaks?", text, reply_hash(text), label))
    return made


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--items", type=int, default=1000)
    arguments = options.parse_args()
    questions = _questions(arguments.items)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def judge(ask: object, cache: ReplyCache) -> LanguageJudge:
            return LanguageJudge("canned", ask, rubrics=load_rubrics(), settings={}, cache=cache)  # type: ignore[arg-type]

        first = judge(_answer, ReplyCache(folder, "canned", {}))
        ask_judge(first, folder / "run", questions)

        def cached() -> None:
            with tempfile.TemporaryDirectory(dir=folder) as run:
                again = judge(_never, ReplyCache(folder, "canned", {}))
                again.cost(questions)
                ask_judge(again, Path(run), questions)

        figures[CACHED] = seconds(cached)
        held = judge(_never, ReplyCache(folder, "canned", {}))
        figures["judged from the run directory"] = seconds(lambda: ask_judge(held, folder / "run", questions))
        path = folder / "run" / f"judgements.{first.label}.jsonl"
        figures["read back"] = seconds(lambda: read_kept(path))
        size = path.stat().st_size
    print(
        f"{machine_line()}\n\n{arguments.items} judgements of replies of {len(REPLY)} letters, {size:,} bytes:\n"
    )
    print(markdown_table(("step", "ms"), [(step, figure(1000 * taken)) for step, taken in figures.items()]))
    write_json(arguments.json, {"items": arguments.items, "bytes": size, "seconds": figures})
    if figures[CACHED] > MOST_SECONDS * arguments.items / 1000:
        print(f"expected 1,000 cached judgements within {MOST_SECONDS} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
