"""Runs made from the shipped example: some replies are the reference's, the rest tuned ones; really scored."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score

REPORT = Path("reports") / "llm_eval@chain-of-thought.jsonl"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


TUNED = {row["id"]: row["response"] for row in rows(locate("example:tuned") / "responses.jsonl")}
BETTER = {row["id"]: row["response"] for row in rows(locate("example:reference") / "responses.jsonl")}
_SAID = {
    (row["id"], row["response"]): row
    for side in ("tuned", "reference")
    for row in rows(locate(f"example:{side}") / REPORT)
}


def write_replies(folder: Path, replies: dict[str, str]) -> Path:
    """Write responses with the recorded judge's words about them, as the example's own are."""
    (folder / REPORT).parent.mkdir(parents=True)
    lines = [json.dumps({"id": id, "response": reply}) for id, reply in replies.items()]
    (folder / "responses.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    judged = [json.dumps(_SAID[pair]) for pair in replies.items() if pair in _SAID]
    (folder / REPORT).write_text("".join(f"{line}\n" for line in judged), "utf-8")
    return folder


def mixed(share: float, seed: int = 0, names: Sequence[str] = ()) -> dict[str, str]:
    """The tuned model's replies, a share of them (and those named) in the reference's words."""
    drawn = random.Random(seed)
    return {id: BETTER[id] if drawn.random() < share or id in names else reply for id, reply in TUNED.items()}


def make_run(
    folder: Path,
    replies: dict[str, str],
    *,
    reference: str | Path | None = "example:reference",
    scoring: Scoring | None = None,
    benchmark: Benchmark | None = None,
) -> Path:
    """Score replies into a run directory of that name; what they were read from lies beside it."""
    source = write_replies(folder.parent / "replies" / folder.name, replies)
    against = [] if reference is None else [locate(str(reference))]
    return score(
        [source],
        benchmark or load_benchmark("example"),
        output_dir=folder,
        reference=against,
        scoring=scoring,
    )[1]
