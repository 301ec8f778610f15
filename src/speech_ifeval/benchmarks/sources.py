"""Releases that can be fetched, pinned by content, and the licences of the corpora their clips come from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark

_GIB = 1 << 30


class ItemsFile(Struct, frozen=True):
    """One file of items as it was published: its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class Release(Struct, frozen=True):
    """A published benchmark: where its items and its audio are, and what they must turn out to be.

    Attributes:
        name: what ``speech-ifeval fetch`` calls it.
        revision: the commit of the repository that holds the items.
        items_url: the folder of the items' files at that commit.
        items: those files.
        fingerprint: of the benchmark they make, as `load_benchmark` computes it.
        audio_url: the archive of clips.
        audio_sha256: of the archive; None where nobody has recorded it yet.
        audio_bytes: no archive of this release is larger.
        sealed: SHA-256 over the items with hashes in the place of their texts; submissions are compared with it.
        licence: what the release says of its own licence, for people.
    """

    name: str
    revision: str
    items_url: str
    items: tuple[ItemsFile, ...]
    fingerprint: str
    audio_url: str
    licence: str
    audio_sha256: str | None = None
    audio_bytes: int = 8 * _GIB
    sealed: str | None = None


class Corpus(Struct, frozen=True):
    """What is known of a corpus' licence; `licence` is None where none is stated or it could not be checked."""

    licence: str | None
    note: str = ""


class LicenceRow(Struct, frozen=True):
    """One corpus of a benchmark: how many of its clips, under which licence. None is what is not known."""

    corpus: str | None
    clips: int
    licence: str | None
    note: str


_REVISION = "e2e9c14d3609aeb6613c64e3e6c8be44329c476a"

OFFICIAL = Release(
    name="official",
    revision=_REVISION,
    items_url=f"https://raw.githubusercontent.com/kehanlu/Speech-IFEval/{_REVISION}/data/eval_data",
    items=(
        ItemsFile(
            "closed_ended_questions.jsonl",
            644_932,
            "09c40f4aca93685ba4041e01679c32a1d5ff7918db53182fb389e06d6facb7b0",
        ),
        ItemsFile(
            "closed_ended_questions-woprompt.jsonl",
            503_962,
            "50f7956e421802ac5d3a5f555331e8728579932ea5ba6025e7ba22c653341e89",
        ),
        ItemsFile(
            "creative_writing.jsonl", 211_208, "e058ac7857f1d781ab5aa6e54164604d943d5314c8abecccd65712596a88de08"
        ),
        ItemsFile(
            "chain-of-thought.jsonl", 109_869, "090a4dcaacf840a3c96b691cc8829e16229383eb1a78fc064cfe89a5d33ed390"
        ),
    ),
    fingerprint="fe46d1b56406197b2a8247194e656896d1c516592f50734b316111a77422a03f",
    audio_url="https://huggingface.co/datasets/kehanlu/Speech-IFEval/resolve/main/audios.tar",
    licence="The release states no licence for its items, neither in its repository nor in the rows.",
    sealed="c861623d96baebf2d0464f2090a9ca5f1662d65336483df17cdc19fe3732047b",
)

RELEASES: Mapping[str, Release] = MappingProxyType({OFFICIAL.name: OFFICIAL})

# What the corpora's own publishers state. Keys are the names that `source_of` gives.
CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        "LibriSpeech": Corpus("CC BY 4.0"),
        "Common Voice": Corpus("CC0-1.0", "its terms ask you not to try to identify speakers"),
        "IEMOCAP": Corpus(
            "own licence agreement", "given by the University of Southern California on request; no redistribution"
        ),
        "MELD": Corpus(
            "GPL-3.0 for its repository", "the audio is of a television series; no right to it is granted"
        ),
        "MMAU": Corpus(None, "clips of many other corpora, each with its own terms"),
    }
)

UNTOLD = "the file's name does not tell the corpus"


def licences_of(benchmark: Benchmark) -> tuple[LicenceRow, ...]:
    """Return the corpora of a benchmark's clips, those with most clips first, with what is known of their licence.

    What an item itself states goes before what is known of its corpus. Each clip counts once.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> [(row.corpus, row.clips, row.licence) for row in licences_of(load_benchmark("example"))]
    [(None, 20, 'Apache-2.0')]
    """
    stated = {item.clip: (item.source, item.licence or benchmark.licence) for item in benchmark}
    counts: dict[tuple[str | None, str | None], int] = {}
    for about in stated.values():
        counts[about] = counts.get(about, 0) + 1
    rows = []
    for (source, licence), clips in sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0]))):
        corpus = Corpus(None, UNTOLD) if source is None else CORPORA.get(source, Corpus(None))
        rows.append(LicenceRow(source, clips, licence or corpus.licence, "" if licence else corpus.note))
    return tuple(rows)
