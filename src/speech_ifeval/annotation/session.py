"""A person at work: one task at a time, each label written at once, and taken back where it was a slip."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from speech_ifeval.annotation.tasks import Task
from speech_ifeval.errors import UsageError
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING, is_substring
from speech_ifeval.judges.replay import ANNOTATOR, KEPT, read_kept
from speech_ifeval.records import Judgement
from speech_ifeval.runs import Appender, appender

VERDICTS = {"yes": True, "no": False, "unclear": None}
UNCLEAR = "the annotator finds it unclear"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Shown(NamedTuple):
    """What is to be shown now, all at one moment: `number` counts what was shown, `task` is None at the end."""

    number: int
    task: Task | None
    labelled: int
    total: int
    can_undo: bool


class Session:
    """The tasks that are left, and the labels so far; safe to call from several threads.

    `number` counts the tasks shown, so that an answer to another one than is shown now can be told.
    """

    def __init__(self, tasks: Sequence[Task], labelled: int, out: Appender) -> None:
        self._left = deque(tasks)
        self._out = out
        self._history: list[tuple[Task, bool]] = []  # and whether it was labelled, not skipped
        self._lock = RLock()
        self.before = labelled
        self.total = labelled + len(tasks)
        self.number = 0

    @property
    def task(self) -> Task | None:
        """The task to be shown now; None where all are labelled."""
        with self._lock:
            return self._left[0] if self._left else None

    @property
    def labelled(self) -> int:
        """How many tasks of the sample have a label, those of earlier sessions included."""
        with self._lock:
            return self.total - len(self._left)

    @property
    def shown(self) -> Shown:
        """What is to be shown now, and whether there is something to take back in this session."""
        with self._lock:
            return Shown(self.number, self.task, self.labelled, self.total, bool(self._history))

    def label(self, number: int, answer: str) -> bool:
        """Write a label: ``yes``, ``no`` or ``unclear``; return whether the number was that of the task shown.

        Raises:
            UsageError: another answer, or a verdict on a transcript other than ``unclear``.
            OutputError: the label cannot be written.
        """
        with self._lock:
            task = self._shown(number)
            if task is None:
                return False
            if answer not in VERDICTS or (task.use == "transcript" and answer != "unclear"):
                raise UsageError(f"expected yes, no or unclear (of a transcript only unclear), found {answer!r}")
            verdict = VERDICTS[answer]
            why = UNCLEAR if verdict is None else None
            self._write(Judgement(task.item, task.use, verdict, task.reply_hash, answer, reason=why))
            return True

    def transcribe(self, number: int, transcript: str) -> bool:
        """Write the part of a reply that is the transcript, ``""`` where none is; return as `label` does.

        Raises:
            UsageError: the task is none of finding a transcript.
            OutputError: the label cannot be written.
        """
        with self._lock:
            task = self._shown(number)
            if task is None:
                return False
            if task.use != "transcript":
                raise UsageError("a transcript was given where yes, no or unclear was asked for")
            flags = () if is_substring(transcript, task.raw) else (NOT_A_SUBSTRING,)
            self._write(
                Judgement(
                    task.item, task.use, None, task.reply_hash, transcript, extracted=transcript, flags=flags
                )
            )
            return True

    def skip(self, number: int) -> bool:
        """Put the task behind all others; return as `label` does."""
        with self._lock:
            task = self._shown(number)
            if task is None:
                return False
            self._left.rotate(-1)
            self._history.append((task, False))
            self.number += 1
            return True

    def undo(self) -> bool:
        """Go back to the task before, its label taken back; return whether there was one in this session.

        Raises:
            OutputError: the label cannot be taken back.
        """
        with self._lock:
            if not self._history:
                return False
            task, labelled = self._history.pop()
            if labelled:
                self._out.take_back()
                self._left.appendleft(task)
            else:
                self._left.rotate(1)
            self.number += 1
            return True

    def _shown(self, number: int) -> Task | None:
        return self.task if number == self.number else None

    def _write(self, judgement: Judgement) -> None:
        self._out.write(judgement)
        self._history.append((self._left.popleft(), True))
        self.number += 1


def labels_file(run: Path, annotator: str) -> Path:
    """Return where an annotator's labels are kept.

    Raises:
        UsageError: a name that cannot be part of a file's name.

    >>> labels_file(Path("runs/a"), "mia").name
    'judgements.annotator-mia.jsonl'
    """
    if not _NAME.fullmatch(annotator):
        raise UsageError(f"--annotator takes a name of letters, digits, - and _, found {annotator!r}")
    return run / f"{KEPT}{ANNOTATOR}{annotator}.jsonl"


@contextmanager
def session(run: Path, annotator: str, tasks: Sequence[Task]) -> Iterator[Session]:
    """Open an annotator's labels, and go on after those that are there; the file has one writer at a time.

    A label of another reply than the run holds now does not count, so its task is shown again.

    Raises:
        UsageError: the name cannot be part of a file's name.
        DataError: a line of the labels is broken.
        OutputError: another process writes them, or they cannot be written.
    """
    path = labels_file(run, annotator)
    with appender(path) as out:
        done = {(one.item, one.use, one.reply_hash) for one in read_kept(path).values()}
        left = [task for task in tasks if (task.item, task.use, task.reply_hash) not in done]
        yield Session(left, len(tasks) - len(left), out)
