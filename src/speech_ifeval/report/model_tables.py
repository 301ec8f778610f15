"""Adapters and known models as tables."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.models import Adapter, Argument
from speech_ifeval.models.known import KnownModel
from speech_ifeval.models.serving import served_by_vllm
from speech_ifeval.report.figures import NONE
from speech_ifeval.report.terminal import figures_table


def models_view(adapters: Sequence[Adapter], known: Sequence[KnownModel]) -> list[RenderableType]:
    """Return what `speech-ifeval models` prints: adapters, then models with their reference systems."""
    return [
        Text("Adapters", style="bold"),
        _left(
            ("--model", "what it is", "install"),
            [(f"{one.scheme}:{one.target}", one.summary, _install(one.extra)) for one in adapters],
        ),
        "",
        Text("Known models", style="bold"),
        _left(
            ("model", "--model", "--reference"),
            [(one.name, one.spec, one.reference or "none is published") for one in known],
        ),
        "",
        Text("`speech-ifeval models NAME` tells one of them in full. Any other checkpoint: hf:ID-or-path."),
    ]


def adapter_view(adapter: Adapter) -> list[RenderableType]:
    """Return one adapter with its arguments."""
    rows = [(one.name, _kind(one.kind), _default(one)) for one in adapter.arguments]
    parts: list[RenderableType] = [
        Text(f"{adapter.scheme}:{adapter.target}", style="bold"),
        Text(inspect.cleandoc(adapter.open.__doc__ or "")),
        "",
        _left(("--model-args", "type", "default"), rows) if rows else Text("It takes no arguments."),
    ]
    if adapter.extra is not None:
        parts += ["", Text(_install(adapter.extra))]
    return parts


def known_view(model: KnownModel) -> list[RenderableType]:
    """Return all that is known of a model."""
    rows = [
        ("--model", model.spec),
        ("--reference", model.reference or "none is published"),
        ("encoder", model.encoder),
        ("projector", model.projector),
        ("trained", model.trained),
        ("order", model.prompt),
        ("LoRA scale", model.lora or "no adapter to scale"),
        ("needs", model.needs),
        ("vLLM", served_by_vllm(model)),
        ("heed", model.heed),
    ]
    return [Text(model.name, style="bold"), _left(("", ""), rows)]


def known_markdown(known: Sequence[KnownModel]) -> str:
    """Return all that is known of the models as a Markdown table: the one in ``docs/models.md``."""
    head = (
        "model",
        "`--model`",
        "`--reference`",
        "encoder",
        "projector",
        "trained",
        "order",
        "LoRA scale",
        "seen",
    )
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    for one in known:
        reference = "none published" if one.reference is None else f"`{one.reference}`"
        cells = (one.name, f"`{one.spec}`", reference, one.encoder, one.projector, one.trained, one.prompt)
        lines.append(f"| {' | '.join((*cells, one.lora or NONE, one.seen))} |".replace("<|audio|>", "`<audio>`"))
    return "\n".join(lines) + "\n"


def _left(header: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = figures_table(header, rows)
    for column in table.columns:
        column.justify = "left"
    return table


def _install(extra: str | None) -> str:
    return NONE if extra is None else f"pip install 'speech-ifeval[{extra}]'"


def _kind(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(str, typing.get_args(kind)))
    if isinstance(kind, types.UnionType):
        return " or ".join(_kind(one) for one in typing.get_args(kind) if one is not type(None))
    return getattr(kind, "__name__", str(kind))


def _default(argument: Argument) -> str:
    if argument.required:
        return "must be given"
    return NONE if argument.default is None else str(argument.default)
