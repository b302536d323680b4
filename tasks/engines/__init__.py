"""Engines: what answers requests, one module for each kind of model that a recipe can declare."""
