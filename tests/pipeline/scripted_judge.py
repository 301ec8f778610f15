"""A judge's server on loopback that says what it is told to, and knows the token that its verdict must bear."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.models.serving import Answer, Asked, completion

_TOKEN = re.compile(r"Result ([0-9a-f]{8}): ")
_RESPONSE = re.compile(r"--- response ([0-9a-f]{8}) begins ---\n(.*)\n--- response \1 ends ---", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """What the judge was asked: the reply that it judges, its token, and which try this is."""

    response: str
    token: str
    attempt: int
    system: str
    user: str
    number: int
    seed: int | None

    @property
    def about_transcript(self) -> bool:
        return "NONE" in self.system

    def yes(self) -> str:
        if self.about_transcript:
            return f'Result {self.token}: "{self.response}"'
        return f"So be it.\nResult {self.token}: YES"


def case_of(asked: Asked) -> Case:
    messages = [message["content"] for message in asked.json["messages"]]
    token, response = _TOKEN.search(messages[0]), _RESPONSE.search(messages[1])
    assert token is not None
    assert response is not None
    return Case(
        response=response[2],
        token=token[1],
        attempt=len(messages) // 2,
        system=messages[0],
        user=messages[1],
        number=asked.number,
        seed=asked.json.get("seed"),
    )


def scripted(say: Callable[[Case], str | Answer]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        said = say(case_of(asked))
        return completion(said) if isinstance(said, str) else said

    return answer
