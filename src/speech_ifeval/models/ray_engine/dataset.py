"""The data set whose rows are replies: a source that reads the feed, and a pool of actors that hold the model."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from speech_ifeval.models.ray_engine.actor import Answering
from speech_ifeval.models.ray_engine.cluster import Room
from speech_ifeval.models.ray_engine.feed import numbers

AHEAD = 2  # messages an actor: one in hand, one beside it, so that it never waits for Ray Data
Said = tuple[int, dict[str, Any]]  # the number of a message, and the reply


@dataclass(frozen=True)
class Ended:
    """A data set that gives no more rows, and why."""

    why: str


def make_dataset(feed: Any, room: Room, hosted: Mapping[str, Any], start: int) -> Any:
    """Return Ray Data's plan: numbers of messages through a pool of actors, whose rows are replies.

    Args:
        feed: the handle of a `Feed`.
        room: how many actors, and what each of them takes.
        hosted: the model; see `load`.
        start: which data set of this feed it is, from 0.
    """
    import ray
    import ray.data

    # The source only waits, beside the feed, for as long as the run takes: it needs no CPU, and a head may have
    # none. Ray Data puts it into an actor where that takes neither CPU nor GPU, which is where there is one actor.
    begun: Any = ray.data.from_items([{"start": start}])
    source = begun.map_batches(
        numbers,
        batch_size=None,
        num_cpus=0,
        fn_kwargs={"feed": feed},
        label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
    )
    rows = source.map_batches(
        Answering,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=room.actors, max_tasks_in_flight_per_actor=AHEAD),
        num_cpus=room.cpus,
        num_gpus=room.gpus,
        fn_constructor_kwargs={"hosted": dict(hosted), "feed": feed},
    )
    context = rows.context
    context.enable_progress_bars = context.print_on_execution_start = False
    context.target_max_block_size = 1  # a row goes on as soon as it is there
    context.max_errored_blocks = -1  # an actor that dies costs its row, not the data set
    return rows


def beside() -> dict[str, Any]:
    """Return the options of an actor on this process's node, which takes none of its CPUs and lives as long."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    return {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


class Runner:
    """Runs a data set, as an actor: so Ray Data's threads are not those of the run, and end when it is killed."""

    def rows(self, feed: Any, room: Room, hosted: Mapping[str, Any], start: int) -> Iterator[Said]:
        """Yield the replies as they come."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what Ray does itself
            for batch in make_dataset(feed, room, hosted, start).iter_batches(batch_size=None, prefetch_batches=0):
                for number, said in zip(batch["number"], batch["said"], strict=True):
                    yield int(number), json.loads(said)


class Reader:
    """The rows of one data set, as the run takes them."""

    def __init__(self, feed: Any, room: Room, hosted: Mapping[str, Any], start: int = 0) -> None:
        import ray

        self._ray: Any = ray
        self._runner = self._ray.remote(Runner).options(**beside()).remote()
        streaming = self._runner.rows.options(num_returns="streaming")
        self._rows = streaming.remote(feed, room, hosted, start)

    def take(self, seconds: float) -> Said | Ended | None:
        """Return the next row, None where none comes in time."""
        ready, _ = self._ray.wait([self._rows], timeout=seconds)
        if not ready:
            return None
        try:
            said: Said = self._ray.get(next(self._rows))
        except StopIteration:
            return Ended("no reason was given")
        except self._ray.exceptions.RayError as error:
            return Ended(str(error).strip().splitlines()[-1])
        return said

    def stop(self) -> None:
        """End it, and its actors with it, whatever they do."""
        self._ray.kill(self._runner)
