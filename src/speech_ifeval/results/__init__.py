"""What is concluded from verdicts: estimates, summaries, comparisons. Frozen; unknown fields are refused."""

from speech_ifeval.results.agreement import Disagreement, JudgeAgreement, JudgedChange, UseAgreement
from speech_ifeval.results.comparison import ComparedPair, ComparedRun, Comparison, Difference, Flip
from speech_ifeval.results.sensitivity import Behaviour, ChangedAnswers, Sensitivity, WordErrorChange
from speech_ifeval.results.summary import (
    AnswerChange,
    AnswerRate,
    CodeTest,
    Estimate,
    Rate,
    Reference,
    Summary,
    TaskGroup,
    TaskLevel,
)
from speech_ifeval.results.wording import (
    Deviation,
    SharedEffects,
    WordedConstraint,
    WordedRun,
    WordingEffects,
    WordingLuck,
    WordingRate,
    WordingTest,
)

__all__ = [
    "AnswerChange",
    "AnswerRate",
    "Behaviour",
    "ChangedAnswers",
    "CodeTest",
    "ComparedPair",
    "ComparedRun",
    "Comparison",
    "Deviation",
    "Difference",
    "Disagreement",
    "Estimate",
    "Flip",
    "JudgeAgreement",
    "JudgedChange",
    "Rate",
    "Reference",
    "Sensitivity",
    "SharedEffects",
    "Summary",
    "TaskGroup",
    "TaskLevel",
    "UseAgreement",
    "WordErrorChange",
    "WordedConstraint",
    "WordedRun",
    "WordingEffects",
    "WordingLuck",
    "WordingRate",
    "WordingTest",
]
