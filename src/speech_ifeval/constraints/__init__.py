"""Verifiers: pure functions on text that know nothing but the standard library.

>>> from speech_ifeval import constraints
>>> constraints.compile("change_case:english_capital").check("YES")
True
"""

from speech_ifeval.constraints.registry import (
    RULE_SETS,
    Compiled,
    Explanation,
    compile,
    compile_from,
    constraint,
    definitions,
    find_definition,
)
from speech_ifeval.constraints.thoughts import SplitReply, split_thoughts

__all__ = [
    "RULE_SETS",
    "Compiled",
    "Explanation",
    "SplitReply",
    "compile",
    "compile_from",
    "constraint",
    "definitions",
    "find_definition",
    "split_thoughts",
]
