"""The page in a real browser: labelled by keyboard alone, hostile replies shown as text, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.annotation.session import labels_file
from speech_ifeval.benchmarks import load_benchmark
from tests.annotation.conftest import HOSTILE, sampled, write_run
from tests.annotation.test_serving import Client, served
from tests.annotation.test_session import labels
from tests.browsing import contrast, needs_chromium, until
from tests.spoken import write_tone

pytestmark = needs_chromium


@contextmanager
def opened(browser: Any, client: Client, **options: Any) -> Iterator[Any]:
    page = browser.new_page(**options)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if client.server.url not in request.url else None)
    page.goto(client.server.url)
    page.wait_for_selector("#work:not([hidden]), #done:not([hidden])")
    yield page
    page.close()
    assert [line for line in said if "favicon" not in line and "404" not in line] == []


def wait_for(page: Any, labelled: int, of: int) -> None:
    page.get_by_text(f"{labelled} of {of} labelled").wait_for()


def test_a_sample_is_labelled_by_keyboard_alone(browser: Any, run_folder: Path) -> None:
    tasks = sampled(run_folder, 9)
    with served(run_folder, sample=9) as client, opened(browser, client) as page:
        for done, key in enumerate(("y", "n", "u", "y", "N", "u"), start=1):
            page.keyboard.press(key)
            wait_for(page, done, 9)
        assert page.evaluate("document.activeElement.id") == "transcript"
        page.keyboard.press("Control+a")
        page.keyboard.type("yes, nine snakes")  # letters that are keys elsewhere
        page.keyboard.press("Control+Enter")
        wait_for(page, 7, 9)
        page.keyboard.press("Alt+n")
        wait_for(page, 8, 9)
        page.keyboard.press("Alt+u")
        page.get_by_text("All done, thank you.").wait_for()
    found = labels(run_folder)
    assert [one.item for one in found] == [task.item for task in tasks]
    assert [one.verdict for one in found[:6]] == [True, False, None, True, False, None]
    assert [one.extracted for one in found[6:]] == ["yes, nine snakes", "", None]


def test_later_and_undo(browser: Any, run_folder: Path) -> None:
    with served(run_folder, sample=3, uses=("accuracy",)) as client, opened(browser, client) as page:
        assert page.locator("#undo").is_disabled()
        first = page.locator("#reply").inner_text()
        page.keyboard.press("y")
        wait_for(page, 1, 3)
        page.keyboard.press("z")
        wait_for(page, 0, 3)
        assert page.locator("#reply").inner_text() == first
        page.keyboard.press("s")
        until(page, "first => document.getElementById('reply').innerText !== first", first)
        for done in (1, 2):
            page.get_by_role("button", name="Right").click()
            wait_for(page, done, 3)
        assert page.locator("#reply").inner_text() == first
        assert page.locator("#skip").is_disabled()
        page.get_by_role("button", name="Stop here").click()
        page.get_by_text("Stopped.").wait_for()
        client.server.wait()
    assert len(labels(run_folder)) == 2


def test_a_hostile_reply_is_text(browser: Any, tmp_path: Path) -> None:
    replies = {f"chain-of-thought/{number:04d}": HOSTILE for number in range(10)}
    replies |= {f"closed-ended/{number:04d}": HOSTILE for number in range(40)}
    run = write_run(tmp_path / "run", replies=replies)
    with served(run, sample=12) as client, opened(browser, client) as page:
        shown = 0
        for done in range(12):
            wait_for(page, done, 12)
            shown += "window.stolen" in page.locator("#reply").inner_text()
            assert page.evaluate("window.stolen") is None
            assert page.locator("#reply *").count() == 0
            page.keyboard.press("Alt+u" if page.locator("#edit").is_visible() else "u")
        assert shown >= 4


def test_the_clip_plays(browser: Any, run_folder: Path, tmp_path: Path) -> None:
    (task,) = sampled(run_folder, 1, uses=("accuracy",))
    write_tone(tmp_path / "clips" / load_benchmark("example").item(task.item).clip, 440, seconds=2)
    options = {"sample": 1, "uses": ("accuracy",), "audio_dir": tmp_path / "clips"}
    with served(run_folder, **options) as client, opened(browser, client) as page:
        until(page, "document.getElementById('audio').duration > 1.9")
        page.keyboard.press("p")
        until(page, "document.getElementById('audio').currentTime > 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark_on_a_phone(browser: Any, run_folder: Path, scheme: str) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": 360, "height": 740}}
    with (
        served(run_folder, sample=3, uses=("transcript",)) as client,
        opened(browser, client, **options) as page,
    ):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        colours = page.evaluate(
            """() => ["#reply", "#hint", "#keep", "#none", "#unclear", "#skip", "h2"].map(name => {
                const found = document.querySelector(name);
                let behind = found;
                const clear = "rgba(0, 0, 0, 0)";
                while (getComputedStyle(behind).backgroundColor === clear) behind = behind.parentElement;
                return [name, getComputedStyle(found).color, getComputedStyle(behind).backgroundColor];
            })"""
        )
    assert {
        name: round(contrast(front, back), 1) for name, front, back in colours if contrast(front, back) < 4.5
    } == {}


def test_when_the_command_has_gone_the_page_says_so(browser: Any, run_folder: Path) -> None:
    with served(run_folder, sample=2) as client:
        page = browser.new_page()
        page.goto(client.server.url)
        page.wait_for_selector("#work:not([hidden])")
    page.keyboard.press("y")
    page.get_by_text("does not answer").wait_for()
    page.close()
    assert labels_file(run_folder, "mia").read_bytes() == b""
