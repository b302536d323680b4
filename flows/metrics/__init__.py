"""Metrics: how good labels and types are, against gold and against each other, and what they cost."""
