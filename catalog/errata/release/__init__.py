"""Releases: their names, and finding, checking, pinning and loading them."""
