"""From a document to one HTML file: template, style and script, each in its place, and a policy for no other.

What came from models, judges, benchmarks and file names is data: JSON in a block that no browser runs, in which no
character can end the block. The script puts it on the page as text only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from speech_ifeval.report.page.document import Document

# In this order: later ones use what earlier ones define.
SCRIPTS = (
    "text.js",
    "state.js",
    "charts.js",
    "overview.js",
    "evidence.js",
    "analyses.js",
    "filters.js",
    "list.js",
    "detail.js",
    "main.js",
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_DANGEROUS = re.compile("[<>&\u2028\u2029]")


def page_html(document: Document, clips: Sequence[bytes] = ()) -> bytes:
    """Return the whole page.

    Args:
        document: what it shows.
        clips: Ogg Opus files, in the order in which items number them; each stands in a block of its own.
    """
    style, script = _resource("page.css"), page_script()
    parts = {
        "policy": policy(style, script, document.audio.mode),
        "style": style,
        "script": script,
        "data": json_block(document),
        "clips": "".join(_clip(number, content) for number, content in enumerate(clips)),
    }
    # One pass: what is put in is not looked at again, so that data cannot name a place.
    return _PLACE.sub(lambda place: parts[place[1]], _resource("page.html")).encode()


def json_block(document: Document) -> str:
    r"""Return a document as JSON that can stand inside a script element, whatever it holds.

    >>> _DANGEROUS.sub(lambda found: _ESCAPED[found[0]], '"</script>"')
    '"\\u003c/script\\u003e"'
    """
    text = msgspec.json.encode(document).decode()
    return _DANGEROUS.sub(lambda found: _ESCAPED[found[0]], text)


def policy(style: str, script: str, audio: str) -> str:
    """Return the content security policy: this style and this script, clips where there are any, and nothing else.

    >>> policy("", "", "none").split("; ")[0]
    "default-src 'none'"
    """
    media = {"embed": "media-src data:", "link": "media-src 'self' file:"}.get(audio, "media-src 'none'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src data:",
            media,
            "base-uri 'none'",
            "form-action 'none'",
            # No text may become markup or a script, not even by a mistake in the page's own script.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _clip(number: int, content: bytes) -> str:
    return f'<script type="text/plain" id="clip-{number}">{base64.b64encode(content).decode()}</script>\n'


@cache
def page_script() -> str:
    """The page's script: its files, one after the other."""
    return '\n"use strict";\n' + "\n".join(_resource(name) for name in SCRIPTS)


@cache
def _resource(name: str) -> str:
    # Line ends as browsers read them: the policy's hashes are over what they see.
    return files("speech_ifeval.report.page").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def placeholders() -> Mapping[str, int]:
    """How often each place stands in the template.

    >>> sorted(placeholders())
    ['clips', 'data', 'policy', 'script', 'style']
    """
    found = _PLACE.findall(_resource("page.html"))
    return {name: found.count(name) for name in found}
