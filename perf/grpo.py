"""Train the lab's text model with TRL's GRPO on one constraint, and measure what it follows before and after.

Run from anywhere: ``python perf/grpo.py [--json FILE]``; it needs ``pip install 'speech-ifeval[hf,trl]'`` and
takes some minutes on a CPU. The reward is the verifier. Trained on are the wordings that the model knows and
others that are not in the pool, with other phrases than the pool's and sentences of its training; measured are
held-out sentences and the pool's phrases, in every wording of the pool, a quarter of which neither the model nor
this training has seen. ``--survey`` measures the
untrained model on every constraint instead; ``--show FILE`` prints what a JSON file holds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from measuring import machine_line, markdown_table, parser, write_json

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.build import Plan, Pool, Row, find_pool, load_pool, wording_key
from speech_ifeval.benchmarks.build.pool import CLOSED_CODES, Entry
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.training_record import TrainingRecord, exposures
from speech_ifeval.integrations.reward_data import Split, as_dataset, prompts_of, split_prompts, text_benchmark
from speech_ifeval.integrations.rewards import Reward
from speech_ifeval.integrations.trl_rewards import TRLReward
from speech_ifeval.job import evaluate
from speech_ifeval.lab.bundled import manifest_rows
from speech_ifeval.lab.phrases import draw_keyword, draw_phrase
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.lab.speech import VOICES, Utterance, draw_utterance, training_utterances
from speech_ifeval.lab.stages import BACKBONE
from speech_ifeval.lab.wordings import HELD_OUT
from speech_ifeval.lab.world import held_out_scene
from speech_ifeval.metrics.following import ClipIndex, Group, by_item, following_rate
from speech_ifeval.metrics.paired import difference, mcnemar
from speech_ifeval.models import Generation
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring

CONSTRAINT = "startend:end_checker"
# How else people put it; none of these is in the pool.
OTHER_WORDINGS = (
    'Conclude with "{end_phrase}".',
    'Put "{end_phrase}" at the end.',
    'Answer, and then say "{end_phrase}".',
    'First the answer, then "{end_phrase}".',
    'When you are done, add "{end_phrase}".',
    'I want "{end_phrase}" to be the last thing you write.',
    'Say "{end_phrase}" when you have answered.',
    '"{end_phrase}" should come last.',
    'Tell me the answer and say "{end_phrase}" afterwards.',
    'Let "{end_phrase}" be your last words.',
    'At the end of your answer, put "{end_phrase}".',
    'Do not forget to close with "{end_phrase}".',
    'Once you have answered, write "{end_phrase}".',
    'Stop with the words "{end_phrase}" and nothing behind them.',
    'Your final words are "{end_phrase}".',
    'Reply, then say "{end_phrase}" as the last thing.',
    'Nothing may stand behind "{end_phrase}", which comes last.',
    'The answer comes first, and "{end_phrase}" after it.',
)
LANGUAGE = "en-x-grpo"  # of the training pool, whose wordings are not those that the same numbers name elsewhere
PARTS = {
    "wording": "words that were trained on",
    "id": "other words for it",
    "none": "other constraints",
}
LONGEST_REPLY = 200  # tokens, as the lab evaluates
Numbers = dict[str, Any]


def rows_about(utterances: Sequence[Utterance], seed: int) -> list[Row]:
    """Return the builder's rows: four questions about every sentence, each sentence a clip of its own."""
    made = manifest_rows(utterances, seed)
    each = len(made) // len(utterances)
    return [
        msgspec.convert({**row, "audio": f"sentence-{number // each:04d}"}, Row) for number, row in enumerate(made)
    ]


def unseen_utterances(seed: int, number: int) -> list[Utterance]:
    """Return sentences that no training has seen, each once."""
    rng = Random(f"{seed}/grpo")
    scenes = {scene.text: scene for scene in (held_out_scene(rng) for _ in range(3 * number))}
    return [draw_utterance(scene, rng.choice(VOICES), rng) for scene in list(scenes.values())[:number]]


