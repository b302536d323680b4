"""Abacus' world: word problems whose every step has a known truth.

A problem carries its program, the calculations that lead to its answer, so
that each step of any solution can be judged without a model.
"""
