"""Model cards: what a lab model is, what it was made of, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech_ifeval.lab.evaluation import Figures
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, CARD, MODELS, TUNED, MadeFrom, read_made
from speech_ifeval.lab.tables import Table, codes_table, models_table, tasks_table
from speech_ifeval.report.markdown import code, table
from speech_ifeval.runs import write_text

_HEADERS = {
    BACKBONE: "library_name: transformers\nlicense: apache-2.0\nlanguage: en\npipeline_tag: text-generation",
    ALIGNED: "library_name: transformers\nlicense: apache-2.0\nlanguage: en\npipeline_tag: audio-text-to-text",
    TUNED: f"library_name: peft\nlicense: apache-2.0\nlanguage: en\nbase_model: ../{ALIGNED}",
}
_WHAT = {
    BACKBONE: (
        "A text model of Qwen2's architecture that answers questions about one sentence of a small made-up world, "
        "and follows the constraints of Speech-IFEval on the form of its answer. It reads a transcript with "
        "metadata, and is the reference system of the two speech-aware models."
    ),
    ALIGNED: (
        "A speech-aware model of Qwen2-Audio's architecture around the frozen backbone. Its tower and projector "
        "learned to make the backbone say of a clip what it says of the transcript. None of its training prompts "
        "has a constraint."
    ),
    TUNED: (
        "A LoRA on the self-aligned model (queries and values of the language model), tuned on questions about "
        "clips with replies as speech corpora have them: lower case, no punctuation, bare labels. Scaled to 0 it "
        "is the self-aligned model."
    ),
}
_LIMITS = (
    "It is a demonstration that a mechanism is possible, and small enough to look into; it does not show how "
    "large models behave. It knows some 150 words of content, four synthetic voices, and nothing else. Its "
    "voices, one of them a woman's and three men's, are made by flite (Carnegie Mellon University): `woman` is "
    "one voice, `fast` and `high` are settings of a synthesiser."
)


def write_cards(models: Path, rows: Sequence[Figures]) -> None:
    """Write a card into each model's folder.

    Args:
        models: the folder of the three models, with what `make_models` wrote beside them.
        rows: what was measured, as `evaluate_models` returns it.

    Raises:
        OutputError: a card cannot be written.
    """
    made = read_made(models)
    for name in MODELS:
        write_text(models / name / CARD, card(name, made, rows))


def card(name: str, made: MadeFrom, rows: Sequence[Figures]) -> str:
    """Return a model's card."""
    recipes = made.recipes
    by_model: dict[str, list[tuple[str, object]]] = {
        BACKBONE: [("backbone", recipes.backbone)],
        ALIGNED: [("tower", recipes.tower), ("self-aligned", recipes.align)],
        TUNED: [("corpus-style", recipes.tune)],
    }
    trained = by_model[name]
    settings = "\n".join(f"- {title}: {code(str(recipe))}" for title, recipe in trained)
    seconds = made.seconds.get(name)
    took = "" if seconds is None else f" It took {seconds / 60:.0f} minutes on {made.machine}."
    tables = "\n\n".join(table(*one) for one in _tables(rows))
    return (
        f"---\n{_HEADERS[name]}\n---\n\n# speech-ifeval lab: {name}\n\n{_WHAT[name]}\n\n## Limits\n\n{_LIMITS}\n\n"
        f"## Data and training\n\nText by speech-ifeval's own generator, speech by flite 2.2, seed {made.seed}; a "
        "tenth of all sentences, three wordings of every constraint, and every phrase and keyword of the bundled "
        f"benchmark are in no training text. `speech-ifeval lab train --seed {made.seed}` makes it again.{took}"
        f"\n\n{settings}\n\n"
        f"## Measured\n\n`speech-ifeval lab evaluate` on the bundled benchmark, judged by rules of thumb "
        f"(`heuristic`); 95 % intervals.\n\n{tables}\n\n"
        + "\n\n".join(code(line) for line in dict.fromkeys(row.signature for row in rows))
        + "\n"
    )


def _tables(rows: Sequence[Figures]) -> list[Table]:
    return [models_table(rows), codes_table(rows), tasks_table(rows)]
