"""What somebody already has of a release on their disk."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.loading import load_benchmark
from speech_ifeval.errors import UsageError

ITEMS_FOLDER = "eval_data"
AUDIO_FOLDER = "audios"
ARCHIVE_FILE = "audios.tar"


class LocalCopy:
    """What a local copy holds: items, a folder of clips, an archive of clips; each may be absent.

    Raises:
        UsageError: there is none of the three.
        DataError: the items cannot be read.

    >>> LocalCopy(Path("nowhere"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected a local copy of the release, found nothing at nowhere; \
give a folder with its items or clips, or audios.tar
    """

    def __init__(self, path: Path | None) -> None:
        self.items: Benchmark | None = None
        self.audio: Path | None = None
        self.archive: Path | None = None
        if path is None:
            return
        if path.is_file():
            self.archive = path
            return
        if path.is_dir():
            self._search(path)
        if not any((self.items, self.audio, self.archive)):
            what = "neither items nor clips in" if path.is_dir() else "nothing at"
            raise UsageError(
                f"expected a local copy of the release, found {what} {path}; "
                f"give a folder with its items or clips, or {ARCHIVE_FILE}"
            )

    def _search(self, path: Path) -> None:
        below = (path, path / ITEMS_FOLDER, path / "data" / ITEMS_FOLDER)
        if any(next(folder.glob("*.jsonl"), None) is not None for folder in below):
            self.items = load_benchmark(path)
        places = (path, path / "data")
        folders = [place / AUDIO_FOLDER for place in places] + ([path] if path.name == AUDIO_FOLDER else [])
        self.audio = next(filter(Path.is_dir, folders), None)
        self.archive = next(filter(Path.is_file, (place / ARCHIVE_FILE for place in places)), None)
