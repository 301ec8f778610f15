"""``speech-ifeval serve``."""

from __future__ import annotations

from typing import Annotated

import typer

_ENDED = "asked to end: the servers have ended too"


def serve_command(
    model: Annotated[
        str, typer.Argument(help="A known model (`speech-ifeval models`), an id of the hub, or a folder.")
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTION…]", help="Further options of `vllm serve`.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Where the servers listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of the first; each further one has the next.")
    ] = 8000,
    copies: Annotated[int, typer.Option(min=1, help="So many servers of the model, one a GPU.")] = 1,
    devices: Annotated[
        str | None, typer.Option(help="The GPUs, one a server: 0,1,… Default: 0 and so on for several servers.")
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Serve its reference system too, on a GPU of its own.")
    ] = False,
    text_only: Annotated[
        bool, typer.Option("--text-only", help="A text model. Known reference systems need not be told.")
    ] = False,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the command lines, and start nothing.")
    ] = False,
) -> None:
    """Start vLLM for a model, and print the command that evaluates what it serves.

    Several servers are watched: they end together with this command, and one that ends earlier is told.
    """
    import os
    import shlex
    import shutil
    import sys

    from speech_ifeval.cli.output import print_text
    from speech_ifeval.errors import MissingProgramError, RunInterruptedError, RunPreemptedError, UsageError
    from speech_ifeval.models.server_processes import environment_of, run_servers
    from speech_ifeval.models.serving import PROGRAM, plan_servers
    from speech_ifeval.pipeline.interrupts import Preempted, ended_by_schedulers

    shown = devices if devices is not None else os.environ.get("CUDA_VISIBLE_DEVICES", "")
    given = [name.strip() for name in shown.split(",") if name.strip()]
    several = copies > 1 or reference
    if devices is not None and len(given) != copies + reference:
        raise UsageError(f"--devices names {len(given)} GPUs for {copies + reference} servers; name one for each")
    plan = plan_servers(
        model,
        host=host,
        port=port,
        copies=copies,
        devices=given if several or devices is not None else (),
        reference=reference,
        text_only=text_only,
        further=options or (),
    )

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    if not plan.known:
        say(f"{model} is not among the known models: it gets no options of its own")
    lines = [
        shlex.join(server.command)
        if server.device is None
        else f"CUDA_VISIBLE_DEVICES={shlex.quote(server.device)} {shlex.join(server.command)}"
        for server in plan.servers
    ]
    if print_only:
        print_text("\n".join([*lines, shlex.join(plan.evaluation)]) + "\n")
        return
    if shutil.which(PROGRAM) is None:
        raise MissingProgramError(PROGRAM, plan.install, "speech-ifeval serve")
    for line in lines:
        say(f"starting: {line}")
    say("once it serves, evaluate it in another terminal:")
    print_text(shlex.join(plan.evaluation) + "\n")
    if len(plan.servers) == 1:
        server = plan.servers[0]
        sys.stdout.flush()
        os.execvpe(PROGRAM, server.command, environment_of(server))
    try:
        with ended_by_schedulers():
            run_servers(plan.servers, say)
    except Preempted:
        raise RunPreemptedError(_ENDED) from None
    except KeyboardInterrupt:
        raise RunInterruptedError(_ENDED) from None
