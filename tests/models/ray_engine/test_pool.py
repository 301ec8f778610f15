"""Real Ray clusters on this machine: the same run as in one process, whatever dies on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import ModelError
from speech_ifeval.models import Request
from speech_ifeval.models.ray_engine import pool
from speech_ifeval.models.ray_engine.actor import ANSWER, ask, load, with_clips
from speech_ifeval.models.ray_engine.cluster import Room
from speech_ifeval.models.ray_engine.dataset import Ended, Reader
from speech_ifeval.models.ray_engine.pool import RayPool
from speech_ifeval.models.worker_messages import wire
from tests.command_line import invoke
from tests.models.ray_engine import dying

SAMPLE = "45"
RUN = ("run", "--model", "lab:self-aligned", "--sample", SAMPLE, "--batch-size", "2")
DYING = {"spec": f"py:{dying.__file__}:answer", "arguments": {"hears": False}, "benchmark": None}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert invoke(*RUN, "--output-dir", folder).code == 0
    return folder


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "speech_ifeval",
        *RUN,
        "--output-dir",
        str(folder),
        "--engine",
        "ray",
        *options,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not path.is_file() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def same_as(alone: Path, folder: Path) -> None:
    names = ["verdicts.official.heuristic-1.jsonl", "judgements.heuristic-1.jsonl", "summary.json"]
    for name in names:
        assert (folder / name).read_bytes() == (alone / name).read_bytes(), name
    texts = [sorted((run / "responses.jsonl").read_text("utf-8").splitlines()) for run in (folder, alone)]
    assert len(texts[0]) == len(texts[1])  # each written once


@pytest.mark.slow
def test_two_nodes_of_which_one_is_killed_are_one_process(alone: Path, nodes: Any, tmp_path: Path) -> None:
    process = started(tmp_path / "run", "--ray-address", nodes.address, "--ray-actors", "2")
    wait_for_lines(tmp_path / "run" / "responses.jsonl", 6, process)
    nodes.remove_node(nodes.list_all_nodes()[1], allow_graceful=False)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    same_as(alone, tmp_path / "run")


@pytest.mark.slow
def test_a_run_that_a_scheduler_stops_goes_on_without_the_cluster(alone: Path, nodes: Any, tmp_path: Path) -> None:
    process = started(tmp_path / "run", "--ray-address", nodes.address)
    wait_for_lines(tmp_path / "run" / "responses.jsonl", 2, process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 75, said
    assert "the same command goes on from there" in said
    assert invoke(*RUN, "--output-dir", tmp_path / "run").code == 0
    same_as(alone, tmp_path / "run")


@pytest.fixture(scope="module")
def ray_here() -> Iterator[Any]:
    import ray

    from speech_ifeval.models.ray_engine.cluster import RayCluster, connect

    yield connect(RayCluster("local"))
    ray.shutdown()


def asked(texts: list[str]) -> list[Request]:
    return [Request(f"item/{place}", text) for place, text in enumerate(texts)]


@pytest.mark.slow
def test_a_request_that_kills_its_actor_takes_no_other_with_it(ray_here: Any) -> None:
    with RayPool(ray_here, Room(1, 1, 0), DYING, 4) as model:
        texts = ["one", "two", "die", "three", "four", "five"]
        found = list(model.answer(iter(asked(texts))))
    assert len(found) == len(texts)
    by_id = {response.id: response for response in found}
    expected = [None if text == "die" else text.upper() for text in texts]
    assert [by_id[f"item/{place}"].text for place in range(len(texts))] == expected
    assert "actor was lost, twice" in (by_id["item/2"].error or "")


@pytest.mark.slow
def test_where_no_node_has_room_it_says_what_to_do(ray_here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "START_S", 1.0)
    with pytest.raises(
        ModelError, match=r"no node of the Ray cluster has taken an actor \(640 CPU each\) for 1 s"
    ):
        RayPool(ray_here, Room(1, 640, 0), DYING, 1)


@pytest.mark.slow
def test_a_data_set_that_ends_is_begun_again_with_what_is_owed(ray_here: Any) -> None:
    texts = [f"text {number}" for number in range(40)]
    with RayPool(ray_here, Room(1, 0, 0), DYING, 1) as model:
        answers = model.answer(iter(asked(texts)))
        first = next(answers)
        model._ray.kill(model._reader._runner)
        found = [first, *answers]
        assert sorted((one.id, one.text) for one in found) == sorted(
            (one.id, one.instruction.upper()) for one in asked(texts)
        )


@pytest.mark.slow
def test_data_sets_that_end_one_after_the_other_are_given_up(
    ray_here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ending(Reader):
        def take(self, seconds: float) -> Ended:
            return Ended("its node burns")

    monkeypatch.setattr(pool, "Reader", Ending)
    with pytest.raises(ModelError, match=r"Ray Data has ended 3 times .* with: its node burns; every node needs"):
        RayPool(ray_here, Room(1, 0, 0), DYING, 1)


@pytest.mark.slow
def test_a_cluster_that_breaks_here_is_said(ray_here: Any) -> None:
    with RayPool(ray_here, Room(1, 0, 0), DYING, 1) as model:
        answers = model.answer(iter(asked(["one", "two", "three", "four"])))
        next(answers)
        ray_here.kill(model._feed)
        with pytest.raises(ModelError, match="Ray has lost what it ran beside this command"):
            list(answers)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4])
def test_every_actor_gets_its_share(ray_here: Any, size: int) -> None:
    hosted = {**DYING, "spec": f"py:{dying.__file__}:who"}
    with RayPool(ray_here, Room(2, 0.5, 0), hosted, size) as model:
        texts = [response.text for response in model.answer(iter(asked(["who?"] * 20 * size)))]
    counts = Counter(texts)
    assert len(counts) == 2
    assert min(counts.values()) >= 6 * size


@pytest.mark.slow
def test_prompts_are_asked_for_many_at_a_time_also_while_answers_come(ray_here: Any) -> None:
    requests = asked([f"text {number}" for number in range(600)])
    with RayPool(ray_here, Room(2, 0.5, 0), DYING, 4) as model:
        answers = model.answer(iter(requests))
        first = next(answers)
        prompts = model.prompts(requests)
        assert prompts == [model.prompt(one) for one in requests[:2]] + prompts[2:]
        assert ["text 599" in prompts[-1], "text 599" in prompts[0]] == [True, False]
        assert {first.id, *(one.id for one in answers)} == {one.id for one in requests}


@pytest.mark.slow
def test_an_adapters_own_message_comes_through(ray_here: Any, tmp_path: Path) -> None:
    hosted = {"spec": f"hf:{tmp_path / 'nowhere'}", "arguments": {"device": "cpu"}, "benchmark": None}
    with pytest.raises(ModelError, match="expected the folder of a checkpoint, found none"):
        RayPool(ray_here, Room(1, 1, 0), hosted, 1)


@pytest.mark.slow
def test_a_node_that_does_not_see_the_clips_gets_them(tmp_path: Path) -> None:
    bundled = load_benchmark("bundled")
    item = bundled.items[0]
    clip = next(bundled.root.rglob(Path(item.clip).name))
    host, hello = load({"spec": "lab:self-aligned", "arguments": {"device": "cpu"}, "benchmark": "/nowhere"})
    assert hello["hears"] is True
    here, elsewhere = (
        wire(Request(item.id, item.instruction, audio=path)) for path in (clip, tmp_path / "else" / clip.name)
    )
    sent = with_clips([elsewhere], {elsewhere["audio"]: clip.read_bytes()}, tmp_path)
    assert not Path(elsewhere["audio"]).exists()
    replies = [[{**row, "seconds": 0} for row in ask(host, ANSWER, rows)] for rows in ([here], sent)]
    assert replies[0] == replies[1]
    assert replies[0][0]["text"]
