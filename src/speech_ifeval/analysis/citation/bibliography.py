"""The publications that are known, and which of them something in a run is."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from speech_ifeval.results import BibEntry

Kind = Literal["tool", "method", "corpus", "model", "judge", "normaliser"]


class Publication(Struct, frozen=True, forbid_unknown_fields=True):
    """One publication; `names` are patterns of what it stands for in a run."""

    key: str
    kind: Kind
    type: Literal["inproceedings", "article", "misc", "book"]
    title: str
    author: str
    year: str | None = None
    booktitle: str | None = None
    journal: str | None = None
    volume: str | None = None
    number: str | None = None
    pages: str | None = None
    publisher: str | None = None
    howpublished: str | None = None
    arxiv: str | None = None
    url: str | None = None
    names: tuple[str, ...] = ()

    def entry(self) -> BibEntry:
        """Return it as a bibliography holds it, in types and fields that all usual styles print."""
        told = {
            name: getattr(self, name)
            for name in (
                "title",
                "author",
                "booktitle",
                "journal",
                "volume",
                "number",
                "pages",
                "publisher",
                "howpublished",
                "year",
            )
        }
        if self.kind == "tool":  # a type of its own, and the field `version`, are biblatex's alone
            told["howpublished"] = f"Software, version {version('speech-ifeval')}"
        preprint = self.type == "misc" and self.arxiv is not None
        if preprint:  # as an article: the usual styles leave `eprint` out, and the number with it
            told["journal"] = f"arXiv preprint arXiv:{self.arxiv}"
        elif self.arxiv is not None:
            told |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        told["url"] = self.url if self.arxiv is None else f"https://arxiv.org/abs/{self.arxiv}"
        fields = {name: value for name, value in told.items() if value is not None}
        return BibEntry("article" if preprint else self.type, self.key, fields)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    entries: tuple[Publication, ...]


@cache
def publications() -> tuple[Publication, ...]:
    """Return all publications that are known.

    >>> len({one.key for one in publications()}) == len(publications())
    True
    """
    text = files("speech_ifeval.analysis.citation").joinpath("bibliography.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File).entries


def publication(key: str) -> Publication:
    """Return the publication of that key, which is known to be there."""
    return next(one for one in publications() if one.key == key)


def find_publication(name: str, *kinds: Kind) -> Publication | None:
    """Return the publication that a name stands for, of these kinds; None where none is known. Nothing is guessed.

    >>> find_publication("Qwen/Qwen2.5-7B-Instruct", "model").key
    'qwen2024qwen25'
    >>> find_publication("my-own/Qwen2.5-7B-Instruct-tuned", "model") is None
    True
    """
    wanted = {name.casefold(), name.rpartition("/")[2].casefold()}
    for one in publications():
        if one.kind in kinds and any(fnmatchcase(each, pattern) for each in wanted for pattern in one.names):
            return one
    return None
