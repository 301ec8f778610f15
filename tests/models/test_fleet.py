"""One model on several devices: what is refused, and a process that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models import Generation, Request, open_model
from speech_ifeval.models.fleet import device_name, open_fleet
from tests import tiny

SHORT = Generation(max_new_tokens=8)


def requests(count: int) -> list[Request]:
    texts = tiny.SENTENCES
    return [Request(str(n), f"{texts[n % len(texts)]} {n}", generation=SHORT) for n in range(count)]


@pytest.mark.parametrize(
    ("name", "device"), [("0", "cuda:0"), ("3", "cuda:3"), ("cpu", "cpu"), ("cuda:1", "cuda:1"), ("mps", "mps")]
)
def test_numbers_are_cards(name: str, device: str) -> None:
    assert device_name(name) == device


@pytest.mark.parametrize(
    ("spec", "arguments", "devices", "message"),
    [
        ("replay:x", {}, ["0"], "replay:x takes no device: leave out --devices"),
        ("hf:x", {"device": "cpu"}, ["0"], "the device of hf:x is given twice"),
        ("hf:x", {}, [], "expected at least one device"),
        ("hf:x", {}, ["a card"], "device"),
    ],
)
def test_what_makes_no_fleet_is_refused(
    spec: str, arguments: dict[str, Any], devices: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_fleet(spec, arguments, devices)


@pytest.mark.slow
def test_a_checkpoint_that_is_not_there_is_the_adapters_own_message(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected the folder of a checkpoint, found none"):
        open_fleet(f"hf:{tmp_path / 'nowhere'}", {}, ["cpu"])


@pytest.mark.slow
def test_two_processes_answer_as_one_and_a_killed_one_loses_nothing(tiny_llama: Path) -> None:
    with open_model(f"hf:{tiny_llama}", {"dtype": "float32", "device": "cpu"}) as alone:
        expected = {response.id: response.text for response in alone.answer(requests(24))}
        settings = dict(alone.settings)
        prompt = alone.prompt(requests(1)[0])
    arguments = {"dtype": "float32", "batch_size": "2"}
    with open_fleet(f"hf:{tiny_llama}", arguments, ["cpu", "cpu"]) as fleet:
        assert dict(fleet.settings) == settings
        assert fleet.prompt(requests(1)[0]) == prompt
        assert fleet.recorded["devices"] == ["cpu", "cpu"]
        children = psutil.Process().children(recursive=True)
        hosts = [child for child in children if "speech_ifeval.models.workers.host" in " ".join(child.cmdline())]
        assert len(hosts) == 2

        def stream() -> Iterator[Request]:
            for number, request in enumerate(requests(24)):
                if number == 8:
                    hosts[0].kill()
                yield request

        found = {response.id: response for response in fleet.answer(stream())}
    assert {id: response.text for id, response in found.items()} == expected
    assert not any(child.is_running() for child in hosts)
