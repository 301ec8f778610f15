"""Batches against a loop of one item at a time, and how often the batch changes a reply.

Run from anywhere: ``python perf/generation.py [--json FILE] [--items 32] [--size small|7b] [--device cpu]``. The
model is a Qwen2-Audio with random weights and its real processor: ``small`` (4 layers, 512 wide) for a CPU, ``7b``
the released model's size, for a GPU. Replies have the lengths of the recorded responses, four letters a token,
where those lie beside the project: each row is kept from ending before its length, and made to end at it.
Everything else is the adapter as it is, clips decoded and resampled. Flips compare replies with those of one item
at a time, on the tests' tiny checkpoint, whose replies end by themselves.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import OFFICIAL, RECORDED, ROOT, figure, machine_line, markdown_table, parser, rows_of, write_json

from speech_ifeval.models import Generation, Request, Response
from speech_ifeval.models.transformers_models.local_model import TransformersModel

sys.path.insert(0, str(ROOT))
LETTERS_PER_TOKEN = 4
SECONDS = (2, 12)  # the shortest and longest clip
SIZES = {
    "small": {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 8},
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
}
ENCODERS = {
    "small": {"encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 512, "d_model": 256},
    "7b": {"encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120, "d_model": 1280},
}


class Timed(TransformersModel):
    """The adapter's model, whose replies have the lengths they are told by the request's id."""

    lengths: dict[str, int]

    def force(self, lengths: dict[str, int]) -> None:
        self.lengths = lengths
        self._plain = self._model.generate
        self._model.generate = self._generate_forced

    def _generate(self, batch: list[Any]) -> list[Response]:
        self._rows = [self.lengths[one.request.id] for one in batch]
        return super()._generate(batch)

    def _generate_forced(self, **options: Any) -> Any:
        import torch
        from transformers import LogitsProcessor, LogitsProcessorList

        stop, start, rows = self._marks.stop[0], options["input_ids"].shape[1], torch.tensor(self._rows)

        class Ending(LogitsProcessor):  # type: ignore[misc]
            def __call__(self, ids: Any, scores: Any) -> Any:
                ends = (ids.shape[1] - start >= rows).to(scores.device)
                scores[:, stop] = torch.where(ends, torch.inf, -torch.inf)
                return scores

        return self._plain(**options, logits_processor=LogitsProcessorList([Ending()]))


def _lengths(count: int) -> list[int]:
    if not (RECORDED.is_dir() and OFFICIAL.is_dir()):
        return [random.Random(number).randint(8, 120) for number in range(count)]
    files = ("closed_ended_questions", "creative_writing", "chain-of-thought")
    texts = [row["response"] for name in files for row in rows_of(RECORDED / f"{name}.jsonl")]
    drawn = random.Random(0).sample(texts, count)
    return [max(1, len(text) // LETTERS_PER_TOKEN) for text in drawn]


def _pair(size: str, dtype: str, device: str, folder: Path) -> tuple[Any, Any]:
    import torch
    from tests import tiny
    from transformers import AutoConfig, AutoProcessor, Qwen2AudioForConditionalGeneration

    tiny.qwen2_audio(folder)
    config = AutoConfig.from_pretrained(folder)
    for name, value in SIZES[size].items():
        setattr(config.text_config, name, value)
    config.text_config.layer_types = ["full_attention"] * SIZES[size]["num_hidden_layers"]
    config.text_config.num_key_value_heads = SIZES[size]["num_attention_heads"]
    for name, value in ENCODERS[size].items():
        setattr(config.audio_config, name, value)
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen2AudioForConditionalGeneration._from_config(config, dtype=getattr(torch, dtype))
    return model.eval(), AutoProcessor.from_pretrained(folder)


def _tiny(dtype: str, device: str, folder: Path) -> tuple[Any, Any]:
    import torch
    from tests import tiny
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    tiny.qwen2_audio(folder)
    model = Qwen2AudioForConditionalGeneration.from_pretrained(folder, dtype=getattr(torch, dtype))
    return model.to(device).eval(), AutoProcessor.from_pretrained(folder)


def _requests(folder: Path, count: int) -> list[Request]:
    from tests import tiny

    lengths = [SECONDS[0] + (7 * number) % (SECONDS[1] - SECONDS[0]) for number in range(count)]
    clips = [tiny.speech(folder / f"{number}.wav", seconds, number) for number, seconds in enumerate(lengths)]
    return [
        Request(str(number), f"Question {number}? Answer in capitals.", audio=clip, seconds=float(seconds))
        for number, (clip, seconds) in enumerate(zip(clips, lengths, strict=True))
    ]


def _timed(run: Callable[[], object], device: str) -> float:
    # On the CPU one thread's processor time, so that neighbours count little; on a card what a user waits.
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    run()
    return clock() - start


def _speed(given: Any, pair: tuple[Any, Any], requests: list[Request], dtype: str) -> list[dict[str, Any]]:
    import torch

    lengths = dict(zip((one.id for one in requests), _lengths(len(requests)), strict=True))
    # Replies of like length go together in a run, by category; here they are sorted as that sorts them at best.
    rows = []
    for size in given.batches:
        model = Timed(*pair, name="random", revision="random", batch_size=size)
        model.force(lengths)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        part = requests[: given.loop] if size == 1 else requests
        ordered = sorted(part, key=lambda one: -lengths[one.id]) if given.sorted else part
        took = _timed(lambda model=model, ordered=ordered: list(model.answer(ordered)), given.device)
        model._model.generate = model._plain
        peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
        rows.append({"batch": size, "items_per_s": len(part) / took, "gib": peak})
    return rows


def _flips(pair: tuple[Any, Any], requests: list[Request], tokens: int) -> dict[str, Any]:
    brief = Generation(max_new_tokens=tokens)
    asked = [
        Request(str(number), f"Item {number}. {one.instruction}", audio=one.audio, generation=brief)
        for number, one in enumerate(requests)
    ]

    def texts(size: int, order: int) -> dict[str, str | None]:
        model = TransformersModel(*pair, name="random", revision="random", batch_size=size)
        shuffled = random.Random(order).sample(asked, len(asked))
        return {one.id: one.text for one in model.answer(shuffled)}

    alone = texts(1, 0)
    compared = [(size, order, texts(size, order)) for size, order in ((3, 1), (8, 2), (32, 3))]
    flips = {f"{size}": sum(found[id] != alone[id] for id in alone) for size, _, found in compared}
    return {"items": len(alone), "distinct": len(set(alone.values())), "flips": flips}


def _print_speed(speed: list[dict[str, Any]]) -> None:
    first = speed[0]["items_per_s"]
    print(machine_line())
    rows = [
        (one["batch"], figure(one["items_per_s"]), figure(one["items_per_s"] / first), figure(one["gib"]))
        for one in speed
    ]
    print(markdown_table(("batch", "items/s", "times the loop", "GiB on the card"), rows, text_columns=0))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--items", type=int, default=32)
    options.add_argument("--loop", type=int, default=32, help="how many of them the loop of one at a time takes")
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    options.add_argument("--flips", type=int, default=64, help="items of the flips")
    options.add_argument("--tokens", type=int, default=96, help="the longest reply of the flips")
    options.add_argument("--size", choices=SIZES, default="small")
    options.add_argument("--device", default="cpu")
    options.add_argument(
        "--dtypes", nargs="+", default=["float32", "bfloat16"], help="for the flips; the first for speed"
    )
    options.add_argument("--unsorted", dest="sorted", action="store_false", help="replies of any length together")
    given = options.parse_args()
    if given.device == "cpu":
        import torch

        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requests = _requests(folder, given.items)
        pair = _pair(given.size, given.dtypes[0], given.device, folder / "model")
        speed = _speed(given, pair, requests, given.dtypes[0])
        del pair
        _print_speed(speed)
        asked = (requests * (given.flips // len(requests) + 1))[: given.flips]
        flips = {
            dtype: _flips(_tiny(dtype, given.device, folder / "tiny"), asked, given.tokens)
            for dtype in given.dtypes
        }
    print()
    sizes = list(next(iter(flips.values()))["flips"])
    table = [(dtype, one["items"], *(one["flips"][size] for size in sizes)) for dtype, one in flips.items()]
    print(markdown_table(("", "items", *(f"changed in batches of {size}" for size in sizes)), table))
    write_json(given.json, {"size": given.size, "device": given.device, "speed": speed, "flips": flips})
    if given.json is None:
        print(json.dumps({"speed": speed, "flips": flips}))


if __name__ == "__main__":
    main()
