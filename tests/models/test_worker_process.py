"""Workers that die, hang and lie: every request has one response, and none has another's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speech_ifeval.errors import DataError, MismatchError, ModelError, UsageError
from speech_ifeval.models import Model, Request, accepts, worker_process
from tests.models.worker_scripts import asked, opened, raw_worker, replies, worker_script

MIB = 1 << 20

HOSTILE = [
    ("no JSON", 'say(b"hello there\\n")', "no message"),
    ("a blank line", 'say(b"\\n")', "no message"),
    ("a list", "say([1])", "no message"),
    ("no type", 'say({"id": request["id"], "text": "x"})', "missing required field `type`"),
    ("an unknown type", 'say({"type": "whisper"})', "Invalid value 'whisper'"),
    ("an unknown field", 'response(request, mood="good")', "unknown field `mood`"),
    ("a number as text", "response(request, text=3)", "Expected `str | null`, got `int`"),
    ("neither text nor error", "response(request, text=None)", "a text or an error"),
    ("a reason of its own", 'response(request, finish_reason="done")', "Invalid enum value 'done'"),
    ("negative tokens", "response(request, output_tokens=-1)", "$.output_tokens"),
    ("a fraction of tokens", "response(request, input_tokens=1.5)", "$.input_tokens"),
    ("infinite time", 'say(b\'{"type":"response","id":"i1","text":"x","seconds":1e999}\\n\')', "$.seconds"),
    ("NaN", 'response(request, seconds=float("nan"))', "JSON is malformed"),
    ("half a pair", 'response(request, text="\\ud83d")', "no message"),
    ("not UTF-8", 'say(b\'{"type":"response","id":"i1","text":"\\xff"}\\n\')', "no message"),
    ("a NUL", 'say(b\'{"type":"response","id":"i1","text":"\\x00"}\\n\')', "JSON is malformed"),
    ("deep nesting", 'say(b"[" * 100000 + b"]" * 100000 + b"\\n")', "no message"),
    ("a steered terminal", 'say(b"\\x1b[2J\\x1b]0;owned\\x07\\n")', "no message"),
    ("an error in colour", 'response(request, text=None, error="\\x1b[31mred\\x07")', "red"),
    (
        "an unknown id",
        'say({"type": "response", "id": "i9", "text": "x"})',
        "answered 'i9', which it does not hold",
    ),
    (
        "another's id",
        'say({"type": "response", "id": "i0", "text": "x"})',
        "answered 'i0', which it does not hold",
    ),
    ("an answer twice", "response(request); response(request)", None),
    ("no answer", "pass", "asked for more before it had answered"),
    ("a request for more, twice", 'response(request); say({"type": "next", "count": 1})', None),
    ("a greedy request", 'say({"type": "next", "count": 10**9})', "<= 1024"),
    ("a second hello", "hello()", "not asked for"),
    ("a prompt unasked", 'say({"type": "prompt", "prompt": "x"})', "not asked for"),
    ("a failure unasked", 'say({"type": "failed", "kind": "x", "message": "y"})', "not asked for"),
    ("a long line", f'say(b"x" * {9 * MIB} + b"\\n")', "more than 8 MiB"),
    ("a line without end", f'[say(b"x" * {MIB}) for _ in range(10**6)]', "more than 8 MiB"),
    ("half a line", 'say(b\'{"type":"resp\'); sys.exit(4)', "exit code 4"),
    ("an orderly exit", "sys.exit(0)", "exit code 0"),
    (
        "last words",
        'sys.stderr.write("x\\nout of \\x1b[31mmemory\\n"); sys.exit(1)',
        "exit code 1 (out of memory)",
    ),
    ("a crash", "os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
    ("asking for a restart", 'say({"type": "error", "kind": "Crash", "message": "CUDA"})', "gave up (CUDA)"),
    ("a closed output", "os.close(1); time.sleep(60)", "closed its standard output"),
    ("a child that keeps the pipe", 'subprocess.Popen(["sleep", "60"]); os._exit(5)', "exit code 5"),
    ("a deaf ear", "time.sleep(60)", "said nothing for 1 s"),
    ("a drip", 'while True: say(b"x"); time.sleep(0.05)', "said nothing for 1 s"),
]


@pytest.mark.parametrize(("bad", "why"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_output_costs_its_own_request_only(tmp_path: Path, bad: str, why: str | None) -> None:
    patience = 1 if why is not None and "1 s" in why else 20
    instructions = ["good", "bad", "good", "good", "good", "good"]
    with opened(raw_worker(tmp_path, bad), item_timeout=patience) as model:
        found = replies(model, asked(*instructions))
        assert [response.text for response in found if response.id != "i1"] == ["ok"] * 5
        if why is None:
            assert found[1].text == "ok"
            return
        assert found[1].text is None
        assert why in (found[1].error or "")
        assert (found[1].error or "").isprintable()
        assert replies(model, asked("good"))[0].text == "ok", "the next stream finds a worker"


def test_texts_come_through_whole(tmp_path: Path) -> None:
    text = "\x00\x1b[2J\u2028\U0001f600\u202e" + "a" * 2 * MIB
    with opened(raw_worker(tmp_path, f"response(request, text={text[:6]!a} + 'a' * {2 * MIB})")) as model:
        assert replies(model, asked("bad"))[0].text == text[:6] + "a" * 2 * MIB


def test_two_requests_of_one_id_are_not_mixed_up(tmp_path: Path) -> None:
    spec = worker_script(
        tmp_path,
        "class Worker:\n    batch_size = 4\n    def answer(self, requests): return [r['text'] for r in requests]",
    )
    requests = [Request("same", "a"), Request("other", "b"), Request("same", "c")]
    with opened(spec) as model:
        found = sorted((response.id, response.text) for response in model.answer(requests))
    assert found == [("other", "b"), ("same", "a"), ("same", "c")]


@pytest.mark.parametrize(
    ("kind", "expected"), [("ModelError", ModelError), ("DataError", DataError), ("Nonsense", ModelError)]
)
def test_what_no_request_survives_is_raised(tmp_path: Path, kind: str, expected: type[Exception]) -> None:
    bad = f'say({{"type": "error", "kind": "{kind}", "message": "key\\x1b[0m refused"}}); time.sleep(60)'
    with opened(raw_worker(tmp_path, bad)) as model:
        answers = model.answer(asked("good", "bad"))
        assert next(answers).text == "ok", "what was answered before is given out"
        with pytest.raises(expected, match="raw: key refused"):
            next(answers)


STARTS: list[tuple[str, str, type[Exception], str]] = [
    (
        "dies",
        'sys.stderr.write("no such checkpoint\\n"); sys.exit(3)',
        ModelError,
        r"exit code 3; .*\nno such check",
    ),
    ("says nothing", "time.sleep(60)", ModelError, "said nothing for 1 s, expected its hello"),
    ("babbles", 'print("Loading…", flush=True)', ModelError, "no message .*Loading"),
    ("another version", "hello(protocol=2)", ModelError, "expected protocol 1, found 2"),
    ("a version with other fields", 'hello(protocol=7, mood="good")', ModelError, "expected protocol 1, found 7"),
    ("no version", 'say({"type": "hello", "name": "x"})', ModelError, "expected protocol 1, found None"),
    ("no name", 'hello(name="")', ModelError, "no message"),
    ("a batch of none", "hello(batch_size=0)", ModelError, r"\$\.batch_size"),
    ("settings that are none", 'hello(settings="x")', ModelError, r"\$\.settings"),
    ("in the wrong order", 'say({"type": "next", "count": 1})', ModelError, "something before its hello"),
    ("refuses", 'say({"type": "error", "kind": "UsageError", "message": "scale"})', UsageError, "raw: scale"),
]


@pytest.mark.parametrize(
    ("start", "expected", "told"), [row[1:] for row in STARTS], ids=[row[0] for row in STARTS]
)
def test_a_worker_that_does_not_start_stops_the_run(
    tmp_path: Path, start: str, expected: type[Exception], told: str
) -> None:
    spec = raw_worker(tmp_path, start=start + "\ntime.sleep(60)")
    with pytest.raises(expected, match=f"(?s){told}"):
        opened(spec, start_timeout=1)


def test_a_package_that_is_missing_is_named(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, "import no_such_package\nclass Worker: pass")
    with pytest.raises(ModelError, match="ModuleNotFoundError: No module named 'no_such_package'"):
        opened(spec)


def test_a_script_that_never_serves_is_named(tmp_path: Path) -> None:
    (tmp_path / "idle.py").write_text("print('done')")
    with pytest.raises(ModelError, match="ended with exit code 0; the last of its standard error:\ndone"):
        opened(f"worker:{tmp_path / 'idle.py'}")


def test_a_slow_start_is_waited_for(tmp_path: Path) -> None:
    with opened(raw_worker(tmp_path, start="time.sleep(1.2); hello()")) as model:
        assert replies(model, asked("good"))[0].text == "ok"


@pytest.mark.parametrize(
    ("spec", "arguments", "told"),
    [
        ("worker:nobody", {}, "no worker 'nobody': expected .*the path of a script"),
        ("worker:{}/text", {}, "neither"),
        ("worker:{}/own.py", {"python": "/no/such/python"}, "python=/no/such/python, found none"),
        ("worker:{}/own.py", {"cwd": "/no/such/folder"}, "expected a folder at cwd=/no"),
        ("worker:{}/own.py", {"item_timeout": "0"}, "item_timeout takes a number of seconds above 0"),
        ("worker:{}/own.py", {"start_timeout": "soon"}, "argument start_timeout"),
        ("worker:{}/own.py", {"tims": "2"}, "takes no argument 'tims': it takes none"),
        ("worker:{}/broken", {}, "cannot be started"),
    ],
)
def test_a_call_that_is_wrong_is_a_usage_error(
    tmp_path: Path, spec: str, arguments: dict[str, str], told: str
) -> None:
    worker_script(tmp_path, "class Worker: pass")
    (tmp_path / "text").write_text("text")
    (tmp_path / "broken").write_text("#!/no/such/interpreter\n")
    (tmp_path / "broken").chmod(0o755)
    with pytest.raises(UsageError, match=told):
        opened(spec.format(tmp_path), **arguments)


def test_a_worker_takes_any_argument_and_says_itself_what_it_knows() -> None:
    assert accepts("worker:nobody", "lora_scale")
    assert not accepts("replay:nobody", "lora_scale")


DYING = """
import os, sys