def entry_of(pool: Pool, constraint: str) -> Entry:
    """Return the first entry of a constraint."""
    return next(entry for entry in pool.entries if entry.id == constraint)


def with_other_values(entry: Entry, seed: int) -> Entry:
    """Return an entry whose phrases and words are none of the pool's own; numbers stay."""
    rng = Random(f"{seed}/values")
    drawn: dict[str, Any] = {
        "prompt_to_repeat": lambda: [draw_phrase(rng) for _ in range(200)],
        "end_phrase": lambda: [draw_phrase(rng) for _ in range(200)],
        "keywords": lambda: list(dict.fromkeys(draw_keyword(rng) for _ in range(200))),
    }
    values = {name: tuple(drawn[name]()) if name in drawn else given for name, given in entry.values.items()}
    return msgspec.structs.replace(entry, values=values)


def benchmark_of(
    name: str, rows: list[Row], entries: tuple[Entry, ...], number: int, *, crossed: bool, language: str = "en"
) -> Benchmark:
    """Return so many questions that demand one of the entries, each with every wording where `crossed`."""
    pool = msgspec.structs.replace(load_pool(find_pool("en")), entries=entries, language=language)
    closed = any(entry.code in CLOSED_CODES for entry in entries)
    plan = Plan(
        name,
        "",
        closed_ended=number if closed else 0,
        creative_writing=0 if closed else number,
        chain_of_thought=0,
        crossed=crossed,
    )
    return text_benchmark(rows, plan, pool=pool)


def held_out_wordings(entry: Entry) -> tuple[str, ...]:
    """Return the wordings that the lab's models were never trained on."""
    return entry.wordings[-HELD_OUT:]


