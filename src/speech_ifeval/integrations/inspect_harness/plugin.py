"""What Inspect's entry point loads: naming the task and the scorer here registers them."""

from speech_ifeval.integrations.inspect_harness.scoring import following, following_rates
from speech_ifeval.integrations.inspect_harness.task import speech_ifeval

__all__ = ["following", "following_rates", "speech_ifeval"]
