"""Which known models vLLM serves, with which options, and the command that evaluates what it then serves.

Nothing is started here. What vLLM takes was read in its 0.32: its registry of models, its command line, its own
examples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from speech_ifeval.errors import UsageError
from speech_ifeval.models.known import KNOWN, KnownModel, find_known

PROGRAM = "vllm"
CONTEXT = 8192  # tokens: prompt, clip and the longest reply of a run fit, and a KV cache for more takes memory
SLOTS = 16  # requests in flight a server: what `openai:` has for one

_EVERYWHERE = ("0.0.0.0", "::", "")


class Serving(Struct, frozen=True):
    """How vLLM serves a model that hears.

    Attributes:
        options: what `vllm serve` is told of it beside the usual.
        arguments: what the `openai:` adapter has to know of it.
        unused: its other modalities, for which no memory is kept.
    """

    options: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


SERVED = {
    "Qwen2-Audio-7B-Instruct": Serving(arguments={"audio_limit": "30"}),
    "Qwen2.5-Omni-7B": Serving(unused=("image", "video")),
    "Voxtral-Mini-3B": Serving(
        ("--tokenizer-mode", "mistral", "--config-format", "mistral", "--load-format", "mistral"),
        {"system_in_user": "true"},
    ),
    "Granite-Speech-3.3-8B": Serving(
        (
            *("--enable-lora", "--max-lora-rank", "64"),
            *("--default-mm-loras", '{"audio": "ibm-granite/granite-speech-3.3-8b"}'),
        )
    ),
    "Audio Flamingo 3": Serving(),
    "Ultravox": Serving(("--trust-remote-code",)),
}
_NOT_SERVED = {
    "Phi-4-multimodal": "vLLM takes its speech adapter from a local folder alone",
    "lmsys/vicuna-7b-v1.1": "its tokenizer has no chat template, which vLLM needs",
    "lmsys/vicuna-13b-v1.1": "its tokenizer has no chat template, which vLLM needs",
    "Qwen/Qwen-7B-Chat": "vLLM supports it no longer",
}


class PlannedServer(Struct, frozen=True):
    """One server: its command line, its address, and the GPU it is to see; None for all that there are."""

    command: tuple[str, ...]
    url: str
    device: str | None = None


class Plan(Struct, frozen=True):
    """Servers, and the command line that evaluates what they serve.

    Attributes:
        servers: in the order of their ports.
        evaluation: the command line of `speech-ifeval run`.
        install: the command that installs what they need.
        known: whether the model is one that is known, so that its options are.
    """

    servers: tuple[PlannedServer, ...]
    evaluation: tuple[str, ...]
    install: str
    known: bool


def plan_servers(
    model: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    copies: int = 1,
    devices: Sequence[str] = (),
    reference: bool = False,
    text_only: bool = False,
    further: Sequence[str] = (),
) -> Plan:
    """Say which servers are to be started for a model, and how it is then evaluated.

    Args:
        model: a known model's name or specification, or what vLLM calls any other: an id of the hub, a folder.
        host, port: where the first server listens; each further one at the next port.
        copies: how many servers of the model.
        devices: the GPUs, one for each server; without any, one server sees them all, and several take 0, 1, …
        reference: also serve its reference system, at the last port.
        text_only: it does not hear; reference systems of known models are known not to.
        further: options of `vllm serve` that follow the others, for every server.

    Raises:
        UsageError: vLLM does not serve the model, it has no reference system, or there are too few GPUs.

    >>> plan = plan_servers("qwen2-audio-7b-instruct", port=9000)
    >>> " ".join(plan.servers[0].command[:7])
    'vllm serve Qwen/Qwen2-Audio-7B-Instruct --host 127.0.0.1 --port 9000'
    >>> plan.evaluation[2:]
    ('--model', 'openai:Qwen/Qwen2-Audio-7B-Instruct', '--model-args', \
'base_url=http://127.0.0.1:9000/v1,audio_limit=30')
    """
    known = find_known(model)
    serving = None if known is None else _serving_of(known)
    target = _target(model, known)
    text_only = text_only or (known is None and _is_reference(target))
    if known is None and target in _NOT_SERVED:
        raise UsageError(f"vLLM does not serve {target} ({_NOT_SERVED[target]}); name it as hf:{target}")
    texts = None
    if reference:
        if known is None or known.reference is None:
            raise UsageError(
                f"no reference system of {model} is known; leave --reference out, and serve it by its name"
            )
        texts = known.reference.partition(":")[2]
    count = copies + (texts is not None)
    seen = _devices(devices, count)
    servers = []
    for place in range(count):
        named, heard = (target, not text_only) if place < copies else (texts or "", False)
        options = _options(serving, heard, known is not None or _is_reference(named))
        command = (PROGRAM, "serve", named, "--host", host, "--port", str(port + place), *options, *further)
        servers.append(PlannedServer(command, _url(host, port + place), seen[place]))
    urls = [server.url for server in servers]
    return Plan(
        tuple(servers),
        _evaluation(target, urls[:copies], serving, known, text_only, texts, urls[copies:]),
        f"pip install {PROGRAM}" if text_only else f"pip install '{PROGRAM}[audio]'",
        known is not None or text_only,
    )


def served_by_vllm(known: KnownModel) -> str:
    """Return how vLLM is started for a known model, or that it does not serve it.

    >>> served_by_vllm(find_known("Ultravox")), served_by_vllm(find_known("DiVA"))
    ('speech-ifeval serve Ultravox', 'does not serve it')
    """
    if known.name not in SERVED:
        return "does not serve it"
    name = known.name if " " not in known.name else known.spec.partition(":")[2]
    return f"speech-ifeval serve {name}"


def _serving_of(known: KnownModel) -> Serving:
    if known.name not in SERVED:
        why = f" ({_NOT_SERVED[known.name]})" if known.name in _NOT_SERVED else ""
        raise UsageError(
            f"vLLM does not serve {known.name}{why}: evaluate it with --model {known.spec}; "
            f"`speech-ifeval models {known.name}` tells what that needs"
        )
    return SERVED[known.name]


def _target(model: str, known: KnownModel | None) -> str:
    if known is not None:
        return known.spec.partition(":")[2]
    scheme, colon, rest = model.partition(":")
    if colon and scheme not in ("hf", "openai"):
        raise UsageError(f"vLLM serves models of the hub and folders, not {model!r}; name one")
    return rest if colon else model


def _is_reference(target: str) -> bool:
    return any(one.reference == f"hf:{target}" for one in KNOWN)


def _devices(given: Sequence[str], count: int) -> list[str | None]:
    if not given and count == 1:
        return [None]
    found = list(given) or [str(number) for number in range(count)]
    if len(found) < count:
        raise UsageError(f"{count} servers need a GPU each, and {len(found)} are given ({', '.join(found)})")
    return [*found[:count]]


def _options(serving: Serving | None, hears: bool, known: bool) -> list[str]:
    # The checkpoint's own sampling settings are not for greedy replies without a penalty.
    options = ["--generation-config", "vllm"]
    if known:
        options += ["--max-model-len", str(CONTEXT)]
    if hears:
        limits = {"audio": 1, **dict.fromkeys(serving.unused if serving else (), 0)}
        options += ["--limit-mm-per-prompt", json.dumps(limits), *(serving.options if serving else ())]
    return options


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/v1"


def _evaluation(
    target: str,
    urls: Sequence[str],
    serving: Serving | None,
    known: KnownModel | None,
    text_only: bool,
    texts: str | None,
    text_urls: Sequence[str],
) -> tuple[str, ...]:
    arguments = {"base_url": ",".join(urls)}
    if len(urls) > 1:
        arguments["concurrency"] = str(SLOTS * len(urls))
    if text_only:
        arguments["hears"] = "false"
    arguments |= serving.arguments if serving else {}
    written = ",".join(f"{name}={value}" for name, value in arguments.items())
    line = ["speech-ifeval", "run", "--model", f"openai:{_as_named(target)}", "--model-args", written]
    if texts is not None:
        line += ["--reference", f"openai:{texts}", "--reference-args", f"base_url={','.join(text_urls)}"]
    elif known is not None and known.reference is not None:
        line += ["--reference", known.reference]
    return tuple(line)


def _as_named(target: str) -> str:
    """What vLLM calls the model: the id, or the folder as it was given."""
    return str(Path(target).expanduser()) if target.startswith("~") else target
