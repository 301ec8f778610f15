"""``speech-ifeval include-path``."""

from __future__ import annotations

from typing import Annotated

import typer


def include_path_command(
    harness: Annotated[str, typer.Argument(metavar="HARNESS", help="lm-eval or lmms-eval.")],
) -> None:
    """Print the folder that another harness finds our task in, as its --include_path takes it.

    lm_eval --tasks speech_ifeval --include_path "$(speech-ifeval include-path lm-eval)" …
    """
    from importlib.resources import files

    from speech_ifeval.cli.output import print_text
    from speech_ifeval.errors import UsageError

    homes = {"lm-eval": "lm_eval_harness", "lmms-eval": "lmms_eval_harness"}
    if harness not in homes:
        raise UsageError(
            f"include-path takes {' or '.join(homes)}, found {harness!r}; Inspect finds its task itself"
        )
    print_text(f"{files('speech_ifeval') / 'integrations' / homes[harness] / 'tasks'}\n")
