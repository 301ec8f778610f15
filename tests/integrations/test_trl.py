"""TRL calls our function: by its own code, in a real, short run of GRPO on the lab's text model."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.reward_data import as_dataset, prompts_of, split_prompts
from speech_ifeval.integrations.rewards import Reward
from speech_ifeval.integrations.trl_rewards import TRLReward
from speech_ifeval.lab.shipped import shipped_models

COLUMNS = {
    "instruction_id_list": [["startend:quotation", "change_case:english_capital"]] * 2,
    "kwargs": [["{}", "{}"]] * 2,
}


def message(text: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("completion", "earned"),
    [
        ('"YES"', 1.0),
        ("YES", 0.5),
        (message('"YES"'), 1.0),
        (message([{"type": "text", "text": '"YE'}, {"type": "text", "text": 'S"'}]), 1.0),
        (message(None), 0.0),
        ([], 0.0),
        ([*message("call"), {"role": "tool", "content": '"YES"'}, *message("YES")], 0.5),
        ([*message('"YES"'), {"role": "tool", "content": "no"}], 1.0),
        (message('<think>Hm.</think>"YES"'), 1.0),
        ({"role": "assistant", "content": '"YES"'}, 1.0),
    ],
)
def test_completions_in_the_forms_that_trl_has(completion: Any, earned: float) -> None:
    reward = TRLReward(Reward(grade="fraction"))
    columns = {name: column[:1] for name, column in COLUMNS.items()}
    assert reward(prompts=["?"], completions=[completion], completion_ids=[[1]], **columns) == [earned]


def test_a_row_without_constraints_earns_none() -> None:
    columns = {"instruction_id_list": [["startend:quotation"], None, []], "kwargs": [["{}"], None, []]}
    assert TRLReward()(["?"] * 3, ['"a"'] * 3, [[1]] * 3, **columns) == [1.0, None, None]


def test_what_trl_passes_besides_is_accepted() -> None:
    """The trainer's state, its ways to log, and whatever other columns a data set has."""
    besides = {"trainer_state": SimpleNamespace(), "log_extra": print, "log_metric": print, "answer": ["a", "b"]}
    assert TRLReward()(["?"] * 2, ["a", '"A"'], [[1], [2]], **COLUMNS, **besides) == [0.0, 1.0]


@pytest.mark.parametrize("missing", ["instruction_id_list", "kwargs"])
def test_a_missing_column_is_named(missing: str) -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != missing}
    with pytest.raises(UsageError) as error:
        TRLReward()(["?"] * 2, ["a", "b"], [[1], [2]], trainer_state=None, answer=["x", "y"], **columns)
    there = next(iter(columns))
    assert f"the reward needs the column '{missing}'" in str(error.value)
    expected = "Expected columns: prompt, instruction_id_list (for each row a list of constraint ids), kwargs (for"
    assert expected in str(error.value)
    assert f"found: prompt, answer, {there}." in str(error.value)
    assert "remove_unused_columns=False" in str(error.value)


@pytest.mark.parametrize(
    ("columns", "completions", "said"),
    [
        ({"instruction_id_list": [["a:b"]]}, ["a", "b"], "2 completions and 1 rows of the column"),
        ({"instruction_id_list": [["a:b"], ["a:b"]]}, ["a", "b"], "row 0 of the batch: kwargs must be a list"),
        ({"kwargs": [["{}", "{}"], ["{", "{}"]]}, ["a", "b"], "row 1 of the batch: the kwargs of a constraint"),
        ({"kwargs": [["{}", "{}"], ['{"n": 1}', "{}"]]}, ["a", "b"], "row 1 of the batch: startend:quotation: "),
        ({}, ["a", 3], "row 1 of the batch: a completion must be a text or a list of messages, found int"),
        ({}, ["a", ["b"]], "row 1 of the batch: a completion must be a text or a list of messages, found list"),
    ],
)
def test_what_is_wrong_names_its_row(columns: dict[str, Any], completions: list[Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TRLReward()(["?"] * 2, completions, [[1], [2]], **{**COLUMNS, **columns})


def test_it_has_a_name_and_can_be_pickled() -> None:
    from trl.trainer.utils import get_callable_name

    reward = TRLReward(Reward(grade="fraction"), name="form")
    assert get_callable_name(reward) == "form"
    assert pickle.loads(pickle.dumps(reward)) == reward


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_trl_trains_with_it(tmp_path: Path) -> None:
    """Two steps: the function is accepted, its rewards are logged under its name, and the weights have moved."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, set_seed
    from trl import GRPOConfig, GRPOTrainer

    set_seed(0)
    start = shipped_models() / "backbone"
    split = split_prompts(prompts_of(load_benchmark("bundled")), wordings=0.25)
    model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    trainer = GRPOTrainer(
        model,
        reward_funcs=TRLReward(Reward(grade="fraction")),
        train_dataset=as_dataset([prompt.for_trl() for prompt in split.train]),
        processing_class=PreTrainedTokenizerFast.from_pretrained(start),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=2,
            learning_rate=1e-3,
            per_device_train_batch_size=16,
            num_generations=4,
            max_completion_length=24,
            temperature=1.5,  # the model follows so well that a group's rewards must be made to differ
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.train()
    logged = [row["rewards/speech_ifeval/mean"] for row in trainer.state.log_history if "reward" in row]
    assert len(logged) == 2
    assert all(0 < reward <= 1 for reward in logged)
    assert any(not torch.equal(weight.cpu(), before[name]) for name, weight in trainer.model.named_parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_trl_shows_the_message_of_a_missing_column(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    start = shipped_models() / "backbone"
    rows = [{"prompt": list(prompt.messages), "answer": "x"} for prompt in prompts_of(load_benchmark("example"))]
    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32),
        reward_funcs=TRLReward(),
        train_dataset=as_dataset(rows),
        processing_class=PreTrainedTokenizerFast.from_pretrained(start),
        args=GRPOConfig(
            output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=4, num_generations=4,
            max_completion_length=4, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none",
            disable_tqdm=True,
        ),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"needs the column 'instruction_id_list'.* found: prompt, answer\."):
        trainer.train()
