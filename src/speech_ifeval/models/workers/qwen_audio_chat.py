"""Qwen-Audio-Chat (Chu et al., 2023) through its own prompt and `generate`; docs/models/qwen-audio-chat.md has the
set-up.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

RATE = 16000
LIMIT_S = 30.0
CLIP = "[[the clip]]"
PRECISIONS = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
DEFAULT_SYSTEM = "You are a helpful assistant."


class QwenAudioChat:
    """Whisper-large-v2's encoder before Qwen-7B; the clip comes first, then the text."""

    name = "qwen-audio-chat"
    audio_limit = LIMIT_S

    def __init__(
        self,
        model: str = "Qwen/Qwen-Audio-Chat",
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "bfloat16",
        trust_remote_code: bool = False,
    ) -> None:
        from protocol import UsageError

        if not trust_remote_code:
            raise UsageError(
                f"{model} comes with code of its own, which would run on this machine: read it, then allow it "
                "with trust_remote_code=true"
            )
        if dtype not in PRECISIONS:
            raise UsageError(f"the argument dtype: expected {', '.join(PRECISIONS)}, found {dtype!r}")
        if shutil.which("ffmpeg") is None:
            raise UsageError(
                "Qwen-Audio-Chat's code reads audio with the program ffmpeg, which is not on the PATH"
            )
        import torch

        transformers = importlib.import_module("transformers")

        source = model
        if revision is not None:
            # Its from_pretrained fetches a part of the newest revision whatever it is told.
            source = importlib.import_module("huggingface_hub").snapshot_download(model, revision=revision)
        if device == "auto":
            device = "cuda:0" if torch.cuda.is_available() else "cpu"
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=True)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            source, trust_remote_code=True, device_map={"": device}, **{PRECISIONS[dtype]: True}
        ).eval()
        # Its own default samples; top_k and repetition penalty of a hub would apply unseen.
        self.generation = transformers.GenerationConfig.from_pretrained(source)
        self.code = sys.modules[type(self.model).__module__]
        self.read = sys.modules[type(self.tokenizer).__module__].load_audio
        self.ends = (self.tokenizer.im_end_id, self.tokenizer.im_start_id, self.tokenizer.eod_id)
        self.settings = {
            "weights": _snapshot(model, revision),
            "system_prompt": f"the chat's system turn; the model's own where none is asked ({DEFAULT_SYSTEM})",
            "special_tokens": "removed",
        }
        self.recorded = {"torch": torch.__version__, "transformers": transformers.__version__, "device": device}

    def answer(self, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Answer one request after the other, as the model's own `chat` does."""
        for request in requests:
            yield self._reply(request)

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the prompt without the clip's path; the code that builds it would decode the clip each time."""
        return (
            f"<|im_start|>system\n{system(request)}<|im_end|>\n<|im_start|>user\n"
            f"{self._query(request, CLIP)}<|im_end|>\n<|im_start|>assistant\n"
        )

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Whether the encoder's input differs between two requests."""
        import torch

        heard = [self.tokenizer.process_audio(f"<audio>{one['audio']}</audio>") for one in (first, second)]
        return not torch.equal(heard[0]["input_audios"], heard[1]["input_audios"])

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        import torch

        if not request["audio"]:
            raise ValueError("this worker asks Qwen-Audio-Chat about a clip; this request has none")
        asked = request["generation"]
        torch.manual_seed(asked["seed"])
        _, context, audio = self.code.make_context(
            self.tokenizer, self._query(request, request["audio"]), system=system(request)
        )
        self.generation.update(
            max_new_tokens=asked["max_new_tokens"],
            do_sample=asked["temperature"] > 0,
            temperature=asked["temperature"] or 1.0,
            top_p=asked["top_p"],
            top_k=0,
            repetition_penalty=asked["repetition_penalty"],
            num_beams=1,
        )
        made = self.model.generate(
            torch.tensor([context]).to(self.model.device),
            generation_config=self.generation,
            stop_words_ids=self.code.get_stop_words_ids("chatml", self.tokenizer),
            audio_info=audio,
            return_dict_in_generate=False,
        )
        # Only what is new: `chat` cuts the whole text at the prompt's length, which decoding need not keep.
        reply = made[0, len(context) :].tolist()
        end = next((index for index, token in enumerate(reply) if token in self.ends), None)
        seconds = request["seconds"]
        return {
            "text": self.tokenizer.decode(reply[:end], skip_special_tokens=True),
            "finish_reason": "length" if end is None else "stop",
            "input_tokens": len(context),
            "output_tokens": len(reply) if end is None else end + 1,
            "audio_cut": (len(self.read(request["audio"])) / RATE if seconds is None else seconds) > LIMIT_S,
        }

    def _query(self, request: dict[str, Any], clip: str) -> str:
        query: str = self.tokenizer.from_list_format([{"audio": clip}, {"text": request["instruction"]}])
        return query


def system(request: dict[str, Any]) -> str:
    """Return the system prompt: the model's own where the request has none, because its chat always has one.

    >>> system({"system": None})
    'You are a helpful assistant.'
    """
    return DEFAULT_SYSTEM if request["system"] is None else str(request["system"])


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

    serve(QwenAudioChat)
