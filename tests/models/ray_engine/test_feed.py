"""Who gets which message, and what becomes of it when nobody replies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.models.ray_engine import feed
from speech_ifeval.models.ray_engine.feed import Feed


class Handle:
    """An actor as Ray hands it out: a call of `__ray_ready__` returns when what it has in hand is done."""

    def __init__(self) -> None:
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.__ray_ready__ = self

    def options(self, *, max_task_retries: int) -> Handle:
        assert max_task_retries == 0  # else it would wait for another actor to be started in its place
        return self

    def remote(self) -> asyncio.Future[None]:
        return self._end

    def ready(self) -> None:
        self._end.set_result(None)

    def dies(self) -> None:
        import ray

        self._end.set_exception(ray.exceptions.ActorDiedError())


def message(*paths: str) -> tuple[str, list[dict[str, Any]]]:
    return "answer", [{"id": path, "audio": path} for path in paths]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_message_is_claimed_once_and_not_when_it_is_done() -> None:
    async def story() -> None:
        one = Feed()
        for number in (0, 1):
            await one.offer(number, message())
        assert [await one.next(0), await one.next(0)] == [0, 1]
        assert await one.claim(0, Handle()) == message()
        assert await one.claim(0, Handle()) is None
        await one.done(1)
        assert await one.claim(1, Handle()) is None
        assert await one.news() == (1, [])

    asyncio.run(story())


def test_what_an_actor_held_is_lost_with_it_and_what_waited_is_given_out_again() -> None:
    async def story() -> None:
        one, actor = Feed(), Handle()
        for number in (0, 1):
            await one.offer(number, message())
            await one.next(0)
        await one.claim(0, actor)
        await settled()
        actor.dies()
        await settled()
        assert await one.news() == (0, [0])
        assert await one.news() == (0, [])  # once
        assert await one.next(0) == 1
        assert await one.claim(0, Handle()) is None

    asyncio.run(story())


def test_a_reply_that_never_comes_is_lost_and_one_that_comes_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "UNHEARD_S", 0.05)

    async def story() -> None:
        one, actors = Feed(), [Handle(), Handle()]
        for number, actor in enumerate(actors):
            await one.offer(number, message())
            await one.claim(number, actor)
        await settled()
        for actor in actors:
            actor.ready()
        await one.done(1)
        await asyncio.sleep(0.2)
        assert await one.news() == (0, [0])

    asyncio.run(story())


def test_what_nobody_claims_is_given_out_again_more_and_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "UNCLAIMED_S", 0.0)

    async def story() -> None:
        one = Feed()
        await one.offer(0, message())
        assert await one.next(0) == 0
        await one.news()
        assert await one.next(0) == 0
        one._unclaimed[0] = (0.0, 100.0)
        await one.news()
        due, waited = one._unclaimed[0]
        assert waited == 200.0
        assert due > 100.0

    asyncio.run(story())


def test_another_data_set_gets_all_that_is_owed_and_the_one_before_ends() -> None:
    async def story() -> None:
        one = Feed()
        for number in range(3):
            await one.offer(number, message())
            assert await one.next(0) == number
        await one.claim(0, Handle())
        await one.done(1)
        assert await one.start() == 1
        assert await one.next(0) is None
        assert [await one.next(1), await one.next(1)] == [0, 2]
        assert await one.claim(0, Handle()) == message()

    asyncio.run(story())


def test_a_node_gets_the_clips_of_its_message_and_no_other_file(tmp_path: Path) -> None:
    clip, gone, other = (str(tmp_path / name) for name in ("clip.wav", "gone.wav", "secret"))
    for path in (clip, other):
        Path(path).write_bytes(b"content")

    async def story() -> None:
        one = Feed()
        await one.offer(0, message(clip, gone))
        assert await one.clips(0, [clip, gone, other]) == {clip: b"content", gone: b""}
        assert await one.clips(1, [clip]) == {}

    asyncio.run(story())
