"""What runs on a node of the cluster: one model, asked a batch at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_ifeval.models.ray_engine.feed import row
from speech_ifeval.models.worker_messages import CRASH
from speech_ifeval.models.workers.protocol import kind_of

if TYPE_CHECKING:
    from speech_ifeval.models.workers.host import Host

Rows = list[dict[str, Any]]
HELLO, ANSWER, PROMPTS, INPUTS_DIFFER = "hello", "answer", "prompts", "inputs_differ"


class Answering:
    """A model as a callable of Ray Data's `map_batches`: the number of a message in, a row with its reply out.

    The messages are those of `speech_ifeval.models.worker_messages`. The model is loaded when the first one is in
    hand, so that an actor that dies of it is seen to have had something. A node need not see the files of the
    clips: those that are missing are sent.
    """

    def __init__(self, hosted: Mapping[str, Any], feed: Any) -> None:
        self._hosted, self._feed = hosted, feed
        self._host: Host | None = None

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Reply to one message; to none where somebody else has it."""
        import ray

        number = int(batch["number"][0])
        this = ray.get_runtime_context().current_actor
        message = ray.get(self._feed.claim.remote(number, this))
        if message is not None:
            yield row(number, self._said(number, *message))

    def _said(self, number: int, method: str, rows: Rows) -> dict[str, Any]:
        try:
            hello = None
            if self._host is None:
                self._host, hello = load(self._hosted)
            with ExitStack() as stack:
                said = ask(self._host, method, self._at_hand(number, rows, stack) if method != PROMPTS else rows)
        # Foreign code: whatever it raises ends the run with type and message, as words, since not every exception
        # survives being sent.
        except Exception as error:  # noqa: BLE001
            told = kind_of(error)
            if told["kind"] == CRASH:
                os._exit(1)  # only a new process can use the device again: Ray starts one
            return {"error": told}
        return {"said": said, **({} if hello is None else {"hello": hello})}

    def _at_hand(self, number: int, rows: Rows, stack: ExitStack) -> Rows:
        import ray

        needed = {one["audio"] for one in rows if one["audio"] is not None}
        missing = sorted(path for path in needed if not Path(path).is_file())
        if not missing:
            return rows
        clips = ray.get(self._feed.clips.remote(number, missing))
        return with_clips(rows, clips, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=COPIES))))


COPIES = "speech-ifeval-clips-"


def load(hosted: Mapping[str, Any]) -> tuple[Host, dict[str, Any]]:
    """Load the model that `hosted` names, and return it with what it says of itself."""
    from speech_ifeval.models.workers.host import Host

    root = hosted["benchmark"]
    here = root if root is None or Path(root).is_dir() else None  # only adapters of recorded replies read it
    host = Host({**hosted, "benchmark": here})
    return host, {
        "name": host.name,
        "hears": host.hears,
        "audio_limit": host.audio_limit,
        "remote_host": host.remote_host,
        "settings": dict(host.settings),
        "recorded": {**host.recorded, "speech-ifeval": version("speech-ifeval")},
    }


def ask(host: Host, method: str, rows: Rows) -> Any:
    """Return what a model says to requests."""
    if method == ANSWER:
        return list(host.stream(iter(rows)))
    if method == PROMPTS:
        return [host.prompt(one) for one in rows]
    return host.inputs_differ(*rows) if method == INPUTS_DIFFER else None


def with_clips(rows: Sequence[dict[str, Any]], clips: Mapping[str, bytes], folder: Path) -> Rows:
    """Return requests whose clips lie in a folder of this node, under names of its own."""
    places: dict[str | None, str] = {}
    for number, (path, content) in enumerate(clips.items()):
        place = folder / f"{number}{Path(path).suffix}"
        place.write_bytes(content)
        places[path] = str(place)
    return [{**one, "audio": places.get(one["audio"], one["audio"])} for one in rows]
