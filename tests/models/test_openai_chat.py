"""``openai:NAME`` against a server on loopback: what is sent, what comes back, what is recorded."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import soundfile

from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import MismatchError, ModelError, UsageError
from speech_ifeval.job import evaluate
from speech_ifeval.models import Generation, Model, Request, open_model
from speech_ifeval.pipeline.scoring import Scoring
from tests.models.serving import Answer, Asked, Loopback, completion, free_port, loopback, refusal
from tests.spoken import spoken_rows, write_spoken

Clips = Callable[[int], list[Path]]


def echo(asked: Asked) -> Answer:
    """Answers with the text of the user's turn."""
    content = asked.json["messages"][-1]["content"]
    return completion(content if isinstance(content, str) else content[-1]["text"])


def opened(server: Loopback, arguments: Mapping[str, Any] | None = None) -> Model:
    return open_model("openai:a-model", {"base_url": server.url, **(arguments or {})})


@pytest.fixture
def echoing() -> Iterator[Loopback]:
    with loopback(echo) as server:
        yield server


def test_the_clip_goes_before_the_instruction_as_it_was_decoded(echoing: Loopback, clips: Clips) -> None:
    (clip,) = clips(1)
    with opened(echoing) as model:
        (response,) = model.answer([Request("a", "Transcribe.", audio=clip, transcript="unused")])
    assert (response.id, response.text, response.finish_reason) == ("a", "Transcribe.", "stop")
    assert (response.input_tokens, response.output_tokens, response.audio_cut) == (7, 3, None)
    assert response.seconds is not None
    system, user = echoing.asked[0].json["messages"]
    assert system == {"role": "system", "content": "Follow the given instructions."}
    audio, text = user["content"]
    assert text == {"type": "text", "text": "Transcribe."}
    assert (audio["type"], audio["input_audio"]["format"]) == ("input_audio", "wav")
    sent, rate = soundfile.read(io.BytesIO(base64.b64decode(audio["input_audio"]["data"])), dtype="int16")
    here, expected = soundfile.read(clip, dtype="int16")
    assert rate == expected
    assert (sent == here).all()


def test_without_a_clip_only_text_is_sent(echoing: Loopback) -> None:
    with opened(echoing) as model:
        (response,) = model.answer([Request("a", "Answer.", transcript="hello", system=None)])
    assert response.text == "Speech Input: hello\n\nAnswer."
    assert echoing.asked[0].json["messages"] == [{"role": "user", "content": "Speech Input: hello\n\nAnswer."}]


def test_replies_are_decoded_greedily_without_a_penalty_and_that_is_always_sent(echoing: Loopback) -> None:
    with opened(echoing) as model:
        list(model.answer([Request("a", "?"), Request("b", "?", generation=Generation(64, 0.5, 0.9, 1.1, 3))]))
    fields = {asked.json["max_tokens"]: asked.json for asked in echoing.asked}
    assert {name: fields[2048][name] for name in fields[2048] if name != "messages"} == {
        "model": "a-model",
        "max_tokens": 2048,
        "temperature": 0.0,
        "seed": 0,
        "repetition_penalty": 1.0,
        "frequency_penalty": 0.0,
    }
    sampled = fields[64]
    assert (sampled["temperature"], sampled["top_p"], sampled["repetition_penalty"], sampled["seed"]) == (
        0.5,
        0.9,
        1.1,
        3,
    )


