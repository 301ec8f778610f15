"""Results in a notebook: the same cells as in the terminal, and nothing of them is markup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

import speech_ifeval
from speech_ifeval.analysis.ranking import leaderboard
from speech_ifeval.analysis.reproduction.reproducing import reproduce
from speech_ifeval.job import Run, evaluate
from speech_ifeval.pipeline.comparing import compare
from speech_ifeval.report import notebook
from speech_ifeval.report.notebook import html_of
from speech_ifeval.results import Estimate, Rate
from speech_ifeval.results.showing import Shown

EVIL = "<img src=x onerror=\"document.title='gone'\"></table><script>document.title='gone'</script>"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    return evaluate("replay:example:tuned", reference="replay:example:reference", output_dir=folder)


def test_a_run_shows_its_figures(run: Run) -> None:
    shown = run._repr_html_()
    assert run.ifrate.value is not None
    assert f'<td style="text-align:right">{run.ifrate.value:.2f}</td>' in shown
    assert shown.count("<table>") == 3
    assert run.summary.signature in shown


def test_every_result_with_a_view_shows_itself() -> None:
    def below(kind: type) -> set[type]:
        return {one for child in kind.__subclasses__() for one in {child, *below(child)}}

    assert below(Shown) == set(notebook._VIEWS)


def test_the_published_tables_show_themselves() -> None:
    assert "88.99" in leaderboard([])._repr_html_()
    assert "speech-ifeval run --model worker:diva" in reproduce("leaderboard", [])._repr_html_()


def test_figures_alone_show_themselves() -> None:
    assert ">88.99</td>" in Estimate(88.99, 87.1, 90.6, 1533, 0)._repr_html_()
    assert ">781/933<" in Rate(781, 933, 0, 83.71, 81.2, 85.9)._repr_html_()


def test_rooms_below_the_report_are_importable_without_it() -> None:
    import subprocess
    import sys

    code = "import sys, speech_ifeval.results; print([name for name in sys.modules if 'report' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_are_no_markup(run: Run) -> None:
    shown = html_of(replace(run.summary, name=EVIL, notes=[EVIL]))
    assert EVIL not in shown
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_in_a_real_browser_nothing_of_a_result_runs(run: Run, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    shutil.copytree(run.folder, tmp_path / "other")
    comparison = compare([run.folder, tmp_path / "other"])
    evil = replace(comparison, runs=[replace(one, name=EVIL) for one in comparison.runs], notes=[EVIL])
    page_file = tmp_path / "cell.html"
    page_file.write_text(f"<title>cell</title>{html_of(evil)}{html_of(replace(run.summary, name=EVIL))}", "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        assert page.title() == "cell"
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 0
        assert page.get_by_text("onerror").count() > 0
        assert page.locator("table").first.locator("td").count() > 0
        browser.close()


def test_a_run_is_taken_as_what_evaluate_returned_as_a_path_and_as_a_text(run: Run, tmp_path: Path) -> None:
    other = evaluate("replay:example:reference", output_dir=tmp_path / "other")
    for mine, its in (run, other), (run.folder, other.folder), (str(run.folder), str(other.folder)):
        (group,) = speech_ifeval.leaderboard([mine, its], published=False).groups
        assert [one.name for one in group.comparison.runs] == ["mine", "other"]
        assert (
            speech_ifeval.leaderboard([mine], references=[its]).groups[0].comparison.runs[0].forgetting is not None
        )
        assert [one.name for one in speech_ifeval.compare([mine, its]).runs] == ["mine", "other"]
        assert speech_ifeval.cite(mine).run == str(run.folder)
        assert speech_ifeval.reproduce("leaderboard", [mine]).notes
        assert speech_ifeval.diagnose(mine, "example").name == "mine"
        assert [one.name for one in speech_ifeval.wording_effects([mine, its], "example").runs]
        packed = speech_ifeval.submit(mine, tmp_path / "mine.zip", reference=run.folder / "reference")
        assert packed.with_reference
