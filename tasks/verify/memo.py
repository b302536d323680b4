"""Memory: what was found out once, by a hash of all that it depends on, so that it need not be found out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from threading import Lock

MOST = 500_000
"""Entries; where there would be more, all are forgotten."""
PASSING = ("timed out", "died", "too large")
"""A worker's verdicts on a pair that a less busy machine, or one with more memory, may answer: no build takes it over."""


def hash_key(*parts: object) -> str:
    """The key of what depends on these parts, JSON values all."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class VerdictCache:
    """What the verifier settled about pairs of answers, by key; the store keeps it for later builds."""

    def __init__(self, name: str, version: str, most: int = MOST) -> None:
        self.name = name
        self.version = version
        """Of the code that makes the verdicts; another version's are not taken over."""
        self.most = most
        self.find: Callable[[Collection[str]], Mapping[str, str]] | None = None
        """Finds what earlier builds have kept by some keys, where that is more than is held in memory."""
        self._known: dict[str, str] = {}
        self._absent: set[str] = set()
        """Keys that were looked up in vain."""
        self._fresh: dict[str, str] = {}
        self._lock = Lock()

    def get(self, key: str) -> str | None:
        """What is known by a key."""
        if self.find is not None and key not in self._known:
            self.look_up([key])
        return self._known.get(key)

    def look_up(self, keys: Collection[str]) -> None:
        """Take over what earlier builds have kept by these keys: all that are to be asked for soon, at once."""
        with self._lock:
            missing = [key for key in keys if key not in self._known and key not in self._absent]
        if self.find is None or not missing:
            return
        kept = self.find(missing)
        self.learn(kept)
        with self._lock:
            if len(self._absent) + len(missing) > self.most:
                self._absent.clear()
            self._absent.update(key for key in missing if key not in kept)

    def add(self, key: str, verdict: str, lasting: bool = True) -> None:
        """Remember something new; what does not last is not for later builds."""
        self.learn({key: verdict})
        if lasting:
            with self._lock:
                self._fresh[key] = verdict

    def learn(self, verdicts: Mapping[str, str]) -> None:
        """Take over verdicts of earlier builds."""
        with self._lock:
            if len(self._known) + len(verdicts) > self.most:
                self._known.clear()
            self._known.update(verdicts)

    def has_room(self, verdicts: int) -> bool:
        """Whether so many more can be remembered without forgetting others."""
        return len(self._known) + verdicts <= self.most

    def take_fresh(self) -> dict[str, str]:
        """What is new since this was last called."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        return fresh

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()
            self._absent.clear()
            self._fresh.clear()
