"""The same replies of the lab's models through every harness: the same verdicts, one by one.

The replies were recorded with ``speech-ifeval run --model lab:corpus-style --reference lab:backbone --sample 200
--no-twins``. Beside them stand texts that these models do not write, and that a harness could change on the way.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.selection import Selection, growing_order
from speech_ifeval.integrations.harness.settings import TaskSettings
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.records import CATEGORIES
from tests.integrations.replaying import RECORDED, Found, replayed, replies_in, ruled
from tests.integrations.test_lmms_eval import python_of_lmms_eval

pytestmark = pytest.mark.slow
SETTINGS = TaskSettings(judge="heuristic")
MODELS = ("corpus-style", "backbone")
REPLIES = 200
# To the items that follow the 200: edges, nothing, thoughts, marks, other scripts, the syntax of templates.
CHANGEABLE = (
    "  an edge of blanks \n\n",
    "",
    " \n",
    "<think>First, commas, no?</think>\n\n<<An answer>>",
    "An answer <think>and a late thought</think> and its end.",
    "<think>Thoughts that never end",
    "the thought before</think>lower case",
    "<analysis>ONE, TWO</analysis>",
    "<|im_end|> </s> [INST] a mark",
    '"\u201cZitat\u201d \u2013 na\u00efve \U0001f600 e\u0301\u2028next"',
    "\t* one\r\n* two\r\n* three",
    "{{ row }} {% if x %} ${HOME} %s \\n",
)
# Which engine asks which model: the one that hears is given audio where the harness has any.
ENGINES = [
    ("inspect", "audio", "corpus-style"),
    ("inspect", "transcript", "backbone"),
    ("lm_eval", "replay", "corpus-style"),
    ("lm_eval", "replay", "backbone"),
    ("lmms_eval", "simple", "corpus-style"),
    ("lmms_eval", "chat", "backbone"),
]


def replies_of(name: str) -> dict[str, str]:
    """What was recorded of a model, and `CHANGEABLE`: in the order in which harnesses ask."""
    benchmark = load_benchmark("bundled")
    recorded = replies_in(RECORDED / f"{name}.jsonl", benchmark)
    assert len(recorded) == REPLIES
    asked = [item.id for item in growing_order(Selection().choose(benchmark))][: REPLIES + len(CHANGEABLE)]
    assert set(asked[:REPLIES]) == set(recorded)
    return {**recorded, **dict(zip(asked[REPLIES:], CHANGEABLE, strict=True))}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """Verdicts and figures of our own scoring, by model."""
    benchmark, made = load_benchmark("bundled"), {}
    for name in MODELS:
        folder = tmp_path_factory.mktemp("ours") / name
        replies = replies_of(name)
        source = tmp_path_factory.mktemp("source") / f"{name}.jsonl"
        rows = [json.dumps({"id": id, "response": text}) for id, text in replies.items()]
        source.write_text("\n".join(rows), encoding="utf-8")
        summary, _ = score([source], benchmark, output_dir=folder, scoring=Scoring(judge="heuristic"))
        verdicts = [verdict for verdict in load_scored(folder).verdicts if verdict.item in replies]
        rate = summary.ifrate
        figures = {"ifrate": rate.value, "ifrate_low": rate.low, "ifrate_high": rate.high}
        figures |= {category.replace("-", "_"): summary.categories[category].rate for category in CATEGORIES}
        assert {verdict.followed for verdict in verdicts} == {True, False}
        made[name] = Found(
            ruled(verdicts), {key: value for key, value in figures.items() if value is not None}, 0, {}
        )
    return made


@pytest.mark.parametrize(("engine", "kind", "name"), ENGINES, ids=["-".join(each) for each in ENGINES])
def test_every_verdict_and_figure_is_the_same(
    engine: str, kind: str, name: str, ours: dict[str, Found], tmp_path: Path
) -> None:
    python = python_of_lmms_eval() if engine == "lmms_eval" else sys.executable
    replies = replies_of(name)
    found = replayed(engine, replies, SETTINGS, tmp_path, kind, python)
    assert set(found.rulings) == set(ours[name].rulings) == set(replies)
    assert not [id for id, rulings in ours[name].rulings.items() if found.rulings[id] != rulings]
    assert len(ours[name].figures) == 6
    assert {key: found.figures[key] for key in ours[name].figures} == pytest.approx(ours[name].figures)
    assert found.unscored == 0
