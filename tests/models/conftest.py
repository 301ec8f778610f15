"""Tiny real checkpoints and clips, built once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the tiny checkpoints of this session lie in."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def tiny_qwen2_audio(checkpoints: Path) -> Path:
    return tiny.qwen2_audio(checkpoints / "qwen2-audio")


@pytest.fixture(scope="session")
def tiny_voxtral(checkpoints: Path) -> Path:
    return tiny.voxtral(checkpoints / "voxtral")


@pytest.fixture(scope="session")
def tiny_audio_flamingo_3(checkpoints: Path) -> Path:
    return tiny.audio_flamingo_3(checkpoints / "audio-flamingo-3")


@pytest.fixture(scope="session")
def tiny_llama(checkpoints: Path) -> Path:
    return tiny.llama(checkpoints / "llama")


@pytest.fixture(scope="session")
def tiny_whisper(checkpoints: Path) -> Path:
    return tiny.whisper(checkpoints / "whisper")


@pytest.fixture(scope="session")
def tiny_lora(checkpoints: Path, tiny_llama: Path) -> Path:
    return tiny.lora(checkpoints / "lora", tiny_llama)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[Path]]:
    """Return the first `count` of a row of clips, one to five seconds long, all different."""
    folder = tmp_path_factory.mktemp("clips")

    def made(count: int) -> list[Path]:
        return [
            path if path.exists() else tiny.speech(path, 1 + seed % 5, seed)
            for seed in range(count)
            for path in [folder / f"{seed}.wav"]
        ]

    return made
