"""Settings of the whole suite, doctests included."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from speech_ifeval.constraints import definitions, registry

# No deadline: a busy machine is no failure. On CI the examples are the same every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

definitions()  # the register is filled once; what a test adds to it goes again


@pytest.fixture(autouse=True)
def register_as_it_was() -> Iterator[None]:
    """Take constraints that a test or an example has registered out of the register again."""
    before = dict(registry._DEFINITIONS)
    yield
    if registry._DEFINITIONS.keys() != before.keys():
        registry._DEFINITIONS.clear()
        registry._DEFINITIONS.update(before)
