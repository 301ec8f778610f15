"""One worker: a subprocess that speaks the protocol of docs/worker-protocol.md, and that may do anything else."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.worker_messages import (
    CRASH,
    MAX_LINE,
    PROTOCOL,
    Failed,
    Fatal,
    Hello,
    InputsDiffer,
    Message,
    Next,
    Prompt,
    decode,
    encode,
    printable,
    refusal,
)

READ_SIZE = 1 << 16
TAIL_SIZE = 1 << 14
TAIL_LINES = 20
TICK_S = 0.5
GOODBYE_S = 10.0
TERMINATE_S = 3.0
EXIT_S = 0.5
KEPT_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_SECRET = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(_|$)", re.IGNORECASE)


class WorkerLostError(ModelError):
    """The worker died, hung, or sent what the protocol does not allow. Only a new process can go on.

    >>> WorkerLostError("salmonn", "was killed by SIGKILL", "loading\\nout of memory").brief
    'the worker was killed by SIGKILL (out of memory)'
    """

    def __init__(self, name: str, why: str, tail: str) -> None:
        super().__init__(
            f"{name}: the worker {why}; "
            + (f"the last of its standard error:\n{tail}" if tail else "no error shown")
        )
        last = tail.rpartition("\n")[2].strip()
        self.brief = f"the worker {why}" + (f" ({last})" if last else "")


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a worker gets: all but those whose name says that they are secret.

    The tokens of the Hugging Face hub stay, because gated weights need them.

    >>> worker_environment({"OPENAI_API_KEY": "sk", "HF_TOKEN": "hf", "TOKENIZERS_PARALLELISM": "0"})
    {'HF_TOKEN': 'hf', 'TOKENIZERS_PARALLELISM': '0'}
    """
    return {
        name: value
        for name, value in environment.items()
        # PYTHONHOME is where this interpreter's library lies: another's does not work with it.
        if (name in KEPT_SECRETS or not _SECRET.search(name)) and name != "PYTHONHOME"
    }


