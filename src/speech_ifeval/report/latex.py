"""LaTeX tables: booktabs rules, and names that are only names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from speech_ifeval.report.figures import visible

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    # What pdfTeX knows only as mathematics.
    "−": "$-$",
    "Δ": r"$\Delta$",
    "α": r"$\alpha$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "●": r"$\bullet$",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "–": "--",
    "×": r"$\times$",
    "…": r"\ldots{}",
}
_TO_ESCAPE = re.compile("[" + re.escape("".join(_SPECIAL)) + "]")
_DASHES = re.compile("-(?=-)")  # two hyphens in a row would become a dash


def escape_latex(text: str) -> str:
    r"""Write a name so that LaTeX prints it, and runs nothing of it.

    >>> escape_latex("50 % of a_b & \\input{x}")
    '50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\}'
    """
    shown = _DASHES.sub("-\0", visible(text))
    escaped = _TO_ESCAPE.sub(lambda found: _SPECIAL[found[0]], shown).replace("\0", "{}")
    # Behind the \\ of the row above, a star or a bracket would be read as belonging to it.
    return f"{{}}{escaped}" if escaped.startswith(("*", "[")) else escaped


def latex_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    label: str,
    notes: Sequence[str] = (),
    wide: bool = True,
) -> str:
    r"""Return a table with booktabs rules, to be taken in by ``\input``.

    Args:
        header: and
        rows: cells that are LaTeX already; the first column is left-aligned, the others right-aligned. An empty
            row is a little space.
        caption, label: as text; the caption stands above, as most styles want it.
        notes: comments at the head of the file, such as the signatures of the figures.
        wide: over both columns.

    >>> print(latex_table(["", "JS"], [["a", "64.4"]], caption="Rates", label="rates", wide=False))
    % Needs \usepackage{booktabs}.
    \begin{table}[t]
    \centering\small
    \caption{Rates}
    \label{tab:rates}
    \begin{tabular}{@{}lr@{}}
    \toprule
     & JS \\
    \midrule
    a & 64.4 \\
    \bottomrule
    \end{tabular}
    \end{table}
    <BLANKLINE>
    """
    kind = "table*" if wide else "table"
    lines = ["% Needs \\usepackage{booktabs}.", *(f"% {visible(note)}" for note in notes)]
    lines += [f"\\begin{{{kind}}}[t]", r"\centering\small", f"\\caption{{{escape_latex(caption)}}}"]
    lines += [
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{@{{}}l{'r' * (len(header) - 1)}@{{}}}}",
        r"\toprule",
    ]
    lines += [f"{' & '.join(header)} \\\\", r"\midrule"]
    lines += [f"{' & '.join(row)} \\\\" if row else r"\addlinespace" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", f"\\end{{{kind}}}"]
    return "\n".join(lines) + "\n"
