"""Answers: finding the final answer in a completion, and comparing it with gold."""
