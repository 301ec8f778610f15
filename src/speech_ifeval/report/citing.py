"""A citation as text: a methods paragraph, plain or for LaTeX, and BibTeX."""

from __future__ import annotations

from speech_ifeval.report.figures import visible
from speech_ifeval.report.latex import breakable
from speech_ifeval.results import BibEntry, Citation


def bibtex(found: Citation) -> str:
    """Return the entries as a BibTeX file; what has no known publication stands at its head as a comment."""
    # BibTeX knows no comments: an @ anywhere would begin an entry.
    unknown = [visible(one).replace("@", "(at)") for one in found.unknown]
    lines = [f"% No publication is known here for {one}: look it up." for one in unknown]
    return "\n\n".join([*(["\n".join(lines)] if lines else []), *map(_entry, found.entries)]) + "\n"


def _entry(one: BibEntry) -> str:
    fields = "\n".join(f"  {name:<13} = {{{value}}}," for name, value in one.fields.items())
    return f"@{one.type}{{{one.key},\n{fields}\n}}"


def methods_text(found: Citation) -> str:
    """Return the methods paragraph as plain text, the keys of what it cites in brackets."""
    sentences = [
        visible(one.text) + (f" [{', '.join(one.keys)}]" if one.keys else "") + "." for one in found.methods
    ]
    return " ".join([*sentences, f"Signature: {visible(found.signature)}."]) + "\n"


def methods_latex(found: Citation) -> str:
    r"""Return the methods paragraph for LaTeX, what it cites as ``\cite``."""
    sentences = [
        breakable(one.text) + (f"~\\cite{{{','.join(one.keys)}}}" if one.keys else "") + "."
        for one in found.methods
    ]
    signature = f"Signature: \\texttt{{{breakable(found.signature)}}}."
    return "\n".join([*sentences, signature]) + "\n"
