"""Workers that answer one stream of requests together: whichever is free takes the next."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Any, cast

from speech_ifeval.errors import MismatchError, ModelError
from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.worker_messages import Answer, Hello, InputsDiffer, Next, Prompt, printable, wire
from speech_ifeval.models.worker_process import WorkerLostError, WorkerProcess
from speech_ifeval.records import Response

IDLE_DEATHS_IN_A_ROW = 5
REQUESTS_LOST_IN_A_ROW = 20
STREAM = "stream"
STOP_TICK_S = 0.05
ID_SHOWN = 80
ALIKE = ("name", "hears", "audio_limit", "remote_host", "capabilities")


class WorkerPool(Model):
    """One model in several processes, started here. Their responses come through one iterator.

    A process that is lost is started again, and what it held is asked once more, one request at a time, so that
    one that kills it takes no other with it; one that is lost twice is answered with the reason. A process that
    dies again and again before it holds anything, or that loses many requests without a response between, stops
    the stream with a ModelError.

    Raises:
        WorkerLostError: a process died before it said hello.
        MismatchError: the processes' settings are not the same; names the key.
        SpeechIFEvalError: what a worker says is wrong.
    """

    def __init__(self, workers: Sequence[WorkerProcess]) -> None:
        self._workers = list(workers)
        self._stream: _Stream | None = None
        hellos = _started(self._workers)
        first = self._hello = hellos[0]
        try:
            for worker, hello in zip(self._workers, hellos, strict=True):
                agree(worker.name, first, hello)
        except MismatchError:
            self.close()
            raise
        self.name = printable(first.name)
        self.hears = first.hears
        self.audio_limit = first.audio_limit
        self.remote_host = first.remote_host
        self.settings = first.settings
        self.recorded = first.recorded

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        stream = self._stream = _Stream(self._workers, requests, self._hello)
        try:
            yield from stream.responses()
        finally:
            stream.stop()
            self._stream = None

    def prompt(self, request: Request) -> str:
        if "prompt" not in self._hello.capabilities:
            return super().prompt(request)
        return cast(Prompt, self._ask({"type": "prompt", "request": wire(request)})).prompt

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        if "inputs_differ" not in self._hello.capabilities:
            return None
        question = {"type": "inputs_differ", "first": wire(first), "second": wire(second)}
        return cast(InputsDiffer, self._ask(question)).differ

    def close(self) -> None:
        if self._workers:
            with ThreadPoolExecutor(len(self._workers)) as pool:
                list(pool.map(WorkerProcess.close, self._workers))

    def _ask(self, question: Mapping[str, Any]) -> Prompt | InputsDiffer:
        worker = self._workers[0] if self._stream is None else self._stream.free_worker()
        return worker.ask(question)


_News = Response | int | Future[None]
_Tell = Callable[["_Driver", _News], None]


class _Stream:
    """One call of `answer`. The requests are read, and the responses given out, in the caller's thread alone."""

    def __init__(self, workers: Sequence[WorkerProcess], requests: Iterable[Request], expected: Hello) -> None:
        self._source = iter(requests)
        self._heard: queue.SimpleQueue[tuple[_Driver, _News]] = queue.SimpleQueue()
        self._ready: deque[Response] = deque()
        self._wanting: deque[tuple[_Driver, int]] = deque()
        self._served: _Driver | None = None
        self._idle: list[_Driver] = []
        self._error: BaseException | None = None
        self._threads = ThreadPoolExecutor(len(workers))
        self._live: dict[_Driver, Future[None]] = {}
        for worker in workers:
            driver = _Driver(worker, self._tell, expected)
            self._live[driver] = self._threads.submit(driver.run)
        for driver, future in list(self._live.items()):
            future.add_done_callback(partial(self._tell, driver))

    def responses(self) -> Iterator[Response]:
        while True:
            if self._wanting and self._error is None:
                # A free worker comes first: what is ready can wait without holding anything up.
                self._serve()
            elif self._ready:
                yield self._ready.popleft()
            elif self._error is not None:
                raise self._error
            elif self._live:
                self._hear()
            else:
                return

    def free_worker(self) -> WorkerProcess:
        """Return a worker that waits for requests, or for nothing, so that it can be asked something else."""
        while True:
            if self._error is not None:
                raise self._error
            if self._served is not None:
                return self._served.worker
            if self._wanting:
                return self._wanting[0][0].worker
            if self._idle:
                return self._idle[0].worker
            self._hear()

    def stop(self) -> None:
        """Let the threads end. Those still at work have nobody to work for: their processes are killed."""
        for driver in self._live:
            driver.stopping = True
            driver.inbox.put([])
        while wait(self._live.values(), timeout=STOP_TICK_S).not_done:
            for driver, future in self._live.items():
                if not future.done():
                    driver.worker.cut()
        self._threads.shutdown(wait=True)

    def _serve(self) -> None:
        driver, count = self._wanting.popleft()
        self._served = driver
        batch = list(islice(self._source, count))
        self._served = None
        driver.inbox.put(batch)

    def _tell(self, driver: _Driver, news: _News) -> None:
        self._heard.put((driver, news))

    def _hear(self) -> None:
        driver, news = self._heard.get()
        if isinstance(news, Response):
            self._ready.append(news)
        elif isinstance(news, int):
            self._wanting.append((driver, news))
        else:
            del self._live[driver]
            self._idle.append(driver)
            self._error = self._error or news.exception()


