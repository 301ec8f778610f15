"""Generation: what is asked in which order, what is written, and how it goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, MismatchError, ModelError, OutputError, UsageError
from speech_ifeval.models import Generation, Model, Request, Response, failed, open_model
from speech_ifeval.models.functions import FunctionModel
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, Course, generate
from speech_ifeval.pipeline.interrupts import Stop
from speech_ifeval.runs import locked
from tests.spoken import item, spoken_rows, write_models, write_spoken, write_tone


@pytest.fixture
def spoken(tmp_path: Path) -> Benchmark:
    return write_spoken(tmp_path / "tones")


@pytest.fixture
def hearing(tmp_path: Path) -> Model:
    return open_model(f"py:{write_models(tmp_path)}:hears")


class Talker(Model):
    """Answers from a table of behaviours, and keeps what it was asked."""

    name = "talker"

    def __init__(self, **changes: Any) -> None:
        self.asked: list[Request] = []
        self.settings = {"weights": "a"}
        self.fails: set[str] = set()
        for name, value in changes.items():
            setattr(self, name, value)

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        return True

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            self.asked.append(request)
            if request.id in self.fails:
                yield failed(request, "no luck")
            else:
                yield Response(request.id, f"reply to {request.id}", "stop")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]


def texts(folder: Path) -> dict[str, str | None]:
    return {line["id"]: line["text"] for line in lines(folder)}


def test_every_item_and_twin_is_answered_from_its_own_clip(
    spoken: Benchmark, hearing: Model, tmp_path: Path
) -> None:
    generated = generate(hearing, spoken, tmp_path / "run")
    assert generated.course == Course(done=19, total=19, new=19)
    for id, text in texts(tmp_path / "run").items():
        hertz = 200 + 100 * (int(id[-4:]) % 5)
        assert text is not None
        assert text.startswith(f"{hertz} HZ"), id


def test_the_longest_input_of_a_category_comes_first(spoken: Benchmark, tmp_path: Path) -> None:
    model = Talker()
    generate(model, spoken, tmp_path / "run")
    kinds = [request.id.partition("/")[0] for request in model.asked]
    assert list(dict.fromkeys(kinds)) == [
        "closed-ended",
        "closed-ended-plain",
        "creative-writing",
        "chain-of-thought",
    ]
    for kind in set(kinds):
        seconds = [request.seconds for request in model.asked if request.id.startswith(f"{kind}/")]
        assert None not in seconds
        assert seconds == sorted(seconds, reverse=True)  # type: ignore[type-var]


def test_a_second_run_asks_nothing(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    before = (tmp_path / "run/responses.jsonl").read_bytes()
    again = Talker()
    generated = generate(again, spoken, tmp_path / "run")
    assert (again.asked, generated.course.new, generated.unasked) == ([], 0, 0)
    assert (tmp_path / "run/responses.jsonl").read_bytes() == before


def test_failed_requests_are_recorded_and_asked_again(spoken: Benchmark, tmp_path: Path) -> None:
    model = Talker(fails={"closed-ended/0001", "chain-of-thought/0002"})
    generated = generate(model, spoken, tmp_path / "run")
    assert (generated.course.done, generated.course.failed, generated.unasked) == (17, 2, 0)
    assert texts(tmp_path / "run")["closed-ended/0001"] is None
    again = Talker()
    generate(again, spoken, tmp_path / "run")
    assert {request.id for request in again.asked} == model.fails
    assert None not in texts(tmp_path / "run").values()
    assert len(lines(tmp_path / "run")) == 21


def test_a_larger_selection_asks_only_what_is_new(spoken: Benchmark, tmp_path: Path) -> None:
    few, more = Talker(), Talker()
    generate(few, spoken, tmp_path / "run", selection=Selection(limit=1))
    generate(more, spoken, tmp_path / "run", selection=Selection(limit=3))
    assert len(few.asked) == 4
    assert not {request.id for request in few.asked} & {request.id for request in more.asked}
    assert len(few.asked) + len(more.asked) == 12
    manifest = json.loads((tmp_path / "run/responses.manifest.json").read_text())
    assert manifest["selection"] == {"limit": 3}


def test_a_stop_answers_what_was_pulled_and_the_next_run_the_rest(spoken: Benchmark, tmp_path: Path) -> None:
    stop = Stop()

    def three(requests: list[Request]) -> list[str]:
        if requests[0].id.startswith("closed-ended-plain"):
            stop.request()
        return [request.id for request in requests]

    model = FunctionModel(three, batch_size=4)
    once = Conditions(audio_check=False)
    generated = generate(model, spoken, tmp_path / "run", stop=stop, conditions=once)
    # 6 closed-ended items: the second batch holds two of them and two twins, the third begins with a twin.
    assert (generated.course.done, generated.unasked) == (12, 7)
    generated = generate(model, spoken, tmp_path / "run", conditions=once)
    assert (generated.course.done, generated.course.new, generated.unasked) == (19, 7, 0)


@pytest.mark.parametrize(
    ("change", "asking", "named"),
    [
        ({"settings": {"weights": "b"}}, Asking(), "model.weights: 'a' there, 'b' now"),
        ({"settings": {"weights": "a", "lora_scale": 0.5}}, Asking(), "model.lora_scale: None there, 0.5 now"),
        ({}, Asking(input="transcript"), "input: 'audio' there, 'transcript' now"),
        ({}, Asking(system=None), "system: 'Follow the given instructions.' there, None now"),
        ({}, Asking(generation=Generation(max_new_tokens=9)), "generation.max_new_tokens: 2048 there, 9 now"),
    ],
)
def test_other_settings_are_refused_with_the_key_that_differs(
    change: dict[str, Any], asking: Asking, named: str, spoken: Benchmark, tmp_path: Path
) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    with pytest.raises(MismatchError) as caught:
        generate(Talker(**change), spoken, tmp_path / "run", asking=asking)
    assert named in str(caught.value)


def test_another_benchmark_is_refused(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    other = write_spoken(tmp_path / "other", spoken_rows(closed=2))
    with pytest.raises(MismatchError, match="benchmark"):
        generate(Talker(), other, tmp_path / "run")


def test_audio_that_changed_since_is_refused(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    write_tone(spoken.root / "audio/clips/3.wav", 4000)
    with pytest.raises(MismatchError, match="settings of 3 items have changed"):
        generate(Talker(), spoken, tmp_path / "run")


def test_a_torn_last_line_is_asked_again(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    path = tmp_path / "run/responses.jsonl"
    whole = path.read_bytes()
    rng = random.Random(3)
    for cut in rng.sample(range(1, len(whole)), 25):
        path.write_bytes(whole[:cut])
        generate(Talker(), spoken, tmp_path / "run")
        assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines()), cut


def test_a_poisonous_batch_fails_and_the_others_do_not(spoken: Benchmark, tmp_path: Path) -> None:
    model = open_model(f"py:{write_models(tmp_path)}:poisoned", {"batch_size": "1"})
    generate(model, spoken, tmp_path / "run")
    errors = {line["id"]: line["error"] for line in lines(tmp_path / "run") if line["text"] is None}
    assert errors == {"closed-ended/0003": "RuntimeError: this one is poison"}


def test_a_model_that_always_fails_is_stopped_early(tmp_path: Path) -> None:
    many = write_spoken(tmp_path / "many", spoken_rows(closed=60))
    model = open_model(f"py:{write_models(tmp_path)}:always_fails")
    with pytest.raises(ModelError, match=r"the first 24 requests to always_fails all failed.*no GPU today"):
        generate(model, many, tmp_path / "run", conditions=Conditions(audio_check=False))
    assert len(lines(tmp_path / "run")) == 24


class Doubling(Talker):
    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for response in super().answer(requests):
            yield from (response, response)


class Mute(Talker):
    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for response in super().answer(requests):
            if response.id != "closed-ended/0002":
                yield response


def test_a_second_answer_to_one_item_is_an_error(spoken: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a second"):
        generate(Doubling(), spoken, tmp_path / "run")


def test_an_item_that_a_model_passes_over_is_recorded_as_failed(spoken: Benchmark, tmp_path: Path) -> None:
    generated = generate(Mute(), spoken, tmp_path / "run")
    assert generated.course.failed == 1
    assert {line["id"]: line.get("error") for line in lines(tmp_path / "run")}["closed-ended/0002"] == (
        "the model gave no response"
    )


def test_responses_are_taken_over_where_fingerprints_agree(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "one", asking=Asking(input="transcript"), selection=Selection(limit=2))
    second = Talker()
    generated = generate(
        second,
        spoken,
        tmp_path / "two",
        asking=Asking(input="transcript"),
        conditions=Conditions(shared=(tmp_path / "one",)),
    )
    assert (generated.course.new, len(second.asked)) == (19, 11)
    other = Talker(settings={"weights": "b"})
    generate(
        other,
        spoken,
        tmp_path / "three",
        asking=Asking(input="transcript"),
        conditions=Conditions(shared=(tmp_path / "one",)),
    )
    assert len(other.asked) == 19


def test_no_more_runs_are_read_than_answers_are_wanted_of(spoken: Benchmark, tmp_path: Path) -> None:
    asking, said = Asking(input="transcript"), []
    generate(Talker(), spoken, tmp_path / "one", asking=asking)
    broken = tmp_path / "two" / "responses.jsonl"
    broken.parent.mkdir()
    broken.write_text("{\n")  # reading it would be said
    shared = Conditions(shared=(tmp_path / "one", broken.parent))
    for _ in range(2):  # at first all answers are in the first, and then none is wanted
        taking = Talker()
        generate(taking, spoken, tmp_path / "three", asking=asking, conditions=shared, say=said.append)
        assert (taking.asked, said) == ([], [])


def test_a_reader_gets_the_transcript_and_no_audio(spoken: Benchmark, tmp_path: Path) -> None:
    model = Talker(hears=False)
    generate(model, spoken, tmp_path / "run")
    request = next(request for request in model.asked if request.id == "closed-ended/0001")
    assert request.audio is None
    assert request.text == "Speech Input: the words of clips/1.wav\n\nQuestion 1? Mind the form."


def test_a_reader_without_transcripts_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "transcript": None} if row["id"] == "creative-writing/0001" else row for row in spoken_rows()]
    benchmark = write_spoken(tmp_path / "tones", rows)
    with pytest.raises(DataError, match="1 of 19 items have no transcript.*creative-writing/0001"):
        generate(Talker(hears=False), benchmark, tmp_path / "run")


def test_clips_longer_than_the_model_hears_are_counted_and_marked(spoken: Benchmark, tmp_path: Path) -> None:
    said: list[str] = []
    generate(Talker(audio_limit=0.75), spoken, tmp_path / "run", say=said.append)
    assert said == [
        "2 of 5 clips are longer than the 0.75 s that talker hears: it hears their beginning, and their "
        "responses are marked"
    ]
    cut = {line["id"]: line["audio_cut"] for line in lines(tmp_path / "run")}
    assert {id for id, value in cut.items() if value} == {id for id in cut if int(id[-4:]) % 5 >= 3}


def test_audio_stays_on_this_machine_unless_allowed(spoken: Benchmark, tmp_path: Path) -> None:
    model = Talker(remote_host="api.example.com")
    with pytest.raises(UsageError, match=r"api\.example\.com.*--allow-upload"):
        generate(model, spoken, tmp_path / "run")
    assert model.asked == []
    generate(model, spoken, tmp_path / "run", conditions=Conditions(allow_upload=True))
    text_only = Talker(remote_host="api.example.com", hears=False)
    generate(text_only, spoken, tmp_path / "text")
    assert len(text_only.asked) == 19


def test_consent_is_asked_with_what_would_be_sent_and_can_be_refused(spoken: Benchmark, tmp_path: Path) -> None:
    asked: list[int] = []

    def refuse(requests: Any) -> None:
        asked.append(len(requests))
        raise UsageError("no")

    model = Talker()
    with pytest.raises(UsageError, match="no"):
        generate(model, spoken, tmp_path / "run", confirm=refuse)
    assert (asked, model.asked) == ([19], [])


def test_a_run_directory_has_one_writer(spoken: Benchmark, tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(OutputError, match="is being written by another process"):
        generate(Talker(), spoken, tmp_path / "run")


def test_fingerprints_tell_clips_prompts_and_settings_apart(spoken: Benchmark, tmp_path: Path) -> None:
    seen: dict[str, set[str]] = {}
    for name, model, asking in (
        ("plain", Talker(), Asking()),
        ("weights", Talker(settings={"weights": "b"}), Asking()),
        ("system", Talker(), Asking(system="Be brief.")),
        ("tokens", Talker(), Asking(generation=Generation(max_new_tokens=9))),
        ("text", Talker(), Asking(input="transcript")),
    ):
        generate(model, spoken, tmp_path / name, asking=asking)
        seen[name] = {line["fingerprint"] for line in lines(tmp_path / name)}
    # Items of other categories may put the same question about the same clip: that is the same input.
    assert {name: len(found) for name, found in seen.items()} == dict.fromkeys(seen, len(seen["plain"]))
    assert len(set.union(*seen.values())) == len(seen) * len(seen["plain"])


def test_the_same_sound_in_another_container_is_the_same_clip(spoken: Benchmark, tmp_path: Path) -> None:
    import soundfile

    generate(Talker(), spoken, tmp_path / "run")
    clip = spoken.root / "audio/clips/2.wav"
    samples, rate = soundfile.read(clip, dtype="int16")
    soundfile.write(clip, samples, rate, format="FLAC", subtype="PCM_16")
    again = Talker()
    generate(again, spoken, tmp_path / "run")
    assert again.asked == []


def test_a_response_is_stamped_not_changed(spoken: Benchmark, tmp_path: Path) -> None:
    class Full(Talker):
        def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
            for response in super().answer(requests):
                yield replace(response, input_tokens=7, output_tokens=3, seconds=0.5, finish_reason="length")

    generated = generate(Full(), spoken, tmp_path / "run")
    assert generated.course.cut_off == 19
    line = lines(tmp_path / "run")[0]
    assert {key: line[key] for key in ("input_tokens", "output_tokens", "seconds", "finish_reason")} == {
        "input_tokens": 7,
        "output_tokens": 3,
        "seconds": 0.5,
        "finish_reason": "length",
    }


def test_items_without_a_choice_are_an_error(tmp_path: Path) -> None:
    rows = [item("creative-writing", 0, "clips/0.wav", "startend:quotation")]
    benchmark = write_spoken(tmp_path / "tones", rows)
    with pytest.raises(UsageError, match=r"tones has no items to ask \(chain-of-thought\)"):
        generate(Talker(), benchmark, tmp_path / "run", selection=Selection(categories=("chain-of-thought",)))


def test_errors_are_never_scored_as_text(spoken: Benchmark, tmp_path: Path) -> None:
    class Erring(Talker):
        def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
            for number, response in enumerate(super().answer(requests)):
                yield [
                    response,
                    replace(response, error="bad"),
                    replace(response, finish_reason="error"),
                    Response(response.id, None),
                ][number % 4]

    generated = generate(Erring(), spoken, tmp_path / "run")
    assert (generated.course.done, generated.course.failed) == (5, 14)
    for line in lines(tmp_path / "run"):
        assert (line["text"] is None) == (line.get("finish_reason") == "error") == bool(line.get("error"))


def test_half_surrogate_pairs_are_written_as_the_replacement_character(spoken: Benchmark, tmp_path: Path) -> None:
    def cut(requests: list[Request]) -> list[Response]:
        return [
            Response(one.id, "cut \ud83d") if one.id.startswith("closed") else failed(one, "why \udc00")
            for one in requests
        ]

    generate(FunctionModel(cut), spoken, tmp_path / "run", conditions=Conditions(audio_check=False))
    assert {line["text"] or line["error"] for line in lines(tmp_path / "run")} == {"cut \ufffd", "why \ufffd"}


def test_broken_clips_are_counted_once_and_stop_no_run(tmp_path: Path) -> None:
    benchmark = write_spoken(tmp_path / "big", spoken_rows(closed=40, creative=20, thinking=10, clips=30))
    for number in range(10):
        (benchmark.root / f"audio/clips/{number}.wav").unlink()
    record = Conditions(broken_audio="record")
    first = generate(Talker(), benchmark, tmp_path / "run", conditions=record)
    assert (first.course.failed, first.unasked) == (60, 0)
    before = (tmp_path / "run/responses.jsonl").read_bytes()
    again = Talker()
    second = generate(again, benchmark, tmp_path / "run", conditions=record)
    assert (again.asked, second.course.failed, second.unasked) == ([], 60, 0)
    assert (tmp_path / "run/responses.jsonl").read_bytes() == before
    write_spoken(tmp_path / "big", spoken_rows(closed=40, creative=20, thinking=10, clips=30))
    restored = generate(Talker(), benchmark, tmp_path / "run")
    assert (restored.course.done, restored.course.new) == (110, 60)


def test_a_clip_that_is_lost_later_leaves_its_answer(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    before = (tmp_path / "run/responses.jsonl").read_bytes()
    (spoken.root / "audio/clips/4.wav").unlink()
    generated = generate(Talker(), spoken, tmp_path / "run", conditions=Conditions(broken_audio="record"))
    assert (generated.course.done, generated.course.failed) == (19, 0)
    assert (tmp_path / "run/responses.jsonl").read_bytes() == before


def test_a_callable_is_gone_on_with_only_as_the_same_object_unless_it_says_what_it_is(
    spoken: Benchmark, tmp_path: Path
) -> None:
    def saying(text: str) -> Any:
        return lambda requests: [text for _ in requests]

    unchecked = Conditions(audio_check=False)
    same = saying("one")
    generate(FunctionModel(same), spoken, tmp_path / "run", selection=Selection(limit=1), conditions=unchecked)
    generate(FunctionModel(same), spoken, tmp_path / "run", conditions=unchecked)
    with pytest.raises(MismatchError, match="model.object"):
        generate(FunctionModel(saying("two")), spoken, tmp_path / "run", conditions=unchecked)
    named = {"weights": "step-2000"}
    generate(FunctionModel(saying("a"), settings=named), spoken, tmp_path / "named", conditions=unchecked)
    again = generate(FunctionModel(saying("a"), settings=named), spoken, tmp_path / "named", conditions=unchecked)
    assert again.course.new == 0

    class Silent(Talker):
        def __init__(self) -> None:
            super().__init__()
            self.settings = {}

    generate(Silent(), spoken, tmp_path / "silent")
    with pytest.raises(MismatchError, match="model.object"):
        generate(Silent(), spoken, tmp_path / "silent")


def test_another_runs_broken_file_is_not_this_ones_trouble(spoken: Benchmark, tmp_path: Path) -> None:
    asking = Asking(input="transcript")
    generate(Talker(), spoken, tmp_path / "one", asking=asking)
    (tmp_path / "one/responses.jsonl").write_text("{\n")
    said: list[str] = []
    generated = generate(
        Talker(), spoken, tmp_path / "two", asking=asking, say=said.append,
        conditions=Conditions(shared=(tmp_path / "one",)),
    )  # fmt: skip
    assert generated.course.done == 19
    assert said[0].startswith(f"nothing is taken over from {tmp_path / 'one'}")


def test_a_lost_manifest_is_not_written_anew_for_another_model(spoken: Benchmark, tmp_path: Path) -> None:
    generate(Talker(), spoken, tmp_path / "run")
    (tmp_path / "run/responses.manifest.json").unlink()
    with pytest.raises(MismatchError, match="the model's settings of 19 items"):
        generate(Talker(settings={"weights": "b"}), spoken, tmp_path / "run")
    assert not (tmp_path / "run/responses.manifest.json").exists()
    generate(Talker(), spoken, tmp_path / "run")


@pytest.mark.parametrize(
    "wrong", [{"temperature": float("inf")}, {"temperature": float("nan")}, {"top_p": -1.0}, {"max_new_tokens": 0}]
)
def test_numbers_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Generation(**wrong)


def test_a_clip_with_an_endless_name_is_broken_not_a_traceback(tmp_path: Path) -> None:
    rows = spoken_rows()
    write_spoken(tmp_path / "tones", rows)
    long = {**rows[-1], "id": "chain-of-thought/9999", "clip": "x" * 400 + ".wav"}
    with (tmp_path / "tones/items.jsonl").open("a") as file:
        file.write(json.dumps(long) + "\n")
    benchmark = load_benchmark(tmp_path / "tones")
    with pytest.raises(DataError, match="1 of 6 clips cannot be heard"):
        generate(Talker(), benchmark, tmp_path / "run")
