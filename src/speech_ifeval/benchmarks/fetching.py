"""A published benchmark into a folder: its items, checked against what was published, and its clips.

``fetched.json`` in that folder records what came from where, with the SHA-256 of every file, so that a later
fetch can tell what is there, what is missing and what has changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from speech_ifeval.benchmarks.addresses import shown_address
from speech_ifeval.benchmarks.archives import Extracted, Limits, extract_clips, put_whole
from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.downloading import Patience, download, sha256_of
from speech_ifeval.benchmarks.fetch_record import RECORD_FILE, FetchedAudio, FetchedItems, Record, read_record
from speech_ifeval.benchmarks.loading import load_benchmark
from speech_ifeval.benchmarks.local_copies import ARCHIVE_FILE, AUDIO_FOLDER, ITEMS_FOLDER, LocalCopy
from speech_ifeval.benchmarks.sources import LicenceRow, Release, licences_of
from speech_ifeval.errors import DataError
from speech_ifeval.runs import locked, write_document, writing

DOWNLOADS_FOLDER = "downloads"  # what is on its way; gone once the clips are out

Titled = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


class Where(NamedTuple):
    """From where a release is taken; what `local` does not hold is downloaded.

    Attributes:
        local: a folder with a copy of the items or the clips or both, or the archive of clips.
        items_url: the folder of the items' files, instead of the release's.
        audio_url: the archive, instead of the release's.
        token: an access token of the Hugging Face hub.
        patience: how long downloads insist.
    """

    local: Path | None = None
    items_url: str | None = None
    audio_url: str | None = None
    token: str | None = None
    patience: Patience = Patience()


class Fetched(msgspec.Struct, frozen=True):
    """What lies in the folder after a fetch.

    Attributes:
        name: the release.
        folder: what `load_benchmark` reads.
        fingerprint: of the benchmark.
        items: how many, unconstrained twins included.
        clips: how many different clips they name.
        missing: those that are not there.
        left_out: members of the archive that are no clips and were not extracted, and why.
        did: what this call did, for people; empty where everything was there.
        licence: what the release says of its own licence.
        licences: the corpora of the clips, with what is known of their licence.
    """

    name: str
    folder: str
    fingerprint: str
    items: int
    clips: int
    missing: tuple[str, ...]
    left_out: dict[str, str]
    did: tuple[str, ...]
    licence: str
    licences: tuple[LicenceRow, ...]


@contextmanager
def silent(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show no bar.

    >>> with silent("audios.tar") as advance:
    ...     advance(1, 2)
    """
    yield lambda done, total: None


def fetch_benchmark(
    release: Release,
    folder: Path,
    *,
    where: Where = Where(),  # noqa: B008 - immutable
    audio: bool = True,
    progress: Titled = silent,
    wait: Callable[[float, str], None] | None = None,
) -> Fetched:
    """Bring a release into a folder that `load_benchmark` reads, going on with what an earlier call left there.

    The items go to ``eval_data/``, the clips to ``audios/``. What is there and right is left alone; what is there
    and different is never overwritten.

    Args:
        release: what to fetch, such as `speech_ifeval.benchmarks.sources.OFFICIAL`.
        folder: made if it does not exist; one process at a time.
        where: a local copy, or other addresses than the release's own.
        audio: False leaves the clips out.
        progress: opens a bar for a title and yields its callback `(bytes done, bytes in all)`.
        wait: called with the seconds before another attempt and why; sleeps by default.

    Raises:
        UsageError: the local copy holds neither items nor clips; an address that is not encrypted.
        DataError: items or an archive other than the recorded ones, files that differ from those there.
        OutputError: the disk is full, or the folder cannot be written, or another process is at it.
        SpeechIFEvalError: no such file on the server, no permission, or no connection.

    >>> from speech_ifeval.benchmarks.sources import OFFICIAL
    >>> fetch_benchmark(OFFICIAL, Path("there"), where=Where(local=Path("nowhere")))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected a local copy of the release, found nothing at nowhere; \
give a folder with its items or clips, or audios.tar
    """
    copy = LocalCopy(where.local)
    fetching = _Fetching(release, folder, where, copy, progress, wait)
    with locked(folder):
        record = read_record(folder, release)
        record, benchmark = fetching.items(record)
        clips = tuple(dict.fromkeys(item.clip for item in benchmark))
        left_out: dict[str, str] = {}
        if audio:
            left_out = fetching.audio(record, clips)
    return Fetched(
        name=release.name,
        folder=str(folder),
        fingerprint=benchmark.fingerprint,
        items=len(benchmark),
        clips=len(clips),
        missing=tuple(clip for clip in clips if not (folder / AUDIO_FOLDER / clip).is_file()),
        left_out=left_out,
        did=tuple(fetching.did),
        licence=release.licence,
        licences=licences_of(benchmark),
    )


