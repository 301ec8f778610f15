"""What a frozen tower hears in every training clip, listened to once for all that is tuned behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.lab.hearing import Heard
from speech_ifeval.lab.tower import hear, projector

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 50


class Listened(Struct, frozen=True):
    """The vectors that stand in a prompt for each clip: `vectors` is ``(places of all clips, width)``, float32.

    Those of clip i are ``starts[i]`` to ``starts[i + 1]``.
    """

    vectors: Any
    starts: list[int]

    def of(self, clips: list[int]) -> Tensor:
        """Return the vectors of some clips, one after the other."""
        import torch

        return torch.cat([self.vectors[self.starts[clip] : self.starts[clip + 1]] for clip in clips])


def listen(model: Any, heard: Heard) -> Listened:
    """Let a model's tower and projector hear every clip, in the order of `heard`."""
    import torch

    starts = [0]
    for clip in range(len(heard.utterances)):
        starts.append(starts[-1] + heard.places(clip))
    vectors, device = [], model.device
    with torch.no_grad():
        for start in range(0, len(heard.utterances), _BATCH):
            clips = range(start, min(start + _BATCH, len(heard.utterances)))
            features = torch.from_numpy(heard.features[clips.start : clips.stop]).float().to(device)
            frames = torch.from_numpy(heard.frames[clips.start : clips.stop]).to(device)
            projected = projector(model)(hear(model, features, frames))
            vectors += [projected[place, : heard.places(clip)] for place, clip in enumerate(clips)]
    return Listened(torch.cat(vectors), starts)
