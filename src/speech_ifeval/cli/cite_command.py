"""``speech-ifeval cite``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def cite_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run directory.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="The benchmark that was answered, for the corpora of its clips: a folder, bundled or example. "
            "Default: the run's own, where it ships; those of the published items are known."
        ),
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            help="Which scoring, where the run holds several: a rule set, or a name or pattern of "
            "verdicts.<scoring>.jsonl. Default: the only one, or official."
        ),
    ] = None,
    only_bibtex: Annotated[bool, typer.Option("--bibtex", help="Print the BibTeX entries alone.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the methods paragraph alone, for LaTeX.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say how a run was made, as a paper would, with BibTeX of all that it rests on.

    What has no known publication is named, never made up.
    """
    from speech_ifeval.analysis.citation.citing import cite
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_json, print_text
    from speech_ifeval.errors import UsageError
    from speech_ifeval.models.recorded import answers_shipped
    from speech_ifeval.report.citing import bibtex, methods_latex, methods_text

    if only_bibtex + latex + as_json > 1:
        raise UsageError("--bibtex, --latex and --json exclude each other")
    named = benchmark or answers_shipped(run)
    found = cite(run, None if named is None else load_benchmark(named), scoring=scoring)
    if as_json:
        print_json(found)
    elif only_bibtex:
        print_text(bibtex(found))
    elif latex:
        print_text(methods_latex(found))
    else:
        print_text(f"{methods_text(found)}\n{bibtex(found)}")
