"""Prompts as a model gets them: which form of a chat its template takes, found out by rendering."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from speech_ifeval.errors import ModelError
from speech_ifeval.models.interface import Request
from speech_ifeval.models.transformers_models.chat_forms import find_template, has_own_format, template_hash

Messages = list[dict[str, Any]]
Audio = dict[str, Any]

# Templates that print today's date would make another prompt of the same request tomorrow. This is the date that
# the template of Llama-3.1 itself falls back on.
PROMPT_DATE = date(2024, 7, 26)

_CLOCK = re.compile(r"strftime_now\(\s*(?P<quote>['\"])(?P<form>.*?)(?P=quote)\s*\)")

OWN_TURN = "a turn of its own"
FOLDED = "folded into the user turn"
_PARTS = "an audio part"
_LITERAL = "a placeholder in the text"
_SYSTEM_PROBE = "Answer briefly."
_USER_PROBE = "What is said?"


class Prompts:
    """Renders requests. A form of chat counts as taken when all of it, audio included, stands in the prompt.

    Tried in this order: audio as a part of the user's turn, audio as the literal placeholder of the processor
    before the text; then both again with the system prompt folded into the user's turn.
    """

    def __init__(self, processor: Any, chosen: str | None, name: str) -> None:
        self._processor = processor
        self._name = name
        self._template = find_template(processor, chosen, name)
        self._tokenizer = getattr(processor, "tokenizer", processor)
        self._in_code = has_own_format(self._tokenizer)
        self._forms: dict[tuple[bool, bool], tuple[str | None, bool]] = {}
        self.audio_token: str | None = getattr(processor, "audio_token", None)

    @property
    def settings(self) -> dict[str, Any]:
        """What replies depend on: the template, where the system prompt goes, the date that is put in."""
        found: dict[str, Any] = {"chat_template": template_hash(self._template) or "the tokenizer's own"}
        if self._dated:
            found["prompt_date"] = PROMPT_DATE.isoformat()
        return found

    def system_prompt(self, audio: bool) -> str:
        """Say where the system prompt of requests with (or without) audio goes."""
        return FOLDED if self._form(audio, system=True)[1] else OWN_TURN

    def render(self, request: Request) -> str:
        """Return the whole prompt; audio is one placeholder, however long the clip.

        Raises:
            ModelError: the template takes no form of this chat.
        """
        return self.render_messages(self.messages(request, self._placeholder))

    def messages(self, request: Request, audio: Callable[[], Audio]) -> Messages:
        """Return the chat in the form that the template takes; `audio` makes the part that stands for the clip."""
        heard = request.audio is not None
        form, folded = self._form(heard, request.system is not None)
        text = request.text
        if folded:
            text = f"{request.system}\n\n{text}"
        system = [] if request.system is None or folded else [{"role": "system", "content": request.system}]
        return [*system, {"role": "user", "content": self._content(form, text, audio)}]

    def render_messages(self, messages: Messages) -> str:
        """Return a chat as text, ready for the reply."""
        options: dict[str, Any] = {}
        if self._template is not None:
            options = {"chat_template": _with_prompt_date(self._template), "add_generation_prompt": True}
        if self._dated:
            options["date_string"] = PROMPT_DATE.strftime("%d %b %Y")
        rendered: str
        if self._in_code:
            tokens = self._tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
            rendered = self._tokenizer.decode(tokens, skip_special_tokens=False)
        else:
            rendered = self._processor.apply_chat_template(messages, tokenize=False, **options)
        if self.audio_token:
            rendered = re.sub(f"(?:{re.escape(self.audio_token)})+", lambda _: str(self.audio_token), rendered)
        return rendered

    def _placeholder(self) -> Audio:
        if self._in_code:
            return _short_clip()
        return {"type": "audio", "audio": "clip.wav"}

    @property
    def _dated(self) -> bool:
        return self._template is not None and any(
            word in self._template for word in ("strftime_now", "date_string")
        )

    def _content(self, form: str | None, text: str, audio: Callable[[], Audio]) -> Any:
        if form is None:
            return text
        if form == _LITERAL:
            return f"{self.audio_token}{text}"
        return [audio(), {"type": "text", "text": text}]

    def _form(self, audio: bool, system: bool) -> tuple[str | None, bool]:
        if (audio, system) not in self._forms:
            self._forms[audio, system] = self._find_form(audio, system)
        return self._forms[audio, system]

    def _find_form(self, audio: bool, system: bool) -> tuple[str | None, bool]:
        """Return how audio is written, None without any, and whether the system prompt is folded in."""
        forms: list[str | None] = [None]
        if audio:
            # A tokenizer that formats chats in code would take a placeholder for text, and no clip with it.
            literal = self.audio_token is not None and not self._in_code
            forms = [_PARTS, _LITERAL] if literal else [_PARTS]
        tried: list[str] = []
        for folded in (False, True) if system else (False,):
            for form in forms:
                why = self._refusal(form, system, folded)
                if why is None:
                    return form, folded
                tried.append(why)
        raise ModelError(
            f"{self._name}: its chat template takes no prompt with {'audio' if audio else 'text'}"
            f"{' and a system prompt' if system else ''} ({'; '.join(dict.fromkeys(tried))}); give another with "
            "chat_template=FILE.jinja"
        )

    def _refusal(self, form: str | None, system: bool, folded: bool) -> str | None:
        text = f"{_SYSTEM_PROBE}\n\n{_USER_PROBE}" if folded else _USER_PROBE
        turns: Messages = [{"role": "user", "content": self._content(form, text, self._placeholder)}]
        if system and not folded:
            turns.insert(0, {"role": "system", "content": _SYSTEM_PROBE})
        try:
            rendered = self.render_messages(turns)
        # Templates and mistral-common's checks are foreign code that refuses a chat in any way it likes.
        except Exception as error:  # noqa: BLE001
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")
        if system and _SYSTEM_PROBE not in rendered:
            return "the system prompt is dropped"
        if _USER_PROBE not in rendered:
            return "the user's text is dropped"
        if form is not None and self.audio_token and rendered.count(self.audio_token) != 1:
            return "the audio is dropped"
        return None


def _with_prompt_date(template: str) -> str:
    # transformers hands templates plain data only: a clock of one's own cannot be passed, its calls are filled in.
    return _CLOCK.sub(lambda call: json.dumps(PROMPT_DATE.strftime(call["form"])), template)


def audio_part(samples: Sequence[float], rate: int) -> Audio:
    """Return a clip as the part of a chat that carries its samples inline, 32-bit floats at `rate`."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return {"type": "audio", "base64": base64.b64encode(buffer.getvalue()).decode()}


def _short_clip() -> Audio:
    import numpy as np

    rate = 16000
    return audio_part(np.zeros(rate // 10, dtype=np.float32), rate)  # type: ignore[arg-type]
