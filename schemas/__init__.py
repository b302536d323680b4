"""Contracts, recipes and tasks as records; everything else stands on them."""
