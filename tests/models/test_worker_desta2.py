"""The worker for DeSTA2, with the repository's own code on tiny random weights where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.foreign.behaviour import LONGEST, QUESTIONS, Answered, Behaves, answered, at_hand, revision

NAME = "DeSTA-ntu/DeSTA2-8B-beta"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    foreign = at_hand("DESTA2", tmp_path_factory.mktemp("desta2"))
    foreign.run("build_desta2.py", foreign.repo, foreign.folder / "home")
    own = foreign.own_replies("ask_desta2.py", foreign.repo)
    arguments = {"resampling": "released", "dtype": "float32", "device": "cpu"}
    with foreign.worker("desta2", repo=foreign.repo, **arguments) as model:
        yield answered(foreign, model, own)


@pytest.mark.slow
class TestAsReleased(Behaves):
    """With the repository's own loader of audio, which resamples twice."""

    settings = ("repository", "weights", "prompt", "arguments")

    @pytest.fixture
    def asked(self, released: Answered) -> Answered:
        return released

    def test_the_prompt_is_the_repositorys_own_with_whispers_transcript_in_it(self, asked: Answered) -> None:
        for name, (clip, text) in QUESTIONS.items():
            prompt = asked.model.prompt(asked.request(name, clip, text))
            heard = str(asked.replies[name].transcript)
            assert heard
            # Its tokenizer puts a second start token before the text.
            assert asked.own[name]["prompt"] == "<|begin_of_text|>" + prompt.replace("[[the clip]]", heard)

    def test_tokens_are_counted_as_the_repository_makes_them(self, asked: Answered) -> None:
        for name in QUESTIONS:
            assert asked.replies[name].output_tokens == len(asked.own[name]["tokens"])
            assert (asked.replies[name].input_tokens or 0) > 64


@pytest.mark.slow
def test_a_clip_is_resampled_once_unless_the_released_loader_is_asked_for(released: Answered) -> None:
    import soundfile

    foreign = released.foreign
    for clip in {clip for clip, _ in QUESTIONS.values()}:
        # At 22.05 kHz the repository's loader too resamples only once.
        samples, _ = soundfile.read(foreign.clip(clip))
        soundfile.write(foreign.clip(clip), samples, 22050)
    own = foreign.own_replies("ask_desta2.py", foreign.repo)
    pinned = revision(foreign.folder / "home", NAME)
    arguments = {"revision": pinned, "dtype": "float32", "device": "cpu"}
    with foreign.worker("desta2", trust_remote_code=True, **arguments) as model:
        assert model.settings["weights"][NAME] == pinned
        requests = [released.request(name, clip, text) for name, (clip, text) in QUESTIONS.items()]
        replies = {reply.id: reply for reply in model.answer(requests)}
    assert {name: reply.text for name, reply in replies.items()} == {
        name: reply["text"] for name, reply in own.items()
    }
    assert all((reply.output_tokens or 0) <= LONGEST for reply in replies.values())
