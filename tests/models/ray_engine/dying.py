"""A model whose process dies over some requests."""

from __future__ import annotations

import os

from speech_ifeval.models import Request


def answer(requests: list[Request]) -> list[str]:
    if any("die" in request.instruction for request in requests):
        os._exit(3)
    return [request.instruction.upper() for request in requests]
