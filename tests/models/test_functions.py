"""Models of one's own: callables, and files that hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.models import Request, Response, open_model
from speech_ifeval.models.functions import FunctionModel

REQUESTS = [Request(str(number), f"Question {number}?") for number in range(5)]


def answers(function: Any, **options: Any) -> list[Response]:
    return list(FunctionModel(function, **options).answer(iter(REQUESTS)))


def test_lists_of_texts_become_responses_in_order() -> None:
    found = answers(lambda requests: [request.instruction.upper() for request in requests], batch_size=2)
    assert [(one.id, one.text) for one in found] == [(str(n), f"QUESTION {n}?") for n in range(5)]
    assert all(one.seconds is not None for one in found)


def test_responses_are_kept_as_they_are() -> None:
    found = answers(lambda requests: [Response(one.id, "x", "length", output_tokens=3) for one in requests])
    assert {(one.finish_reason, one.output_tokens) for one in found} == {("length", 3)}


def test_the_batch_size_is_the_longest_list() -> None:
    sizes: list[int] = []
    answers(lambda requests: sizes.append(len(requests)) or ["x"] * len(requests), batch_size=2)  # type: ignore[func-returns-value]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda requests: ["x"], "the function answered 5 requests with 1 replies"),
        (lambda requests: [None] * 5, "the function answered with NoneType: expected a text or a Response"),
        (lambda requests: [Response("9", "x")] * 5, "the function answered 0 with the response to 9"),
        (lambda requests: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda requests: None, "TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_what_is_no_answer_fails_its_requests(function: Any, error: str) -> None:
    found = answers(function)
    assert [one.id for one in found] == [request.id for request in REQUESTS]
    assert found[0].error == error
    assert all(one.text is None and one.finish_reason == "error" for one in found)


def test_a_file_may_hold_a_function_or_a_model(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from speech_ifeval.models import Model, Response\n"
        "def parrot(requests):\n    return [one.text for one in requests]\n"
        "class Own(Model):\n    name = 'own'\n    hears = False\n"
        "    def answer(self, requests):\n        return (Response(one.id, 'own') for one in requests)\n"
    )
    parrot = open_model(f"py:{path}:parrot", {"hears": "false", "name": "Polly"})
    own = open_model(f"py:{path}:Own")
    assert (parrot.name, parrot.hears, own.name, own.hears) == ("Polly", False, "own", False)
    assert [one.text for one in own.answer(REQUESTS[:1])] == ["own"]
    before = parrot.settings
    path.write_text(path.read_text() + "# changed\n")
    assert open_model(f"py:{path}:parrot").settings != before


@pytest.mark.parametrize(
    ("target", "content", "message"),
    [
        ("own.py", "", "expected py:FILE.py:FUNCTION"),
        ("nowhere.py:f", None, "expected a Python file at"),
        ("own.py:f", "", "holds no function 'f'"),
        ("own.py:f", "f = 1", "holds no function 'f'"),
        ("own.py:f", "import nothing_of_that_name", "cannot be imported .ModuleNotFoundError"),
        ("own.py:f", "def f(:", "cannot be imported .SyntaxError"),
    ],
)
def test_a_file_that_holds_no_model_says_so(
    target: str, content: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("own.py").write_text(content)
    with pytest.raises(UsageError, match=message):
        open_model(f"py:{target}")


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="batch_size takes a whole number from 1, found 0"):
        FunctionModel(len, batch_size=0)  # type: ignore[arg-type]
