"""A judge behind several servers is one judge: one label, whichever they are."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.judges import Question, Setup, open_judge
from tests.models.serving import completion, loopback


def test_the_questions_are_shared_and_the_label_is_the_same_whichever_servers(tmp_path: Path) -> None:
    benchmark = load_benchmark("example")
    reply = "First I think, then I answer: a pilot."
    questions = [
        Question(f"chain-of-thought/{number:04}", "reasoning", "Who speaks?", f"{reply} {number}", "0" * 64)
        for number in range(8)
    ]
    labels = set()
    with (
        loopback(lambda _: completion("Noise.")) as first,
        loopback(lambda _: completion("Noise.")) as second,
        loopback(lambda _: completion("Noise.")) as third,
    ):
        for number, servers in enumerate(((first, second), (third, second))):
            setup = Setup(benchmark, cache=tmp_path / str(number))
            arguments = {"base_url": ",".join(server.url for server in servers), "concurrency": 2}
            with open_judge("openai:a", setup, arguments) as judge:
                assert len(list(judge.judge(questions))) == len(questions)
                labels.add(judge.label)
                assert judge.details()["base_url"] == [server.url for server in servers]
                assert sum(judge.details()["answered_by"]) == judge.details()["calls"]
        with open_judge("openai:a", Setup(benchmark, cache=tmp_path / "2"), {"base_url": first.url}) as judge:
            assert judge.label not in labels  # a single one is named by its address, as ever
    assert len(labels) == 1
    assert min(len(server.asked) for server in (first, second, third)) > 0
