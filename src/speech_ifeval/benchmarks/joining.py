"""Which item a recorded row answers.

A row that carries one of our ids says so itself. Rows in the release's own layout carry ids that are missing,
or counted from 0 or from 1, so they are joined by what was asked: the clip and the instruction, in file order
where the same was asked twice.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.records import Item


class Joiner:
    """Finds items for the rows of one file after another; `restart` before each file.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> benchmark = load_benchmark("example")
    >>> item = benchmark.items[0]
    >>> Joiner(benchmark).find(None, "./data/audios/" + item.clip, item.instruction).id == item.id
    True
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._by_id = benchmark.by_id
        self._by_question: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in benchmark:
            self._by_question[_clip_key(item.clip), item.instruction].append(item)
        self._taken: dict[tuple[str, str], int] = defaultdict(int)

    def restart(self) -> None:
        """Begin another file: repeated questions are counted anew."""
        self._taken.clear()

    def find(self, id: object, clip: str | None, instruction: str | None) -> Item | None:
        """Return the item a row answers, None if there is none."""
        if isinstance(id, str) and id in self._by_id:
            item = self._by_id[id]
            return item if instruction is None or instruction == item.instruction else None
        if clip is None or instruction is None:
            return None
        folder_and_name = _clip_key(clip)
        question = (folder_and_name, instruction)
        if question not in self._by_question:  # a benchmark whose clips lie in no folder
            question = (folder_and_name.rpartition("/")[2], instruction)
        items = self._by_question.get(question)
        if not items:
            return None
        nth = self._taken[question]
        self._taken[question] = nth + 1
        # The same row again is another answer to the last of them: whoever reads the rows sees it is double.
        return items[min(nth, len(items) - 1)]


def _clip_key(clip: str) -> str:
    """The folder and file name: outputs are written with all kinds of folders before the audio folder."""
    return "/".join(PurePosixPath(clip.replace("\\", "/")).parts[-2:])
