"""What tells of the machine a run was made on, and is left out of what is passed on: paths, hosts, keys."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from speech_ifeval.judges import CALL_FAILED
from speech_ifeval.pipeline.verdicts import NO_RESPONSE
from speech_ifeval.records import Judgement, Response, Verdict
from speech_ifeval.results import Summary

_FAILED_CALL = "the call failed"
# Whatever stands under one of these names is left out: where things lay, who ran it, and what nobody may know.
_LEFT_OUT = frozenset(
    {
        *("sources", "cwd", "home", "argv", "command_line", "env", "environ", "environment", "user", "username"),
        *("host", "hostname", "base_url", "server", "headers", "auth", "authorization", "password", "secret"),
        *("key", "api_key", "api_key_env", "token", "hf_token", "access_token"),
    }
)
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s'\"<>|)\]},;]+", re.IGNORECASE)
_NAMED_HOST = re.compile(r"\b(host|port)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[\w.:-]+)", re.IGNORECASE)
_QUOTED_PATH = re.compile(r"(['\"])((?:~|[A-Za-z]:)?[/\\][^'\"\n]*)\1")
_PATH = re.compile(r"(?<![\w./\\~])(?:~|[A-Za-z]:)?[/\\](?=[^\s/\\])[^\s'\"<>|:,;()\[\]{}]+")
_WHOLE_PATH = re.compile(r"((?:[a-z]+:)*)(?:~|[A-Za-z]:)?[/\\][^\n]*", re.IGNORECASE)


def anonymous(text: str) -> str:
    """Return a text with every absolute path cut to its last part, and without addresses and this machine's name.

    >>> anonymous("no file '/home/jo smith/model/config.json'"), anonymous("hf:/data/models/mine")
    ("no file 'config.json'", 'hf:mine')
    >>> anonymous("POST http://10.0.0.7:8000/v1 failed"), anonymous("hf:Qwen/Qwen2-Audio 1/2")
    ('POST http://… failed', 'hf:Qwen/Qwen2-Audio 1/2')
    """
    text = _ADDRESS.sub(r"\1://…", text)
    whole = _WHOLE_PATH.fullmatch(text)
    if whole is not None and "://" not in text:
        text = f"{whole[1]}{_last(text)}"
    text = _QUOTED_PATH.sub(lambda match: f"{match[1]}{_last(match[2])}{match[1]}", text)
    text = _PATH.sub(lambda match: _last(match[0]), text)
    text = _NAMED_HOST.sub(r"\1\2…", text)
    host = socket.gethostname()
    return re.sub(rf"\b{re.escape(host)}\b", "…", text) if len(host) > 3 and host != "localhost" else text


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or "…"


def anonymous_document(value: Any) -> Any:
    """Return a JSON value with all its texts anonymous, and without what is never passed on."""
    if isinstance(value, str):
        return anonymous(value)
    if isinstance(value, Mapping):
        return {
            anonymous(str(name)): anonymous_document(part)
            for name, part in value.items()
            if str(name).casefold() not in _LEFT_OUT
        }
    if isinstance(value, list | tuple):
        return [anonymous_document(part) for part in value]
    return value


def anonymous_response(response: Response) -> Response:
    """Return a response whose error tells nothing of the machine; the reply itself is left as it is."""
    return response if response.error is None else replace(response, error=anonymous(response.error))


def anonymous_reason(reason: str) -> str:
    """Return a verdict's reason, cleaned where it repeats why there is no response or no judgement."""
    for beginning in (f"{NO_RESPONSE}: ", f"{_FAILED_CALL}: "):
        if reason.startswith(beginning):
            return beginning + anonymous(reason.removeprefix(beginning))
    return reason


def anonymous_verdict(verdict: Verdict) -> Verdict:
    """Return a verdict whose reason tells nothing of the machine."""
    return verdict if verdict.reason is None else replace(verdict, reason=anonymous_reason(verdict.reason))


def anonymous_judgement(judgement: Judgement) -> Judgement:
    """Return a judgement whose reason tells nothing of the machine."""
    if judgement.reason is None or CALL_FAILED not in judgement.flags:
        return judgement
    return replace(judgement, reason=anonymous_reason(judgement.reason))


def anonymous_summary(summary: Summary) -> Summary:
    """Return a summary whose names and reasons tell nothing of the machine."""
    unscored: dict[str, int] = {}
    for reason, count in summary.unscored.items():
        cleaned = anonymous_reason(reason)
        unscored[cleaned] = unscored.get(cleaned, 0) + count
    theirs = summary.reference
    return replace(
        summary,
        name=anonymous(summary.name),
        unscored=unscored,
        reference=None if theirs is None else replace(theirs, name=anonymous(theirs.name)),
    )
