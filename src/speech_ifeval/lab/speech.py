"""Speech for the lab: sentences spoken by the voices of flite, fast or slow, high or low.

What is varied is what was synthesised, and labels call it that: ``fast`` and ``high`` are settings of a
synthesiser, not moods. One of the four voices is a woman's, so ``woman`` is that one voice against three.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from speech_ifeval.errors import DataError, MissingExtraError, ModelError
from speech_ifeval.lab.vocabulary import RATE, WINDOW_SECONDS
from speech_ifeval.lab.world import FAST, HIGH, LOW, MAN, SLOW, WOMAN, Manner, Scene, training_scene

FLITE = "flite"
STRETCH = {FAST: 0.75, SLOW: 1.2}
# fmt: off
# The sounds of flite's English voices; the first is silence.
PHONES = (
    "pau", "aa", "ae", "ah", "ao", "aw", "ax", "axr", "ay", "b", "ch", "d", "dh", "eh", "el", "em", "en", "er",
    "ey", "f", "g", "hh", "ih", "iy", "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "t", "th",
    "uh", "uw", "v", "w", "y", "z", "zh",
)
# fmt: on


class Voice(Struct, frozen=True):
    """A voice of flite. `pitches` are mean fundamental frequencies in hertz, None where it ignores the setting."""

    name: str
    person: str
    pitches: dict[str, int] | None


VOICES = (
    Voice("slt", WOMAN, {LOW: 145, HIGH: 215}),
    Voice("awb", MAN, {LOW: 100, HIGH: 160}),
    Voice("rms", MAN, None),
    Voice("kal16", MAN, {LOW: 80, HIGH: 125}),
)
_SHARES = (0.4, 0.2, 0.2, 0.2)


class Utterance(Struct, frozen=True):
    """A sentence, who says it and how."""

    scene: Scene
    manner: Manner
    voice: Voice


def draw_utterance(scene: Scene, voice: Voice, rng: Random) -> Utterance:
    """Return a sentence said by a voice in any manner it has."""
    pitch = None if voice.pitches is None else rng.choice((HIGH, LOW))
    return Utterance(scene, Manner(voice.person, rng.choice((FAST, SLOW)), pitch), voice)


def training_utterances(seed: int, number: int) -> list[Utterance]:
    """Return what the lab's towers learn from; two fifths are said by the one woman."""
    rng = Random(f"{seed}/speech")
    return [
        draw_utterance(training_scene(rng), rng.choices(VOICES, _SHARES)[0], rng)  #
        for _ in range(number)
    ]


def require_flite() -> str:
    """Return the path of flite.

    Raises:
        ModelError: it is not installed, or lacks a voice.
    """
    found = shutil.which(FLITE)
    if found is None:
        raise ModelError(
            "the lab's speech is made by flite, which is not installed: `apt-get install flite`, or another "
            "system's package of flite 2.2 with its voices"
        )
    told = subprocess.run([found, "-lv"], capture_output=True, text=True, check=False).stdout
    lacking = [voice.name for voice in VOICES if voice.name not in told.split()]
    if lacking:
        raise ModelError(
            f"flite at {found} lacks the voices {', '.join(lacking)} (it has: {told.strip() or 'none'}); install "
            "a flite 2.2 that has them"
        )
    return found


class Spoken(Struct, frozen=True):
    """An utterance as it sounds.

    Attributes:
        samples: shape ``(n,)``, in -1 to 1, at 16 kHz.
        phones: which sound ends when: its place in `PHONES`, and seconds.
    """

    samples: Any
    phones: tuple[tuple[int, float], ...]


def speak(utterance: Utterance, flite: str, scratch: Path) -> Spoken:
    """Return an utterance's samples and sounds.

    Raises:
        DataError: flite fails, or what it says is longer than the lab's models hear.
        MissingExtraError: soundfile is not installed.
    """
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "the lab's speech") from None
    settings = [f"duration_stretch={STRETCH[utterance.manner.speed]}"]
    if utterance.voice.pitches is not None and utterance.manner.pitch is not None:
        settings.append(f"int_f0_target_mean={utterance.voice.pitches[utterance.manner.pitch]}")
    text = utterance.scene.text
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / "said.wav"
        options = [part for setting in settings for part in ("--setf", setting)]
        command = [flite, "-voice", utterance.voice.name, *options, "-psdur", "-t", text, "-o", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not path.is_file():
            raise DataError(f"flite could not say {text!r}: {done.stderr.strip() or f'exit {done.returncode}'}")
        samples, rate = soundfile.read(path, dtype="float32")
    if rate != RATE or samples.ndim != 1 or len(samples) > WINDOW_SECONDS * RATE:
        raise DataError(
            f"{text!r} said by {utterance.voice.name}: expected at most {WINDOW_SECONDS} s of mono at {RATE} Hz, "
            f"found {len(samples) / rate:.1f} s at {rate} Hz"
        )
    return Spoken(samples, _read_phones(done.stdout))


def _read_phones(told: str) -> tuple[tuple[int, float], ...]:
    """Read flite's ``pau:0.148 g:0.210 …``: sounds and when they end, in seconds."""
    phones = []
    for part in told.split():
        name, _, end = part.partition(":")
        try:
            phones.append((PHONES.index(name), float(end)))
        except ValueError:
            raise DataError(
                f"expected flite to tell sounds and their ends, as in pau:0.148, found {part!r}"
            ) from None
    return tuple(phones)


def speak_all(utterances: Sequence[Utterance], workers: int = 2) -> list[Spoken]:
    """Return utterances as they sound, in their order.

    Raises:
        ModelError: flite is missing.
        DataError: as `speak`.
    """
    flite = require_flite()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda one: speak(one, flite, Path(scratch)), utterances))
