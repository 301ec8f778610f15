"""A run in which nothing is wrong, and troubles to plant in it, each alone.

The benchmark is made up: transcripts and closed questions about moods with their twins, bullet points, chain of
thought. Runs are written as people have them, responses and a judge's recorded replies, and scored for real.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.judges.replay import use_of
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.records import Constraint, Item

CLIPS = 80
THINKING = 40
MOODS = ("calm", "cross", "glad")
ASKED = 'In which mood is it said? Choose the answer from "calm", "cross" or "glad".'
ENDS = "That is all."
DEMANDS = {
    "CC": (Constraint("change_case:english_capital"), "Write in capitals."),
    "SE": (Constraint("startend:end_checker", {"end_phrase": ENDS}), f'End with "{ENDS}"'),
    "WR": (Constraint("detectable_format:title"), "Put all of it in <<double brackets>>."),
    "JS": (Constraint("detectable_format:json_format"), "Answer in JSON."),
}
CODES = tuple(DEMANDS)
BULLETS = Constraint("detectable_format:number_bullet_lists", {"num_bullets": 3})
REASONS = Constraint("reasoning:chain_of_thought")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(number: int) -> str:
    """A number as words that nothing takes for a number."""
    return " ".join(f"{_NUMBERS[int(digit)]}th" for digit in str(number))


def _closed(number: int, clip: int, dataset: str, question: str, label: str, metric: str) -> Iterator[Item]:
    id, twin = f"closed-ended/{number:04d}", f"closed-ended-plain/{number:04d}"
    constraint, demand = DEMANDS[CODES[number % len(CODES)]]
    known: dict[str, Any] = {
        "clip": f"{clip}.wav",
        "dataset": dataset,
        "transcript": f"the clip {in_words(clip)}",
        "label": label,
        "metric": metric,
    }
    yield Item(id, "closed-ended", f"{question}\n{demand}", constraints=(constraint,), twin=twin, **known)
    yield Item(twin, "closed-ended-plain", question, twin=id, **known)


def _items() -> Iterator[Item]:
    for clip in range(CLIPS):
        said = f"today we speak at length about the {in_words(clip)} of all the boats in this harbour"
        yield from _closed(clip, clip, "asr", "Write down what is said.", said, "wer")
    for number in range(2 * CLIPS):
        label = MOODS[number // len(CODES) % len(MOODS)]
        yield from _closed(CLIPS + number, number % CLIPS, "mood", ASKED, label, "accuracy")
    for clip in range(CLIPS):
        asked = f"Sum the clip up in three bullet points, version {clip}."
        known = {"clip": f"{clip}.wav", "dataset": "open", "transcript": f"the clip {in_words(clip)}"}
        yield Item(f"creative-writing/{clip:04d}", "creative-writing", asked, constraints=(BULLETS,), **known)
    for clip in range(THINKING):
        asked = f"What comes next? Think step by step, version {clip}."
        known = {"clip": f"{clip}.wav", "dataset": "thought", "metric": "cot"}
        yield Item(f"chain-of-thought/{clip:04d}", "chain-of-thought", asked, constraints=(REASONS,), **known)


def write_benchmark(folder: Path) -> Benchmark:
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text(
        json.dumps({"name": "planted", "schema_version": 1, "description": "made up for tests"})
    )
    (folder / "items.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(_items()))
    return load_benchmark(folder)


@cache
def _every_item() -> dict[str, Item]:
    return {item.id: item for item in _items()}


def dressed(item: Item, answer: str) -> str:
    """The answer in the form that the item demands."""
    if not item.constraints:
        return answer
    code = next(code for code, (constraint, _) in DEMANDS.items() if constraint.id == item.constraints[0].id)
    return {
        "CC": answer.upper(),
        "SE": f"{answer} {ENDS}",
        "WR": f"<<{answer}>>",
        "JS": json.dumps({"answer": answer}),
    }[code]


def bullets(clip: str, *, first: str = "", last: str = "") -> str:
    return f"* {first or f'first {clip}'}\n* second {clip}\n* {last or f'third {clip}'}"


def thought(item: Item) -> str:
    clip = in_words(int(item.clip.partition(".")[0]))
    return (
        f"First, I listen to the clip, which is about the boats {clip}. Second, the boats that come in have to go "
        "out again, because the tide turns. Therefore, the next thing that is said will be about the tide."
    )


@dataclass
class Run:
    """What is written: replies by item, what the judge says of each, and how a reply ended."""

    replies: dict[str, str] = field(default_factory=dict)
    judged: dict[str, str] = field(default_factory=dict)
    finish: dict[str, str] = field(default_factory=dict)
    audio_cut: set[str] = field(default_factory=set)

    def say(self, item: Item, answer: str, right: bool | None = None) -> None:
        """Answer a closed question or say a transcript, in the form demanded, and have it judged."""
        self.replies[item.id] = dressed(item, answer)
        self.judged[item.id] = answer if item.metric == "wer" else result(bool(right))


def result(yes: bool) -> str:
    return f"So it is.\nResult: {'YES' if yes else 'NO'}"


def clean() -> Run:
    run = Run()
    for item in _every_item().values():
        use = use_of(item)
        if use in ("accuracy", "transcript"):
            run.say(item, item.label or "", True)
        elif use == "reasoning":
            run.replies[item.id], run.judged[item.id] = thought(item), result(True)
        else:
            run.replies[item.id] = bullets(item.clip)
        run.finish[item.id] = "stop"
    return run


def write(folder: Path, run: Run, benchmark: Benchmark, reference: Path | None = None) -> Path:
    """Write the responses and the judge's replies into `folder`, and score them; return the run directory."""
    (folder / "said").mkdir()
    rows = [{"id": id, "response": text, "finish_reason": run.finish[id]} for id, text in run.replies.items()]
    _write_rows(folder / "said" / "replies.jsonl", rows)
    judged = [
        {"id": id, "response": run.replies[id], "eval_response": said}
        for id, said in run.judged.items()
        if id in run.replies
    ]
    if judged:
        (folder / "said" / "reports").mkdir()
        _write_rows(folder / "said" / "reports" / "llm_eval.jsonl", judged)
    made = folder / "planted"
    score([folder / "said"], benchmark, output_dir=made, reference=[] if reference is None else [reference])
    if run.audio_cut:  # only a model's own run says so
        path = made / "responses.jsonl"
        responses = [json.loads(line) for line in path.read_text().splitlines()]
        _write_rows(path, [{**one, "audio_cut": one["id"] in run.audio_cut} for one in responses])
    return made


