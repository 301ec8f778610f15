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
from speech_ifeval.results.ladder import Ladder, Rung
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
from speech_ifeval.results.sweep import Sweep, SweepPoint, SweptReference

__all__ = [
    "AnswerChange",
    "AnswerRate",
    "Behaviour",
    "Carried",
    "ChangedAnswers",
    "CleanCheck",
    "CodeTest",
    "ComparedPair",
    "ComparedRun",
    "Comparison",
    "Contrast",
    "Diagnosis",
    "Difference",
    "Disagreement",
    "Estimate",
    "Finding",
    "FindingExample",
    "FindingPart",
    "Flip",
    "FlipExcess",
    "Isolation",
    "IsolationFinding",
    "JudgeAgreement",
    "JudgedChange",
    "KindDifference",
    "Ladder",
    "PairedChange",
    "Rate",
    "Reference",
    "Rung",
    "Sensitivity",
    "Summary",
    "Sweep",
    "SweepPoint",
    "SweptReference",
    "TaskGroup",
    "TaskLevel",
    "UnmadeCheck",
    "UseAgreement",
    "WordErrorChange",
    "WordErrorContrast",
]
