"""How a result shows itself in a notebook."""

from __future__ import annotations

import importlib

from msgspec import Struct

# The one call from here to a room above: by name, when somebody looks, so that results need no report to exist.
_NOTEBOOK = "speech_ifeval.report.notebook"


class Shown(Struct, frozen=True, forbid_unknown_fields=True):
    """A result that has a view: notebooks show it as tables."""

    def _repr_html_(self) -> str:
        """Return the result as HTML, all texts escaped; notebooks call this."""
        shown: str = importlib.import_module(_NOTEBOOK).html_of(self)
        return shown