class _Fetching:
    """One fetch; `did` grows by what was done."""

    def __init__(
        self,
        release: Release,
        folder: Path,
        where: Where,
        copy: LocalCopy,
        progress: Titled,
        wait: Callable[[float, str], None] | None,
    ) -> None:
        self._release = release
        self._folder = folder
        self._where = where
        self._copy = copy
        self._progress = progress
        self._download = partial(download, token=where.token, patience=where.patience)
        if wait is not None:
            self._download = partial(self._download, wait=wait)
        self.did: list[str] = []

    def items(self, record: Record) -> tuple[Record, Benchmark]:
        """Bring the items; return the record that stands now, and the benchmark they make."""
        release, copy = self._release, self._copy.items
        if copy is not None:
            self._check_fingerprint(copy, "a local copy of it")
        address = self._where.items_url or release.items_url
        brought = []
        files: dict[str, str] = {}
        for file in release.items:
            target = self._folder / ITEMS_FOLDER / file.name
            own = None if copy is None else copy.root / file.name
            known = {file.sha256, record.items.files.get(file.name) if record.items else None}
            if own is not None:
                known.add(sha256_of(own))
            if target.exists():
                files[file.name] = sha256_of(target)
                if files[file.name] not in known:
                    raise DataError(
                        f"{target}: expected the published file (SHA-256 {file.sha256}), found another one "
                        f"({files[file.name]}); it was left as it is: delete it, or give another --output-dir"
                    )
                continue
            if own is not None:
                with writing(target):
                    self._folder.mkdir(parents=True, exist_ok=True)
                files[file.name] = put_whole(target, partial(_copied, own), self._folder)
            else:
                with self._progress(file.name) as advance:
                    files[file.name] = self._download(
                        f"{address.rstrip('/')}/{file.name}",
                        target,
                        max_bytes=file.size,
                        sha256=file.sha256,
                        progress=advance,
                    ).sha256
            brought.append(file.name)
        benchmark = load_benchmark(self._folder)
        self._check_fingerprint(benchmark, "what was fetched")
        if not brought and record.items is not None:
            return record, benchmark
        source = shown_address(address) if copy is None else str(copy.root)
        published = all(files[file.name] == file.sha256 for file in release.items)
        revision = release.revision if published else None
        found = FetchedItems(source, revision, benchmark.fingerprint, files)
        record = self._note(record, items=found)
        if brought:
            self.did.append(f"{len(brought)} files of items, {len(benchmark)} items, from {source}")
        return record, benchmark

    def _check_fingerprint(self, benchmark: Benchmark, what: str) -> None:
        if benchmark.fingerprint != self._release.fingerprint:
            raise DataError(
                f"{benchmark.root}: expected the items of the release {self._release.name}, fingerprint "
                f"{self._release.fingerprint[:12]}, found {len(benchmark)} items with the fingerprint "
                f"{benchmark.short_fingerprint}; {what} has other or fewer items: get it again"
            )

    def audio(self, record: Record, clips: tuple[str, ...]) -> dict[str, str]:
        """Bring the clips; return the members of the archive that were left out."""
        before = record.audio
        root = self._folder / AUDIO_FOLDER
        left_out: dict[str, str] = {}
        if before is None or not before.clips or self._lacking(root, before, clips):
            if self._copy.audio is not None:
                self._copy_clips(record, self._copy.audio, root, clips)
            else:
                left_out = self._extract(record, root)
        self._tidy()
        return left_out

    def _extract(self, record: Record, root: Path) -> dict[str, str]:
        copy, before = self._copy, record.audio
        own = self._folder / DOWNLOADS_FOLDER / ARCHIVE_FILE
        if copy.archive is not None:
            archive, found = copy.archive, self._examined(copy.archive, str(copy.archive), before)
        else:
            archive, found = own, self._archive(own, before)
        try:
            with self._progress("extracting") as advance:
                limits = Limits(total_bytes=self._release.audio_bytes)
                extracted = extract_clips(archive, root, limits=limits, progress=advance)
        except DataError:
            if archive == own:  # the next call is to get another one
                archive.unlink(missing_ok=True)
            raise
        _refuse_differing(root, extracted.differing)
        self._note(record, audio=msgspec.structs.replace(found, clips=extracted.clips))
        self.did.append(_told(extracted, found.source))
        return extracted.left_out

    def _tidy(self) -> None:
        """Remove what was on its way: whatever it was for, the clips are out."""
        downloads = self._folder / DOWNLOADS_FOLDER
        with suppress(OSError):  # not there, or not empty: somebody else's files
            for name in (ARCHIVE_FILE, f"{ARCHIVE_FILE}.part", f"{ARCHIVE_FILE}.part.json"):
                (downloads / name).unlink(missing_ok=True)
            downloads.rmdir()

    def _lacking(self, root: Path, before: FetchedAudio, clips: tuple[str, ...]) -> bool:
        """Whether another look at the source can bring clips; refuses where those there are not as recorded."""
        there = {clip: sum_ for clip, sum_ in before.clips.items() if (root / clip).is_file()}
        differing = (clip for clip, recorded in there.items() if sha256_of(root / clip) != recorded)
        _refuse_differing(root, tuple(differing))
        if len(there) < len(before.clips):
            return True
        # The whole archive is here; clips that it does not hold can only come from somewhere else.
        return any(clip not in there for clip in clips) and self._audio_source() != before.source

    def _audio_source(self) -> str:
        local = self._copy.audio or self._copy.archive
        return shown_address(self._where.audio_url or self._release.audio_url) if local is None else str(local)

    def _archive(self, archive: Path, before: FetchedAudio | None) -> FetchedAudio:
        """Download the archive, or take the one that an interrupted extraction left."""
        address = self._where.audio_url or self._release.audio_url
        source = shown_address(address)
        if archive.is_file():
            return self._examined(archive, source, before)
        expected = self._release.audio_sha256
        recorded = before.sha256 if before is not None else None
        with self._progress(ARCHIVE_FILE) as advance:
            got = self._download(
                address,
                archive,
                max_bytes=self._release.audio_bytes,
                sha256=expected or recorded,
                sha256_from="as it was published" if expected else f"of the first fetch, in {self._record_path}",
                progress=advance,
            )
        return FetchedAudio(source, got.sha256, got.size, got.revision)

    def _examined(self, archive: Path, source: str, before: FetchedAudio | None) -> FetchedAudio:
        found = sha256_of(archive)
        expected = self._release.audio_sha256 or (before.sha256 if before is not None else None)
        if expected is not None and found != expected:
            raise DataError(
                f"{archive}: expected the archive with the SHA-256 {expected}, as published or as recorded in "
                f"{self._record_path}, found {found}; it was left as it is: "
                "give the right one, or another --output-dir"
            )
        revision = before.revision if before is not None else None
        return FetchedAudio(source, found, archive.stat().st_size, revision)

    def _copy_clips(self, record: Record, source: Path, root: Path, clips: tuple[str, ...]) -> None:
        """Copy the clips that the items name; a copy has no archive's sum to be compared with."""
        before = record.audio or FetchedAudio(str(source))
        sums = {clip: sum_ for clip, sum_ in before.clips.items() if (root / clip).is_file()}
        differing, written = [], 0
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
        sizes = {clip: (source / clip).stat().st_size for clip in clips if (source / clip).is_file()}
        done, total = 0, sum(sizes.values())
        with self._progress("copying clips") as advance:
            for clip, size in sizes.items():
                sums[clip] = sha256_of(source / clip)
                if sums[clip] != before.clips.get(clip, sums[clip]):
                    differing.append(clip)
                elif not (root / clip).exists():
                    put_whole(root / clip, partial(_copied, source / clip), root)
                    written += 1
                elif sha256_of(root / clip) != sums[clip]:
                    differing.append(clip)
                done += size
                advance(done, total)
        _refuse_differing(root, tuple(differing))
        self._note(record, audio=msgspec.structs.replace(before, clips=sums))
        self.did.append(f"{written} clips copied from {source}")

    @property
    def _record_path(self) -> Path:
        return self._folder / RECORD_FILE

    def _note(
        self, record: Record, items: FetchedItems | None = None, audio: FetchedAudio | None = None
    ) -> Record:
        record = msgspec.structs.replace(record, items=items or record.items, audio=audio or record.audio)
        write_document(self._record_path, record)
        return record


def _refuse_differing(root: Path, differing: tuple[str, ...]) -> None:
    if differing:
        named = ", ".join(differing[:3]) + (", …" if len(differing) > 3 else "")
        raise DataError(
            f"{root}: {len(differing)} clips are other ones there than where they come from ({named}); nothing "
            "was overwritten: delete the wrong ones and run the same command again, or give another --output-dir"
        )


def _told(extracted: Extracted, source: str) -> str:
    there = len(extracted.clips) - extracted.written
    already = f", {there} there already" if there else ""
    return f"{extracted.written} clips extracted{already}, from {source}"


def _copied(source: Path, file: IO[bytes]) -> str:
    try:
        original = source.open("rb")
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error}); check the file") from None
    with original:
        shutil.copyfileobj(original, file)
    return sha256_of(source)