def test_fields_can_be_omitted_renamed_and_added(echoing: Loopback) -> None:
    arguments = {
        "omit": "temperature+seed",
        "max_tokens_field": "max_completion_tokens",
        "body": {"chat_template_kwargs": {"enable_thinking": False}},
    }
    with opened(echoing, arguments) as model:
        list(model.answer([Request("a", "?")]))
        assert model.settings["omit"] == ["seed", "temperature"]
        assert model.settings["body"] == arguments["body"]
    sent = echoing.asked[0].json
    assert sent.keys() & {"temperature", "seed", "max_tokens"} == set()
    assert sent["max_completion_tokens"] == 2048
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_penalty_that_is_none_may_be_left_out_one_that_is_asked_for_may_not() -> None:
    def answer(asked: Asked) -> Answer:
        known = "repetition_penalty" not in asked.json
        return echo(asked) if known else Answer(422, b'{"detail": "Unexpected fields: {\'repetition_penalty\'}"}')

    with loopback(answer) as server, opened(server) as model:
        (response,) = model.answer([Request("a", "Hello.")])
        assert response.text == "Hello."
        assert model.recorded["fields_left_out"] == ["repetition_penalty"]
    penalised = Request("a", "Hello.", generation=Generation(repetition_penalty=1.1))
    with (
        loopback(answer) as server,
        opened(server) as model,
        pytest.raises(ModelError, match=r"does not take repetition_penalty=1\.1"),
    ):
        list(model.answer([penalised]))


def test_what_is_sent_is_what_the_fingerprint_holds(echoing: Loopback, clips: Clips) -> None:
    with opened(echoing) as model:
        request = Request("a", "Say “ä”.", audio=clips(1)[0])
        list(model.answer([request]))
        sent = echoing.asked[0].json["messages"]
        sent[1]["content"][0]["input_audio"]["data"] = ""
        assert json.loads(model.prompt(request)) == sent
        assert model.prompt(request) != model.prompt(Request("a", "Say “ä”."))


def test_a_server_on_this_machine_may_change_its_port(echoing: Loopback) -> None:
    with loopback(echo) as other, opened(echoing) as first, opened(other) as second:
        assert first.settings == second.settings
        assert first.remote_host is None
        assert first.recorded["base_url"] != second.recorded["base_url"]


def test_a_server_elsewhere_is_part_of_the_settings() -> None:
    with open_model("openai:a", {"base_url": "http://192.0.2.7/v1", "api_key_env": "PATH"}) as model:
        assert model.remote_host == "192.0.2.7"
        assert model.settings["server"] == "http://192.0.2.7/v1"