def training_split(constraint: str, number: int, seed: int) -> Split:
    """Return prompts of the constraint without the held-out wordings, and their record."""
    entry = entry_of(load_pool(find_pool("en")), constraint)
    others = OTHER_WORDINGS if constraint == CONSTRAINT else ()
    wider = msgspec.structs.replace(with_other_values(entry, seed), wordings=(*entry.wordings, *others))
    rows = rows_about(training_utterances(seed, number // 2), seed)
    benchmark = benchmark_of("grpo", rows, (wider,), number, crossed=False, language=LANGUAGE)
    held_out = held_out_wordings(entry)
    return split_prompts(prompts_of(benchmark), wordings=held_out, seed=seed, source="perf/grpo.py")


def train(split: Split, folder: Path, options: Any) -> list[Numbers]:
    """Train the backbone, save it, and return what TRL logged."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, set_seed
    from trl import GRPOConfig, GRPOTrainer

    set_seed(options.seed)
    start = shipped_models() / BACKBONE
    tokenizer = PreTrainedTokenizerFast.from_pretrained(start)
    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32),
        reward_funcs=TRLReward(Reward(grade="all")),
        train_dataset=as_dataset([prompt.for_trl() for prompt in split.train]),
        processing_class=tokenizer,
        args=GRPOConfig(
            output_dir=str(folder / "trainer"),
            max_steps=options.steps,
            learning_rate=options.rate,
            per_device_train_batch_size=options.batch,
            num_generations=options.generations,
            max_completion_length=64,
            temperature=options.temperature,
            beta=0.0,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=5,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=5,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=options.seed,
        ),
    )
    trainer.train()
    trainer.save_model(str(folder / "model"))
    tokenizer.save_pretrained(folder / "model")
    kept = ("step", "rewards/speech_ifeval/mean", "completions/mean_length", "entropy")
    logged = [row for row in trainer.state.log_history if "reward" in row]
    return [{name: row[name] for name in kept if name in row} for row in logged]


def groups(run: Path, parts: dict[str, str], clips: ClipIndex) -> dict[str, Group]:
    """Return a run's outcomes by the part that an item belongs to."""
    return by_item(load_scored(run).verdicts, lambda verdict: parts.get(verdict.item), clips)


def answered(model: Path, benchmark: Benchmark, folder: Path, record: TrainingRecord | None = None) -> str:
    """Ask a model a benchmark's transcripts and score it; return the signature."""
    run = evaluate(
        f"hf:{model}",
        benchmark=benchmark,
        output_dir=folder,
        selection=Selection(twins=False),
        asking=Asking(input="transcript", generation=Generation(max_new_tokens=LONGEST_REPLY)),
        scoring=Scoring(judge="none", trained_on=record),
    )
    return run.summary.signature


def compared(before: Path, after: Path, parts: dict[str, str]) -> Iterator[Numbers]:
    """Yield, for each part of the items, the rates before and after and the paired test between them."""
    clips = ClipIndex()
    first, second = groups(before, parts, clips), groups(after, parts, clips)
    for part, title in PARTS.items():
        if part not in first:
            continue
        one, other = first[part], second[part]
        change = difference([(other.followed, other.clip)], [(one.followed, one.clip)])
        was = dict(zip(one.keys, one.followed.tolist(), strict=True))
        now = dict(zip(other.keys, other.followed.tolist(), strict=True))
        gained = sum(now[key] and not was[key] for key in was)
        lost = sum(was[key] and not now[key] for key in was)
        yield {
            "part": title,
            "items": len(was),
            "before": msgspec.to_builtins(following_rate(one)),
            "after": msgspec.to_builtins(following_rate(other)),
            "change": [100 * change.value, 100 * change.low, 100 * change.high],
            "gained": gained,
            "lost": lost,
            "p": mcnemar(lost, gained),
        }


def trained(split: Split, folder: Path, options: Any) -> Numbers:
    """Return how the model in the folder was trained; where none is there yet, it is trained first."""
    how = folder / "trained.json"
    if not how.is_file():
        started = time.monotonic()
        log = train(split, folder, options)
        made = {
            "prompts": len(split.train),
            "steps": options.steps,
            "generations": options.generations,
            "batch": options.batch,
            "rate": options.rate,
            "temperature": options.temperature,
            "seed": options.seed,
            "seconds": round(time.monotonic() - started),
            "log": log,
        }
        how.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    found: Numbers = json.loads(how.read_text("utf-8"))
    return found


def measure(options: Any, folder: Path) -> Numbers:
    """Train, and measure before and after; what is in the folder is gone on with."""
    entry = entry_of(load_pool(find_pool("en")), options.constraint)
    split = training_split(options.constraint, options.prompts, options.seed)
    rows = rows_about(unseen_utterances(options.seed, options.sentences), options.seed)
    own = benchmark_of("grpo-test", rows, (entry,), options.questions, crossed=True)
    made = trained(split, folder, options)
    found: Numbers = {}
    for benchmark in (own, load_benchmark("bundled")):
        parts: dict[str, str] = dict(exposures(split.record, benchmark, benchmark.items))
        before, after = folder / f"{benchmark.name}-before", folder / f"{benchmark.name}-after"
        answered(shipped_models() / BACKBONE, benchmark, before)
        signature = answered(folder / "model", benchmark, after, split.record)
        found[benchmark.name] = {"rows": list(compared(before, after, parts)), "signature": signature}
    return {
        "constraint": options.constraint,
        "record": split.record.digest,
        "log": made.pop("log"),
        "trained": made,
        "benchmarks": found,
    }


def survey(options: Any) -> Iterator[list[str]]:
    """Yield, for each constraint, what the untrained model follows in known and in held-out wordings."""
    pool = load_pool(find_pool("en"))
    rows = rows_about(unseen_utterances(options.seed, options.sentences), options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        for number, entry in enumerate(entry for entry in pool.entries if entry.code != "CoT"):
            benchmark = benchmark_of(f"survey-{number}", rows, (entry,), options.questions, crossed=True)
            first = len(entry.wordings) - HELD_OUT + 1
            numbers = {item.id: key.number for item in benchmark.items if (key := wording_key(item)) is not None}
            parts = {id: "id" if number >= first else "wording" for id, number in numbers.items()}
            run = Path(scratch) / str(number)
            answered(shipped_models() / BACKBONE, benchmark, run)
            found = groups(run, parts, ClipIndex())
            rates = [following_rate(found[part]) for part in PARTS if part in found]
            yield [f"`{entry.name}`", *(rate_cell(msgspec.to_builtins(rate)) for rate in rates)]


def rate_cell(rate: Numbers) -> str:
    """Write a rate with its interval."""
    return f"{rate['rate']:.2f} [{rate['low']:.2f} to {rate['high']:.2f}]"


def markdown(figures: Numbers) -> str:
    """Return the tables of a measurement."""
    trained = figures["trained"]
    lines = [
        f"`{figures['constraint']}`: {trained['prompts']} prompts, {trained['steps']} steps of "
        f"{trained['batch']} completions, {trained['generations']} a prompt, {trained['seconds']} s; "
        f"record {figures['record']}.\n"
    ]
    head = ("asked in", "items", "before, %", "after, %", "change, points", "gained", "lost", "p (McNemar)")
    titles = {"grpo-test": "held-out sentences", "bundled": "bundled benchmark"}
    rows = []
    for name, found in figures["benchmarks"].items():
        for row in found["rows"]:
            value, low, high = row["change"]
            rows.append(
                [
                    f"{titles[name]}: {row['part']}",
                    row["items"],
                    rate_cell(row["before"]),
                    rate_cell(row["after"]),
                    f"{value:+.2f} [{low:+.2f} to {high:+.2f}]".replace("-", "−"),
                    row["gained"],
                    row["lost"],
                    "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}",
                ]
            )
    lines.append(markdown_table(head, rows))
    steps = [[row["step"], f"{row['rewards/speech_ifeval/mean']:.3f}"] for row in figures["log"]]
    every = max(1, len(steps) // 8)
    lines.append("\n" + markdown_table(("step", "mean reward"), steps[::every]))
    lines += [f"\n`{found['signature']}`" for found in figures["benchmarks"].values()]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    options = parser(__doc__)
    options.add_argument("--constraint", default=CONSTRAINT, help=f"what is trained (default: {CONSTRAINT})")
    options.add_argument("--steps", type=int, default=40, help="of GRPO (default: 40)")
    options.add_argument("--batch", type=int, default=64, help="completions a step (default: 64)")
    options.add_argument("--generations", type=int, default=8, help="completions a prompt (default: 8)")
    options.add_argument("--temperature", type=float, default=1.2, help="of sampling (default: 1.2)")
    options.add_argument("--rate", type=float, default=2e-4, help="learning rate (default: 2e-4)")
    options.add_argument("--prompts", type=int, default=800, help="made, some to be held out (default: 800)")
    options.add_argument("--questions", type=int, default=40, help="to test with, in every wording (default: 40)")
    options.add_argument("--sentences", type=int, default=40, help="that they are about (default: 40)")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--out", type=Path, metavar="FOLDER", help="keep model and runs there, and go on with them"
    )
    options.add_argument("--survey", action="store_true", help="measure the untrained model on every constraint")
    options.add_argument("--show", type=Path, metavar="FILE", help="print what a JSON file holds")
    chosen = options.parse_args()
    if chosen.show is not None:
        print(markdown(json.loads(chosen.show.read_text("utf-8"))))
    elif chosen.survey:
        print(markdown_table(("constraint", "known wordings, %", "held-out wordings, %"), survey(chosen)))
    else:
        with nullcontext(chosen.out) if chosen.out is not None else tempfile.TemporaryDirectory() as folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            figures = measure(chosen, Path(folder))
        print(f"{machine_line()}\n\n{markdown(figures)}")
        write_json(chosen.json, figures)


if __name__ == "__main__":
    main()
