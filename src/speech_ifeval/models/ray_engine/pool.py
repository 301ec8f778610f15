"""Actors that answer one stream of requests together: whichever is free takes the next batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.fleet import DEVICE
from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.ray_engine.actor import ANSWER, HELLO, INPUTS_DIFFER, PROMPTS
from speech_ifeval.models.ray_engine.cluster import RayCluster, Room, connect, room_for
from speech_ifeval.models.ray_engine.dataset import AHEAD, Ended, Reader, beside
from speech_ifeval.models.ray_engine.feed import Feed, Message
from speech_ifeval.models.registry import accepts
from speech_ifeval.models.worker_messages import PROTOCOL, Answer, Hello, printable, refusal, wire
from speech_ifeval.models.worker_pool import agree
from speech_ifeval.records import Response

BATCH = 16  # requests, where the adapter is not told how many
PROMPTS_AT_ONCE = 256
START_S = 3600.0  # for the first actor: others may have the cluster
REPLACED_S = 120.0  # for a node in the place of the last one that died
LOST_IN_A_ROW = 20  # messages, without a reply between
ENDED_IN_A_ROW = 3  # data sets
_NEWS_S = 0.5


def open_on_ray(
    spec: str,
    arguments: Mapping[str, Any] | None,
    cluster: RayCluster,
    *,
    benchmark: Benchmark | None = None,
) -> Model:
    """Make the model that a specification names once for every GPU of a Ray cluster, each in an actor.

    Args:
        spec: as `open_model` takes it; its adapter has an argument `device`. Every node loads it for itself.
        arguments: the adapter's other arguments.
        cluster: where the actors live.
        benchmark: the benchmark that will be run.

    Raises:
        UsageError: the adapter takes no device, a device is given, or there is no room for so many actors.
        MissingExtraError: Ray is not installed.
        ModelError: no such cluster, or no actor starts.
        MismatchError: the actors' settings are not the same; names the key.
        SpeechIFEvalError: what the adapter raises.

    >>> open_on_ray("replay:runs/one", {}, RayCluster())
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: replay:runs/one takes no device: leave out --engine ray
    """
    if not accepts(spec, DEVICE):
        raise UsageError(f"{spec} takes no device: leave out --engine ray")
    given = dict(arguments or {})
    if DEVICE in given:
        raise UsageError(f"the device of {spec} is given, and --engine ray chooses it; leave one out")
    ray = connect(cluster)
    shrunk = not all(node["Alive"] for node in ray.nodes())
    room = room_for(ray.cluster_resources(), cluster.actors, shrunk=shrunk)
    hosted = {
        "spec": spec,
        # Ray shows an actor its own GPU only, as the first.
        "arguments": {**given, DEVICE: "cuda:0" if room.gpus else "cpu"},
        "benchmark": None if benchmark is None else str(benchmark.root.absolute()),
    }
    size = str(given.get("batch_size", ""))
    return RayPool(ray, room, hosted, int(size) if size.isdigit() else BATCH)


class RayPool(Model):
    """One model in the actors of a Ray data set. Their responses come through one iterator, each once.

    What an actor held that is lost with its node is asked once more, one request at a time: a request that costs
    two actors is answered with the reason. Ray starts the actor again where the cluster has room.
    """

    def __init__(self, ray: Any, room: Room, hosted: Mapping[str, Any], batch: int) -> None:
        self._ray, self._room, self._hosted, self._batch = ray, room, dict(hosted), batch
        self._feed = ray.remote(Feed).options(max_concurrency=1000, **beside()).remote()
        self._reader = Reader(self._feed, room, self._hosted)
        self._owed: set[int] = set()
        self._replies: dict[int, Any] = {}
        self._given = self._lost = self._ended = 0
        self._at_work = self._asked_news = time.monotonic()
        self._patience = START_S
        self._hello: Hello | None = None
        try:
            self._asked([(HELLO, [])])
        except BaseException:
            self.close()
            raise
        hello = self._hello
        assert hello is not None  # whoever has replied has said it
        self.name, self.hears = printable(hello.name), hello.hears
        self.audio_limit, self.remote_host = hello.audio_limit, hello.remote_host
        self.settings = hello.settings
        self.recorded = {**hello.recorded, "engine": f"ray {ray.__version__}", "actors": room.actors}

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        source, again, tried = iter(requests), deque[Request](), set[str]()
        held: dict[int, list[Request]] = {}

        def following(number: int) -> Message | None:
            batch = [again.popleft()] if again else list(islice(source, self._batch))
            if not batch:
                return None
            held[number] = batch
            return ANSWER, [wire(one) for one in batch]

        for number, said in self._exchange(following):
            asked = held.pop(number)
            if said is _LOST:
                yield from _over(asked, again, tried)
            else:
                yield from _responses(asked, said)

    def prompts(self, requests: Sequence[Request]) -> list[str]:
        places = range(0, len(requests), PROMPTS_AT_ONCE)
        asked = [(PROMPTS, [wire(one) for one in requests[at : at + PROMPTS_AT_ONCE]]) for at in places]
        return [str(prompt) for said in self._asked(asked) for prompt in said]

    def prompt(self, request: Request) -> str:
        return self.prompts([request])[0]

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        found: bool | None = self._asked([(INPUTS_DIFFER, [wire(first), wire(second)])])[0]
        return found

    def close(self) -> None:
        self._reader.stop()
        self._ray.kill(self._feed)

    def _asked(self, messages: Sequence[Message]) -> list[Any]:
        """Return the replies to messages, in their order. What is lost is asked again."""
        waiting, held = deque(range(len(messages))), dict[int, int]()
        found: list[Any] = [None] * len(messages)

        def following(number: int) -> Message | None:
            if not waiting:
                return None
            held[number] = waiting.popleft()
            return messages[held[number]]

        for number, said in self._exchange(following):
            place = held.pop(number)
            if said is _LOST:
                waiting.append(place)
            else:
                found[place] = said
        return found

    def _exchange(self, following: Callable[[int], Message | None]) -> Iterator[tuple[int, Any]]:
        """Yield replies by number, `_LOST` for one that will not come, to a few messages an actor at a time."""
        mine = set[int]()
        try:
            while True:
                while len(mine) < AHEAD * self._room.actors and (message := following(self._given)) is not None:
                    mine.add(self._given)
                    self._offer(message)
                if not mine:
                    return
                ready = sorted(mine & self._replies.keys())
                if not ready:
                    self._hear()
                for number in ready:
                    mine.remove(number)
                    yield number, self._replies.pop(number)
        finally:
            for number in mine:
                self._settle(number, _LOST)
                del self._replies[number]

    def _offer(self, message: Message) -> None:
        if not self._owed:
            self._at_work = time.monotonic()
        self._owed.add(self._given)
        self._feed.offer.remote(self._given, message)
        self._given += 1

    def _settle(self, number: int, said: Any) -> None:
        self._owed.discard(number)
        self._replies[number] = said
        self._feed.done.remote(number)

    def _hear(self) -> None:
        """Take the next reply, or what is new instead."""
        if time.monotonic() - self._asked_news > _NEWS_S:
            self._asked_news = time.monotonic()
            self._news(*self._of_feed("news"))
        heard = self._reader.take(_NEWS_S)
        if isinstance(heard, Ended):
            self._start_again(heard)
        elif heard is not None:
            self._reply(*heard)

    def _reply(self, number: int, said: Mapping[str, Any]) -> None:
        if "error" in said:
            raise refusal(self._hosted["spec"], **said["error"])
        if "hello" in said:
            hello = msgspec.convert({**said["hello"], "protocol": PROTOCOL, "type": "hello"}, Hello)
            self._hello = self._hello or hello
            agree(self._hosted["spec"], self._hello, hello)
        self._lost = self._ended = 0
        self._at_work, self._patience = time.monotonic(), REPLACED_S
        if number in self._owed:  # else it was asked again, and this is the second reply
            self._settle(number, said["said"])

    def _news(self, held: int, lost: Sequence[int]) -> None:
        for number in self._owed.intersection(lost):
            self._lost += 1
            self._settle(number, _LOST)
        if self._lost > max(LOST_IN_A_ROW, 2 * self._room.actors):
            raise ModelError(
                f"{self._lost} actors were lost without a response between; look into Ray's logs, and run the "
                "same command again"
            )
        if held or not self._owed:
            self._at_work = time.monotonic()
        elif time.monotonic() - self._at_work > self._patience:
            needs = f"{self._room.gpus:g} GPU" if self._room.gpus else f"{self._room.cpus:g} CPU"
            raise ModelError(
                f"no node of the Ray cluster has taken an actor ({needs} each) for {self._patience:g} s; what was "
                "answered is kept: see `ray status`, bring nodes back, and run the same command again"
            )

    def _of_feed(self, method: str) -> Any:
        try:
            return self._ray.get(getattr(self._feed, method).remote())
        except self._ray.exceptions.RayError as error:
            raise ModelError(
                f"Ray has lost what it ran beside this command ({str(error).strip().splitlines()[0]}); what was "
                "answered is kept: run the same command again"
            ) from None

    def _start_again(self, ended: Ended) -> None:
        self._ended += 1
        if self._ended >= ENDED_IN_A_ROW:
            raise ModelError(
                f"Ray Data has ended {self._ended} times without a response between, the last time with: "
                f"{printable(ended.why)}; every node needs speech-ifeval and the model's packages; Ray's logs "
                "have more"
            )
        self._reader.stop()
        start = self._of_feed("start")
        self._reader = Reader(self._feed, self._room, self._hosted, start)


_LOST = object()


def _over(held: list[Request], again: deque[Request], tried: set[str]) -> Iterator[Response]:
    """Put what was lost back, and yield the reason for what was lost a second time."""
    for request in held:
        if request.id in tried:
            yield failed(request, "it was being answered when an actor was lost, twice; its node may have died")
        else:
            tried.add(request.id)
            again.append(request)


def _responses(held: Sequence[Request], said: Sequence[Mapping[str, Any]]) -> Iterator[Response]:
    """Yield the responses to what was asked, and the reason where one is missing."""
    rows = [msgspec.convert({**row, "type": "response"}, Answer) for row in said]
    found = {one.id: one.response() for one in rows}
    for request in held:
        yield found.get(request.id) or failed(request, "the model gave no response")
