"""Recipes: YAML documents, read and checked whole."""
