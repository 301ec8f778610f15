from __future__ import annotations

import os
from pathlib import Path

import pytest

from speech_ifeval.integrations.harness.settings import VARIABLE, TaskSettings
from speech_ifeval.integrations.lmms_eval_harness.documents import (
    FAILED,
    RATE,
    documents,
    messages,
    results,
    sounds,
    text,
)
from speech_ifeval.models.adapters.lab import shipped
from tests.integrations.replaying import heard_replies, run_engine

LMMS_PYTHON = "SPEECH_IFEVAL_LMMS_EVAL_PYTHON"


class Rows(list):  # type: ignore[type-arg]
    """Like `datasets.Dataset` in the one way that is used."""

    @classmethod
    def from_list(cls, rows: list[dict[str, str]]) -> Rows:
        return cls(rows)


def test_rows_take_the_place_of_the_placeholder_and_say_what_a_model_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TaskSettings(judge="heuristic").encoded())
    rows = documents(Rows())
    assert isinstance(rows, Rows)
    row = rows[0]
    assert "heuristic" in row["settings"]
    system, user = messages(row)
    assert system == {"role": "system", "content": [{"type": "text", "text": "Follow the given instructions."}]}
    assert user["content"] == [{"type": "audio", "url": row["audio"]}, {"type": "text", "text": row["prompt"]}]
    assert Path(row["audio"]).is_file()
    (sound,) = sounds(row)
    assert sound["sampling_rate"] == RATE
    assert sound["array"].ndim == 1
    assert len(sound["array"]) > RATE / 2
    assert text(row) == row["prompt"]


def test_without_a_system_prompt_there_is_one_message() -> None:
    assert [part["role"] for part in messages({"system": "", "audio": "a.wav", "prompt": "?"})] == ["user"]


@pytest.mark.parametrize("reply", [f"{FAILED} after 5 retries] Connection error.", None])
def test_a_request_that_failed_is_unscored_and_no_reply(reply: str | None) -> None:
    (row, *_) = documents(Rows())
    found = results(row, [reply])
    assert (found["unscored"]["followed"], found["unscored"]["empty"]) == (None, False)
    assert found["unscored"]["verdicts"][0]["reason"].startswith(
        f"no response{'' if reply is None else ': ' + reply}"
    )
    assert results(row, ["  "])["empty"]["empty"] is True


@pytest.mark.slow
def test_its_own_model_hears_and_answers_as_our_adapter(tmp_path: Path) -> None:
    """lmms-eval's `qwen2_audio` on the CPU; it sends no system prompt of ours."""
    python = python_of_lmms_eval()
    folder, settings = shipped()["self-aligned"], TaskSettings(judge="heuristic")
    found = run_engine("lmms_eval", [folder], settings, tmp_path, "qwen2_audio", "6", python=python)
    assert len(found.rulings) == 6
    assert found.more["texts"] == heard_replies("lab:self-aligned", found.rulings, None, 60)


def python_of_lmms_eval() -> str:
    python = os.environ.get(LMMS_PYTHON)
    if not python:
        pytest.skip(
            f"lmms-eval wants an environment of its own (docs/harnesses.md): set {LMMS_PYTHON} to its python"
        )
    return python
