"""Settings of the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: a busy machine is no failure. On CI the examples are the same every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
