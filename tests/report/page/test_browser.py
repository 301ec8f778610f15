"""The page in a real browser: no error, no request, and all that it promises to people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.analysis.diagnosis.reading import read_evidences
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.report.page.making import PageOptions, make_page
from tests.browsing import PATIENCE, contrast, needs_chromium, until
from tests.models.serving import loopback
from tests.pipeline.scripted_judge import Case, scripted
from tests.report.test_plots import ISOLATION, LADDER, SWEEP, WORDING
from tests.spoken import write_tone

pytestmark = needs_chromium
EXAMPLE = load_benchmark("example")
TUNED, REFERENCE = locate("example:tuned"), locate("example:reference")
COUNT = "() => Number(document.querySelector('#count b').textContent)"
ROWS = "() => document.querySelectorAll('#rows .item').length"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of one run, with and without clips, and of two runs with other analyses beside them."""
    found = tmp_path_factory.mktemp("pages")
    for number, clip in enumerate(dict.fromkeys(item.clip for item in EXAMPLE)):
        write_tone(found / "clips" / clip, 200 + 10 * number, 2.0)
    one = read_evidences([TUNED], EXAMPLE, reference=REFERENCE)
    two = read_evidences([TUNED, REFERENCE], EXAMPLE, reference=REFERENCE)
    analyses = (SWEEP, LADDER, ISOLATION, WORDING)
    scoring = Scoring(judge="heuristic")
    run = score([TUNED], EXAMPLE, reference=[REFERENCE], output_dir=found / "judged", scoring=scoring)[1]
    made = {
        "judged": (read_evidences([run, run / "reference"], EXAMPLE), PageOptions(analyses=analyses)),
        "one": (one, PageOptions()),
        "embed": (one, PageOptions(audio="embed", audio_dir=found / "clips")),
        "link": (one, PageOptions(audio="link", audio_dir=found / "clips")),
        "two": (two, PageOptions(analyses=analyses)),
    }
    (alone,) = read_evidences([TUNED], replace(EXAMPLE, licence=None))
    (found / "alone.html").write_bytes(make_page([alone], alone[0].run.benchmark, found / "alone.html").content)
    for name, (evidences, options) in made.items():
        path = found / f"{name}.html"
        path.write_bytes(make_page(evidences, EXAMPLE, path, options).content)
    return found


@contextmanager
def opened(browser: Any, path: Path, hash: str = "", **options: Any) -> Iterator[Any]:
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(f"asked for {request.url}"))
    page.goto(f"{path.as_uri()}{hash}")
    assert page.evaluate("document.documentElement.dataset.ready") == "yes", said
    yield page
    page.close()
    own = re.compile(
        f"asked for ({re.escape(path.as_uri())}|data:audio/ogg|{re.escape(path.parent.as_uri())}/clips/)"
    )
    assert [line for line in said if not own.match(line)] == []


@pytest.mark.parametrize("name", ["one", "two"])
def test_it_opens_from_the_disk_without_an_error_or_a_request(browser: Any, folder: Path, name: str) -> None:
    with opened(browser, folder / f"{name}.html") as page:
        sections = page.evaluate("[...document.querySelectorAll('main > section')].map(one => one.id)")
        assert sections[:2] == ["overview", "codes"]
        assert sections[-1] == "items"
        assert ("analyses" in sections) == (name == "two")
        text = page.evaluate("document.getElementById('overview').textContent")
        assert "40.83" in text
        assert "−57.02" in text
        assert "−54.17" in text
        assert "benchmark:example-1f3a6efdff3a" in text
        assert page.evaluate(COUNT) == 66
        everything = page.evaluate("document.getElementById('main').textContent")
        assert not re.search(r"undefined|\[object|NaN|null", everything)


