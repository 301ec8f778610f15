"""A fleet of processes around an adapter from outside: what it forwards, what it shares out, what must agree."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from speech_ifeval.errors import DataError, MismatchError, MissingExtraError, UsageError
from speech_ifeval.models import Model, Request, registry
from speech_ifeval.models.fleet import open_fleet
from tests.models.worker_scripts import asked, replies

ADAPTER = '''
import os
import time

from speech_ifeval.errors import DataError, MissingExtraError
from speech_ifeval.models import Model, Response, adapter, batches, failed


class Acme(Model):
    def __init__(self, target, device, scale):
        self.name = target
        self.audio_limit = 30.0
        self.remote_host = "asr.example"
        self.settings = {"scale": scale, "card": device if target == "uneven" else "any"}
        self.recorded = {"pid": os.getpid(), "device": device}
        self.device = device

    def answer(self, requests):
        print("noise")
        for batch in batches(requests, 2):
            if any(request.instruction == "refused" for request in batch):
                raise DataError("the key is refused")
            for request in reversed(batch):
                if request.instruction == "poison":
                    os._exit(7)
                if request.instruction == "slow":
                    time.sleep(0.2)
                if request.instruction == "bad":
                    yield failed(request, ValueError("no voice"))
                else:
                    yield Response(
                        request.id, f"{request.text} on {self.device}", "length", output_tokens=3, audio_cut=True,
                        transcript="heard",
                    )

    def prompt(self, request):
        return f"<{request.instruction}>"

    def inputs_differ(self, first, second):
        return None if first.audio is None else first.audio != second.audio


@adapter("acme", target="NAME")
def open_acme(target, *, device: str = "cpu", scale: float = 1.0) -> Model:
    """A model from outside."""
    if target == "nowhere":
        raise MissingExtraError("hf", "torch", "acme:nowhere")
    return Acme(target, device, scale)
'''


@pytest.fixture(autouse=True)
def _acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with an adapter: the entry point is what the processes find it by."""
    (tmp_path / "acme_models.py").write_text(ADAPTER)
    info = tmp_path / "acme_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[speech_ifeval.models]\nacme = acme_models\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("acme_models")
    yield
    del sys.modules["acme_models"]
    del registry._ADAPTERS["acme"]


def test_a_fleet_is_the_model_it_holds() -> None:
    with open_fleet("acme:m", {"scale": "0.5"}, ["cpu", "mps"]) as fleet:
        assert (fleet.name, fleet.hears, fleet.audio_limit) == ("m", True, 30.0)
        # What decides whether audio may leave this machine is not lost on the way.
        assert fleet.remote_host == "asr.example"
        assert fleet.settings == {"scale": 0.5, "card": "any"}
        assert fleet.recorded["devices"] == ["cpu", "mps"]
        one, other = Request("a", "Hi.", Path("a.wav")), Request("b", "Hi.", Path("b.wav"))
        assert fleet.prompt(one) == "<Hi.>"
        assert (fleet.inputs_differ(one, other), fleet.inputs_differ(one, one)) == (True, False)
        assert fleet.inputs_differ(*asked("x", "y")) is None


def test_responses_come_whole_and_every_device_has_a_share() -> None:
    with open_fleet("acme:m", {}, ["cpu", "mps"]) as fleet:
        found = replies(fleet, asked("slow", "bad", *["slow"] * 10))
    one = found[0]
    assert (one.finish_reason, one.output_tokens, one.audio_cut, one.transcript) == ("length", 3, True, "heard")
    assert (found[1].text, found[1].error) == (None, "ValueError: no voice")
    assert {(response.text or "").rpartition(" ")[2] for response in found} >= {"cpu", "mps"}


def test_a_process_reads_no_further_than_its_model() -> None:
    read: list[str] = []

    def stream() -> Iterator[Request]:
        for request in asked(*["slow"] * 20):
            read.append(request.id)
            yield request

    with open_fleet("acme:m", {}, ["cpu", "cpu"]) as fleet:
        answers = fleet.answer(stream())
        next(answers)
        # Two processes with two requests each, and one that has begun the next batch.
        assert len(read) <= 6
        answers.close()
        assert [response.id for response in fleet.answer(asked("again"))] == ["i0"], "the fleet can be asked again"


def test_prompts_are_told_in_the_middle_of_a_stream() -> None:
    def stream(fleet: Model) -> Iterator[Request]:
        for request in asked(*(f"text {at}" for at in range(9))):
            assert fleet.prompt(request) == f"<{request.instruction}>"
            yield request

    with open_fleet("acme:m", {}, ["cpu", "cpu"]) as fleet:
        found = [(fleet.prompt(Request(one.id, one.id)), one.id) for one in fleet.answer(stream(fleet))]
    assert sorted(found) == [(f"<i{at}>", f"i{at}") for at in range(9)]


def test_a_poisonous_request_takes_no_other_with_it() -> None:
    with open_fleet("acme:m", {}, ["cpu", "cpu"]) as fleet:
        found = replies(fleet, asked("a", "b", "poison", "c", "d", "e", "f"))
    assert [response.id for response in found if response.text is None] == ["i2"]
    assert "ended with exit code 7" in (found[2].error or "")


def test_processes_that_differ_are_named_with_what_differs() -> None:
    with pytest.raises(MismatchError, match="acme:uneven on mps: .* found card 'cpu' and 'mps'"):
        open_fleet("acme:uneven", {}, ["cpu", "mps"])


@pytest.mark.parametrize(
    ("spec", "arguments", "expected", "told"),
    [
        ("acme:m", {"tone": "high"}, UsageError, "acme takes no argument 'tone'"),
        ("acme:m", {"scale": "high"}, UsageError, "argument scale"),
        ("acme:nowhere", {}, MissingExtraError, r"^acme:nowhere needs the package torch: pip install"),
    ],
)
def test_what_the_adapter_refuses_is_raised_here(
    spec: str, arguments: dict[str, str], expected: type[Exception], told: str
) -> None:
    with pytest.raises(expected, match=told):
        open_fleet(spec, arguments, ["cpu", "cpu"])


def test_what_no_request_survives_ends_the_stream() -> None:
    with open_fleet("acme:m", {}, ["cpu"]) as fleet, pytest.raises(DataError, match="the key is refused"):
        list(fleet.answer(asked("a", "b", "refused")))


def test_an_adapter_that_the_processes_do_not_find_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(UsageError, match="no adapter 'acme'"):
        open_fleet("acme:m", {}, ["cpu"])
