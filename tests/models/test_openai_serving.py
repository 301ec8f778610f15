"""The official client against a real `transformers serve` with tiny checkpoints, and with faults in between.

One file, so that one server is enough: it takes seconds to start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from speech_ifeval.errors import ModelError
from speech_ifeval.job import evaluate
from speech_ifeval.models import SYSTEM_PROMPT, Generation, Request, Response, open_model
from speech_ifeval.models.adapters.lab import shipped
from speech_ifeval.models.recorded import RESPONSES_FILE as FILE
from speech_ifeval.pipeline.asking import Asking
from tests.integrations.replaying import heard_replies
from tests.models.serving import Answer, Asked, forward, loopback, refusal, transformers_serve
from tests.spoken import spoken_rows, write_spoken

pytestmark = pytest.mark.slow

GENERATION = Generation(max_new_tokens=8)
TIMEOUT = 6


@dataclass(frozen=True)
class Served:
    url: str
    slm: Path
    llm: Path
    whisper: Path


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, tiny_qwen2_audio: Path, tiny_llama: Path, tiny_whisper: Path
) -> Iterator[Served]:
    with transformers_serve(tmp_path_factory.mktemp("server") / "log") as url:
        yield Served(url, tiny_qwen2_audio, tiny_llama, tiny_whisper)


@pytest.fixture(scope="module")
def requests(clips: Callable[[int], list[Path]]) -> list[Request]:
    said = (
        "Transcribe.",
        "Answer in capitals.",
        "Who speaks?",
        "Write two bullet points.",
        "Summarise.",
        "Translate.",
    )
    return [
        Request(str(number), text, audio=clip, transcript=f"words {number}", generation=GENERATION)
        for number, (text, clip) in enumerate(zip(said, clips(len(said)), strict=True))
    ]


def as_text(requests: list[Request]) -> list[Request]:
    return [
        Request(one.id, one.instruction, transcript=one.transcript, generation=one.generation) for one in requests
    ]


def answers(spec: str, requests: list[Request], **arguments: object) -> dict[str, Response]:
    with open_model(spec, arguments) as model:
        return {response.id: response for response in model.answer(requests)}


def texts(found: dict[str, Response]) -> dict[str, str | None]:
    return {id: found[id].text for id in sorted(found)}


@pytest.fixture(scope="module")
def faultless(served: Served, requests: list[Request]) -> dict[str, str | None]:
    return texts(answers(f"openai:{served.slm}", requests, base_url=served.url, concurrency=1))


def test_the_server_gives_what_the_same_checkpoint_gives_in_this_process(
    served: Served, requests: list[Request], faultless: dict[str, str | None]
) -> None:
    assert len(set(faultless.values())) > 1
    assert faultless == texts(answers(f"hf:{served.slm}", requests))
    text_only = as_text(requests)
    served_texts = texts(answers(f"openai:{served.llm}", text_only, base_url=served.url))
    assert served_texts == texts(answers(f"hf:{served.llm}", text_only))
    assert len(set(served_texts.values())) > 1


def test_tokens_reasons_and_names_are_the_servers(served: Served, requests: list[Request]) -> None:
    with open_model(f"openai:{served.slm}", {"base_url": served.url}) as model:
        found = list(model.answer(requests))
        # Up to 5.23 the server of transformers names a revision behind a folder.
        assert model.recorded["served_model"] in ([f"{served.slm}@main"], [str(served.slm)])
        assert model.recorded["fields_left_out"] == ["repetition_penalty"]
        assert model.recorded["calls"] == len(requests)
        assert model.remote_host is None
    for response in found:
        assert response.error is None
        assert response.finish_reason in ("stop", "length")
        assert (response.input_tokens or 0) > 20
        assert 0 < (response.output_tokens or 0) <= GENERATION.max_new_tokens
        assert (response.seconds or 0) > 0


class Between:
    """Stands before the server and errs as planned: `plan` names the fault of a request by its number."""

    def __init__(self, upstream: str, plan: Callable[[int], str | None]) -> None:
        self._upstream = upstream
        self._plan = plan
        self.faults = 0

    def __call__(self, asked: Asked) -> Answer:
        fault = self._plan(asked.number)
        answer = forward(asked, self._upstream) if fault in (None, "malformed", "dropped") else Answer()
        if fault is None or answer.status != HTTPStatus.OK:
            return answer
        self.faults += 1
        half = len(answer.body) // 2
        return {
            "500": refusal(500, "injected"),
            "429": Answer(429, b"", {"Retry-After": "1"}),
            "slow": Answer(delay=10 * TIMEOUT),
            "empty": Answer(body=b'{"id": "x", "object": "chat.completion", "choices": []}'),
            "malformed": Answer(body=answer.body[:half]),
            "dropped": Answer(body=answer.body, cut=half),
        }[fault]


ALL = ("500", "429", "dropped", "malformed", "empty")
PLANS: dict[str, Callable[[int], str | None]] = {
    "500 every third time": lambda number: "500" if number % 3 == 0 else None,
    "429 with Retry-After": lambda number: "429" if number in (2, 5) else None,
    "dropped in the middle of an answer": lambda number: "dropped" if number % 3 == 1 else None,
    "slower than the timeout": lambda number: "slow" if number == 3 else None,
    "malformed JSON": lambda number: "malformed" if number % 3 == 2 else None,
    "no choice": lambda number: "empty" if number % 4 == 0 else None,
    "one after the other": lambda number: None if number % 2 else ALL[number // 2 % len(ALL)],
}


@pytest.mark.parametrize("plan", PLANS)
def test_faults_on_the_way_lose_nothing_and_change_nothing(
    served: Served, requests: list[Request], faultless: dict[str, str | None], plan: str
) -> None:
    between = Between(served.url, PLANS[plan])
    with loopback(between) as proxy:
        found = answers(f"openai:{served.slm}", requests, base_url=proxy.url, concurrency=3, timeout=TIMEOUT)
    assert between.faults > 0
    assert texts(found) == faultless
    assert all(response.error is None for response in found.values())


def test_of_two_ways_to_the_server_one_that_drops_every_answer_loses_nothing(
    served: Served, requests: list[Request], faultless: dict[str, str | None]
) -> None:
    listed = {str(served.slm): str(served.slm)}
    dropping = Between(served.url, lambda _: "dropped")
    with (
        loopback(Between(served.url, lambda _: None), models=listed) as good,
        loopback(dropping, models=listed) as bad,
        open_model(f"openai:{served.slm}", {"base_url": [good.url, bad.url], "concurrency": 4}) as model,
    ):
        found = {response.id: response for response in model.answer(requests)}
        assert model.recorded["answered_by"] == [len(requests), 0]
    assert 0 < dropping.faults < len(requests)
    assert texts(found) == faultless


@pytest.mark.parametrize(("status", "why"), [(401, "refuses the key"), (404, "knows no such model or path")])
def test_a_refusal_on_the_way_stops_the_run(
    served: Served, requests: list[Request], status: int, why: str
) -> None:
    with (
        loopback(lambda _: refusal(status, "injected")) as proxy,
        pytest.raises(ModelError, match=why),
    ):
        answers(f"openai:{served.slm}", requests, base_url=proxy.url)
    assert len(proxy.asked) <= len(requests)  # none was tried twice


def test_a_path_that_the_real_server_does_not_know_stops_the_run(served: Served, requests: list[Request]) -> None:
    with pytest.raises(ModelError, match=r"base_url, which usually ends in /v1 \(404: Not Found\)"):
        answers(f"openai:{served.slm}", requests, base_url=served.url.removesuffix("/v1"))


def test_a_cascade_of_two_served_models_is_that_of_the_same_models_in_this_process(
    served: Served, requests: list[Request]
) -> None:
    if importlib.util.find_spec("multipart") is None and importlib.util.find_spec("python_multipart") is None:
        pytest.skip("python-multipart is not installed")
    here = answers(f"cascade:hf:{served.whisper}+hf:{served.llm}", requests)
    there = answers(
        f"cascade:openai:{served.whisper}+openai:{served.llm}",
        requests,
        asr_args=f"base_url={served.url},concurrency=3",
        llm_args=f"base_url={served.url}",
    )
    heard = {id: here[id].transcript for id in here}
    assert len(set(heard.values())) > 1
    assert heard == {id: there[id].transcript for id in here}
    assert texts(here) == texts(there)


def test_a_whole_run_through_a_faulty_way_is_that_of_the_checkpoints(served: Served, tmp_path: Path) -> None:
    benchmark = write_spoken(tmp_path / "tones", spoken_rows(closed=4, creative=3, thinking=2))
    asking = Asking(generation=GENERATION)
    between = Between(served.url, lambda number: ALL[number % len(ALL)] if number % 3 == 2 else None)
    with loopback(between) as proxy:
        arguments = {"base_url": proxy.url, "timeout": TIMEOUT}
        run = evaluate(
            f"openai:{served.slm}",
            model_args=arguments,
            reference=f"openai:{served.llm}",
            reference_args=arguments,
            benchmark=benchmark,
            output_dir=tmp_path / "served",
            asking=asking,
        )
    assert between.faults > 5
    assert run.summary.replies["answered"] == 9
    here = evaluate(
        f"hf:{served.slm}",
        reference=f"hf:{served.llm}",
        benchmark=benchmark,
        output_dir=tmp_path / "here",
        asking=asking,
    )
    for part in (".", "reference"):
        found, expected = (
            {row["id"]: row["text"] for row in map(json.loads, (folder / FILE).read_text().splitlines())}
            for folder in (run.folder / part, here.folder / part)
        )
        assert found == expected
    manifest = json.loads((tmp_path / "served/responses.manifest.json").read_text())
    assert manifest["recorded"]["calls"] >= 13


def test_inspect_sends_clips_to_the_server_and_gets_the_replies_of_our_adapter(
    served: Served, tmp_path: Path
) -> None:
    pytest.importorskip("inspect_ai", reason="inspect-ai is not installed")
    model = shipped()["self-aligned"]
    command = [sys.executable, "-m", "inspect_ai", "eval", "speech_ifeval/speech_ifeval", "-T", "judge=heuristic"]
    command += ["--model", f"openai-api/local/{model}", "--limit", "4", "--max-tokens", "60"]
    own = {"LOCAL_BASE_URL": served.url, "LOCAL_API_KEY": "none", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--log-dir", str(tmp_path), "--log-format", "json", "--display", "none"],
        env={**os.environ, **own},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = tmp_path.glob("*.json")
    found = {one["id"]: one["output"]["completion"] for one in json.loads(log.read_text())["samples"]}
    assert len(set(found.values())) == 4
    assert found == heard_replies("lab:self-aligned", found, SYSTEM_PROMPT, 60)
