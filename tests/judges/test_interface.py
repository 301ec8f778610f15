from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.judges import Judge, Question, Setup, judge_kind, open_judge, unscored
from tests.judges.always import Always


def test_a_judge_of_ones_own_is_opened_by_its_name() -> None:
    from speech_ifeval.benchmarks import load_benchmark

    @judge_kind("always", target="WORD")
    def open_always(target: str, setup: Setup, *, loud: bool = False) -> Judge:
        judge = Always()
        judge.label = f"always-{target}-{loud}"
        return judge

    setup = Setup(load_benchmark("example"))
    try:
        assert open_judge("always:x", setup, {"loud": "true"}).label == "always-x-True"
        with pytest.raises(UsageError, match="--judge takes always:WORD, found 'always'"):
            open_judge("always", setup)
    finally:
        from speech_ifeval.judges import registry

        del registry._KINDS["always"]


def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "acme_judge.py").write_text(
        "from speech_ifeval.judges import judge_kind\n"
        "from tests.judges.always import Always\n"
        "judge_kind('acme')(lambda target, setup: Always())\n"
    )
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[speech_ifeval.judges]\nacme = acme_judge\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from speech_ifeval.benchmarks import load_benchmark\n"
        "from speech_ifeval.judges import Setup, open_judge\n"
        "print(open_judge('acme', Setup(load_benchmark('example'))).label)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "always-1"


def test_an_unscored_judgement_says_why() -> None:
    one = unscored(Question("a", "transcript", "Who?", "Me.", "0" * 64), "no reply", flags=("x",))
    assert (one.verdict, one.extracted, one.reason, one.flags) == (None, None, "no reply", ("x",))
