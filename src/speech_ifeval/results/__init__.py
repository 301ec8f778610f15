"""What is concluded from verdicts: estimates, summaries, comparisons. Frozen; unknown fields are refused."""

from speech_ifeval.results.agreement import Disagreement, JudgeAgreement, JudgedChange, UseAgreement
from speech_ifeval.results.comparison import ComparedPair, ComparedRun, Comparison, Difference, Flip
from speech_ifeval.results.diagnosis import (
    CleanCheck,
    Diagnosis,
    Finding,
    FindingExample,
    FindingPart,
    UnmadeCheck,
)
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

__all__ = [
    "AnswerChange",
    "AnswerRate",
    "Behaviour",
    "ChangedAnswers",
    "CleanCheck",
    "CodeTest",
    "ComparedPair",
    "ComparedRun",
    "Comparison",
    "Diagnosis",
    "Difference",
    "Disagreement",
    "Estimate",
    "Finding",
    "FindingExample",
    "FindingPart",
    "Flip",
    "JudgeAgreement",
    "JudgedChange",
    "Rate",
    "Reference",
    "Sensitivity",
    "Summary",
    "TaskGroup",
    "TaskLevel",
    "UnmadeCheck",
    "UseAgreement",
    "WordErrorChange",
]
