"""A diagnosis for people: three sentences, findings with their evidence, what was not found or not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import NONE, number, p_value, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import CleanCheck, Diagnosis, Estimate, Finding, FindingExample
from speech_ifeval.results.diagnosis import Severity

Rows = list[list[str]]
_ADJECTIVES: dict[Severity, str] = {"severe": "severe", "notable": "notable", "note": "small"}
_STYLES = {"severe": "bold red", "notable": "yellow", "note": "dim"}


def diagnosis_sentences(found: Diagnosis) -> tuple[str, str, str]:
    """Return the diagnosis in three sentences: how it stands, what is gravest, and what is known of the rest.

    >>> nothing = Estimate(None, None, None, 0, 0, "no scored item")
    >>> diagnosis_sentences(Diagnosis(1, "mine", None, "", nothing, None, (), (), (), ()))[1]
    'Nothing was found.'
    """
    return _standing(found), _gravest(found), _rest(found)


def _standing(found: Diagnosis) -> str:
    if found.ifrate.value is None:
        rate = f"IFrate does not exist ({visible(found.ifrate.why or 'nothing is scored')})"
    else:
        rate = f"IFrate is {_figure(found.ifrate, '%')}"
    if found.forgetting is not None and found.forgetting.value is not None and found.reference is not None:
        rate += f" and Δ {_figure(found.forgetting, '%', signed=True)} against {visible(found.reference)}"
    counts = Counter(finding.severity for finding in found.findings)
    made = len(found.findings) + len(found.clean)
    sizes = ", ".join(f"{counts[name]} {_ADJECTIVES[name]}" for name in _ADJECTIVES if counts[name])
    those = f"{len(found.findings)} find something: {sizes}" if found.findings else "none finds anything"
    return f"{visible(found.name)}: {rate}; of {made} checks {those}."


def _gravest(found: Diagnosis) -> str:
    if found.findings:
        first, *others = found.findings
        more = [visible(one.title) for one in others if one.severity == first.severity]
        also = f"; as {_ADJECTIVES[first.severity]}: {'; '.join(more)}" if more else ""
        return f"Gravest is {visible(first.title)}: {_with_count(first)}{also}."
    if not found.clean:
        return "Nothing was found."
    return f"Nothing was found{_hidden(found.clean)}."


def _hidden(clean: Sequence[CleanCheck]) -> str:
    bounds = [one for one in clean if one.bound is not None]
    if not bounds:
        return ""
    widest = max(bounds, key=lambda one: abs(one.bound or 0.0) / abs(one.threshold))
    return f"; nearest to its threshold comes {visible(widest.title)}, which can be up to {_bound(widest)}"


def _rest(found: Diagnosis) -> str:
    unsure = sum(one.beyond for one in found.clean)
    nothing = f"{len(found.clean)} checks found nothing"
    if unsure:
        nothing += f", of which {unsure} could hide more than their threshold with so few items"
    elif found.clean:
        nothing += ", and none of these can hide more than its threshold"
    unmade = f"{len(found.unmade)} could not be made" if found.unmade else "all could be made"
    return f"{nothing}; {unmade}."


def _figure(estimate: Estimate, unit: str, *, signed: bool = False) -> str:
    interval = span(estimate.low, estimate.high, signed)
    return f"{number(estimate.value, signed)} {unit}" + ("" if interval == NONE else f" ({interval})")


def _signed(one: Finding | CleanCheck) -> bool:
    return one.unit == "points" or one.worse == "lower"


def _with_count(finding: Finding) -> str:
    counted = f", {finding.count} of {finding.figure.n} {visible(finding.of)}" if finding.count is not None else ""
    return _figure(finding.figure, finding.unit, signed=_signed(finding)) + counted


def _threshold(one: Finding | CleanCheck) -> str:
    sign = {"higher": "over ", "lower": "under ", "either": "±"}[one.worse]
    return f"{sign}{one.threshold:g} {one.unit}".replace("-", "−")


def _bound(one: CleanCheck) -> str:
    return NONE if one.bound is None else f"{number(one.bound, _signed(one))} {one.unit}"


def _counted(one: Finding | CleanCheck) -> str:
    of = visible(one.of)
    return f"{one.figure.n} {of}" if one.count is None else f"{one.count} of {one.figure.n} {of}"


def _findings(found: Diagnosis) -> tuple[list[str], Rows]:
    header = ["what was found", "severity", "value", "95 % interval", "unit", "of", "threshold"]
    header += [] if found.reference is None else ["less reference", "95 % interval", "p"]
    rows = []
    for one in found.findings:
        figure = [number(one.figure.value, _signed(one)), span(one.figure.low, one.figure.high, _signed(one))]
        row = [visible(one.title), one.severity, *figure, one.unit, _counted(one), _threshold(one)]
        against = one.against_reference
        if found.reference is not None:
            row += [NONE] * 3 if against is None or against.value is None else [
                number(against.value, signed=True),
                span(against.low, against.high, signed=True),
                NONE if against.p is None else p_value(against.p),
            ]  # fmt: skip
        rows.append(row)
    return header, rows


def _clean(found: Diagnosis) -> tuple[list[str], Rows]:
    header = ["nothing found", "value", "can be up to", "unit", "of", "threshold", "sure"]
    return header, [
        [
            visible(one.title),
            number(one.figure.value, _signed(one)),
            number(one.bound, _signed(one)),
            one.unit,
            _counted(one),
            _threshold(one),
            "no" if one.beyond else "yes",
        ]
        for one in found.clean
    ]


def _unmade(found: Diagnosis) -> dict[str, list[str]]:
    """The checks that could not be made, by why."""
    reasons: dict[str, list[str]] = {}
    for one in found.unmade:
        reasons.setdefault(visible(one.why), []).append(visible(one.title))
    return reasons


def _parts(finding: Finding) -> tuple[list[str], Rows]:
    """The rows of a finding's parts; columns that would be empty are left out."""
    signed = _signed(finding)
    counts = any(part.count is not None for part in finding.parts)
    tests = any(part.p is not None for part in finding.parts)
    texts = any(part.text is not None for part in finding.parts)
    interval = "95 % interval, all at once" if finding.parts_at_once else "95 % interval"
    unit = "points" if any((part.figure.value or 0) < 0 for part in finding.parts) else finding.unit
    header = ["of these", *(["count"] if counts else []), "n", unit, interval]
    header += [*(["p (Holm)"] if tests else []), *([""] if texts else [])]
    rows = []
    for part in finding.parts:
        row = [f"· {visible(part.name)}"]
        row += [NONE if part.count is None else str(part.count)] if counts else []
        row += [
            str(part.figure.n),
            number(part.figure.value, signed),
            span(part.figure.low, part.figure.high, signed),
        ]
        row += [NONE if part.p is None else p_value(part.p)] if tests else []
        row += [visible(part.text or "")] if texts else []
        rows.append(row)
    return header, rows


