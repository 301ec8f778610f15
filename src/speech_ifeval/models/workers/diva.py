"""DiVA (Held et al., 2024) through its own `generate`; docs/models/diva.md has the set-up."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

RATE = 16000
LIMIT_S = 30.0
CLIP = "[[the clip]]"
# The model's own loop stops at this token of Llama 3 and knows no other.
END = 128009


class DiVA:
    """Whisper-large-v3, whose decoder became a Q-Former, before Llama-3-8B-Instruct."""

    name = "diva"
    audio_limit = LIMIT_S

    def __init__(
        self,
        model: str = "WillHeld/DiVA-llama-3-v0-8b",
        revision: str | None = None,
        device: str = "auto",
        trust_remote_code: bool = False,
    ) -> None:
        from protocol import UsageError

        if not trust_remote_code:
            raise UsageError(
                f"{model} comes with code of its own, which would run on this machine: read it, then allow it "
                "with trust_remote_code=true"
            )
        import torch

        transformers = importlib.import_module("transformers")

        source = model
        if revision is not None:
            # Its from_pretrained fetches the weights of the newest revision whatever it is told.
            source = importlib.import_module("huggingface_hub").snapshot_download(model, revision=revision)
        if device == "auto":
            device = "cuda:0" if torch.cuda.is_available() else "cpu"
        self.model = transformers.AutoModel.from_pretrained(
            source, trust_remote_code=True, device_map={"": device}, speech_encoder_device=device
        ).eval()
        self.replies: list[list[int]] = []
        self._keep_tokens()
        parts = (self.model.config.reference_decoder, self.model.config.reference_encoder)
        self.settings = {
            "weights": {model: _snapshot(model, revision), **{name: _snapshot(name) for name in parts}},
            "dtype": "float16",
            "system_prompt": "not sent: the model has one text slot, which holds the instruction",
        }
        self.recorded = {"torch": torch.__version__, "transformers": transformers.__version__, "device": device}

    def answer(self, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Answer one request after the other: the code pads shorter instructions of a batch without a mask."""
        for request in requests:
            yield self._reply(request)

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the prompt: the instruction, then the clip."""
        model = self.model
        before, after, end = (
            model.tokenizer.decode(part.tolist())
            for part in (model.pre_system, model.post_system, model.final_header)
        )
        return f"{before}{request['instruction']}{after}{CLIP}{end}"

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether Whisper's input differs between two requests."""
        import torch

        heard = [_samples(first["audio"]), _samples(second["audio"])]
        features = self.model.processor(heard, return_tensors="pt", sampling_rate=RATE).input_features
        return not torch.equal(features[0], features[1])

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = request["generation"]
        if not request["audio"]:
            raise ValueError("DiVA answers questions about a clip; this request has none")
        if asked["temperature"] > 0 or asked["repetition_penalty"] != 1:
            raise ValueError("DiVA's own loop is greedy, without a repetition penalty: temperature 0, penalty 1")
        model = self.model
        samples = _samples(request["audio"])
        # A list of texts: a text alone would be joined to the clip without a batch axis.
        [text] = model.generate([samples], [request["instruction"]], max_new_tokens=asked["max_new_tokens"])
        [reply] = self.replies
        words = model.tokenizer(request["instruction"], add_special_tokens=False)["input_ids"]
        parts = (model.pre_system, words, model.post_system, model.connector.query_tokens, model.final_header)
        return {
            "text": text,
            "finish_reason": "stop" if reply[-1] == END else "length",
            "input_tokens": sum(len(part) for part in parts),
            "output_tokens": len(reply),
            "audio_cut": len(samples) > LIMIT_S * RATE,
        }

    def _keep_tokens(self) -> None:
        decode = self.model.tokenizer.batch_decode

        def kept(replies: list[list[int]], **settings: Any) -> Any:
            self.replies = replies
            return decode(replies, **settings)

        self.model.tokenizer.batch_decode = kept


def _samples(path: str) -> Any:
    return importlib.import_module("librosa").load(path, sr=RATE)[0]


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

    serve(DiVA)
