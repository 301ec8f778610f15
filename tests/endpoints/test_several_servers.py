"""Several real servers on loopback for one model: slow, dead or erring ones, and one of another model."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from speech_ifeval.endpoints import CallError, Endpoint, concurrently
from speech_ifeval.errors import MismatchError, ModelError, UsageError
from tests.models.serving import Answer, Asked, Loopback, completion, free_port, loopback, refusal

Serve = Callable[..., Loopback]
MODELS = {"a-model": "/models/a"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def serve(stack: ExitStack) -> Serve:
    def start(answer: Callable[[Asked], Answer], **options: Any) -> Loopback:
        return stack.enter_context(loopback(answer, **options))

    return start


def echo(delay: float = 0.0) -> Callable[[Asked], Answer]:
    """Answers with what it is asked, after a while."""
    return lambda asked: Answer(body=completion(asked.json["messages"][-1]["content"]).body, delay=delay)


def opened(stack: ExitStack, *urls: str, **options: Any) -> Endpoint:
    endpoint = Endpoint(list(urls), **{"first_pause": 0.02, "timeout": 30.0, **options})
    stack.callback(endpoint.close)
    return endpoint


def say(endpoint: Endpoint, text: str) -> str:
    return endpoint.chat("a-model", [{"role": "user", "content": text}], {"max_tokens": 5}).text


def say_all(endpoint: Endpoint, count: int, slots: int) -> list[str]:
    """Ask `count` different things; every answer is of its own question, and there is one to each."""
    texts = [f"text {number}" for number in range(count)]
    found = list(concurrently(lambda text: (text, say(endpoint, text)), texts, slots))
    assert all(text == answer for text, answer in found)
    assert Counter(text for text, _ in found) == Counter(texts)
    return [answer for _, answer in found]


def test_calls_are_shared_and_a_slow_server_gets_fewer(serve: Serve, stack: ExitStack) -> None:
    now: list[int] = []
    most = 0

    def after(seconds: float) -> Callable[[Asked], Answer]:
        def answer(asked: Asked) -> Answer:
            nonlocal most
            now.append(1)
            most = max(most, len(now))
            time.sleep(seconds)
            now.pop()
            return echo()(asked)

        return answer

    fast, slow = serve(after(0.01), models=MODELS), serve(after(0.1), models=MODELS)
    endpoint = opened(stack, fast.url, slow.url, concurrency=6)
    say_all(endpoint, 100, slots=12)
    assert len(fast.asked) + len(slow.asked) == 100
    assert len(fast.asked) > 2 * len(slow.asked) > 0
    assert endpoint.answered_by == [len(fast.asked), len(slow.asked)]
    assert endpoint.counts["calls"] == 100
    assert endpoint.counts["retries"] == 0
    assert most <= 6
    assert (fast.listed, slow.listed) == (1, 1)


def test_a_server_that_dies_in_the_middle_loses_nothing(serve: Serve, stack: ExitStack) -> None:
    good, slow = serve(echo(0.01), models=MODELS), serve(echo(0.05), models=MODELS)
    dying = Loopback(echo(0.02), models=MODELS)
    stack.callback(dying.stop)
    endpoint = opened(stack, good.url, dying.url, slow.url)

    def kill() -> None:
        while len(dying.asked) < 10:
            time.sleep(0.001)
        dying.stop()

    killer = threading.Thread(target=kill)
    killer.start()
    say_all(endpoint, 150, slots=12)
    killer.join()
    assert endpoint.counts["calls"] == 150
    assert endpoint.counts["retries"] > 0
    assert endpoint.answered_by[1] < 50
    assert min(endpoint.answered_by[0], endpoint.answered_by[2]) > 0


def test_a_server_that_comes_up_later_is_asked_what_it_serves_and_then_used(
    stack: ExitStack, serve: Serve
) -> None:
    port = free_port()
    good = serve(echo(0.005), models=MODELS)
    endpoint = opened(stack, good.url, f"http://127.0.0.1:{port}/v1")
    say_all(endpoint, 20, slots=4)
    assert endpoint.answered_by == [20, 0]
    late = serve(echo(), models=MODELS, port=port)
    deadline = time.monotonic() + 5
    while not endpoint.answered_by[1] and time.monotonic() < deadline:
        say_all(endpoint, 4, slots=4)
    assert endpoint.answered_by[1] > 0
    assert late.listed == 1


@pytest.mark.parametrize(
    "fault",
    [refusal(500, "boom"), Answer(503), Answer(body=b"{"), Answer(body=completion("x").body, cut=5)],
    ids=["500", "503", "malformed", "dropped"],
)
def test_what_one_server_fails_another_answers_at_once(serve: Serve, stack: ExitStack, fault: Answer) -> None:
    good, bad = serve(echo()), serve(lambda _: fault)
    endpoint = opened(stack, bad.url, good.url, first_pause=10.0, retries=0)
    start = time.monotonic()
    say_all(endpoint, 20, slots=4)
    assert time.monotonic() - start < 5
    assert len(bad.asked) <= 4
    assert endpoint.answered_by == [0, 20]


def test_a_server_that_does_not_answer_in_time_is_let_be(serve: Serve, stack: ExitStack) -> None:
    good, stuck = serve(echo()), serve(lambda _: Answer(delay=30))
    endpoint = opened(stack, good.url, stuck.url, timeout=0.3, first_pause=10.0)
    say_all(endpoint, 12, slots=2)
    assert len(stuck.asked) <= 2
    assert endpoint.answered_by == [12, 0]


@pytest.mark.parametrize("wait", ["3", "7200"], ids=["seconds", "hours"])
def test_a_pause_that_one_server_asks_for_is_that_servers_alone(serve: Serve, stack: ExitStack, wait: str) -> None:
    good, busy = serve(echo()), serve(lambda _: Answer(429, b"", {"Retry-After": wait}))
    endpoint = opened(stack, busy.url, good.url)
    start = time.monotonic()
    say_all(endpoint, 20, slots=2)
    assert time.monotonic() - start < 2
    assert len(busy.asked) <= 2


def test_servers_that_are_all_down_are_each_named_soon(stack: ExitStack) -> None:
    urls = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(3)]
    endpoint = opened(stack, *urls)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"^none of 3 servers answers: .*\(\d tries\); start them") as caught:
        list(concurrently(lambda text: say(endpoint, text), ["a"] * 8, slots=8))
    assert time.monotonic() - start < 5
    for url in urls:
        assert f"no server at {url} (ConnectError" in str(caught.value)


def test_servers_that_all_go_away_stop_the_run(stack: ExitStack) -> None:
    with loopback(echo()) as first, loopback(echo()) as second:
        endpoint = opened(stack, first.url, second.url, retries=3)
        say_all(endpoint, 4, slots=2)
    with pytest.raises(ModelError, match="none of 2 servers answers") as caught:
        say(endpoint, "still there?")
    assert first.url in str(caught.value)
    assert second.url in str(caught.value)


def test_a_request_that_every_server_fails_fails_alone(serve: Serve, stack: ExitStack) -> None:
    def answer(asked: Asked) -> Answer:
        return refusal(500, "crashed") if b"poison" in asked.body else echo()(asked)

    first, second = serve(answer), serve(answer)
    endpoint = opened(stack, first.url, second.url, retries=2)
    with pytest.raises(CallError, match=r"answers 500 \(crashed\) \(3 tries\)"):
        say(endpoint, "poison")
    assert len(first.asked) + len(second.asked) == 4  # one at each, then as many as with one server
    assert say(endpoint, "good") == "good"


def test_a_refusal_by_one_server_stops_the_run(serve: Serve, stack: ExitStack) -> None:
    good, bad = serve(echo()), serve(lambda _: refusal(404, "no such model"))
    endpoint = opened(stack, bad.url, good.url)
    with pytest.raises(ModelError, match=f"{bad.url} knows no such model or path"):
        say_all(endpoint, 4, slots=2)


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (
            {"a-model": "/models/a"},
            {"a-model": "/models/b"},
            ("a-model (from /models/a)", "a-model (from /models/b)"),
        ),
        ({"a-model": "a-model"}, {"b-model": "b-model"}, ("serves a-model,", "serves b-model;")),
        ({"x": "x", "y": "y"}, {"x": "x"}, ("serves x, y,", "serves x;")),
    ],
)
def test_servers_of_different_models_are_refused_before_anything_is_sent(
    serve: Serve, stack: ExitStack, first: dict[str, str], second: dict[str, str], named: tuple[str, str]
) -> None:
    one, other = serve(echo(), models=first), serve(echo(), models=second)
    endpoint = opened(stack, one.url, other.url)
    for _ in range(2):
        with pytest.raises(MismatchError, match="several servers must serve the same model") as caught:
            say(endpoint, "hello")
        for part in (one.url, other.url, *named):
            assert part in str(caught.value)
    assert not one.asked
    assert not other.asked


@pytest.mark.parametrize(
    "second",
    [None, {}, {"a-model": "/models/a", "audio": "/models/a/adapter"}],
    ids=["keeps no list", "lists nothing", "lists more"],
)
def test_servers_that_cannot_be_told_apart_are_taken(
    serve: Serve, stack: ExitStack, second: dict[str, str] | None
) -> None:
    one, other = serve(echo(), models=MODELS), serve(echo(), models=second)
    endpoint = opened(stack, one.url, other.url)
    say_all(endpoint, 10, slots=4)
    assert sum(endpoint.answered_by) == 10


def test_a_server_of_another_model_that_comes_up_later_stops_the_run(stack: ExitStack, serve: Serve) -> None:
    port = free_port()
    good = serve(echo(), models=MODELS)
    endpoint = opened(stack, good.url, f"http://127.0.0.1:{port}/v1")
    say_all(endpoint, 4, slots=2)
    other = serve(echo(), models={"a-model": "/models/b"}, port=port)
    with pytest.raises(MismatchError, match="must serve the same model"):
        say_all(endpoint, 100_000, slots=2)
    assert not other.asked


def test_one_server_is_not_asked_for_its_models(serve: Serve, stack: ExitStack) -> None:
    server = serve(echo(), models=MODELS)
    assert say(opened(stack, server.url), "hello") == "hello"
    assert server.listed == 0


def test_the_key_goes_to_every_server_and_into_no_message(
    serve: Serve, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key = "sk-RECOGNISABLE"
    monkeypatch.setenv("MY_KEY", key)
    good, bad = serve(echo(), models=MODELS), serve(lambda _: refusal(500, f"{key} is fine"), models={key: key})
    one, other = (
        opened(stack, good.url, bad.url, api_key_env="MY_KEY"),
        opened(stack, bad.url, retries=0, api_key_env="MY_KEY"),
    )
    shown = []
    for endpoint, kind in ((one, MismatchError), (other, CallError)):
        with pytest.raises(kind) as caught:
            say(endpoint, "hello")
        shown += [str(caught.value), repr(caught.value.__context__)]
    assert all(f"Bearer {key}" in asked.headers.values() for asked in bad.asked)
    assert not [text for text in [*shown, caplog.text] if "RECOGNISABLE" in text]


def test_closing_ends_the_wait_for_a_server(serve: Serve, stack: ExitStack) -> None:
    busy = [serve(lambda _: Answer(429, b"", {"Retry-After": "60"})) for _ in range(2)]
    endpoint = opened(stack, *(server.url for server in busy))
    caught: list[BaseException] = []

    def call() -> None:
        try:
            say(endpoint, "hello")
        except CallError as error:
            caught.append(error)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    while endpoint.counts["retries"] < 2 or any(endpoint._balance.in_flight):
        time.sleep(0.01)
    endpoint.close()
    for thread in threads:
        thread.join(5)
    assert len(caught) == 3


@pytest.mark.parametrize(
    "given", ["http://a.example/v1,http://b.example/v1", ["http://a.example/v1/", "http://b.example/v1"]]
)
def test_addresses_are_given_with_commas_or_as_a_list(given: str | list[str], stack: ExitStack) -> None:
    endpoint = Endpoint(given)
    stack.callback(endpoint.close)
    assert endpoint.base_urls == ("http://a.example/v1", "http://b.example/v1")
    assert endpoint.remote_host == "a.example and b.example"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("http://a.example/v1,http://a.example/v1/", "gives http://a.example/v1 twice"),
        ("http://a.example/v1,http://sk-1@b.example/v1", "holds credentials"),
        ("http://a.example/v1,b.example", "expected an address such as"),
    ],
)
def test_addresses_that_do_not_do_are_refused(given: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Endpoint(given)
