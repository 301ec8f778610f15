"""From rows and a pool to items: closed-ended ones with their twins, creative writing, chain of thought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, product
from random import Random

from msgspec import Struct

from speech_ifeval.benchmarks.build.balance import Uses, in_balanced_order, shares
from speech_ifeval.benchmarks.build.corpus_checks import (
    check_rows,
    check_script,
    label_of,
    metadata_by_clip,
    task_of,
)
from speech_ifeval.benchmarks.build.drawing import Demand, Drawer, Drawn
from speech_ifeval.benchmarks.build.plan import Plan
from speech_ifeval.benchmarks.build.pool import CLOSED_CODES, OPEN_CODES, Entry, Pool
from speech_ifeval.benchmarks.build.rows import Row
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.records import CATEGORIES, JUDGED_CODE, TWIN_CATEGORY, Item

Say = Callable[[str], None]
NO_TASK = "speech"  # the data set of an item about a clip that has no task


class Built(Struct, frozen=True):
    """The items of a benchmark, in the order of the published files, and the manifest's line each came from."""

    items: tuple[Item, ...]
    origins: Mapping[str, str]


class _Question(Struct, frozen=True):
    """A question that is decided on, with the demands it is asked with: several where they are crossed."""

    row: Row
    text: str
    demands: tuple[Demand, ...]


def compose(
    rows: Sequence[Row], seconds: Mapping[str, float], clips: Mapping[str, str], pool: Pool, plan: Plan, say: Say
) -> Built:
    """Draw the items that a plan asks for.

    Args:
        rows: of the corpus, in any order; the same rows in the same order give the same items.
        seconds: the length of each clip, by the rows' name of it.
        clips: what each clip is called in the benchmark, by the rows' name of it.
        pool: the wordings.
        plan: how many of what, and the seed.
        say: told, a line each, what could not be balanced.

    Raises:
        DataError: a row about which nothing right can be asked, or nothing for a category that is asked for.
        UsageError: more questions are asked for than there are different ones.

    >>> from speech_ifeval.benchmarks.build.pool import find_pool, load_pool
    >>> rows = [Row("a.wav", "Seven boats sailed north.", task="transcription")]
    >>> plan = Plan("boats", "", closed_ended=1, creative_writing=1)
    >>> built = compose(rows, {"a.wav": 2.4}, {"a.wav": "a.wav"}, load_pool(find_pool("en")), plan, print)
    >>> [item.id for item in built.items]
    ['closed-ended/0000', 'closed-ended-plain/0000', 'creative-writing/0000']
    >>> built.items[0].transcript, built.items[0].label
    ('[00:00:00 - 00:00:02] Seven boats sailed north.', 'Seven boats sailed north.')
    """
    check_rows(rows, pool)
    told = metadata_by_clip(rows)
    read = {row.audio: as_read(row.transcript, seconds[row.audio], told.get(row.audio, {})) for row in rows}
    composer = _Composer(rows, pool, plan, say)
    numbered: list[tuple[str, str, _Question]] = []
    for category, metric, questions in (
        (CATEGORIES[0], "", composer.closed_ended()),
        (CATEGORIES[1], "open", composer.creative_writing()),
        (CATEGORIES[2], "cot", composer.chain_of_thought()),
    ):
        numbered += [(category, metric, question) for question in questions]
    items: list[Item] = []
    twins: list[Item] = []
    origins: dict[str, str] = {}
    counts = dict.fromkeys(CATEGORIES, 0)
    for category, metric, question in numbered:
        for demand in question.demands:
            number = f"{counts[category]:04d}"
            counts[category] += 1
            closed = category == CATEGORIES[0]
            row, task = question.row, task_of(pool, question.row)
            item = Item(
                id=f"{category}/{number}",
                category=category,
                instruction=f"{question.text}\n{demand.text}",
                clip=clips[row.audio],
                dataset=row.task or NO_TASK,
                constraints=(demand.constraint,),
                transcript=read[row.audio],
                label=label_of(pool, row) if closed else None,
                metric=task.metric if closed and task is not None else metric,
                twin=f"{TWIN_CATEGORY}/{number}" if closed else None,
                source=row.source,
                licence=row.licence,
                speaker=row.speaker,
                wording=demand.wording,
            )
            items.append(item)
            origins[item.id] = row.place
            if item.twin is not None:
                twins.append(_twin_of(item, item.twin, question.text))
                origins[item.twin] = row.place
    if not items:
        raise DataError("the plan asks for no item: give at least one category a number above 0")
    closed_ended = counts[CATEGORIES[0]]
    return Built((*items[:closed_ended], *twins, *items[closed_ended:]), origins)


