"""The leaderboard's runs: places, ties by paired tests, and what keeps runs apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speech_ifeval.analysis.ranking import MOST_RUNS, leaderboard
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.comparing import compare
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.results import LeaderboardGroup
from tests.analysis.runs_of_example import BETTER, TUNED, make_run, mixed
from tests.shared_data import DESTA2, RELEASE, needs_release


@pytest.fixture(scope="module")
def fifteen(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("fifteen")
    return [make_run(folder / f"model-{k:02}", mixed(k / 14, seed=k)) for k in range(15)]


@pytest.fixture(scope="module")
def group(fifteen: list[Path]) -> LeaderboardGroup:
    (found,) = leaderboard(fifteen, published=False).groups
    return found


def test_runs_stand_by_their_ifrate_with_the_ranks_that_compare_gives(
    group: LeaderboardGroup, fifteen: list[Path]
) -> None:
    assert group.comparison is not None
    values = [group.comparison.runs[one.run].ifrate.value or 0 for one in group.ranked]
    assert values == sorted(values, reverse=True)
    assert [one.place for one in group.ranked] == [1 + sum(other > value for other in values) for value in values]
    compared = compare(fifteen)
    assert {one.run: (one.low, one.high) for one in group.ranked} == dict(
        enumerate(run.rank for run in compared.runs)
    )
    assert [run.ifrate for run in group.comparison.runs] == [run.ifrate for run in compared.runs]
    assert [run.forgetting for run in group.comparison.runs] == [run.forgetting for run in compared.runs]


def test_ties_are_what_the_paired_tests_do_not_tell_apart(group: LeaderboardGroup) -> None:
    assert group.comparison is not None
    pairs = group.comparison.pairs
    assert len(pairs) == 105
    adjusted = holm([pair.ifrate.p or 0.0 for pair in pairs])
    apart = {frozenset((pair.first, pair.second)) for pair, p in zip(pairs, adjusted, strict=True) if p < 0.05}
    assert 10 < len(apart) < 95  # or the test would not see the difference
    for one in group.ranked:
        for other in group.ranked:
            if one is not other:
                assert (other.run in one.tied) == (frozenset((one.run, other.run)) not in apart)
    better = {
        one.run: sum(frozenset((one.run, x.run)) in apart and x.place < one.place for x in group.ranked)
        for one in group.ranked
    }
    assert all(one.low == 1 + better[one.run] for one in group.ranked)


def test_runs_whose_intervals_overlap_can_still_be_told_apart(tmp_path: Path) -> None:
    # The same replies but for a few that only one of them follows: paired, that is plain; side by side it is not.
    names = [id for id in TUNED if id.startswith(("closed", "creative", "chain"))]
    one = make_run(tmp_path / "one", mixed(0.35, seed=3))
    other = make_run(tmp_path / "other", mixed(0.35, seed=3, names=names[::3]))
    (found,) = leaderboard([one, other], published=False).groups
    assert found.comparison is not None
    low, high = (found.comparison.runs[index].ifrate for index in (0, 1))
    assert (low.high or 0) > (high.low or 0)  # the intervals overlap
    assert [one.tied for one in found.ranked] == [[], []]
    assert [(one.low, one.high) for one in found.ranked] == [(1, 1), (2, 2)]


def test_equal_runs_share_a_place_and_are_tied(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, BETTER) for name in ("a", "b")]
    (found,) = leaderboard(runs, published=False).groups
    assert [(one.place, one.low, one.high, one.tied) for one in found.ranked] == [(1, 1, 2, [1]), (1, 1, 2, [0])]


def test_runs_that_are_not_comparable_stand_apart_and_it_is_said_why(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, mixed(0.5, seed)) for seed, name in enumerate(("a", "b"))]
    runs.append(make_run(tmp_path / "careful", TUNED, scoring=Scoring(rules="careful")))
    runs.append(make_run(tmp_path / "part", TUNED, scoring=Scoring(limit=5)))
    runs.append(make_run(tmp_path / "thumb", TUNED, scoring=Scoring(judge="heuristic")))
    runs.append(make_run(tmp_path / "unjudged", TUNED, scoring=Scoring(judge="none")))
    board = leaderboard(runs, published=False)
    assert [len(group.ranked) for group in board.groups] == [2, 1, 1, 1, 0]
    assert [sorted({one.key for one in group.apart}) for group in board.groups] == [
        [],
        ["rules"],
        ["subset", "verifiers"],  # a part of the items takes a part of the verifiers
        ["judge"],
        ["judge"],
    ]
    assert (board.groups[1].apart[0].first, board.groups[1].apart[0].here) == ("official", "careful")
    assert board.groups[3].apart[0].here == "heuristic-1"
    (without,) = board.groups[4].unranked
    assert (without.name, without.why) == ("unjudged", "no scored item in chain-of-thought")
    alone = board.groups[1].ranked[0]
    assert (alone.place, alone.low, alone.high, alone.tied) == (1, 1, 1, [])


def test_another_benchmark_is_another_group(tmp_path: Path) -> None:
    example = load_benchmark("example")
    copy = tmp_path / "renamed"
    shutil.copytree(example.root, copy)
    rows = (copy / "items.jsonl").read_text().splitlines(keepends=True)
    (copy / "items.jsonl").write_text("".join(rows).replace("The slow train to Millbrook", "The train"))
    assert load_benchmark(copy).fingerprint != example.fingerprint
    runs = [
        make_run(tmp_path / "a", TUNED),
        make_run(tmp_path / "b", TUNED, benchmark=load_benchmark(copy), reference=None),
    ]
    board = leaderboard(runs, published=False)
    assert [[one.key for one in group.apart] for group in board.groups] == [[], ["benchmark"]]


def test_a_run_without_a_reference_has_no_delta_and_the_others_keep_theirs(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "with", TUNED), make_run(tmp_path / "without", mixed(0.5), reference=None)]
    (found,) = leaderboard(runs, published=False).groups
    assert found.comparison is not None
    assert [run.forgetting is not None for run in found.comparison.runs] == [True, False]
    assert found.comparison.pairs[0].forgetting is not None
    assert found.comparison.pairs[0].forgetting.value is None
    named = leaderboard(runs, references=[runs[0] / "reference"], published=False).groups[0]
    assert named.comparison is not None
    assert [run.forgetting is not None for run in named.comparison.runs] == [True, True]


def test_a_reference_that_was_scored_otherwise_gives_no_delta(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", TUNED)
    other = make_run(tmp_path / "other", BETTER, reference=None, scoring=Scoring(rules="careful"))
    board = leaderboard([run], references=[other], published=False)
    assert board.notes == ["run has no Δ: its reference was scored otherwise (rules)"]
    assert board.groups[0].comparison is not None
    assert board.groups[0].comparison.runs[0].forgetting is None


@pytest.mark.parametrize(
    ("runs", "references", "message"),
    [
        (["a"] * 2, [], "the same run directory is named twice"),
        (["a"], ["b", "c"], "--reference was given 2 times for 1 runs"),
        (["nowhere"], [], "no scored run at"),
        ([f"{n}" for n in range(MOST_RUNS + 1)], [], f"at most {MOST_RUNS} runs, found {MOST_RUNS + 1}"),
    ],
)
def test_wrong_calls_are_said(tmp_path: Path, runs: list[str], references: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        leaderboard([tmp_path / run for run in runs], references=[tmp_path / one for one in references])


def test_without_runs_the_published_rows_stand_alone() -> None:
    board = leaderboard([])
    assert board.groups == []
    assert board.published is not None
    assert len(board.published.rows) == 15


@needs_release
def test_the_recorded_responses_rank_at_their_own_columns(tmp_path: Path) -> None:
    run = score([locate(str(DESTA2))], load_benchmark(RELEASE), output_dir=tmp_path / "desta2")[1]
    (found,) = leaderboard([run]).groups
    assert found.comparison is not None
    (ours,) = found.comparison.runs
    assert ours.ifrate.value == pytest.approx((781 / 933 + 367 / 400 + 183 / 200) * 100 / 3)
    assert found.ranked[0].place == 1
