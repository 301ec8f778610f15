"""One model on several devices: a process for each, and one stream of responses."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.registry import accepts
from speech_ifeval.models.worker_pool import WorkerPool
from speech_ifeval.models.worker_process import WorkerProcess

DEVICE = "device"
HOST = "speech_ifeval.models.workers.host"
# A host holds models of any size, and a worker inside one has limits of its own.
START_TIMEOUT_S = 3600.0
ITEM_TIMEOUT_S = 3600.0


def open_fleet(
    spec: str,
    arguments: Mapping[str, Any] | None,
    devices: Sequence[str],
    *,
    benchmark: Benchmark | None = None,
) -> Model:
    """Make the model that a specification names once for every device, each in a process of its own.

    A process takes what its model can take at a time, whichever is free first; one that dies is started again, as
    a worker is. Which device answered is no part of a response.

    Args:
        spec: as `open_model` takes it; its adapter has an argument `device`.
        arguments: the adapter's other arguments.
        devices: such as ``("0", "1")`` for two GPUs, or ``("cpu", "cpu")``.
        benchmark: the benchmark that will be run.

    Raises:
        UsageError: the adapter takes no device, or what is given is none.
        MismatchError: the processes' settings are not the same; names the key.
        ModelError: a process does not start.
        SpeechIFEvalError: what the adapter raises.

    >>> open_fleet("replay:runs/one", {}, ["0", "1"])
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: replay:runs/one takes no device: leave out --devices
    """
    if not accepts(spec, DEVICE):
        raise UsageError(f"{spec} takes no device: leave out --devices")
    given = dict(arguments or {})
    if DEVICE in given:
        raise UsageError(f"the device of {spec} is given twice: {given[DEVICE]!r} and --devices; leave one out")
    if not devices:
        raise UsageError("expected at least one device, such as 0 or cpu, found none")
    root = None if benchmark is None else str(benchmark.root.absolute())
    processes = []
    for name in map(device_name, devices):
        hosted = {"spec": spec, "arguments": {**given, DEVICE: name}, "benchmark": root}
        processes.append(
            WorkerProcess(
                f"{spec} on {name}",
                [sys.executable, "-m", HOST],
                {"hosted": hosted},
                # A host is this package: a model of its own choosing may need a key.
                environment=os.environ,
                start_timeout=START_TIMEOUT_S,
                item_timeout=ITEM_TIMEOUT_S,
            )
        )
    model = WorkerPool(processes)
    model.recorded = {**model.recorded, "devices": [device_name(one) for one in devices]}
    return model


def device_name(device: str) -> str:
    """Return a device by the name torch has for it.

    Raises:
        UsageError: it is none.

    >>> device_name("0"), device_name("cuda:1"), device_name("cpu")
    ('cuda:0', 'cuda:1', 'cpu')
    """
    text = device.strip().lower()
    if re.fullmatch(r"\d+", text):
        return f"cuda:{int(text)}"
    if not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d+)?", text):
        raise UsageError(f"expected a device such as 0, cuda:0, mps or cpu, found {device!r}; give --devices 0,1")
    return text
