"""Arithmetic as steps of solutions write it: expressions, equations, and the numbers a step may speak of."""
