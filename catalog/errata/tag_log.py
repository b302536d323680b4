"""Tags and notices of a corpus, and how they came to be.

`releases/<corpus>/history/00000001.json`, …: one file an event, each created
exclusively, each with the whole state behind it. So the state changes at one
moment on any storage, two who change it at once come one after the other, and
nothing that was is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Unreadable
from .release.names import EXACT, TAG, sort_versions
from .storage import Storage

LATEST = "latest"
DEPRECATED, YANKED = "deprecated", "yanked"
_EVENT = re.compile(r"\d{8}\.json")


@dataclass(frozen=True)
class Notice:
    """What a store's owner says against a version."""

    kind: str
    """`deprecated`: still used, with a warning; `yanked`: used only by who names exactly this version."""
    reason: str


@dataclass(frozen=True)
class TagState:
    """Tags and notices of a corpus at one moment."""

    number: int = 0
    """The number of the event that made it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The version of each tag."""
    notices: Mapping[str, Notice] = field(default_factory=dict)
    """The notice of each version that has one."""

    def yanked(self, version: str) -> bool:
        """Whether a version was withdrawn."""
        return version in self.notices and self.notices[version].kind == YANKED

    def newest(self, versions: list[str]) -> str | None:
        """What `latest` names: the tag where somebody set it, else the newest version that was not withdrawn."""
        standing = [version for version in sort_versions(versions) if not self.yanked(version)]
        return self.tags.get(LATEST) or (standing[-1] if standing else None)

    def as_json(self) -> dict[str, Any]:
        """The state as an event holds it."""
        notices = {version: {"kind": notice.kind, "reason": notice.reason} for version, notice in self.notices.items()}
        return {"number": self.number, "tags": dict(self.tags), "notices": notices}

    @staticmethod
    def of(value: Mapping[str, Any], where: str) -> TagState:
        """The state in an event; `Unreadable` where there is none."""
        try:
            tags = {str(tag): str(version) for tag, version in value["tags"].items()}
            notices = {
                str(v): Notice(str(notice["kind"]), str(notice["reason"])) for v, notice in value["notices"].items()
            }
            versions = [*tags.values(), *notices]
            if all(TAG.fullmatch(tag) for tag in tags) and all(EXACT.fullmatch(version) for version in versions):
                return TagState(int(value["number"]), tags, notices)
        except (KeyError, TypeError, ValueError, AttributeError):
            pass
        raise Unreadable(
            f"{where}: holds no tags and notices as this client knows them; restore it, or upgrade `errata`"
        )


def locate_log(corpus: str) -> str:
    """Where a corpus' events lie in a store."""
    return f"releases/{corpus}/history"


def list_events(place: Storage, corpus: str) -> list[str]:
    """The files of a corpus' events, the first one first."""
    return [f"{locate_log(corpus)}/{name}" for name in place.names(locate_log(corpus)) if _EVENT.fullmatch(name)]


def read_event(place: Storage, path: str) -> dict[str, Any]:
    """One event as it was written."""
    try:
        return dict(json.loads(place.read(path)))
    except (ValueError, TypeError) as error:
        raise Unreadable(f"{place.link(path)}: not the JSON it should be ({error}); restore it") from None


def read_state(place: Storage, corpus: str) -> TagState:
    """The tags and notices of a corpus as they are now."""
    paths = list_events(place, corpus)
    return TagState.of(read_event(place, paths[-1]), place.link(paths[-1])) if paths else TagState()
