"""Where a model runs: in this process, in one process a device, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.models.fleet import open_fleet
from speech_ifeval.models.interface import Model
from speech_ifeval.models.ray_engine.cluster import RayCluster
from speech_ifeval.models.ray_engine.pool import open_on_ray
from speech_ifeval.models.registry import look_at, open_model

RAY = "ray"
Devices = Sequence[str] | RayCluster


def parse_devices(
    devices: str | None, engine: str | None = None, address: str | None = None, actors: int | None = None
) -> Devices:
    """Return what the options ``--devices``, ``--engine``, ``--ray-address`` and ``--ray-actors`` mean together.

    Raises:
        UsageError: they do not go together.

    >>> parse_devices("0, 1"), parse_devices(None)
    (['0', '1'], [])
    >>> parse_devices(None, "ray", "auto")
    RayCluster(address='auto', actors=None)
    >>> parse_devices(None, address="auto")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: --ray-address and --ray-actors go with --engine ray
    """
    if engine not in (None, RAY):
        raise UsageError(f"--engine takes {RAY}, found {engine!r}; without it, models run in this process")
    if engine is None:
        if address is not None or actors is not None:
            raise UsageError("--ray-address and --ray-actors go with --engine ray")
        return [] if devices is None else [name.strip() for name in devices.split(",")]
    if devices is not None:
        raise UsageError("--devices and --engine ray exclude each other: Ray gives every actor a GPU of its own")
    return RayCluster(address, actors)


def open_placed(
    spec: str, arguments: Mapping[str, Any] | None, devices: Devices, *, benchmark: Benchmark | None = None
) -> Model:
    """Make the model that a specification names where it is to run.

    Raises:
        SpeechIFEvalError: what `open_model`, `open_fleet` and `open_on_ray` raise.
    """
    if isinstance(devices, RayCluster):
        return open_on_ray(spec, arguments, devices, benchmark=benchmark)
    if devices:
        return open_fleet(spec, arguments, devices, benchmark=benchmark)
    return open_model(spec, arguments, benchmark=benchmark)


def look_before(spec: str, arguments: Mapping[str, Any] | None, devices: Devices) -> None:
    """Find out whether a model that is opened after hours can be, as far as that is cheap and is seen from here.

    Raises:
        SpeechIFEvalError: what `look_at` raises.
    """
    if not isinstance(devices, RayCluster):  # its nodes may see what this machine does not
        look_at(spec, arguments)
