"""``py:FILE:FUNCTION``: a model of one's own in a Python file."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.models.functions import BATCH_SIZE, FunctionModel
from speech_ifeval.models.interface import Model
from speech_ifeval.models.needs import Needs
from speech_ifeval.models.registry import adapter


def _needs(target: str, **arguments: object) -> Needs:
    return Needs(notes=(f"py:{target} is code of your own: what it downloads is not known here",))


@adapter("py", target="FILE.py:FUNCTION", needs=_needs)
def open_py(target: str, *, name: str | None = None, hears: bool = True, batch_size: int = BATCH_SIZE) -> Model:
    """A function of your own: a list of requests in, a list of texts or responses out.

    The name may also be that of a subclass of `Model`, which is called without arguments. The file's content
    is part of what a run is resumed by.

    Args:
        target: the file and the name in it.
        name: what reports call it; by default the function's name.
        hears: false gives it the transcript in place of the audio.
        batch_size: how many requests it gets at a time.

    Raises:
        UsageError: no such file or name, or it cannot be called.
    """
    file, _, function = target.rpartition(":")
    path = Path(file)
    if not function or not file:
        raise UsageError(f"py:{target}: expected py:FILE.py:FUNCTION, the name in the file behind a colon")
    if not path.is_file():
        raise UsageError(f"py:{target}: expected a Python file at {str(path)!r}, found none; check the path")
    found = getattr(_executed(path), function, None)
    if found is None or not callable(found):
        raise UsageError(f"py:{target}: {path} holds no function {function!r}; check the name")
    content = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    if isinstance(found, type) and issubclass(found, Model):
        model = found()
        model.settings = {**model.settings, "function": function, "file": content}
        return model
    return FunctionModel(
        found,
        name=name or function,
        hears=hears,
        batch_size=batch_size,
        settings={"function": function, "file": content},
    )


def _executed(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"py:{path}: expected a file that ends in .py; rename it")
    module = importlib.util.module_from_spec(spec)
    problem: Any = None
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - foreign code: the one boundary around it
        problem = f"{type(error).__name__}: {error}"
    if problem is not None:
        raise UsageError(f"py:{path}: the file cannot be imported ({problem}); mend it")
    return module
