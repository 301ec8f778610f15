"""Wordings for people: which constraints depend on theirs, what would have been seen, how much is luck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import NONE, TITLES, number, of, p_value, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Deviation, WordedConstraint, WordedRun, WordingEffects, WordingTest

_LONGEST = 90  # characters of a wording that are shown; --json has all
_SMALL = 10.0  # points: an interval that ends below it is told in the sentences as a bound worth having

Rows = list[list[str]]


def _tests(run: WordedRun) -> tuple[list[str], Rows]:
    header = ["rates by wording", "items", "%", "wordings", "items each", "sd, points", "95 % interval"]
    header += ["p", "p (Holm)", "power", "found from", "finding"]
    rows = []
    for category in dict.fromkeys(constraint.category for constraint in run.constraints):
        rows.append([TITLES.get(category, visible(category)), *[""] * (len(header) - 1)])
        for constraint in run.constraints:
            if constraint.category == category:
                rows += [_test(constraint, test, first=at == 0) for at, test in enumerate(constraint.tests)]
    return header, rows


def _test(constraint: WordedConstraint, test: WordingTest, *, first: bool) -> list[str]:
    named = f"· {_name(constraint)}" if first else ""
    if test.varied != "wording":
        named = f"{named}: {test.varied}" if first else f"  · {test.varied}"
    each = str(test.fewest) if test.fewest == test.most else f"{test.fewest} to {test.most}"
    low_high = span(test.low, test.high) + ("" if test.bounded or test.high is None else " *")
    return [
        named,
        str(test.n) if first else "",
        number(constraint.rate.rate) if first else "",
        str(test.levels),
        each,
        number(test.sd),
        low_high,
        NONE if test.p is None else p_value(test.p),
        NONE if test.p_holm is None else p_value(test.p_holm),
        NONE if test.power is None else number(test.power),
        number(test.detectable),
        test.finding,
    ]


def _name(constraint: WordedConstraint) -> str:
    fixed = f" ({visible(constraint.fixed)})" if constraint.fixed else ""
    return f"{visible(constraint.constraint)}{fixed}"


def _luck(run: WordedRun) -> tuple[list[str], Rows]:
    header = ["luck with wordings", "%", "95 %, clips", "95 %, clips and wordings", "share, %"]
    header += ["others: sd, points", "95 % interval", "dealt anew: sd, points", "95 % interval"]
    return header, [
        [
            TITLES.get(luck.group, luck.group),
            *of(luck.rate),
            span(luck.low, luck.high),
            number(luck.share),
            *_deviation(luck.redrawn),
            *_deviation(luck.dealt),
        ]
        for luck in run.luck
    ]


def _deviation(deviation: Deviation | None) -> list[str]:
    return [NONE, NONE] if deviation is None else [number(deviation.sd), span(deviation.low, deviation.high)]


def _rates(run: WordedRun, every: bool) -> tuple[list[str], Rows]:
    """The wordings that lie apart, or all of them, the least followed ones first."""
    header = ["wording", "followed", "%", "shrunken, %", "95 % interval", ""]
    rows = []
    for constraint in run.constraints:
        for test in constraint.tests:
            shown = [rate for rate in test.rates if every or rate.apart is not None]
            if not shown:
                continue
            varied = "" if test.varied == "wording" else f": {test.varied}"
            rows.append([f"{_name(constraint)}{varied}", "", number(constraint.rate.rate), "", "", ""])
            rows += [
                [
                    f"· {_short(rate.text)}",
                    f"{rate.followed}/{rate.n}",
                    number(rate.rate),
                    number(rate.shrunk),
                    span(rate.low, rate.high),
                    rate.apart or "",
                ]
                for rate in sorted(shown, key=lambda rate: rate.shrunk)
            ]
    return header, rows


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _pairs(found: WordingEffects) -> tuple[list[str], Rows]:
    header = ["effects of the same wordings", "wordings", "correlation", "95 % interval", "p", "p (Holm)"]
    return header, [
        [
            " and ".join(visible(found.runs[index].name) for index in (pair.first, pair.second)),
            str(pair.wordings),
            number(pair.correlation, signed=True),
            span(pair.low, pair.high, signed=True),
            p_value(pair.p),
            p_value(pair.p_holm),
        ]
        for pair in found.pairs
    ]


def _sentences(found: WordingEffects, run: WordedRun) -> Iterator[str]:
    if run.together is not None and run.power is not None:
        yield (
            f"All constraints at once: p {_compared(run.together)} that wording matters nowhere; effects of "
            f"{found.effect:g} in each would be found with power {run.power:.2f}."
        )
    tests = [(constraint, test) for constraint in run.constraints for test in constraint.tests]
    matters = [told(constraint, test) for constraint, test in tests if test.finding == "found"]
    yield f"Found to matter: {', '.join(matters)}." if matters else "For no constraint is wording found to matter."
    named = any(rate.apart is not None for _, test in tests for rate in test.rates)
    if matters and not named:
        yield "Which wordings are better or worse cannot be told: each one's interval holds its constraint's rate."
    for finding, what in (
        ("not found", "Not found, though it would have been four times of five"),
        ("undecided", "Undecided, for too few items or failures"),
        ("untested", "Untested"),
    ):
        theirs = [told(constraint, test) for constraint, test in tests if test.finding == finding]
        if theirs:
            yield f"{what}: {', '.join(dict.fromkeys(theirs))}."
    if any(not test.bounded and test.high is not None for _, test in tests):
        yield "*: the data do not bound it; no rate leaves room for more."
    untold = sum(luck.untold for luck in run.luck if luck.group in TITLES)
    if untold:
        yield f"{untold} items say nothing of their wordings, asked once each, and count as without luck."
    for note in run.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def told(constraint: WordedConstraint, test: WordingTest) -> str:
    """Return what a test is called in a sentence: its constraint, and what varied if not the wording alone."""
    varied = "" if test.varied == "wording" else f" ({test.varied})"
    return f"{_name(constraint)}{varied}"


def _compared(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _method(found: WordingEffects) -> Iterator[str]:
    yield (
        "sd: of the wordings' own rates. p: wordings dealt anew to the items of a data set, or of a clip that is "
        "asked several times; Holm over a run's tests that can come out significant."
    )
    yield (
        f"Power: to find effects of sd {found.effect:g} on the logit, at the level of the first step of Holm. "
        "Found from: the sd in points that is found four times of five."
    )
    yield (
        "Share: of the variance over clips and wordings, what items of one wording share. Others: had other "
        "wordings been written, as many and asked as often. Dealt anew: had each question drawn one of the same "
        "wordings."
    )
    for pair in found.pairs:
        if pair.why:
            names = " and ".join(visible(found.runs[index].name) for index in (pair.first, pair.second))
            yield f"{names}: {pair.why}."


def _tables(run: WordedRun, every: bool) -> Iterator[tuple[Sequence[str], Rows]]:
    yield _tests(run)
    yield _luck(run)
    header, rows = _rates(run, every)
    if rows:
        yield header, rows


def wording_view(found: WordingEffects, *, wordings: bool = False) -> list[RenderableType]:
    """Return what `speech-ifeval wording` prints; with `wordings` also those that are not found to be apart."""
    parts: list[RenderableType] = []
    for run in found.runs:
        parts += [Text(visible(run.name), style="bold"), ""]
        for header, rows in _tables(run, wordings):
            parts += [figures_table(header, rows), ""]
        parts += [Text(f"• {sentence}") for sentence in _sentences(found, run)]
        parts += ["", Text(visible(run.signature), style="dim", overflow="fold"), ""]
    if found.pairs:
        parts += [figures_table(*_pairs(found)), ""]
    return [*parts, *(Text(f"• {sentence}") for sentence in _method(found))]


def wording_markdown(found: WordingEffects, *, wordings: bool = False) -> str:
    """Return the same as Markdown tables."""
    parts: list[str] = []
    for run in found.runs:
        parts.append(f"### {escape(run.name)}")
        parts += [_markdown(header, rows) for header, rows in _tables(run, wordings)]
        parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found, run)))
        parts.append(code(run.signature))
    if found.pairs:
        parts.append(_markdown(*_pairs(found)))
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _method(found)))
    return "\n\n".join(parts) + "\n"


def _markdown(header: Sequence[str], rows: Rows) -> str:
    return table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
