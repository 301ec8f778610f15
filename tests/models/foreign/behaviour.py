"""What every worker must show with its repository's own code, and how that code is found and asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from msgspec import Struct

from speech_ifeval.models.interface import SYSTEM_PROMPT, Generation, Model, Request
from speech_ifeval.models.registry import open_model
from speech_ifeval.records import Response
from tests.tiny import speech

HERE = Path(__file__).parent
LONGEST = 24
QUESTIONS = {
    "first": ("first.wav", "Answer in capitals."),
    "second": ("second.wav", "Answer in capitals."),
    "third": ("third.wav", "Answer in capitals."),
    "emotion": ("second.wav", "What is the emotion of the speaker?"),
    "long": ("long.wav", "Answer in capitals."),
}


class Foreign(Struct, frozen=True):
    """A repository's code, its environment's interpreter, a folder for weights and clips, the system prompt."""

    repo: Path
    python: str
    folder: Path
    system: str | None = SYSTEM_PROMPT

    @property
    def environment(self) -> dict[str, str]:
        """What its processes find in their environment."""
        return {"HF_HOME": str(self.folder / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def run(self, script: str, *arguments: object, text: str = "") -> str:
        """Return the standard output of a script beside this file, run in the repository's environment."""
        command = [self.python, str(HERE / script), *map(str, arguments)]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, env={**os.environ, **self.environment}
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def own_replies(self, script: str, *arguments: object) -> dict[str, dict[str, Any]]:
        """Return what the repository's own interface replies to `QUESTIONS`, by their name."""
        lines = [
            {"audio": str(self.clip(clip)), "instruction": text, "system": self.system, "max_new_tokens": LONGEST}
            for clip, text in QUESTIONS.values()
        ]
        asked = "".join(json.dumps(line) + "\n" for line in lines)
        answered = [json.loads(line) for line in self.run(script, *arguments, text=asked).splitlines()]
        return dict(zip(QUESTIONS, answered, strict=True))

    @contextmanager
    def worker(self, name: str, **arguments: object) -> Iterator[Model]:
        """Open the shipped worker of that name in the repository's environment."""
        given = {key: str(value) for key, value in arguments.items()}
        with pytest.MonkeyPatch.context() as patch:
            for key, value in self.environment.items():
                patch.setenv(key, value)
            with open_model(f"worker:{name}", {"python": self.python, **given}) as model:
                yield model

    def clip(self, name: str) -> Path:
        """Return one of the clips that the questions are about."""
        return self.folder / name


def at_hand(name: str, folder: Path, system: str | None = SYSTEM_PROMPT) -> Foreign:
    """Return the code of a repository with some clips to ask about, or skip the test."""
    found = {what: os.environ.get(f"SPEECH_IFEVAL_{name}_{what}") for what in ("REPO", "PYTHON")}
    for what, value in found.items():
        if not value:
            pytest.skip(f"the repository's own code is not at hand: set SPEECH_IFEVAL_{name}_{what}")
    for seed, (clip, seconds) in enumerate(
        {"first.wav": 2, "second.wav": 3, "third.wav": 4.5, "long.wav": 33}.items()
    ):
        speech(folder / clip, seconds, seed)
    _stereo(folder)
    return Foreign(Path(str(found["REPO"])).absolute(), str(found["PYTHON"]), folder, system)


class Answered(Struct):
    """A worker that has answered, what it said by request, and what the repository's own interface says."""

    foreign: Foreign
    model: Model
    replies: dict[str, Response]
    own: dict[str, dict[str, Any]]

    def request(self, name: str, clip: str, text: str = "Answer in capitals.", **generation: Any) -> Request:
        """Return a request about a clip."""
        return _request(self.foreign, name, clip, text, **generation)


def answered(foreign: Foreign, model: Model, own: dict[str, dict[str, Any]]) -> Answered:
    """Ask a worker `QUESTIONS` and what else `Behaves` looks at, all in one stream."""
    requests = [_request(foreign, name, clip, text) for name, (clip, text) in QUESTIONS.items()]
    requests += [
        _request(foreign, "stereo", "stereo.wav", "Answer in capitals."),
        _request(foreign, "missing", "missing.wav", "Answer in capitals."),
        _request(foreign, "short", "first.wav", "Answer in capitals.", max_new_tokens=1),
    ]
    requests += [
        _request(foreign, f"penalised {name}", clip, text, repetition_penalty=5.0)
        for name, (clip, text) in QUESTIONS.items()
    ]
    replies = list(model.answer(requests))
    assert sorted(reply.id for reply in replies) == sorted(request.id for request in requests)
    return Answered(foreign, model, {reply.id: reply for reply in replies}, own)