def _write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def closed(metric: str, code: str | None = None) -> list[tuple[Item, Item]]:
    """Constrained items and their twins, of one metric and code."""
    items = _every_item()
    return [
        (item, items[item.twin or ""])
        for item in items.values()
        if item.category == "closed-ended" and item.metric == metric
        if code is None or item.constraints[0].id == DEMANDS[code][0].id
    ]


def others(label: str) -> list[str]:
    return [mood for mood in MOODS if mood != label]


def creative() -> list[Item]:
    return [item for item in _every_item().values() if item.category == "creative-writing"]


def thinking() -> list[Item]:
    return [item for item in _every_item().values() if item.category == "chain-of-thought"]


Planted = set[str]
Plant = Callable[[Run], Planted]


def high_forgetting(run: Run) -> Planted:
    for item in creative():
        run.replies[item.id] = f"No list of {item.clip}."
    for item in thinking():
        run.replies[item.id], run.judged[item.id] = f"Tides {item.clip}.", result(False)
    return {item.id for item in (*creative(), *thinking())}


def format_rigidity(run: Run) -> Planted:
    found = [item for metric in ("wer", "accuracy") for item, _ in closed(metric, "JS")]
    for item in found:
        run.replies[item.id] = f"Well, {item.label}"
    return {item.id for item in found}


def constraint_ignored(run: Run) -> Planted:
    found = [pair for code in CODES for pair in closed("accuracy", code)[:10]]
    for item, twin in found:
        run.replies[item.id] = run.replies[twin.id]
    return {item.id for item, _ in found}


def worse_answers(run: Run) -> Planted:
    found = [item for item, _ in closed("accuracy")[:40]]
    for item in found:
        run.say(item, others(item.label or "")[0], False)
    return {item.id for item in found}


def made_up_answers(run: Run) -> Planted:
    found = closed("accuracy")[:40]
    for item, twin in found:
        run.say(item, "purple", False)
        run.say(twin, others(item.label or "")[0], False)
    return {item.id for item, _ in found}


