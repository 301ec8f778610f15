"""LTU-AS (YuanGongND/ltu, src/ltu_as) as a worker, run in that repository's environment.

docs/models/ltu-as.md says how to set it up. What the repository's `inference_gradio.py` does is done here in the
same order: that file loads its weights from fixed paths when it is imported, and answers by sampling.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import os
import pickle
import re
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

AUDIO_LIMIT_S = 10.0
RATE = 16000
ENCODER_STATES = 20
AUDIO_TOKENS = 25
RANK = 8
TRAINED_ALPHA = 16
START, END, PADDING = 1, 2, 0
PRECISIONS = ("float16", "float32")
# Whisper hears these words in silence.
THANKS = re.compile(r"(?:[Tt]hank(?:s| you) for watching|THANK(?:S| YOU) FOR WATCHING)[.!]?")
OWN_ASR = "[[what LTU-AS's own recogniser hears]]"


class UsageError(Exception):
    """An argument that cannot be. The protocol knows it by its name."""


def heard_text(text: str) -> str:
    """Return a transcript as it goes into the prompt: without Whisper's thanks for watching.

    >>> heard_text(" Good morning. Thank you for watching!")
    'Good morning. '
    """
    return THANKS.sub("", text.lstrip())


def lora_setting(factor: float) -> dict[str, float]:
    """Return factor, alpha, r and scale of the adapter: the scale is alpha / r, the factor is 1 as trained.

    >>> lora_setting(0.5)
    {'factor': 0.5, 'alpha': 8.0, 'r': 8, 'scale': 1.0}
    """
    alpha = TRAINED_ALPHA * factor
    return {"factor": factor, "alpha": alpha, "r": RANK, "scale": alpha / RANK}


def reply_ids(row: list[int], prompt_length: int, special: set[int]) -> tuple[list[int], str]:
    """Return a reply's own tokens, which follow the prompt's, and why it ended.

    >>> reply_ids([1, 40, 41, 15, 16, 2], prompt_length=3, special={0, 1, 2})
    ([15, 16], 'stop')
    >>> reply_ids([1, 40, 41, 15, 16], prompt_length=3, special={0, 1, 2})
    ([15, 16], 'length')
    """
    reply = row[prompt_length:]
    finish = "stop" if END in reply else "length"
    kept = reply[: reply.index(END)] if END in reply else reply
    return [token for token in kept if token not in special], finish


class LtuAs:
    """LTU-AS 7B.

    Args:
        repo: the clone.
        llm: the folder `vicuna_ltuas`.
        ckpt: LTU-AS's own checkpoint, a file.
        encoder: Whisper large-v1, whose encoder LTU-AS hears with, a file.
        asr: the recogniser whose transcript stands in the prompt: a name that whisper-at downloads, or a file.
        lora_scale: a factor on the adapter: 1 as trained, 0 without it.
        dtype: float16 (the repository's, CUDA only) or float32.
        allow_pickle: load checkpoints that hold more than tensors, which can run code.
        asr_device: where the recogniser runs; empty for `device`.
    """

    name = "ltu-as"
    audio_limit = AUDIO_LIMIT_S
    # The fork puts the audio's attention mask behind the prompt's: rows of unequal length would be masked wrongly.
    batch_size = 1

    def __init__(
        self,
        repo: str,
        llm: str,
        ckpt: str,
        encoder: str,
        asr: str = "large-v2",
        lora_scale: float = 1.0,
        dtype: str = "float16",
        allow_pickle: bool = False,
        device: str = "cuda:0",
        asr_device: str = "",
    ) -> None:
        if dtype not in PRECISIONS:
            raise UsageError(f"dtype: expected one of {', '.join(PRECISIONS)}, found {dtype!r}")
        if dtype == "float16" and not device.startswith("cuda"):
            raise UsageError(f"dtype float16 needs a CUDA device, found device={device}; give dtype=float32")
        root, *paths = (Path(one).expanduser() for one in (repo, llm, ckpt, encoder))
        llm, ckpt, encoder = map(str, paths)
        root = root / "src" / "ltu_as"
        if not (root / "inference_gradio.py").is_file():
            raise UsageError(f"repo: {repo} holds no src/ltu_as/inference_gradio.py; give the clone")
        import torch

        self._transformers = importlib.import_module("transformers")
        whisper = importlib.import_module("whisper.model")
        if not hasattr(whisper.Whisper, "transcribe_audio"):
            raise UsageError("the environment holds another whisper than the repository's: src/ltu_as/whisper")
        self._torch, self._device, self._dtype = torch, device, getattr(torch, dtype)
        safe = functools.partial(torch.load, weights_only=not allow_pickle)
        try:
            with mock.patch.object(torch, "load", safe):
                self._model = self._language_model(llm, ckpt)
                self._encoder = _encoder(torch, whisper, encoder).to(device).eval()
                self._asr = _recogniser(torch, asr, asr_device or device).eval()
        except pickle.UnpicklingError:
            raise UsageError(
                "a checkpoint holds more than tensors; loading it can run code. Where its source is to be trusted "
                "give allow_pickle=true"
            ) from None
        lora = lora_setting(lora_scale)
        _scale_lora(self._model, lora["scale"])
        self._tokenizer = self._transformers.LlamaTokenizer.from_pretrained(llm)
        self._tokenizer.pad_token_id = PADDING
        self._prompter = _prompter(root)
        self._transcript = functools.lru_cache(maxsize=None)(self._transcribed)
        self.settings = {
            "repository": _commit(root),
            "ckpt_sha256": _sha256(ckpt),
            "lora": lora,
            "system_prompt": "not sent: the prompt has no place for one",
        }
        versions = {one: importlib.import_module(one).__version__ for one in ("torch", "transformers")}
        self.recorded = {**versions, "device": device}

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the prompt with a placeholder for the transcript, which follows from the clip."""
        text: str = self._prompter.generate_prompt(request["instruction"], OWN_ASR)
        return text

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether two requests' clips reach the language model as different features."""
        return not self._torch.equal(self._features(first)[0], self._features(second)[0])

    def answer(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer the requests, one after the other."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["generation"]
        features, seconds = self._features(request)
        transcript = self._transcript(request["audio"], wanted["seed"])
        prompt = self._prompter.generate_prompt(request["instruction"], transcript)
        ids = self._tokenizer(prompt, return_tensors="pt")["input_ids"].to(self._device)
        self._torch.manual_seed(wanted["seed"])
        with self._torch.no_grad():
            written = self._model.generate(
                input_ids=ids, audio_input=features, **self._how(wanted), return_dict_in_generate=False
            )
        kept, finish = reply_ids(written[0].tolist(), ids.shape[1], set(self._tokenizer.all_special_ids))
        return {
            "text": self._tokenizer.decode(kept, clean_up_tokenization_spaces=False).strip(),
            "finish_reason": finish,
            "input_tokens": AUDIO_TOKENS + ids.shape[1],
            "output_tokens": len(kept),
            "audio_cut": seconds > AUDIO_LIMIT_S,
            "transcript": transcript,
        }

    def _how(self, wanted: dict[str, Any]) -> dict[str, Any]:
        # The fork hands the audio to its sampling loop alone: its greedy search cannot be given any. Sampling from
        # the likeliest token only is the same.
        greedy = wanted["temperature"] == 0
        config = self._transformers.GenerationConfig(
            do_sample=True,
            num_beams=1,
            temperature=1.0 if greedy else wanted["temperature"],
            top_p=1.0 if greedy else wanted["top_p"],
            top_k=0,
            repetition_penalty=wanted["repetition_penalty"],
            max_new_tokens=wanted["max_new_tokens"],
            bos_token_id=START,
            eos_token_id=END,
            pad_token_id=PADDING,
        )
        processors = self._transformers.LogitsProcessorList([_likeliest] if greedy else [])
        return {"generation_config": config, "logits_processor": processors}

    def _features(self, request: dict[str, Any]) -> tuple[Any, float]:
        import numpy as np

        measure = importlib.import_module("skimage.measure")
        if request["audio"] is None:
            raise ValueError("LTU-AS's code is asked about a clip; found a request without audio")
        samples, seconds = _samples(request["audio"])
        with self._torch.no_grad():
            _, states = self._encoder.transcribe_audio(samples)
        by_layer = self._torch.permute(states[0], (2, 0, 1)).cpu().numpy()
        pooled = measure.block_reduce(by_layer, (1, ENCODER_STATES, 1), np.mean)[1:]
        return self._torch.FloatTensor(pooled).unsqueeze(0).to(self._device, self._dtype), seconds

    def _transcribed(self, path: str, seed: int) -> str:
        # Where a transcript looks doubtful, Whisper tries again by sampling.
        self._torch.manual_seed(seed)
        with self._torch.no_grad():
            return heard_text(self._asr.transcribe(_samples(path)[0])["text"])

    def _language_model(self, llm: str, ckpt: str) -> Any:
        torch, peft = self._torch, importlib.import_module("peft")
        model, found = self._transformers.LlamaForCausalLM.from_pretrained(
            llm, torch_dtype=self._dtype, output_loading_info=True
        )
        for name, weights in model.named_parameters():
            if "audio_encoder" in name and "ln" in name:
                weights.data = weights.data.float()
        config = peft.LoraConfig(
            r=RANK,
            lora_alpha=TRAINED_ALPHA,
            target_modules=["q_proj", "v_proj"],
            lora_dropout=0.05,
            bias="none",
            task_type="CAUSAL_LM",
        )
        model = peft.get_peft_model(model, config)
        held = torch.load(ckpt, map_location="cpu")
        random = {"base_model.model." + name for name in found["missing_keys"]}
        names = [name for name, _ in model.named_parameters() if name in random or "lora_" in name]
        missing = [name for name in names if name not in held]
        if missing:
            raise UsageError(
                f"ckpt: {ckpt} lacks {len(missing)} weights that {llm} has not either, such as {missing[0]}, "
                "which would stay random; give the checkpoint that goes with it"
            )
        model.load_state_dict(held, strict=False)
        model.config.pad_token_id, model.config.bos_token_id, model.config.eos_token_id = PADDING, START, END
        return model.to(self._device).eval()


def _likeliest(ids: Any, scores: Any) -> Any:
    best = scores.argmax(dim=-1, keepdim=True)
    return scores.new_full(scores.shape, -float("inf")).scatter(-1, best, 0.0)


def _samples(path: str) -> tuple[Any, float]:
    """Return a clip's samples at 16 kHz, mono, and its length in seconds."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE), len(samples) / rate


def _encoder(torch: Any, whisper: Any, path: str) -> Any:
    held = torch.load(path, map_location="cpu")
    model = whisper.Whisper(whisper.ModelDimensions(**held["dims"]))
    missing = model.load_state_dict(held["model_state_dict"], strict=False).missing_keys
    if missing:
        raise UsageError(f"encoder: {path} lacks {len(missing)} weights, such as {missing[0]}; give large-v1.pt")
    return model


def _recogniser(torch: Any, name: str, device: str) -> Any:
    whisper_at = importlib.import_module("whisper_at")
    if name in whisper_at.available_models():
        return whisper_at.load_model(name, device=device)
    code = importlib.import_module("whisper_at.model")
    path = str(Path(name).expanduser())
    held = torch.load(path, map_location="cpu")
    model = code.Whisper(code.ModelDimensions(**held["dims"]))
    missing = model.load_state_dict(held["model_state_dict"], strict=False).missing_keys
    # The sound tags that whisper-at adds are of no use here, and leave the transcript as it is.
    missing = [one for one in missing if not one.startswith("at_model.")]
    if missing:
        raise UsageError(f"asr: {path} lacks {len(missing)} weights, such as {missing[0]}")
    return model.to(device)


def _scale_lora(model: Any, scale: float) -> None:
    layers = [one for one in model.modules() if isinstance(getattr(one, "scaling", None), dict)]
    if not layers or any(one.merged for one in layers):
        raise UsageError("expected LoRA layers that are not merged, found none")
    for layer in layers:
        layer.scaling.update(dict.fromkeys(layer.scaling, scale))


def _prompter(root: Path) -> Any:
    # Loaded by its path: on the path for imports this folder would shadow the whisper inside it.
    spec: Any = importlib.util.spec_from_file_location("ltu_as_prompter", root / "utils" / "prompter.py")
    code: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    before = Path.cwd()
    os.chdir(root)
    try:
        return code.Prompter("alpaca_short")
    finally:
        os.chdir(before)


def _commit(root: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        asked = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return None


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    from protocol import serve

    serve(LtuAs)
