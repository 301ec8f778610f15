"""Recorded responses as a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.recorded import Intake
from speech_ifeval.records import Response


class ReplayModel(Model):
    """Answers with what was recorded; `intake` also names the files of recorded judge replies."""

    hears = False
    canned = True

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.name = intake.name
        self.settings = {"responses": intake.fingerprint()}

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            recorded = self.intake.responses.get(request.id)
            if recorded is None:
                yield failed(request, "no response was recorded")
            else:
                yield replace(recorded, fingerprint=None)
