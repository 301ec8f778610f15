"""The sample in the terminal: the same questions, one line at a time."""

from __future__ import annotations

from collections.abc import Callable

from speech_ifeval.annotation.session import Session
from speech_ifeval.annotation.tasks import Task

Say = Callable[[str], None]
Ask = Callable[[str, str], str]

_QUESTIONS = {
    "reasoning": "Does the reply reason step by step, beyond a direct answer?",
    "accuracy": "Is the answer right, however it is worded?",
    "transcript": "Which part of the reply is the transcript? Delete what is not; change no word.",
}
_CHOICES = {
    "reasoning": "y yes · n no · u unclear · s later · z undo · q stop",
    "accuracy": "y right · n wrong · u unclear · s later · z undo · q stop",
    "transcript": ":n none in it · :u unclear · :s later · :z undo · :q stop, or the transcript",
}
_ANSWERS = {"y": "yes", "n": "no", "u": "unclear"}


def label_in_terminal(session: Session, say: Say, ask: Ask) -> None:
    """Go through a session until all is labelled or the person stops.

    Args:
        session: the tasks and labels.
        say: shows a line; texts of models are among them, so it escapes control characters.
        ask: shows a prompt and returns what is typed, beginning with a text to be edited where the terminal can do
            that. It raises EOFError where there is no more input.
    """
    while (task := session.task) is not None:
        for line in _shown(task, session):
            say(line)
        editing = task.use == "transcript"
        try:
            typed = ask("> ", " ".join(task.reply.split()) if editing else "").strip()
        except EOFError:
            return
        command = typed[1:] if editing and typed.startswith(":") else None if editing else typed
        if command is not None and command.casefold() == "q":
            return
        if not _done(session, command, typed):
            say(f"expected one of: {_CHOICES[task.use]}")


def _shown(task: Task, session: Session) -> list[str]:
    lines = ["", f"{session.labelled} of {session.total} labelled. {_QUESTIONS[task.use]}", ""]
    lines += _block("question", task.question)
    if task.clip is not None:
        lines += _block("clip", str(task.clip))
    if task.label is not None:
        lines += _block("right answer", task.label)
    return [*lines, *_block("reply", task.reply), "", _CHOICES[task.use]]


def _block(title: str, text: str) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in text.splitlines() or [""])]


def _done(session: Session, command: str | None, typed: str) -> bool:
    """Do what was typed; return whether it was anything that can be done."""
    number = session.number
    if command is None:
        return bool(typed) and session.transcribe(number, typed)
    key = command.casefold()
    if key == "s":
        return session.skip(number)
    if key == "z":
        return session.undo()
    if key == "n" and session.task is not None and session.task.use == "transcript":
        return session.transcribe(number, "")
    return key in _ANSWERS and _allowed(session, key) and session.label(number, _ANSWERS[key])


def _allowed(session: Session, key: str) -> bool:
    return session.task is not None and (session.task.use != "transcript" or key == "u")
