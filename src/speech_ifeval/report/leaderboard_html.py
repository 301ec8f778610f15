"""A leaderboard as one HTML file: no script, no request, every name escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from speech_ifeval.report.leaderboard_tables import DIFFERS, Section, sections
from speech_ifeval.results import Leaderboard

_STYLE = """
:root { color-scheme: light dark; --soft: #5c626e; --line: #d9d6cf; --mark: #b3382c; }
@media (prefers-color-scheme: dark) { :root { --soft: #a3a9b6; --line: #363b46; --mark: #ff9488; } }
body { max-width: 75rem; margin: 0 auto; padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
th:first-child, td:first-child { overflow-wrap: anywhere; min-width: 10rem; }
th { color: var(--soft); font-weight: 600; }
.differs { color: var(--mark); font-weight: 600; }
code { display: block; font-size: .75rem; color: var(--soft); overflow-wrap: anywhere; }
@media print {
  body { padding: 0; font-size: 11px; }
  h1 { font-size: 1.3rem; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  .wide { overflow: visible; }
  table { width: 100%; font-size: 9px; }
  th, td { padding: .15rem .3rem; white-space: normal; }
}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"


def leaderboard_html(board: Leaderboard) -> str:
    """Return the leaderboard as a page that stands alone.

    Its Content-Security-Policy allows its one style sheet and nothing else: were a name ever to get out of its
    cell, nothing of it would run or load.
    """
    body = "\n".join(line for section in sections(board) for line in _section(section))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Speech-IFEval leaderboard</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>Leaderboard</h1>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(section.title)}</h2>"
    for header, rows in section.tables:
        yield '<div class="wide"><table>\n<thead><tr>'
        yield "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
        yield "</tr></thead>\n<tbody>"
        for row in rows:
            yield f"<tr>{''.join(map(_cell, row))}</tr>"
        yield "</tbody>\n</table></div>"
    if section.sentences:
        yield "<ul>"
        yield from (f"<li>{escape(sentence)}</li>" for sentence in section.sentences)
        yield "</ul>"
    yield from (f"<code>{escape(line)}</code>" for line in section.lines)
    yield "</section>"


def _cell(text: str) -> str:
    marked = ' class="differs"' if text.endswith(DIFFERS) else ""
    return f"<td{marked}>{escape(text)}</td>"
