"""Replicas: whole copies of a model, each in a process of its own, that share what is asked of it."""
