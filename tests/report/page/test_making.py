"""What a page holds and what it leaves out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.reading import read_evidences
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.judges import Judged
from speech_ifeval.models.recorded import locate
from speech_ifeval.records import Message
from speech_ifeval.report.page.assembling import placeholders
from speech_ifeval.report.page.audio import OUTSIDE, gather_clips, link_to
from speech_ifeval.report.page.items import REPLY, TOKEN, Lines
from speech_ifeval.report.page.making import Page, PageOptions, check_audio, make_page, page_facts
from tests.report.page.hostile import ATTACK, hostile_benchmark, hostile_evidence
from tests.spoken import write_tone

EXAMPLE = load_benchmark("example")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    found = read_evidences([locate("example:tuned")], EXAMPLE, reference=locate("example:reference"))
    return found[0][0]


def data_of(page: Page) -> dict[str, Any]:
    block = re.search(rb'<script type="application/json" id="data">(.*?)</script>', page.content, re.S)
    assert block is not None
    found: dict[str, Any] = json.loads(block[1])
    return found


def restricted(evidence: Evidence, **changes: Any) -> tuple[Evidence, Benchmark]:
    """The same run of a benchmark whose items say something else of their source."""
    items = tuple(msgspec.structs.replace(item, **changes) for item in EXAMPLE)
    benchmark = replace(EXAMPLE, items=items, licence=None)
    return replace(evidence, run=replace(evidence.run, benchmark=benchmark)), benchmark


def test_figures_are_those_of_the_summary(evidence: Evidence, tmp_path: Path) -> None:
    data = data_of(make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html"))
    (run,) = data["runs"]
    assert run["ifrate"]["value"] == pytest.approx(40.8333, abs=1e-3)
    assert run["forgetting"]["value"] == pytest.approx(-57.0175, abs=1e-3)
    assert len(run["sentences"]) == 3
    assert [system["name"] for system in data["systems"]] == ["tuned", "reference"]
    assert len(data["items"]) == 66
    assert all(len(system["replies"]) == 66 for system in data["systems"])
    followed = [reply.get("followed") for reply in data["systems"][0]["replies"]]
    assert followed.count(True) == 18 + 6 + 4


def test_every_item_of_a_finding_can_be_found(evidence: Evidence, tmp_path: Path) -> None:
    data = data_of(make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html"))
    (run,) = data["runs"]
    sets = {one["key"]: one["items"] for one in run["sets"]}
    for finding in run["diagnosis"]["findings"]:
        assert finding["items"] == []  # they stand in the sets
        for example in finding["examples"]:
            twins = {item.get("twin") for item in data["items"]}
            if example["item"] not in twins:
                assert example["item"] in {data["items"][number]["id"] for number in sets[finding["check"]]}


def test_the_part_that_demands_is_marked_in_every_instruction(evidence: Evidence, tmp_path: Path) -> None:
    data = data_of(make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html"))
    for item in data["items"]:
        twin = EXAMPLE.by_id.get(item.get("twin"))
        if twin is not None:
            start, end = item["demand"]
            assert item["instruction"][start:end] == item["instruction"].removeprefix(twin.instruction).strip()


def test_the_same_run_gives_the_same_page(evidence: Evidence, tmp_path: Path) -> None:
    one, two = (make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html").content for _ in range(2))
    assert one == two


def test_the_policy_names_this_style_and_this_script_only(evidence: Evidence, tmp_path: Path) -> None:
    content = make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html").content.decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', content)
    assert policy is not None
    directives = dict(part.split(" ", 1) for part in policy[1].split("; "))
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in policy[1]
    for name, block in (("script-src", r"<script>(.*?)</script>"), ("style-src", r"<style>(.*?)</style>")):
        (text,) = re.findall(block, content, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[name] == f"'sha256-{digest}'"


def test_the_template_has_each_place_once() -> None:
    assert set(placeholders().values()) == {1}


def test_what_repeats_in_the_messages_of_a_judge_is_kept_once() -> None:
    rubric = "Judge.\nBetween <response-ab12cd34> and </response-ab12cd34>.\nEnd with Result ab12cd34: YES"
    lines = Lines()
    first = lines.add(rubric, "ab12cd34")
    assert lines.add(rubric.replace("ab12cd34", "99ff00aa"), "99ff00aa") == first, "tokens differ, lines do not"
    assert [line.replace(TOKEN, "ab12cd34") for line in lines.kept] == rubric.split("\n")
    reply = "It flew.\nThen it fell."
    told = lines.add(f"the reply\n{reply}\nends", "ab12cd34", reply)
    assert [lines.kept[line] if line >= 0 else reply for line in told] == ["the reply", reply, "ends"]
    assert told[1] == REPLY
    assert not any("flew" in line for line in lines.kept)


@pytest.mark.parametrize(
    ("content", "token", "reply"),
    [
        (f"a{TOKEN}b", "ab12cd34", None),  # what stands for a token is there already
        ("reply", "ab12cd34", "reply"),  # no lines of its own
        ("a\nno reply here\nb", "ab12cd34", "another"),
        ("a\n\nb", None, ""),
        ("a\nb\nb\nc", "", "b"),
    ],
)
def test_messages_come_back_as_they_were(content: str, token: str | None, reply: str | None) -> None:
    lines = Lines()
    told = lines.add(content, token, reply)
    texts = [(reply or "") if line == REPLY else lines.kept[line] for line in told]
    own = TOKEN in content  # then nothing stands for it
    assert "\n".join(text if own else text.replace(TOKEN, token or "") for text in texts) == content


def test_no_data_can_end_its_block(tmp_path: Path) -> None:
    benchmark = hostile_benchmark(tmp_path / "benchmark")
    evidence = hostile_evidence(tmp_path / "run", benchmark)
    page = make_page([(evidence, [ATTACK])], benchmark, tmp_path / "a.html")
    block = re.search(rb'id="data">(.*?)</script>', page.content, re.S)
    assert block is not None
    assert not re.search("[<>&\u2028\u2029]", block[1].decode())
    data = data_of(page)
    assert data["items"][0]["transcript"] == ATTACK
    assert data["systems"][0]["replies"][0]["text"].endswith(ATTACK)
    assert ATTACK in "\n".join(data["lines"])


# --- what may not be passed on


@pytest.mark.parametrize("source", ["IEMOCAP", "MMAU", None])
def test_transcripts_that_may_not_be_passed_on_are_in_no_part_of_the_page(
    evidence: Evidence, tmp_path: Path, source: str | None
) -> None:
    ours, benchmark = restricted(evidence, source=source)
    said = [item.transcript for item in benchmark if item.category == "chain-of-thought" and item.transcript]
    sent = {
        key: msgspec.structs.replace(one, messages=(Message("user", f"It says: {text}"), Message("user", "Well?")))
        for (key, one), text in zip(ours.run.judged.judgements.items(), said, strict=True)
    }
    ours = replace(ours, run=replace(ours.run, judged=Judged("j", sent)), reference=None)
    page = make_page([(ours, [])], benchmark, tmp_path / "a.html")
    data = data_of(page)
    assert all("transcript" not in item and item["withheld"] for item in data["items"])
    assert all("label" not in item for item in data["items"] if item.get("metric") == "wer")
    assert any("label" in item for item in data["items"])
    assert not any("It says" in line for line in data["lines"])
    assert "Well?" in data["lines"]
    (left,) = page.left_out
    assert (left.source, left.transcripts, left.clips) == (source or "unknown", 66, 0)
    assert any(f"66 transcripts of {left.source}" in line for line in page_facts(page, tmp_path / "a.html"))


def test_a_source_is_shown_when_it_is_named(evidence: Evidence, tmp_path: Path) -> None:
    ours, benchmark = restricted(evidence, source="IEMOCAP")
    options = PageOptions(include_restricted=("IEMOCAP",))
    page = make_page([(ours, [])], benchmark, tmp_path / "a.html", options)
    assert page.left_out == []
    assert all("transcript" in item for item in data_of(page)["items"])
    with pytest.raises(UsageError, match="MELD: the benchmark has IEMOCAP"):
        make_page([(ours, [])], benchmark, tmp_path / "a.html", PageOptions(include_restricted=("MELD",)))


def test_a_licence_of_the_item_goes_first(evidence: Evidence, tmp_path: Path) -> None:
    ours, benchmark = restricted(evidence, source="IEMOCAP", licence="CC BY 4.0")
    assert make_page([(ours, [])], benchmark, tmp_path / "a.html").left_out == []


# --- audio


def test_clips_are_taken_from_inside_their_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    write_tone(folder / "in.wav", 440)
    write_tone(tmp_path / "out.wav", 440)
    (folder / "link.wav").symlink_to(tmp_path / "out.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    (folder / "broken.wav").write_text("no audio")
    names = ["in.wav", "../out.wav", str(tmp_path / "out.wav"), "link.wav", "nul\0.wav", "none.wav", "loop.wav"]
    for mode in ("link", "embed"):
        found = gather_clips([*names, "broken.wav"], folder, mode, tmp_path / "page.html")  # type: ignore[arg-type]
        taken = found.linked if mode == "link" else found.embedded
        assert set(taken) == {"in.wav"} | ({"broken.wav"} if mode == "link" else set())
        assert [found.refused[name] for name in names[1:5]] == [OUTSIDE] * 4
        assert found.refused["none.wav"] == "no such file"
        assert "loop.wav" in found.refused
    assert found.embedded["in.wav"].startswith(b"OggS")
    assert b"OpusHead" in found.embedded["in.wav"][:100]


def test_a_link_is_a_relative_path_whatever_the_name(tmp_path: Path) -> None:
    assert (
        link_to(tmp_path / "c/javascript:alert(1).wav", tmp_path / "a.html") == "./c/javascript%3Aalert%281%29.wav"
    )
    assert link_to(tmp_path / "c/%2e?#.wav", tmp_path / "x/a.html") == "./../c/%252e%3F%23.wav"


def test_each_clip_is_embedded_once(evidence: Evidence, tmp_path: Path) -> None:
    for number, clip in enumerate(dict.fromkeys(item.clip for item in EXAMPLE)):
        write_tone(tmp_path / "audio" / clip, 200 + 10 * number, 0.2)
    options = PageOptions(audio="embed", audio_dir=tmp_path / "audio")
    page = make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html", options)
    data = data_of(page)
    clips = len({item.clip for item in EXAMPLE if item.constraints})
    assert page.content.count(b'<script type="text/plain" id="clip-') == page.audio.clips == clips
    assert data["audio"]["size"] == page.audio.size > 0
    assert all("clip" in item for item in data["items"])


def test_audio_that_is_not_there_stops_the_page(evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="audio-dir"):
        make_page([(evidence, [])], EXAMPLE, tmp_path / "a.html", PageOptions(audio="embed"))
    with pytest.raises(UsageError, match="none, link, embed, found 'mp3'"):
        check_audio("mp3")
