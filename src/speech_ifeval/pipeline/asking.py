"""Items become requests: what each model is given of an item, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from speech_ifeval.clips import Clip
from speech_ifeval.errors import DataError
from speech_ifeval.models import SYSTEM_PROMPT, Generation, Model, Request
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item

Input = Literal["audio", "transcript"]
# Replies are about as long within a category, and a batch takes as long as its longest reply.
_ORDER = {category: place for place, category in enumerate((CATEGORIES[0], TWIN_CATEGORY, *CATEGORIES[1:]))}


class Asking(Struct, frozen=True, forbid_unknown_fields=True):
    """How questions are put to a model.

    Attributes:
        input: what it gets of the speech; None gives audio to a model that hears, and else the transcript.
        system: the system prompt, None for none.
        generation: how replies are generated.

    Source: the prompts of Speech-IFEval (arXiv 2505.19037).

    >>> Asking().system
    'Follow the given instructions.'
    """

    input: Input | None = None
    system: str | None = SYSTEM_PROMPT
    generation: Generation = Generation()

    def input_of(self, model: Model) -> Input:
        """What this model gets of the speech."""
        return self.input or ("audio" if model.hears else "transcript")


def make_requests(
    items: Iterable[Item], asking: Asking, *, folder: Path | None, clips: Mapping[str, Clip]
) -> list[Request]:
    """Return one request an item, the longest input of each category first.

    Args:
        items: what is asked.
        asking: how.
        folder: where the clips lie; None asks in text alone.
        clips: the decoded clips by the name that items give them; items with others are left out.
    """
    requests = []
    for item in items:
        if folder is None:
            request = Request(item.id, item.instruction, None, item.transcript, asking.system, asking.generation)
        elif item.clip in clips:
            path, seconds = folder / item.clip, clips[item.clip].seconds
            request = Request(
                item.id, item.instruction, path, item.transcript, asking.system, asking.generation, seconds
            )
        else:
            continue
        requests.append((_ORDER[item.category], -(request.seconds or 0.0), -len(request.text), request))
    requests.sort(key=lambda row: row[:3])
    return [request for *_, request in requests]


def refuse_untranscribed(items: Sequence[Item]) -> None:
    """Stop where a model that reads has nothing to read.

    Raises:
        DataError: names the first item without a transcript, and how many there are.
    """
    without = [item.id for item in items if item.transcript is None]
    if without:
        raise DataError(
            f"{len(without)} of {len(items)} items have no transcript, which a model that reads is given, the "
            f"first {without[0]}; add it to the benchmark"
        )
