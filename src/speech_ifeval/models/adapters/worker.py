"""``worker:NAME``: a model whose code needs its own environment, in a process of its own."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import sys
from pathlib import Path

from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.needs import Needs
from speech_ifeval.models.registry import adapter
from speech_ifeval.models.worker_pool import WorkerPool
from speech_ifeval.models.worker_process import WorkerProcess, worker_environment

SCRIPTS = Path(__file__).parent.parent / "workers"
PROTOCOL_FILE = SCRIPTS / "protocol.py"
NOT_WORKERS = ("__init__", "host", "protocol")
SHORT_HASH = 12


def _needs(target: str, **arguments: object) -> Needs:
    note = (
        f"worker:{target} loads its weights in an environment of its own, which nothing here knows: run it once "
        "here with --limit 1 and the same HF_HOME, or fetch what its page names"
    )
    return Needs(notes=(note,))


@adapter("worker", target="NAME or PATH.py", needs=_needs)
def open_worker(
    target: str,
    *,
    python: str = sys.executable,
    cwd: str = ".",
    start_timeout: float = 1800.0,
    item_timeout: float = 600.0,
    **arguments: str,
) -> Model:
    """A shipped worker, or a script of your own that speaks the protocol of ``docs/worker-protocol.md``.

    Args:
        target: a worker's name, a Python script, or an executable file.
        python: the interpreter of the worker's environment.
        cwd: the folder the worker runs in.
        start_timeout: how many seconds loading the model may take.
        item_timeout: for how many seconds the worker may be silent while it owes an answer.
        arguments: what the worker itself takes; it refuses what it does not know.

    Raises:
        UsageError: no such worker or interpreter, or an argument the worker does not take.
        ModelError: the worker does not start.
    """
    for name, seconds in (("start_timeout", start_timeout), ("item_timeout", item_timeout)):
        if not seconds > 0:
            raise UsageError(f"{name} takes a number of seconds above 0, found {seconds:g}")
    script = find_script(target)
    runs = [_interpreter(python), str(PROTOCOL_FILE)] if script.suffix == ".py" else []
    folder = Path(cwd).expanduser()
    if not folder.is_dir():
        raise UsageError(f"worker:{target}: expected a folder at cwd={cwd}, found none; check the path")
    content = hashlib.sha256(script.read_bytes()).hexdigest()[:SHORT_HASH]
    process = WorkerProcess(
        f"worker:{target}",
        [*runs, str(script)],
        arguments,
        environment=worker_environment(os.environ),
        cwd=folder,
        start_timeout=start_timeout,
        item_timeout=item_timeout,
    )
    model = WorkerPool([process])
    # The script's own word comes first: it cannot hide that it was edited.
    model.settings = {"worker": script.stem, **model.settings, "script": content}
    return model


def find_script(target: str) -> Path:
    """Return the script of a worker, as an absolute path.

    Raises:
        UsageError: no such worker.

    >>> find_script("nobody")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no worker 'nobody': expected ... the path of a script
    """
    shipped = {path.stem: path for path in sorted(SCRIPTS.glob("*.py")) if path.stem not in NOT_WORKERS}
    if target in shipped:
        return shipped[target].absolute()
    path = Path(target).expanduser()
    if not path.is_file():
        near = difflib.get_close_matches(target, shipped, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        names = f"one of {', '.join(shipped)}, or " if shipped else ""
        raise UsageError(f"no worker {target!r}: expected {names}the path of a script{hint}")
    if path.suffix != ".py" and not os.access(path, os.X_OK):
        raise UsageError(
            f"worker:{target}: expected a Python script (.py) or a file that can be executed, found neither"
        )
    return path.absolute()


def _interpreter(python: str) -> str:
    # Not resolved: an environment's interpreter is a link, and knows its packages by the link's place.
    found = shutil.which(Path(python).expanduser())
    if found is None:
        raise UsageError(
            f"expected the interpreter of the worker's environment at python={python}, found none; give the path "
            "of its bin/python"
        )
    return str(Path(found).absolute())
