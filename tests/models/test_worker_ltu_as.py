"""The worker for LTU-AS, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from speech_ifeval.errors import UsageError
from tests.models.foreign.behaviour import QUESTIONS, Answered, Behaves, Foreign, answered, at_hand
from tests.tiny import speech

END = "</s>"
HEARD = "[[what LTU-AS's own recogniser hears]]"


def weights(foreign: Foreign) -> dict[str, Any]:
    """Return the arguments of a worker on the tiny weights, on the CPU."""
    folder = foreign.folder / "weights"
    return {
        "repo": foreign.repo,
        "llm": folder / "vicuna",
        "ckpt": folder / "ltu_as.bin",
        "encoder": folder / "encoder.pt",
        "asr": folder / "asr.pt",
        "dtype": "float32",
        "device": "cpu",
    }


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("LTU_AS", tmp_path_factory.mktemp("ltu_as"))
    foreign.run("build_ltu_as.py", foreign.folder / "weights")
    own = foreign.own_replies("ask_ltu_as.py", foreign.repo, foreign.folder / "weights", "true")
    with foreign.worker("ltu_as", **weights(foreign)) as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestLtuAs(Behaves):
    """Against the functions of the repository's own `inference_gradio.py`, one beam, in float32."""

    # The repository cuts the four characters of an end token off every reply, whether or not it is there.
    loses_the_last_token = True
    audio_limit = 10
    settings = ("repository", "ckpt_sha256", "lora", "system_prompt", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_prompt_is_the_repositorys_own_around_its_own_transcript(self, asked: Answered) -> None:
        for name, (clip, text) in QUESTIONS.items():
            prompt = asked.model.prompt(asked.request(name, clip, text))
            transcript = asked.replies[name].transcript
            assert transcript == asked.own[name]["transcript"]
            assert prompt.replace(HEARD, str(transcript)) == asked.own[name]["prompt"]
        assert all(reply.transcript for name, reply in asked.replies.items() if name != "missing")

    def test_of_a_reply_without_an_end_the_repository_loses_four_characters(self, asked: Answered) -> None:
        for name, reply in asked.own.items():
            text, finish = str(asked.replies[name].text), asked.replies[name].finish_reason
            assert reply["text"] == (text if finish == "stop" else text[: -len(END)].strip())
        assert {"stop", "length"} == {asked.replies[name].finish_reason for name in QUESTIONS}

    def test_a_reply_holds_neither_its_prompt_nor_special_tokens(self, asked: Answered) -> None:
        texts = [str(reply.text) for reply in asked.replies.values()]
        assert not [text for text in texts for part in ("<s>", "</s>", "###") if part in text]

    def test_a_clip_is_cut_at_10_seconds(self, asked: Answered) -> None:
        requests = []
        for seconds in (10, 10.5):
            speech(asked.foreign.clip(f"{seconds}.wav"), seconds, 3)
            requests.append(asked.request(str(seconds), f"{seconds}.wav", max_new_tokens=2))
        marked = {reply.id: reply.audio_cut for reply in asked.model.answer(requests)}
        assert marked == {"10": False, "10.5": True}

    def test_the_adapter_is_as_trained(self, asked: Answered) -> None:
        assert asked.model.settings["lora"] == {"factor": 1.0, "alpha": 16.0, "r": 8, "scale": 2.0}


@pytest.mark.slow
def test_an_adapter_scaled_to_nothing_is_the_model_without_one(everything: Answered) -> None:
    foreign = everything.foreign
    without = foreign.own_replies("ask_ltu_as.py", foreign.repo, foreign.folder / "weights", "false")
    requests = [everything.request(name, clip, text) for name, (clip, text) in QUESTIONS.items()]
    with foreign.worker("ltu_as", **weights(foreign), lora_scale=0) as model:
        assert model.settings["lora"] == {"factor": 0.0, "alpha": 0.0, "r": 8, "scale": 0.0}
        replies = {reply.id: reply for reply in model.answer(requests)}
    for name, reply in replies.items():
        own, text = without[name]["text"], str(reply.text)
        assert own == (text if reply.finish_reason == "stop" else text[: -len(END)].strip())
    assert [replies[name].text for name in QUESTIONS] != [everything.replies[name].text for name in QUESTIONS]


@pytest.mark.slow
def test_a_checkpoint_without_the_adapter_is_refused(everything: Answered) -> None:
    foreign = everything.foreign
    code = "import sys, torch; torch.save({'nothing': torch.zeros(1)}, sys.argv[1])"
    script, less = foreign.folder / "less.py", foreign.folder / "less.bin"
    script.write_text(code, encoding="utf-8")
    foreign.run(str(script), less)
    with (
        pytest.raises(UsageError, match="lacks [0-9]+ weights .*would stay random"),
        foreign.worker("ltu_as", **{**weights(foreign), "ckpt": less}),
    ):
        pass
