"""The names of releases: `corpus`, `corpus@1.2.3`, `corpus@^1.2`, `corpus@>=1.0,<2`, `corpus@stable`, any with `#sha256:…`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ErrataError

Version = tuple[int, int, int]
"""Major, minor and patch."""

_NUMBER = r"(?:0|[1-9]\d{0,8})"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
EXACT = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
TAG = re.compile(r"[a-z](?:[a-z0-9._-]{0,62}[a-z0-9])?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BOUND = re.compile(rf"(\^|~|>=|<=|>|<|=) ?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?")
_LONGEST = 300
HOW = "write corpus, corpus@1.2.3, corpus@^1.2, corpus@~1.2, corpus@>=1.0,<2, corpus@tag or corpus@1.2.3#sha256:…"


def parse_version(version: str) -> Version:
    """The numbers of a version."""
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)


def sort_versions(versions: list[str]) -> list[str]:
    """Versions by their numbers, the oldest first."""
    return sorted(versions, key=parse_version)


@dataclass(frozen=True)
class Range:
    """Versions from `low` to below `high`; None is without end."""

    low: Version = (0, 0, 0)
    high: Version | None = None

    def __contains__(self, version: str) -> bool:
        number = parse_version(version)
        return self.low <= number and (self.high is None or number < self.high)

    def both(self, other: Range) -> Range:
        """The versions in both ranges."""
        highs = [high for high in (self.high, other.high) if high is not None]
        return Range(max(self.low, other.low), min(highs) if highs else None)


@dataclass(frozen=True)
class ReleaseSpec:
    """A release as somebody asks for it."""

    corpus: str
    spec: str
    """What stands behind `@`: a version, a range or a tag; empty for the newest version."""
    digest: str | None
    """SHA-256 of the manifest, in hex, where the release is pinned by it."""
    range: Range | None
    """The range, where `spec` is one."""

    @property
    def exact(self) -> str | None:
        """The version, where exactly one is named."""
        return self.spec if self.spec and EXACT.fullmatch(self.spec) else None

    @property
    def tag(self) -> str | None:
        """The tag, where one is named."""
        return self.spec if self.spec and self.range is None and self.exact is None else None

    def __str__(self) -> str:
        pin = f"#sha256:{self.digest}" if self.digest else ""
        return self.corpus + (f"@{self.spec}" if self.spec else "") + pin


def parse_name(name: str) -> ReleaseSpec:
    """What a name asks for; `ErrataError` where it is malformed, before anything is looked up."""
    head, pinned, digest = name.partition("#")
    corpus, at, spec = head.partition("@")
    if len(name) > _LONGEST or not NAME.fullmatch(corpus) or (pinned and not DIGEST.fullmatch(digest)):
        raise _make_error(name)
    if at and not spec:
        raise ErrataError(f"{name!r} names no version after '@'; {HOW}")
    if pinned and not EXACT.fullmatch(spec):
        raise ErrataError(
            f"{name[:80]!r} names no version to pin; write {corpus}@1.2.3#sha256:…, both as `errata lock` tells them"
        )
    versions = None
    if spec and not EXACT.fullmatch(spec) and not TAG.fullmatch(spec):
        versions = _parse_range(spec)
        if versions is None:
            raise _make_error(name)
    return ReleaseSpec(corpus, spec, digest.removeprefix("sha256:") or None, versions)


def _make_error(name: str) -> ErrataError:
    return ErrataError(f"{name[:80]!r} names no release; {HOW}")


def _parse_range(spec: str) -> Range | None:
    """The range that a text declares, or None where it declares none."""
    versions = Range()
    for part in spec.split(","):
        bound = _BOUND.fullmatch(part.strip(" "))
        if bound is None:
            return None
        versions = versions.both(_bound(bound))
    return versions


def _bound(match: re.Match[str]) -> Range:
    """One bound: of a number left out, 0 stands for the low end, and the next greater one for the high end."""
    sign, numbers = match[1], [int(number) for number in match.groups()[1:] if number is not None]
    low = _fill_version(numbers)
    if sign == "^":  # up to the first number that is not 0
        at = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
        return Range(low, _bump_last(numbers[: at + 1]))
    if sign == "~":
        return Range(low, _bump_last(numbers[:2]))
    if sign == "=":
        return Range(low, _bump_last(numbers))
    if sign == ">=":
        return Range(low)
    if sign == "<":
        return Range(high=low)
    after = _bump_last(numbers)
    return Range(after) if sign == ">" else Range(high=after)


def _fill_version(numbers: list[int]) -> Version:
    major, minor, patch = (*numbers, 0, 0)[:3]
    return major, minor, patch


def _bump_last(numbers: list[int]) -> Version:
    """The first version behind all that begin with these numbers."""
    return _fill_version([*numbers[:-1], numbers[-1] + 1])