@pytest.mark.parametrize("form", ["commas", "list", "environment"])
def test_several_servers_share_the_calls_and_are_no_other_model(
    echoing: Loopback, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [Request(str(number), f"Say {number}.") for number in range(20)]
    with loopback(echo) as other, opened(echoing) as one:
        urls = f"{echoing.url},{other.url}"
        arguments: dict[str, Any] = {"concurrency": "4"}
        if form == "environment":
            monkeypatch.setenv("OPENAI_BASE_URL", urls)
        else:
            arguments["base_url"] = urls if form == "commas" else urls.split(",")
        with open_model("openai:a-model", arguments) as both:
            found = {response.id: response.text for response in both.answer(requests)}
            assert found == {request.id: request.text for request in requests}
            assert both.settings == one.settings
            assert both.prompt(requests[0]) == one.prompt(requests[0])
            assert both.recorded["base_url"] == urls.split(",")
            assert both.recorded["answered_by"] == [len(echoing.asked), len(other.asked)]
            assert all(both.recorded["answered_by"])


def test_servers_elsewhere_can_be_named_so_that_which_and_how_many_make_no_difference() -> None:
    urls = ["http://192.0.2.7/v1", "http://192.0.2.8/v1"]
    settings = []
    for given in (urls[0], ",".join(urls), urls[1]):
        with open_model("openai:a", {"base_url": given, "server": "our cluster"}) as model:
            settings.append(dict(model.settings))
    assert settings[0] == settings[1] == settings[2]
    with (
        open_model("openai:a", {"base_url": ",".join(urls)}) as unnamed,
        open_model("openai:a", {"base_url": urls[::-1]}) as turned,
    ):
        assert unnamed.settings == turned.settings
        assert unnamed.remote_host == "192.0.2.7 and 192.0.2.8"


def test_servers_that_serve_different_models_stop_the_run_before_anything_is_sent(clips: Clips) -> None:
    with (
        loopback(echo, models={"a-model": "/models/a"}) as one,
        loopback(echo, models={"a-model": "/models/b"}) as other,
        open_model("openai:a-model", {"base_url": [one.url, other.url]}) as model,
    ):
        with pytest.raises(MismatchError, match=f"{one.url} serves .*, {other.url} serves "):
            list(model.answer([Request("a", "Transcribe.", audio=clips(1)[0])] * 4))
        assert not one.asked
        assert not other.asked


def test_the_system_prompt_can_go_into_the_users_turn(echoing: Loopback, clips: Clips) -> None:
    request = Request("a", "Transcribe.", audio=clips(1)[0])
    with opened(echoing, {"system_in_user": "true"}) as folded, opened(echoing) as usual:
        list(folded.answer([request, Request("b", "Answer.", system=None)]))
        sent = {asked.json["messages"][0]["role"]: asked.json["messages"] for asked in echoing.asked}
        assert set(sent) == {"user"}
        said = sorted(
            content if isinstance(content, str) else content[-1]["text"]
            for asked in echoing.asked
            for content in [asked.json["messages"][-1]["content"]]
        )
        assert said == ["Answer.", "Follow the given instructions.\n\nTranscribe."]
        assert folded.prompt(request) != usual.prompt(request)


def test_at_most_as_many_calls_as_allowed_are_made_at_a_time() -> None:
    def slow(asked: Asked) -> Answer:
        return Answer(body=echo(asked).body, delay=0.05)

    taken = 0

    def requests() -> Iterator[Request]:
        for number in range(20):
            assert number - taken <= 4
            yield Request(str(number), f"Say {number}.")

    with loopback(slow) as server, opened(server, {"concurrency": "4"}) as model:
        for response in model.answer(requests()):
            taken += 1
            assert response.text == f"Say {response.id}."
        assert taken == 20
        assert server.most_at_once == 4


def test_one_request_that_fails_leaves_the_others_be(echoing: Loopback, clips: Clips, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        said = echo(asked)
        return refusal(400, "too long") if b"two" in said.body else said

    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    requests = [
        Request("1", "one", audio=clips(1)[0]),
        Request("2", "two"),
        Request("3", "three", audio=broken),
        Request("4", "four", audio=tmp_path / "none.wav"),
        Request("5", "five \ud800"),
        Request("6", "six"),
    ]
    with loopback(answer) as server, opened(server) as model:
        found = {response.id: response for response in model.answer(requests)}
    assert {id: found[id].text for id in "16"} == {"1": "one", "6": "six"}
    for id, why in {"2": "400 (too long)", "3": "cannot be decoded", "4": "no such file", "5": "UTF-8"}.items():
        assert found[id].finish_reason == "error"
        assert found[id].text is None
        assert why in (found[id].error or "")


def test_a_key_that_is_refused_stops_the_run_with_what_was_answered_kept() -> None:
    def answer(asked: Asked) -> Answer:
        return echo(asked) if asked.number <= 3 else refusal(401, "expired")

    answered = []
    with loopback(answer) as server, opened(server, {"concurrency": 1}) as model:
        with pytest.raises(ModelError, match="check the environment variable OPENAI_API_KEY"):
            answered.extend(model.answer(Request(str(number), "?") for number in range(100)))
        assert len(answered) == 3
        assert len(server.asked) == 4


def test_a_server_that_is_down_is_one_clear_error() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    with (
        open_model("openai:a", {"base_url": url}) as model,
        pytest.raises(ModelError, match=f"no server at {url} .*; start the server, or correct base_url"),
    ):
        list(model.answer(Request(str(number), "?") for number in range(100)))


def test_what_the_server_said_is_recorded(echoing: Loopback) -> None:
    with opened(echoing) as model:
        list(model.answer([Request("a", "?"), Request("b", "?")]))
        assert model.recorded == {
            "base_url": echoing.url,
            "concurrency": 16,
            "served_model": ["served-7b"],
            "fields_left_out": [],
            "calls": 2,
            "retries": 0,
            "input_tokens": 14,
            "output_tokens": 6,
            "audio_tokens": 10,
        }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"concurrency": "0"}, "concurrency is too small"),
        ({"timeout": "0"}, "timeout is too small"),
        ({"retries": "-1"}, "retries is too small"),
        ({"base_url": "localhost"}, "expected an address such as"),
        ({"body": {"messages": []}}, "body may not hold 'messages'"),
        ({"max_tokens_field": "max"}, "max_tokens_field"),
        ({"api_key": "sk-secret"}, "takes no argument 'api_key'"),
        ({"api_key_env": "NO_SUCH_VARIABLE"}, "set the environment variable NO_SUCH_VARIABLE"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        open_model("openai:a", {"base_url": "http://127.0.0.1:1/v1", **arguments})
    assert "sk-secret" not in str(caught.value)


def test_a_key_is_in_no_response_record_or_setting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, clips: Clips
) -> None:
    key = "sk-RECOGNISABLE-0123456789"
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", key)

    def answer(asked: Asked) -> Answer:
        echoed = asked.headers.get("Authorization") or asked.headers["authorization"]
        faults = [
            completion(echoed, model=echoed),
            refusal(400, echoed),
            refusal(500, echoed),
            Answer(200, echoed.encode()),
            Answer(429, echoed.encode(), {"Retry-After": "0", "x-echo": echoed}),
        ]
        return faults[asked.number % len(faults)]

    with loopback(answer) as server, opened(server, {"retries": 1}) as model:
        responses = list(model.answer(Request(str(n), "?", audio=clips(1)[0]) for n in range(10)))
        shown = [repr(responses), repr(model.settings), repr(model.recorded), repr(vars(model)), caplog.text]
        shown += [record.getMessage() for record in caplog.records]
        assert {response.text for response in responses} >= {"Bearer [key]", None}
    assert len(caplog.records) > 20
    assert not [text for text in shown if key in text]


