"""The stage that generates: items in, responses out, one flushed line each, resumed item by item."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace as structs_replace

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.rows import decode_row
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.sharding import Shard
from speech_ifeval.errors import DataError, MismatchError, ModelError, UsageError
from speech_ifeval.models import Model, Request, failed, settings_of
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE
from speech_ifeval.pipeline.asking import Asking, make_requests, refuse_untranscribed
from speech_ifeval.pipeline.interrupts import Stop
from speech_ifeval.pipeline.preflight import Survey, check_hearing, find_audio, refuse_broken, survey_clips
from speech_ifeval.pipeline.shard_folders import refuse_strangers
from speech_ifeval.records import SCHEMA_VERSION, Item, Response
from speech_ifeval.runs import Appender, appender, claim_stage, locked, whole_lines, write_document

_RESPONSE = msgspec.json.Decoder(Response)
_ENCODER = msgspec.json.Encoder(order="deterministic")
RESUMED_BY = ("benchmark", "input", "system", "generation", "model")
_FINGERPRINT_DIGITS = 24
_HOPELESS = 20  # failures from the start, one after the other, that end a run


class Course(Struct, frozen=True):
    """How far a run is: what progress bars show.

    Attributes:
        done: responses that are there, those of earlier processes included.
        total: items that are asked.
        failed: requests of this process that came back without a reply.
        cut_off: replies of this process that reached the token limit.
        new: responses of this process.
    """

    done: int
    total: int
    failed: int = 0
    cut_off: int = 0
    new: int = 0


@dataclass(frozen=True)
class Conditions:
    """Under which a run starts, beside what is asked.

    Attributes:
        audio_dir: where the clips lie; None looks in and beside the benchmark's folder.
        audio_check: whether two clips must be two inputs to the model before anything is asked.
        broken_audio: ``stop`` refuses to start with clips that are missing or broken, ``record`` records
            their items as failed.
        allow_upload: whether audio may go to a host that is not this machine.
        shared: run directories whose responses may be taken over where their fingerprints agree.

    Raises:
        UsageError: another value of `broken_audio`.

    >>> Conditions().audio_check
    True
    """

    audio_dir: Path | None = None
    audio_check: bool = True
    broken_audio: Literal["stop", "record"] = "stop"
    allow_upload: bool = False
    shared: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.broken_audio not in ("stop", "record"):
            raise UsageError(f"--broken-audio takes stop or record, found {self.broken_audio!r}")


@dataclass
class Generated:
    """What a run has: `new` responses of this process, `failed` of all, and what was not asked yet."""

    folder: Path
    course: Course
    unasked: int = 0
    notes: list[str] = field(default_factory=list)


def generate(
    model: Model,
    benchmark: Benchmark,
    folder: Path,
    *,
    selection: Selection | None = None,
    shard: Shard | None = None,
    asking: Asking | None = None,
    conditions: Conditions | None = None,
    stop: Stop | None = None,
    confirm: Callable[[Sequence[Request]], None] | None = None,
    say: Callable[[str], None] | None = None,
    progress: Callable[[Course], None] | None = None,
) -> Generated:
    """Ask a model the items of a benchmark, or those that a run directory has no response to yet.

    Args:
        model: who answers.
        benchmark: what is asked.
        folder: the run directory; made, or gone on with.
        selection: which items; all by default.
        shard: which part of these; its `folder` lies beside those of the other shards.
        asking: how they are put.
        conditions: under which the run starts.
        stop: asks the run to end; what the model has begun is still answered.
        confirm: called with the requests before the first is sent; raises to refuse.
        say: called with what a user should know before the run.
        progress: called after each response.

    Raises:
        MismatchError: the run directory was made with other settings, or the audio has changed since.
        DataError: clips are missing or broken, or items without a transcript.
        UsageError: audio would leave this machine, and nobody allowed it.
        ModelError: the audio does not reach the model, or no request succeeds.
        OutputError: the responses cannot be written, or another process writes them.
    """
    selection = selection or Selection()
    asking = asking or Asking()
    conditions = conditions or Conditions()
    say = say or _silent
    items = selection.with_twins(benchmark) if shard is None else shard.part(selection, benchmark)
    if not items:
        raise UsageError(f"{benchmark.name} has no items to ask ({selection.label}); choose others")
    with locked(folder):
        prepared = _prepare(model, benchmark, items, asking, conditions, say)
        manifest = _manifest(model, benchmark, asking, selection)
        if shard is not None:
            manifest["shard"] = {"index": shard.index, "count": shard.count}
            refuse_strangers(folder, manifest, RESUMED_BY)
        before = read_latest(folder / RESPONSES_FILE)
        # A directory in which nobody has answered yet is nobody's: another model may take it.
        compared = RESUMED_BY if any(one.text is not None for one in before.values()) else ()
        if not (
            folder / RUN_FILE
        ).exists():  # a manifest that was lost is written again for its own responses only
            _kept(folder, before, prepared)
        standing = claim_stage(folder / RUN_FILE, manifest, compared)
        standing = standing if compared else manifest
        kept = _kept(folder, before, prepared)
        pending = [request for request in prepared.requests if request.id not in kept]
        check = standing.get("audio_check")
        if pending and confirm is not None:
            confirm(pending)
        if pending and prepared.survey is not None:
            check = _checked(model, prepared, conditions)
        standing = {**standing, "selection": manifest["selection"], "audio_check": check}
        write_document(folder / RUN_FILE, standing)
        with appender(folder / RESPONSES_FILE) as out:
            work = _Work(model, prepared, out, len(items), len(kept), progress)
            pending = work.take_over(pending, conditions.shared, say)
            work.pass_over([one for one in prepared.unheard.values() if one.id not in kept], set(before))
            try:
                work.answer(pending, stop or Stop())
            finally:  # what a model learns while it answers: the batch size that fits, what a server calls itself
                if pending:
                    write_document(folder / RUN_FILE, {**standing, "recorded": _builtins(model.recorded)})
    course = work.course
    return Generated(folder, course, unasked=course.total - course.done - course.failed)


@dataclass(frozen=True)
class _Prepared:
    """The requests with the fingerprint of each; `unheard` are the responses of items with a broken clip."""

    requests: list[Request]
    fingerprints: dict[str, str]
    survey: Survey | None
    unheard: dict[str, Response]


def _prepare(
    model: Model,
    benchmark: Benchmark,
    items: Sequence[Item],
    asking: Asking,
    conditions: Conditions,
    say: Callable[[str], None],
) -> _Prepared:
    survey, folder = None, None
    if model.canned:
        pass
    elif asking.input_of(model) == "transcript":
        refuse_untranscribed(items)
    else:
        if not model.hears:
            raise UsageError(f"the model {model.name} takes no audio; give --input transcript")
        if model.audio_host is not None and not conditions.allow_upload:
            raise UsageError(
                f"the clips would go to {model.audio_host}, which is not this machine, and several corpora "
                "forbid it; check their licences, then give --allow-upload"
            )
        folder = find_audio(benchmark, items, conditions.audio_dir)
        survey = survey_clips(items, folder)
        if conditions.broken_audio == "stop":
            refuse_broken(survey)
        _say_cut(model, survey, say)
    clips = {} if survey is None else survey.clips
    requests = make_requests(items, asking, folder=folder, clips=clips)
    paths = {} if folder is None else {str(folder / name): clip.content for name, clip in clips.items()}
    base = _ENCODER.encode([settings_of(model), asking.generation])
    fingerprints = {
        request.id: _fingerprint(base, paths.get(str(request.audio), ""), prompt)
        for request, prompt in zip(requests, model.prompts(requests), strict=True)
    }
    broken = {} if survey is None else survey.broken
    unheard = {
        item.id: Response(item.id, None, "error", broken[item.clip]) for item in items if item.clip in broken
    }
    return _Prepared(requests, fingerprints, survey, unheard)


def _say_cut(model: Model, survey: Survey, say: Callable[[str], None]) -> None:
    limit = model.audio_limit
    longer = 0 if limit is None else survey.longer_than(limit)
    if limit is not None and longer:
        say(
            f"{longer} of {len(survey.clips)} clips are longer than the {limit:g} s that {model.name} hears: "
            "it hears their beginning, and their responses are marked"
        )


def _checked(model: Model, prepared: _Prepared, conditions: Conditions) -> str:
    if not conditions.audio_check:
        return "skipped"
    assert prepared.survey is not None
    clips = {str(clip.path): clip for clip in prepared.survey.clips.values()}
    return check_hearing(model, prepared.requests, clips)


def _fingerprint(base: bytes, content: str, prompt: str) -> str:
    digest = hashlib.sha256(base)
    for part in (content, prompt):
        digest.update(b"\0")
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:_FINGERPRINT_DIGITS]


def _manifest(model: Model, benchmark: Benchmark, asking: Asking, selection: Selection) -> dict[str, Any]:
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "stage": "generate",
        "name": model.name,
        "benchmark": f"{benchmark.name}-{benchmark.short_fingerprint}",
        "input": "recorded" if model.canned else asking.input_of(model),
        "system": asking.system,
        "generation": asking.generation,
        "model": settings_of(model),
        "selection": selection,
        "recorded": model.recorded,
        "version": version("speech-ifeval"),
    }
    return _builtins(manifest)


def _builtins(value: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(_ENCODER.encode(value))
    return plain


def read_latest(path: Path) -> dict[str, Response]:
    """Return the responses of a run directory by item id, the last line of each; a torn last line is left out.

    Raises:
        DataError: a line is broken; names file and line.

    >>> read_latest(Path("nowhere"))
    {}
    """
    lines = enumerate(whole_lines(path), start=1)
    rows = (decode_row(f"{path}:{number}", line, _RESPONSE) for number, line in lines)
    return {response.id: response for response in rows}


def _kept(folder: Path, before: Mapping[str, Response], prepared: _Prepared) -> set[str]:
    """The items that have a response already; those of failed requests are asked again."""
    answered = {id for id, response in before.items() if response.text is not None}
    known = prepared.fingerprints
    changed = [id for id in answered if id in known and before[id].fingerprint != known[id]]
    if changed:
        raise MismatchError(
            f"{folder}: the audio, the prompt or the model's settings of {len(changed)} items have changed since "
            f"they were answered, the first {min(changed)}; restore it, or give another --output-dir"
        )
    # What was answered before its clip was lost stays answered.
    return answered & (known.keys() | prepared.unheard.keys())


class _Work:
    """Responses as they come, each written, counted and shown."""

    def __init__(
        self,
        model: Model,
        prepared: _Prepared,
        out: Appender,
        total: int,
        done: int,
        progress: Callable[[Course], None] | None,
    ) -> None:
        self._model = model
        self._prepared = prepared
        self._out = out
        self._progress = progress
        self._asked: dict[str, Request] = {}
        self._answered = False
        self._failures = 0
        self._last_error = ""
        self.course = Course(done, total)

    def take_over(
        self, pending: list[Request], shared: Iterable[Path], say: Callable[[str], None]
    ) -> list[Request]:
        """Copy what other runs have answered with the very same inputs; return what is left to ask."""
        wanted = {request.id: self._prepared.fingerprints[request.id] for request in pending}
        taken: set[str] = set()
        for folder in shared:
            if len(taken) == len(wanted):  # the hundredth run beside others needs one of them, not ninety-nine
                break
            try:
                found = read_latest(folder / RESPONSES_FILE)
            except DataError as error:  # another run's trouble is not this one's
                say(f"nothing is taken over from {folder}: {error}")
                continue
            for id, response in found.items():
                # What was imported has no fingerprint, and what is not wanted none either: that is no agreement.
                same = id in wanted and wanted[id] == response.fingerprint
                if response.text is not None and id not in taken and same:
                    taken.add(id)
                    self._write(response)
        return [request for request in pending if request.id not in taken]

    def pass_over(self, unheard: Sequence[Response], written: set[str]) -> None:
        """Count items that cannot be asked, and write those that no process has written yet."""
        for response in unheard:
            if response.id not in written:
                self._out.write(response)
        self.course = structs_replace(self.course, failed=self.course.failed + len(unheard))

    def answer(self, pending: Sequence[Request], stop: Stop) -> None:
        """Ask, and write what comes, until everything is answered or somebody asks to stop."""
        if self._progress is not None and pending:
            self._progress(self.course)  # the clock of whoever watches starts here
        for response in self._model.answer(self._stream(pending, stop)):
            request = self._asked.pop(response.id, None)
            if request is None:
                raise ModelError(
                    f"the model {self._model.name} answered {response.id!r}, which it was not asked, or a second "
                    "time; mend its adapter"
                )
            self._take(self._completed(request, response))
        for request in list(self._asked.values()):
            self._take(self._completed(request, failed(request, "the model gave no response")))
        if self._failures and self._hopeless(len(pending)):
            raise ModelError(
                f"the first {self._failures} requests to {self._model.name} all failed, the last with: "
                f"{self._last_error}; mend that and run the same command again"
            )

    def _take(self, response: Response) -> None:
        self._answered = self._answered or response.text is not None
        self._failures += response.text is None
        self._write(response)

    def _hopeless(self, pending: int) -> bool:
        return not self._answered and self._failures >= min(_HOPELESS, pending)

    def _stream(self, pending: Sequence[Request], stop: Stop) -> Iterator[Request]:
        for request in pending:
            if stop.requested or self._hopeless(_HOPELESS):
                return
            self._asked[request.id] = request
            yield request

    def _completed(self, request: Request, response: Response) -> Response:
        cut = response.audio_cut
        limit = self._model.audio_limit
        if cut is None and request.seconds is not None and limit is not None and response.text is not None:
            cut = request.seconds > limit
        text, error, reason = response.text, response.error, response.finish_reason
        if error or reason == "error" or text is None:  # an error is never scored as text
            text, error, reason = None, error or "the model gave neither text nor a reason", "error"
        return structs_replace(
            response,
            text=_writable(text),
            error=_writable(error),
            finish_reason=reason,
            transcript=_writable(response.transcript),
            audio_cut=cut,
            fingerprint=self._prepared.fingerprints[request.id],
        )

    def _write(self, response: Response) -> None:
        self._out.write(response)
        before = self.course
        answered = response.text is not None
        self._last_error = response.error or self._last_error
        self.course = Course(
            done=before.done + answered,
            total=before.total,
            failed=before.failed + (not answered),
            cut_off=before.cut_off + (response.finish_reason == "length"),
            new=before.new + 1,
        )
        if self._progress is not None:
            self._progress(self.course)


def _writable(text: str | None) -> str | None:
    """Return the text with half surrogate pairs, which no UTF-8 can hold, as the replacement character."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _silent(message: str) -> None:
    """Say nothing: the default of who need not be told."""