class _Driver:
    """What one thread does with one worker, for one stream."""

    def __init__(self, worker: WorkerProcess, tell: _Tell, expected: Hello) -> None:
        self.worker = worker
        self.inbox: queue.SimpleQueue[list[Request]] = queue.SimpleQueue()
        self.stopping = False
        self._tell = tell
        self._expected = expected
        self._held: dict[str, Request] = {}
        self._again: deque[Request] = deque()
        self._tried: set[str] = set()
        self._ended = False
        self._told_last = False
        self._idle_deaths = 0
        self._lost = 0

    def run(self) -> None:
        over = False
        while not over:
            try:
                over = self._step()
            except WorkerLostError as lost:
                over = self._recover(lost)

    def _step(self) -> bool:
        worker = self.worker
        if not worker.running:
            agree(worker.name, self._expected, worker.start())
        if not worker.asked:
            message = worker.receive()
            if isinstance(message, Answer):
                self._answered(message)
                return self._over()
            if not isinstance(message, Next):
                raise worker.lost("sent what it was not asked for")
            if self._held and (self._told_last or STREAM not in self._expected.capabilities):
                raise worker.lost("asked for more before it had answered what it holds")
            self._told_last = False
        return self._give()

    def _give(self) -> bool:
        if self._again or self._ended:
            if self._held:
                self._told_last = True
                self.worker.give([], last=True)
                return False
            if not self._again:
                return True
            self._told_last = True
            self._hold([self._again.popleft()], last=True)
            return False
        self._tell(self, self.worker.asked)
        batch = self.inbox.get()
        if self.stopping:
            return True
        if not batch:
            self._ended = True
            return self._give()
        self._hold(batch, last=False)
        return False

    def _hold(self, batch: Sequence[Request], *, last: bool) -> None:
        # Two requests of one id could not be told apart, so the second waits until the first is answered.
        twice = [
            request for at, request in enumerate(batch) if request.id in self._held or _seen(batch[:at], request)
        ]
        given = [request for request in batch if not any(request is one for one in twice)]
        self._again.extend(twice)
        self._held.update((request.id, request) for request in given)
        self.worker.give([wire(request) for request in given], last=last)

    def _answered(self, answer: Answer) -> None:
        if answer.id not in self._held:
            raise self.worker.lost(f"answered {printable(answer.id[:ID_SHOWN])!r}, which it does not hold")
        del self._held[answer.id]
        self._idle_deaths = self._lost = 0
        self._tell(self, answer.response())

    def _recover(self, lost: WorkerLostError) -> bool:
        # Who dies over a request may do so because of it: the longest clips, which come first, are hard on memory.
        self._idle_deaths = 0 if self._held else self._idle_deaths + 1
        for request in self._held.values():
            if request.id in self._tried:
                self._lost += 1
                self._tell(self, failed(request, lost.brief))
            else:
                self._tried.add(request.id)
                self._again.append(request)
        self._held.clear()
        self._told_last = False
        if not self.stopping:
            self._give_up_at_last(lost)
        return self.stopping or self._over()

    def _give_up_at_last(self, lost: WorkerLostError) -> None:
        if self._idle_deaths >= IDLE_DEATHS_IN_A_ROW:
            raise ModelError(
                f"{lost}\nThis is the {IDLE_DEATHS_IN_A_ROW}th time in a row before anything was asked of it"
            )
        if self._lost >= REQUESTS_LOST_IN_A_ROW:
            raise ModelError(f"{lost}\nThis cost {self._lost} requests in a row, without a response between")

    def _over(self) -> bool:
        return self._ended and not self._held and not self._again


def _seen(batch: Sequence[Request], request: Request) -> bool:
    return any(one.id == request.id for one in batch)


def _started(workers: Sequence[WorkerProcess]) -> list[Hello]:
    with ThreadPoolExecutor(len(workers)) as threads:
        starts = [threads.submit(worker.start) for worker in workers]
        try:
            for start in wait(starts, return_when=FIRST_EXCEPTION).done:
                start.result()
            return [start.result() for start in starts]
        except BaseException:
            while wait(starts, timeout=STOP_TICK_S).not_done:
                for worker in workers:
                    worker.cut()
            for worker in workers:
                worker.kill()
            raise


def agree(name: str, expected: Hello, found: Hello) -> None:
    """Make sure that two processes hold the same model.

    Raises:
        MismatchError: names what differs.
    """
    one = {**expected.settings, **{key: getattr(expected, key) for key in ALIKE}}
    other = {**found.settings, **{key: getattr(found, key) for key in ALIKE}}
    missing = object()
    for key in sorted({*one, *other}):
        if one.get(key, missing) != other.get(key, missing):
            raise MismatchError(
                f"{name}: expected every process of a model to have the same settings, found {printable(key)} "
                f"{one.get(key)!r} and {other.get(key)!r}; use one version of the weights and the code"
            )
