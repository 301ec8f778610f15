"""What the text model writes for the speech-aware one: each reply is its row's own, whoever else is asked."""

from __future__ import annotations

from random import Random

import pytest

from speech_ifeval.lab.hearing import Heard
from speech_ifeval.lab.making import load_text
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.lab.speech import training_utterances
from speech_ifeval.lab.stages import BACKBONE
from speech_ifeval.lab.targets import OWN, asked, read_prompt, write, written_by
from speech_ifeval.lab.wordings import english


@pytest.mark.slow
def test_replies_are_in_the_order_of_their_rows_and_depend_on_no_neighbour() -> None:
    import numpy as np
    from transformers import PreTrainedTokenizerFast

    utterances = training_utterances(0, 40)
    # Only words are read here: there is no sound.
    heard = Heard(utterances, None, np.full(40, 300), None, np.full(40, 3))
    rows = asked(heard, english(), Random(0), OWN, 40, 0.2)
    folder = shipped_models() / BACKBONE
    model, tokenizer = load_text(folder, "cpu"), PreTrainedTokenizerFast.from_pretrained(folder)
    alone = [write(model, tokenizer, [read_prompt(heard, row)])[0] for row in rows]
    together = written_by(model, tokenizer, heard, rows, lambda done: None)
    asked_and_said = [
        (row.instruction, reply) for row, reply in zip(rows, alone, strict=True) if reply is not None
    ]
    assert [(row.instruction, row.reply) for row in together] == asked_and_said
    assert len({row.reply for row in together}) > 20