@pytest.mark.parametrize("body", [{"api_key": "sk-123"}, {"extra": {"Authorization": "Bearer sk-123"}}])
def test_a_key_in_the_body_is_refused(body: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match="keys come from the environment") as caught:
        open_model("openai:a", {"base_url": "http://127.0.0.1:9/v1", "body": body})
    assert "sk-123" not in str(caught.value)


def test_a_run_begun_with_one_server_goes_on_with_two_others(tmp_path: Path) -> None:
    def hear(asked: Asked) -> Answer:
        return completion(f"HEARD {hashlib.sha256(asked.body).hexdigest()}")

    benchmark = write_spoken(tmp_path / "spoken", spoken_rows(closed=4, creative=4, thinking=0))
    with (
        loopback(hear, models={"a-model": "/a"}) as first,
        loopback(hear, models={"a-model": "/a"}) as second,
        loopback(hear, models={"a-model": "/a"}) as third,
    ):

        def run(*servers: Loopback, limit: int | None) -> dict[str, Any]:
            evaluate(
                "openai:a-model",
                model_args={"base_url": [server.url for server in servers], "concurrency": 4},
                benchmark=benchmark,
                output_dir=tmp_path / "run",
                selection=Selection(limit=limit, twins=False),
                scoring=Scoring(task_level=False),
            )
            return dict(json.loads((tmp_path / "run/responses.manifest.json").read_text()))

        begun = run(first, limit=2)
        asked = len(first.asked)
        gone_on = run(second, third, limit=None)
    assert begun["model"] == gone_on["model"]
    assert len(first.asked) == asked
    assert min(len(second.asked), len(third.asked)) > 0
    rows = [json.loads(line) for line in (tmp_path / "run/responses.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == 8
    assert gone_on["recorded"]["answered_by"] == [len(second.asked), len(third.asked)]
