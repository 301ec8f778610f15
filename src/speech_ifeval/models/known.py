"""Speech-aware models that are known: what each is made of, and what to mind."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class KnownModel(Struct, frozen=True):
    """What is known of one model.

    Attributes:
        name: as its authors call it.
        spec: how to name it to ``--model``.
        encoder: what hears.
        projector: what stands between the encoder and the language model.
        trained: what speech training changed.
        reference: the specification of the text LLM it was made from; None where none is published.
        prompt: in which order it takes audio and instruction.
        lora: where its adapter's scale can be set, None where there is no adapter to scale.
        needs: what to install, beside this package.
        heed: what goes wrong otherwise.
        seen: how this is known: ``run`` where the model's own code was run on small random weights, ``read``
            where it was read there, ``told`` where others say so. No published weights were loaded.

    >>> find_known("DeSTA2").reference
    'hf:meta-llama/Meta-Llama-3-8B-Instruct'
    """

    name: str
    spec: str
    encoder: str
    projector: str
    trained: str
    reference: str | None
    prompt: str
    lora: str | None
    needs: str
    heed: str
    seen: Literal["run", "read", "told"] = "told"


_HF = "pip install 'speech-ifeval[hf]'"

KNOWN = (
    KnownModel(
        "LTU-AS",
        "worker:ltu_as",
        "Whisper-large with time and layer-wise Transformers (TLTR)",
        "linear",
        "projector, LoRA",
        "hf:lmsys/vicuna-7b-v1.1",
        "instruction, own transcript; audio embeddings first",
        "r 8, α 16: lora_scale",
        "its repository, in an environment of its own",
        "hears 10 s; samples by default",
        "run",
    ),
    KnownModel(
        "SALMONN-13B",
        "worker:salmonn",
        "Whisper-large-v2 and BEATs",
        "window-level Q-Former",
        "Q-Former, LoRA",
        "hf:lmsys/vicuna-13b-v1.1",
        "audio, then instruction",
        "r 8, α 32: lora_alpha or lora_scale",
        "its repository, transformers 4.28, peft 0.3",
        "hears 30 s; beams by default; never resamples",
        "run",
    ),
    KnownModel(
        "DeSTA2",
        "worker:desta2",
        "Whisper-small",
        "Q-Former",
        "Q-Former",
        "hf:meta-llama/Meta-Llama-3-8B-Instruct",
        "audio and its Whisper transcript, then instruction",
        None,
        "its repository or remote code",
        "hears 30 s; its own loader resamples through 22.05 kHz",
        "run",
    ),
    KnownModel(
        "DeSTA2.5-Audio",
        "worker:desta25",
        "Whisper-large-v3",
        "Q-Former",
        "Q-Former",
        "hf:meta-llama/Llama-3.1-8B-Instruct",
        "audio, then instruction",
        None,
        "the package desta",
        "pins its versions; fetches weights of a voice detector",
        "run",
    ),
    KnownModel(
        "DiVA",
        "worker:diva",
        "Whisper-large-v3",
        "Q-Former from Whisper's decoder",
        "encoder and Q-Former, distilled from the frozen LLM",
        "hf:meta-llama/Meta-Llama-3-8B-Instruct",
        "instruction, then audio",
        None,
        "remote code",
        "a greedy loop of its own; 128 tokens by default",
        "run",
    ),
    KnownModel(
        "BLSP-Emo",
        "worker:blsp_emo",
        "Whisper-large-v2",
        "convolutional adapter",
        "encoder, adapter, LoRA on the speech positions",
        "hf:Qwen/Qwen-7B-Chat",
        "instruction, then speech",
        "own layers: lora_scale",
        "its repository",
        "hears 30 s; 128 tokens by default",
        "run",
    ),
    KnownModel(
        "Qwen-Audio-Chat",
        "worker:qwen_audio_chat",
        "Whisper-large-v2",
        "none",
        "encoder, then LLM",
        None,
        "audio, then text",
        None,
        "remote code, transformers 4.32",
        "an environment of its own",
        "run",
    ),
    KnownModel(
        "Qwen2-Audio-7B-Instruct",
        "hf:Qwen/Qwen2-Audio-7B-Instruct",
        "Whisper-large-v3",
        "linear",
        "all",
        None,
        "audio first",
        None,
        _HF,
        "hears 30 s; its hub settings carry a repetition penalty, which is not used here",
        "run",
    ),
    KnownModel(
        "Qwen2.5-Omni-7B",
        "hf:Qwen/Qwen2.5-Omni-7B",
        "Whisper-large-v3",
        "linear",
        "all",
        "hf:Qwen/Qwen2.5-7B-Instruct",
        "audio first",
        None,
        _HF,
        "the Thinker is loaded, not the talker",
    ),
    KnownModel(
        "Voxtral-Mini-3B",
        "hf:mistralai/Voxtral-Mini-3B-2507",
        "Whisper-large-v3",
        "MLP",
        "all",
        None,
        "audio first",
        None,
        "pip install 'speech-ifeval[hf,voxtral]'",
        "refuses a system prompt beside audio: it goes into the user's turn",
        "run",
    ),
    KnownModel(
        "Granite-Speech-3.3-8B",
        "hf:ibm-granite/granite-speech-3.3-8b",
        "Conformer",
        "Q-Former",
        "projector, LoRA",
        "hf:ibm-granite/granite-3.3-8b-instruct",
        "audio first",
        "its own adapter, on only with audio",
        _HF + " torchaudio",
        "saving it with the adapter live spoils the weights",
    ),
    KnownModel(
        "Phi-4-multimodal",
        "hf:microsoft/Phi-4-multimodal-instruct",
        "Conformer",
        "MLP",
        "encoder, projector, LoRA",
        "hf:microsoft/Phi-4-mini-instruct",
        "audio first",
        "its own speech adapter",
        _HF,
        "the speech adapter is loaded by name",
    ),
    KnownModel(
        "Audio Flamingo 3",
        "hf:nvidia/audio-flamingo-3-hf",
        "AF-Whisper",
        "MLP",
        "all",
        "hf:Qwen/Qwen2.5-7B-Instruct",
        "audio first",
        None,
        _HF,
        "its class is named by the config alone",
        "run",
    ),
    KnownModel(
        "Ultravox",
        "openai:fixie-ai/ultravox-v0_5-llama-3_1-8b",
        "Whisper-large-v3-turbo",
        "MLP",
        "projector",
        "hf:meta-llama/Llama-3.1-8B-Instruct",
        "at <|audio|>",
        None,
        "vLLM as a server",
        "remote code elsewhere",
    ),
)


def find_known(name: str) -> KnownModel | None:
    """Return what is known of a model by its name, its specification or that without its scheme; None for others.

    >>> find_known("salmonn").name
    'SALMONN-13B'
    >>> find_known("hf:gpt2") is None
    True
    """
    wanted = name.casefold()
    for one in KNOWN:
        spec = one.spec.casefold()
        if wanted in (one.name.casefold(), spec, spec.partition(":")[2]):
            return one
    return None
