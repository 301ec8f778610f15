"""Workers that tests write: well-behaved ones on `protocol.py`, and executables that send whatever they like."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from speech_ifeval.models import Model, Request, Response, open_model

SERVE = '\n\nif __name__ == "__main__":\n    from protocol import serve\n\n    serve(Worker)\n'

RAW = """\
#!{python} -IS
import json, os, signal, subprocess, sys, time

def say(message):
    line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\\n"
    while line:
        line = line[os.write(1, line):]

def hear():
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)

def hello(**more):
    say({{"type": "hello", "protocol": 1, "name": "raw", "batch_size": 4, **more}})

def response(request, **more):
    say({{"type": "response", "id": request["id"], "text": "ok", **more}})

def bad(request, before):
{bad}

arguments = hear()["arguments"]
{start}
while True:
    say({{"type": "next", "count": 4}})
    message = hear()
    if message["type"] == "bye":
        sys.exit(0)
    before = None
    for request in message["requests"]:
        if request["instruction"] == "bad":
            bad(request, before)
        else:
            response(request)
            before = request
"""


def worker_script(folder: Path, code: str, name: str = "own.py") -> str:
    """Write a script with a class `Worker` and return its specification."""
    script = folder / name
    script.write_text(textwrap.dedent(code) + SERVE)
    return f"worker:{script}"


def raw_worker(folder: Path, bad: str = "pass", start: str = "hello()") -> str:
    """Write an executable that does `bad` instead of answering the instruction "bad"."""
    script = folder / "raw"
    script.write_text(
        RAW.format(python=sys.executable, bad=textwrap.indent(textwrap.dedent(bad), "    "), start=start)
    )
    script.chmod(0o755)
    return f"worker:{script}"


def asked(*instructions: str) -> list[Request]:
    """Return a request for each instruction; ids are ``i0``, ``i1``, …"""
    return [Request(f"i{at}", instruction) for at, instruction in enumerate(instructions)]


def replies(model: Model, requests: list[Request]) -> list[Response]:
    """Return the responses in the order of the requests; there is one for each."""
    found = list(model.answer(iter(requests)))
    by_id = {response.id: response for response in found}
    assert sorted(by_id) == sorted(request.id for request in requests)
    assert len(found) == len(requests)
    return [by_id[request.id] for request in requests]


def opened(spec: str, **arguments: object) -> Model:
    """Open a worker with short time limits."""
    return open_model(spec, {"start_timeout": 20, "item_timeout": 20, **arguments})
