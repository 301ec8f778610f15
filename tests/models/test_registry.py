"""Models by name: specifications, the arguments of adapters, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.models import (
    Model,
    Request,
    Response,
    adapter,
    find_adapter,
    open_model,
    parse_arguments,
    registry,
)


class Kept(Model):
    name = "kept"

    def __init__(self, **given: Any) -> None:
        self.given = given

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        return iter(())


@pytest.fixture(autouse=True)
def acme() -> Iterator[None]:
    """An adapter of every kind of argument, taken out of the register again."""
    registry.all_adapters()
    before = dict(registry._ADAPTERS)

    @adapter("acme", target="NAME")
    def open_acme(
        target: str,
        *,
        key: str,
        count: int = 1,
        scale: float | None = None,
        loud: bool = False,
        where: Path | None = None,
        batch: int | Literal["auto"] = "auto",
    ) -> Model:
        """Keeps what it is given.

        And more.
        """
        return Kept(target=target, key=key, count=count, scale=scale, loud=loud, where=where, batch=batch)

    yield
    registry._ADAPTERS.clear()
    registry._ADAPTERS.update(before)


def given(**arguments: Any) -> Any:
    model = open_model("acme:x", {"key": "k", **arguments})
    assert isinstance(model, Kept)
    return model.given


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "3", 3),
        ("count", 3, 3),
        ("scale", "0.5", 0.5),
        ("scale", "0", 0.0),
        ("loud", "true", True),
        ("loud", "0", False),
        ("where", "a/b", Path("a/b")),
        ("batch", "auto", "auto"),
        ("batch", "4", 4),
        ("key", "1", "1"),
    ],
)
def test_texts_become_what_the_adapter_declares(name: str, text: Any, value: Any) -> None:
    found = given(**{name: text})[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        ("acme:x", {}, "acme:x needs the argument key; give --model-args key="),
        ("acme:x", {"key": "k", "cuont": "1"}, "acme takes no argument 'cuont' .* did you mean count"),
        ("acme:x", {"key": "k", "count": "many"}, "the argument count of acme:x: .*found 'many'"),
        ("acme:x", {"key": "k", "loud": "maybe"}, "the argument loud of acme:x"),
        ("acme:", {}, "'acme:' names no model: expected acme:NAME"),
        ("acne:x", {}, "no adapter 'acne' in 'acne:x': .*did you mean acme"),
        ("meta-llama/Llama", {}, "hf:meta-llama/Llama names a checkpoint"),
        ("", {}, "no adapter ''"),
    ],
)
def test_what_is_wrong_is_said(spec: str, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_model(spec, arguments)


def test_the_summary_is_the_docstrings_first_paragraph() -> None:
    found, target = find_adapter("acme:one:two")
    assert (found.summary, target) == ("Keeps what it is given.", "one:two")


def test_a_scheme_is_registered_once() -> None:
    with pytest.raises(UsageError, match="the adapter 'py' is registered twice"):

        @adapter("py", target="x")
        def other(target: str) -> Model:
            return Kept()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        (" a = 1 , b-c=x=y ", {"a": "1", "b_c": "x=y"}),
        ('a="1,2",b=3', {"a": "1,2", "b": "3"}),
        ("a=", {"a": ""}),
        (
            "url=http://a/v1,https://b/v1, http://c/v1,d=1",
            {"url": "http://a/v1,https://b/v1,http://c/v1", "d": "1"},
        ),
        ('{"a": 1, "b": [2]}', {"a": 1, "b": [2]}),
    ],
)
def test_arguments_are_read(text: str, found: dict[str, Any]) -> None:
    assert parse_arguments(text) == found


@pytest.mark.parametrize(
    "text", ["a", "=1", "a=1,b", "a=1,http://b/v1", "http://b/v1", "a=1,a=2", '{"a": }', "{1: 2}"]
)
def test_arguments_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_arguments(text)