def _twin_of(item: Item, id: str, question: str) -> Item:
    return Item(
        id=id,
        category=TWIN_CATEGORY,
        instruction=question,
        clip=item.clip,
        dataset=item.dataset,
        transcript=item.transcript,
        label=item.label,
        metric=item.metric,
        twin=item.id,
        source=item.source,
        licence=item.licence,
        speaker=item.speaker,
    )


def as_read(transcript: str, seconds: float, metadata: Mapping[str, str]) -> str:
    """Return what the reference system reads in place of a clip, as the published release writes it.

    >>> as_read("Of course.", 64.2, {"Gender": "Female", "Emotion": "happy"})
    '[00:00:00 - 00:01:04] Of course. (Gender: Female, Emotion: happy)'
    """
    whole = max(1, round(seconds))
    length = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    told = f" ({', '.join(f'{name}: {value}' for name, value in metadata.items())})" if metadata else ""
    return f"[00:00:00 - {length}] {transcript}{told}"


class _Composer:
    def __init__(self, rows: Sequence[Row], pool: Pool, plan: Plan, say: Say) -> None:
        self._rows = rows
        self._pool = pool
        self._plan = plan
        self._say = say
        self._random = Random(plan.seed)
        self._drawer = Drawer(pool, self._random)
        self._uses = Uses(self._random)
        self._clips = len({row.audio for row in rows})

    def closed_ended(self) -> list[_Question]:
        rows = [row for row in self._rows if row.task is not None]
        wanted = len(rows) if self._plan.closed_ended is None else self._plan.closed_ended
        if wanted:
            self._expect(rows, "closed_ended", "row with a task")
        asked: set[tuple[str, str, str]] = set()  # clip, question and constraint
        questions = self._constrained(
            rows, wanted, CLOSED_CODES, lambda row, entry: self._closed(row, entry, asked)
        )
        self._expect_all(questions, self._plan.closed_ended, "closed_ended")
        return questions

    def _closed(self, row: Row, entry: Entry, asked: set[tuple[str, str, str]]) -> _Question | None:
        for question in self._questions(row):
            key = (row.audio, question, entry.name)
            if key not in asked:
                asked.add(key)
                self._uses.record(((row.task, question),))
                drawn = self._drawer.values(entry, row)
                return _Question(row, question, self._demands(entry, drawn, row))
        return None

    def _questions(self, row: Row) -> list[str]:
        """Return the questions that a row can be asked, its options behind them, the least used one first."""
        task = task_of(self._pool, row)
        stems = (row.question,) if row.question is not None else () if task is None else task.questions
        written = [
            stem if not row.options or self._pool.options is None else self._pool.options.behind(stem, row.options)
            for stem in stems
        ]
        return self._uses.ranked(written, lambda question: ((row.task, question),))

    def _demands(self, entry: Entry, drawn: Drawn, row: Row, first: int | None = None) -> tuple[Demand, ...]:
        ranked = self._drawer.wordings(entry, row)
        numbers = sorted(ranked) if self._plan.crossed else [first or ranked[0]]
        return tuple(self._drawer.demand(entry, number, drawn, row) for number in numbers)

    def creative_writing(self) -> list[_Question]:
        creative, wanted = self._pool.creative, self._plan.creative_writing
        if creative is None:
            if wanted:
                raise DataError(
                    f"the pool in {self._pool.language!r} has no prompts of creative writing; add [creative] to "
                    "it, or "
                    "ask for 0"
                )
            return []
        if any(entry.reads_transcripts for entry in self._pool.in_codes(OPEN_CODES)) and wanted != 0:
            check_script(self._rows, self._pool)
        told: dict[str, set[str]] = {}

        def ask(row: Row, entry: Entry) -> _Question | None:
            drawn = self._drawer.values(entry, row, creative.prompts)
            prompts = self._uses.ranked(creative.prompts, lambda prompt: (prompt, (prompt, entry.name)))
            found = self._unasked(prompts, entry, drawn, row, told, must=wanted is not None)
            if found is None:
                return None
            prompt, number = found
            self._uses.record((prompt, (prompt, entry.name)))
            return _Question(row, prompt, self._demands(entry, drawn, row, number))

        count = self._clips if wanted is None else wanted
        # By default, one lap: a row that no new instruction could be made for will find none later either.
        laps = 1 if wanted is None else None
        questions = self._constrained(self._rows, count, OPEN_CODES, ask, creative.prompts, laps)
        self._expect_all(questions, wanted, "creative_writing")
        return questions

    def chain_of_thought(self) -> list[_Question]:
        rows = [
            row for row in self._rows if (task := task_of(self._pool, row)) is not None and task.metric != "wer"
        ]
        wanted = self._plan.chain_of_thought
        entries = self._pool.in_codes((JUDGED_CODE,))
        count = len({row.audio for row in rows}) if wanted is None else wanted
        if wanted:
            self._expect(rows, "chain_of_thought", "row with a task other than transcription")
        if not count or not entries:
            if count and wanted:
                raise DataError(
                    f"the pool in {self._pool.language!r} has no wordings of chain of thought; add some"
                )
            return []
        told: dict[str, set[str]] = {}
        questions = []
        for row in islice(in_balanced_order(rows, self._random), count):
            found = self._unasked(self._questions(row), entries[0], {}, row, told, must=wanted is not None)
            if found is not None:
                question, number = found
                self._uses.record(((row.task, question),))
                questions.append(_Question(row, question, self._demands(entries[0], {}, row, number)))
        self._expect_all(questions, wanted, "chain_of_thought")
        return questions

    def _unasked(
        self, texts: Sequence[str], entry: Entry, drawn: Drawn, row: Row, told: dict[str, set[str]], *, must: bool
    ) -> tuple[str, int] | None:
        """Return the least used question and wording that make an instruction that stands in no item yet.

        An instruction about several clips makes items less independent than their number suggests: it is made
        where there `must` be an item, and never twice about the same clip.
        """
        numbers = self._drawer.wordings(entry, row)
        shared = None
        for number, text in product(numbers, texts):
            asked = numbers if self._plan.crossed else [number]
            instructions = {f"{text}\n{self._drawer.text(entry, one, drawn)}" for one in asked}
            if told.keys().isdisjoint(instructions):
                told.update({instruction: {row.audio} for instruction in instructions})
                return text, number
            if shared is None and not any(row.audio in told.get(one, ()) for one in instructions):
                shared = text, number, instructions
        if not must or shared is None:
            return None
        for instruction in shared[2]:
            told[instruction] = told.get(instruction, set()) | {row.audio}
        return shared[:2]

    def _constrained(
        self,
        rows: Sequence[Row],
        count: int,
        codes: tuple[str, ...],
        ask: Callable[[Row, Entry], _Question | None],
        prompts: tuple[str, ...] = (),
        laps: int | None = None,
    ) -> list[_Question]:
        """Give every row of a balanced order the constraint that its code, task and speaker have had least.

        A row comes again only after all others, `laps` times at most; None for once with each constraint.
        """
        entries = self._pool.in_codes(codes)
        if not count:
            return []
        if not entries:
            raise DataError(f"the pool in {self._pool.language!r} has no wordings of {', '.join(codes)}; add some")
        served = self._served(rows, entries, prompts)
        there = [code for code in codes if any(entry.code == code for entry in served)]
        left = shares(count, there, self._random)
        questions: list[_Question] = []
        for row in islice(in_balanced_order(rows, self._random), len(rows) * (laps or len(served))):
            for entry in self._entries(row, served, left, prompts):
                question = ask(row, entry)
                if question is not None:
                    self._record(row, entry)
                    left[str(entry.code)] -= 1
                    questions.append(question)
                    break
            if len(questions) == count:
                break
        return questions

    def _expect_all(self, questions: Sequence[_Question], wanted: int | None, field: str) -> None:
        if wanted is not None and len(questions) < wanted:
            raise UsageError(
                f"{wanted} {field} questions are asked for, the corpus and the pool make {len(questions)} "
                "different "
                "ones; ask for fewer, or add rows, questions or wordings"
            )

    def _entries(
        self, row: Row, entries: Sequence[Entry], left: Mapping[str, int], prompts: tuple[str, ...]
    ) -> list[Entry]:
        able = [entry for entry in entries if self._drawer.can_serve(entry, row, prompts)]
        within = [entry for entry in able if left[str(entry.code)] > 0]
        return self._uses.ranked(within, lambda entry: self._cells(row, entry))

    @staticmethod
    def _cells(row: Row, entry: Entry) -> tuple[tuple[object, ...], ...]:
        return (
            # The smallest cells first: larger ones even out by themselves, and shares see to the codes as a whole.
            ("code, speaker", entry.code, row.speaker),
            ("code, task", entry.code, row.task),
            ("code", entry.code),
            ("id", entry.id),
            ("entry", entry.name),
            ("entry, task", entry.name, row.task),
            ("entry, speaker", entry.name, row.speaker),
        )

    def _record(self, row: Row, entry: Entry) -> None:
        self._uses.record(self._cells(row, entry))

    def _served(self, rows: Sequence[Row], entries: Sequence[Entry], prompts: tuple[str, ...]) -> list[Entry]:
        """Return the entries that some clip has words for."""
        served = []
        for entry in entries:
            if any(self._drawer.can_serve(entry, row, prompts) for row in rows):
                served.append(entry)
            else:
                self._say(f"warning: no clip has words for {entry.name}; it is left out")
        return served

    def _expect(self, rows: Sequence[Row], field: str, what: str) -> None:
        if not rows:
            raise DataError(
                f"{field} questions are asked for, but the manifest has no {what}; add tasks, or ask for 0"
            )
