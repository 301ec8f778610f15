"""LaTeX tables: booktabs rules, and names that are only names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

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
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
}
# What else than ASCII is printed by LaTeX's default fonts, whatever the encoding: Latin letters but those with an
# ogonek or a bar, which need T1, and some marks. All else stops pdfLaTeX.
_PRINTED = frozenset(
    [chr(at) for at in range(0xA1, 0x180) if chr(at) not in "«»ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ\xad"]
    + [*"ȘșȚț‘’“”—†‡•€™"]
)
# Two in a row would become one: a dash, a quote.
_LIGATURES = re.compile("([-',])(?=\\1)")
_BREAK = r"\allowbreak{}"
_WORD = 20  # a word of more characters may be broken
_UNBROKEN = 12  # of which so many in a row stay together


def escape_latex(text: str) -> str:
    r"""Write a name so that LaTeX prints it, and runs nothing of it.

    Characters that its default fonts do not have are shown by their number, as control characters are.

    >>> escape_latex("50 % of a_b & \\input{x}")
    '50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\}'
    >>> escape_latex("é 你")
    'é \\textbackslash{}u4f60'
    """
    return "".join(_pieces(text))


def breakable(text: str) -> str:
    r"""Write a text as `escape_latex` does, and let a line end inside its long words: behind a mark, or anywhere.

    >>> breakable("lab:a-tuned-checkpoint is it")
    'lab:\\allowbreak{}a-\\allowbreak{}tuned-\\allowbreak{}checkpoint is it'
    """
    return " ".join("".join(_breaking(word) if len(word) > _WORD else word) for word in _words(_pieces(text)))


def _words(pieces: Sequence[str]) -> Iterator[list[str]]:
    word: list[str] = []
    for piece in pieces:
        if piece == " ":
            yield word
            word = []
        else:
            word.append(piece)
    yield word


def _breaking(word: Sequence[str]) -> Iterator[str]:
    unbroken = 0
    for piece in word:
        unbroken += 1
        ends = not piece.isalnum() or unbroken == _UNBROKEN
        yield piece + _BREAK * ends
        unbroken = 0 if ends else unbroken


def as_printed(text: str) -> str:
    r"""Return a text as LaTeX prints it.

    >>> as_printed("é 你")
    'é \\u4f60'
    """
    return "".join(
        c if c.isascii() or c in _SPECIAL or c in _PRINTED else ascii(c)[1:-1]
        for c in unicodedata.normalize("NFC", visible(text))
    )


def _pieces(text: str) -> list[str]:
    """Return what stands for each character that is printed."""
    shown = as_printed(text)
    pieces = [_SPECIAL.get(c, c) for c in shown]
    for found in _LIGATURES.finditer(shown):
        pieces[found.start()] += "{}"
    # Behind the \\ of the row above, a star or a bracket would be read as belonging to it.
    return ["{}", *pieces] if shown.startswith(("*", "[")) else pieces


def latex_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    label: str,
    notes: Sequence[str] = (),
    wide: bool = True,
    line: float = 200.0,
) -> str:
    r"""Return a table with booktabs rules, to be taken in by ``\input``.

    Args:
        header: and
        rows: cells that are LaTeX already; the first column is left-aligned, the others right-aligned. An empty
            row is a little space, a row of one cell a line of its own over all columns, which may be long.
        caption, label: as text; the caption stands above, as most styles want it.
        notes: comments at the head of the file, such as the signatures of the figures.
        wide: over both columns.
        line: how wide a line of its own may be, in points.

    >>> print(latex_table(["", "JS"], [["a", "64.4"]], caption="Rates", label="rates", wide=False))
    % Needs \usepackage{booktabs}.
    \begin{table}[t]
    \centering\small\setlength{\tabcolsep}{4pt}
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
    lines += [f"\\begin{{{kind}}}[t]", r"\centering\small\setlength{\tabcolsep}{4pt}"]
    lines += [
        f"\\caption{{{breakable(caption)}}}",
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{@{{}}l{'r' * (len(header) - 1)}@{{}}}}",
        r"\toprule",
    ]
    lines += [f"{' & '.join(header)} \\\\", r"\midrule"]
    lines += [_row(row, len(header), line) for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", f"\\end{{{kind}}}"]
    return "\n".join(lines) + "\n"


def _row(row: Sequence[str], columns: int, line: float) -> str:
    if not row:
        return r"\addlinespace"
    if len(row) == 1 < columns:  # it has no width, so that no column grows by it
        # The strut keeps what is below from touching the last line of several.
        return f"\\rlap{{\\parbox[t]{{{line:.0f}pt}}{{\\raggedright {row[0]}\\strut}}}} \\\\"
    return f"{' & '.join(row)} \\\\"
