"""Which cluster, and how many actors: what is asked for, what there is room for, who answers."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.placing import parse_devices
from speech_ifeval.models.ray_engine import cluster
from speech_ifeval.models.ray_engine.cluster import RayCluster, Room, connect, room_for
from speech_ifeval.models.ray_engine.pool import open_on_ray
from tests.command_line import invoke


@pytest.mark.parametrize(
    ("resources", "wanted", "room"),
    [
        ({"CPU": 16.0}, None, Room(15, 1, 0)),
        ({"CPU": 2.0}, None, Room(1, 1, 0)),
        ({"CPU": 1.0}, None, Room(1, 0, 0)),  # it holds nothing, so that nothing waits for it
        ({}, None, Room(1, 0, 0)),
        ({"CPU": 4.0}, 2, Room(2, 1, 0)),
        ({"CPU": 96.0, "GPU": 8.0}, None, Room(8, 0, 1)),
        ({"CPU": 2.0, "GPU": 8.0}, None, Room(8, 0, 1)),
        ({"CPU": 96.0, "GPU": 8.0}, 3, Room(3, 0, 1)),
    ],
)
def test_there_is_an_actor_a_gpu_and_the_last_cpu_stays_free(
    resources: dict[str, float], wanted: int | None, room: Room
) -> None:
    assert room_for(resources, wanted) == room
    assert room.gpus or room.actors * room.cpus <= max(resources.get("CPU", 0) - 1, 0)


def test_more_actors_than_there_is_room_for_are_refused_unless_nodes_have_died() -> None:
    with pytest.raises(UsageError, match=r"--ray-actors 4: the cluster has room for 3 \(0 GPUs, 4 CPUs"):
        room_for({"CPU": 4.0}, 4)
    assert room_for({"CPU": 4.0}, 4, shrunk=True) == Room(3, 1, 0)
    assert room_for({"CPU": 4.0}, 2, shrunk=True) == Room(2, 1, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": "0", "engine": "ray"}, "exclude each other"),
        ({"devices": None, "engine": "spark"}, "--engine takes ray, found 'spark'"),
        ({"devices": None, "actors": 2}, "go with --engine ray"),
        ({"devices": None, "engine": "ray", "address": "ray://head:10001"}, "takes HOST:PORT, auto or local"),
        ({"devices": None, "engine": "ray", "address": "head"}, "takes HOST:PORT, auto or local"),
        ({"devices": None, "engine": "ray", "actors": 0}, "--ray-actors takes a whole number"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_devices(**options)  # type: ignore[arg-type]


def test_the_address_is_the_option_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert RayCluster().where == "local"
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert (RayCluster().where, RayCluster("auto").where) == ("head:6379", "auto")


@pytest.mark.parametrize(("arguments", "message"), [({}, "takes no device"), ({"device": "cpu"}, "leave one out")])
def test_what_cannot_be_on_a_cluster_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_on_ray("hf:x" if arguments else "replay:x", arguments, RayCluster())


def test_a_cluster_that_is_not_there_is_named_at_once(tmp_path: object) -> None:
    begun = time.monotonic()
    done = invoke(
        *("run", "--model", "lab:backbone", "--engine", "ray", "--ray-address", "127.0.0.1:9"),
        *("--output-dir", f"{tmp_path}/run"),
    )
    assert done.code == 7
    assert "expected a Ray cluster at 127.0.0.1:9, found none" in done.err
    assert "ray start --head" in done.err
    assert time.monotonic() - begun < 30


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None
        assert time.monotonic() < end
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    folder = tempfile.mkdtemp(prefix="ray-")  # a socket's path is short
    head = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"),
            *("--num-cpus=1", "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}"),
        ],
        env={**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_port(port, head)
    yield f"127.0.0.1:{port}"
    # By force: told to end while it still starts, it may not.
    for process in [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    head.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_cluster_that_wants_a_token_says_so(guarded: str) -> None:
    with pytest.raises(ModelError, match=f"at {guarded} wants its token: set RAY_AUTH_MODE=token"):
        connect(RayCluster(guarded))


@pytest.mark.slow
def test_somebody_else_who_answers_is_not_waited_for(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_HEALTH_S", 4.0)
    with pytest.raises(ModelError, match="no answer of Ray's in 4 s"):
        connect(RayCluster(web))