class Behaves:
    """The tests that every worker passes; a subclass has a fixture `asked`, which returns `Answered`."""

    settings: ClassVar[Sequence[str]] = ()
    audio_limit: ClassVar[float] = 30
    # Whether the repository's decoding loses the last token of a reply that it cut off.
    loses_the_last_token: ClassVar[bool] = False

    @pytest.fixture
    def asked(self) -> Answered:
        raise NotImplementedError

    def test_different_clips_get_different_replies(self, asked: Answered) -> None:
        texts = [asked.replies[name].text for name in ("first", "second", "third", "long")]
        assert all(texts)
        assert len(set(texts)) > 1

    def test_a_reply_is_the_one_of_the_repositorys_own_interface(self, asked: Answered) -> None:
        worker = {name: str(asked.replies[name].text).strip() for name in QUESTIONS}
        own = {name: reply["text"].strip() for name, reply in asked.own.items()}
        for name in QUESTIONS:
            if self.loses_the_last_token and asked.replies[name].finish_reason == "length":
                assert worker[name].startswith(own[name])
                own[name] = worker[name]
        assert worker == own
        assert "stop" in {asked.replies[name].finish_reason for name in QUESTIONS}

    def test_a_reply_ends_where_the_request_says(self, asked: Answered) -> None:
        short, whole = asked.replies["short"], asked.replies["first"]
        assert (short.finish_reason, short.output_tokens) == ("length", 1)
        assert str(whole.text).startswith(str(short.text))
        assert whole.text != short.text

    def test_the_finish_reason_says_whether_the_model_stopped(self, asked: Answered) -> None:
        for name in QUESTIONS:
            reply = asked.replies[name]
            assert reply.output_tokens is not None
            assert reply.output_tokens <= LONGEST
            assert reply.finish_reason == "stop" or reply.output_tokens == LONGEST
        assert asked.replies["short"].finish_reason == "length"

    def test_special_tokens_are_not_part_of_a_reply(self, asked: Answered) -> None:
        assert not [reply.text for reply in asked.replies.values() if "<|" in (reply.text or "")]

    def test_only_a_clip_above_the_limit_is_marked_as_cut(self, asked: Answered) -> None:
        assert asked.model.audio_limit == self.audio_limit
        marked = {name for name, reply in asked.replies.items() if reply.audio_cut}
        assert marked - {"penalised long"} == {"long"}

    def test_stereo_at_44_1_khz_is_heard(self, asked: Answered) -> None:
        assert asked.replies["stereo"].text
        assert asked.model.inputs_differ(asked.request("a", "stereo.wav"), asked.request("b", "first.wav"))

    def test_two_clips_are_two_inputs(self, asked: Answered) -> None:
        first, again, other = (asked.request(name, f"{name}.wav") for name in ("first", "first", "second"))
        assert asked.model.inputs_differ(first, other) is True
        assert asked.model.inputs_differ(first, again) is False

    def test_a_missing_clip_fails_alone(self, asked: Answered) -> None:
        missing = asked.replies["missing"]
        assert (missing.text, missing.finish_reason) == (None, "error")
        assert all(reply.text for name, reply in asked.replies.items() if name in QUESTIONS)

    def test_a_repetition_penalty_is_the_requests_own(self, asked: Answered) -> None:
        penalised = [asked.replies[f"penalised {name}"].text for name in QUESTIONS]
        assert all(penalised)
        assert penalised != [asked.replies[name].text for name in QUESTIONS]

    def test_settings_say_what_replies_depend_on(self, asked: Answered) -> None:
        assert set(self.settings) <= set(asked.model.settings)
        assert {"torch", "transformers"} <= set(asked.model.recorded)


def revision(home: Path, name: str) -> str:
    """Return the revision of a repository in a hub cache."""
    return (home / "hub" / ("models--" + name.replace("/", "--")) / "refs" / "main").read_text(encoding="utf-8")


def _request(foreign: Foreign, name: str, clip: str, text: str, **generation: Any) -> Request:
    settings = Generation(**{"max_new_tokens": LONGEST, **generation})
    return Request(name, text, audio=foreign.clip(clip), system=foreign.system, generation=settings)


def _stereo(folder: Path) -> None:
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(speech(folder / "44100.wav", 2.5, 7, 44100))
    soundfile.write(folder / "stereo.wav", np.stack([samples, 0.3 * samples[::-1]], axis=1), rate)
