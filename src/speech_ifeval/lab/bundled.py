"""The bundled benchmark: clips of held-out sentences, and the manifest that the builder makes it of."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.build import Plan, build_benchmark
from speech_ifeval.errors import MissingExtraError
from speech_ifeval.lab.lessons import CHOICE, OPTIONS, PITCH, SPEED, TRANSCRIPTION, VOICE
from speech_ifeval.lab.speech import VOICES, Utterance, Voice, speak_all
from speech_ifeval.lab.vocabulary import RATE
from speech_ifeval.lab.world import FAST, HIGH, LOW, SLOW, Manner, draw_question, held_out_scene

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "bundled"
DESCRIPTION = (
    "Forty sentences of a generated world, spoken by four voices of flite, fast or slow, high or low. Its "
    "sentences, phrases and keywords, and a quarter of its wordings, occur nowhere in the training of the lab's "
    "models."
)
SOURCE = "speech-ifeval, spoken by flite"
LICENCE = "Apache-2.0"
CLIPS_PER_VOICE = 10
CLOSED, CREATIVE, THINKING = 160, 70, 40
CROSSED = "bundled-crossed"
CROSSED_QUESTIONS = (80, 35, 12)  # each is asked with twelve wordings
MANIFEST = "manifest.jsonl"


def bundled_utterances(seed: int) -> list[Utterance]:
    """Return what is said in the clips: every voice, speed and pitch equally often, no sentence twice."""
    rng = Random(f"{seed}/bundled")
    said: set[str] = set()
    utterances = []
    for voice in VOICES:
        for number in range(CLIPS_PER_VOICE):
            while (scene := held_out_scene(rng)).text in said:
                pass
            said.add(scene.text)
            utterances.append(Utterance(scene, _manner(voice, number), voice))
    return utterances


def _manner(voice: Voice, number: int) -> Manner:
    pitch = None if voice.pitches is None else (HIGH, LOW)[number // 2 % 2]
    return Manner(voice.person, (FAST, SLOW)[number % 2], pitch)


def manifest_rows(utterances: Sequence[Utterance], seed: int) -> list[dict[str, Any]]:
    """Return the builder's rows: four questions about every clip."""
    rng = Random(f"{seed}/bundled questions")
    rows = []
    for number, one in enumerate(utterances):
        ask = draw_question(one.scene, rng)
        # Every second clip is asked for its speed, the others for their pitch, where the voice has one.
        style = SPEED if one.manner.pitch is None or number % 3 == 0 else PITCH
        label = one.manner.speed if style == SPEED else str(one.manner.pitch)
        clip = {
            "audio": f"{one.voice.name}-{number % CLIPS_PER_VOICE:02d}.flac",
            "transcript": one.scene.text,
            "metadata": one.manner.metadata,
            "speaker": f"flite/{one.voice.name}",
            "source": SOURCE,
            "licence": LICENCE,
        }
        rows += [
            {**clip, "task": TRANSCRIPTION, "label": one.scene.text},
            {**clip, "task": VOICE, "label": one.manner.voice, "options": _shuffled(OPTIONS[VOICE], rng)},
            {**clip, "task": style, "label": label, "options": _shuffled(OPTIONS[style], rng)},
            {
                **clip,
                "task": CHOICE,
                "question": ask.question,
                "label": ask.answer,
                "options": list(ask.options),
            },
        ]
    return rows


def _shuffled(options: Sequence[str], rng: Random) -> list[str]:
    return rng.sample(list(options), len(options))


def write_corpus(folder: Path, seed: int) -> Path:
    """Speak the clips into a folder and write their manifest; returns its path.

    Raises:
        ModelError: flite is missing.
        MissingExtraError: soundfile is not installed.
        OutputError: the folder cannot be written.
    """
    utterances = bundled_utterances(seed)
    rows = manifest_rows(utterances, seed)
    folder.mkdir(parents=True, exist_ok=True)
    clips = dict.fromkeys(str(row["audio"]) for row in rows)
    for name, spoken in zip(clips, speak_all(utterances), strict=True):
        _write(folder / name, spoken.samples)
    manifest = folder / MANIFEST
    manifest.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return manifest


def make_bundled(out: Path, seed: int, say: Callable[[str], None], *, crossed: bool = False) -> Benchmark:
    """Speak the clips and build the benchmark; `crossed` asks fewer questions, each with every wording.

    Raises:
        ModelError: flite is missing.
        MissingExtraError: soundfile is not installed.
        OutputError: the folder is there already, or cannot be written.
    """
    closed, creative, thinking = CROSSED_QUESTIONS if crossed else (CLOSED, CREATIVE, THINKING)
    plan = Plan(
        CROSSED if crossed else NAME,
        DESCRIPTION,
        licence=LICENCE,
        closed_ended=closed,
        creative_writing=creative,
        chain_of_thought=thinking,
        crossed=crossed,
        published_layout=False,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as scratch:
        return build_benchmark(write_corpus(Path(scratch), seed), out, plan, say=say)


def _write(path: Path, samples: NDArray[np.float32]) -> None:
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "writing clips") from None
    soundfile.write(path, samples, RATE, subtype="PCM_16")