class WorkerProcess:
    """A worker's process, started again where it is lost. Used by one thread at a time, `cut` excepted.

    Attributes:
        name: what messages call it.
        hello: what it said of itself, the last time it was started.
        asked: how many requests it waits for; 0 while it is busy.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        arguments: Mapping[str, Any],
        *,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        start_timeout: float,
        item_timeout: float,
    ) -> None:
        self.name = name
        self.hello: Hello | None = None
        self.asked = 0
        self._command = list(command)
        self._arguments = dict(arguments)
        self._environment = dict(environment)
        self._cwd = cwd
        self._start_timeout = start_timeout
        self._item_timeout = item_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._tail = bytearray()
        self._listener: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether there is a process to talk to."""
        return self._process is not None

    def start(self) -> Hello:
        """Start it and wait for its hello.

        Raises:
            WorkerLostError: it died or said nothing.
            UsageError: it cannot be started at all, or refuses its arguments.
            SpeechIFEvalError: what the worker says is wrong.
        """
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=self._environment,
                cwd=self._cwd,
                # A group of its own: Ctrl-C does not reach it, and all it starts ends with it.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.name}: {self._command[0]} cannot be started ({error}); check it") from None
        self._process = process
        self._buffer.clear()
        self._searched = 0
        self._tail = bytearray()
        self.asked = 0
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        self._listener = threading.Thread(target=_keep_tail, args=(process, self._tail), daemon=True)
        self._listener.start()
        self._write(encode({"type": "hello", "protocol": PROTOCOL, "arguments": self._arguments}))
        message = self._read(self._start_timeout, "its hello")
        if not isinstance(message, Hello):
            raise self.lost("said something before its hello")
        if message.protocol != PROTOCOL:
            raise self.lost(f"expected protocol {PROTOCOL}, found {message.protocol}")
        self.hello = message
        return message

    def give(self, requests: Sequence[Mapping[str, Any]], *, last: bool) -> None:
        """Answer the worker's `next`."""
        self.asked = 0
        self._write(encode({"type": "requests", "last": last, "requests": requests}))

    def receive(self) -> Message:
        """Return what it sends next; a `next` is noted in `asked`.

        Raises:
            WorkerLostError: it died, was silent for too long, or sent what is no message or is out of place.
            SpeechIFEvalError: it says that it cannot go on.
        """
        message = self._read(self._item_timeout, "an answer")
        if isinstance(message, Next):
            if self.asked:
                raise self.lost("asked for requests twice")
            self.asked = message.count
        return message

    def ask(self, question: Mapping[str, Any]) -> Prompt | InputsDiffer:
        """Ask what is no request, while the worker waits for requests.

        Raises:
            WorkerLostError: as `receive`.
            SpeechIFEvalError: the worker has no answer to it.
        """
        if not self.running:
            self.start()
        while not self.asked:
            if not isinstance(self.receive(), Next):
                raise self.lost("sent what it was not asked for")
        self._write(encode(question))
        answer = self.receive()
        if isinstance(answer, Failed):
            raise refusal(self.name, answer.kind, answer.message)
        expected = Prompt if question["type"] == "prompt" else InputsDiffer
        if not isinstance(answer, expected):
            raise self.lost(f"answered the question {question['type']} with something else")
        return answer

    def lost(self, why: str) -> WorkerLostError:
        """End the process and return the error that says why."""
        self.kill()
        if self._listener is not None:
            self._listener.join(TICK_S)
        lines = printable(bytes(self._tail).decode("utf-8", "replace")).splitlines()
        return WorkerLostError(self.name, why, "\n".join(lines[-TAIL_LINES:]).strip())

    def cut(self) -> None:
        """Kill the process group from another thread: whoever waits for the worker finds it dead."""
        process = self._process
        if process is not None:
            self._signal(process, signal.SIGKILL)

    def kill(self) -> None:
        """End the process and all it started, at once."""
        self._end(0.0)

    def close(self) -> None:
        """Say goodbye, and end what does not leave in time."""
        if self._process is not None and self.asked:
            with suppress(WorkerLostError):
                self._write(encode({"type": "bye"}), seconds=1.0)
        self._end(GOODBYE_S if self.asked else 0.0)

    def _end(self, patience: float) -> None:
        process, self._process = self._process, None
        self.asked = 0
        if process is None:
            return
        # The process is not reaped before its group is killed: until then its number cannot be another's.
        if patience and not _over(process, patience):
            self._signal(process, signal.SIGTERM)
            _over(process, TERMINATE_S)
        self._signal(process, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)

    def _read(self, seconds: float, expected: str) -> Message:
        line = self._line(time.monotonic() + seconds, f"said nothing for {seconds:g} s, expected {expected}")
        try:
            message = decode(line)
        except ValueError as error:
            raise self.lost(str(error)) from None
        if isinstance(message, Fatal):
            if message.kind == CRASH:
                raise self.lost(f"gave up ({printable(message.message)})")
            self.kill()
            raise refusal(self.name, message.kind, message.message)
        return message

    def _line(self, deadline: float, too_late: str) -> bytes:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        poll = select.poll()
        poll.register(process.stdout.fileno(), select.POLLIN)
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if len(self._buffer) > MAX_LINE:
                raise self.lost(f"sent a line of more than {MAX_LINE >> 20} MiB")
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.lost(too_late)
            # What it started can hold the pipe open after it died, so its death is looked for too.
            ready = poll.poll(min(left, TICK_S) * 1000)
            if ready:
                read = os.read(process.stdout.fileno(), READ_SIZE)
                if not read:
                    raise self.lost(_how_it_ended(process))
                self._buffer += read
            elif _over(process, 0.0):
                raise self.lost(_how_it_ended(process))

    def _write(self, line: bytes, seconds: float | None = None) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        poll = select.poll()
        poll.register(process.stdin.fileno(), select.POLLOUT)
        deadline = time.monotonic() + (self._item_timeout if seconds is None else seconds)
        left = memoryview(line)
        while left:
            try:
                left = left[os.write(process.stdin.fileno(), left) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self.lost("does not read what it is sent") from None
                poll.poll(TICK_S * 1000)
            except BrokenPipeError:
                # What it said before it died, if anything, is the better reason.
                if self._parting_words(process):
                    return
                raise self.lost(_how_it_ended(process)) from None

    def _parting_words(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.stdout is not None
        poll = select.poll()
        poll.register(process.stdout.fileno(), select.POLLIN)
        return bool(self._buffer) or any(event & select.POLLIN for _, event in poll.poll(TICK_S * 1000))


def _keep_tail(process: subprocess.Popen[bytes], tail: bytearray) -> None:
    assert process.stderr is not None
    with process.stderr as pipe:
        while read := pipe.read(READ_SIZE):
            tail += read
            del tail[:-TAIL_SIZE]


def _over(process: subprocess.Popen[bytes], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)


def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
    if not _over(process, EXIT_S):
        return "closed its standard output"
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    assert ended is not None
    if ended.si_code == os.CLD_EXITED:
        return f"ended with exit code {ended.si_status}"
    number = ended.si_status
    known = number in set(signal.Signals)
    return f"was killed by {signal.Signals(number).name if known else f'signal {number}'}"
