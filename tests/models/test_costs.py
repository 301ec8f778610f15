"""What a run asks of a server, reckoned before the first call."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.models import Generation, Request
from speech_ifeval.models.costs import Cost, estimate

CLIP = Path("a.wav")
TEN = Generation(max_new_tokens=10)


@pytest.mark.parametrize(
    ("requests", "cost"),
    [
        ([], Cost(0, 0.0, 0, 0, 0)),
        ([Request("a", "12345678", system="1234", generation=TEN)], Cost(1, 0.0, 0, 3, 10)),
        ([Request("a", "1234", audio=CLIP, seconds=8.0, system=None, generation=TEN)], Cost(1, 8.0, 0, 201, 10)),
        ([Request("a", "1234", audio=CLIP, system=None, generation=TEN)], Cost(1, 0.0, 1, 1, 10)),
        # A transcript is read in place of the audio: "Speech Input: 123456\n\n1234" has 26 letters.
        ([Request("a", "1234", transcript="123456", system=None, generation=TEN)] * 2, Cost(2, 0.0, 0, 13, 20)),
    ],
)
def test_calls_audio_and_tokens_are_counted(requests: list[Request], cost: Cost) -> None:
    assert estimate(iter(requests)) == cost


@pytest.mark.parametrize(
    ("cost", "start"),
    [
        (Cost(1, 0.0, 0, 5, 10), "1 call: about 5 input tokens"),
        (Cost(2, 61.0, 0, 5, 10), "2 calls with 2 minutes of audio: about"),
        (Cost(2, 1.0, 3, 5, 10), "2 calls with 1 minute of audio and 3 clips of unknown length: about"),
        (Cost(2, 0.0, 3, 5, 10), "2 calls with 3 clips of unknown length: about"),
    ],
)
def test_a_cost_is_one_sentence_with_its_assumptions(cost: Cost, start: str) -> None:
    assert str(cost).startswith(start)
    assert "one for 4 letters, 25 for a second of audio" in str(cost)
