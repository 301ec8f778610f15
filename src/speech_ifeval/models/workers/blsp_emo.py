"""BLSP-Emo (Wang et al., 2024) through the modules of its repository; docs/models/blsp-emo.md has the set-up.

Does what the repository's `generate.py` does for one item, with the audio read by librosa: its own reader needs
torchaudio's sox effects, which later versions of torchaudio no longer have.
"""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

RATE = 16000
LIMIT_S = 30.0
CLIP = "[[the clip]]"
DEFAULT_SYSTEM = "You are a helpful assistant."
SOURCE = "https://github.com/cwang621/blsp-emo"


class BlspEmo:
    """Whisper-large-v2 and an adapter before Qwen-7B-Chat, with a LoRA on the speech positions."""

    name = "blsp-emo"
    audio_limit = LIMIT_S

    def __init__(
        self,
        repo: str,
        model: str = "cwang621/blsp-emo",
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "float16",
        lora_scale: float = 1.0,
    ) -> None:
        import torch
        from protocol import UsageError

        transformers = importlib.import_module("transformers")

        kind = getattr(torch, dtype, None)
        if not isinstance(kind, torch.dtype):
            raise UsageError(f"the argument dtype: expected float32, bfloat16 or float16, found {dtype!r}")
        sys.path.insert(0, repo)
        code = importlib.import_module("src.modeling_blsp2")
        prompts = importlib.import_module("src.qwen_generation_utils")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        given = {} if revision is None else {"revision": revision}
        self.tokenizer = importlib.import_module("src.tokenization_qwen").QWenTokenizer.from_pretrained(
            model, **given
        )
        self.extractor = transformers.WhisperFeatureExtractor.from_pretrained(model, **given)
        self.generation = transformers.GenerationConfig.from_pretrained(model, **given)
        self.model = code.Blsp2Model.from_pretrained(model, torch_dtype=kind, **given).to(kind).to(device).eval()
        scaled = _scale_lora(self.model, lora_scale)
        if not scaled and lora_scale != 1:
            raise UsageError(f"lora_scale={lora_scale:g}: {model} has no LoRA layer to scale")
        self.stops = prompts.get_stop_words_ids(self.generation.chat_format, self.tokenizer)
        self.ends = (self.tokenizer.im_end_id, self.tokenizer.im_start_id, self.tokenizer.eod_id)
        self.dtype = kind
        self.heard = 0
        self._count_speech()
        self.settings = {
            "repository": _commit(repo),
            "weights": _snapshot(model, revision),
            "lora": {"scope": self.model.config.lora_scope, **scaled},
            "system_prompt": f"the chat's system turn; the model's own where none is asked ({DEFAULT_SYSTEM})",
            "audio": "librosa, 16 kHz, mean of the channels",
        }
        self.recorded = {"torch": torch.__version__, "transformers": transformers.__version__, "device": device}

    def answer(self, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Answer one request after the other."""
        for request in requests:
            yield self._reply(request)

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the prompt: the instruction, then the clip, in one user turn."""
        before, after = self._turns(request)
        return f"{self.tokenizer.decode(before)}{CLIP}{self.tokenizer.decode(after)}\n"

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether Whisper's input differs between two requests."""
        import torch

        one, two = (self._speech(_samples(request["audio"])) for request in (first, second))
        return not all(torch.equal(one[name], two[name]) for name in ("input_features", "attention_mask"))

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        import torch

        if not request["audio"]:
            raise ValueError("this worker asks BLSP-Emo about a clip; this request has none")
        asked = request["generation"]
        torch.manual_seed(asked["seed"])
        device = self.model.device
        before, after = (torch.tensor([part], device=device) for part in self._turns(request))
        samples = _samples(request["audio"])
        speech = self._speech(samples)
        [line_end] = self._tokens("\n")
        self.generation.update(
            max_new_tokens=asked["max_new_tokens"],
            do_sample=asked["temperature"] > 0,
            temperature=asked["temperature"] or 1.0,
            top_p=asked["top_p"],
            top_k=0,
            repetition_penalty=asked["repetition_penalty"],
            num_beams=1,
            num_return_sequences=1,
            # The line end after "assistant" is fed as the token that starts the reply.
            bos_token_id=line_end,
        )
        made = self.model.generate(
            input_ids=before,
            attention_mask=torch.ones_like(before),
            suffix_input_ids=after,
            suffix_attention_mask=torch.ones_like(after),
            speech_values=speech["input_features"].to(device, self.dtype),
            speech_attention_mask=speech["attention_mask"].to(device),
            generation_config=self.generation,
            stop_words_ids=self.stops,
        )
        reply = made[0].tolist()
        if reply[:1] == [line_end]:
            reply = reply[1:]
        end = next((index for index, token in enumerate(reply) if token in self.ends), None)
        return {
            "text": self.tokenizer.decode(reply[:end], skip_special_tokens=True),
            "finish_reason": "length" if end is None else "stop",
            "input_tokens": before.shape[1] + self.heard + after.shape[1],
            "output_tokens": len(reply) if end is None else end + 1,
            "audio_cut": len(samples) > LIMIT_S * RATE,
        }

    def _turns(self, request: dict[str, Any]) -> tuple[list[int], list[int]]:
        """Return the tokens before the clip and after it; the line end that starts the reply is not among them."""
        start, end = [self.tokenizer.im_start_id], [self.tokenizer.im_end_id]
        line = self._tokens("\n")
        system = DEFAULT_SYSTEM if request["system"] is None else request["system"]
        before = [*start, *self._tokens("system"), *line, *self._tokens(system), *end, *line]
        before += [*start, *self._tokens("user"), *line, *self._tokens(request["instruction"])]
        return before, [*end, *line, *start, *self._tokens("assistant")]

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer.encode(text, allowed_special=set())
        return tokens

    def _count_speech(self) -> None:
        encode = self.model.get_speech_features

        def counted(*given: Any, **named: Any) -> Any:
            made = encode(*given, **named)
            self.heard = int(made[1].sum())
            return made

        self.model.get_speech_features = counted

    def _speech(self, samples: Any) -> Any:
        return self.extractor(samples, sampling_rate=RATE, return_attention_mask=True, return_tensors="pt")


def _scale_lora(model: Any, factor: float) -> dict[str, float]:
    """Multiply the scaling of every LoRA layer; return factor, α and r, nothing where there is no LoRA."""
    layers = [module for module in model.modules() if isinstance(getattr(module, "scaling", None), dict)]
    for module in layers:
        for adapter in module.scaling:
            module.scaling[adapter] *= factor
    if not any(module.scaling for module in layers):
        return {}
    config = model.config.lora_config
    return {"factor": factor, "alpha": config["lora_alpha"], "r": config["r"]}


def _samples(path: str) -> Any:
    return importlib.import_module("librosa").load(path, sr=RATE)[0]


def _commit(repo: str) -> str | None:
    """Return the commit of a clone, None where there is none."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        asked = ["git", "-C", repo, "rev-parse", "HEAD"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return None


def _snapshot(name: str, revision: str | None = None) -> str | None:
    """Return the revision of the hub's files that are in use, None for a folder of one's own."""
    if Path(name).exists():
        return None
    found = importlib.import_module("huggingface_hub").try_to_load_from_cache(
        name, "config.json", revision=revision
    )
    return Path(found).parent.name if isinstance(found, str) else None


if __name__ == "__main__":
    from protocol import serve

    serve(BlspEmo)
