"""Errata's client: find, check and load released corpora of reasoning mistakes.

import errata
mistakes = errata.load("mwpes@1.0.0", split="train")
"""

from .releases import ErrataError, NotFound, Release, load, open_release, releases

__all__ = ["ErrataError", "NotFound", "Release", "load", "open_release", "releases"]
