"""Calls against a server on loopback that errs in every way it can: tried again, given up, stopped, read."""

from __future__ import annotations

import itertools
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from speech_ifeval.endpoints import CallError, Endpoint, Reply
from speech_ifeval.endpoints.calling import MOST_IN_A_ROW
from speech_ifeval.errors import ModelError, SpeechIFEvalError
from tests.models.serving import Answer, Asked, Loopback, completion, free_port, loopback, refusal

MESSAGES = [{"role": "user", "content": "Say yes."}]
FIELDS = {"max_tokens": 5, "temperature": 0.0, "seed": 0}
GOOD = completion("yes")
SLOW = Answer(delay=30)

PASSING = {
    "500": refusal(500, "boom"),
    "502 in HTML": Answer(502, b"<html>Bad gateway</html>", {"content-type": "text/html"}),
    "503": Answer(503),
    "408": Answer(408),
    "409": Answer(409),
    "429": refusal(429, "slow down"),
    "429 with Retry-After": Answer(429, b"", {"Retry-After": "0.01"}),
    "429 with a Retry-After that says nothing": Answer(429, b"", {"Retry-After": "soon"}),
    "429 with a Retry-After of long ago": Answer(429, b"", {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}),
    "429 with a Retry-After of no time": Answer(429, b"", {"Retry-After": "Sun, 99 Nov 99999 08:49:37 GMT"}),
    "429 with a Retry-After that is no number": Answer(429, b"", {"Retry-After": "nan"}),
    "dropped before the body": Answer(200, GOOD.body, cut=0),
    "dropped in the body": Answer(200, GOOD.body, cut=40),
    "half of the JSON": Answer(200, GOOD.body[:40]),
    "no JSON": Answer(200, b"yes"),
    "no JSON, and said so": Answer(200, b"yes", {"content-type": "text/plain"}),
    "nothing": Answer(200, b""),
    "no UTF-8": Answer(200, b'{"choices": [{"message": {"content": "\xff"}}]}'),
    "another form of JSON": Answer(200, b'{"choices": "yes"}'),
    "JSON nested without end": Answer(200, b'{"x": ' + b"[" * 200_000),
    "a list": Answer(200, b"[]"),
    "no choices": Answer(200, b"{}"),
    "choices null": Answer(200, b'{"choices": null}'),
    "an empty choice": Answer(200, b'{"choices": []}'),
    "nothing said, without a reason": completion(None, None),
    "nothing said, and done": completion(None, "stop"),
    "nothing said, and an empty refusal": completion(None, refusal=""),
    "no parts": completion([], "stop"),  # type: ignore[arg-type]
    "parts without text": completion([{"type": "thinking"}], "stop"),  # type: ignore[arg-type]
    "given up by the server": completion(None, "abort"),
    "slow": SLOW,
}
STOPPING = {
    "401": (refusal(401, "no such key"), "refuses the key; check the environment variable OPENAI_API_KEY"),
    "402": (refusal(402, "pay"), "wants to be paid"),
    "403": (refusal(403, "not yours"), "refuses the key; check the rights"),
    "404": (refusal(404, "no such model"), r"knows no such model or path.*base_url.*404: no such model"),
    "405": (Answer(405), "takes no calls on this path"),
    "307": (
        Answer(307, b"", {"Location": "http://192.0.2.1/v1"}),
        r"redirects to http://192\.0\.2\.1/v1; give that",
    ),
    "quota": (refusal(429, "You exceeded your quota", code="insufficient_quota"), "the quota is used up"),
    "an hour": (Answer(429, b"", {"Retry-After": "3600"}), "asks to wait 3600 s; run the same command later"),
}