def _title(finding: Finding) -> str:
    return f"{finding.severity.capitalize()}: {visible(finding.title)}"


def _example(one: FindingExample) -> Iterator[tuple[str, str]]:
    yield "item", one.item
    yield "asked", one.instruction
    yield "replied", one.reply or "(nothing)"
    yield "wrong", one.failed


def diagnosis_view(found: Diagnosis) -> list[RenderableType]:
    """Return what `speech-ifeval diagnose` prints."""
    parts: list[RenderableType] = [*(Text(sentence, style="bold") for sentence in diagnosis_sentences(found)), ""]
    header, rows = _findings(found)
    if rows:
        parts += [figures_table(header, rows), ""]
    for finding in found.findings:
        parts += [*_finding_view(finding), ""]
    header, rows = _clean(found)
    if rows:
        parts += [figures_table(header, rows), ""]
    if found.unmade:
        parts.append(Text("Could not be made", style="bold"))
        parts += [Text(f"• {'; '.join(titles)}: {why}") for why, titles in _unmade(found).items()]
        parts.append("")
    parts += [Text(f"• {_sentence(note)}") for note in found.notes]
    parts += [Text(visible(found.signature), style="dim", overflow="fold")]
    if found.reference_signature is not None:
        parts.append(Text(f"reference {visible(found.reference_signature)}", style="dim", overflow="fold"))
    return parts


def _finding_view(finding: Finding) -> Iterator[RenderableType]:
    yield Text(_title(finding), style=_STYLES[finding.severity])
    if finding.sentence:
        yield Text(visible(finding.sentence))
    header, rows = _parts(finding)
    if rows:
        yield figures_table(header, rows)
    for example in finding.examples:
        for index, (name, text) in enumerate(_example(example)):
            yield Text(f"{'– ' if index == 0 else '  '}{name}: {visible(text)}", overflow="fold")
    yield Text(f"Usual cause: {visible(finding.cause)}")
    for index, advice in enumerate(finding.advice):
        yield Text(f"{'Try: ' if index == 0 else '     '}{visible(advice)}")


def _sentence(note: str) -> str:
    return f"{visible(note[:1].upper() + note[1:])}."


def diagnosis_markdown(found: Diagnosis) -> str:
    """Return the diagnosis as Markdown."""
    parts = [f"### {escape(found.name)}", " ".join(map(escape, diagnosis_sentences(found)))]
    parts += _markdown_table(*_findings(found))
    for finding in found.findings:
        parts += _finding_markdown(finding)
    parts += _markdown_table(*_clean(found))
    if found.unmade:
        parts.append("Could not be made:")
        lines = (f"- {escape('; '.join(titles))}: {escape(why)}" for why, titles in _unmade(found).items())
        parts.append("\n".join(lines))
    if found.notes:
        parts.append("\n".join(f"- {escape(_sentence(note))}" for note in found.notes))
    parts.append(code(found.signature))
    if found.reference_signature is not None:
        parts.append(f"Reference: {code(found.reference_signature)}")
    return "\n\n".join(parts) + "\n"


def _finding_markdown(finding: Finding) -> Iterator[str]:
    yield f"#### {escape(_title(finding))}"
    if finding.sentence:
        yield escape(finding.sentence)
    yield from _markdown_table(*_parts(finding))
    if finding.examples:
        rows = [[text for _, text in _example(example)] for example in finding.examples]
        yield from _markdown_table(["example", "asked", "replied", "wrong"], rows)
    yield f"Usual cause: {_prose(finding.cause)}"
    yield "\n".join(f"- {_prose(advice)}" for advice in finding.advice)


def _prose(text: str) -> str:
    """Text of our own, in which commands stand between backticks; a check of others may hold anything."""
    return "".join(code(part) if index % 2 else escape(part) for index, part in enumerate(text.split("`")))


def _markdown_table(header: Sequence[str], rows: Rows) -> list[str]:
    if not rows:
        return []
    return [table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])]
