"""Rubrics: what a judge is told to look for. Markdown files with a front line and placeholders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.judges.interface import Use
from speech_ifeval.records import USES

SHIPPED = Path(__file__).parent / "rubrics"
_FRONT = re.compile(r"use:[ \t]*(\S+)[ \t]*\n")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TAKES: Mapping[str, frozenset[str]] = {
    "reasoning": frozenset({"question", "response"}),
    "accuracy": frozenset({"question", "response", "label"}),
    "transcript": frozenset({"question", "response"}),
}


@dataclass(frozen=True)
class Rubric:
    """What a judge is told about one use; `text` has a placeholder for each text that is put in."""

    use: Use
    text: str

    def filled(self, texts: Mapping[str, str]) -> str:
        """Put the texts in the placeholders' places, all at once: what is put in is not looked at again.

        >>> Rubric("reasoning", "{question} / {response}").filled({"question": "{response}", "response": "x"})
        '{response} / x'
        """
        return _PLACEHOLDER.sub(lambda match: texts[match[1]], self.text)


def load_rubrics(own: Iterable[Path] = ()) -> dict[str, Rubric]:
    """Return the rubric of each use: those of the package, and one's own in the place of theirs.

    Raises:
        UsageError: there is no such file, or two are for the same use.
        DataError: a file has no front line, or other placeholders than its use has.

    >>> sorted(load_rubrics())
    ['accuracy', 'reasoning', 'transcript']
    """
    rubrics = {use: read_rubric(SHIPPED / f"{use}.md") for use in USES}
    mine: dict[str, Path] = {}
    for path in own:
        rubric = read_rubric(path)
        if rubric.use in mine:
            raise UsageError(
                f"--rubric: {mine[rubric.use]} and {path} are both for {rubric.use}; give one of them"
            )
        mine[rubric.use] = path
        rubrics[rubric.use] = rubric
    return rubrics


def read_rubric(path: Path) -> Rubric:
    """Read one rubric.

    Raises:
        UsageError: there is no such file.
        DataError: it has no front line, or other placeholders than its use has.
    """
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"no rubric at {str(path)!r}: expected a Markdown file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}:1: expected a rubric in UTF-8, and it cannot be read ({error})") from None
    front = _FRONT.match(text)
    if front is None or front[1] not in get_args(Use):
        raise DataError(
            f"{path}:1: expected the front line 'use: reasoning', 'use: accuracy' or 'use: transcript', found "
            f"{text.partition(chr(10))[0][:60]!r}; add it"
        )
    use, body = front[1], text[front.end() :].strip() + "\n"
    found = _PLACEHOLDER.findall(body)
    missing = sorted({"response", *(_TAKES[use] - {"question"})} - set(found))
    strange = sorted(set(found) - _TAKES[use])
    if missing:
        raise DataError(f"{path}:1: a rubric for {use} needs {{{missing[0]}}}, where that text is put; add it")
    if strange:
        names = ", ".join(f"{{{name}}}" for name in sorted(_TAKES[use]))
        raise DataError(f"{path}:1: a rubric for {use} has {names}; found {{{strange[0]}}}: correct or remove it")
    return Rubric(use, body)  # type: ignore[arg-type]  # one of them, checked above


def rubrics_digest(rubrics: Mapping[str, Rubric]) -> str:
    """Return the SHA-256, in hexadecimal, over the rubrics' words.

    >>> len(rubrics_digest(load_rubrics()))
    64
    """
    return hashlib.sha256("\0".join(f"{use}\0{rubrics[use].text}" for use in sorted(rubrics)).encode()).hexdigest()
