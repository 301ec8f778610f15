"""Verifiers: pure functions on text that know nothing but the standard library.

>>> from speech_ifeval import constraints
>>> constraints.compile("change_case:english_capital").check("YES")
True
"""

from speech_ifeval.constraints.registry import RULE_SETS, Compiled, Explanation, compile, constraint, definitions

__all__ = ["RULE_SETS", "Compiled", "Explanation", "compile", "constraint", "definitions"]
