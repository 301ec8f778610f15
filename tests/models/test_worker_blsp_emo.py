"""The worker for BLSP-Emo, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from speech_ifeval.errors import UsageError
from tests.models.foreign.behaviour import QUESTIONS, Answered, Behaves, answered, at_hand


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    # No system prompt, because the repository's script has one of its own.
    foreign = at_hand("BLSP_EMO", tmp_path_factory.mktemp("blsp_emo"), system=None)
    weights = foreign.folder / "weights"
    foreign.run("build_blsp_emo.py", foreign.repo, weights)
    own = foreign.own_replies("ask_blsp_emo.py", foreign.repo, weights)
    with foreign.worker("blsp_emo", repo=foreign.repo, model=weights, dtype="float32", device="cpu") as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestBlspEmo(Behaves):
    """Against the repository's own script, in float32."""

    loses_the_last_token = True
    settings = ("repository", "weights", "lora", "system_prompt", "audio", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_instruction_comes_before_the_clip(self, asked: Answered) -> None:
        assert asked.model.prompt(asked.request("a", "first.wav")) == (
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\nAnswer in capitals.[[the clip]]<|im_end|>\n<|im_start|>assistant\n"
        )

    def test_input_tokens_grow_with_the_clip(self, asked: Answered) -> None:
        counts = [asked.replies[name].input_tokens or 0 for name in ("first", "second", "third", "long")]
        assert counts == sorted(set(counts))


@pytest.mark.slow
def test_the_lora_scale_is_a_factor_on_the_speech_positions(everything: Answered) -> None:
    foreign = everything.foreign
    arguments = {"repo": foreign.repo, "model": foreign.folder / "weights", "dtype": "float32", "device": "cpu"}
    requests = [everything.request(name, clip, text) for name, (clip, text) in QUESTIONS.items()]
    with foreign.worker("blsp_emo", lora_scale=0.0, **arguments) as model:
        assert model.settings["lora"] == {"scope": "audio", "factor": 0.0, "alpha": 8, "r": 4}
        without = [reply.text for reply in model.answer(requests)]
    assert without != [everything.replies[request.id].text for request in requests]


@pytest.mark.slow
def test_the_clone_has_to_be_named(everything: Answered) -> None:
    with pytest.raises(UsageError, match="needs the argument repo"), everything.foreign.worker("blsp_emo"):
        pass
