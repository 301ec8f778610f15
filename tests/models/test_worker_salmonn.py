"""The worker for SALMONN, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile

from speech_ifeval.errors import UsageError
from tests.models.foreign.behaviour import QUESTIONS, Answered, Behaves, Foreign, answered, at_hand
from tests.tiny import speech

TRAINED = {"factor": 1.0, "alpha": 32.0, "r": 8, "scale": 4.0}


def weights(foreign: Foreign) -> dict[str, Any]:
    """Return the arguments of a worker on the tiny weights, on the CPU."""
    folder = foreign.folder / "weights"
    return {
        "repo": foreign.repo,
        "llama": folder / "llama",
        "whisper": folder / "whisper",
        "beats": folder / "beats.pt",
        "ckpt": folder / "salmonn.pt",
        "bert": folder / "bert",
        "dtype": "float32",
        "device": "cpu",
    }


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("SALMONN", tmp_path_factory.mktemp("salmonn"))
    foreign.run("build_salmonn.py", foreign.repo, foreign.folder / "weights")
    own = foreign.own_replies("ask_salmonn.py", foreign.repo, foreign.folder / "weights", "true")
    with foreign.worker("salmonn", **weights(foreign)) as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestSalmonn(Behaves):
    """Four requests at a time, against the repository's own `generate`, one at a time, one beam, in float32."""

    settings = ("repository", "ckpt_sha256", "lora", "system_prompt", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_prompt_is_the_repositorys_own(self, asked: Answered) -> None:
        for name, (clip, text) in QUESTIONS.items():
            assert asked.model.prompt(asked.request(name, clip, text)) == asked.own[name]["prompt"]

    def test_the_special_tokens_of_the_repositorys_text_are_gone(self, asked: Answered) -> None:
        assert all(reply["raw"].startswith("<s>") for reply in asked.own.values())
        assert any("</s>" in reply["raw"] for reply in asked.own.values())
        assert not [
            one.text for one in asked.replies.values() if "<s>" in str(one.text) or "</s>" in str(one.text)
        ]

    def test_a_clip_below_a_second_is_padded_to_one(self, asked: Answered) -> None:
        samples, rate = soundfile.read(speech(asked.foreign.clip("short.wav"), 0.4, 9), dtype="int16")
        padded = np.pad(samples, (0, rate - len(samples)))
        soundfile.write(asked.foreign.clip("padded.wav"), padded, rate, subtype="PCM_16")
        first, second = asked.request("a", "short.wav"), asked.request("b", "padded.wav")
        assert asked.model.inputs_differ(first, second) is False

    def test_the_adapter_is_as_trained(self, asked: Answered) -> None:
        assert asked.model.settings["lora"] == TRAINED


@pytest.mark.slow
@pytest.mark.parametrize("off", ["lora_scale", "lora_alpha"])
def test_an_adapter_scaled_to_nothing_is_the_model_without_one(everything: Answered, off: str) -> None:
    foreign = everything.foreign
    without = foreign.own_replies("ask_salmonn.py", foreign.repo, foreign.folder / "weights", "false")
    texts = {name: reply["text"].strip() for name, reply in without.items()}
    with foreign.worker("salmonn", **weights(foreign), **{off: 0}) as model:
        assert model.settings["lora"] == {"factor": 0.0, "alpha": 0.0, "r": 8, "scale": 0.0}
        assert _asked(everything, model) == texts
    assert texts != {name: everything.replies[name].text for name in QUESTIONS}


@pytest.mark.slow
def test_alpha_4_is_an_eighth_of_the_adapter(everything: Answered) -> None:
    foreign, replies = everything.foreign, []
    for given in ({"lora_alpha": 4}, {"lora_scale": 0.125}):
        with foreign.worker("salmonn", **weights(foreign), **given) as model:
            assert model.settings["lora"] == {"factor": 0.125, "alpha": 4.0, "r": 8, "scale": 0.5}
            replies.append(_asked(everything, model))
    assert replies[0] == replies[1]
    assert replies[0] != {name: everything.replies[name].text for name in QUESTIONS}


@pytest.mark.slow
def test_a_checkpoint_without_all_trained_weights_is_refused(everything: Answered) -> None:
    foreign = everything.foreign
    code = (
        "import sys, torch; held = torch.load(sys.argv[1]); "
        "held['model'] = {k: v for k, v in held['model'].items() if 'lora_A' not in k}; "
        "torch.save(held, sys.argv[2])"
    )
    script, less = foreign.folder / "less.py", foreign.folder / "less.pt"
    script.write_text(code, encoding="utf-8")
    foreign.run(str(script), weights(foreign)["ckpt"], less)
    with (
        pytest.raises(UsageError, match=r"lacks 4 of the trained weights, such as llama_model\..*lora_A"),
        foreign.worker("salmonn", **{**weights(foreign), "ckpt": less}),
    ):
        pass


@pytest.mark.slow
def test_a_pickled_checkpoint_is_refused_unless_asked_for(everything: Answered) -> None:
    foreign = everything.foreign
    code = (
        "import sys, torch, fractions; held = torch.load(sys.argv[1]); "
        "held['epoch'] = fractions.Fraction(1, 2); torch.save(held, sys.argv[2])"
    )
    script, pickled = foreign.folder / "pickled.py", foreign.folder / "pickled.pt"
    script.write_text(code, encoding="utf-8")
    foreign.run(str(script), weights(foreign)["ckpt"], pickled)
    given = {**weights(foreign), "ckpt": pickled}
    with pytest.raises(UsageError, match="allow_pickle=true"), foreign.worker("salmonn", **given):
        pass
    with foreign.worker("salmonn", **given, allow_pickle=True) as model:
        assert model.settings["lora"] == TRAINED


def _asked(everything: Answered, model: Any) -> dict[str, str]:
    requests = [everything.request(name, clip, text) for name, (clip, text) in QUESTIONS.items()]
    return {reply.id: reply.text for reply in model.answer(requests)}
