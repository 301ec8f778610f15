"""The audio tower: it learns to write what is said and how, in the tokens of the text model.

Frames become vectors of the text model's width by the projector that the speech-aware model will have. A frame's
vector is compared with the text model's own embeddings, so what the tower learns to say is what the text model
reads: hesitant speech, as `lessons.as_heard` writes it. The blank of CTC is the embedding of the filler that the
text model has learned to pass over. The synthesiser knows which sound it makes when, so the tower learns that too,
frame by frame: CTC alone, on some ten words a clip, finds out too slowly what belongs where.

Source: Graves et al. (2006), Connectionist temporal classification.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from speech_ifeval.lab.hearing import Heard
from speech_ifeval.lab.learning import Watch, learn
from speech_ifeval.lab.lessons import FILLER, said
from speech_ifeval.lab.recipes import TowerRecipe
from speech_ifeval.lab.speech import PHONES
from speech_ifeval.lab.vocabulary import MEL_BINS, token_rows

if TYPE_CHECKING:
    from torch import Tensor

STAGE = "tower"
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


class Spelling:
    """The tokens that a tower can write: the filler, which is CTC's blank, and all that training speech needs."""

    def __init__(self, tokenizer: Any, heard: Heard) -> None:
        self._tokenizer = tokenizer
        self.rows = token_rows(tokenizer, [f" {said(one.scene, one.manner)}" for one in heard.utterances])
        ((*_, filler),) = token_rows(tokenizer, [f" {FILLER}"])
        self.tokens = [filler, *sorted({token for row in self.rows for token in row})]
        self.places = {token: place for place, token in enumerate(self.tokens)}

    def vectors(self, model: Any) -> Tensor:
        """The text model's embeddings of the tokens, of length 1, shape ``(tokens, width)``."""
        from torch.nn.functional import normalize

        return normalize(model.get_input_embeddings().weight.detach()[self.tokens], dim=-1)

    def read(self, places: Sequence[int]) -> str:
        """Return what a row of tokens, the best one of each frame, says."""
        kept = [one for number, one in enumerate(places) if one and (not number or places[number - 1] != one)]
        text: str = self._tokenizer.decode([self.tokens[one] for one in kept])
        return text.strip()


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

    spelling = Spelling(tokenizer, heard)
    candidates = spelling.vectors(model).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(recipe.width, len(PHONES)).to(device)
    sharpness = nn.Parameter(torch.tensor(_SHARPNESS, device=device))
    tower, projected = audio_tower(model), projector(model)
    parameters: dict[str, Tensor] = {
        **{f"tower.{name}": value for name, value in tower.named_parameters() if "embed_positions" not in name},
        **{f"projector.{name}": value for name, value in projected.named_parameters()},
        **{f"phones.{name}": value for name, value in head.named_parameters()},
        "sharpness": sharpness,
    }
    for value in parameters.values():
        value.requires_grad_(True)
    chosen = Shuffled(f"{seed}/{STAGE}", len(heard.utterances), recipe.course.batch)
    features, frames, phones = (torch.from_numpy(one) for one in (heard.features, heard.frames, heard.phones))
    inner: list[Tensor] = []
    # Before the pooling, where a frame is 40 ms: a sound is hardly longer than that.
    watched = tower.layers[-1].register_forward_hook(
        lambda module, given, made: inner.append(made if torch.is_tensor(made) else made[0])
    )

    def loss_of(step: int) -> Tensor:
        indices = chosen(step)
        heard_so_far = with_gaps(features[indices].float(), Random(f"{seed}/gaps/{step}")).to(device)
        inner.clear()
        vectors = normalize(projected(hear(model, heard_so_far, frames[indices].to(device))), dim=-1)
        scores = log_softmax(vectors @ candidates.T * sharpness, dim=-1)
        targets = [torch.tensor([spelling.places[token] for token in spelling.rows[index]]) for index in indices]
        spelled = ctc_loss(
            scores.transpose(0, 1),
            torch.cat(targets).to(device),
            torch.tensor([heard.places(index) for index in indices]),
            torch.tensor([len(one) for one in targets]),
            zero_infinity=True,
        )
        sounds = cross_entropy(head(inner[0]).flatten(0, 1), phones[indices].long().flatten().to(device))
        return spelled + recipe.phones_weight * sounds

    learn(STAGE, recipe.course, parameters, loss_of, folder, watch)
    watched.remove()
    for value in parameters.values():
        value.requires_grad_(False)
    _scale_to(model.get_input_embeddings().weight.detach()[spelling.tokens], model, heard, device)


def spell(model: Any, heard: Heard, indices: Sequence[int], tokenizer: Any, device: str) -> list[str]:
    """Return what the tower hears, by the best token of each frame."""
    import torch
    from torch.nn.functional import normalize

    spelling = Spelling(tokenizer, heard)
    with torch.no_grad():
        features = torch.from_numpy(heard.features[indices]).float().to(device)
        frames = torch.from_numpy(heard.frames[indices]).to(device)
        vectors = normalize(projector(model)(hear(model, features, frames)), dim=-1)
        best = (vectors @ spelling.vectors(model).T.to(device)).argmax(dim=-1).tolist()
    return [spelling.read(row[: heard.places(index)]) for index, row in zip(indices, best, strict=True)]


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
