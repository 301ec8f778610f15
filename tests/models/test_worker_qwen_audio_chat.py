"""The worker for Qwen-Audio-Chat, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from speech_ifeval.models.interface import Request
from tests.models.foreign.behaviour import QUESTIONS, Answered, Behaves, answered, at_hand


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("QWEN_AUDIO_CHAT", tmp_path_factory.mktemp("qwen_audio_chat"))
    if shutil.which("ffmpeg") is None:
        pytest.skip("the program ffmpeg, by which the repository's code reads audio, is not at hand")
    weights = foreign.folder / "weights"
    foreign.run("build_qwen_audio_chat.py", foreign.repo, weights)
    own = foreign.own_replies("ask_qwen_audio_chat.py", weights)
    arguments = {"model": weights, "dtype": "float32", "device": "cpu", "trust_remote_code": True}
    with foreign.worker("qwen_audio_chat", **arguments) as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestQwenAudioChat(Behaves):
    """With the repository's own prompt and generation."""

    loses_the_last_token = True
    settings = ("weights", "system_prompt", "special_tokens", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_prompt_is_the_repositorys_own(self, asked: Answered) -> None:
        for name, (clip, text) in QUESTIONS.items():
            prompt = asked.model.prompt(asked.request(name, clip, text))
            assert prompt.replace("[[the clip]]", str(asked.foreign.clip(clip))) == asked.own[name]["prompt"]

    def test_text_that_normalisation_shortens_does_not_cut_the_reply(self, asked: Answered) -> None:
        composed = asked.request("composed", "first.wav", "R\u00e9ponds en capitales.")
        split = Request(
            "split", "Re\u0301ponds en capitales.", audio=composed.audio, generation=composed.generation
        )
        one, two = asked.model.answer([composed, split])
        assert one.text == two.text
