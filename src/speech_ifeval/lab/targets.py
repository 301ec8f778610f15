"""What speech-aware models are tuned on: questions about training clips, and replies in one of two styles.

``own`` replies are written by the text model itself, which reads the transcript with its metadata; ``corpus``
replies are as speech corpora have them: lower case, no punctuation, bare labels. No held-out wording is among the
questions, and constraints only where a share of them is asked for.

Source of replies written by the text model itself: Lu et al. (2024), DeSTA2 (arXiv 2409.20007).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal

from speech_ifeval.errors import ModelError
from speech_ifeval.lab.hearing import Heard
from speech_ifeval.lab.lessons import (
    CREATIVE,
    TRANSCRIPTION,
    Question,
    closed_lesson,
    closed_question,
    creative_lesson,
    spoken_text,
    tasks_of,
)
from speech_ifeval.lab.speech_model import SpokenRow, seconds_of
from speech_ifeval.lab.vocabulary import chat, read_turn, token_rows
from speech_ifeval.lab.wordings import Demand, Wordings

Style = Literal["own", "corpus"]
OWN: Style = "own"
CORPUS: Style = "corpus"
_OPEN_SHARE = 0.35  # of prompts in the text model's own style that are open ones
_TRANSCRIPTION_SHARE = 0.4  # of closed questions
_LONGEST_REPLY = 120
_AT_ONCE = 64


def asked(
    heard: Heard, wordings: Wordings, rng: Random, style: Style, number: int, constrained: float = 0.0
) -> list[SpokenRow]:
    """Return rows with questions about clips; replies of the style ``own`` are left empty, for the text model.

    Args:
        heard: the clips.
        wordings: what is asked.
        rng: draws.
        style: whose replies.
        number: how many rows; the clips come in turn, shuffled.
        constrained: the share of rows with a demand on the form.
    """
    clips = list(range(len(heard.utterances)))
    rows = []
    for place in range(number):
        if place % len(clips) == 0:
            rng.shuffle(clips)
        clip = clips[place % len(clips)]
        demand = wordings.draw_constraint(rng) if rng.random() < constrained else None
        rows.append(_row(heard, clip, wordings, rng, style, demand))
    return rows


def _row(
    heard: Heard, clip: int, wordings: Wordings, rng: Random, style: Style, demand: Demand | None
) -> SpokenRow:
    scene, manner = heard.utterances[clip].scene, heard.utterances[clip].manner
    is_open = demand.id in CREATIVE if demand is not None else style == OWN and rng.random() < _OPEN_SHARE
    if is_open:
        lesson = creative_lesson(demand, scene, manner, wordings, rng)
        return SpokenRow(clip, lesson.instruction, "" if style == OWN else lesson.reply.lower())
    task = TRANSCRIPTION if rng.random() < _TRANSCRIPTION_SHARE else rng.choice(tasks_of(manner))
    question = closed_question(task, scene, manner, wordings, rng)
    if demand is None:
        return SpokenRow(clip, question.text, "" if style == OWN else question.corpus)
    plain = Question(task, question.text, question.corpus, question.corpus, question.corpus)
    lesson = closed_lesson(demand, question if style == OWN else plain, scene, wordings, rng)
    return SpokenRow(clip, lesson.instruction, "" if style == OWN else lesson.reply)


def read_prompt(heard: Heard, row: SpokenRow) -> str:
    """Return the prompt of a row for a model that reads: the transcript with its metadata."""
    one = heard.utterances[row.clip]
    speech = spoken_text(one.scene, one.manner, seconds_of(heard, row.clip))
    return chat(read_turn(speech, row.instruction))


def written_by(
    backbone: Any, tokenizer: Any, heard: Heard, rows: Sequence[SpokenRow], tell: Callable[[int], None]
) -> list[SpokenRow]:
    """Return the rows with the replies that the text model writes, greedily; cut-off replies are left out."""
    prompts = [read_prompt(heard, row) for row in rows]
    # A batch takes as long as its longest reply, and the same question gets replies of a length.
    order = sorted(range(len(rows)), key=lambda place: (rows[place].instruction, len(prompts[place])))
    replies: dict[int, str] = {}
    for start in range(0, len(order), _AT_ONCE):
        piece = order[start : start + _AT_ONCE]
        written = write(backbone, tokenizer, [prompts[one] for one in piece])
        replies |= {place: reply for place, reply in zip(piece, written, strict=True) if reply is not None}
        tell(start + len(piece))
    if not replies:
        raise ModelError(
            f"none of {len(rows)} replies of the text model ends within {_LONGEST_REPLY} tokens: there is nothing "
            "to learn from; train the text model for more steps"
        )
    return [
        SpokenRow(row.clip, row.instruction, replies[place]) for place, row in enumerate(rows) if place in replies
    ]


def write(model: Any, tokenizer: Any, prompts: Sequence[str]) -> list[str | None]:
    """Return a text model's greedy replies, None for one that does not end."""
    import torch

    rows = token_rows(tokenizer, prompts)
    longest = max(map(len, rows))
    pad = model.generation_config.pad_token_id
    tokens = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=model.device)
    with torch.no_grad():
        made = model.generate(
            input_ids=tokens, attention_mask=mask, max_new_tokens=_LONGEST_REPLY, do_sample=False
        )
    stop = model.generation_config.eos_token_id
    replies: list[str | None] = []
    for row in made[:, longest:].tolist():
        ended = stop in row
        replies.append(tokenizer.decode(row[: row.index(stop)], skip_special_tokens=True) if ended else None)
    return replies
