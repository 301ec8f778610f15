"""Who judges what rules cannot decide: language models, recorded replies, rules of thumb."""

from speech_ifeval.judges.interface import (
    CALL_FAILED,
    Cost,
    Judge,
    Judged,
    Judgements,
    Question,
    Use,
    unscored,
)
from speech_ifeval.judges.registry import Setup, all_kinds, find_kind, judge_kind, open_judge
from speech_ifeval.judges.replay import judge_of, no_judge, parse_result, replay, reply_hash, use_of

__all__ = [
    "CALL_FAILED",
    "Cost",
    "Judge",
    "Judged",
    "Judgements",
    "Question",
    "Setup",
    "Use",
    "all_kinds",
    "find_kind",
    "judge_kind",
    "judge_of",
    "no_judge",
    "open_judge",
    "parse_result",
    "replay",
    "reply_hash",
    "unscored",
    "use_of",
]