def changed_answers(run: Run) -> Planted:
    found = closed("accuracy")[:40]
    for item, twin in found:
        for side, other in zip((item, twin), others(item.label or ""), strict=True):
            run.say(side, other, False)
    return {item.id for item, _ in found}


def worse_transcripts(run: Run) -> Planted:
    found = [item for item, _ in closed("wer")[:30]]
    for number, item in enumerate(found):
        words = (item.label or "").split()
        misheard = [f"{word}s" if index % 2 else word for index, word in enumerate(words)]
        run.say(item, " ".join(misheard[: 8 + number % 3] + words[8 + number % 3 :]))
    return {item.id for item in found}


def one_answer(run: Run) -> Planted:
    for pair in closed("accuracy"):
        for side in pair:
            run.say(side, "calm", side.label == "calm")
    return {side.id for pair in closed("accuracy") for side in pair if side.label != "calm"}


def same_reply(run: Run) -> Planted:
    for item in creative()[:60]:
        run.replies[item.id] = bullets("every clip")
    return {item.id for item in creative()[:60]}


def _creative(run: Run, change: Callable[[Item], str]) -> Planted:
    for item in creative()[:60]:
        run.replies[item.id] = change(item)
    return {item.id for item in creative()[:60]}


def empty_replies(run: Run) -> Planted:
    return _creative(run, lambda item: " \n\t")


def looping_replies(run: Run) -> Planted:
    return _creative(run, lambda item: bullets(item.clip, last=f"{item.clip} and so " + "on and on " * 12 + "o"))


def refusals(run: Run) -> Planted:
    return _creative(run, lambda item: bullets(item.clip, first="I’m sorry, but I can’t listen to audio files"))


def unclosed_thoughts(run: Run) -> Planted:
    return _creative(run, lambda item: f"<think>What is said in {item.clip}? Let me see.")


def thoughts_left_in(run: Run) -> Planted:
    return _creative(run, lambda item: f"<Thinking>About {item.clip}.</Thinking>\n{bullets(item.clip)}")


def missing_replies(run: Run) -> Planted:
    for item in creative()[:60]:
        del run.replies[item.id]
    return {item.id for item in creative()[:60]}


def truncation(run: Run) -> Planted:
    found = [item.id for item in _every_item().values()][::4]
    run.finish |= dict.fromkeys(found, "length")
    return set(found)


def audio_cut(run: Run) -> Planted:
    run.audio_cut = {item.id for item in _every_item().values() if int(item.clip.partition(".")[0]) % 4 == 0}
    return set(run.audio_cut)


def near_misses(run: Run) -> Planted:
    found = [item for item, _ in closed("accuracy", "JS")[:15]]
    for item in found:
        run.replies[item.id] = run.replies[item.id].removesuffix("}")
    return {item.id for item in found}


def lenient_passes(run: Run) -> Planted:
    found = [item for item, _ in closed("accuracy", "WR")[:15]]
    for item in found:
        run.replies[item.id] += " as was to be shown"
    return {item.id for item in found}


def judge_unscored(run: Run) -> Planted:
    found = [side.id for pair in closed("accuracy")[::4] for side in pair] + [item.id for item in thinking()[::4]]
    run.judged |= dict.fromkeys(found, "I would say so.")
    return set(found)


def judge_contradicted(run: Run) -> Planted:
    found = [side for pair in closed("accuracy")[:40] for side in pair]
    for side in found:
        run.say(side, f"the answer is {side.label}", False)
    return {side.id for side in found}


def judged_unlike_rules(run: Run) -> Planted:
    found = [item.id for item in thinking()[::2]]
    run.judged |= dict.fromkeys(found, result(False))
    return set(found)


# Against a reference in which nothing is wrong; the others cost IFrate too, which another check would find.
AGAINST_REFERENCE: tuple[Plant, ...] = (high_forgetting, changed_answers)
ALONE: tuple[Plant, ...] = (
    format_rigidity,
    constraint_ignored,
    worse_answers,
    made_up_answers,
    worse_transcripts,
    one_answer,
    same_reply,
    empty_replies,
    looping_replies,
    refusals,
    unclosed_thoughts,
    thoughts_left_in,
    missing_replies,
    truncation,
    audio_cut,
    near_misses,
    lenient_passes,
    judge_unscored,
    judge_contradicted,
    judged_unlike_rules,
)
