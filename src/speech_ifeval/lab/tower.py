"""The audio tower: it learns to spell what is said, in the tokens of the text model, and to tell how it is said.

Frames become vectors of the text model's width by the projector that the speech-aware model will have. A frame's
vector is compared with the text model's own embeddings, so what the tower learns to say is what the text model
reads. The blank of CTC is the embedding of the filler that the text model has learned to pass over.

Source: Graves et al. (2006), Connectionist temporal classification.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from speech_ifeval.lab.hearing import Heard
from speech_ifeval.lab.learning import Watch, learn
from speech_ifeval.lab.recipes import TowerRecipe
from speech_ifeval.lab.vocabulary import MEL_BINS, token_rows
from speech_ifeval.lab.world import FAST, HIGH, WOMAN

if TYPE_CHECKING:
    from torch import Tensor

STAGE = "tower"
FILLER = " uh"
_SHARPNESS = 12.0  # of the comparison with embeddings, learned from here
_FREQUENCY_GAP, _TIME_GAP, _GAPS = 12, 20, 2  # SpecAugment: widths in bins and frames, and how many


def tower_config(recipe: TowerRecipe) -> dict[str, Any]:
    """Return the tower's part of the speech-aware model's configuration."""
    from speech_ifeval.lab.hearing import FRAMES

    return {
        "model_type": "qwen2_audio_encoder",
        "num_mel_bins": MEL_BINS,
        "d_model": recipe.width,
        "encoder_layers": recipe.layers,
        "encoder_attention_heads": recipe.heads,
        "encoder_ffn_dim": recipe.inner,
        "max_source_positions": FRAMES // 2,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
    }


def frame_mask(frames: Tensor, places: int) -> Tensor:
    """Return which inner frames hold speech, an additive mask of shape ``(n, 1, places, places)``."""
    import torch

    inner = (frames - 1) // 2 + 1
    outside = torch.arange(places, device=frames.device)[None, :] >= inner[:, None]
    mask = torch.zeros(len(frames), 1, places, places, device=frames.device)
    return mask.masked_fill(outside[:, None, None, :], float("-inf"))


def hear(model: Any, features: Tensor, frames: Tensor) -> Tensor:
    """Return the tower's states, shape ``(n, places, width)``, as the whole model computes them."""
    tower = audio_tower(model)
    states: Tensor = tower(features, attention_mask=frame_mask(frames, features.shape[-1] // 2)).last_hidden_state
    return states


def audio_tower(model: Any) -> Any:
    """The audio tower of a Qwen2-Audio, wherever the release of transformers keeps it."""
    return getattr(model, "audio_tower", None) or model.model.audio_tower


def projector(model: Any) -> Any:
    """The projector of a Qwen2-Audio."""
    return getattr(model, "multi_modal_projector", None) or model.model.multi_modal_projector


def with_gaps(features: Tensor, rng: Random) -> Tensor:
    """Return features without some bands and stretches of time (SpecAugment, Park et al. 2019)."""
    features = features.clone()
    for row in features:
        for _ in range(_GAPS):
            width, start = rng.randrange(_FREQUENCY_GAP), rng.randrange(row.shape[0] - _FREQUENCY_GAP)
            row[start : start + width] = row.min()
            width, start = rng.randrange(_TIME_GAP), rng.randrange(row.shape[1] - _TIME_GAP)
            row[:, start : start + width] = row.min()
    return features


class Shuffled:
    """Which utterances a step learns from: all of them once before any comes again."""

    def __init__(self, seed: str, number: int, size: int) -> None:
        self._seed, self._number, self._size = seed, number, min(size, number)

    def __call__(self, step: int) -> list[int]:
        """Return the indices of a step."""
        each = self._number // self._size
        order = list(range(self._number))
        Random(f"{self._seed}/{step // each}").shuffle(order)
        start = step % each * self._size
        return order[start : start + self._size]


def train_tower(
    model: Any,
    recipe: TowerRecipe,
    heard: Heard,
    tokenizer: Any,
    seed: int,
    folder: Path,
    device: str,
    watch: Watch,
) -> None:
    """Train the tower and the projector of a speech-aware model in place; the text model stays as it is."""
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy, ctc_loss, log_softmax, normalize

    rows = token_rows(tokenizer, [f" {one.scene.text}" for one in heard.utterances])
    (filler,) = token_rows(tokenizer, [FILLER])[0:1][0][-1:]
    used = sorted({token for row in rows for token in row})
    column = {token: place + 1 for place, token in enumerate(used)}
    embedded = model.get_input_embeddings().weight.detach()
    candidates = normalize(embedded[[filler, *used]], dim=-1).to(device)
    manners = torch.tensor([_manner(one) for one in heard.utterances])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = nn.Linear(recipe.width, 3).to(device)
    sharpness = nn.Parameter(torch.tensor(_SHARPNESS, device=device))
    tower, projected = audio_tower(model), projector(model)
    parameters: dict[str, Tensor] = {
        **{f"tower.{name}": value for name, value in tower.named_parameters() if "embed_positions" not in name},
        **{f"projector.{name}": value for name, value in projected.named_parameters()},
        **{f"heads.{name}": value for name, value in heads.named_parameters()},
        "sharpness": sharpness,
    }
    for value in parameters.values():
        value.requires_grad_(True)
    chosen = Shuffled(f"{seed}/{STAGE}", len(rows), recipe.course.batch)
    features, frames = torch.from_numpy(heard.features), torch.from_numpy(heard.frames)

    def loss_of(step: int) -> Tensor:
        indices = chosen(step)
        spoken = with_gaps(features[indices].float(), Random(f"{seed}/gaps/{step}")).to(device)
        lengths = frames[indices].to(device)
        states = hear(model, spoken, lengths)
        vectors = normalize(projected(states), dim=-1)
        scores = log_softmax(vectors @ candidates.T * sharpness, dim=-1)
        targets = [torch.tensor([column[token] for token in rows[index]]) for index in indices]
        spelled = ctc_loss(
            scores.transpose(0, 1),
            torch.cat(targets).to(device),
            torch.tensor([heard.places(index) for index in indices]),
            torch.tensor([len(one) for one in targets]),
            zero_infinity=True,
        )
        told = heads(_mean(states, lengths))
        known = manners[indices].to(device)
        manner = sum(cross_entropy_of(told[:, place], known[:, place]) for place in range(3))
        return spelled + recipe.manner_weight * manner

    def cross_entropy_of(score: Tensor, known: Tensor) -> Tensor:
        there = known >= 0
        both = torch.stack([torch.zeros_like(score), score], dim=-1)
        return cross_entropy(both[there], known[there])

    learn(STAGE, recipe.course, parameters, loss_of, folder, watch)
    for value in parameters.values():
        value.requires_grad_(False)
    _scale_to(embedded[used], model, heard, device)


def spell(model: Any, heard: Heard, indices: Sequence[int], tokenizer: Any, device: str) -> list[str]:
    """Return what the tower hears, by the best token of each frame."""
    import torch
    from torch.nn.functional import normalize

    (filler,) = token_rows(tokenizer, [FILLER])[0][-1:]
    rows = token_rows(tokenizer, [f" {one.scene.text}" for one in heard.utterances])
    used = [filler, *sorted({token for row in rows for token in row})]
    candidates = normalize(model.get_input_embeddings().weight.detach()[used], dim=-1)
    with torch.no_grad():
        features = torch.from_numpy(heard.features[indices]).float().to(device)
        frames = torch.from_numpy(heard.frames[indices]).to(device)
        vectors = normalize(projector(model)(hear(model, features, frames)), dim=-1)
        best = (vectors @ candidates.T).argmax(dim=-1).tolist()
    texts = []
    for index, row in zip(indices, best, strict=True):
        row = row[: heard.places(index)]
        kept = [used[one] for place, one in enumerate(row) if one and (not place or row[place - 1] != one)]
        texts.append(tokenizer.decode(kept).strip())
    return texts


def _manner(utterance: Any) -> list[int]:
    manner = utterance.manner
    pitch = -1 if manner.pitch is None else int(manner.pitch == HIGH)
    return [int(manner.voice == WOMAN), int(manner.speed == FAST), pitch]


def _mean(states: Tensor, frames: Tensor) -> Tensor:
    import torch

    places = ((frames - 1) // 2 + 1 - 2) // 2 + 1
    inside = (torch.arange(states.shape[1], device=states.device)[None, :] < places[:, None]).unsqueeze(-1)
    mean: Tensor = (states * inside).sum(dim=1) / inside.sum(dim=1)
    return mean


def _scale_to(embedded: Tensor, model: Any, heard: Heard, device: str) -> None:
    """Give the projector's vectors the mean length of the embeddings they stand for."""
    import torch

    indices = list(range(min(64, len(heard.utterances))))
    with torch.no_grad():
        features = torch.from_numpy(heard.features[indices]).float().to(device)
        frames = torch.from_numpy(heard.frames[indices]).to(device)
        length = projector(model)(hear(model, features, frames)).norm(dim=-1).mean()
        factor = embedded.norm(dim=-1).mean().to(device) / length
        for value in projector(model).parameters():
            value.mul_(factor)
