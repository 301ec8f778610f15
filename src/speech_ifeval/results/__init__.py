"""What is concluded from verdicts: estimates, summaries, comparisons. Frozen; unknown fields are refused."""

from speech_ifeval.results.agreement import Disagreement, JudgeAgreement, JudgedChange, UseAgreement
from speech_ifeval.results.comparison import ComparedPair, ComparedRun, Comparison, Difference, Flip
from speech_ifeval.results.isolation import (
    Carried,
    Contrast,
    FlipExcess,
    Isolation,
    IsolationFinding,
    KindDifference,
    PairedChange,
    WordErrorContrast,
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
    "Carried",
    "ChangedAnswers",
    "CodeTest",
    "ComparedPair",
    "ComparedRun",
    "Comparison",
    "Contrast",
    "Difference",
    "Disagreement",
    "Estimate",
    "Flip",
    "FlipExcess",
    "Isolation",
    "IsolationFinding",
    "JudgeAgreement",
    "JudgedChange",
    "KindDifference",
    "PairedChange",
    "Rate",
    "Reference",
    "Sensitivity",
    "Summary",
    "TaskGroup",
    "TaskLevel",
    "UseAgreement",
    "WordErrorChange",
    "WordErrorContrast",
]
