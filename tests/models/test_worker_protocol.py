"""`protocol.py`: alone in a bare interpreter, on Python 3.8, as the page about it says."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.models.worker_messages import MAX_LINE, PROTOCOL, Answer, Hello
from speech_ifeval.models.workers import protocol
from tests.models.worker_scripts import asked, opened, replies, worker_script

FILE = Path(protocol.__file__)
PAGE = (Path(__file__).parents[2] / "docs/worker-protocol.md").read_text()
EXAMPLE = PAGE.partition("<!-- a worker that runs in the tests -->\n```python\n")[2].partition("```")[0]
SESSION = PAGE.partition("<!-- a session that runs in the tests -->\n```text\n")[2].partition("```")[0]
VARYING = ("seconds", "recorded", "settings")
ECHO = """
class Worker:
    batch_size = 4
    {body}
    def answer(self, requests):
        return [{answer} for request in requests]
"""


def spoken(script: Path, lines: list[dict[str, Any]], *flags: str) -> tuple[list[dict[str, Any]], int]:
    done = subprocess.run(
        [sys.executable, *flags, str(FILE), str(script)],
        input="".join(json.dumps(line) + "\n" for line in lines).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def test_it_is_python_3_8() -> None:
    tree = ast.parse(FILE.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names


def test_the_page_names_what_the_code_has() -> None:
    assert protocol.PROTOCOL == PROTOCOL
    assert f"{MAX_LINE >> 20} MiB" in PAGE
    for record, kind in ((Hello, "hello"), (Answer, "response")):
        row = re.search(rf"^\| `{kind}` \| worker \| (.+?) \| ", PAGE, re.M)
        assert row is not None
        assert re.findall(r"`(\w+)`", row[1]) == list(record.__struct_fields__)
    for kind in (*protocol.KINDS, "Crash"):
        assert f"`{kind}`" in PAGE


def test_the_pages_example_has_at_most_20_lines_of_code_and_answers(tmp_path: Path) -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 20
    (tmp_path / "shout.py").write_text(EXAMPLE)
    with opened(f"worker:{tmp_path / 'shout.py'}", times="2") as model:
        assert (model.name, model.audio_limit, model.hears) == ("shout", 30.0, True)
        assert model.settings["arguments"] == {"times": 2}
        first, second = replies(model, asked("Hi.", "Who?"))
    assert (first.text, first.finish_reason, first.output_tokens) == ("HI.HI.", "stop", 6)
    assert second.text == "WHO?WHO?"


@pytest.mark.parametrize("flags", [(), ("-I", "-S")], ids=["usual", "bare interpreter"])
def test_the_pages_session_is_what_is_said(tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "shout.py").write_text(EXAMPLE)
    lines = [(line[0], json.loads(line[2:])) for line in SESSION.splitlines()]
    found, code = spoken(tmp_path / "shout.py", [message for side, message in lines if side == ">"], *flags)
    expected = [message for side, message in lines if side == "<"]
    assert [_fixed(message) for message in found] == [_fixed(message) for message in expected]
    assert (found[0]["settings"], code) == (expected[0]["settings"], 0)


def _fixed(message: dict[str, Any]) -> dict[str, Any]:
    return {key: type(value).__name__ if key in VARYING else value for key, value in message.items()}


def test_a_script_beside_the_protocol_runs_by_itself(tmp_path: Path) -> None:
    (tmp_path / "protocol.py").write_bytes(FILE.read_bytes())
    worker_script(tmp_path, ECHO.format(body="", answer='request["text"]'))
    lines = [{"type": "hello", "protocol": 1, "arguments": {}}, {"type": "bye"}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    command = [sys.executable, "own.py"]
    done = subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, text=True, check=True)
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["hello", "next"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"tims": "1"}, "takes no argument 'tims': it takes device, loud, scale, times"),
        ({"times": "two", "scale": "1"}, "argument times: expected int, found 'two'"),
        ({"times": "2.5", "scale": "1"}, "argument times: expected int"),
        ({"loud": "perhaps", "scale": "1"}, "argument loud: expected bool"),
        ({}, "needs the argument scale"),
        ({"scale": "-1"}, "scale is at least 0, found -1.0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path: Path, arguments: dict[str, str], told: str) -> None:
    body = """
    def __init__(self, *, scale: float, times: int = 1, loud: bool = False, device="cpu"):
        if scale < 0:
            from protocol import UsageError
            raise UsageError(f"scale is at least 0, found {scale}")
    """
    worker_script(tmp_path, ECHO.format(body=body, answer='"x"'))
    found, code = spoken(tmp_path / "own.py", [{"type": "hello", "protocol": 1, "arguments": arguments}])
    assert (len(found), found[0]["type"], found[0]["kind"], code) == (1, "error", "UsageError", 1)
    assert told in found[0]["message"]


def test_arguments_are_converted_and_part_of_the_settings(tmp_path: Path) -> None:
    body = """
    def __init__(self, *, scale: "Optional[float]" = None, times=1, loud: bool = False, device="cpu"):
        self.given = [scale, times, loud, device]
        self.settings = {"weights": "w"}
    """
    worker_script(tmp_path, ECHO.format(body=body, answer="repr(self.given)"))
    arguments = {"scale": "0.5", "times": "3", "loud": "yes", "device": "cuda:1"}
    with opened(f"worker:{tmp_path / 'own.py'}", **arguments) as model:
        assert replies(model, asked("?"))[0].text == "[0.5, 3, True, 'cuda:1']"
        assert model.settings["arguments"] == {"scale": 0.5, "times": 3, "loud": True}
        assert model.settings["weights"] == "w"
    with opened(f"worker:{tmp_path / 'own.py'}", scale="none") as model:
        assert model.settings["arguments"] == {"scale": None, "times": 1, "loud": False}


ANSWERS = [
    ("text", '"x"', ("x", None)),
    ("exception", 'ValueError("no voice")', (None, "ValueError: no voice")),
    ("error", '{"error": "too long"}', (None, "too long")),
    ("text beside an error", '{"text": "x", "error": "too long"}', (None, "too long")),
    ("empty text", '""', ("", None)),
    ("half a pair", '"a" + chr(0xd83d) + "b"', ("a\ufffdb", None)),
    ("emoji", 'chr(0x1f600) + "\\x00\\x1b[2J"', ("\U0001f600\x00\x1b[2J", None)),
    ("wrong type", "3", (None, "TypeError: expected a str or a dict as the answer to a request, found int")),
    ("no JSON", '{"text": "x", "seconds": object()}', (None, "TypeError: a object is no JSON")),
    ("NaN", '{"text": "x", "seconds": float("nan")}', (None, "ValueError: Out of range float values")),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_what_an_answer_may_be(tmp_path: Path, answer: str, expected: tuple[str | None, str | None]) -> None:
    spec = worker_script(
        tmp_path, ECHO.format(body="", answer=answer + ' if request["text"] == "bad" else "fine"')
    )
    with opened(spec) as model:
        first, second, third = replies(model, asked("good", "bad", "good"))
    assert (first.text, third.text) == ("fine", "fine")
    assert second.text == expected[0]
    assert second.error == expected[1] or (second.error or "").startswith(expected[1] or "?")


@pytest.mark.parametrize(
    "answer",
    [
        "[self.one(request) for request in requests]",
        "(self.one(request) for request in requests)",
        "list(map(self.one, requests))[:2]",
        "(self.one(request) for request in requests[:1])",
    ],
    ids=["list", "generator", "too few", "too few yielded"],
)
def test_a_batch_that_fails_is_taken_one_by_one(tmp_path: Path, answer: str) -> None:
    spec = worker_script(
        tmp_path,
        f"""
        class Worker:
            batch_size = 4

            def one(self, request):
                if request["text"] == "bad":
                    raise RuntimeError("cannot")
                return request["text"].upper()

            def answer(self, requests):
                return {answer}
        """,
    )
    with opened(spec) as model:
        found = replies(model, asked("a", "bad", "c", "d", "e"))
    assert [response.text for response in found] == ["A", None, "C", "D", "E"]
    assert found[1].error == "RuntimeError: cannot"


def test_printing_and_reading_do_no_harm(tmp_path: Path) -> None:
    spec = worker_script(
        tmp_path,
        """
        import os, subprocess, sys
        print("loading")
        os.write(1, b"from C\\n")

        class Worker:
            def answer(self, requests):
                print('{"type":"response","id":"i0","text":"forged"}', flush=True)
                subprocess.run(["echo", "from a child"], check=True)
                try:
                    return [input("Trust this code? ")]
                except EOFError:
                    return ["nobody there"]
        """,
    )
    with opened(spec) as model:
        assert replies(model, asked("?"))[0].text == "nobody there"


def test_a_name_of_this_folder_does_not_hide_a_package(tmp_path: Path) -> None:
    # Workers are named after models, as the packages of their repositories are.
    package = tmp_path / "host"
    package.mkdir()
    (package / "__init__.py").write_text("WHO = 'the repository'")
    spec = worker_script(tmp_path, ECHO.format(body="import host", answer="self.host.WHO"))
    with opened(spec) as model:
        assert replies(model, asked("?"))[0].text == "the repository"
