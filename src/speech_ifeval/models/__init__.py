"""Who answers: speech-aware models, reference systems, cascades, recorded responses. One adapter a file."""

from speech_ifeval.models.interface import (
    GREEDY,
    SYSTEM_PROMPT,
    Generation,
    Model,
    Request,
    batches,
    failed,
    settings_of,
)
from speech_ifeval.models.registry import (
    Adapter,
    Argument,
    accepts,
    adapter,
    all_adapters,
    check_arguments,
    find_adapter,
    needs_of,
    open_model,
    parse_arguments,
)
from speech_ifeval.records import Response

__all__ = [
    "GREEDY",
    "SYSTEM_PROMPT",
    "Adapter",
    "Argument",
    "Generation",
    "Model",
    "Request",
    "Response",
    "accepts",
    "adapter",
    "all_adapters",
    "batches",
    "check_arguments",
    "failed",
    "find_adapter",
    "needs_of",
    "open_model",
    "parse_arguments",
    "settings_of",
]
