"""The worker for DiVA, with the model's own code on tiny random weights where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec import structs

from tests.models.foreign.behaviour import Answered, Behaves, answered, at_hand

ITS_OWN_DEFAULT = 128


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("DIVA", tmp_path_factory.mktemp("diva"))
    foreign.run("build_diva.py", foreign.repo, foreign.folder / "home", 1.5)
    own = foreign.own_replies("ask_diva.py")
    with foreign.worker("diva", trust_remote_code=True, device="cpu") as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestDiva(Behaves):
    """With the model's own greedy loop."""

    settings = ("weights", "dtype", "system_prompt", "arguments")

    @pytest.fixture
    def asked(self, everything: Answered) -> Answered:
        return everything

    def test_the_instruction_comes_before_the_clip(self, asked: Answered) -> None:
        prompt = asked.model.prompt(asked.request("a", "first.wav"))
        assert prompt.startswith(
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\nAnswer in capitals.\n"
        )
        assert prompt.endswith("[[the clip]]<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")

    def test_a_repetition_penalty_is_the_requests_own(self, asked: Answered) -> None:
        penalised = asked.replies["penalised first"]
        assert penalised.text is None
        assert "without a repetition penalty" in str(penalised.error)


@pytest.mark.slow
def test_a_reply_may_be_longer_than_the_models_own_limit(
    everything: Answered, tmp_path_factory: pytest.TempPathFactory
) -> None:
    endless = structs.replace(everything.foreign, folder=tmp_path_factory.mktemp("endless"))
    endless.run("build_diva.py", endless.repo, endless.folder / "home", 0)
    request = everything.request("a", "first.wav", max_new_tokens=ITS_OWN_DEFAULT + 20)
    with endless.worker("diva", trust_remote_code=True, device="cpu") as model:
        [reply] = model.answer([request])
    assert (reply.finish_reason, reply.output_tokens) == ("length", ITS_OWN_DEFAULT + 20)
