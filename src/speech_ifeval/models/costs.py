"""What a run asks of a server, reckoned before the first call."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from speech_ifeval.models.interface import Request

LETTERS_PER_TOKEN = 4
AUDIO_TOKENS_PER_SECOND = 25
SECONDS_PER_MINUTE = 60


class Cost(Struct, frozen=True):
    """Calls and what they carry; `str` of it is one sentence.

    Attributes:
        calls: one a request; further tries are not counted.
        audio_seconds: of all clips whose length is known, a shared clip once for each request.
        unknown_clips: how many clips have no known length.
        input_tokens: a token for every 4 letters of text, and 25 for every second of audio.
        output_tokens: the most that all replies may have together.

    >>> print(Cost(1533, 16080.0, 0, 480_000, 3_139_584))
    1,533 calls with 268 minutes of audio: about 480,000 input tokens (one for 4 letters, 25 for a second of \
audio) and at most 3,139,584 output tokens
    """

    calls: int
    audio_seconds: float
    unknown_clips: int
    input_tokens: int
    output_tokens: int

    def __str__(self) -> str:
        minutes = math.ceil(self.audio_seconds / SECONDS_PER_MINUTE)
        audio = f" with {minutes:,} minute{'' if minutes == 1 else 's'} of audio" if minutes else ""
        if self.unknown_clips:
            audio += f" {'and' if minutes else 'with'} {self.unknown_clips:,} clips of unknown length"
        calls = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        return (
            f"{calls}{audio}: about {self.input_tokens:,} input tokens "
            f"(one for {LETTERS_PER_TOKEN} letters, {AUDIO_TOKENS_PER_SECOND} for a second of audio) and at most "
            f"{self.output_tokens:,} output tokens"
        )


def estimate(requests: Iterable[Request]) -> Cost:
    """Reckon what a run's requests ask of a server.

    >>> estimate([Request("a", "Answer in capitals.", seconds=None, system=None)]).input_tokens
    5
    """
    calls = unknown = letters = output = 0
    seconds = 0.0
    for request in requests:
        calls += 1
        letters += len(request.text) + len(request.system or "")
        output += request.generation.max_new_tokens
        if request.audio is not None:
            seconds += request.seconds or 0.0
            unknown += request.seconds is None
    return Cost(
        calls=calls,
        audio_seconds=seconds,
        unknown_clips=unknown,
        input_tokens=math.ceil(letters / LETTERS_PER_TOKEN) + round(seconds * AUDIO_TOKENS_PER_SECOND),
        output_tokens=output,
    )
