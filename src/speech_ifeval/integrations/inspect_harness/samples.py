"""Items as Inspect's samples: text for a reference system, audio and text for a model that hears."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, Content, ContentAudio, ContentText

from speech_ifeval.integrations.harness.questions import Prompt
from speech_ifeval.models.uploads import wav_of
from speech_ifeval.records import Item
from speech_ifeval.runs import write_bytes

Format = Literal["wav", "mp3"]
FORMATS: dict[str, Format] = {".wav": "wav", ".mp3": "mp3"}


def sample_of(prompt: Prompt, converted: Path) -> Sample:
    """Return a prompt as a sample.

    Args:
        prompt: what is asked.
        converted: where clips are written as WAV that are neither WAV nor MP3, the formats that Inspect knows.

    Raises:
        DataError: such a clip cannot be read.
        OutputError: it cannot be written.
    """
    item = prompt.item
    return Sample(
        input=messages_of(prompt, converted), target=item.label or "", id=item.id, metadata=facts_of(item)
    )


def messages_of(prompt: Prompt, converted: Path) -> list[ChatMessage]:
    """Return the conversation that a prompt opens; its last message bears the item's id in its metadata."""
    system: list[ChatMessage] = [] if prompt.system is None else [ChatMessageSystem(content=prompt.system)]
    content: list[Content] = [ContentText(text=prompt.text)]
    if prompt.audio is not None:
        content.insert(0, _audio(prompt.audio, converted))
    said: str | list[Content] = prompt.text if prompt.audio is None else content
    return [*system, ChatMessageUser(content=said, metadata={"item": prompt.item.id})]


def facts_of(item: Item) -> dict[str, Any]:
    """Return what a sample's metadata says of its item."""
    return {
        "category": item.category,
        "clip": item.clip,
        "dataset": item.dataset,
        "constraints": msgspec.to_builtins(item.constraints),
    }


def _audio(path: Path, converted: Path) -> ContentAudio:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        target = converted / f"{path.stem}.wav"
        if not target.exists():
            write_bytes(target, wav_of(path))
        path, form = target, "wav"
    return ContentAudio(audio=str(path), format=form)
