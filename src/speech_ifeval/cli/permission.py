"""Asking before many calls to somebody's server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from speech_ifeval.errors import UsageError
from speech_ifeval.models import Model, Request

ASKED_FROM = 100  # calls to another host


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
        if self._given or len(requests) < ASKED_FROM:
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(
                f"{len(requests)} calls to {model.remote_host} need a yes, and there is no terminal to ask on; "
                "give --yes"
            )
        sys.stderr.write("Go on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("not asked to go on; nothing was sent")
