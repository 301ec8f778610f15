"""transformers models in this process: loading, prompts, LoRA scale, batches. Behind ``hf:`` and live pairs."""

from speech_ifeval.models.transformers_models.live import live_model
from speech_ifeval.models.transformers_models.loading import Checkpoint, load
from speech_ifeval.models.transformers_models.local_model import TransformersModel

__all__ = ["Checkpoint", "TransformersModel", "live_model", "load"]
