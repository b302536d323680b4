"""Calibration: which form of a judge a model answers best, tried on mistakes whose place is known."""
