"""Changing the tags and notices of a corpus: one event after the other, whoever changes them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from errata.errors import ErrataError, NotFound
from errata.release.names import EXACT, NAME, TAG, sort_versions
from errata.storage import Storage
from errata.tag_log import DEPRECATED, YANKED, Notice, TagState, locate_log, read_state

from catalog.publish.publish import read_published
from catalog.storage import Store, StoreError
from catalog.tables import format_canonical_json

FORMAT = 1
ATTEMPTS = 1_000
LONGEST = 1_000
KINDS = {"deprecate": DEPRECATED, "yank": YANKED, "restore": None}
"""What each verb makes of a version."""
Change = Callable[[TagState], tuple[dict[str, Any], TagState]]
"""From the state to what happens, and the state behind it."""


def check_tag(name: str) -> None:
    """Raise `ErrataError` where a tag cannot be called so."""
    if not TAG.fullmatch(name):
        raise ErrataError(
            f"tag {name[:80]!r}: a tag begins with a letter and has lower-case letters, digits, . - and _"
        )


def tag(store: Store, corpus: str, name: str, version: str | None, reason: str = "") -> TagState:
    """Let a tag name a version, or nothing any more (None); all who resolve it see the one or the other."""
    check_tag(name)
    if version is not None:
        _check(store, corpus, version)

    def change(now: TagState) -> tuple[dict[str, Any], TagState]:
        if version is None and name not in now.tags:
            raise NotFound(f"'{corpus}' has no tag '{name}'; there are {', '.join(now.tags) or 'none'}")
        if version is not None and now.yanked(version):
            raise ErrataError(f"{corpus}@{version} was yanked ({now.notices[version].reason}); tag another version")
        tags = {tag: tagged for tag, tagged in now.tags.items() if tag != name}
        happened = {"what": "tag", "tag": name, "version": version, "before": now.tags.get(name)}
        return happened, replace(now, tags=tags | ({} if version is None else {name: version}))

    return _record(store, corpus, change, reason)


def note(store: Store, corpus: str, version: str, verb: str, reason: str) -> TagState:
    """`deprecate`, `yank` or `restore` a version, for a reason that all who ask for it are shown."""
    _check(store, corpus, version)
    if not reason.strip():
        raise ErrataError(f"errata {verb} needs a reason for those who use {corpus}@{version}; add --reason")
    kind = KINDS[verb]

    def change(now: TagState) -> tuple[dict[str, Any], TagState]:
        others: Mapping[str, Notice] = {v: notice for v, notice in now.notices.items() if v != version}
        named = [tag for tag, tagged in now.tags.items() if tagged == version]
        if kind == YANKED and named:
            raise ErrataError(
                f"{corpus}@{version} is tagged {', '.join(named)}; move or remove that first (errata tag)"
            )
        if kind is None and version not in now.notices:
            raise ErrataError(f"{corpus}@{version} is neither deprecated nor yanked; there is nothing to restore")
        notices = others if kind is None else {**others, version: Notice(kind, reason)}
        return {"what": verb, "version": version}, replace(now, notices=notices)

    return _record(store, corpus, change, reason)


def _check(store: Store, corpus: str, version: str) -> None:
    """Raise `NotFound` where there is no such release."""
    if not NAME.fullmatch(corpus) or not EXACT.fullmatch(version):
        raise ErrataError(f"{f'{corpus}@{version}'[:80]!r} names no release; write corpus@1.2.3")
    if read_published(store, corpus, version) is None:
        versions = [name for name in store.names(f"releases/{corpus}") if EXACT.fullmatch(name)]
        hint = f"there are {', '.join(sort_versions(versions))}" if versions else "nothing of this corpus is there"
        raise NotFound(f"store {store.url}: '{corpus}' has no version {version}; {hint}")


def _record(store: Store, corpus: str, change: Change, reason: str) -> TagState:
    """Append an event; where another comes first, think again from what is there then."""
    if len(reason) > LONGEST:
        raise ErrataError(f"the reason has {len(reason):,} characters, at most {LONGEST:,} are kept; shorten it")
    place = Storage(store.url)
    for _ in range(ATTEMPTS):
        happened, after = change(read_state(place, corpus))
        after = replace(after, number=after.number + 1)
        event = {"format": FORMAT, "corpus": corpus, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        event |= happened | {"reason": reason} | after.as_json()
        if store.create(f"{locate_log(corpus)}/{after.number:08d}.json", format_canonical_json(event)):
            return after
    raise StoreError(f"{store.link(locate_log(corpus))}: too many change it at once; try again")
