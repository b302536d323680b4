"""Errata's client: find, check and load released corpora of reasoning mistakes.

import errata

mistakes = errata.load("mwpes@^1.2", view="stepwise", split="train", form="datasets")
"""

from .errors import ErrataError, ErrataWarning, Locked, NotFound, Unreachable, Unreadable, Yanked
from .release.find import Release, open_release, releases
from .release.load import load

__all__ = [
    "ErrataError", "ErrataWarning", "Locked", "NotFound", "Release", "Unreachable", "Unreadable", "Yanked", "load",
    "open_release", "releases",
]  # fmt: skip
