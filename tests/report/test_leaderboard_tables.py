"""The leaderboard as people read it: the same figures in every form, and names that stay names."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from speech_ifeval.analysis.ranking import leaderboard
from speech_ifeval.report.leaderboard_html import leaderboard_html
from speech_ifeval.report.leaderboard_tables import leaderboard_markdown, leaderboard_view
from speech_ifeval.results import Leaderboard
from tests.analysis.runs_of_example import BETTER, TUNED, make_run, mixed, write_replies

HOSTILE = "<img src=x onerror='window.stolen=1'>|`a_*b*`[x](y)\x1b[2J\n# '\"&amp;"
REFERENCE = "<script>window.stolen=2<\\script>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    folder = tmp_path_factory.mktemp("board")
    reference = write_replies(folder / "from" / REFERENCE, BETTER)
    runs = [
        make_run(folder / HOSTILE, TUNED, reference=reference),
        make_run(folder / "other", mixed(0.5), reference=reference),
    ]
    return leaderboard(runs)


def printed(board: Leaderboard) -> str:
    out = io.StringIO()
    console = Console(file=out, width=400, highlight=False)
    for part in leaderboard_view(board):
        console.print(part)
    return out.getvalue()


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, the text of table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] in ("td", "th"):
            self.cells[-1] += data.strip()


def test_a_hostile_name_is_a_name_in_the_terminal(board: Leaderboard) -> None:
    text = printed(board)
    assert "\x1b" not in text
    assert "\\x1b[2J\\n# '\"&amp;" in text


def test_a_hostile_name_is_a_name_in_markdown(board: Leaderboard) -> None:
    text = leaderboard_markdown(board)
    assert "<img" not in text
    assert "<script" not in text
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    tables = [
        len(re.findall(r"(?<!\\)\|", line)) for line in rows if "onerror" in line or line.startswith("| run")
    ]
    assert len(set(tables[:2])) == 1  # the pipe in the name opens no cell
    assert not [line for line in text.splitlines() if line.startswith("# ")]


def test_a_hostile_name_is_a_name_in_json(board: Leaderboard) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(board), type=Leaderboard, strict=True)
    assert decoded == board
    assert board.groups[0].comparison is not None
    assert board.groups[0].comparison.runs[0].name == HOSTILE


def test_a_hostile_name_is_a_name_in_html(board: Leaderboard) -> None:
    page = Page(leaderboard_html(board))
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "section", "div", "table", "thead"}
    allowed |= {"tbody", "tr", "th", "td", "ul", "li", "code"}
    assert {tag for tag, _ in page.elements} == allowed
    attributes = {name for _, attrs in page.elements for name in attrs}
    assert attributes == {"charset", "http-equiv", "content", "name", "lang", "class", "scope"}
    assert any(cell.startswith("<img src=x onerror=") for cell in page.cells)
    assert REFERENCE in page.cells


def test_the_page_allows_its_style_and_nothing_else(board: Leaderboard) -> None:
    text = leaderboard_html(board)
    policy = next(attrs["content"] for tag, attrs in Page(text).elements if attrs.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "http://" not in text
    assert "https://" not in text


@pytest.mark.parametrize("write", [printed, leaderboard_markdown, leaderboard_html])
def test_every_form_has_the_figures_and_the_marks(write: Any, board: Leaderboard) -> None:
    text = write(board)
    assert board.groups[0].comparison is not None
    for run in board.groups[0].comparison.runs:
        assert f"{run.ifrate.value:.2f}" in text
    for figure in ("89.23 ≠", "−3.57 ≠", "88.49 ≠", "88.99", "83.32"):
        assert figure in text
    assert len(re.findall(r"\d ≠", text)) == 3
    assert "nothing here can be tested" in text
    assert "arXiv 2505.19037" in text


def test_what_keeps_groups_apart_is_a_sentence(tmp_path: Path) -> None:
    from speech_ifeval.pipeline.scoring import Scoring

    runs = [
        make_run(tmp_path / "a", TUNED),
        make_run(tmp_path / "b", TUNED, scoring=Scoring(judge="heuristic", rules="careful")),
        make_run(tmp_path / "c", TUNED, scoring=Scoring(judge="none")),
    ]
    text = printed(leaderboard(runs, published=False))
    assert (
        "Cannot be ranked with the first table: rule set official there, careful here; judge recorded replies "
        "there, heuristic-1 here." in text
    )
    assert "no scored item in chain-of-thought" in text
    assert "Published results" not in text


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium, which shows the page, is not installed")
def test_nothing_runs_in_a_browser(board: Leaderboard, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    (tmp_path / "board.html").write_text(leaderboard_html(board), "utf-8")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url))
        page.goto((tmp_path / "board.html").as_uri())
        assert page.evaluate("window.stolen === undefined")
        assert page.locator("td.differs").count() == 3
        assert page.locator("section").count() == 2
        colour = page.locator("td.differs").first.evaluate("one => getComputedStyle(one).color")
        assert colour == "rgb(179, 56, 44)"  # the style sheet is allowed
        browser.close()
    assert said == [(tmp_path / "board.html").as_uri()]
