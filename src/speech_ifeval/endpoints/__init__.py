"""OpenAI-compatible servers: one client for whoever asks them, models and judges. It knows of neither."""

from speech_ifeval.endpoints.addresses import is_this_machine, refuse_keys
from speech_ifeval.endpoints.answers import Reply
from speech_ifeval.endpoints.calling import SEVERAL, CallError, Endpoint
from speech_ifeval.endpoints.slots import concurrently

__all__ = ["SEVERAL", "CallError", "Endpoint", "Reply", "concurrently", "is_this_machine", "refuse_keys"]
