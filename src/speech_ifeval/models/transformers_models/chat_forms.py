"""Chat templates: a model's own, those shipped for models that have none, or a file."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

from speech_ifeval.errors import UsageError

SHIPPED = ("llama-2", "vicuna")
_FOLDER = "chat_templates"


def find_template(processor: Any, chosen: str | None, name: str) -> str | None:
    """Return the chat template to render prompts with; None leaves it to a tokenizer that has no text of one.

    Args:
        processor: a processor or a tokenizer.
        chosen: ``vicuna``, ``llama-2``, the path of a template in Jinja, or None for the model's own.
        name: the model's name, for messages.

    Raises:
        UsageError: no such file, or the model has no template and none is chosen.

    Source: the shipped ones follow the prompt of Vicuna v1.1 (FastChat, ``vicuna_v1.1``) and of Llama-2-chat
    (arXiv 2307.09288 and its reference code).

    >>> find_template(None, "vicuna", "lmsys/vicuna-7b-v1.1").splitlines()[-1]
    '{%- endif -%}'
    """
    if chosen is not None:
        return _chosen(chosen)
    tokenizer = getattr(processor, "tokenizer", processor)
    for holder in (processor, tokenizer):
        template = getattr(holder, "chat_template", None)
        if isinstance(template, dict):
            template = template.get("default")
        if isinstance(template, str):
            return template
    if has_own_format(tokenizer):
        return None
    raise UsageError(
        f"{name} has no chat template, so its prompt is not known: give chat_template=vicuna (Vicuna v1.1), "
        "chat_template=llama-2 (Llama-2-chat) or chat_template=FILE.jinja; for an instruction-tuned model, take "
        "the one its authors trained with"
    )


def has_own_format(tokenizer: Any) -> bool:
    """Whether the tokenizer formats chats in code, as mistral-common's does."""
    return type(tokenizer).__name__ == "MistralCommonBackend"


def template_hash(template: str | None) -> str | None:
    """Return the first 16 hexadecimal digits of a template's SHA-256; None for none.

    >>> template_hash("{{ messages }}")
    'f24189f08c85a1eb'
    """
    return None if template is None else hashlib.sha256(template.encode()).hexdigest()[:16]


def _chosen(chosen: str) -> str:
    if chosen in SHIPPED:
        return (files("speech_ifeval.models.transformers_models") / _FOLDER / f"{chosen}.jinja").read_text("utf-8")
    try:
        return Path(chosen).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"chat_template={chosen}: expected {' or '.join(SHIPPED)} or a file in Jinja, found none that can be "
            f"read ({type(error).__name__}); correct the path"
        ) from None
