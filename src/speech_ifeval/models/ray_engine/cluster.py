"""Which Ray cluster, and how many actors it has room for."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO, cast

from speech_ifeval.errors import MissingExtraError, ModelError, UsageError

LOCAL, AUTO = "local", "auto"
_CONNECT_S = 5.0
_HEALTH_S = 20.0
_LISTENER = "ray_listen_error_messages"
# The store holds replies and clips on their way; models lie in the actors.
_STORE_BYTES = 200 << 20


@dataclass(frozen=True)
class RayCluster:
    """Where models run: as actors on a Ray cluster.

    Attributes:
        address: ``HOST:PORT`` of its head, ``auto`` for the one that this machine belongs to, ``local`` for one
            that is started here and ends with this process. None takes the variable RAY_ADDRESS, else ``local``.
        actors: so many; None takes one for each GPU, and without GPUs one for each CPU but the last.

    Raises:
        UsageError: no such number, or an address of another form.

    >>> RayCluster("node-1:6379").actors is None
    True
    >>> RayCluster("ray://node-1:10001")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: --ray-address takes HOST:PORT, auto or local, found 'ray://node-1:10001'; \
Ray's client is not spoken here: run the command on a machine of the cluster
    """

    address: str | None = None
    actors: int | None = None

    def __post_init__(self) -> None:
        if self.actors is not None and self.actors < 1:
            raise UsageError(f"--ray-actors takes a whole number from 1, found {self.actors}")
        if self.address not in (None, LOCAL, AUTO):
            _split(self.address or "")

    @property
    def where(self) -> str:
        """The address that counts."""
        return self.address or os.environ.get("RAY_ADDRESS") or LOCAL


@dataclass(frozen=True)
class Room:
    """So many actors, and what each of them takes of its node."""

    actors: int
    cpus: float
    gpus: float


def room_for(resources: Mapping[str, float], wanted: int | None = None, *, shrunk: bool = False) -> Room:
    """Return how many actors a cluster takes: one a GPU, else one a CPU. The last CPU is never taken.

    Args:
        resources: what the cluster has, by Ray's names.
        wanted: at most so many.
        shrunk: whether nodes have died, so that less room than is wanted is nobody's mistake.

    Raises:
        UsageError: more are wanted than there is room for.

    >>> room_for({"CPU": 64.0, "GPU": 8.0})
    Room(actors=8, cpus=0, gpus=1)
    >>> room_for({"CPU": 16.0}), room_for({"CPU": 1.0})
    (Room(actors=15, cpus=1, gpus=0), Room(actors=1, cpus=0, gpus=0))
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if gpus:
        most = Room(gpus, 0, 1)  # a node with more GPUs than CPUs holds as many actors as GPUs
    elif cpus > 1:
        most = Room(cpus - 1, 1, 0)
    else:
        most = Room(1, 0, 0)
    if wanted is None or (shrunk and wanted > most.actors):
        return most
    if wanted > most.actors:
        raise UsageError(
            f"--ray-actors {wanted}: the cluster has room for {most.actors} ({gpus} GPUs, {cpus} CPUs, of which "
            "one stays free); ask for fewer, or add nodes"
        )
    return Room(wanted, most.cpus, most.gpus)


def connect(cluster: RayCluster) -> Any:
    """Connect to the cluster, or start it here, and return the package ``ray``.

    A connection that this process has already is kept: it is the user's own, or an earlier model's.

    Raises:
        MissingExtraError: Ray is not installed.
        ModelError: nobody answers at the address, in at most half a minute.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that somebody evaluates
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # else the end of the process prints what its thread held back
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as it will be; without it, a warning
    try:
        import pyarrow  # noqa: F401 - what Ray Data needs and Ray alone does not bring
        import ray
    except ImportError:
        raise MissingExtraError("ray", "ray[data]", "--engine ray") from None
    if ray.is_initialized():
        return ray
    where = cluster.where
    if where not in (LOCAL, AUTO):
        _look_for(where)
    local: dict[str, Any] = (
        {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if where == LOCAL else {}
    )
    with _signals_kept():
        try:
            ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise ModelError(_nobody(where, str(error).strip().splitlines()[0])) from None
    sys.stdout = cast(TextIO, _WithoutRay(sys.stdout))  # as long as the connection lasts, which is until the end
    return ray


def _look_for(address: str) -> None:
    """Make sure that a cluster answers: Ray itself would wait for it for minutes."""
    try:
        socket.create_connection(_split(address), timeout=_CONNECT_S).close()
    except OSError as error:
        raise ModelError(_nobody(address, str(error))) from None
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        found = subprocess.run(command, capture_output=True, timeout=_HEALTH_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(_nobody(address, f"no answer of Ray's in {_HEALTH_S:g} s")) from None
    if b"AuthenticationError" in found.stdout + found.stderr:
        raise ModelError(
            f"the Ray cluster at {address} wants its token: set RAY_AUTH_MODE=token, and have the token in "
            "~/.ray/auth_token or in the variable RAY_AUTH_TOKEN"
        )
    if found.returncode:
        raise ModelError(_nobody(address, "what answers is no healthy head of a cluster"))


def _nobody(address: str, why: str) -> str:
    return (
        f"expected a Ray cluster at {address}, found none ({why}); start one with `ray start --head --port 6379`, "
        "correct --ray-address, or leave it out for one on this machine"
    )


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(
            f"--ray-address takes HOST:PORT, auto or local, found {address!r}; Ray's client is not spoken here: "
            "run the command on a machine of the cluster"
        )
    return host.strip("[]"), int(port)


class _WithoutRay:
    """Standard output without what a thread of Ray's prints there, pages about each death."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name == _LISTENER else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and a scheduler's SIGTERM would end the run with nothing said."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
