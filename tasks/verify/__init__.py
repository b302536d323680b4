r"""Verdicts on answers: extraction of the final answer, typed reading, comparison with gold.

Besides the tasks `verify` and `gold` this is a library for one pair at a time:

    >>> from tasks.verify import check_answer, compare_answers, read_answer
    >>> check_answer("12\\pi", r"The area is $\boxed{12\pi \text{ cm}^2}$.").verdict
    'right'
    >>> read_answer(r"x \in [0, 1)").type
    'interval'
    >>> compare_answers("(0, 1)", r"0 < x < 1").result
    'equal'
"""

from tasks.verify.answer_types import ANSWER_TYPES, compare_answers, read_answer
from tasks.verify.check import Check, check_answer

__all__ = ["ANSWER_TYPES", "Check", "check_answer", "compare_answers", "read_answer"]
