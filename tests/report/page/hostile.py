"""A run in which everything is an attack: replies, transcripts, names, clips, data sets, the judge's words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.reading import read_evidences
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.judges import Judged
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.records import Constraint, Item, Message

ATTACK = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    "<svg onload='window.pwned = 1'>"
    "<a href=\"javascript:window.pwned=1\" autofocus onfocus='window.pwned = 1'>x</a><!--<script>"
    "{{script}}{{data}}{{constructor.constructor('window.pwned = 1')()}}${window.pwned = 1}"
    "\u2028window.pwned = 1\u2029]]>\u202e\u2066evil\u2069\x00\x1b[2J\"'`;window.pwned=1;//\\"
    "<iframe src='https://example.invalid/frame'></iframe><style>@import url(https://example.invalid/style);</style>"
    "<base href='https://example.invalid/'><meta http-equiv=refresh content='0;url=https://example.invalid/'>"
    "<link rel=stylesheet href='https://example.invalid/l'><form action='https://example.invalid'><input name=a>"
)
CLIPS = (
    "javascript:window.pwned=1.wav",
    "</script><script>window.pwned=1</script>.wav",
    "a'\"><img src=x onerror=window.pwned=1>.wav",
    "../outside.wav",
    "/etc/hostname",
    "linked.wav",
)


def hostile_benchmark(root: Path) -> Benchmark:
    ids = (("closed-ended", "change_case:english_capital"), ("creative-writing", "detectable_format:json_format"))
    items = []
    for number, clip in enumerate(CLIPS):
        for category, constraint in (*ids, ("chain-of-thought", "reasoning:chain_of_thought")):
            items.append(_item(f"{category}/{number:04d}", category, clip, (Constraint(constraint),)))
        twin = f"closed-ended-plain/{number:04d}"
        items.append(_item(twin, "closed-ended-plain", clip, (), twin=f"closed-ended/{number:04d}"))
    return Benchmark(ATTACK, tuple(items), fingerprint_of(items), root, licence="CC0-1.0")


def _item(id: str, category: str, clip: str, constraints: tuple[Constraint, ...], **more: Any) -> Item:
    if category == "closed-ended":
        more["twin"] = id.replace("closed-ended", "closed-ended-plain")
    closed = category.startswith("closed-ended")
    return Item(
        id,
        category,
        f"{ATTACK}{number_of(id)}\n{'Mind the form. ' + ATTACK if constraints else ''}",
        clip,
        ATTACK,
        constraints,
        transcript=ATTACK,
        label=ATTACK,
        metric="accuracy" if closed else None,
        source=ATTACK,
        **more,
    )


def number_of(id: str) -> str:
    return id.rpartition("/")[2]


def hostile_evidence(folder: Path, benchmark: Benchmark) -> Evidence:
    """Score the attacks as replies, judged by attacks, and put attacks into what the judge was sent."""
    replies = folder / "replies"
    (replies / "reports").mkdir(parents=True)
    rows = [{"id": item.id, "response": f"{item.id}: {ATTACK}"} for item in benchmark]
    judged = [{**row, "eval_response": f"{ATTACK}\nResult: YES"} for row in rows]
    for path, content in ((replies / "all.jsonl", rows), (replies / "reports" / "llm_eval@all.jsonl", judged)):
        path.write_text("".join(f"{json.dumps(row)}\n" for row in content))
    run = folder / "run"
    score([replies], benchmark, output_dir=run)
    ((evidence, _),) = read_evidences([run], benchmark)
    found = evidence.run.judged.judgements
    sent = {
        key: msgspec.structs.replace(one, messages=(Message("user", ATTACK), Message(ATTACK, "x")), reason=ATTACK)
        for key, one in found.items()
    }
    evidence = replace(evidence, run=replace(evidence.run, judged=Judged(ATTACK, sent)))
    return evidence.named(ATTACK)