def test_a_run_without_a_reference_and_a_licence(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "alone.html") as page:
        everything = page.evaluate("document.getElementById('main').textContent")
        assert not re.search(r"undefined|\[object|NaN|null", everything)
        assert "Left out of this page: 0 clips, 66 transcripts" in everything
        assert "No licence is stated." in everything
        assert page.evaluate("document.getElementById('filter-flip').parentElement.hidden")
        assert page.evaluate(COUNT) == 66


def test_only_the_rows_that_can_be_seen_are_on_the_page(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html", viewport={"width": 1200, "height": 700}) as page:
        assert 5 < page.evaluate(ROWS) < 30
        page.evaluate("document.getElementById('list').scrollTop = 1e6")
        until(page, "[...document.querySelectorAll('#rows .id')].some(one => one.textContent === ITEMS.at(-1).id)")
        assert page.evaluate(ROWS) < 30


def test_filters_count_and_choose(browser: Any, folder: Path) -> None:
    data = data_of(folder / "one.html")
    ours, theirs = (system["replies"] for system in data["systems"])
    lost = [
        number
        for number, (our, their) in enumerate(zip(ours, theirs, strict=True))
        if our["followed"] is False and their["followed"] is True
    ]
    with opened(browser, folder / "one.html") as page:
        page.select_option("#filter-category", "closed-ended")
        assert page.evaluate(COUNT) == 40
        page.select_option("#filter-outcome", "failed")
        assert page.evaluate(COUNT) == 22
        options = page.evaluate(
            "[...document.querySelectorAll('#filter-code option')].map(one => one.textContent)"
        )
        assert options[0] == "all (22)"
        assert sum(int(re.findall(r"\((\d+)\)", one)[0]) for one in options[1:]) == 22
        page.click("#clear")
        assert page.evaluate(COUNT) == 66
        page.select_option("#filter-flip", "lost")
        assert page.evaluate(COUNT) == len(lost)
        assert page.evaluate("visible") == lost
        page.select_option("#filter-near", "any")
        near = [number for number in lost if any("near_miss" in one for one in ours[number]["verdicts"])]
        assert page.evaluate("visible") == near
        page.click("#clear")
        found = data["runs"][0]["sets"][0]
        page.select_option("#filter-set", found["key"])
        assert page.evaluate("visible") == found["items"]


def test_a_finding_leads_to_its_items(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html") as page:
        page.click("#diagnosis .finding summary .button >> nth=0")
        assert page.evaluate("visible.length") == len(data_of(folder / "one.html")["runs"][0]["sets"][0]["items"])
        assert page.evaluate("state.set") == data_of(folder / "one.html")["runs"][0]["sets"][0]["key"]


def test_search_looks_into_instruction_transcript_and_replies(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html") as page:
        page.keyboard.press("/")
        page.keyboard.type("millbrook train")
        wanted = [
            number
            for number, item in enumerate(data_of(folder / "one.html")["items"])
            if "millbrook" in (text := item_text(folder, number)) and "train" in text
        ]
        assert wanted
        until(page, "wanted => JSON.stringify(visible) === wanted", json.dumps(wanted, separators=(",", ":")))
        page.keyboard.press("Escape")
        assert page.evaluate(COUNT) == 66
        page.keyboard.press("/")
        page.keyboard.type("no such words anywhere")
        until(page, "visible.length === 0")
        assert page.is_visible("#nothing")


def test_keys_move_and_the_address_follows(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html") as page:
        first, second, third = page.evaluate("ITEMS.slice(0, 3).map(one => one.id)")
        assert page.evaluate("state.item") == first
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("state.item") == third
        page.keyboard.press("k")
        assert page.evaluate("state.item") == second
        assert page.evaluate("location.hash") == f"#item={second}"
        page.focus("#list")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("state.item") == third
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "detail"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "list"
        page.keyboard.press("?")
        assert page.is_visible("#help")
        page.keyboard.press("j")
        assert page.evaluate("state.item") == third
        page.keyboard.press("Escape")
        assert not page.is_visible("#help")


def test_a_link_leads_to_an_item_and_to_filters(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html", "#item=closed-ended/0003") as page:
        assert "closed-ended/0003" in page.evaluate("document.getElementById('detail').textContent")
        assert page.evaluate(COUNT) == 66
        top = page.evaluate("document.getElementById('items').getBoundingClientRect().top")
        assert 0 <= top < 200
    with opened(browser, folder / "one.html", "#category=creative-writing&outcome=failed") as page:
        assert page.evaluate(COUNT) == 10
        page.evaluate("location.hash = '#category=chain-of-thought'")
        until(page, "visible.length === 10 && state.category === 'chain-of-thought' && state.outcome === ''")
    with opened(browser, folder / "one.html", "#item=closed-ended/0003&category=chain-of-thought") as page:
        assert page.evaluate("state.item") == "closed-ended/0003"


def test_an_item_shows_what_was_asked_replied_and_judged(browser: Any, folder: Path) -> None:
    data = data_of(folder / "one.html")
    number = next(
        number
        for number, reply in enumerate(data["systems"][0]["replies"])
        if reply.get("marks") and data["items"][number].get("twin")
    )
    item, reply = data["items"][number], data["systems"][0]["replies"][number]
    with opened(browser, folder / "one.html", f"#item={item['id']}") as page:
        start, end = item["demand"]
        assert page.evaluate("document.querySelector('mark.demand').textContent") == item["instruction"][start:end]
        start, end = reply["marks"][0]
        assert page.evaluate("document.querySelector('mark.failed').textContent") == reply["text"][start:end]
        text = page.evaluate("document.getElementById('detail').textContent")
        for part in (item["transcript"], reply["text"], reply["verdicts"][0]["reason"], reply["plain"]):
            assert part in text
        assert data["systems"][1]["replies"][number]["text"] in text
        judged = next(one for one in data["items"] if one["category"] == "chain-of-thought")
        page.evaluate("id => openItem(id)", judged["id"])
        assert "Result:" in page.evaluate("document.querySelector('#detail details.judge').textContent")


def test_what_a_language_model_was_sent_and_said_stands_at_its_item(browser: Any, tmp_path: Path) -> None:
    def say(case: Case) -> str:
        return case.yes() if case.about_transcript else f"It does not <b>reason</b>.\nResult {case.token}: NO"

    with loopback(scripted(say)) as server:
        scoring = Scoring(judge="openai:scripted", judge_args={"base_url": server.url}, task_level=True)
        run = score([TUNED], EXAMPLE, output_dir=tmp_path / "run", scoring=scoring)[1]
    read = read_evidences([run], EXAMPLE)
    judgements = read[0][0].run.judged.judgements
    (tmp_path / "page.html").write_bytes(make_page(read, EXAMPLE, tmp_path / "page.html").content)
    with opened(browser, tmp_path / "page.html") as page:
        for item, use in ("chain-of-thought/0000", "reasoning"), ("closed-ended/0003", None):
            page.evaluate("id => openItem(id)", item)
            found = next(one for key, one in judgements.items() if key[0] == item and use in (None, key[1]))
            text = page.evaluate("document.querySelector('#detail details.judge').textContent")
            assert [message.role for message in found.messages] == ["system", "user"]
            for part in (found.judge_reply, *(message.content for message in found.messages)):
                assert part is not None
                assert part in text
        written = (tmp_path / "page.html").read_text("utf-8")
        token = re.findall(r"Result ([0-9a-f]{8}): NO", found_reasoning(judgements))[0]
        assert len(re.findall(token, written)) <= 2, "what repeats in a judge's messages stands in the page once"
        page.evaluate("openItem('chain-of-thought/0000')")
        assert page.evaluate("document.querySelector('#detail details.judge summary').textContent").endswith("no")
        assert page.evaluate("document.querySelectorAll('#detail .text b').length") == 0


def found_reasoning(judgements: Any) -> str:
    return str(judgements["chain-of-thought/0000", "reasoning"].judge_reply)


@pytest.mark.parametrize("dark", [False, True])
def test_paper_is_light_and_holds_what_a_screen_folds_away(browser: Any, folder: Path, dark: bool) -> None:
    """As a browser prints it, after somebody has read an item on a dark screen."""
    with opened(browser, folder / "two.html", "#item=closed-ended/0003", color_scheme="dark") as page:
        if dark:
            page.evaluate("theme('dark')")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins
        before = page.evaluate("document.querySelectorAll('main details[open]').length")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        style = "getComputedStyle(document.querySelector('{}'))"
        assert page.evaluate(f"{style.format('body')}.backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate(f"{style.format('h2')}.color") == "rgb(28, 31, 38)"
        assert unreadable(page) == {}
        for hidden in ("#filters", "#list", "#nav", "#theme", "#detail .detail-head button"):
            assert not page.locator(hidden).first.is_visible(), hidden
        assert page.is_visible("#detail")
        assert page.evaluate(f"{style.format('#detail')}.position") == "static"
        assert page.is_visible(".signature >> nth=0")
        assert page.evaluate("document.querySelectorAll('#overview details:not([open])').length") == 0
        wide = (
            "[...document.querySelectorAll('table, .row, .text, svg.lines')].filter(one => one.checkVisibility())"
        )
        cut = f"{wide}.map(one => one.getBoundingClientRect().right).filter(right => right > innerWidth + 2)"
        assert page.evaluate(cut) == []
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.querySelectorAll('main details[open]').length") == before


OVERLAPPING = """() => [...document.querySelectorAll('.axis')].flatMap(axis => {
    const marks = [...axis.children].filter(one => one.checkVisibility());
    const boxes = marks.map(one => one.getBoundingClientRect());
    return marks.slice(1).filter((_, at) => boxes[at + 1].left < boxes[at].right + 2).map(one => one.textContent);
})"""
OUTSIDE = """() => [...document.querySelectorAll('.axis span')].filter(one => one.checkVisibility()
    && one.getBoundingClientRect().right > one.closest('.card').getBoundingClientRect().right - 6)
    .map(one => one.textContent)"""
LOOSE = """() => [...document.querySelectorAll('h2, h3, h2 + .hint, h3 + .hint, .legend, .heads, .heading')]
    .filter(one => getComputedStyle(one).breakAfter !== 'avoid').map(one => one.textContent.slice(0, 40))"""
OVER = """() => [...document.querySelectorAll('.forest .button')].filter(one => one.checkVisibility()
    && one.getBoundingClientRect().right > one.closest('.row').getBoundingClientRect().right).length"""
CUT = """() => [...document.querySelectorAll('#rows .dataset')]
    .filter(one => one.clientWidth < one.scrollWidth && one.clientWidth < 40).map(one => one.textContent)"""
REFERENCE_FILLS = (
    "[...document.querySelectorAll('#task .middle .s-ref.point')].map(one => getComputedStyle(one).fill)"
)


def test_nothing_in_charts_and_lists_runs_into_anything_else(browser: Any, folder: Path) -> None:
    """On a screen, on a telephone, and on paper."""
    with opened(browser, folder / "judged.html") as page:
        for media, width in ("screen", 1280), ("screen", 900), ("screen", 360), ("print", 703):
            page.emulate_media(media=media)
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(OVERLAPPING) == [], (media, width)
            assert page.evaluate(OUTSIDE) == [], (media, width)
            marks = page.locator("#task .axis span").all()
            shown = [one.text_content() for one in marks if one.is_visible()]
            assert (shown[0], shown[-1]) == ("0", "100 %")
            if width == 1280:
                assert (page.evaluate(OVER), page.evaluate(CUT)) == (0, [])
        assert page.evaluate(LOOSE) == [], "a heading never stands alone at the end of a page"
        fills = page.evaluate(REFERENCE_FILLS)
        assert len(set(fills[::2])) == len(set(fills[1::2])) == 1
        assert fills[0] != fills[1], "hollow without a constraint, filled with it, as it says above the chart"


@pytest.mark.parametrize("name", ["embed", "link"])
def test_a_clip_has_its_length_and_plays(browser: Any, folder: Path, name: str) -> None:
    with opened(browser, folder / f"{name}.html") as page:
        until(page, "document.getElementById('audio').duration > 1.9")
        assert page.evaluate("document.getElementById('audio').duration") < 2.2
        page.keyboard.press("p")
        until(page, "document.getElementById('audio').currentTime > 0")


def test_a_click_copies_the_signature(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "one.html") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click(".signatures summary")
        page.click(".signature >> nth=0")
        until(page, "document.getElementById('said').textContent !== ''")
        text = page.evaluate("navigator.clipboard.readText().catch(() => getSelection().toString())")
        assert "benchmark:example-" in text


def test_runs_stand_side_by_side(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "two.html") as page:
        assert page.evaluate("document.querySelectorAll('.card.run').length") == 2
        assert page.evaluate("document.querySelectorAll('#analyses .analysis').length") == 4
        page.select_option("#filter-run", "1")
        page.select_option("#filter-outcome", "failed")
        assert page.evaluate(COUNT) == 3
        page.click("#overview table .button >> nth=0")
        assert page.evaluate("state.flip.startsWith('other-')")
        assert page.evaluate(COUNT) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_text_can_be_read_in_light_and_dark_on_a_phone(browser: Any, folder: Path, scheme: str, name: str) -> None:
    with opened(
        browser, folder / f"{name}.html", color_scheme=scheme, viewport={"width": 360, "height": 740}
    ) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert unreadable(page) == {}
        page.evaluate("openItem('closed-ended/0003')")
        assert page.is_visible("#detail")
        assert unreadable(page) == {}
        page.click("#back")
        assert not page.is_visible("#detail")
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.keyboard.press("t")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        assert unreadable(page) == {}


def unreadable(page: Any) -> dict[str, float]:
    """Text whose contrast is below 4.5, by what it is."""
    found = page.evaluate(
        """() => {
            const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            const flat = (colour) => {
                probe.clearRect(0, 0, 1, 1);
                probe.fillStyle = colour;
                probe.fillRect(0, 0, 1, 1);
                return [...probe.getImageData(0, 0, 1, 1).data];
            };
            const rgb = (parts) => `rgb(${parts.slice(0, 3).join(", ")})`;
            const names = "h2, h3, h4, p, b, small, dt, dd, th, td, summary, mark, kbd, .hint, .chip, .tag, " +
                ".near, .code, .dataset, .snippet, .glyph, .link, .button, .cell, .answer, .text, #nav a, .term";
            const seen = new Map();
            for (const one of document.querySelectorAll(names)) {
                if (!one.checkVisibility() || !one.textContent.trim()) continue;
                let behind = one;
                const clear = () => flat(getComputedStyle(behind).backgroundColor)[3] < 255;
                while (behind.parentElement && clear()) behind = behind.parentElement;
                const key = `${one.tagName}.${one.className}`;
                const front = rgb(flat(getComputedStyle(one).color));
                seen.set(key, [front, rgb(flat(getComputedStyle(behind).backgroundColor))]);
            }
            return [...seen];
        }"""
    )
    return {name: round(contrast(*pair), 1) for name, pair in found if contrast(*pair) < 4.5}


def data_of(path: Path) -> Any:
    block = re.search(rb'id="data">(.*?)</script>', path.read_bytes(), re.S)
    assert block is not None
    return json.loads(block[1])


def item_text(folder: Path, number: int) -> str:
    data = data_of(folder / "one.html")
    item = data["items"][number]
    replies = [system["replies"][number] for system in data["systems"]]
    said = [text for reply in replies for text in (reply.get("text"), reply.get("plain"))]
    parts = [item["id"], item["instruction"], item.get("transcript"), item.get("label"), item["dataset"], *said]
    return "\n".join(part or "" for part in parts).lower()
