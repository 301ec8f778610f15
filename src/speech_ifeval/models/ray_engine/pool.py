"""Actors that answer one stream of requests together: whichever is free takes the next batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.fleet import DEVICE
from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.ray_engine.actor import DONE, ERROR, MISSING, RayActor, Said
from speech_ifeval.models.ray_engine.cluster import RayCluster, Room, connect, room_for
from speech_ifeval.models.registry import accepts
from speech_ifeval.models.worker_messages import PROTOCOL, Answer, Hello, printable, refusal, wire
from speech_ifeval.models.worker_pool import agree
from speech_ifeval.records import Response

BATCH = 16  # requests, where the adapter is not told how many
START_S = 3600.0  # for the first actor: a model of any size is fetched and loaded
REPLACED_S = 120.0  # for a node in the place of the last one that died
LOST_IN_A_ROW = 20  # actors, without a response between
_TICK_S = 0.2


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
    room = room_for(ray.cluster_resources(), cluster.actors)
    hosted = {
        "spec": spec,
        # Ray shows an actor its own GPU only, as the first.
        "arguments": {**given, DEVICE: "cuda:0" if room.gpus else "cpu"},
        "benchmark": None if benchmark is None else str(benchmark.root.absolute()),
    }
    size = str(given.get("batch_size", ""))
    return RayPool(ray, room, hosted, int(size) if size.isdigit() else BATCH)


@dataclass(eq=False)
class _Actor:
    """An actor as the driver knows it, and what it holds."""

    handle: Any
    held: list[Request] = field(default_factory=list)
    greeted: bool = False


class RayPool(Model):
    """One model in several actors. Their responses come through one iterator, each once.

    An actor that is lost with its node is replaced where the cluster has room, and what it held is asked once
    more, one request at a time: a request that costs two actors is answered with the reason.
    """

    def __init__(self, ray: Any, room: Room, hosted: Mapping[str, Any], batch: int) -> None:
        self._ray, self._room, self._hosted, self._batch = ray, room, dict(hosted), batch
        self._idle: deque[_Actor] = deque()
        self._work: dict[Any, _Actor] = {}
        self._hello: Hello | None = None
        self._lost = 0
        for _ in range(room.actors):
            self._start()
        try:
            self._wait_for_one(START_S)
        except BaseException:
            self.close()
            raise
        hello = self._hello
        assert hello is not None  # the first actor has said it
        self.name, self.hears = printable(hello.name), hello.hears
        self.audio_limit, self.remote_host = hello.audio_limit, hello.remote_host
        self.settings = hello.settings
        self.recorded = {**hello.recorded, "engine": f"ray {ray.__version__}", "actors": room.actors}

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        source, again, tried = iter(requests), deque[Request](), set[str]()
        try:
            while True:
                while self._idle and (batch := [again.popleft()] if again else list(islice(source, self._batch))):
                    self._give(self._idle.popleft(), batch)
                if not any(actor.held for actor in self._work.values()):
                    if self._idle:  # and nothing left to give them
                        return
                    self._wait_for_one(REPLACED_S)
                    continue
                for actor, said in self._heard():
                    held, actor.held = actor.held, []
                    if said is None:  # it is lost
                        yield from self._over(held, again, tried)
                    else:
                        self._lost = 0
                        self._idle.append(actor)
                        yield from _responses(held, said)
        finally:
            self._drop([actor for actor in self._work.values() if actor.held])

    def prompt(self, request: Request) -> str:
        return str(self._asked("prompt", [wire(request)]))

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        found: bool | None = self._asked("inputs_differ", [wire(first), wire(second)])
        return found

    def close(self) -> None:
        self._drop([*self._idle, *self._work.values()])
        self._idle.clear()

    def _start(self) -> None:
        options = {
            "num_cpus": self._room.cpus,
            "num_gpus": self._room.gpus,
            "max_restarts": 0,  # it is replaced here, where it is known what it held
            "scheduling_strategy": "SPREAD",
        }
        handle = self._ray.remote(RayActor).options(**options).remote()
        self._work[handle.hello.remote(self._hosted)] = _Actor(handle)

    def _give(self, actor: _Actor, batch: Sequence[Request], clips: Mapping[str, bytes] | None = None) -> None:
        actor.held = list(batch)
        self._work[actor.handle.answer.remote([wire(one) for one in batch], dict(clips or {}))] = actor

    def _heard(self) -> Iterator[tuple[_Actor, list[Answer] | None]]:
        """Yield what actors have answered by now, None for one that is lost; greet those that are new."""
        ready, _ = self._ray.wait(list(self._work), num_returns=1, timeout=_TICK_S)
        for reference in ready:
            actor = self._work.pop(reference)
            try:
                kind, said = self._got(reference)
            except _LostError as lost:
                self._replace(lost)
                if actor.held:
                    yield actor, None
                continue
            if kind == MISSING:
                self._give(actor, actor.held, _contents(said))
            elif not actor.greeted:
                self._greet(actor, said)
            else:
                yield actor, [msgspec.convert({**row, "type": "response"}, Answer) for row in said]

    def _got(self, reference: Any) -> Said:
        errors = self._ray.exceptions
        try:
            kind, said = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise ModelError(f"an actor failed: {type(error.cause).__name__}: {error.cause}") from None
        except errors.RayError as error:
            raise _LostError(str(error).strip().splitlines()[0]) from None
        if kind == ERROR:
            raise refusal(self._hosted["spec"], *said)
        return kind, said

    def _greet(self, actor: _Actor, said: dict[str, Any]) -> None:
        hello = Hello(PROTOCOL, **said)
        if self._hello is None:
            self._hello = hello
        agree(self._hosted["spec"], self._hello, hello)
        actor.greeted = True
        self._idle.append(actor)

    def _replace(self, lost: _LostError) -> None:
        """Start another actor, if what is left of the cluster has room for it."""
        self._lost += 1
        if self._lost > max(LOST_IN_A_ROW, 2 * self._room.actors):
            raise ModelError(
                f"{self._lost} actors were lost without a response between, the last with: {lost}; look into "
                "Ray's logs, and run the same command again"
            )
        if len(self._idle) + len(self._work) < room_for(self._ray.cluster_resources()).actors:
            self._start()

    def _over(self, held: list[Request], again: deque[Request], tried: set[str]) -> Iterator[Response]:
        for request in held:
            if request.id in tried:
                yield failed(
                    request, "it was being answered when an actor was lost, twice; its node may have died"
                )
            else:
                tried.add(request.id)
                again.append(request)

    def _wait_for_one(self, seconds: float) -> None:
        """Wait until an actor is there that can be asked something."""
        end = time.monotonic() + seconds
        while not self._idle:
            if time.monotonic() > end:
                needs = f"{self._room.gpus:g} GPU" if self._room.gpus else f"{self._room.cpus:g} CPU"
                raise ModelError(
                    f"no node of the Ray cluster has taken an actor ({needs} each) for {seconds:g} s; what was "
                    "answered is kept: see `ray status`, bring nodes back, and run the same command again"
                )
            for _ in self._heard():
                pass

    def _asked(self, method: str, rows: list[dict[str, Any]]) -> Any:
        """Ask an actor that is free; where it is lost, another one."""
        while True:
            self._wait_for_one(REPLACED_S)
            actor = self._idle[0]
            ask = getattr(actor.handle, method)
            try:
                kind, said = self._got(ask.remote(rows, {}))
                if kind == MISSING:
                    kind, said = self._got(ask.remote(rows, _contents(said)))
            except _LostError as lost:
                self._idle.popleft()
                self._replace(lost)
            else:
                assert kind == DONE
                return said

    def _drop(self, actors: Sequence[_Actor]) -> None:
        for actor in actors:
            self._ray.kill(actor.handle)
        self._work = {reference: actor for reference, actor in self._work.items() if actor not in actors}


class _LostError(Exception):
    """An actor, or the node that it was on, is no more."""


def _responses(held: Sequence[Request], said: Sequence[Answer]) -> Iterator[Response]:
    """Yield the responses to what was asked, and the reason where one is missing."""
    found = {one.id: one.response() for one in said}
    for request in held:
        yield found.get(request.id) or failed(request, "the model gave no response")


def _contents(paths: Iterable[str]) -> dict[str, bytes]:
    """Read clips that a node does not see. One that is gone by now is empty, and its items fail there."""
    return {path: Path(path).read_bytes() if Path(path).is_file() else b"" for path in paths}
