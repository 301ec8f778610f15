"""Settings of the whole suite, doctests included."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from speech_ifeval.constraints import definitions, registry
from speech_ifeval.models import all_adapters
from speech_ifeval.models import registry as models

# No deadline: a busy machine is no failure. On CI the examples are the same every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

definitions()  # the registers are filled once; what a test adds to them goes again
all_adapters()


@pytest.fixture(autouse=True)
def register_as_it_was() -> Iterator[None]:
    """Take constraints and adapters that a test or an example has registered out of the registers again."""
    registers: list[dict[Any, Any]] = [registry._DEFINITIONS, models._ADAPTERS]
    before = [dict(register) for register in registers]
    yield
    for register, content in zip(registers, before, strict=True):
        if register.keys() != content.keys():
            register.clear()
            register.update(content)