class Worker:
    batch_size = 3

    def __init__(self):
        self.recorded = {{"pid": os.getpid()}}

    def answer(self, requests):
        for request in requests:
            if {condition}:
                sys.stderr.write("dying of " + request["text"])
                os._exit(9)
            yield request["text"].upper()
"""


def test_poisonous_requests_take_no_other_with_them(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition='request["text"].startswith("poison")'))
    with opened(spec) as model:
        found = replies(model, asked("a", "poison 1", "b", "c", "d", "poison 2", "e"))
    assert [response.text for response in found] == ["A", None, "B", "C", "D", None, "E"]
    assert found[1].error == "the worker ended with exit code 9 (dying of poison 1)"
    assert found[5].finish_reason == "error"


def test_many_poisonous_requests_in_a_row_stop_nothing(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition='request["text"] == "poison"'))
    with opened(spec) as model:
        found = replies(model, asked(*["poison"] * 7, "a", "b"))
    assert [response.text for response in found] == [None] * 7 + ["A", "B"]


@pytest.mark.slow
def test_a_worker_that_dies_of_everything_stops_the_run_with_its_last_words(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition='request["text"] != "a"'))
    found = []
    with opened(spec) as model, pytest.raises(ModelError, match=r"(?s)dying of b.*cost 20 requests in a row"):
        found.extend(model.answer(asked("a", *"b" * 30)))
    assert [response.text for response in found] == ["A"] + [None] * 20


def test_a_worker_that_starts_no_more_stops_the_run(tmp_path: Path) -> None:
    spec = worker_script(
        tmp_path,
        """
        import os, sys

        class Worker:
            def __init__(self):
                with open("starts", "a") as file:
                    file.write("x")
                if os.path.getsize("starts") > 1:
                    sys.stderr.write("no memory left")
                    os._exit(9)

            def answer(self, requests):
                os._exit(9)
        """,
    )
    with (
        opened(spec, cwd=str(tmp_path)) as model,
        pytest.raises(ModelError, match=r"(?s)no memory left.*5th time in a row before anything was asked"),
    ):
        list(model.answer(asked("a")))
    assert (tmp_path / "starts").read_text() == "x" * 6


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition="False"))
    requests = asked(*(f"text {at}" for at in range(30)))
    found = []
    with opened(spec) as model:
        for response in model.answer(iter(requests)):
            found.append(response)
            if len(found) == 7:
                os.kill(model.recorded["pid"], signal.SIGKILL)
    assert sorted((response.id, response.text) for response in found) == sorted(
        (request.id, request.text.upper()) for request in requests
    )


def test_a_worker_that_comes_back_as_another_model_stops_the_run(tmp_path: Path) -> None:
    spec = worker_script(
        tmp_path,
        """
        import os

        class Worker:
            def __init__(self):
                self.settings = {"revision": os.path.exists("revised")}

            def answer(self, requests):
                open("revised", "w").close()
                os._exit(9)
        """,
    )
    with opened(spec, cwd=str(tmp_path)) as model, pytest.raises(MismatchError, match="revision False and True"):
        list(model.answer(asked("a")))


def test_requests_are_read_a_batch_at_a_time(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition="False"))
    read: list[str] = []

    def requests() -> Iterator[Request]:
        for request in asked(*"abcdefghi"):
            read.append(request.id)
            yield request

    with opened(spec) as model:
        answers = model.answer(requests())
        for _ in range(2):
            next(answers)
        # The batch that is answered, and the one that the worker was given meanwhile.
        assert len(read) <= 6
        answers.close()
        assert len(read) <= 6
        assert [response.text for response in replies(model, asked("again"))] == ["AGAIN"]


def test_a_request_stream_that_fails_raises_what_it_raised(tmp_path: Path) -> None:
    spec = worker_script(tmp_path, DYING.format(condition="False"))

    def requests() -> Iterator[Request]:
        yield from asked("a", "b", "c", "d")
        raise KeyError("stream")

    with opened(spec) as model:
        with pytest.raises(KeyError, match="stream"):
            list(model.answer(requests()))
        assert replies(model, asked("again"))[0].text == "AGAIN"


def test_keys_stay_with_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {"OPENAI_API_KEY", "AZURE_OPENAI_APIKEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD"}
    kept = {"HF_TOKEN", "TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES"}
    for name in hidden | kept:
        monkeypatch.setenv(name, "0")
    code = "import os\nclass Worker:\n    def answer(self, requests): return [' '.join(os.environ)]"
    with opened(worker_script(tmp_path, code)) as model:
        names = set((replies(model, asked("?"))[0].text or "").split())
    assert names & (hidden | kept) == kept


def test_a_script_that_changed_is_another_model(tmp_path: Path) -> None:
    found = []
    for answer in ("a", "a", "b"):
        code = f"class Worker:\n    settings = {{'script': 'x'}}\n    def answer(self, asked): return ['{answer}']"
        with opened(worker_script(tmp_path, code)) as model:
            found.append(model.settings)
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_worker_runs_in_the_folder_it_is_given(tmp_path: Path) -> None:
    code = "import os\nclass Worker:\n    def answer(self, requests): return [os.getcwd()]"
    with opened(worker_script(tmp_path, code), cwd=str(tmp_path)) as model:
        assert replies(model, asked("?"))[0].text == str(tmp_path.resolve())


def test_prompts_and_inputs_are_the_workers_to_tell(tmp_path: Path) -> None:
    spec = worker_script(
        tmp_path,
        """
        class Worker:
            def answer(self, requests):
                return ["x"]

            def prompt(self, request):
                return "USER: <Speech>" + request["text"]

            def inputs_differ(self, first, second):
                if first["text"] == "bad":
                    raise ValueError("no clip")
                return first["text"] != second["text"]
        """,
    )
    one, other = asked("Hi.", "Who?")
    with opened(spec) as model:
        assert model.prompt(one) == "USER: <Speech>Hi."
        assert (model.inputs_differ(one, other), model.inputs_differ(one, one)) == (True, False)
        with pytest.raises(ModelError, match="ValueError: no clip"):
            model.inputs_differ(Request("b", "bad"), one)
        # A stream may ask for the prompt of what it hands out, and who reads it for that of what was answered.
        found = [(model.prompt(one), response.text) for response in model.answer(_prompted(model, [one, other]))]
        assert found == [("USER: <Speech>Hi.", "x")] * 2


def _prompted(model: Model, requests: list[Request]) -> Iterator[Request]:
    for request in requests:
        assert model.prompt(request).endswith(request.text)
        yield request


HOLDING = """
import os, signal, subprocess, sys, time

