"""DeSTA2 (Lu et al., 2024) through the methods of its own model class; docs/models/desta2.md has the set-up.

Every request is answered by the calls that the repository's `chat` makes, one after the other, because `chat`
itself has no repetition penalty, returns no transcript, and resamples every clip through 22.05 kHz.
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
RESAMPLING = ("once", "released")
SOURCE = "https://github.com/kehanlu/DeSTA2"


class DeSTA2:
    """Whisper and a Q-Former before Llama-3-8B-Instruct; Whisper's transcript follows the audio in the prompt."""

    name = "desta2"
    audio_limit = LIMIT_S

    def __init__(
        self,
        model: str = "DeSTA-ntu/DeSTA2-8B-beta",
        repo: str | None = None,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "bfloat16",
        resampling: str = "once",
        trust_remote_code: bool = False,
    ) -> None:
        from protocol import UsageError

        if resampling not in RESAMPLING:
            raise UsageError(f"the argument resampling: expected {' or '.join(RESAMPLING)}, found {resampling!r}")
        if repo is None and not trust_remote_code:
            raise UsageError(
                f"{model} comes with code of its own, which would run on this machine: give repo=PATH of a clone "
                f"of {SOURCE}, whose code you have read, or trust_remote_code=true"
            )
        import torch

        transformers = importlib.import_module("transformers")

        if not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise UsageError(f"the argument dtype: expected float32, bfloat16 or float16, found {dtype!r}")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.resampling = resampling
        self.model = _load(model, repo, revision).to(device).eval()
        llm = self.model.llama.to(getattr(torch, dtype))
        # What the hub's generation config says besides would still apply to a greedy reply.
        kept = llm.generation_config
        self.ends = kept.eos_token_id if isinstance(kept.eos_token_id, list) else [kept.eos_token_id]
        llm.generation_config = transformers.GenerationConfig(
            bos_token_id=kept.bos_token_id, eos_token_id=self.ends, pad_token_id=self.model.tokenizer.eos_token_id
        )
        config = self.model.config
        parts = (config.llama_model_id, config.whisper_model_id)
        self.settings = {
            "repository": _commit(repo),
            "weights": {model: _snapshot(model, revision), **{name: _snapshot(name) for name in parts}},
            "prompt": "system, audio and user turns; the transcript in the audio turn",
        }
        self.recorded = {"torch": torch.__version__, "transformers": transformers.__version__, "device": device}

    def answer(self, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Answer one request after the other: the repository's code takes one at a time."""
        for request in requests:
            yield self._reply(request)

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the rendered chat; the clip's place is taken by its embeddings and its transcript."""
        text: str = self.model.tokenizer.apply_chat_template(
            messages(request, CLIP), tokenize=False, add_generation_prompt=True
        )
        return text

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether Whisper's input differs between two requests."""
        import torch

        return not torch.equal(self._features(first["audio"]), self._features(second["audio"]))

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        import torch

        if not request["audio"]:
            raise ValueError("DeSTA2 answers questions about a clip; this request has none")
        model = self.model
        asked = request["generation"]
        torch.manual_seed(asked["seed"])
        with torch.inference_mode():
            transcript, audio = model.speech_perception.generate(self._features(request["audio"]))
            inputs, position = model.process_text(messages(request, CLIP), CLIP, transcript)
            embeds, mask = model.prepare_llm_input(inputs.input_ids, inputs.attention_mask, position, audio)
            reply = model.llama.generate(inputs_embeds=embeds, attention_mask=mask, **decoding(asked))[0].tolist()
        return {
            "text": model.tokenizer.decode(reply, skip_special_tokens=True),
            "finish_reason": "stop" if reply and reply[-1] in self.ends else "length",
            "input_tokens": embeds.shape[1],
            "output_tokens": len(reply),
            "audio_cut": importlib.import_module("librosa").get_duration(path=request["audio"]) > LIMIT_S,
            "transcript": transcript,
        }

    def _features(self, path: str) -> Any:
        if self.resampling == "released":
            return self.model.load_audio([{"role": "audio", "content": path}])[1]
        samples, rate = importlib.import_module("librosa").load(path, sr=RATE)
        return self.model.speech_perception.processor(
            samples, sampling_rate=rate, return_tensors="pt"
        ).input_features


def messages(request: dict[str, Any], clip: str) -> list[dict[str, str]]:
    """Return the chat in the roles of the repository: the clip's own turn is one of role ``audio``.

    >>> [message["role"] for message in messages({"system": None, "instruction": "Answer."}, "a.wav")]
    ['audio', 'user']
    """
    turns = [] if request["system"] is None else [{"role": "system", "content": request["system"]}]
    return [*turns, {"role": "audio", "content": clip}, {"role": "user", "content": request["instruction"]}]


def decoding(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of `generate`: temperature and top_p only where something is drawn.

    >>> decoding({"max_new_tokens": 8, "temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "seed": 0})
    {'max_new_tokens': 8, 'repetition_penalty': 1.0, 'num_beams': 1, 'do_sample': False}
    """
    wanted = {name: asked[name] for name in ("max_new_tokens", "repetition_penalty")}
    wanted.update(num_beams=1, do_sample=asked["temperature"] > 0)
    if wanted["do_sample"]:
        wanted.update(temperature=asked["temperature"], top_p=asked["top_p"], top_k=0)
    return wanted


def _load(model: str, repo: str | None, revision: str | None) -> Any:
    if revision is not None:
        # Its from_pretrained would look for this revision in the language model's repository, and not in its own.
        model = importlib.import_module("huggingface_hub").snapshot_download(model, revision=revision)
    if repo is not None:
        sys.path.insert(0, repo)
        return importlib.import_module("desta.modeling_desta").DestaModel.from_pretrained(model)
    return importlib.import_module("transformers").AutoModel.from_pretrained(model, trust_remote_code=True)


def _commit(repo: str | None) -> str | None:
    """Return the commit of a clone, None where there is none."""
    if repo is None:
        return None
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

    serve(DeSTA2)
