"""The page's server: only who has the address may label, and only from this machine's own page."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.annotation.serving import Serving, serving
from speech_ifeval.annotation.session import session
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import OutputError
from tests.annotation.conftest import HOSTILE, sampled, write_run
from tests.spoken import write_tone

JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    server: Serving
    run: Path

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, content, sent)
        answer = connection.getresponse()
        found = Answer(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()
        return found

    def get(self, path: str = "", **headers: str) -> Answer:
        return self.ask("GET", f"/{self.server.token}/{path}", **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask(
            "POST", f"/{self.server.token}/{path}", body, **({"Content_Type": JSON["Content-Type"]} | headers)
        )

    @property
    def labels(self) -> list[Any]:
        lines = (self.run / "judgements.annotator-mia.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@contextmanager
def served(run: Path, **options: Any) -> Iterator[Client]:
    with session(run, "mia", sampled(run, **options)) as work, serving(work) as server:
        yield Client(server, run)


@pytest.fixture
def client(run_folder: Path) -> Iterator[Client]:
    with served(run_folder, sample=6) as found:
        yield found


def test_the_page_shows_neither_model_nor_item_nor_judge(client: Client) -> None:
    seen = client.get().body + client.get("state").body
    for hidden in (b"secret-model", b"closed-ended", b"chain-of-thought", str(client.run).encode()):
        assert hidden not in seen
    assert set(client.get("state").document["task"]) == {"use", "question", "reply", "label", "clip"}


def test_a_sample_is_labelled_to_its_end(client: Client) -> None:
    for _ in range(6):
        state = client.get("state").document
        if state["task"]["use"] == "transcript":
            done = client.post("transcript", {"number": state["number"], "text": state["task"]["reply"]})
        else:
            done = client.post("label", {"number": state["number"], "answer": "yes"})
        assert done.status == 200
    assert done.document["task"] is None
    assert done.document["labelled"] == 6
    assert len(client.labels) == 6
    assert client.post("undo", {}).document["labelled"] == 5
    assert len(client.labels) == 5


def test_a_second_press_of_the_same_key_labels_once(client: Client) -> None:
    assert client.post("label", {"number": 0, "answer": "yes"}).status == 200
    late = client.post("label", {"number": 0, "answer": "yes"})
    assert (late.status, late.document["number"]) == (409, 1)
    assert len(client.labels) == 1


def test_an_unknown_answer_is_said_and_not_kept(client: Client) -> None:
    refused = client.post("label", {"number": 0, "answer": "perhaps"})
    assert (refused.status, refused.document["problem"][:24]) == (400, "expected yes, no or uncl")
    assert client.labels == []


def test_a_full_disk_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, record: object) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr("speech_ifeval.runs.Appender.write", full)
    answer = client.post("label", {"number": 0, "answer": "yes"})
    assert (answer.status, answer.document) == (500, {"problem": "no space left"})
    assert client.get("state").document["labelled"] == 0


@pytest.mark.parametrize("path", ["/", "/state", "/wrong/", "/wrong/state", "//", "/../", "/%2e%2e/"])
def test_without_the_token_there_is_nothing(client: Client, path: str) -> None:
    assert client.ask("GET", path).status == 404
    assert client.ask("POST", path, {}, Content_Type="application/json").status == 404


def test_the_token_alone_or_a_part_of_it_is_not_enough(client: Client) -> None:
    assert client.ask("GET", f"/{client.server.token}").status == 404
    assert client.ask("GET", f"/{client.server.token[:-1]}/").status == 404
    assert len(client.server.token) >= 32


@pytest.mark.parametrize(
    "host", ["attacker.example", "attacker.example:80", "127.0.0.1.attacker.example", "", "[::1]"]
)
def test_a_host_of_another_name_is_refused(client: Client, host: str) -> None:
    assert client.get("state", Host=host).status == 421
    assert client.post("label", {"number": 0, "answer": "yes"}, Host=host).status == 421
    assert client.labels == []


def test_a_tunnel_from_another_port_is_let_in(client: Client) -> None:
    assert client.get("state", Host="localhost:9999").status == 200
    own = client.post("skip", {"number": 0}, Host="localhost:9999", Origin="http://localhost:9999")
    assert own.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(client: Client, headers: dict[str, str]) -> None:
    answer = client.post("label", {"number": 0, "answer": "yes"}, **headers)
    assert answer.status == 403
    assert client.labels == []
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content_Type": "text/plain"}, b'{"number":0,"answer":"yes"}', 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, b"number=0", 415),
        ({"Content_Length": "-1"}, b"{}", 411),
        ({"Content_Length": str(1 << 30)}, b"{}", 413),
        ({}, b"{", 400),
        ({}, b"\xff\xfe", 400),
        ({}, b'{"number":"x"}', 400),
        ({}, b"[" * 100_000, 400),
    ],
)
def test_a_body_that_is_not_the_pages_is_refused(
    client: Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    assert client.post("label", body, **headers).status == status
    assert client.labels == []
    assert client.get("state").status == 200


def test_everything_is_sent_with_a_policy_that_lets_nothing_in(client: Client) -> None:
    page = client.get()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert page.body.count(f'nonce="{nonce}"'.encode()) == 2
    assert nonce not in client.get().headers["Content-Security-Policy"]  # another one each time
    for answer in (page, client.get("state"), client.get("nothing"), client.ask("GET", "/")):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_is_whole_and_loads_nothing(client: Client) -> None:
    page = client.get().body.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert " src=" not in page
    assert "innerHTML" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_hostile_reply_is_only_ever_json(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replies={"chain-of-thought/0000": HOSTILE})
    with served(run, sample=10_000, uses=("reasoning",)) as client:
        seen = []
        while (state := client.get("state")).document["task"] is not None:
            assert state.headers["Content-Type"] == "application/json"
            seen.append(state.document["task"]["reply"])
            client.post("label", {"number": state.document["number"], "answer": "no"})
        assert HOSTILE in seen
        assert b"stolen" not in client.get().body


def test_the_clip_of_the_task_shown_is_sent_and_no_other(run_folder: Path, tmp_path: Path) -> None:
    for task in sampled(run_folder, 4):
        write_tone(tmp_path / "clips" / load_benchmark("example").item(task.item).clip, 440)
    with served(run_folder, sample=4, audio_dir=tmp_path / "clips") as client:
        first = client.get("clip/0")
        assert (first.status, first.body[:4]) == (200, b"fLaC")
        assert first.headers["Content-Type"].startswith("audio/")
        for other in ("clip/1", "clip/-1", "clip/", "clip/../../etc/passwd", "clip/0/../0"):
            assert client.get(other).status == 404


@pytest.mark.parametrize(
    ("wanted", "status", "slice_"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=10-99999999", 206, slice(10, None)),
        ("bytes=99999999-", 200, slice(None)),
        ("bytes=-5", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("nonsense", 200, slice(None)),
        ("bytes=5-2", 200, slice(None)),
    ],
)
def test_parts_of_a_clip_are_sent_as_players_ask(
    run_folder: Path, tmp_path: Path, wanted: str, status: int, slice_: slice
) -> None:
    (task,) = sampled(run_folder, 1)
    clip = write_tone(tmp_path / "clips" / load_benchmark("example").item(task.item).clip, 440)
    with served(run_folder, sample=1, audio_dir=tmp_path / "clips") as client:
        answer = client.get("clip/0", Range=wanted)
    assert (answer.status, answer.body) == (status, clip.read_bytes()[slice_])
    assert (answer.headers.get("Content-Range") is not None) == (status == 206)


def test_a_clip_that_went_away_is_not_found(run_folder: Path) -> None:
    with served(run_folder, sample=2) as client:
        assert client.get("clip/0").status == 404


def test_stopping_ends_the_server_and_keeps_the_labels(run_folder: Path) -> None:
    with served(run_folder, sample=3) as client:
        client.post("label", {"number": 0, "answer": "yes"})
        assert client.post("stop", {}).document["over"]
        client.server.wait()
        assert len(client.labels) == 1


def test_other_machines_cannot_reach_it(client: Client) -> None:
    assert client.server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_named(run_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            session(run_folder, "mia", sampled(run_folder, 1)) as work,
            pytest.raises(OutputError, match=f"port {port} cannot be listened on"),
            serving(work, port),
        ):
            pass
