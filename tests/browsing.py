"""A real browser for pages: Chromium as it is installed, and what is asked of every page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 120_000  # milliseconds: a busy machine is slow, not wrong
needs_chromium = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium, which shows the page, is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        # As root, as in a container, chromium has no sandbox; it only ever sees our own page.
        found = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--mute-audio"], timeout=PATIENCE
        )
        yield found
        found.close()


def until(page: Any, condition: str, *given: Any) -> None:
    """Wait for a condition; the page's policy lets no text be run, which playwright's own waiting would do."""
    for _ in range(200):
        if page.evaluate(condition, *given):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def contrast(front: str, back: str) -> float:
    """WCAG 2.2's contrast ratio of two colours ``rgb(r, g, b)``."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(front), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)
