"""Who judges what rules cannot decide. So far: recorded replies of a judge, replayed."""

from speech_ifeval.judges.replay import Judge, judge_of, no_judge, parse_result, replay

__all__ = ["Judge", "judge_of", "no_judge", "parse_result", "replay"]
