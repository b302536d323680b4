"""Algebra of answers: formulas read into trees, their exact values, and certified bounds of these."""
