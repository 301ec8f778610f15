"""LaTeX: what is emitted compiles in a two-column paper, whatever the names, and nothing runs off the page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.citation.bibliography import publications
from speech_ifeval.analysis.scored_runs import read_summaries
from speech_ifeval.report.citing import bibtex, methods_latex
from speech_ifeval.report.latex import breakable, escape_latex
from speech_ifeval.report.paper_tables import (
    PaperTable,
    codes_table,
    paper_latex,
    rates_table,
    sweep_table,
    wording_table,
)
from speech_ifeval.results import Citation, Cited, Summary
from tests.analysis.runs_of_example import make_run, mixed
from tests.report.test_plots import PARTS, SWEEP, WORDING

HOSTILE = (
    "under_score%&#{x}$^~\\end{tabular}",
    "你好 模型 émoji 🎉 ąŋ €",
    "long-model-name-with-many-parts_" * 6,
    "unbroken" * 20,
    "\\input{/etc/passwd} $x_1^2$",
    "[2em]--*a ``q'' <<b>> '\"|",
    "* starred",
    "Meta-Llama-3.1-8B-Instruct",
)
SIGNATURE = (
    "benchmark:example-1f3a6efdff3a|rules:official|verifiers:5e109f|detector:none|judge:replay-0ae5014d|loose:no|"
    "missing:unscored|subset:all|items:66|unscored:0|version:0.1.0"
)
# Text of 16 cm, as ACL's papers have it: narrower than that of IEEE and ISCA.
HEAD = r"""\documentclass[10pt,a4paper,twocolumn]{article}
\setlength{\textwidth}{16cm}\setlength{\columnsep}{0.6cm}\setlength{\textheight}{24cm}
\usepackage{booktabs}
\begin{document}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50% of #1 & $x_1^2$ ~", r"50\% of \#1 \& \$x\_1\textasciicircum{}2\$ \textasciitilde{}"),
        ("[2em] a", "{}[2em] a"),
        ("*a", "{}*a"),
        ("a--b", "a-{}-b"),
        ("−3.57 Δ", r"$-$3.57 $\Delta$"),
        ("a\nb\x00", r"a\textbackslash{}nb\textbackslash{}x00"),
        ("é", "é"),
        ("e\u0301", "é"),  # composed: LaTeX knows no combining accents
        ("你", r"\textbackslash{}u4f60"),
        ("🎉", r"\textbackslash{}U0001f389"),
        ("ą ð", r"\textbackslash{}u0105 \textbackslash{}xf0"),  # not in LaTeX's default fonts
        ("≥ ≤ “x” ’ –", r"$\geq$ $\leq$ “x” ’ --"),
        ("<<a>>", r"\textless{}\textless{}a\textgreater{}\textgreater{}"),
        ("''", "'{}'"),  # two would be a closing quote
        (",,", ",{},"),  # and these one that opens, in T1
    ],
)
def test_a_name_in_latex_is_only_a_name(text: str, expected: str) -> None:
    assert escape_latex(text) == expected


def test_every_character_is_written_with_what_the_default_fonts_have() -> None:
    some = [*range(0x3000), *range(0x3000, sys.maxunicode, 977)]
    beyond = {c for at in some for c in escape_latex(chr(at)) if not c.isascii()}
    assert {unicodedata.category(c)[0] for c in beyond} <= set("LPSN")
    assert len(beyond) < 260  # what the test below compiles
    assert not beyond & set("ąĄęðþđŋų«»你")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_long_name_can_be_broken_anywhere_and_is_still_the_same(name: str) -> None:
    assert breakable(name).replace("\\allowbreak{}", "") == escape_latex(name)
    rest = re.sub(r"\\[A-Za-z]+(\{\})?|\$\\\w+\$|[ -]", " ", breakable(name))
    assert max(map(len, rest.split())) <= 26  # characters of LaTeX; words of up to 20 stay whole


