"""Who judges what rules cannot decide. So far: recorded replies of a judge, replayed."""

from speech_ifeval.judges.replay import Judge, no_judge, parse_result, replay

__all__ = ["Judge", "no_judge", "parse_result", "replay"]
