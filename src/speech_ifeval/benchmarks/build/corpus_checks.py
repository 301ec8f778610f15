"""What is wrong with a corpus before anything is drawn from it, said with the manifest's lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from speech_ifeval.benchmarks.build.pool import Pool, Task
from speech_ifeval.benchmarks.build.rows import Row
from speech_ifeval.constraints.scripts import share_in
from speech_ifeval.errors import DataError

_OWN_QUESTIONS = Task("accuracy")  # a task that the pool does not know: its rows bring their questions
_SHOWN = 5
_MARKS = '"“”'


def task_of(pool: Pool, row: Row) -> Task | None:
    """Return the task of a row, None where nothing closed is asked about it."""
    return None if row.task is None else pool.tasks.get(row.task, _OWN_QUESTIONS)


def label_of(pool: Pool, row: Row) -> str | None:
    """Return a row's right answer: of transcription, what is said unless the row gives a label."""
    task = task_of(pool, row)
    return row.transcript if row.label is None and task is not None and task.metric == "wer" else row.label


def check_rows(rows: Sequence[Row], pool: Pool) -> None:
    """Refuse rows about which nothing right can be asked.

    Raises:
        DataError: a task that nobody knows, no label or question, options without the label, two rows that ask
            the same or say otherwise of one clip.
    """
    asked: dict[tuple[object, ...], Row] = {}
    first: dict[str, Row] = {}
    for row in rows:
        _check_task(row, pool)
        _check_options(row, pool)
        before = first.setdefault(row.audio, row)
        for name in ("transcript", "speaker", "source", "licence"):
            mine, other = getattr(row, name), getattr(before, name)
            if mine != other:
                raise DataError(
                    f"{row.place}: rows about one clip have the same {name}, found {mine!r} and, at "
                    f"{before.place}, "
                    f"{other!r}; correct one"
                )
        if row.task is not None:
            key = (row.audio, row.task, row.question, row.options)
            if key in asked:
                raise DataError(
                    f"{row.place}: the same is asked about {row.audio} at {asked[key].place} already; remove "
                    "one, or give "
                    "each row a question of its own"
                )
            asked[key] = row
    metadata_by_clip(rows)


def _check_task(row: Row, pool: Pool) -> None:
    task = task_of(pool, row)
    if task is None:
        for name in ("label", "question", "options"):
            if getattr(row, name):
                raise DataError(f"{row.place}: a row with the field {name!r} needs a task, found none; name one")
        return
    if row.question is None and not task.questions:
        known = ", ".join(name for name, other in pool.tasks.items() if other.questions)
        raise DataError(
            f"{row.place}: the task {row.task!r} has no questions in the pool (those that have: {known}); "
            "correct it, or "
            "give the row a question"
        )
    if label_of(pool, row) is None:
        raise DataError(f"{row.place}: the task {row.task!r} needs a label, found none; add the right answer")


def _check_options(row: Row, pool: Pool) -> None:
    if not row.options:
        return
    if pool.options is None:
        raise DataError(f"{row.place}: the pool does not say how options are written; add [options] to it")
    if len(row.options) < 2 or len(set(map(str.casefold, row.options))) < len(row.options):
        raise DataError(
            f"{row.place}: expected at least two different options, found {', '.join(map(repr, row.options))}; "
            "correct "
            "them"
        )
    for option in row.options:
        if not option or any(mark in option for mark in _MARKS) or "\n" in option:
            raise DataError(
                f"{row.place}: an option is one line of text without double quotation marks, found {option!r}; "
                "correct it"
            )
    if row.label not in row.options:
        raise DataError(
            f"{row.place}: expected the label among the options {', '.join(map(repr, row.options))}, found "
            f"{row.label!r}; correct one"
        )


def metadata_by_clip(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Return what the reference system is told of each clip: what all its rows say together.

    Raises:
        DataError: two rows say otherwise.
    """
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        for name, value in row.metadata.items():
            if told[row.audio].setdefault(name, value) != value:
                raise DataError(
                    f"{row.place}: the metadata of {row.audio} say {name}: {value}, and {told[row.audio][name]} "
                    "in a row "
                    "before; correct one"
                )
    return dict(told)


def check_script(rows: Iterable[Row], pool: Pool) -> None:
    """Refuse transcripts in another script than the pool's, where words are drawn from them.

    Raises:
        DataError: most letters of a transcript are of another script.
    """
    for row in rows:
        share = share_in(pool.script, row.transcript)
        if share is not None and share < 0.5:
            raise DataError(
                f"{row.place}: the pool is in the script {pool.script} and draws words from transcripts, most "
                "letters of "
                f"{row.transcript[:40]!r} are of another; take a pool in the language of the speech, or one "
                "that lists its "
                "words"
            )


def warnings_about(rows: Sequence[Row]) -> Iterator[str]:
    """Yield, a line each, what weakens the figures of a benchmark that is built from these rows."""
    clips: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.speaker is not None:
            clips[row.speaker].add(row.audio)
    single = [speaker for speaker, heard in clips.items() if len(heard) == 1]
    if not clips:
        yield "warning: no row names a speaker, so nothing is balanced over speakers"
    elif single:
        further = f" and {len(single) - _SHOWN} more" if len(single) > _SHOWN else ""
        yield (
            f"warning: {len(single)} of {len(clips)} speakers have one clip only "
            f"({', '.join(single[:_SHOWN])}{further}): "
            "what is said of them is said of one recording"
        )
    unnamed = Counter(row.speaker is None for row in rows)[True]
    if clips and unnamed:
        yield f"warning: {unnamed} of {len(rows)} rows name no speaker; they count as one speaker's"
