"""What a benchmark of one's own holds, for people: counts by category, code, task, speaker and wording."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.benchmarks.build import Holdings
from speech_ifeval.records import TWIN_CATEGORY
from speech_ifeval.report.figures import CODE_TITLES, TITLES, visible
from speech_ifeval.report.terminal import figures_table


def built_view(holdings: Holdings, folder: Path, audio: Path | None) -> list[RenderableType]:
    """Return what `speech-ifeval build` prints; `audio` is the folder of clips that were left where they lie."""
    titles = {**TITLES, TWIN_CATEGORY: "Closed-ended, without a constraint"}
    rows = [(titles[category], str(count)) for category, count in holdings.items.items()]
    codes = [(f"{code:<3} {CODE_TITLES[code]}", str(count)) for code, count in holdings.codes.items()]
    tasks = [(visible(task), str(count)) for task, count in holdings.tasks.items()]
    voices = f"{holdings.speakers} speakers" if holdings.speakers else "speakers not named"
    sentences = [f"{holdings.clips} clips, {voices}{_span(holdings.fewest_of_speaker, holdings.most_of_speaker)}."]
    if holdings.wordings:
        spread = _span(holdings.fewest_of_wording, holdings.most_of_wording)
        sentences.append(f"{holdings.wordings} wordings{spread}.")
    named = visible(shlex.quote(str(folder)))
    where = "" if audio is None else f" --audio-dir {visible(shlex.quote(str(audio)))}"
    return [
        Text(f"{visible(holdings.name)}-{holdings.fingerprint[:12]}", style="bold"),
        figures_table(("", "items"), rows),
        "",
        figures_table(("constraints", "items"), codes),
        "",
        figures_table(("tasks", "items"), tasks),
        "",
        *(Text(sentence) for sentence in sentences),
        "",
        Text(f"Written: {named}"),
        Text(f"Next: speech-ifeval run --model MODEL --reference REFERENCE --benchmark {named}{where}"),
    ]


def _span(fewest: int | None, most: int | None) -> str:
    if fewest is None or most is None:
        return ""
    if fewest < most:
        return f", {fewest} to {most} items each"
    return f", {fewest} item{'' if fewest == 1 else 's'} each"
