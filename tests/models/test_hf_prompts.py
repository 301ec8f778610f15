"""Prompts that do not move with the day, and the part of a model that answers in text."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.models import Generation, Request, open_model
from speech_ifeval.models.transformers_models.loading import model_class, takes_audio
from tests import tiny

pytestmark = pytest.mark.slow
TURNS = "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}"


@pytest.mark.parametrize(
    ("clock", "shown"),
    [
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        ('{{ strftime_now( "%Y-%m-%d" ) }}', "2024-07-26"),
        ("{% if strftime_now is defined %}{% set day = strftime_now('%B %d') %}{% endif %}{{ day }}", "July 26"),
        (
            "{% if date_string is not defined %}{% set date_string = strftime_now('%d') %}{% endif %}"
            "{{ date_string }}",
            "26 Jul 2024",
        ),
    ],
)
def test_a_template_with_a_clock_gives_the_same_prompt_every_day(clock: str, shown: str, tmp_path: Path) -> None:
    folder = tiny.llama(tmp_path / "dated", chat_template=clock + TURNS)
    with open_model(f"hf:{folder}", {"device": "cpu"}) as model:
        assert model.prompt(Request("a", "Speak.", system=None)) == f"{shown}[user]Speak."
        assert model.settings["prompt_date"] == "2024-07-26"
        asked = Request("a", "Speak.", generation=Generation(max_new_tokens=2))
        assert [response.error for response in model.answer([asked])] == [None]


def test_a_template_without_a_clock_records_no_date(tiny_llama: Path) -> None:
    with open_model(f"hf:{tiny_llama}", {"device": "cpu"}) as model:
        assert "prompt_date" not in model.settings


def test_audio_in_windows_is_heard_to_the_processors_own_limit(
    tiny_audio_flamingo_3: Path, tmp_path: Path
) -> None:
    asked = Request(
        "long", "What?", audio=tiny.speech(tmp_path / "long.wav", 33, 7), generation=Generation(max_new_tokens=2)
    )
    with open_model(f"hf:{tiny_audio_flamingo_3}", {"device": "cpu"}) as model:
        assert model.audio_limit == 600.0
        assert [response.audio_cut for response in model.answer([asked])] == [False]


@pytest.mark.parametrize(
    ("config", "architecture", "chosen"),
    [
        ("Qwen2_5OmniConfig", "Qwen2_5OmniModel", "Qwen2_5OmniThinkerForConditionalGeneration"),
        ("Qwen2_5OmniConfig", "Qwen2_5OmniForConditionalGeneration", "Qwen2_5OmniThinkerForConditionalGeneration"),
        (
            "Qwen3OmniMoeConfig",
            "Qwen3OmniMoeForConditionalGeneration",
            "Qwen3OmniMoeThinkerForConditionalGeneration",
        ),
    ],
)
def test_of_models_that_speak_the_thinker_answers(config: str, architecture: str, chosen: str) -> None:
    import transformers

    made = getattr(transformers, config)(architectures=[architecture])
    assert model_class(made).__name__ == chosen
    assert takes_audio(made)
