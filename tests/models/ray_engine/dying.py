"""Models whose process dies over some requests, or says which it is."""

from __future__ import annotations

import os
import time

from speech_ifeval.models import Request


def answer(requests: list[Request]) -> list[str]:
    if any("die" in request.instruction for request in requests):
        os._exit(3)
    return [request.instruction.upper() for request in requests]


def who(requests: list[Request]) -> list[str]:
    time.sleep(0.2)
    return [str(os.getpid()) for _ in requests]
