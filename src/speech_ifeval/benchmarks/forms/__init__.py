"""The forms a benchmark's files can take: one file each, found by its place.

A module of this package (or one named by the entry-point group ``speech_ifeval.benchmarks``) holds a `Form`
under the name ``FORM``; nothing else has to be told about it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.errors import UsageError

ENTRY_POINT_GROUP = "speech_ifeval.benchmarks"


class Form(NamedTuple):
    """How benchmarks of one form are found and read.

    `find` takes the path the user gave and returns the folder that holds the files, or None where this is
    another form; it looks at names only. `read` takes that folder. `expects` names the files, for messages.
    """

    name: str
    expects: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path], Benchmark]


@cache
def own_forms() -> tuple[Form, ...]:
    """Return the project's own forms, ordered by their file's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").FORM for name in names)


@cache
def plugged_in_forms() -> tuple[Form, ...]:
    """Return the forms that installed packages bring along.

    Raises:
        UsageError: one of them cannot be loaded.
    """
    # Imported here: only a folder that none of our own forms recognises needs it.
    from importlib.metadata import entry_points

    forms = []
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            forms.append(entry_point.load().FORM)
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"the plug-in {entry_point.name} ({entry_point.value}) brings no benchmark form: "
                f"{type(error).__name__}: {error}; mend or uninstall it"
            ) from error
    return tuple(forms)
