"""What wordings do, in runs that are made up and in the published DeSTA2 responses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from speech_ifeval.analysis.worded import variations, worded_of
from speech_ifeval.analysis.wording import wording_effects, wording_effects_of
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.records import CATEGORIES, Constraint, Item, Verdict
from speech_ifeval.results import WordedConstraint, WordedRun, WordingEffects, WordingLuck, WordingTest
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release

DOCS = Path(__file__).parents[2] / "docs"
QUOTATION, END = "startend:quotation", "startend:end_checker"
Follows = Callable[[Item], bool | None]


def built(
    *, questions: int = 60, wordings: int = 10, crossed: bool = False, id: str = QUOTATION, phrases: int = 1
) -> Benchmark:
    """A benchmark with one constraint a category, as the builder makes them."""
    items = []
    for category in CATEGORIES:
        for question in range(questions):
            for wording in range(wordings) if crossed else [question % wordings]:
                kwargs = {"end_phrase": f"Phrase {question // wordings % phrases}."} if id == END else {}
                items.append(
                    Item(
                        f"{category}/{len(items):04d}",
                        category,
                        f"Question {question}?\nWording {wording}, {kwargs.get('end_phrase', '')}",
                        f"{category}-{question}.wav",
                        "even" if question % 2 else "odd",
                        (Constraint(id, kwargs),),
                        wording=f"en/{id}/{wording + 1:02d}",
                    )
                )
    return Benchmark("made", tuple(items), fingerprint_of(items), Path())


def run_of(benchmark: Benchmark, follows: Follows, name: str = "made-up") -> ScoredRun:
    verdicts = [
        Verdict(item.id, item.category, item.dataset, item.clip, one.id, "WR", index, "official", follows(item))
        for item in benchmark
        for index, one in enumerate(item.constraints)
    ]
    settings = {"benchmark": f"{benchmark.name}-{benchmark.short_fingerprint}", "rules": "official"}
    return ScoredRun(name, verdicts, settings)


def number_of(item: Item) -> int:
    assert item.wording is not None
    return int(item.wording[-2:])


def coin(item: Item, chance: float, seed: int = 0) -> bool:
    return bool(np.random.default_rng([seed, *item.id.encode()]).random() < chance)


def effects(benchmark: Benchmark, *follows: Follows, seed: int = 0) -> WordingEffects:
    runs = [run_of(benchmark, one, f"run-{at}") for at, one in enumerate(follows)]
    return wording_effects_of(runs, benchmark, seed=seed)


def all_tests(run: WordedRun) -> list[WordingTest]:
    return [test for constraint in run.constraints for test in constraint.tests]


def luck_of(run: WordedRun, group: str = "IFrate") -> WordingLuck:
    return next(luck for luck in run.luck if luck.group == group)


def test_a_wording_that_fails_is_found_and_named() -> None:
    run = effects(built(), lambda item: number_of(item) != 3 or coin(item, 0.2)).runs[0]
    for test in all_tests(run):
        assert test.finding == "found"
        assert [rate.wording for rate in test.rates if rate.apart == "below"] == [f"en/{QUOTATION}/03"]
        assert test.low is not None
        assert test.low > 3
    assert run.together is not None
    assert run.together < 0.01
    assert (luck_of(run).share or 0) > 20


def test_chance_is_not_found_and_no_wording_is_called_better_or_worse() -> None:
    found = 0
    for seed in range(20):
        run = effects(built(), lambda item, seed=seed: coin(item, 0.8, seed)).runs[0]
        found += any(test.finding == "found" for test in all_tests(run))
        for test in all_tests(run):
            assert test.finding in ("found", "undecided")
            assert (test.power or 0) < 0.8
            if test.finding == "undecided":
                assert all(rate.apart is None for rate in test.rates)
    assert found <= 3  # of 20, at .05


def test_with_enough_items_nothing_found_is_told_from_undecided() -> None:
    run = effects(built(questions=400), lambda item: coin(item, 0.6)).runs[0]
    assert [test.finding for test in all_tests(run)] == ["not found"] * 3
    for test in all_tests(run):
        assert test.power is not None
        assert test.power > 0.8
        assert 0 < (test.detectable or 0) < 20
        assert 0 < (test.high or 0) < 20


def test_asked_with_every_wording_hard_questions_do_not_hide_wordings() -> None:
    def follows(item: Item) -> bool:
        hard = int(item.clip.rpartition("-")[2][:-4]) // 10 % 2
        return not hard and (number_of(item) != 3 or coin(item, 0.4))

    crossed = effects(built(questions=30, crossed=True), follows).runs[0]
    assert {test.finding for test in all_tests(crossed)} == {"found"}
    once = effects(built(questions=300), follows).runs[0]  # as many items, a question each
    assert (all_tests(crossed)[0].p or 0) < (all_tests(once)[0].p or 0)


def test_where_each_wording_is_asked_once_nothing_is_tested_and_it_is_said() -> None:
    run = effects(built(questions=10), lambda item: coin(item, 0.5)).runs[0]
    for test in all_tests(run):
        assert (test.finding, test.p, test.sd, test.rates) == ("untested", None, None, [])
        assert test.why == "none of them is asked twice"
    assert (run.together, run.power) == (None, None)
    luck = luck_of(run)
    assert (luck.redrawn, luck.low, luck.untold) == (None, None, 30)
    assert luck.rate.value is not None


@pytest.mark.parametrize("follows", [True, False])
def test_items_that_all_follow_or_none_leave_room_for_what_was_not_seen(follows: bool) -> None:
    run = effects(built(), lambda _: follows).runs[0]
    for test in all_tests(run):
        assert (test.finding, test.p, test.sd, test.low, test.bounded) == ("untested", None, 0, 0, False)
        assert 0 < (test.high or 0) < 30
    redrawn = luck_of(run).redrawn
    assert redrawn is not None
    assert redrawn.sd == 0 < redrawn.high


def test_unscored_verdicts_are_left_out_and_counted() -> None:
    def follows(item: Item) -> bool | None:
        return None if item.id.endswith("7") else coin(item, 0.7)

    run = effects(built(), follows).runs[0]
    assert [(constraint.rate.n, constraint.rate.unscored) for constraint in run.constraints] == [(54, 6)] * 3
    assert run.notes == ["18 verdicts are unscored and left out"]


def test_a_category_that_is_all_unscored_has_no_test_and_ifrate_no_luck() -> None:
    run = effects(built(), lambda item: None if item.category == CATEGORIES[2] else coin(item, 0.7)).runs[0]
    assert [len(constraint.tests) for constraint in run.constraints] == [1, 1, 0]
    luck = luck_of(run)
    assert luck.rate.value is None
    assert luck.redrawn is None
    assert luck_of(run, CATEGORIES[0]).redrawn is not None


def test_phrases_that_are_drawn_apart_are_tested_apart() -> None:
    benchmark = built(questions=90, wordings=9, id=END, phrases=5)
    run = effects(benchmark, lambda item: "Phrase 2." not in item.instruction or coin(item, 0.3)).runs[0]
    for constraint in run.constraints:
        wording, phrase = constraint.tests
        assert (wording.varied, phrase.varied) == ("wording", "phrase")
        assert (wording.levels, phrase.levels) == (9, 5)
        assert phrase.finding == "found"
        assert [rate.text for rate in phrase.rates if rate.apart == "below"] == ["Phrase 2."]
        assert wording.finding != "found"


def test_phrases_with_one_wording_each_are_tested_over_and_within_wordings() -> None:
    benchmark = built(questions=90, wordings=9, id=END, phrases=5)
    items = [  # each phrase has one wording, a wording up to three phrases
        msgspec.structs.replace(item, wording=f"en/{END}/{(number_of(item) + 2) // 3:02d}") for item in benchmark
    ]
    for at, item in enumerate(items):
        phrase = f"Phrase {(number_of(benchmark.items[at]) - 1)}."
        items[at] = msgspec.structs.replace(item, constraints=(Constraint(END, {"end_phrase": phrase}),))
    nested = Benchmark("nested", tuple(items), fingerprint_of(items), Path())
    run = effects(nested, lambda item: number_of(item) != 2 or coin(item, 0.2)).runs[0]
    for constraint in run.constraints:
        both, over, within = constraint.tests
        assert [both.varied, over.varied, within.varied] == [
            "wording with its phrase",
            "wording over phrases",
            "phrase within wording",
        ]
        assert (both.levels, over.levels, within.levels) == (9, 3, 9)
        assert both.finding == "found"
        assert over.sd is None  # not told from that of its phrases
        assert within.finding != "found"
    worded = worded_of(run_of(nested, lambda _: True), nested)[0]
    assert [one.counts_as_luck for one in variations(worded)] == [True, False, False]


def test_crossed_phrases_vary_between_questions_which_are_exchanged_whole() -> None:
    benchmark = built(questions=60, wordings=5, crossed=True, id=END, phrases=4)
    hard = {f"{category}-{question}.wav" for category in CATEGORIES for question in range(0, 60, 3)}

    def by_question(item: Item) -> bool:
        return item.clip not in hard

    def by_phrase(item: Item) -> bool:
        return "Phrase 2." not in item.instruction or coin(item, 0.1)

    for follows, found in ((by_question, False), (by_phrase, True)):
        for constraint in effects(benchmark, follows).runs[0].constraints:
            wording, phrase = constraint.tests
            assert (phrase.varied, phrase.levels, phrase.sd) == ("phrase", 4, None)
            assert (phrase.finding == "found") is found
            assert wording.finding != "found"


def test_runs_with_the_same_wordings_at_fault_correlate() -> None:
    def at_fault(*numbers: int, seed: int) -> Follows:
        return lambda item: coin(item, 0.2 if number_of(item) in numbers else 0.9, seed)

    found = effects(
        built(questions=150),
        at_fault(1, 2, 3, seed=1),
        at_fault(1, 2, 3, seed=2),
        at_fault(7, 8, 9, seed=3),
    )
    same, other, _ = found.pairs
    assert (same.first, same.second, same.wordings) == (0, 1, 30)
    assert (same.correlation or 0) > 0.9
    assert same.p_holm < 0.01
    assert (other.correlation or 0) < 0
    assert [run.name for run in found.runs] == ["run-0", "run-1", "run-2"]


def test_a_figure_does_not_depend_on_what_else_is_in_the_run() -> None:
    benchmark = built()
    whole = run_of(benchmark, lambda item: coin(item, 0.7))
    part = ScoredRun(whole.name, [one for one in whole.verdicts if one.category == CATEGORIES[0]], whole.settings)
    first, alone = (wording_effects_of([run], benchmark).runs[0].constraints[0] for run in (whole, part))

    def own(constraint: WordedConstraint) -> object:
        test = constraint.tests[0]
        return test.p, test.sd, test.low, test.high, test.rates

    assert own(first) == own(alone)


def test_the_same_seed_gives_the_same_document_and_another_one_another() -> None:
    documents = [
        msgspec.json.encode(effects(built(), lambda item: coin(item, 0.7), seed=seed)) for seed in (1, 1, 2)
    ]
    assert documents[0] == documents[1] != documents[2]
    assert b"|wording-seed:1" in documents[0]


def test_items_with_several_constraints_have_tests_and_no_luck() -> None:
    items = [
        msgspec.structs.replace(item, constraints=(*item.constraints, Constraint("change_case:english_capital")))
        for item in built()
    ]
    benchmark = Benchmark("both", tuple(items), fingerprint_of(items), Path())
    run = effects(benchmark, lambda item: coin(item, 0.7)).runs[0]
    assert len(all_tests(run)) == 6
    assert luck_of(run).redrawn is None
    assert run.notes == [
        "180 items have several constraints, so what wordings add to the rate of items is left out"
    ]


def test_another_benchmark_is_refused() -> None:
    run = run_of(built(), lambda _: True)
    with pytest.raises(MismatchError, match=r"made-up was scored on made-\w+, found the benchmark example-"):
        wording_effects_of([run], load_benchmark("example"))
    strange = ScoredRun(run.name, [msgspec.structs.replace(run.verdicts[0], index=3)], run.settings)
    with pytest.raises(DataError, match="constraint 3, which made-.+ does not have"):
        wording_effects_of([strange], built())


def test_calls_that_are_wrong_are_refused(tmp_path: Path) -> None:
    example = load_benchmark("example")
    with pytest.raises(UsageError, match="wording takes 1 to 20 runs, found 0"):
        wording_effects([], example)
    with pytest.raises(UsageError, match="named twice"):
        wording_effects([tmp_path, tmp_path / "."], example)
    for effect in (0.0, -1.0, float("nan"), 11.0):
        with pytest.raises(UsageError, match="--effect takes a number above 0, at most 10"):
            wording_effects([tmp_path], example, effect=effect)
    with pytest.raises(UsageError, match="no scored run at"):
        wording_effects([tmp_path], example)


@pytest.fixture(scope="module")
def desta2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "desta2"
    score([DESTA2], load_benchmark(RELEASE), output_dir=folder)
    return folder


@needs_release
def test_the_docs_show_what_the_command_prints(desta2: Path) -> None:
    page = (DOCS / "wording.md").read_text()
    shown = re.search(r"<!-- output of: speech-ifeval (.+?) -->\n(.*?)<!-- end of output -->", page, re.S)
    assert shown is not None
    places = {"runs/desta2": desta2, "official": RELEASE}
    done = invoke(*(str(places.get(word, word)) for word in shlex.split(shown[1])))
    # The published wordings are no part of the project.
    tables = [part for part in done.out.strip().split("\n\n") if not part.startswith("| wording |")]
    assert "\n\n".join(tables) == shown[2].strip(), (
        "paste the command's output into docs/wording.md, without the table of wordings"
    )


@needs_release
def test_desta2_follows_some_wordings_of_titles_and_of_first_words_less(desta2: Path) -> None:
    found = wording_effects([desta2], load_benchmark(RELEASE)).runs[0]
    tests = {
        (constraint.constraint, constraint.fixed, test.varied): test
        for constraint in found.constraints
        for test in constraint.tests
    }
    assert tests["detectable_format:title", "", "wording"].finding == "found"
    assert tests["combination:repeat_prompt", "", "wording with its phrase"].finding == "found"
    title = tests["detectable_format:title", "", "wording"].rates
    failing = [rate for rate in title if rate.followed < rate.n]
    assert sum(rate.n - rate.followed for rate in title) == 10
    assert len(failing) == 3
    assert all("brackets" in rate.text and "angular" not in rate.text for rate in failing)
    assert sum(rate.apart == "below" for rate in title) == 2
    first = tests["combination:repeat_prompt", "", "wording over phrases"].rates
    assert sum(rate.n - rate.followed for rate in first) == 9
    assert max(rate.n - rate.followed for rate in first) == 6
    assert not any(rate.apart for test in tests.values() for rate in test.rates if test.finding != "found")
    luck = luck_of(found)
    assert luck.rate.value == pytest.approx(88.99, abs=0.005)
    assert luck.low is not None
    assert luck.rate.low is not None
    assert luck.low < luck.rate.low
    assert sum(constraint.rate.n for constraint in found.constraints) == 1533
