"""A page full of attacks, in a real browser: none of them runs, asks for anything, or reads what it should not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from speech_ifeval.report.page.audio import opus_of
from speech_ifeval.report.page.making import PageOptions, make_page
from tests.browsing import PATIENCE, needs_chromium
from tests.report.page.hostile import ATTACK, CLIPS, hostile_benchmark, hostile_evidence
from tests.report.test_plots import ISOLATION, LADDER, SWEEP, WORDING
from tests.spoken import write_tone

pytestmark = needs_chromium
WATCH = (
    "addEventListener('securitypolicyviolation', event => (window.blocked ??= []).push(event.violatedDirective))"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("hostile")
    secret = write_tone(found / "outside.wav", 300)
    audio = found / "benchmark" / "audio"
    for clip in CLIPS[:3]:
        write_tone(audio / clip, 440)
    (audio / "linked.wav").symlink_to(secret)
    benchmark = hostile_benchmark(found / "benchmark")
    evidence = hostile_evidence(found / "run", benchmark)
    analyses = (SWEEP, LADDER, WORDING, ISOLATION)
    for mode in ("link", "embed"):
        options = PageOptions(audio=mode, audio_dir=audio, analyses=analyses)
        page = make_page([(evidence, [ATTACK])], benchmark, found / f"{mode}.html", options)
        (found / f"{mode}.html").write_bytes(page.content)
        assert page.audio.clips == 3
        assert sum(one.clips for one in page.left_out) == 3
    return found


@contextmanager
def watched(browser: Any, path: Path, hash: str = "") -> Iterator[tuple[Any, list[str]]]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WATCH)
    said: list[str] = []
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: said.append(f"request: {request.url[:200]}"))
    page.goto(f"{path.as_uri()}{hash}")
    yield page, said
    page.close()


def test_the_attacks_run_where_nobody_minds_them(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "naive.html").write_text(f"<!doctype html><script>let data = 1;{ATTACK}</script>")
    with watched(browser, tmp_path / "naive.html") as (page, _):
        assert page.evaluate("window.pwned") == 1


@pytest.mark.parametrize("mode", ["link", "embed"])
def test_no_attack_runs_and_nothing_is_asked_for(browser: Any, folder: Path, mode: str) -> None:
    with watched(browser, folder / f"{mode}.html") as (page, said):
        assert page.evaluate("document.documentElement.dataset.ready") == "yes"
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        shown = page.evaluate("ITEMS.length")
        assert shown == 3 * len(CLIPS)
        for _ in range(shown):
            page.keyboard.press("j")
            page.evaluate("document.querySelectorAll('#detail details').forEach(one => { one.open = true; })")
            text = page.evaluate("at('detail').textContent")
            assert text.count("window.pwned") > 5, "the attacks are there to be read"
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("window.blocked") is None, "the page itself broke its policy"
        made = "img, iframe, object, base, form:not([method=dialog]), [href^='javascript'], link:not([rel=icon])"
        assert page.evaluate("selector => document.querySelectorAll(selector).length", made) == 0
        scripts = (
            "[...document.scripts].filter(one => !['application/json', 'text/plain'].includes(one.type)).length"
        )
        assert page.evaluate(scripts) == 1
        assert page.evaluate("document.styleSheets.length") == 1
        assert "evil" in page.evaluate("document.title")
    own = {(folder / f"{mode}.html").as_uri()}
    asked = [line for line in said if line.removeprefix("request: ") not in own]
    if mode == "link":  # clips are asked for, and nothing else
        clips = f"request: {(folder / 'benchmark' / 'audio').as_uri()}/"
        asked = [line for line in asked if not line.startswith(clips)]
    assert [line for line in asked if not line.startswith("request: data:audio/ogg;base64,")] == []


def test_an_address_may_hold_an_attack(browser: Any, folder: Path) -> None:
    hash = (
        f"#item={quote(ATTACK)}&q={quote('<img src=x onerror=window.pwned=1>')}&set={quote(ATTACK)}&run=__proto__"
    )
    with watched(browser, folder / "embed.html", hash) as (page, said):
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.documentElement.dataset.ready") == "yes"
    assert [line for line in said if not line.startswith("request: ")] == []


def test_the_policy_holds_even_where_the_page_would_not(browser: Any, folder: Path) -> None:
    content = (folder / "embed.html").read_text()
    broken = folder / "broken.html"
    start = content.index('<script type="application/json"')
    broken.write_text(content[:start] + ATTACK + content[start:])
    with watched(browser, broken) as (page, _):
        page.wait_for_timeout(300)
        assert page.evaluate("window.pwned") is None
        assert "script-src-elem" in page.evaluate("window.blocked")
    with watched(browser, folder / "embed.html") as (page, _):
        thrown = page.evaluate(
            "(() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; } })()"
        )
        assert thrown == "TypeError"


def test_what_is_outside_of_the_audio_folder_is_in_no_page(folder: Path) -> None:
    # Ogg pages carry a random serial number; the Opus packets behind the headers are the same every time.
    secret = base64.b64encode(opus_of(folder / "outside.wav"))
    inside = base64.b64encode(opus_of(folder / "benchmark" / "audio" / CLIPS[0]))
    for page in ("link.html", "embed.html"):
        content = (folder / page).read_bytes()
        assert b"outside.wav" not in content.replace(b'"clip_name":"../outside.wav"', b"")
        assert len(secret) != len(inside) or secret[200:400] not in content
        assert b"/etc/hostname" not in content.replace(b'"clip_name":"/etc/hostname"', b"")
