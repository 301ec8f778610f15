"""The sample in the terminal: the same labels as in the browser, one line at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speech_ifeval.annotation.session import session
from speech_ifeval.annotation.terminal import label_in_terminal
from tests.annotation.conftest import HOSTILE, sampled, write_run
from tests.annotation.test_session import labels
from tests.cli.conftest import TUNED
from tests.command_line import command


def go_through(run: Path, typed: list[str], **options: object) -> list[str]:
    said: list[str] = []
    lines: Iterator[str] = iter(typed)

    def ask(prompt: str, text: str) -> str:
        said.append(f"{prompt}{text}")
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line

    with session(run, "mia", sampled(run, **options)) as work:  # type: ignore[arg-type]
        label_in_terminal(work, said.append, ask)
    return said


def test_verdicts_are_letters(run_folder: Path) -> None:
    said = go_through(run_folder, ["y", "N", "u", "z", "y", "s", "q"], sample=5, uses=("accuracy",))
    assert [one.verdict for one in labels(run_folder)] == [True, False, True]
    assert "3 of 5 labelled. Is the answer right, however it is worded?" in said


def test_a_transcript_is_typed_and_commands_have_a_colon(run_folder: Path) -> None:
    tasks = sampled(run_folder, 4, uses=("transcript",))
    said = go_through(run_folder, ["n", ":n", ":u", ":s", ":z", " u y "], sample=4, uses=("transcript",))
    assert [one.extracted for one in labels(run_folder)] == ["n", "", None, "u y"]
    assert f"> {' '.join(tasks[0].reply.split())}" in said  # there to be edited


def test_what_is_none_of_the_choices_is_said_and_changes_nothing(run_folder: Path) -> None:
    said = go_through(run_folder, ["", "yes please", "z", "q"], sample=2, uses=("reasoning",))
    assert labels(run_folder) == []
    assert sum(line.startswith("expected one of: y yes") for line in said) == 3
    said = go_through(run_folder, ["", ":y", ":", ":q"], sample=2, uses=("transcript",))
    assert labels(run_folder) == []
    assert sum(line.startswith("expected one of: :n none in it") for line in said) == 3


def test_it_ends_with_the_input_and_goes_on_the_next_time(run_folder: Path) -> None:
    go_through(run_folder, ["y"], sample=3, uses=("accuracy",))
    go_through(run_folder, ["n", "n", "never read"], sample=3, uses=("accuracy",))
    assert [one.verdict for one in labels(run_folder)] == [True, False, False]


def test_the_command_escapes_what_would_steer_the_terminal(tmp_path: Path) -> None:
    import subprocess

    run = write_run(tmp_path / "run", replies=dict.fromkeys((row["id"] for row in TUNED), HOSTILE))
    done = subprocess.run(
        command("annotate", run, "--sample", "3", "--terminal", "--annotator", "mia"),
        input=b"y\ny\n:u\n", capture_output=True, check=True,
    )  # fmt: skip
    assert b"\x1b" not in done.stdout
    assert "\u202e".encode() not in done.stdout
    assert b"\\x1b[2J" in done.stdout
    assert b"3 of 3 labelled" in done.stdout
    assert [one.verdict for one in labels(run)] == [True, True, None]
    assert b"secret-model" not in done.stdout