def compile_latex(folder: Path, body: str, *, bibliography: str | None = None) -> tuple[str, Path]:
    """Compile a two-column document, and return its log and the PDF."""
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("no pdflatex on this machine: nothing is compiled")
    (folder / "paper.tex").write_text(f"{HEAD}{body}\n\\end{{document}}\n", "utf-8")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    steps = [command] if bibliography is None else [command, ["bibtex", "paper"], command, command]
    for step in steps:
        done = subprocess.run(step, cwd=folder, capture_output=True, timeout=120)
        said = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, said[-2000:]
        assert "Warning--" not in said, said
    return (folder / "paper.log").read_text("utf-8", "replace"), folder / "paper.pdf"


def too_wide(log: str) -> list[str]:
    """Return the lines that say that something stands out of its column by more than a hair."""
    return [line for line, points in re.findall(r"(Overfull \\hbox \(([\d.]+)pt.*)", log) if float(points) > 1]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[PaperTable]:
    folder = tmp_path_factory.mktemp("runs")
    made = [read_summaries([make_run(folder / f"r{k}", mixed(k / 3, k))])[0][1] for k in range(4)]
    hostile = [(name, named(made[at % 4], name)) for at, name in enumerate(HOSTILE)]
    usual = [(f"Qwen2.5-Omni-{at}B", one) for at, one in enumerate(made)]
    found = [
        *(rates_table(hostile), codes_table(hostile), rates_table(usual), codes_table(usual)),
        *(sweep_table("sweep", one) for one in (SWEEP, PARTS, msgspec.structs.replace(SWEEP, model=HOSTILE[3]))),
        *(wording_table("wording", run) for run in WORDING.runs),
    ]
    return [msgspec.structs.replace(one, name=f"{one.name}-{at}") for at, one in enumerate(found)]


def named(summary: Summary, name: str) -> Summary:
    assert summary.reference is not None
    reference = msgspec.structs.replace(summary.reference, name=f"of {name}")
    return msgspec.structs.replace(summary, name=name, reference=reference)


@pytest.mark.slow
def test_every_table_compiles_and_stays_on_the_page(tables: list[PaperTable], tmp_path: Path) -> None:
    for one in tables:
        (tmp_path / f"{one.name}.tex").write_text(paper_latex(one), "utf-8")
    log, pdf = compile_latex(tmp_path, "\n".join(f"\\input{{{one.name}}}\n\\clearpage" for one in tables))
    assert too_wide(log) == []
    assert pdf.read_bytes().startswith(b"%PDF-")


@pytest.mark.slow
def test_every_character_that_is_kept_compiles(tmp_path: Path) -> None:
    kept = sorted({c for at in range(0x80, 0x3000) for c in escape_latex(chr(at)) if not c.isascii()})
    mapped = [escape_latex(chr(at)) for at in range(0x20, 0x3000) if "$" in escape_latex(chr(at))]
    assert len(kept) > 100
    assert len(mapped) > 10
    _, pdf = compile_latex(tmp_path, "\n\n".join(f"{c} \\texttt{{{c}}}" for c in [*kept, *mapped]))
    assert pdf.read_bytes().startswith(b"%PDF-")


@pytest.mark.slow
def test_a_citation_compiles_with_its_bibliography(tmp_path: Path) -> None:
    entries = [one.entry() for one in publications()]
    told = f"The model is {' '.join(HOSTILE)}, the system prompt \"Say ``so'' @misc{{x\""
    unknown = ["the model @misc{evil, % } 你"]
    found = Citation(1, "run", [Cited(told, [one.key for one in entries])], entries, unknown, SIGNATURE)
    (tmp_path / "refs.bib").write_text(bibtex(found), "utf-8")
    body = f"{methods_latex(found)}\\bibliographystyle{{plain}}\n\\bibliography{{refs}}"
    log, _ = compile_latex(tmp_path, body, bibliography="plain")
    assert too_wide(log) == []
    assert "LaTeX Warning: Citation" not in log
    assert "There were undefined" not in log
    listed = (tmp_path / "paper.bbl").read_text("utf-8")
    assert listed.count("\\bibitem") == len(entries)
    for one in publications():  # styles that know no field for it print it all the same
        assert one.arxiv is None or one.booktitle is not None or one.arxiv in listed
