"""Which servers are planned for which model, and how they are then evaluated."""

from __future__ import annotations

import json

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.models import check_arguments, find_adapter, parse_arguments
from speech_ifeval.models.known import KNOWN
from speech_ifeval.models.serving import SERVED, Plan, plan_servers

USUAL = ("--host", "127.0.0.1", "--port", "8000", "--generation-config", "vllm", "--max-model-len", "8192")
AUDIO = ("--limit-mm-per-prompt", '{"audio": 1}')


def told(plan: Plan) -> dict[str, str]:
    """The options of the command that evaluates, by name."""
    return dict(zip(plan.evaluation[2::2], plan.evaluation[3::2], strict=True))


def arguments(plan: Plan) -> dict[str, object]:
    return parse_arguments(told(plan)["--model-args"])


@pytest.mark.parametrize(
    ("name", "id", "options", "known", "reference"),
    [
        ("qwen2-audio-7b-instruct", "Qwen/Qwen2-Audio-7B-Instruct", AUDIO, {"audio_limit": "30"}, None),
        (
            "hf:Qwen/Qwen2.5-Omni-7B",
            "Qwen/Qwen2.5-Omni-7B",
            ("--limit-mm-per-prompt", '{"audio": 1, "image": 0, "video": 0}'),
            {},
            "hf:Qwen/Qwen2.5-7B-Instruct",
        ),
        (
            "mistralai/Voxtral-Mini-3B-2507",
            "mistralai/Voxtral-Mini-3B-2507",
            (*AUDIO, "--tokenizer-mode", "mistral", "--config-format", "mistral", "--load-format", "mistral"),
            {"system_in_user": "true"},
            None,
        ),
        (
            "Granite-Speech-3.3-8B",
            "ibm-granite/granite-speech-3.3-8b",
            (
                *AUDIO,
                *("--enable-lora", "--max-lora-rank", "64"),
                *("--default-mm-loras", '{"audio": "ibm-granite/granite-speech-3.3-8b"}'),
            ),
            {},
            "hf:ibm-granite/granite-3.3-8b-instruct",
        ),
        (
            "ultravox",
            "fixie-ai/ultravox-v0_5-llama-3_1-8b",
            (*AUDIO, "--trust-remote-code"),
            {},
            "hf:meta-llama/Llama-3.1-8B-Instruct",
        ),
    ],
)
def test_a_known_model_gets_the_options_that_it_needs(
    name: str, id: str, options: tuple[str, ...], known: dict[str, str], reference: str | None
) -> None:
    plan = plan_servers(name)
    (server,) = plan.servers
    assert server.command == ("vllm", "serve", id, *USUAL, *options)
    assert server.device is None
    assert plan.known
    assert plan.install == "pip install 'vllm[audio]'"
    assert told(plan)["--model"] == f"openai:{id}"
    assert told(plan).get("--reference") == reference
    assert arguments(plan) == {"base_url": "http://127.0.0.1:8000/v1", **known}


@pytest.mark.parametrize("known", [one for one in KNOWN if one.name in SERVED], ids=lambda one: one.name)
def test_what_evaluates_a_known_model_is_a_command_that_runs(known: object) -> None:
    plan = plan_servers(known.name, copies=2, reference=known.reference is not None)  # type: ignore[attr-defined]
    check_arguments(told(plan)["--model"], arguments(plan))
    if "--reference" in told(plan):
        check_arguments(told(plan)["--reference"], parse_arguments(told(plan)["--reference-args"]))
    for server in plan.servers:
        values = [word for word in server.command if word.startswith("{")]
        assert all(isinstance(json.loads(value), dict) for value in values)


@pytest.mark.parametrize("known", [one for one in KNOWN if one.name not in SERVED], ids=lambda one: one.name)
def test_a_known_model_that_vllm_does_not_serve_is_refused_with_the_adapter_to_use(known: object) -> None:
    with pytest.raises(UsageError, match=f"evaluate it with --model {known.spec}; ") as caught:  # type: ignore[attr-defined]
        plan_servers(known.name)  # type: ignore[attr-defined]
    assert find_adapter(str(caught.value).partition("--model ")[2].partition(";")[0])


def test_copies_have_a_port_and_a_gpu_each_and_are_evaluated_together() -> None:
    plan = plan_servers("ultravox", copies=3, port=9000)
    assert [server.device for server in plan.servers] == ["0", "1", "2"]
    assert [server.url for server in plan.servers] == [f"http://127.0.0.1:{9000 + k}/v1" for k in range(3)]
    assert [server.command[6] for server in plan.servers] == ["9000", "9001", "9002"]
    assert arguments(plan) == {"base_url": ",".join(server.url for server in plan.servers), "concurrency": "48"}


def test_the_reference_system_is_served_last_as_a_text_model() -> None:
    plan = plan_servers("qwen2.5-omni-7b", copies=2, reference=True, devices=["4", "5", "6"])
    assert [server.device for server in plan.servers] == ["4", "5", "6"]
    assert plan.servers[-1].command == (
        *("vllm", "serve", "Qwen/Qwen2.5-7B-Instruct", "--host", "127.0.0.1", "--port", "8002"),
        *("--generation-config", "vllm", "--max-model-len", "8192"),
    )
    assert told(plan)["--reference"] == "openai:Qwen/Qwen2.5-7B-Instruct"
    assert told(plan)["--reference-args"] == "base_url=http://127.0.0.1:8002/v1"


def test_a_reference_system_by_itself_is_a_text_model() -> None:
    plan = plan_servers("Qwen/Qwen2.5-7B-Instruct")
    assert plan.servers[0].command == ("vllm", "serve", "Qwen/Qwen2.5-7B-Instruct", *USUAL)
    assert arguments(plan)["hears"] == "false"
    assert plan.install == "pip install vllm"


@pytest.mark.parametrize("text_only", [True, False])
def test_any_other_model_is_served_as_it_is(text_only: bool) -> None:
    plan = plan_servers("/data/mine", text_only=text_only, further=["--dtype", "bfloat16"])
    assert plan.servers[0].command == (
        *("vllm", "serve", "/data/mine", *USUAL[:6]),
        *(() if text_only else AUDIO),
        *("--dtype", "bfloat16"),
    )
    assert plan.known is text_only
    assert ("hears" in arguments(plan)) is text_only


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("fd00::1", "[fd00::1]"), ("node7", "node7")],
)
def test_the_address_is_one_that_can_be_called(host: str, shown: str) -> None:
    assert plan_servers("ultravox", host=host).servers[0].url == f"http://{shown}:8000/v1"


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        (
            "Qwen2-Audio-7B-Instruct",
            {"reference": True},
            "no reference system of Qwen2-Audio-7B-Instruct is known",
        ),
        ("me/mine", {"reference": True}, "no reference system of me/mine is known"),
        ("ultravox", {"copies": 3, "devices": ["0", "1"]}, r"3 servers need a GPU each, and 2 are given \(0, 1\)"),
        ("worker:mine", {}, "vLLM serves models of the hub and folders, not 'worker:mine'"),
        ("lmsys/vicuna-7b-v1.1", {}, "no chat template.*; name it as hf:lmsys/vicuna-7b-v1.1"),
        ("hf:Qwen/Qwen-7B-Chat", {}, "supports it no longer"),
    ],
)
def test_what_cannot_be_served_is_said(model: str, options: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        plan_servers(model, **options)  # type: ignore[arg-type]
