"""What can go wrong, as a tree.

ErrataError            what was asked for is wrong
├── NotFound           no such corpus, version, tag, view or split
├── Yanked             the version was withdrawn, and nothing asks for exactly this one
├── Locked             `errata.lock` says otherwise
└── Unreadable         a release is damaged, or of a format this client does not know
    └── Unreachable    the store does not answer, and the cache does not hold what is needed

ErrataWarning          a version that should not be used any more is used
"""

from __future__ import annotations


class ErrataError(Exception):
    """Something is wrong with what was asked for, or with a release; the message says what to do."""


class NotFound(ErrataError):
    """There is no such corpus, version, tag, view or split."""


class Yanked(ErrataError):
    """The version was withdrawn; only who names exactly this one gets it."""


class Locked(ErrataError):
    """What `errata.lock` pins is not what is there."""


class Unreadable(ErrataError):
    """A release is damaged, or of a format this client does not know."""


class Unreachable(Unreadable):
    """The store does not answer, and the cache does not hold what is needed."""


class ErrataWarning(UserWarning):
    """A version is used that was deprecated or withdrawn, or a store is used from the cache alone."""
