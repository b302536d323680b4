"""What can go wrong, as a tree, each with the exit code of the command that meets it.

ErrataError            2   what was asked for is wrong
├── NotFound           3   no such corpus, version, tag, view or split
├── Yanked             2   the version was withdrawn, and nothing asks for exactly this one
├── Locked             2   `errata.lock` says otherwise
└── Unreadable         1   a release is damaged, or of a format this client does not know
    └── Unreachable    1   the store does not answer, and the cache does not hold what is needed

ErrataWarning              a version that should not be used any more is used
"""

from __future__ import annotations

from typing import ClassVar


class ErrataError(Exception):
    """Something is wrong with what was asked for, or with a release; the message says what to do."""

    exit_code: ClassVar[int] = 2


class NotFound(ErrataError):
    """There is no such corpus, version, tag, view or split."""

    exit_code = 3


class Yanked(ErrataError):
    """The version was withdrawn; only who names exactly this one gets it."""


class Locked(ErrataError):
    """What `errata.lock` pins is not what is there."""


class Unreadable(ErrataError):
    """A release is damaged, or of a format this client does not know."""

    exit_code = 1


class Unreachable(Unreadable):
    """The store does not answer, and the cache does not hold what is needed."""


class ErrataWarning(UserWarning):
    """A version is used that was deprecated or withdrawn, or a store is used from the cache alone."""
