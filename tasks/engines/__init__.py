"""Engines: what answers requests, one module for each kind of model that a recipe can declare.

The module bears the engine's name and has a function `open_engine`, from a
model's declaration (`schemas.recipe.models`) and what was spent on it before to
its `Engine`.
"""
