"""A release of six items and four clips, in the published form, to be fetched from a server of the tests' own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import wave
from pathlib import Path

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.sources import ItemsFile, Release
from tests.benchmarks.file_server import Files

CLIPS = (
    "Automatic_speech_recognition/1089-134686-0001.flac",
    "Gender_recognition/common_voice_en_1.mp3",
    "Gender_recognition/dia3_utt7.wav",
    "other/one.wav",
)


def sound(at: int) -> bytes:
    """A short clip, another one for each number; the suffix of its file does not matter here."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes([at, 1]) * 20_000)
    return out.getvalue()


SOUNDS = {clip: sound(at) for at, clip in enumerate(CLIPS)}


def items() -> dict[str, bytes]:
    rows = [
        {"id": at, "audio_filepath": clip, "instruction": f"Transcribe {at}.", "dataset": "asr", "metric": "wer"}
        for at, clip in enumerate(CLIPS)
    ]
    constrained = {"instruction_id_list": ["change_case:english_capital"], "kwargs": [{}]}
    files = {
        "closed_ended_questions.jsonl": [row | constrained | {"label": "x"} for row in rows[:2]],
        "closed_ended_questions-woprompt.jsonl": [row | {"label": "x"} for row in rows[:2]],
        "creative_writing.jsonl": [rows[2] | constrained],
        "chain-of-thought.jsonl": [rows[3]],
    }
    return {name: "".join(f"{json.dumps(row)}\n" for row in lines).encode() for name, lines in files.items()}


ITEMS = items()


def archive(sounds: dict[str, bytes] = SOUNDS, extra: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in ({f"audios/{clip}": body for clip, body in sounds.items()} | (extra or {})).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def write_copy(folder: Path, sounds: dict[str, bytes] | None = None) -> Path:
    """A local copy as the release's README lays it out."""
    for name, content in ITEMS.items():
        (folder / "eval_data").mkdir(parents=True, exist_ok=True)
        (folder / "eval_data" / name).write_bytes(content)
    for clip, content in (SOUNDS if sounds is None else sounds).items():
        (folder / "audios" / clip).parent.mkdir(parents=True, exist_ok=True)
        (folder / "audios" / clip).write_bytes(content)
    return folder


def put(files: Files, scratch: Path) -> Release:
    """Put the release on a server, and say what it is."""
    files.content.update({f"/{name}": body for name, body in ITEMS.items()} | {"/audios.tar": archive()})
    return Release(
        name="official",
        revision="0" * 40,
        items_url=files.url,
        items=tuple(ItemsFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in ITEMS.items()),
        fingerprint=load_benchmark(write_copy(scratch / "published", {})).fingerprint,
        audio_url=f"{files.url}/audios.tar",
        licence="It states none.",
        audio_bytes=10_000_000,
    )
