"""What runs on a node of the cluster: one model, asked a batch at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speech_ifeval.errors import SpeechIFEvalError

Rows = list[dict[str, Any]]
# What an actor says: ``done`` with what was asked for, ``error`` with kind and message, ``missing`` with clips.
Said = tuple[str, Any]
DONE, ERROR, MISSING = "done", "error", "missing"


class RayActor:
    """A model behind the messages of `speech_ifeval.models.worker_messages`, as actor methods.

    A node need not see the files of the clips: what is missing is said, and comes with the next call.
    """

    def hello(self, hosted: Mapping[str, Any]) -> Said:
        """Load the model, and say what it is."""
        return _said(lambda: self._loaded(hosted))

    def answer(self, rows: Rows, clips: Mapping[str, bytes]) -> Said:
        """Answer requests; ``missing`` where their clips are not to be had here."""
        return self._asked(rows, clips, lambda asked: list(self._host.stream(iter(asked))))

    def prompt(self, rows: Rows, clips: Mapping[str, bytes]) -> Said:
        """Return the model's own prompt for one request; no clip is read for it."""
        return _said(lambda: self._host.prompt(*rows))

    def inputs_differ(self, rows: Rows, clips: Mapping[str, bytes]) -> Said:
        """Say whether two requests reach the model as different inputs."""
        return self._asked(rows, clips, lambda asked: self._host.inputs_differ(*asked))

    def _loaded(self, hosted: Mapping[str, Any]) -> dict[str, Any]:
        from speech_ifeval.models.workers.host import Host

        root = hosted["benchmark"]
        here = root if root is None or Path(root).is_dir() else None  # only adapters of recorded replies read it
        self._host = Host({**hosted, "benchmark": here})
        return {
            "name": self._host.name,
            "hears": self._host.hears,
            "audio_limit": self._host.audio_limit,
            "remote_host": self._host.remote_host,
            "settings": dict(self._host.settings),
            "recorded": {**self._host.recorded, "speech-ifeval": version("speech-ifeval")},
        }

    def _asked(self, rows: Rows, clips: Mapping[str, bytes], ask: Callable[[Rows], Any]) -> Said:
        needed = {row["audio"] for row in rows if row["audio"] is not None}
        missing = sorted(path for path in needed - clips.keys() if not Path(path).is_file())
        if missing:
            return MISSING, missing
        with ExitStack() as stack:
            asked = rows if not clips else _with_clips(rows, clips, stack)
            return _said(lambda: ask(asked))


def _with_clips(rows: Sequence[dict[str, Any]], clips: Mapping[str, bytes], stack: ExitStack) -> Rows:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speech-ifeval-clips-")))
    places: dict[str | None, str] = {}
    for number, (path, content) in enumerate(clips.items()):
        place = folder / f"{number}{Path(path).suffix}"
        place.write_bytes(content)
        places[path] = str(place)
    return [{**row, "audio": places.get(row["audio"], row["audio"])} for row in rows]


def _said(work: Callable[[], Any]) -> Said:
    try:
        return DONE, work()
    except SpeechIFEvalError as error:  # as words: not every exception survives being sent
        return ERROR, (type(error).__name__, str(error))
