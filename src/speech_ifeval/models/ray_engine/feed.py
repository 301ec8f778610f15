"""What is to be asked, and who has it in hand: an actor beside the run, read by Ray Data as its source."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Message = tuple[str, list[dict[str, Any]]]  # a method of `Answering`, and the requests it is for
UNCLAIMED_S = 30.0  # until what nobody has claimed is given out again, and twice as long each time after
UNHEARD_S = 30.0  # for a reply that its actor has sent


class Feed:
    """The messages that are under way, by number, from `offer` until `done`.

    Ray Data may lose a row with a node, or run one twice. So a row is a number only: whoever has it claims the
    message, once, and is watched from there on.
    """

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self._numbers: list[asyncio.Queue[int | None]] = [asyncio.Queue()]  # one a data set; the last counts
        self._unclaimed: dict[int, tuple[float, float]] = {}  # when it is given out again, and how long that took
        self._watches: dict[int, asyncio.Task[None]] = {}
        self._lost: list[int] = []

    async def offer(self, number: int, message: Message) -> None:
        """Take a message."""
        self._messages[number] = message
        self._give(number, UNCLAIMED_S)

    async def next(self, start: int) -> int | None:
        """Return the number of a message as soon as there is one; None after another data set has begun."""
        return await self._numbers[start].get()

    async def claim(self, number: int, actor: Any) -> Message | None:
        """Return the message to the actor that is to reply; None where it is done, or in other hands."""
        if number not in self._messages or number in self._watches:
            return None
        self._unclaimed.pop(number, None)
        self._watches[number] = asyncio.ensure_future(self._watch(number, actor))
        return self._messages[number]

    async def clips(self, number: int, paths: Sequence[str]) -> dict[str, bytes]:
        """Return clips of a message to a node that does not see them, those that are gone by now as empty ones."""
        _, rows = self._messages.get(number, ("", []))
        known = {row["audio"] for row in rows}
        return {path: Path(path).read_bytes() if Path(path).is_file() else b"" for path in paths if path in known}

    async def done(self, number: int) -> None:
        """Nobody waits for a reply any more."""
        self._messages.pop(number, None)
        self._unclaimed.pop(number, None)
        self._let_go(number)

    async def news(self) -> tuple[int, list[int]]:
        """Return how many messages actors have, and which were lost since the last time. To be asked regularly."""
        now = time.monotonic()
        for number, (due, waited) in list(self._unclaimed.items()):
            if now > due:
                self._give(number, 2 * waited)
        lost, self._lost = self._lost, []
        return len(self._watches), lost

    async def start(self) -> int:
        """Begin with another data set, and return which it is: what was under way is given out once more."""
        self._numbers[-1].put_nowait(None)
        self._numbers.append(asyncio.Queue())
        for number in self._messages:
            self._let_go(number)
            self._give(number, UNCLAIMED_S)
        return len(self._numbers) - 1

    def _let_go(self, number: int) -> None:
        if (watch := self._watches.pop(number, None)) is not None:
            watch.cancel()

    def _give(self, number: int, seconds: float) -> None:
        self._unclaimed[number] = (time.monotonic() + seconds, seconds)
        self._numbers[-1].put_nowait(number)

    async def _watch(self, number: int, actor: Any) -> None:
        import ray

        try:
            # It stands behind the message in the actor's queue, and fails as soon as there is no actor.
            await actor.__ray_ready__.options(max_task_retries=0).remote()
            await asyncio.sleep(UNHEARD_S)
        except ray.exceptions.RayError:
            for other in list(self._unclaimed):  # one of them may have waited for this actor
                self._give(other, UNCLAIMED_S)
        self._messages.pop(number, None)
        self._watches.pop(number, None)
        self._lost.append(number)


def numbers(batch: Mapping[str, Any], *, feed: Any) -> Iterator[dict[str, Any]]:
    """Yield a row for each message: the source of the data set."""
    import numpy
    import ray

    start = int(batch["start"][0])
    while (number := ray.get(feed.next.remote(start))) is not None:
        yield {"number": numpy.array([number])}


def row(number: int, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the data set: what is said to a message, as JSON in ASCII, so that any text passes."""
    import numpy

    return {"number": numpy.array([number]), "said": [json.dumps(said).encode("ascii")]}
