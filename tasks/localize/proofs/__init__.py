"""Proofs of where a solution first goes wrong, by arithmetic and beside a right solution."""
