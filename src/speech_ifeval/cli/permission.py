"""Asking before many calls to somebody's server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from speech_ifeval.errors import UsageError
from speech_ifeval.judges import Cost, Judge
from speech_ifeval.models import Model, Request

ASKED_FROM = 100  # calls to another host


class JudgePermission:
    """Says what judging will cost, and asks first where it is much and goes to another host."""

    def __init__(self, say: Callable[[str], None], *, given: bool) -> None:
        self._say = say
        self._given = given

    def __call__(self, judge: Judge, cost: Cost) -> None:
        host = judge.remote_host
        self._say(f"judge {judge.name} at {host or 'this machine'}: {cost}")
        if host is not None:
            _ask(cost.calls, host, given=self._given)


class Permission:
    """Says what a server will be asked, and asks first where it is much: called with the model and requests."""

    def __init__(self, say: Callable[[str], None], *, given: bool) -> None:
        self._say = say
        self._given = given

    def __call__(self, model: Model, requests: Sequence[Request]) -> None:
        if model.remote_host is None:
            return
        from speech_ifeval.models.costs import estimate

        self._say(f"{model.name} at {model.remote_host}: {estimate(requests)}")
        _ask(len(requests), model.remote_host, given=self._given)


def _ask(calls: int, host: str, *, given: bool) -> None:
    if given or calls < ASKED_FROM:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{calls} calls to {host} need a yes, and there is no terminal to ask on; give --yes")
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not asked to go on; nothing was sent")
