"""The worker's side of the protocol of docs/worker-protocol.md: JSON lines on standard input and output.

A worker is a class, or a function that returns an object; its keywords are its arguments. `serve` does the rest::

    if __name__ == "__main__":
        from protocol import serve

        serve(MyModel)

This file is one of its own: the standard library only, Python 3.8 or later, so that it runs in the environment of
any research repository. ``python protocol.py SCRIPT.py`` runs a script that imports it by the name ``protocol``.
"""

from __future__ import annotations

import inspect
import json
import os
import queue
import re
import runpy
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator  # noqa: UP035 - Python 3.8

PROTOCOL = 1
KINDS = ("UsageError", "DataError", "MismatchError", "OutputError", "MissingExtraError", "ModelError")
NOT_SETTINGS = ("device", "batch_size", "hosted")
GRACE_S = 5.0
# After one of these nothing on the device works any more: only a new process does.
LOST_DEVICE = re.compile(r"CUDA error|device-side assert|NCCL error|cuDNN_STATUS|HIP error")

_channels: list[Channel] = []


class UsageError(Exception):
    """An argument that cannot be: raised while the model is made, it ends the run with that message."""


class Channel:
    """The two pipes to the client. Whoever prints, or reads standard input, gets another file from here on."""

    def __init__(self) -> None:
        self._in = os.dup(0)
        self._out = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def read(self) -> dict[str, Any] | None:
        """Return the next message, None once the client has gone."""
        line = self._lines.get()
        if line is None:
            return None
        message: dict[str, Any] = json.loads(line.decode("utf-8"))
        return message

    def write(self, message: dict[str, Any]) -> None:
        """Send one message; ValueError or TypeError where it is no JSON."""
        line = json.dumps(_whole(message), allow_nan=False, default=_plain).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(self._out, line) :]
        except BrokenPipeError:
            _vanish()

    def _listen(self) -> None:
        waiting = b""
        while True:
            try:
                read = os.read(self._in, 1 << 16)
            except OSError:
                read = b""
            if not read:
                break
            *lines, waiting = (waiting + read).split(b"\n")
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)
        # The client has gone, perhaps killed: a reply in the making would hold the device for nobody.
        time.sleep(GRACE_S)
        _vanish()


def serve(load: Callable[..., Any]) -> None:
    """Speak the protocol until the client says goodbye.

    Args:
        load: makes the worker; its keywords are the arguments the worker takes, converted to the types of their
            annotations or defaults (str, int, float, bool). The worker has `answer(requests)`, given a list of
            at most `batch_size` dicts, which returns or yields one result a request, in order: a str, a dict
            (text, finish_reason, input_tokens, output_tokens, seconds, audio_cut, transcript, or error), or an
            exception. What it may have besides: `name`, `hears`, `audio_limit`, `batch_size`, `settings`,
            `recorded`, `prompt(request)`, `inputs_differ(first, second)`, `close()`.
    """
    channel = open_channel()
    try:
        hello = channel.read()
        if hello is None:
            return
        worker, greeting = _start(load, hello)
        channel.write(greeting)
        _Session(channel, worker).run()
    except _Goodbye as goodbye:
        close = getattr(worker, "close", None)
        if close is not None:
            close()
        if goodbye.gone:
            _vanish()
    # Foreign code: whatever it raises is reported by type and message, and ends the process.
    except Exception as error:  # noqa: BLE001
        _end(channel, error)


def open_channel() -> Channel:
    """Return the one channel of this process."""
    if not _channels:
        _channels.append(Channel())
    return _channels[0]


class _Goodbye(Exception):  # noqa: N818
    def __init__(self, gone: bool) -> None:
        super().__init__()
        self.gone = gone


