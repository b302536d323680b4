"""Localisation: where solutions first go wrong, by judges, by rollouts, by arithmetic, and where these agree."""
