"""The same items under another condition: other clips, silence, a sentence that demands nothing, other words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.derived import of_items
from speech_ifeval.benchmarks.swapping import swapped_clips
from speech_ifeval.clips import read_clip
from speech_ifeval.errors import DataError, MissingExtraError, OutputError
from speech_ifeval.experiments.sentences import Placebos
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item

CLOSED = CATEGORIES[0]


def with_swapped_clips(benchmark: Benchmark, items: Sequence[Item], seed: int) -> Benchmark:
    """Return the items with another clip of their data set each, and what is read in its place; labels stay.

    Items whose data set has one clip only are left out.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> other = with_swapped_clips(example, example.items, seed=0)
    >>> any(item.clip == example.item(item.id).clip for item in other)
    False
    """
    swap = swapped_clips(items, seed)
    # By data set: two of them may write down one clip in two ways.
    read = {(item.dataset, item.clip): item.transcript for item in items if item.transcript is not None}
    speakers = {item.clip: item.speaker for item in items}
    other = (
        replace(item, clip=clip, transcript=read.get((item.dataset, clip)), speaker=speakers[clip])
        for item in items
        if (clip := swap.get((item.dataset, item.clip))) is not None
    )
    return of_items(benchmark, other, "swapped")


def with_silence(benchmark: Benchmark, items: Sequence[Item], audio: Path, folder: Path) -> Benchmark:
    """Write silence as long as each clip into a folder, and return the items with it.

    Items whose clip cannot be heard are left out.

    Raises:
        MissingExtraError: soundfile is not installed.
        OutputError: the folder cannot be written.
    """
    try:
        import numpy as np
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "writing silence") from None
    silent: dict[str, str] = {}
    for name in dict.fromkeys(item.clip for item in items):
        try:
            clip = read_clip(audio / name)
        except DataError:  # said, or recorded, when the items were asked with it
            continue
        silent[name] = f"{name}.wav"
        path = folder / silent[name]
        frames = round(clip.seconds * clip.rate)
        if path.is_file() and _is_as_long(path, frames, clip.rate):
            continue
        begun = path.with_name(f".{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(begun, np.zeros(frames), clip.rate, subtype="PCM_16")
            begun.replace(path)  # whole or not at all
        except (OSError, soundfile.LibsndfileError) as error:
            raise OutputError(f"{path}: silence cannot be written ({error}); check the output folder") from None
    kept = (replace(item, clip=silent[item.clip]) for item in items if item.clip in silent)
    return of_items(benchmark, kept, "silent", folder)


def _is_as_long(path: Path, frames: int, rate: int) -> bool:
    """Whether an earlier call wrote it for a clip of this length, and not for another benchmark's of its name."""
    import soundfile

    try:
        found = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return False
    return bool(found.frames == frames and found.samplerate == rate)


def with_neutral_sentences(
    benchmark: Benchmark, items: Sequence[Item], placebos: Placebos, seed: int
) -> Benchmark:
    """Return the closed-ended items with a sentence that demands nothing in the place of the constraint.

    Twins come along: a judge is told the question by them.
    """
    found = []
    for item in items:
        if item.category == TWIN_CATEGORY:
            found.append(item)
        elif item.category == CLOSED and item.twin is not None:
            question = benchmark.item(item.twin).instruction
            length = max(len(item.instruction) - len(question) - 1, 1)
            sentence = placebos.sentence(length, Random(f"{seed}/{item.id}"))
            found.append(replace(item, instruction=f"{question}\n{sentence}"))
    return of_items(benchmark, found, "placebo")


def in_other_words(benchmark: Benchmark, items: Sequence[Item], placebos: Placebos, seed: int) -> Benchmark:
    """Return the items with their question in other words, twins alike; what the constraint says stays."""
    found = []
    for item in items:
        pair = item.twin if item.category == TWIN_CATEGORY and item.twin is not None else item.id
        rng = Random(f"{seed}/{pair}")
        question = item.instruction
        if item.category == CLOSED and item.twin is not None:
            question = benchmark.item(item.twin).instruction
        if not item.instruction.startswith(question):  # twins that do not ask the same question
            question = item.instruction
        reworded = placebos.reworded(question, rng)
        found.append(replace(item, instruction=reworded + item.instruction[len(question) :]))
    return of_items(benchmark, found, "rephrased")