class _Session:
    def __init__(self, channel: Channel, worker: Any) -> None:
        self._channel = channel
        self._worker = worker

    def run(self) -> None:
        if hasattr(self._worker, "stream"):
            while True:
                for result in self._worker.stream(self._requests()):
                    self._respond(result["id"], result)
        size = int(getattr(self._worker, "batch_size", 1))
        while True:
            batch, _ = self._next(size)
            if batch:
                self._answer(batch)

    def _next(self, count: int) -> tuple[list[dict[str, Any]], bool]:
        self._channel.write({"type": "next", "count": count})
        while True:
            message = self._channel.read()
            kind = "bye" if message is None else message.get("type")
            if message is None or kind == "bye":
                raise _Goodbye(gone=message is None)
            if kind == "requests":
                return message["requests"], bool(message.get("last"))
            self._channel.write(self._told(str(kind), message))

    def _requests(self) -> Iterator[dict[str, Any]]:
        last = False
        while not last:
            batch, last = self._next(1)
            yield from batch

    def _told(self, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        try:
            if kind == "prompt":
                return {"type": kind, "prompt": str(self._worker.prompt(message["request"]))}
            if kind == "inputs_differ":
                differ = self._worker.inputs_differ(message["first"], message["second"])
                return {"type": kind, "differ": None if differ is None else bool(differ)}
        # Foreign code again: what is asked beside the requests fails alone.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            return {"type": "failed", **kind_of(error)}
        return {"type": "failed", "kind": "ModelError", "message": "unknown message " + repr(kind)}

    def _answer(self, batch: list[dict[str, Any]]) -> None:
        started = time.monotonic()
        answered = 0
        try:
            answers = self._worker.answer(batch)
            at_once = isinstance(answers, (list, tuple))
            if at_once and len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} requests")
            for request, answer in zip(batch, answers):  # noqa: B905 - Python 3.8
                seconds = (time.monotonic() - started) / (len(batch) if at_once else 1)
                self._respond(request["id"], {"seconds": seconds, **_result(answer)})
                answered += 1
                if not at_once:
                    started = time.monotonic()
            if answered < len(batch):
                raise ValueError(f"{answered} answers to {len(batch)} requests")
        # Foreign code: one item's failure is that item's, so a batch that fails is taken one by one.
        except Exception as error:
            traceback.print_exc()
            if LOST_DEVICE.search(str(error)):
                raise
            left = batch[answered:]
            if len(batch) == 1:
                self._respond(left[0]["id"], _result(error))
                return
            for request in left:
                self._answer([request])

    def _respond(self, identity: str, result: dict[str, Any]) -> None:
        response = {key: value for key, value in result.items() if value is not None}
        self._channel.write({**response, "type": "response", "id": identity})


def _result(answer: Any) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"text": answer}
    if isinstance(answer, BaseException):
        return {"text": None, "finish_reason": "error", "error": type(answer).__name__ + ": " + str(answer)}
    if isinstance(answer, dict):
        return answer
    raise TypeError(f"expected a str or a dict as the answer to a request, found {type(answer).__name__}")


