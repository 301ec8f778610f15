"""Two judges of the same replies: what is compared, what is left out, and where judgements may lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.agreeing import judge_agreement
from speech_ifeval.records import Judgement
from speech_ifeval.results import Disagreement

EXAMPLE = load_benchmark("example")
HASH = "0" * 64


def verdict(
    item: str, said: bool | None, use: str = "accuracy", *, hashed: str = HASH, reply: str = ""
) -> Judgement:
    return Judgement(item, use, said, hashed, reply or f"Result: {said}")  # type: ignore[arg-type]


def transcript(item: str, text: str | None, hashed: str = HASH) -> Judgement:
    return Judgement(item, "transcript", None, hashed, text, extracted=text)


def write(path: Path, judgements: Iterable[Judgement]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.Encoder().encode_lines(list(judgements)))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "judgements.one.jsonl", tmp_path / "judgements.two.jsonl"


def test_verdicts_are_paired_by_item_and_use(files: tuple[Path, Path]) -> None:
    write(files[0], [verdict("a", True), verdict("b", True), verdict("c", False), verdict("d", False),
                     verdict("a", True, "reasoning")])  # fmt: skip
    write(files[1], [verdict("d", True, reply="It is right."), verdict("c", False), verdict("b", False),
                     verdict("a", True), verdict("a", True, "reasoning")])  # fmt: skip
    found = judge_agreement(*files)
    assert found.judges == ("one", "two")
    reasoning, accuracy = found.uses
    assert accuracy.confusion == {"yes_yes": 1, "yes_no": 1, "no_yes": 1, "no_no": 1}
    assert (accuracy.n, accuracy.equal, accuracy.agreement.value) == (4, 2, 50.0)
    assert accuracy.kappa is not None
    assert accuracy.kappa.value == pytest.approx(0)
    assert (reasoning.n, reasoning.equal) == (1, 1)
    assert reasoning.kappa is not None
    assert reasoning.kappa.value is None
    assert reasoning.kappa.why is not None
    assert found.disagreements == [
        Disagreement("b", "accuracy", (True, False), ("Result: True", "Result: False")),
        Disagreement("d", "accuracy", (False, True), ("Result: False", "It is right.")),
    ]


def test_what_cannot_be_compared_is_counted(files: tuple[Path, Path]) -> None:
    write(files[0], [verdict("a", True), verdict("b", None), verdict("c", True), verdict("x", True)])
    write(files[1], [verdict("a", True), verdict("b", True), verdict("c", True, hashed="1" * 64),
                     verdict("y", True), verdict("z", None)])  # fmt: skip
    (accuracy,) = judge_agreement(*files).uses
    assert (accuracy.n, accuracy.unscored, accuracy.alone, accuracy.other_reply) == (1, (1, 0), (1, 2), 1)


def test_transcripts_are_compared_as_words(files: tuple[Path, Path]) -> None:
    write(files[0], [transcript("a", "He sat down."), transcript("b", "one two three four"), transcript("c", None),
                     transcript("d", "")])  # fmt: skip
    write(files[1], [transcript("a", '"HE SAT DOWN"'), transcript("b", "one two four five"), transcript("c", "x"),
                     transcript("d", "")])  # fmt: skip
    (use,) = judge_agreement(*files).uses
    assert (use.n, use.equal, use.unscored, use.kappa, use.confusion) == (3, 2, (1, 0), None, None)
    assert use.word_errors is not None
    assert use.word_errors.value == pytest.approx(100 * 2 / 7)
    assert judge_agreement(*files).disagreements == [
        Disagreement("b", "transcript", ("one two three four", "one two four five"), (None, None))
    ]


def test_a_transcript_may_be_empty_and_is_said_to_be(files: tuple[Path, Path]) -> None:
    write(files[0], [transcript("a", "")])
    write(files[1], [transcript("a", "x")])
    (use,) = judge_agreement(*files).uses
    assert use.word_errors is not None
    assert use.word_errors.why == "the first judge finds no word in any reply"
    assert judge_agreement(*files).disagreements[0].verdicts == ("", "x")


def test_the_stated_reason_goes_before_the_judges_words(files: tuple[Path, Path]) -> None:
    one = Judgement("a", "reasoning", False, HASH, "words", reason="no step in it")
    write(files[0], [one])
    write(files[1], [verdict("a", True, "reasoning")])
    assert judge_agreement(*files).disagreements[0].reasons == ("no step in it", "Result: True")


def test_with_the_benchmark_clips_are_what_is_sampled(files: tuple[Path, Path]) -> None:
    items = [item for item in EXAMPLE if item.metric == "accuracy"]
    said = [index % 3 > 0 for index in range(len(items))]
    write(files[0], [verdict(item.id, one) for item, one in zip(items, said, strict=True)])
    write(
        files[1], [verdict(item.id, one != (item.clip < "clips/m")) for item, one in zip(items, said, strict=True)]
    )
    (without,), (with_clips,) = (judge_agreement(*files, benchmark).uses for benchmark in (None, EXAMPLE))
    assert without.kappa is not None
    assert with_clips.kappa is not None
    assert without.kappa.value == with_clips.kappa.value
    assert without.kappa.low is not None
    assert with_clips.kappa.low is not None
    assert with_clips.kappa.low < without.kappa.low  # twins share a clip
    assert judge_agreement(*files).notes == ["items are taken as independent; give --benchmark to sample clips"]
    assert judge_agreement(*files, EXAMPLE).notes == []


def test_recorded_replies_are_a_judge_wherever_they_are_named(tmp_path: Path) -> None:
    tuned = locate("example:tuned")
    (report,) = (tuned / "reports").glob("*.jsonl")
    own = tmp_path / "run"
    responses = {judgement.item: judgement for judgement in _recorded(report)}
    write(
        own / "judgements.heuristic-1.jsonl",
        [msgspec.structs.replace(one, verdict=True) for one in responses.values()],
    )
    counts = [judge_agreement(place, own, EXAMPLE).uses[0].n for place in (tuned, tuned / "reports", report)]
    assert counts == [10, 10, 10]
    assert judge_agreement(tuned, own, EXAMPLE).judges[1] == "heuristic-1"


def _recorded(report: Path) -> list[Judgement]:
    from speech_ifeval.judges import replay

    return list(replay([report], EXAMPLE).judgements.values())


def test_what_is_no_judge_is_refused(tmp_path: Path, files: tuple[Path, Path]) -> None:
    write(files[0], [verdict("a", True)])
    write(files[1], [verdict("b", True)])
    with pytest.raises(MismatchError, match=r"have scored no reply in common"):
        judge_agreement(*files)
    with pytest.raises(UsageError, match=r"no judgements at 'nowhere'"):
        judge_agreement(files[0], Path("nowhere"))
    with pytest.raises(UsageError, match=r"holds the replies of several judges"):
        judge_agreement(tmp_path, files[0])
    with pytest.raises(UsageError, match=r"say of which items by --benchmark"):
        judge_agreement(locate("example:tuned"), files[0])
    empty = tmp_path / "empty"
    empty.mkdir()
    for benchmark in (None, EXAMPLE):
        with pytest.raises(UsageError, match=r"holds no judge's replies"):
            judge_agreement(empty, files[0], benchmark)
    files[1].write_text('{"item": "a"}\n')
    with pytest.raises(DataError, match=r"judgements\.two\.jsonl:1"):
        judge_agreement(*files)


def test_labels_of_people_beside_a_judge_stand_for_nobody_unless_they_are_named(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    write(run / "judgements.one.jsonl", [verdict("a", True)])
    labels = write(run / "judgements.annotator-mia.jsonl", [verdict("a", False)])
    write(other / "judgements.two.jsonl", [verdict("a", True)])
    assert judge_agreement(run, other).judges == ("one", "two")
    found = judge_agreement(run, labels)
    assert (found.judges, found.uses[0].equal) == (("one", "annotator-mia"), 0)
    (run / "judgements.one.jsonl").unlink()
    with pytest.raises(UsageError, match="holds no judge's replies"):
        judge_agreement(run, other)


def test_two_empty_files_have_nothing_in_common(files: tuple[Path, Path]) -> None:
    write(files[0], [])
    write(files[1], [])
    with pytest.raises(MismatchError, match="0 judgements"):
        judge_agreement(*files)
