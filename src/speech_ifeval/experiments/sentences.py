"""What stands in for a constraint, and for a question's usual words: a data file a language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct, field

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.build import find_pool, load_pool
from speech_ifeval.benchmarks.build.pool import shipped_languages
from speech_ifeval.errors import DataError, UsageError

SHIPPED = Path(__file__).parent / "placebos"
ASSUMED_LANGUAGE = "en"  # of a benchmark that does not say, as the published release
_REQUEST = "{request}"
_NEAREST = 3  # sentences of about the length, of which one is drawn


class Placebos(Struct, frozen=True, forbid_unknown_fields=True):
    """What demands nothing, in one language; made by `load_placebos`.

    Attributes:
        language: such as ``en``.
        neutral: sentences that demand nothing.
        frames: ways to put a request that leave it as it is, each with ``{request}``.
        questions: by a name, questions of which each can stand for any other.

    >>> load_placebos(find_placebos("en")).reworded("Whose voice is it?", Random(1)) != "Whose voice is it?"
    True
    """

    language: str
    neutral: tuple[str, ...]
    frames: tuple[str, ...]
    questions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sentence(self, length: int, rng: Random) -> str:
        """Return a neutral sentence of about `length` characters."""
        ranked = sorted(self.neutral, key=lambda one: (abs(len(one) - length), one))
        return rng.choice(ranked[:_NEAREST])

    def reworded(self, request: str, rng: Random) -> str:
        """Return a request in other words: another question of its list, else the same one in a frame.

        What stands behind the question, such as its options, stays.
        """
        known = [
            (asked, group) for group in self.questions.values() for asked in group if request.startswith(asked)
        ]
        if known:
            asked, group = max(known, key=lambda one: len(one[0]))
            others = [one for one in group if one != asked]
            if others:
                return rng.choice(others) + request[len(asked) :]
        return rng.choice(self.frames).replace(_REQUEST, request)


def find_placebos(language: str) -> Path | None:
    """Return the shipped file of a language, None where there is none.

    >>> find_placebos("xx") is None
    True
    """
    path = SHIPPED / f"{language}.toml"
    return path if path.parent == SHIPPED and path.is_file() else None


def load_placebos(path: Path) -> Placebos:
    """Read a file of neutral sentences and frames; questions of the builder's pool come along where there is one.

    Raises:
        UsageError: there is no such file.
        DataError: it is not what it should be.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Placebos)
    except OSError as error:
        raise UsageError(f"no placebos at {str(path)!r} ({error.strerror or error}); check --placebos") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}:1: expected TOML, found text that is not ({error}); correct it") from None
    except msgspec.ValidationError as error:
        raise DataError(f"{path}:1: expected placebos, found something else: {error}; correct it") from None
    for name, texts in (("neutral", found.neutral), ("frames", found.frames)):
        if not texts or not all(text.strip() for text in texts):
            raise DataError(f"{path}:1: {name} must hold at least one text, and no empty one; add one")
    for frame in found.frames:
        if frame.count(_REQUEST) != 1:
            raise DataError(f"{path}:1: a frame must hold {_REQUEST} once, found {frame!r}; correct it")
    pool = found.language in shipped_languages()
    tasks = load_pool(find_pool(found.language)).tasks if pool else {}
    asked = {name: task.questions for name, task in tasks.items() if task.questions}
    return msgspec.structs.replace(found, questions={**asked, **found.questions})


def placebos_for(benchmark: Benchmark, path: Path | None) -> Placebos | None:
    """Return the placebos of a benchmark's language, or those of a file; None where none are shipped.

    Raises:
        UsageError, DataError: see `load_placebos`.
    """
    found = path or find_placebos(benchmark.language or ASSUMED_LANGUAGE)
    return None if found is None else load_placebos(found)
