"""``cascade:ASR+LLM``: heard once, answered from the transcript, both kept."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_ifeval.errors import UsageError
from speech_ifeval.models import Model, Request, open_model
from speech_ifeval.models.recognisers import open_recogniser
from tests.models.serving import Answer, Asked, Loopback, completion, loopback, refusal

Clips = Callable[[int], list[Path]]


class Ears:
    """A transcription server that tells clips apart by their size, and counts how often it hears each."""

    def __init__(self) -> None:
        self.heard: Counter[int] = Counter()
        self.deaf_to: int | None = None

    def __call__(self, asked: Asked) -> Answer:
        audio = asked.body.index(b"RIFF")
        size = int.from_bytes(asked.body[audio + 4 : audio + 8], "little")
        self.heard[size] += 1
        if size == self.deaf_to:
            return refusal(400, "no speech in it")
        return Answer(body=json.dumps({"text": f"I heard {size}"}).encode())


def repeat(asked: Asked) -> Answer:
    content = asked.json["messages"][-1]["content"]
    assert isinstance(content, str)  # no audio
    return completion(content.upper())


def opened(ears: Loopback, mouth: Loopback, **more: object) -> Model:
    arguments = {"asr_args": f"base_url={ears.url}", "llm_args": {"base_url": mouth.url}, **more}
    return open_model("cascade:openai:whisper-1+openai:llama", arguments)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def cascade(ears: Ears) -> Iterator[Model]:
    with loopback(ears) as hearing, loopback(repeat) as answering, opened(hearing, answering) as model:
        yield model


def size(clip: Path) -> int:
    return clip.stat().st_size - 8


def test_the_text_model_reads_what_was_heard_and_the_transcript_is_kept(cascade: Model, clips: Clips) -> None:
    requests = [
        Request(str(n), f"Say {n}.", audio=clip, transcript="the item's own") for n, clip in enumerate(clips(3))
    ]
    found = {response.id: response for response in cascade.answer(requests)}
    for request in requests:
        assert request.audio is not None
        heard = f"I heard {size(request.audio)}"
        assert found[request.id].transcript == heard
        assert found[request.id].text == f"Speech Input: {heard}\n\n{request.instruction}".upper()
        assert found[request.id].finish_reason == "stop"


def test_a_clip_that_items_share_is_heard_once(cascade: Model, ears: Ears, clips: Clips) -> None:
    three = clips(3)
    requests = [Request(str(n), f"Say {n}.", audio=three[n % 3]) for n in range(30)]
    assert len({response.text for response in cascade.answer(requests)}) == 30
    assert ears.heard == Counter({size(clip): 1 for clip in three})
    list(cascade.answer(requests[:3]))
    assert set(ears.heard.values()) == {1}


def test_a_clip_that_is_not_heard_fails_alone(cascade: Model, ears: Ears, clips: Clips, tmp_path: Path) -> None:
    first, second = clips(2)
    ears.deaf_to = size(second)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no audio")
    requests = [Request("1", "?", audio=first), Request("2", "?", audio=second), Request("3", "?", audio=broken)]
    found = {response.id: response for response in cascade.answer(requests)}
    assert found["1"].text is not None
    for id, why in {"2": "no speech in it", "3": "cannot be decoded"}.items():
        assert (found[id].text, found[id].finish_reason) == (None, "error")
        assert why in (found[id].error or "")


def test_a_run_in_which_nothing_is_heard_answers_every_request(cascade: Model, tmp_path: Path) -> None:
    requests = [Request(str(n), "?", audio=tmp_path / f"{n}.wav") for n in range(5)]
    assert sorted(response.id for response in cascade.answer(requests)) == ["0", "1", "2", "3", "4"]


def test_a_question_in_text_goes_to_the_text_model_as_it_is(cascade: Model, ears: Ears) -> None:
    (response,) = cascade.answer([Request("a", "Answer.", transcript="hello")])
    assert response.text == "SPEECH INPUT: HELLO\n\nANSWER."
    assert response.transcript is None
    assert not ears.heard


def test_requests_are_read_as_they_are_needed(cascade: Model, clips: Clips) -> None:
    taken = 0

    def requests() -> Iterator[Request]:
        for number in itertools.count():
            if taken >= 5:
                return
            assert number - taken <= 8 + 16  # slots of both
            yield Request(str(number), "?", audio=clips(1)[0])

    for response in cascade.answer(requests()):
        assert response.text is not None
        taken += 1
    assert 5 <= taken <= 5 + 24


def test_the_prompt_holds_the_form_and_not_the_words(cascade: Model, ears: Ears, clips: Clips) -> None:
    request = Request("a", "Answer.", audio=clips(1)[0], transcript="the item's own")
    prompt = cascade.prompt(request)
    assert "Speech Input: <what the recogniser hears>" in prompt
    assert "the item's own" not in prompt
    assert not ears.heard
    assert prompt == cascade.prompt(Request("b", "Answer.", audio=clips(2)[1]))
    assert prompt != cascade.prompt(Request("a", "Reply.", audio=clips(1)[0]))


def test_clips_differ_where_their_transcripts_do_and_else_nothing_is_known(
    cascade: Model, ears: Ears, clips: Clips, tmp_path: Path
) -> None:
    first, second = (Request(str(n), "?", audio=clip) for n, clip in enumerate(clips(2)))
    assert cascade.inputs_differ(first, second) is True
    assert cascade.inputs_differ(first, first) is None
    assert cascade.inputs_differ(first, Request("none", "?", audio=tmp_path / "none.wav")) is None


def test_settings_and_records_are_of_both(cascade: Model) -> None:
    assert cascade.name == "whisper-1+llama"
    assert cascade.hears
    assert cascade.remote_host is None
    assert cascade.settings["asr"]["model"] == "whisper-1"
    assert cascade.settings["llm"]["model"] == "llama"
    assert cascade.recorded["asr"]["calls"] == 0
    assert cascade.recorded["llm"]["served_model"] == []


@pytest.mark.parametrize(
    ("asr", "llm", "host"),
    [
        ("127.0.0.1", "192.0.2.2", "192.0.2.2"),
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.2", "192.0.2.1 and 192.0.2.2"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_every_host_that_is_asked_is_named(asr: str, llm: str, host: str) -> None:
    arguments = {"asr_args": f"base_url=http://{asr}/v1,audio_limit=30", "llm_args": f"base_url=http://{llm}/v1"}
    with open_model("cascade:openai:a+openai:b", arguments) as model:
        assert model.remote_host == host
        # Only the recogniser gets the clips: where it is on this machine, only transcripts leave.
        assert model.audio_host == (None if asr.startswith("127.") else asr)
        assert model.audio_limit == 30


@pytest.mark.parametrize(
    ("target", "arguments", "problem"),
    [
        ("pocketsphinx", {}, r"expected ASR\+LLM"),
        ("+hf:x", {}, r"expected ASR\+LLM"),
        ("hf:whisper", {}, r"expected ASR\+LLM"),
        ("openai:a+cascade:openai:b+openai:c", {}, "cannot be a cascade"),
        ("openai:a+nothing:b", {}, "no adapter 'nothing'"),
        ("openai:a+openai:b", {"asr_args": "size=3"}, "takes no argument 'size'"),
        ("openai:a+openai:b", {"llm_args": "size=3"}, "takes no argument 'size'"),
    ],
)
def test_what_is_no_cascade_is_said(
    monkeypatch: pytest.MonkeyPatch, target: str, arguments: dict[str, object], problem: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    with pytest.raises(UsageError, match=problem):
        open_model(f"cascade:{target}", arguments)


def test_a_plus_sign_may_stand_in_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    with open_model("cascade:openai:large+v3+openai:b+c") as model:
        assert model.settings["asr"]["model"] == "large+v3"
        assert model.settings["llm"]["model"] == "b+c"


SENTENCES = (
    "the weather is cold and it is going to rain",
    "please close the window before you leave the house",
    "she bought three apples and a bottle of milk",
)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    folder = tmp_path_factory.mktemp("spoken")
    made = []
    for number, sentence in enumerate(SENTENCES):
        made.append(folder / f"{number}.wav")
        subprocess.run(["flite", "-voice", "slt", "-t", sentence, "-o", str(made[-1])], check=True)
    return made


def word_errors(said: str, heard: str) -> int:
    """Substitutions, insertions and deletions between two texts, in words."""
    row = list(range(len(heard.split()) + 1))
    for i, word in enumerate(said.split(), start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard.split(), start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


@pytest.mark.slow
def test_real_speech_is_heard_offline_and_answered_by_a_real_text_model(
    spoken: list[Path], tiny_llama: Path
) -> None:
    requests = [Request(str(n), "Answer in capitals.", audio=clip) for n, clip in enumerate(spoken)]
    with open_model(f"cascade:pocketsphinx+hf:{tiny_llama}") as model, open_model(f"hf:{tiny_llama}") as llm:
        found = {response.id: response for response in model.answer(requests)}
        heard = [found[request.id].transcript or "" for request in requests]
        words = sum(len(sentence.split()) for sentence in SENTENCES)
        errors = sum(word_errors(said, text) for said, text in zip(SENTENCES, heard, strict=True))
        assert errors / words < 0.3
        as_text = [Request(str(n), "Answer in capitals.", transcript=text) for n, text in enumerate(heard)]
        assert {response.id: response.text for response in llm.answer(as_text)} == {
            id: response.text for id, response in found.items()
        }
        assert len({response.text for response in found.values()}) > 1


@pytest.mark.slow
def test_what_is_heard_in_a_clip_does_not_depend_on_the_clips_before(spoken: list[Path], tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    noisy = []
    for clip in spoken[:2]:  # words that hang by a thread
        samples, rate = soundfile.read(clip, stop=24000)
        noisy.append(tmp_path / clip.name)
        soundfile.write(noisy[-1], samples + noise.normal(0, 0.02, len(samples)), rate)
    recogniser = open_recogniser("pocketsphinx", {})
    first, _, again = (recogniser.transcribe(clip) for clip in (noisy[0], noisy[1], noisy[0]))
    assert first == again
