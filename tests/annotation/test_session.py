"""Labelling: every label is on disk at once, a slip is taken back, the next session goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.annotation.session import UNCLEAR, Session, labels_file, session
from speech_ifeval.annotation.tasks import Task
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import DataError, OutputError, UsageError
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING
from speech_ifeval.pipeline.agreeing import read_source
from speech_ifeval.records import Judgement
from tests.annotation.conftest import sampled, write_run


def labels(run: Path, annotator: str = "mia") -> list[Judgement]:
    lines = labels_file(run, annotator).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Judgement) for line in lines]


def of_use(run: Path, use: str) -> list[Task]:
    return sampled(run, 9, uses=(use,))


def test_each_label_is_a_judgement_on_disk_before_the_next_is_asked(run_folder: Path) -> None:
    tasks = of_use(run_folder, "accuracy")
    with session(run_folder, "mia", tasks) as work:
        for count, answer in enumerate(("yes", "no", "unclear"), start=1):
            assert work.label(work.number, answer)
            assert len(labels(run_folder)) == count == work.labelled
    found = labels(run_folder)
    assert [one.item for one in found] == [task.item for task in tasks[:3]]
    assert [(one.verdict, one.reason) for one in found] == [(True, None), (False, None), (None, UNCLEAR)]
    assert [one.reply_hash for one in found] == [task.reply_hash for task in tasks[:3]]


def test_a_transcript_is_kept_and_marked_where_it_is_not_in_the_reply(run_folder: Path) -> None:
    tasks = of_use(run_folder, "transcript")
    with session(run_folder, "mia", tasks) as work:
        part = " ".join(tasks[0].reply.split()[:3])
        assert work.transcribe(work.number, part)
        assert work.transcribe(work.number, "words that nobody wrote down anywhere")
        assert work.transcribe(work.number, "")
        assert work.label(work.number, "unclear")
    found = labels(run_folder)
    assert [one.extracted for one in found] == [part, "words that nobody wrote down anywhere", "", None]
    assert [one.flags for one in found] == [(), (NOT_A_SUBSTRING,), (), ()]
    assert {one.verdict for one in found} == {None}


def test_the_next_session_goes_on_with_what_is_left(run_folder: Path) -> None:
    tasks = sampled(run_folder, 6)
    with session(run_folder, "mia", tasks[:2]) as work:
        work.label(work.number, "yes")
    with session(run_folder, "mia", tasks) as work:
        assert (work.labelled, work.total) == (1, 6)
        assert work.task == tasks[1]
        assert not work.shown.can_undo  # what an earlier session wrote stays
    with session(run_folder, "joe", tasks) as other:
        assert other.labelled == 0


def test_a_torn_line_is_asked_again(run_folder: Path) -> None:
    tasks = of_use(run_folder, "accuracy")
    with session(run_folder, "mia", tasks) as work:
        work.label(work.number, "yes")
        work.label(work.number, "no")
    path = labels_file(run_folder, "mia")
    path.write_bytes(path.read_bytes()[:-5])
    with session(run_folder, "mia", tasks) as work:
        assert work.labelled == 1
        work.label(work.number, "yes")
    assert [one.verdict for one in labels(run_folder)] == [True, True]


def test_undo_takes_the_label_off_the_disk(run_folder: Path) -> None:
    tasks = of_use(run_folder, "accuracy")
    with session(run_folder, "mia", tasks) as work:
        assert not work.undo()
        for answer in ("yes", "no", "no"):
            work.label(work.number, answer)
        assert work.undo()
        assert work.undo()
        assert work.task == tasks[1]
        assert len(labels(run_folder)) == 1
        work.label(work.number, "unclear")
    assert [one.verdict for one in labels(run_folder)] == [True, None]


def test_what_is_skipped_comes_last_and_can_be_gone_back_to(run_folder: Path) -> None:
    tasks = of_use(run_folder, "accuracy")[:3]
    with session(run_folder, "mia", tasks) as work:
        work.skip(work.number)
        assert work.task == tasks[1]
        work.undo()
        assert work.task == tasks[0]
        work.skip(work.number)
        for _ in range(3):
            work.label(work.number, "yes")
        assert work.task is None
    assert [one.item for one in labels(run_folder)] == [tasks[index].item for index in (1, 2, 0)]


@pytest.mark.parametrize(
    "act",
    [
        lambda work: work.label(work.number - 1, "yes"),
        lambda work: work.transcribe(work.number + 1, ""),
        lambda work: work.skip(7),
    ],
)
def test_an_answer_to_another_task_than_is_shown_does_nothing(
    run_folder: Path, act: Callable[[Session], bool]
) -> None:
    with session(run_folder, "mia", sampled(run_folder, 5)) as work:
        assert not act(work)
        assert (work.labelled, work.number) == (0, 0)
    assert labels(run_folder) == []


def test_an_answer_that_is_none_is_refused(run_folder: Path) -> None:
    with session(run_folder, "mia", of_use(run_folder, "accuracy")) as work:
        for act in (lambda: work.label(0, "maybe"), lambda: work.transcribe(0, "words")):
            with pytest.raises(UsageError, match="yes, no or unclear"):
                act()
    with (
        session(run_folder, "mia", of_use(run_folder, "transcript")) as work,
        pytest.raises(UsageError, match="of a transcript only unclear"),
    ):
        work.label(0, "yes")


def test_a_label_of_another_reply_is_asked_again(tmp_path: Path) -> None:
    before = write_run(tmp_path / "run", replies={"closed-ended/0000": "One thing."})
    with session(before, "mia", of_use(before, "transcript")) as work:
        while work.task is not None:
            work.transcribe(work.number, "")
    labelled = labels_file(before, "mia").read_bytes()
    now = write_run(tmp_path / "other", replies={"closed-ended/0000": "Another thing."})
    labels_file(now, "mia").write_bytes(labelled)
    tasks = sampled(now, 10_000, uses=("transcript",))
    again = {task.item for task in tasks} - {one.item for one in labels(before)} | {"closed-ended/0000"}
    with session(now, "mia", tasks) as work:
        left = set()
        while work.task is not None:
            left.add(work.task.item)
            work.transcribe(work.number, "")
    assert left == again


def test_a_broken_line_is_named(run_folder: Path) -> None:
    labels_file(run_folder, "mia").write_text('{"item": 1}\n')
    with (
        pytest.raises(DataError, match=r"judgements\.annotator-mia\.jsonl:1"),
        session(run_folder, "mia", sampled(run_folder, 2)),
    ):
        pass


def test_what_is_shown_is_of_one_moment(run_folder: Path) -> None:
    tasks = of_use(run_folder, "accuracy")
    with session(run_folder, "mia", tasks) as work:
        work.label(0, "yes")
        assert work.shown == (1, tasks[1], 1, len(tasks), True)


def test_two_sessions_never_write_one_file(run_folder: Path) -> None:
    tasks = sampled(run_folder, 2)
    with (
        session(run_folder, "mia", tasks),
        pytest.raises(OutputError, match="is being written by another process"),
        session(run_folder, "mia", tasks),
    ):
        pass


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", "-x", "x" * 41])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--annotator takes a name"):
        labels_file(Path("runs/a"), name)


def test_labels_are_a_judge_that_can_be_compared(run_folder: Path) -> None:
    with session(run_folder, "mia", of_use(run_folder, "accuracy")) as work:
        work.label(work.number, "yes")
    judge = read_source(labels_file(run_folder, "mia"), load_benchmark("example"))
    assert judge.name == "annotator-mia"
    assert [judgement.verdict for judgement in judge.judgements.values()] == [True]
