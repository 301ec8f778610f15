"""Before a long run: the clips are there and decode, and what is in them reaches the model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.clips import Clip, read_clip
from speech_ifeval.errors import DataError, ModelError, UsageError
from speech_ifeval.models import Generation, Model, Request
from speech_ifeval.records import Item, Response

AUDIO_FOLDERS = (".", "audios", "audio", "../audios", "../audio", "../../audios")
_SHOWN = 3
_PAIRS = 3  # pairs of clips that are tried before the model is called deaf
_PROBE = "Write down every word that is said, then describe the voice."
_PROBE_TOKENS = 64


@dataclass(frozen=True)
class Survey:
    """The clips of a run, by the name that items give them: what was decoded, and what could not be."""

    clips: Mapping[str, Clip] = field(default_factory=dict, repr=False)
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The length of all clips together."""
        return sum(clip.seconds for clip in self.clips.values())

    def longer_than(self, seconds: float) -> int:
        """How many clips are longer."""
        return sum(clip.seconds > seconds for clip in self.clips.values())


def find_audio(benchmark: Benchmark, items: Sequence[Item], given: Path | None) -> Path:
    """Return the folder that the items' clips lie in.

    Args:
        benchmark: looked into where no folder is given: its own folder, ``audios`` or ``audio`` in it or
            beside it.
        items: the items that are asked.
        given: the folder that the user names.

    Raises:
        UsageError: the folder that is named does not exist.
        DataError: no folder is named, and none of the benchmark's holds any of the clips.
    """
    if given is not None:
        if not given.is_dir():
            raise UsageError(f"no audio folder at {str(given)!r}: expected a folder; check --audio-dir")
        return given
    folders = [benchmark.root / name for name in AUDIO_FOLDERS]
    for folder in folders:
        if any(_is_there(folder / item.clip) for item in islice(items, 50)):
            return folder
    raise DataError(
        f"{benchmark.root}: expected the benchmark's audio, such as {items[0].clip!r}, in this folder or in "
        "audios/ in or beside it, found none; name its folder with --audio-dir"
    )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the system
        return False


def survey_clips(items: Iterable[Item], folder: Path) -> Survey:
    """Decode every clip of the items once.

    Raises:
        MissingExtraError: soundfile is not installed.
    """
    names = list(dict.fromkeys(item.clip for item in items))

    def read(name: str) -> Clip | str:
        try:
            return read_clip(folder / name)
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoding lets go of the interpreter's lock
        found = dict(zip(names, pool.map(read, names), strict=True))
    return Survey(
        clips={name: clip for name, clip in found.items() if isinstance(clip, Clip)},
        broken={name: why for name, why in found.items() if isinstance(why, str)},
    )


def refuse_broken(survey: Survey) -> None:
    """Stop before the run where clips are missing or broken.

    Raises:
        DataError: names the first, and how many there are.
    """
    if not survey.broken:
        return
    shown = "; ".join(islice(survey.broken.values(), _SHOWN))
    count = len(survey.broken)
    raise DataError(
        f"{count} of {count + len(survey.clips)} clips cannot be heard: {shown}{'; …' if count > _SHOWN else ''}. "
        "Restore them, or give --broken-audio record to count their items as unscored"
    )


def check_hearing(model: Model, requests: Sequence[Request], clips: Mapping[str, Clip]) -> str:
    """Make sure that two different clips are two different inputs to the model; return how that was shown.

    Where the model shows its inputs, they are compared. Else it answers the same question about pairs of
    clips, greedily: an answer or a reported number of input tokens that differs is enough.

    Args:
        model: the model.
        requests: what will be asked.
        clips: the decoded clips, by the file's path.

    Raises:
        ModelError: the audio does not reach the model, or it cannot answer at all.
    """
    different = list({clips[str(request.audio)].content: request for request in requests}.values())
    if len(different) < 2:
        return "not checked: all items share one clip"
    shown = model.inputs_differ(different[0], different[1])
    if shown is True:
        return "the input tensors of two clips differ"
    if shown is None:
        for first, second in islice(pairwise(different), _PAIRS):
            how = _told_apart(model, first, second)
            if how is not None:
                return how
    raise ModelError(
        f"the audio does not reach the model {model.name}: {different[0].audio} and {different[1].audio} are the "
        f"same to it ({'equal inputs' if shown is False else 'equal answers and token counts'}). Check its prompt "
        "form and processor; --skip-audio-check runs it all the same"
    )


def _told_apart(model: Model, first: Request, second: Request) -> str | None:
    generation = Generation(max_new_tokens=min(_PROBE_TOKENS, first.generation.max_new_tokens))
    probes = [
        replace(request, id=f"preflight/{number}", instruction=_PROBE, generation=generation)
        for number, request in enumerate((first, second))
    ]
    answers: dict[str, Response] = {answer.id: answer for answer in model.answer(iter(probes))}
    one, other = (answers.get(probe.id) for probe in probes)
    for answer in (one, other):
        if answer is None or answer.text is None:
            why = "no response" if answer is None else answer.error
            raise ModelError(f"the model {model.name} cannot answer a first question about {first.audio}: {why}")
    assert one is not None
    assert other is not None
    if one.text != other.text:
        return "the answers about two clips differ"
    if one.input_tokens != other.input_tokens:
        return "the token counts of two clips differ"
    return None