def _start(load: Callable[..., Any], hello: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
        raise UsageError(
            f"expected a hello of protocol {PROTOCOL}, found {hello.get('type')!r} of protocol "
            f"{hello.get('protocol')!r}; the worker's protocol.py and the package must be of one version"
        )
    declared = _declared(load)
    given = _converted(declared, hello.get("arguments", {}))
    worker = load(**given)
    arguments = {**{name: one["default"] for name, one in declared.items()}, **given}
    kept = {name: value for name, value in arguments.items() if name not in NOT_SETTINGS}
    script = getattr(sys.modules["__main__"], "__file__", None) or "worker"
    greeting = {
        "type": "hello",
        "protocol": PROTOCOL,
        "name": getattr(worker, "name", None) or Path(script).stem,
        "hears": bool(getattr(worker, "hears", True)),
        "audio_limit": getattr(worker, "audio_limit", None),
        "remote_host": getattr(worker, "remote_host", None),
        "batch_size": int(getattr(worker, "batch_size", 1)),
        "settings": {**({"arguments": kept} if kept else {}), **getattr(worker, "settings", {})},
        "recorded": {"python": sys.version.split()[0], **getattr(worker, "recorded", {})},
        "capabilities": [one for one in ("prompt", "inputs_differ", "stream") if hasattr(worker, one)],
        "arguments": [{"name": name, **one} for name, one in declared.items()],
    }
    return worker, greeting


def _declared(load: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for parameter in inspect.signature(load).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise UsageError("a worker names its arguments one by one; found " + str(parameter))
        required = parameter.default is parameter.empty
        default = None if required else parameter.default
        # As text, because 3.8 cannot evaluate every annotation that it can parse.
        noted = "" if parameter.annotation is parameter.empty else parameter.annotation
        text = noted if isinstance(noted, str) else getattr(noted, "__name__", str(noted))
        if not text and default is not None:
            text = type(default).__name__
        kinds = [kind for kind in ("bool", "int", "float", "dict", "str") if re.search(rf"\b{kind}\b", text)]
        found[parameter.name] = {"type": (kinds or ["str"])[0], "default": default, "required": required}
    return found


def _converted(declared: dict[str, dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    converted = {}
    for name, value in given.items():
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise UsageError(f"the worker takes no argument {name!r}: it takes {known}")
        converted[name] = _value(name, declared[name], value)
    for name, one in declared.items():
        if one["required"] and name not in converted:
            raise UsageError(f"the worker needs the argument {name}; give --model-args {name}=…")
    return converted


def _value(name: str, declared: dict[str, Any], value: Any) -> Any:
    kind = declared["type"]
    if value is None or (declared["default"] is None and str(value).lower() == "none"):
        return None
    text = str(value).strip()
    truths = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        if kind == "bool":
            return truths[text.lower()]
        if kind in ("int", "float"):
            return int(text) if kind == "int" else float(text)
    except (KeyError, ValueError):
        raise UsageError(f"the argument {name}: expected {kind}, found {value!r}") from None
    return value if kind == "dict" else text


def kind_of(error: BaseException) -> dict[str, str]:
    named = type(error).__name__
    for one in type(error).__mro__:
        if one.__name__ in KINDS:
            return {"kind": one.__name__, "message": str(error)}
    if LOST_DEVICE.search(str(error)):
        return {"kind": "Crash", "message": named + ": " + str(error)}
    return {"kind": "ModelError", "message": named + ": " + str(error)}


def _end(channel: Channel, error: BaseException) -> None:
    if not any(one.__name__ in KINDS for one in type(error).__mro__):
        traceback.print_exception(type(error), error, error.__traceback__)
    channel.write({"type": "error", **kind_of(error)})
    sys.stderr.flush()
    # Threads of a library, or a device in trouble, could keep an orderly exit waiting for ever.
    os._exit(1)


def _vanish() -> None:
    # Nobody is left to end what this process has started.
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _whole(value: Any) -> Any:
    """Return a message that UTF-8 can hold: half a surrogate pair becomes the replacement character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {str(key): _whole(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")


def _run_script(path: str) -> None:
    channel = open_channel()
    here = Path(__file__).resolve().parent
    folder = Path(path).resolve().parent
    # Workers are named after models, and so are packages of the repositories they import: this folder is no place
    # to look for those. The script finds this file by its name alone.
    sys.path[:] = [one for one in sys.path if Path(one or ".").resolve() != here]
    if folder != here:
        sys.path.insert(0, str(folder))
    sys.modules["protocol"] = sys.modules[__name__]
    sys.argv = [path]
    try:
        runpy.run_path(path, run_name="__main__")
    # Foreign code: a package that is missing is the commonest of what is raised here.
    except Exception as error:  # noqa: BLE001
        _end(channel, error)


if __name__ == "__main__":
    _run_script(sys.argv[1])
