"""Servers as processes: started side by side, watched, and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from speech_ifeval.errors import ModelError
from speech_ifeval.models.serving import PlannedServer

GRACE_SECONDS = 15.0  # between asking servers to end and ending them
_LOOK_SECONDS = 0.1
_STANDARD_ERROR = 2


def environment_of(server: PlannedServer) -> dict[str, str]:
    """Return this process's environment with the GPUs that a server is to see."""
    return {**os.environ, **({} if server.device is None else {"CUDA_VISIBLE_DEVICES": server.device})}


def run_servers(
    servers: Sequence[PlannedServer], say: Callable[[str], None], *, grace: float = GRACE_SECONDS
) -> None:
    """Run servers until the last has ended, or this process is asked to end; then none is left.

    Each is the head of a process group of its own, with which its own children end too. One that ends is told, and
    the others go on: who calls them does without it.

    Args:
        servers: what to run.
        say: gets a line when one ends.
        grace: seconds that they have to end by themselves.

    Raises:
        ModelError: all have ended, or one cannot be started.
        KeyboardInterrupt: somebody asked for the end, by Ctrl-C or by closing the terminal.
    """
    running: dict[PlannedServer, subprocess.Popen[bytes]] = {}
    with _ended_by_hangup():
        try:
            for server in servers:
                running[server] = _started(server)
            _watch(dict(running), say)
        finally:
            _end(list(running.values()), grace)
    raise ModelError(f"no server is left of {len(servers)}; what each wrote says why")


def _started(server: PlannedServer) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            server.command,
            env=environment_of(server),
            stdin=subprocess.DEVNULL,
            stdout=_STANDARD_ERROR,  # standard output has the command that evaluates, and nothing else
            start_new_session=True,
        )
    except OSError as error:
        raise ModelError(
            f"{server.command[0]} cannot be started ({error.strerror}); check its installation"
        ) from None


def _watch(running: Mapping[PlannedServer, subprocess.Popen[bytes]], say: Callable[[str], None]) -> None:
    left = dict(running)
    while left:
        time.sleep(_LOOK_SECONDS)
        for server, process in [*left.items()]:
            code = process.poll()
            if code is not None:
                del left[server]
                _tell(
                    [process], signal.SIGKILL
                )  # a server that was killed leaves its engine, and that the GPU full
                how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
                say(f"the server at {server.url} has ended {how}; {len(left)} of {len(running)} left")


def _end(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    try:
        _tell(processes, signal.SIGTERM)
        deadline = time.monotonic() + grace
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    finally:  # a second Ctrl-C does not wait; and children that a server has left behind end here
        _tell(processes, signal.SIGKILL)
        for process in processes:
            process.wait()


def _tell(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


@contextmanager
def _ended_by_hangup() -> Iterator[None]:
    """Take the closing of the terminal for Ctrl-C, unless the process was told to survive it (nohup)."""
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
