"""DeSTA2.5-Audio (Lu et al., 2025) through its own `generate`; docs/models/desta25.md has the set-up."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

LIMIT_S = 30.0
RATE = 16000
VOICE_DETECTORS = ("package", "off", "hub")


class DeSTA25:
    """Whisper-large-v3 and a Q-Former before Llama-3.1-8B-Instruct; the transcript follows the audio."""

    name = "desta25"
    audio_limit = LIMIT_S

    def __init__(
        self,
        model: str = "DeSTA-ntu/DeSTA2.5-Audio-Llama-3.1-8B",
        repo: str | None = None,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "bfloat16",
        vad: str = "package",
        batch_size: int = 8,
        trust_remote_code: bool = False,
    ) -> None:
        from protocol import UsageError

        if vad not in VOICE_DETECTORS:
            raise UsageError(f"the argument vad: expected {', '.join(VOICE_DETECTORS)}, found {vad!r}")
        if vad == "hub" and not trust_remote_code:
            raise UsageError(
                "vad=hub fetches snakers4/silero-vad from GitHub and runs its code on this machine: leave "
                "vad=package, which takes the same network from the package silero-vad, or allow it with "
                "trust_remote_code=true"
            )
        import numpy
        import torch

        transformers = importlib.import_module("transformers")

        if not hasattr(numpy, "sctypes"):
            raise UsageError(
                f"DeSTA2.5-Audio's audio loader needs NumPy 1, found {numpy.__version__}: pip install 'numpy<2'"
            )
        if not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise UsageError(f"the argument dtype: expected float32, bfloat16 or float16, found {dtype!r}")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = batch_size
        self.model = _load(model, repo, revision).to(device).eval()
        _set_up(self.model, vad)
        llm = self.model.llm_model.to(getattr(torch, dtype))
        # What the hub's generation config says besides would still apply to a greedy reply.
        kept = llm.generation_config
        self.ends = kept.eos_token_id if isinstance(kept.eos_token_id, list) else [kept.eos_token_id]
        llm.generation_config = transformers.GenerationConfig(
            bos_token_id=kept.bos_token_id, eos_token_id=self.ends, pad_token_id=self.model.tokenizer.pad_token_id
        )
        self.input_tokens: list[int] = []
        self._count_input_tokens()
        config = self.model.config
        parts = (config.llm_model_id, config.encoder_model_id)
        self.settings = {
            "repository": _commit(repo),
            "weights": {model: _snapshot(model, revision), **{name: _snapshot(name) for name in parts}},
            "lora": bool(config.use_lora),
            "prompt": "system and user turns; the clip and its transcript before the instruction",
        }
        self.recorded = {"torch": torch.__version__, "transformers": transformers.__version__, "device": device}

    def answer(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer the requests together that share their generation settings."""
        groups = groupby(requests, key=lambda request: sorted(request["generation"].items()))
        return [reply for _, alike in groups for reply in self._replies(list(alike))]

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the rendered chat; clip and transcript take the place between the two audio marks."""
        text: str = self.model.tokenizer.apply_chat_template(
            messages(request), tokenize=False, add_generation_prompt=True
        )
        return text.replace(self.model.audio_locator, f"<start_audio>{self.model.audio_locator}<end_audio>")

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether Whisper's input differs between two requests."""
        import torch

        segment = importlib.import_module("desta.utils.audio").AudioSegment
        heard = [
            segment.from_file(one["audio"], target_sr=RATE, channel_selector="average").samples
            for one in (first, second)
        ]
        features = self.model.processor(heard, sampling_rate=RATE, return_tensors="pt").input_features
        return not torch.equal(features[0], features[1])

    def _replies(self, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        import torch

        length = importlib.import_module("librosa").get_duration
        if not all(request["audio"] for request in requests):
            raise ValueError("DeSTA2.5-Audio answers questions about a clip here; this request has none")
        asked = requests[0]["generation"]
        torch.manual_seed(asked["seed"])
        # `generate` has no such keyword, but its model reads it from here.
        self.model.llm_model.generation_config.repetition_penalty = asked["repetition_penalty"]
        with torch.inference_mode():
            made = self.model.generate(
                [messages(request) for request in requests],
                do_sample=asked["temperature"] > 0,
                temperature=asked["temperature"],
                top_p=asked["top_p"],
                max_new_tokens=asked["max_new_tokens"],
            )
        for place, request in enumerate(requests):
            reply = made.generated_ids[place]
            end = next((index for index, token in enumerate(reply) if token in self.ends), None)
            yield {
                "text": made.text[place],
                "finish_reason": "length" if end is None else "stop",
                "input_tokens": self.input_tokens[place],
                "output_tokens": len(reply) if end is None else end + 1,
                "audio_cut": length(path=request["audio"]) > LIMIT_S,
                "transcript": made.audios[place][1],
            }

    def _count_input_tokens(self) -> None:
        step = self.model._generate_step

        def counted(inputs: dict[str, Any], **settings: Any) -> Any:
            self.input_tokens = inputs["context_attention_mask"].sum(dim=1).tolist()
            return step(inputs, **settings)

        self.model._generate_step = counted


def messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    r"""Return the chat as the repository writes it: the audio mark on a line of its own before the instruction.

    >>> messages({"system": None, "instruction": "Answer.", "audio": "a.wav"})[0]["content"]
    '<|AUDIO|>\nAnswer.'
    """
    turns: list[dict[str, Any]] = []
    if request["system"] is not None:
        turns.append({"role": "system", "content": request["system"]})
    heard = [{"audio": request["audio"], "text": None}]
    return [*turns, {"role": "user", "content": "<|AUDIO|>\n" + request["instruction"], "audios": heard}]


def _load(model: str, repo: str | None, revision: str | None) -> Any:
    if revision is not None:
        # Its from_pretrained knows no revision.
        model = importlib.import_module("huggingface_hub").snapshot_download(model, revision=revision)
    if repo is not None:
        sys.path.insert(0, repo)
    return importlib.import_module("desta").DeSTA25AudioModel.from_pretrained(model)


def _set_up(model: Any, vad: str) -> None:
    """Let the model make its tokenizer and processor, with a voice detector that is not fetched from GitHub."""
    import torch

    def found(*_: Any, **__: Any) -> Any:
        if vad == "off":
            return None, ((lambda *_: [True]), None, None, None, None)
        silero = importlib.import_module("silero_vad")
        return silero.load_silero_vad(), (silero.get_speech_timestamps, None, None, None, None)

    fetch = torch.hub.load
    if vad != "hub":
        torch.hub.load = found
    try:
        model._setup_generation()
    finally:
        torch.hub.load = fetch


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

    serve(DeSTA25)