class Worker:
    def __init__(self):
        {stubborn}
        self.child = subprocess.Popen(["sleep", "60"])
        self.recorded = {{"pid": os.getpid(), "child": self.child.pid}}

    def answer(self, requests):
        print("busy", flush=True)
        {answer}
"""
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); import atexit; atexit.register(time.sleep, 60)"


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize("stubborn", ["pass", IGNORING], ids=["polite", "stubborn"])
def test_closing_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: str) -> None:
    monkeypatch.setattr(worker_process, "GOODBYE_S", 0.5)
    monkeypatch.setattr(worker_process, "TERMINATE_S", 0.2)
    model = opened(worker_script(tmp_path, HOLDING.format(stubborn=stubborn, answer='return ["x"]')))
    replies(model, asked("?"))
    pids = model.recorded["pid"], model.recorded["child"]
    model.close()
    assert eventually(lambda: all(map(gone, pids)), 2)
    model.close()


def test_leaving_a_stream_ends_who_is_still_at_work(tmp_path: Path) -> None:
    script = HOLDING.format(stubborn="self.batch_size = 2", answer='yield "x"; time.sleep(60); yield "y"')
    with opened(worker_script(tmp_path, script)) as model:
        answers = model.answer(asked("quick", "slow"))
        assert next(answers).text == "x"
        started = time.monotonic()
        answers.close()
        assert time.monotonic() - started < 5
        assert eventually(lambda: gone(model.recorded["child"]), 2)


@pytest.mark.slow
@pytest.mark.parametrize("busy", [True, False], ids=["at work", "idle"])
def test_a_client_that_is_killed_leaves_no_worker(tmp_path: Path, busy: bool) -> None:
    spec = worker_script(
        tmp_path, HOLDING.format(stubborn="self.batch_size = 2", answer='yield "x"; time.sleep(60)')
    )
    code = (
        "from speech_ifeval.models import Request, open_model\n"
        f"model = open_model({spec!r})\n"
        "print(model.recorded['pid'], model.recorded['child'], flush=True)\n"
        "answers = model.answer([Request('a', 'b'), Request('c', 'd')])\n"
        f"print(next(answers).text, flush=True) if {busy} else input()\n"
        "next(answers)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        pids = [int(pid) for pid in client.stdout.readline().split()]
        assert not busy or client.stdout.readline() == "x\n"
        client.kill()
    assert len(pids) == 2
    assert eventually(lambda: all(map(gone, pids)), 15)