class Script:
    """Answers with one after the other, and with the last from then on."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = answers

    def __call__(self, asked: Asked) -> Answer:
        return self._answers[min(asked.number, len(self._answers)) - 1]


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Loopback, Endpoint]]]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(answer: Callable[[Asked], Answer], **options: Any) -> tuple[Loopback, Endpoint]:
            server = stack.enter_context(loopback(answer))
            endpoint = Endpoint(server.url, **{"first_pause": 0.01, "timeout": 1.0, **options})
            stack.callback(endpoint.close)
            return server, endpoint

        yield start


Serve = Callable[..., tuple[Loopback, Endpoint]]


def ask(endpoint: Endpoint, **fields: Any) -> Reply:
    return endpoint.chat("a-model", MESSAGES, {**FIELDS, **fields}, may_be_left_out=("seed", "repetition_penalty"))


def test_a_call_is_what_the_chat_completions_api_wants(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    server, endpoint = serve(lambda _: GOOD)
    reply = ask(endpoint)
    assert reply.seconds > 0
    assert (reply.text, reply.finish_reason, reply.model) == ("yes", "stop", "served-7b")
    assert (reply.input_tokens, reply.output_tokens, reply.audio_tokens) == (7, 3, 5)
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert {name.lower(): value for name, value in asked.headers.items()}["authorization"] == "Bearer sk-right"
    assert asked.json == {"model": "a-model", "messages": MESSAGES, **FIELDS}
    assert endpoint.counts == {"calls": 1, "retries": 0, "input_tokens": 7, "output_tokens": 3, "audio_tokens": 5}
    assert endpoint.served == {"served-7b"}
    assert endpoint.remote_host is None


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_tried_again(serve: Serve, fault: str) -> None:
    server, endpoint = serve(Script(PASSING[fault], PASSING[fault], GOOD), timeout=0.3)
    assert ask(endpoint).text == "yes"
    assert len(server.asked) == 3
    assert endpoint.counts["retries"] == 2


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_fails_the_call_and_says_so(serve: Serve, fault: str) -> None:
    server, endpoint = serve(Script(PASSING[fault]), retries=2, timeout=0.2)
    with pytest.raises(CallError, match=r"^http://127\.0\.0\.1:\d+/v1 .*\(3 tries\)$"):
        ask(endpoint)
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", STOPPING)
def test_what_no_call_can_survive_stops_at_once(serve: Serve, fault: str) -> None:
    answer, message = STOPPING[fault]
    server, endpoint = serve(lambda _: answer)
    with pytest.raises(ModelError, match=message):
        ask(endpoint)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_request_that_is_refused_fails_alone(serve: Serve, status: int) -> None:
    server, endpoint = serve(Script(refusal(status, "the audio is too long"), GOOD))
    with pytest.raises(CallError, match=rf"answers {status} \(the audio is too long\)$"):
        ask(endpoint)
    assert ask(endpoint).text == "yes"
    assert len(server.asked) == 2


@pytest.mark.parametrize("wait", ["1", "date"])
def test_a_server_is_given_the_time_it_asks_for_by_every_call(serve: Serve, wait: str) -> None:
    arrived: list[float] = []

    def answer(asked: Asked) -> Answer:
        arrived.append(time.monotonic())
        after = formatdate(time.time() + 2, usegmt=True) if wait == "date" else wait
        return Answer(429, b"", {"Retry-After": after}) if asked.number == 1 else GOOD

    _, endpoint = serve(answer)
    first = threading.Thread(target=ask, args=(endpoint,))
    first.start()
    while not endpoint.counts["retries"]:
        time.sleep(0.01)
    ask(endpoint)
    first.join()
    assert len(arrived) == 3
    assert min(arrived[1:]) - arrived[0] > 0.9


def test_pauses_grow(serve: Serve) -> None:
    arrived: list[float] = []

    def answer(_: Asked) -> Answer:
        arrived.append(time.monotonic())
        return Answer(500)

    _, endpoint = serve(answer, first_pause=0.1, retries=3)
    with pytest.raises(CallError):
        ask(endpoint)
    pauses = [after - before for before, after in itertools.pairwise(arrived)]
    for pause, longest in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert longest / 2 <= pause < longest + 0.25


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("seed", "Unexpected fields in the request: {'seed'}"),
        ("seed", "Unrecognized request argument supplied: seed"),
        ("repetition_penalty", "Unknown parameter: 'repetition_penalty'."),
    ],
)
def test_a_field_that_is_not_known_is_left_out_from_then_on(serve: Serve, refused: str, said: str) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(422, json.dumps({"detail": said}).encode()) if refused in asked.json else GOOD

    server, endpoint = serve(answer)
    assert ask(endpoint, repetition_penalty=1.0).text == "yes"
    assert ask(endpoint, repetition_penalty=1.0).text == "yes"
    assert len(server.asked) == 3
    assert endpoint.left_out == {refused}
    assert endpoint.counts["retries"] == 0


def test_several_unknown_fields_are_left_out_together(serve: Serve) -> None:
    details = [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
        for name in ("seed", "repetition_penalty")
    ]

    def answer(asked: Asked) -> Answer:
        return Answer(422, json.dumps({"detail": details}).encode()) if "seed" in asked.json else GOOD

    server, endpoint = serve(answer)
    ask(endpoint, repetition_penalty=1.0)
    assert len(server.asked) == 2
    assert endpoint.left_out == {"seed", "repetition_penalty"}


def test_the_limit_of_a_reply_goes_by_the_name_that_the_server_knows(serve: Serve) -> None:
    def answer(asked: Asked) -> Answer:
        if "max_tokens" not in asked.json:
            return GOOD
        return refusal(
            400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
        )

    server, endpoint = serve(answer)
    assert ask(endpoint).text == "yes"
    assert server.asked[-1].json["max_completion_tokens"] == FIELDS["max_tokens"]


def test_a_limit_that_is_too_large_fails_the_call_alone(serve: Serve) -> None:
    server, endpoint = serve(lambda _: refusal(400, "max_tokens is too large: 5. The context holds 4 tokens."))
    with pytest.raises(CallError, match="max_tokens is too large"):
        ask(endpoint)
    assert len(server.asked) == 1


def test_a_field_that_replies_depend_on_is_never_left_out_silently(serve: Serve) -> None:
    said = "Unsupported value: 'temperature' does not support 0 with this model."
    server, endpoint = serve(lambda _: refusal(400, said))
    with pytest.raises(ModelError, match=r"does not take temperature=0\.0 .*leave it out"):
        ask(endpoint)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "text", "finish"),
    [
        (completion("yes"), "yes", "stop"),
        (completion(""), "", "stop"),
        (completion(" a\n b "), " a\n b ", "stop"),
        (completion("cut", "length"), "cut", "length"),
        (completion("cut", "model_length"), "cut", "length"),
        (completion("done", "end_turn"), "done", "stop"),
        (completion("odd", "something new"), "odd", None),
        (completion("odd", None), "odd", None),
        (completion(None, "length", reasoning_content="I think"), "", "length"),
        (completion(None, refusal="I cannot help with that."), "I cannot help with that.", "stop"),
        (completion([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "stop"),  # type: ignore[arg-type]
        (Answer(body=b'{"choices": [{"message": {"content": "bare"}}]}'), "bare", None),
        (Answer(body=b'{"choices": [{"message": {"content": "u"}}], "usage": null, "model": null}'), "u", None),
    ],
)
def test_replies_are_read_as_servers_write_them(
    serve: Serve, answer: Answer, text: str, finish: str | None
) -> None:
    _, endpoint = serve(lambda _: answer)
    reply = ask(endpoint)
    assert (reply.text, reply.finish_reason) == (text, finish)


@pytest.mark.parametrize("finish", ["content_filter", "tool_calls", "abort"])
def test_a_reply_that_is_withheld_is_no_reply(serve: Serve, finish: str) -> None:
    _, endpoint = serve(lambda _: completion("I sh", finish), retries=0)
    with pytest.raises(CallError, match=f"no reply, with the finish reason '{finish}'"):
        ask(endpoint)


def test_a_server_that_is_down_is_named_once_and_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    endpoint = Endpoint(url, first_pause=0.01)
    try:
        with pytest.raises(
            ModelError, match=rf"^no server at {url} .*\(3 tries\); start the server, or correct base_url$"
        ):
            ask(endpoint)
    finally:
        endpoint.close()


def test_a_server_that_goes_away_is_waited_for_and_then_stops_the_run() -> None:
    with loopback(lambda _: GOOD) as server:
        endpoint = Endpoint(server.url, first_pause=0.01, retries=4)
        assert ask(endpoint).text == "yes"
    try:
        with pytest.raises(ModelError, match=r"\(5 tries\); start the server"):
            ask(endpoint)
    finally:
        endpoint.close()


def test_a_server_that_only_fails_stops_the_run(serve: Serve) -> None:
    _, endpoint = serve(lambda _: refusal(500, "out of memory"), retries=0)
    for _ in range(MOST_IN_A_ROW - 1):
        with pytest.raises(CallError):
            ask(endpoint)
    with pytest.raises(
        ModelError, match=rf"{MOST_IN_A_ROW} calls in a row failed .*answers 500 \(out of memory\)"
    ):
        ask(endpoint)


def test_calls_that_fail_now_and_then_do_not_stop_the_run(serve: Serve) -> None:
    _, endpoint = serve(lambda asked: GOOD if asked.number % 10 == 0 else Answer(500), retries=0)
    outcomes: list[type] = []
    for _ in range(3 * MOST_IN_A_ROW):
        try:
            outcomes.append(type(ask(endpoint)))
        except CallError:
            outcomes.append(CallError)
    assert outcomes.count(Reply) == 6


def test_text_that_is_no_unicode_fails_alone(serve: Serve) -> None:
    _, endpoint = serve(lambda _: GOOD)
    with pytest.raises(CallError, match="cannot be sent as UTF-8"):
        endpoint.chat("a-model", [{"role": "user", "content": "\ud800"}], FIELDS)


def test_a_transcription_is_asked_for_as_a_file(serve: Serve) -> None:
    server, endpoint = serve(lambda _: Answer(body=b'{"text": " hello "}'))
    assert endpoint.transcribe("whisper-1", b"RIFF", {"language": "en"}).text == " hello "
    (asked,) = server.asked
    assert asked.path == "/v1/audio/transcriptions"
    for part in (b'filename="clip.wav"', b"RIFF", b'name="model"', b"whisper-1", b'name="language"'):
        assert part in asked.body


def test_no_proxy_of_the_environment_stands_before_this_machine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback(lambda _: completion("from the proxy")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        _, endpoint = serve(lambda _: GOOD)
        assert ask(endpoint).text == "yes"
        assert not proxy.asked


def test_closing_ends_a_pause(serve: Serve) -> None:
    _, endpoint = serve(lambda _: Answer(429, b"", {"Retry-After": "60"}))
    caught: list[BaseException] = []

    def call() -> None:
        try:
            ask(endpoint)
        except SpeechIFEvalError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not endpoint.counts["retries"]:
        time.sleep(0.01)
    endpoint.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_the_callers_random_state_is_left_alone(serve: Serve) -> None:
    _, endpoint = serve(Script(Answer(500), GOOD))
    before = random.getstate()
    ask(endpoint)
    assert random.getstate() == before


KEY = 'sk-RECOGNISABLE/key+"quoted"'


def test_a_key_appears_nowhere_whatever_goes_wrong(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", KEY)
    echo = {"x-request-id": KEY, "x-echo": f"Bearer {KEY}"}
    padding = "x" * 290  # the key stands where a long message is cut
    shown: list[str] = []
    chained: list[BaseException | None] = []  # the client's errors carry the request, and it the key
    sent = 0
    faults = [
        *PASSING.values(),
        *(answer for answer, _ in STOPPING.values()),
        *(refusal(status, f"{padding}{KEY}") for status in (400, 401, 403, 404, 422, 429, 500)),
        *(refusal(status, f"Unknown parameter seed, key {KEY}") for status in (400, 422)),
        *(Answer(status, json.dumps({"detail": [KEY, {"key": KEY}]}).encode()) for status in (400, 404, 500)),
        *(Answer(status, KEY.encode()) for status in (200, 401, 500)),
        Answer(302, b"", {"Location": f"http://{KEY}@192.0.2.1/"}),
        Answer(200, json.dumps({"choices": [{"message": {"content": 1}}], KEY: KEY}).encode()),
        completion(f"the key is {KEY}"),
        completion(None, KEY),
        completion("x", KEY),
        Answer(200, json.dumps({"model": KEY, "choices": [{"message": {"content": KEY}}]}).encode()),
    ]
    for fault in faults:
        if fault is SLOW:
            continue
        answer = Answer(fault.status, fault.body, {**echo, **fault.headers}, fault.cut)
        server, endpoint = serve(lambda _, answer=answer: answer, retries=1, api_key_env="MY_KEY")
        try:
            shown.append(repr(ask(endpoint)))
        except SpeechIFEvalError as error:
            shown += [str(error), repr(error)]
            chained += [error.__cause__, error.__context__]
        shown += [repr(endpoint), repr(endpoint.served), repr(endpoint.left_out), repr(endpoint.counts)]
        sent += all(f"Bearer {KEY}" in asked.headers.values() for asked in server.asked) and bool(server.asked)
    assert sent == len(faults) - 1  # the key did travel
    assert set(chained) == {None}
    shown += [record.getMessage() for record in caplog.records]
    shown += [caplog.text, caplog.handler.format(logging.makeLogRecord({"msg": "end"}))]
    assert len(caplog.records) > 100
    for form in (KEY, json.dumps(KEY)[1:-1], "RECOGNISABLE"):
        assert not [text for text in shown if form in text]
