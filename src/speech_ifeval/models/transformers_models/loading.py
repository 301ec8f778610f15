"""Checkpoints: which class, which processor, which revision; no pickles, no code of others unless asked for."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.transformers_models.digests import folder_digest, revision_of
from speech_ifeval.models.transformers_models.failures import loading, require_peft, require_transformers
from speech_ifeval.models.transformers_models.lora import ADAPTER_CONFIG, read_adapter_config, refuse_unscalable
from speech_ifeval.models.transformers_models.quiet import attaching, without_bars

AUTO = "auto"
_DTYPES = ("auto", "bfloat16", "float16", "float32")
_AUDIO_WORDS = ("audio", "speech", "sound")
_GENERIC_TOKENIZER = "TokenizersBackend"
_SMALL = 2**30  # bytes
# An adapter's pickled weights come only where they are allowed: a cache without them is complete then.
_ADAPTER_FILES = {False: [ADAPTER_CONFIG, "adapter_model.safetensors"], True: ["adapter_*"]}
_RECOGNISERS = ("whisper", "wav2vec2", "moonshine", "speech_to_text")


class Checkpoint(Struct, frozen=True):
    """Where a model comes from, and how it is to be loaded.

    Attributes:
        target: a repository of the hub, or a folder; the folder of a PEFT adapter names its base itself.
        revision: a commit, branch or tag of the repository.
        adapter: the folder or repository of a PEFT adapter.
        dtype: ``auto`` is the checkpoint's own, on the CPU float32.
        device: ``auto`` is the first card, the CPU where there is none.
        device_map: as in transformers; ``auto`` spreads a model over cards and host.
        attention: transformers' ``attn_implementation``.
        trust_remote_code: run the code that comes with the repository.
        allow_pickle: also read weights that are not in safetensors.
        scaled: whether the adapter will be scaled, which not every adapter can be.
    """

    target: str
    revision: str | None = None
    adapter: str | None = None
    dtype: str = AUTO
    device: str = AUTO
    device_map: str | None = None
    attention: str | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False
    scaled: bool = False


class Loaded(Struct, frozen=True):
    """A model, its processor (a tokenizer for a text model), its name, and digests of what it was loaded from."""

    model: Any
    processor: Any
    name: str
    revision: str
    adapter_revision: str | None


def load(checkpoint: Checkpoint) -> Loaded:
    """Load a model and its processor.

    Raises:
        ModelError: it cannot be had or loaded.
        UsageError: an unknown precision, or a LoRA scale for an adapter that does not scale.
        MissingExtraError: a package is missing.
    """
    require_transformers(f"hf:{checkpoint.target}")
    if checkpoint.dtype not in _DTYPES:
        raise UsageError(f"dtype={checkpoint.dtype}: expected one of {', '.join(_DTYPES)}")
    target, adapter = base_and_adapter(checkpoint)
    tuned: Path | None = None
    if adapter is not None:
        require_peft(f"adapter={adapter}")
        tuned = _adapter_folder(adapter, checkpoint)
        if checkpoint.scaled:
            refuse_unscalable(read_adapter_config(tuned), tuned.name)
    _check_folder(target)
    with loading(target):
        config = _config(target, checkpoint)
        processor = _processor(target, config, checkpoint)
        model = _model(target, config, checkpoint)
    if tuned is not None:
        model = _with_adapter(model, tuned, checkpoint)
    name = _short(target) + (f"+{_short(checkpoint.adapter or checkpoint.target)}" if tuned else "")
    return Loaded(
        model.eval(),
        processor,
        name,
        revision_of(target, checkpoint.revision),
        None if tuned is None else folder_digest(tuned),
    )


def rehearse(checkpoint: Checkpoint) -> str:
    """Load everything of a checkpoint but its weights; return the repository or folder that has these.

    Raises:
        ModelError: it cannot be had or loaded.
        MissingExtraError: a package is missing.
    """
    require_transformers(f"hf:{checkpoint.target}")
    target, adapter = base_and_adapter(checkpoint)
    if adapter is not None:
        require_peft(f"adapter={adapter}")
        _adapter_folder(adapter, checkpoint)
    _check_folder(target)
    with loading(target):
        config = _config(target, checkpoint)
        _processor(target, config, checkpoint)
    return target


def model_class(config: Any) -> Any:
    """Return the class that answers in text for a configuration.

    The one that the configuration names; of models that also speak only the part that thinks; otherwise what
    transformers registers for models of several modalities, or for text.
    """
    import transformers

    named = (getattr(config, "architectures", None) or [""])[0]
    if hasattr(config, "thinker_config"):
        stem = named.removesuffix("ForConditionalGeneration").removesuffix("Model").removesuffix("Thinker")
        return getattr(transformers, f"{stem}ThinkerForConditionalGeneration")
    found = getattr(transformers, named, None)
    if found is not None and hasattr(found, "generate"):
        return found
    return transformers.AutoModelForMultimodalLM if takes_audio(config) else transformers.AutoModelForCausalLM


def takes_audio(config: Any) -> bool:
    """Whether a configuration has a part for audio."""
    thinker = getattr(config, "thinker_config", None)
    if thinker is not None:
        return takes_audio(thinker)
    names = [str(getattr(config, "model_type", "")), *vars(config)]
    return any(word in name for name in names for word in _AUDIO_WORDS)


def base_and_adapter(checkpoint: Checkpoint) -> tuple[str, str | None]:
    """Return the checkpoint that is loaded, and the adapter that is put on it: each a folder or a repository.

    Raises:
        ModelError, UsageError: the target is a broken adapter, or one with another adapter.

    >>> base_and_adapter(Checkpoint("gpt2", adapter="user/tuned"))
    ('gpt2', 'user/tuned')
    """
    folder = Path(checkpoint.target).expanduser()
    if not (folder / ADAPTER_CONFIG).is_file() or (folder / "config.json").is_file():
        return str(folder) if folder.is_dir() else checkpoint.target, checkpoint.adapter
    base = read_adapter_config(folder).get("base_model_name_or_path")
    if checkpoint.adapter is not None or not base:
        raise UsageError(
            f"{checkpoint.target} is itself an adapter: name the model it was trained on, and give it as adapter="
        )
    # A base that is written as a relative path lies beside the adapter, wherever the two have been copied to.
    beside = (folder / base).resolve()
    return str(beside) if str(base).startswith(".") and beside.is_dir() else base, str(folder)


def _check_folder(target: str) -> None:
    folder = Path(target)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{target}: expected a checkpoint in transformers' format (config.json), found a folder without "
                "it; correct the path"
            )
    elif folder.exists() or target.startswith(("/", ".", "~")) or target.count("/") > 1:
        raise ModelError(f"{target}: expected the folder of a checkpoint, found none; correct the path")


def _config(target: str, checkpoint: Checkpoint) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        target, revision=checkpoint.revision, trust_remote_code=checkpoint.trust_remote_code
    )
    if config.model_type in _RECOGNISERS:
        raise ModelError(
            f"{target} recognises speech and follows no instruction ({config.model_type}): put it before a text "
            "model, as in cascade:ASR+LLM"
        )
    return config


def _processor(target: str, config: Any, checkpoint: Checkpoint) -> Any:
    from transformers import AutoProcessor, AutoTokenizer, PreTrainedTokenizerFast
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    kind: Any = AutoProcessor
    if not takes_audio(config):
        # For some architectures AutoTokenizer puts the usual class in place of the generic one that a checkpoint
        # names, and with it another normaliser and decoder: the model would read other tokens.
        stated = get_tokenizer_config(target, revision=checkpoint.revision).get("tokenizer_class")
        kind = PreTrainedTokenizerFast if stated == _GENERIC_TOKENIZER else AutoTokenizer
    found = kind.from_pretrained(
        target, revision=checkpoint.revision, trust_remote_code=checkpoint.trust_remote_code
    )
    # Without its files transformers makes some tokenizers up, with no word in them.
    if not getattr(found, "tokenizer", found).encode("word", add_special_tokens=False):
        raise ModelError(
            f"{target}: expected the model's tokenizer beside its weights (tokenizer.json, or the files of its "
            "kind), found none that knows a word; copy the tokenizer's files there, or fetch the checkpoint again"
        )
    return found


def _model(target: str, config: Any, checkpoint: Checkpoint) -> Any:
    import torch
    import transformers

    device = checkpoint.device
    if device == AUTO:
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
    dtype: Any = checkpoint.dtype
    if dtype == AUTO and device == "cpu" and checkpoint.device_map is None:
        dtype = "float32"
    options: dict[str, Any] = {
        "revision": checkpoint.revision,
        "dtype": dtype if dtype == AUTO else getattr(torch, dtype),
        "use_safetensors": None if checkpoint.allow_pickle else True,
        "weights_only": True,
        "trust_remote_code": checkpoint.trust_remote_code,
    }
    if checkpoint.attention is not None:
        options["attn_implementation"] = checkpoint.attention
    if checkpoint.device_map is not None:
        options["device_map"] = checkpoint.device_map
    own_code = getattr(config, "auto_map", None) if checkpoint.trust_remote_code else None
    if own_code:
        names = ("AutoModelForMultimodalLM", "AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModel")
        kind = getattr(transformers, next((name for name in names if name in own_code), "AutoModel"))
    else:
        kind = model_class(config)
    with without_bars() if _is_small(target) else nullcontext():
        model = kind.from_pretrained(target, **options)
    if not hasattr(model, "generate"):
        raise ModelError(f"{target}: expected a model that generates text, found {type(model).__name__}")
    return model if checkpoint.device_map is not None else model.to(device)


def _is_small(target: str) -> bool:
    """Whether a checkpoint is there and loads in a moment."""
    weights = list(Path(target).glob("*.safetensors"))
    return bool(weights) and sum(path.stat().st_size for path in weights) < _SMALL


def _adapter_folder(adapter: str, checkpoint: Checkpoint) -> Path:
    folder = Path(adapter).expanduser()
    if not folder.is_dir() and adapter.count("/") == 1 and not adapter.startswith(("/", ".", "~")):
        from huggingface_hub import snapshot_download

        with loading(adapter):
            folder = Path(snapshot_download(adapter, allow_patterns=_ADAPTER_FILES[checkpoint.allow_pickle]))
    config = read_adapter_config(folder)
    if not (folder / "adapter_model.safetensors").is_file() and not checkpoint.allow_pickle:
        raise ModelError(
            f"adapter={adapter}: expected adapter_model.safetensors, found none; a pickled one (.bin) can run "
            "code: if you trust its author, give allow_pickle=true"
        )
    if config.get("peft_type") in {"PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING"}:
        raise UsageError(
            f"adapter={adapter}: expected an adapter of the weights, such as LoRA, found {config['peft_type']}"
        )
    return folder


def _with_adapter(model: Any, adapter: Path, checkpoint: Checkpoint) -> Any:
    from peft import PeftModel

    with loading(f"adapter={adapter}"), attaching():
        return PeftModel.from_pretrained(model, adapter, is_trainable=False)


def _short(target: str) -> str:
    path = Path(target).expanduser()
    return path.resolve().name if path.is_dir() else target
