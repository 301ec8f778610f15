"""A real training that lasts seconds: a LoRA on the lab's self-aligned model, by transformers' Trainer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoProcessor, Trainer, TrainingArguments

from speech_ifeval.lab.making import load_speech
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.lab.stages import ALIGNED, BACKBONE
from speech_ifeval.lab.tuning import LANGUAGE_LAYERS
from speech_ifeval.lab.vocabulary import chat, read_turn, reply_rows, token_rows

REFERENCE = f"hf:{shipped_models() / BACKBONE}"
STEPS = 6
WORDS = ("the", "cat", "sees", "a", "red", "lamp", "near", "old", "bridge", "today")


def processor() -> Any:
    return AutoProcessor.from_pretrained(shipped_models() / ALIGNED)


def model(dropout: float = 0.1) -> Any:
    """The self-aligned model with an untrained LoRA; dropout, so that a random number too many would show."""
    torch.manual_seed(3)
    config = LoraConfig(r=8, lora_alpha=32, target_modules=LANGUAGE_LAYERS, lora_dropout=dropout)
    return get_peft_model(load_speech(shipped_models() / ALIGNED, "cpu"), config)


def rows(tokenizer: Any, number: int = 24) -> list[dict[str, Any]]:
    drawn = random.Random(0)
    texts = [" ".join(drawn.choices(WORDS, k=5)) for _ in range(number)]
    prompts = token_rows(tokenizer, [chat(read_turn(text, "What is said?")) for text in texts])
    replies = reply_rows(tokenizer, texts)
    return [
        {"input_ids": prompt + reply, "labels": [-100] * len(prompt) + reply}
        for prompt, reply in zip(prompts, replies, strict=True)
    ]


def batch(some: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    longest = max(len(one["input_ids"]) for one in some)

    def padded(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([one[name] + [filler] * (longest - len(one[name])) for one in some])

    mask = torch.tensor([[1] * len(one["input_ids"]) + [0] * (longest - len(one["input_ids"])) for one in some])
    return {"input_ids": padded("input_ids", 0), "labels": padded("labels", -100), "attention_mask": mask}


def trainer(folder: Path, asks: Any, **more: Any) -> Trainer:
    """A Trainer that logs each step; `asks` is the processor."""
    data = rows(asks.tokenizer)
    settings = {
        "max_steps": STEPS,
        "per_device_train_batch_size": 4,
        "learning_rate": 2e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "dataloader_pin_memory": False,
        "seed": 5,
    }
    return Trainer(
        model=model(),
        args=TrainingArguments(output_dir=str(folder), **{**settings, **more}),
        train_dataset=data,
        eval_dataset=data[:4],
        data_collator=batch,
    )


def state_of(trained: Trainer) -> dict[str, Any]:
    """Everything that a training leaves, for a comparison bit by bit."""
    losses = [one["loss"] for one in trained.state.log_history if "loss" in one]
    trainable = {name: one for name, one in trained.model.named_parameters() if one.requires_grad}
    return {
        "losses": losses,
        "weights": {name: one.detach().clone() for name, one in trainable.items()},
        "optimiser": [one["exp_avg"].clone() for one in trained.optimizer.state.values()],
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state(),
    }


def surroundings_of(trained: Trainer, asks: Any) -> dict[str, Any]:
    """What surrounds the weights, and an evaluation could leave behind otherwise than it was."""
    base = trained.model.get_base_model()
    return {
        "modes": [module.training for module in trained.model.modules()],
        "trainable": [one.requires_grad for one in trained.model.parameters()],
        "checkpointing": [bool(getattr(one, "gradient_checkpointing", False)) for one in base.modules()],
        "config": base.config.to_dict(),
        "generation": base.generation_config.to_dict(),
        "tokenizer": (asks.tokenizer.padding_side, asks.tokenizer.pad_token, asks.tokenizer.truncation_side),
        "grad_enabled": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "dtype": torch.get_default_dtype(),
    }


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)
