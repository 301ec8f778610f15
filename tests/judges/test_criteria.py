from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.errors import DataError, SpeechIFEvalError, UsageError
from speech_ifeval.judges.criteria import load_rubrics, rubrics_digest

GOOD = "use: reasoning\n\nDoes it think?\n\n{question}\n\n{response}\n"


def test_a_rubric_of_ones_own_replaces_that_of_its_use(tmp_path: Path) -> None:
    path = tmp_path / "mine.md"
    path.write_text(GOOD.replace("\n", "\r\n"), "utf-8")
    shipped, mine = load_rubrics(), load_rubrics([path])
    assert mine["reasoning"].text == "Does it think?\n\n{question}\n\n{response}\n"
    assert mine["accuracy"] == shipped["accuracy"]
    assert rubrics_digest(mine) != rubrics_digest(shipped)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("Does it think?\n{response}", DataError, "mine.md:1: expected the front line 'use: reasoning', "),
        ("use: thinking\n{response}", DataError, "found 'use: thinking'; add it"),
        ("use: reasoning\nDoes it think?", DataError, r"a rubric for reasoning needs \{response\}"),
        ("use: accuracy\n{response}", DataError, r"a rubric for accuracy needs \{label\}"),
        (
            "use: reasoning\n{response} {label}",
            DataError,
            r"reasoning has \{question\}, \{response\}; found \{label\}",
        ),
        ("use: reasoning\n{response} {audio}", DataError, r"found \{audio\}: correct or remove it"),
        (None, UsageError, "no rubric at"),
    ],
)
def test_a_rubric_that_is_none_is_said(
    tmp_path: Path, text: str | None, kind: type[SpeechIFEvalError], message: str
) -> None:
    path = tmp_path / "mine.md"
    if text is not None:
        path.write_text(text)
    with pytest.raises(kind, match=message):
        load_rubrics([path])


def test_two_rubrics_for_one_use_are_refused(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(UsageError, match=r"are both for reasoning; give one of them"):
        load_rubrics([tmp_path / "a.md", tmp_path / "b.md"])
