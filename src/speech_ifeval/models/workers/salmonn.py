"""SALMONN (bytedance/SALMONN, branch `salmonn`) as a worker, run in that repository's environment.

docs/models/salmonn.md says how to set it up. The repository's `generate` is not called: it makes a tensor on CUDA
wherever the model is, ends a whole batch where its first row ends, and pads prompts on the right. The parts that
it calls are, in the same order, one clip at a time.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from unittest import mock

AUDIO_LIMIT_S = 30.0
SHORTEST_S = 1
RATE = 16000
SPEECH = "<Speech><SpeechHere></Speech> "
PRECISIONS = ("float16", "float32")


class UsageError(Exception):
    """An argument that cannot be. The protocol knows it by its name."""


def prompt_text(template: str, instruction: str) -> str:
    """Return the prompt as the repository's command line builds it.

    >>> prompt_text("USER: {}\\nASSISTANT:", " What is said? ")
    'USER: <Speech><SpeechHere></Speech> What is said?\\nASSISTANT:'
    """
    return template.format(SPEECH + instruction.strip())


def lora_setting(
    trained_alpha: float, rank: int, alpha: float | None = None, factor: float | None = None
) -> dict[str, float]:
    """Return factor, alpha, r and scale of the adapter: the scale is alpha / r, the factor is 1 as trained.

    Raises:
        UsageError: both alpha and factor are given.

    >>> lora_setting(32, 8, alpha=4)
    {'factor': 0.125, 'alpha': 4.0, 'r': 8, 'scale': 0.5}
    """
    if alpha is not None and factor is not None:
        raise UsageError("expected lora_alpha or lora_scale, found both; give one of them")
    if alpha is None:
        alpha = trained_alpha * (1.0 if factor is None else factor)
    return {"factor": alpha / trained_alpha, "alpha": float(alpha), "r": rank, "scale": alpha / rank}


def reply_ids(row: list[int], end: int, special: set[int]) -> tuple[list[int], str]:
    """Return a reply's own tokens and why it ended; a row holds a start token, the end token and padding besides.

    >>> reply_ids([1, 15, 16, 2, 99, 99], end=2, special={0, 1, 2, 99})
    ([15, 16], 'stop')
    >>> reply_ids([1, 15, 16], end=2, special={0, 1, 2, 99})
    ([15, 16], 'length')
    """
    finish = "stop" if end in row else "length"
    kept = row[: row.index(end)] if end in row else row
    return [token for token in kept if token not in special], finish


class Salmonn:
    """SALMONN 13B or 7B.

    Args:
        repo: the clone, on its branch `salmonn`.
        llama: Vicuna v1.1, a folder or a hub id.
        whisper: whisper-large-v2, a folder or a hub id.
        beats: the BEATs checkpoint, a file.
        ckpt: SALMONN's own checkpoint, a file.
        config: the repository's YAML file, from which the rest is taken: LoRA's rank and alpha, the template.
        bert: a folder with bert-base-uncased's config.json, of which the Q-Former takes its sizes; without it the
            repository asks the hub.
        lora_alpha: the adapter's alpha in place of the trained one.
        lora_scale: the same as a factor: 1 as trained, 0 without the adapter.
        dtype: float16 (the repository's: mixed precision, CUDA only) or float32.
        allow_pickle: load checkpoints that hold more than tensors, which can run code.
    """

    name = "salmonn"
    audio_limit = AUDIO_LIMIT_S

    def __init__(
        self,
        repo: str,
        llama: str,
        whisper: str,
        beats: str,
        ckpt: str,
        config: str = "",
        bert: str = "",
        lora_alpha: float | None = None,
        lora_scale: float | None = None,
        dtype: str = "float16",
        allow_pickle: bool = False,
        device: str = "cuda:0",
        batch_size: int = 4,
    ):
        if dtype not in PRECISIONS:
            raise UsageError(f"dtype: expected one of {', '.join(PRECISIONS)}, found {dtype!r}")
        if dtype == "float16" and not device.startswith("cuda"):
            raise UsageError(f"dtype float16 needs a CUDA device, found device={device}; give dtype=float32")
        root, *paths = (Path(one).expanduser() for one in (repo, llama, whisper, beats, ckpt))
        llama, whisper, beats, ckpt = map(str, paths)
        if not (root / "models" / "salmonn.py").is_file():
            raise UsageError(f"repo: {repo} holds no models/salmonn.py; give the clone, on its branch `salmonn`")
        sys.path.insert(0, str(root))
        import torch

        code: Any = importlib.import_module("models.salmonn")
        transformers = importlib.import_module("transformers")
        path = Path(config).expanduser() if config else root / "configs" / "decode_config.yaml"
        asked = types.SimpleNamespace(cfg_path=str(path), options=None)
        model_config = importlib.import_module("config").Config(asked).config.model
        model_config.update({"llama_path": llama, "whisper_path": whisper, "beats_path": beats})
        # The checkpoint is loaded below, where a missing weight shows. The training prompts are not needed.
        model_config.update({"ckpt": "", "prompt_path": ""})
        lora = lora_setting(model_config.lora_alpha, model_config.lora_rank, lora_alpha, lora_scale)
        if bert:
            local = code.BertConfig.from_pretrained(bert)
            code.BertConfig = types.SimpleNamespace(from_pretrained=lambda _: local)
        safe = functools.partial(torch.load, weights_only=not allow_pickle)
        try:
            with mock.patch.object(torch, "load", safe):
                model = code.SALMONN.from_config(model_config)
                held = torch.load(ckpt, map_location="cpu")["model"]
        except pickle.UnpicklingError:
            raise UsageError(
                "a checkpoint holds more than tensors; loading it can run code. Where its source is to be trusted "
                "give allow_pickle=true"
            ) from None
        _load_trained(model, held, ckpt)
        _scale_lora(model, lora["scale"])
        if dtype == "float32":
            model.float()
            model.maybe_autocast = contextlib.nullcontext
        self._model = model.to(device).eval()
        self._features = transformers.WhisperFeatureExtractor.from_pretrained(whisper)
        self._template = model_config.prompt_template
        self._device, self._torch, self._transformers = device, torch, transformers
        self._mixed = dtype == "float16"
        self.batch_size = batch_size
        self.settings = {
            "repository": _commit(root),
            "ckpt_sha256": _sha256(ckpt),
            "lora": lora,
            "system_prompt": "not sent: the prompt has no place for one",
        }
        versions = {one: importlib.import_module(one).__version__ for one in ("torch", "transformers", "peft")}
        self.recorded = {**versions, "device": device, "batch_size": batch_size}

    def prompt(self, request: dict[str, Any]) -> str:
        return prompt_text(self._template, request["instruction"])

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        with self._inference():
            return not self._torch.equal(self._heard(first)[0], self._heard(second)[0])

    def answer(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        torch, tokenizer = self._torch, self._model.llama_tokenizer
        wanted = requests[0]["generation"]
        if any(request["generation"] != wanted for request in requests):
            return [self.answer([request])[0] for request in requests]
        with self._inference():
            rows, cuts = zip(*[self._embedded(request) for request in requests])  # noqa: B905 - Python 3.8
            longest = max(len(row) for row in rows)
            embeds = rows[0].new_zeros(len(rows), longest, rows[0].shape[-1])
            mask = torch.zeros(len(rows), longest, dtype=torch.long, device=embeds.device)
            for i, row in enumerate(rows):
                embeds[i, -len(row) :] = row
                mask[i, -len(row) :] = 1
            torch.manual_seed(wanted["seed"])
            written = self._model.llama_model.generate(
                inputs_embeds=embeds, attention_mask=mask, generation_config=self._generation(wanted)
            )
        answers = []
        for row, cut, ids in zip(rows, cuts, written.tolist()):  # noqa: B905 - Python 3.8
            kept, finish = reply_ids(ids, tokenizer.eos_token_id, set(tokenizer.all_special_ids))
            text = tokenizer.decode(kept, clean_up_tokenization_spaces=False).strip()
            answers.append(
                {
                    "text": text,
                    "finish_reason": finish,
                    "input_tokens": len(row),
                    "output_tokens": len(kept),
                    "audio_cut": cut,
                }
            )
        return answers

    def _generation(self, wanted: dict[str, Any]) -> Any:
        tokenizer = self._model.llama_tokenizer
        greedy = wanted["temperature"] == 0
        return self._transformers.GenerationConfig(
            do_sample=not greedy,
            num_beams=1,
            temperature=1.0 if greedy else wanted["temperature"],
            top_p=1.0 if greedy else wanted["top_p"],
            top_k=0,
            repetition_penalty=wanted["repetition_penalty"],
            max_new_tokens=wanted["max_new_tokens"],
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )

    def _embedded(self, request: dict[str, Any]) -> tuple[Any, bool]:
        model = self._model
        speech, attention, cut = self._heard(request)
        row, _ = model.prompt_wrap(speech, attention, [self.prompt(request)], multi_prompt=True)
        start = self._torch.tensor([[model.llama_tokenizer.bos_token_id]], device=row.device)
        return self._torch.cat([model.llama_model.get_input_embeddings()(start), row], dim=1)[0], cut

    def _heard(self, request: dict[str, Any]) -> tuple[Any, Any, bool]:
        torch = self._torch
        if request["audio"] is None:
            raise ValueError("SALMONN's code takes no request without audio")
        samples, seconds = _samples(request["audio"])
        spectrogram = self._features(samples, sampling_rate=RATE, return_tensors="pt")["input_features"]
        wave = torch.from_numpy(samples).unsqueeze(0).to(self._device)
        padding = torch.zeros(wave.shape, dtype=torch.bool, device=self._device)
        speech, attention = self._model.encode_speech(
            spectrogram.to(self._device), raw_wav=wave, audio_padding_mask=padding
        )
        return speech, attention, seconds > AUDIO_LIMIT_S

    @contextlib.contextmanager
    def _inference(self) -> Any:
        torch = self._torch
        mixed = torch.autocast("cuda", dtype=torch.float16) if self._mixed else contextlib.nullcontext()
        with torch.no_grad(), mixed:
            yield


def _samples(path: str) -> tuple[Any, float]:
    """Return a clip as the model hears it (16 kHz, mono, 1 to 30 s) and its whole length in seconds."""
    import numpy as np
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)[: int(AUDIO_LIMIT_S) * RATE]
    return np.pad(mono, (0, max(0, SHORTEST_S * RATE - len(mono)))), len(samples) / rate


def _load_trained(model: Any, held: dict[str, Any], path: str) -> None:
    # Trained here is what the repository's own training saves: whatever is not frozen.
    missing = [name for name, one in model.named_parameters() if one.requires_grad and name not in held]
    if missing:
        raise UsageError(
            f"ckpt: {path} lacks {len(missing)} of the trained weights, such as {missing[0]}, which would stay "
            "random; give the checkpoint that goes with the config (LoRA's rank, the Q-Former)"
        )
    model.load_state_dict(held, strict=False)


def _scale_lora(model: Any, scale: float) -> None:
    # Whisper's attention has a `scaling` too, a number; LoRA layers of PEFT hold one for each adapter.
    layers = [one for one in model.modules() if isinstance(getattr(one, "scaling", None), dict)]
    if not layers or any(one.merged for one in layers):
        raise UsageError("expected LoRA layers that are not merged, found none; set `lora: True` in the config")
    for layer in layers:
        layer.scaling.update(dict.fromkeys(layer.scaling, scale))


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

    serve(Salmonn)
