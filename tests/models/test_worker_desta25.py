"""The worker for DeSTA2.5-Audio, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from tests.models.foreign.behaviour import QUESTIONS, Answered, Behaves, answered, at_hand

PLACEHOLDER = "<|reserved_special_token_87|>"
POSITIONS = 64


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("DESTA25", tmp_path_factory.mktemp("desta25"))
    foreign.run("build_desta25.py", foreign.repo, foreign.folder / "home")
    own = foreign.own_replies("ask_desta25.py", foreign.repo)
    arguments = {"dtype": "float32", "vad": "off", "batch_size": 4, "device": "cpu"}
    with foreign.worker("desta25", repo=foreign.repo, **arguments) as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestInBatches(Behaves):
    """Four requests at a time, against the repository's own code with one at a time, in float32."""

    settings = ("repository", "weights", "lora", "prompt", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_prompt_is_the_repositorys_own_with_room_for_clip_and_transcript(self, asked: Answered) -> None:
        for name, (clip, text) in QUESTIONS.items():
            prompt = asked.model.prompt(asked.request(name, clip, text))
            given = asked.own[name]["prompt"]
            places = given.count(PLACEHOLDER)
            assert places > POSITIONS
            assert given == prompt.replace("<|AUDIO|>", PLACEHOLDER * places)

    def test_lora_is_off(self, asked: Answered) -> None:
        assert asked.model.settings["lora"] is False


@pytest.mark.slow
def test_the_packaged_voice_detector_leaves_silence_without_a_transcript(everything: Answered) -> None:
    foreign = everything.foreign
    if subprocess.run([foreign.python, "-c", "import silero_vad"], capture_output=True).returncode:
        pytest.skip("the package silero-vad is not at hand in the repository's environment")
    soundfile.write(foreign.clip("silence.wav"), np.zeros(32000, np.float32), 16000)
    with foreign.worker("desta25", repo=foreign.repo, dtype="float32", device="cpu") as model:
        [reply] = model.answer([everything.request("silence", "silence.wav")])
    assert reply.text
    assert reply.transcript == " "
