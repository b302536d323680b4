"""Verification: the final answer is found and compared with gold: right, wrong, or undecided."""
