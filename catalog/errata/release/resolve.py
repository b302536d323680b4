"""From what is asked for to one release: the lock file, then the store, then what the cache remembers of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .. import cache, tag_log
from ..errors import ErrataWarning, Locked, NotFound, Unreachable, Unreadable, Yanked
from ..storage import STORE, Storage, location
from ..tag_log import State
from . import lock
from .manifest import digest_of, read
from .names import EXACT, NAME, Wanted, ordered


@dataclass(frozen=True)
class Found:
    """A release that was found."""

    store: str
    corpus: str
    version: str
    digest: str
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a store tells of a corpus, or told when it was last asked."""

    store: str
    versions: list[str]
    state: State
    place: Storage | None
    """The store; None where only the cache can be asked."""
    digests: dict[str, str]
    """The manifests that the cache knows, by version."""


def resolve(asked: Wanted, store: str | None) -> Found:
    """The release that is asked for."""
    pinned = None if asked.digest else lock.pinned(asked)
    if pinned:
        store = store or pinned.store
        asked = Wanted(asked.corpus, pinned.version, pinned.digest, None)
    url = location(store)
    if asked.exact and asked.digest and (data := cache.manifest(asked.digest)):
        manifest = read(data, f"{asked}", asked.corpus, asked.exact)
        return Found(url, asked.corpus, asked.exact, asked.digest, manifest)
    told = _told(url, asked.corpus)
    for version in _candidates(asked, told):
        data = _manifest(told, asked.corpus, version)
        if data is None:
            continue  # still being published
        found, where = digest_of(data), f"{url}/releases/{asked.corpus}/{version}/manifest.json"
        if asked.digest not in (None, found):
            raise _changed(asked, where, found, pinned is not None)
        manifest = read(data, where, asked.corpus, version)
        cache.keep_manifest(data)
        if told.place and not told.place.local:
            digests = told.digests | {version: found}
            known = {"versions": told.versions, "state": told.state.as_json(), "digests": digests}
            cache.keep_index(url, asked.corpus, known)
        _warn(asked, version, told.state)
        return Found(url, asked.corpus, version, found, manifest)
    raise _missing(asked, told)


def _told(url: str, corpus: str) -> Told:
    """What the store says of a corpus; what the cache remembers of it where the store does not answer."""
    known = cache.index(url, corpus)
    try:
        if cache.offline() and not (place := Storage(url)).local:
            raise Unreachable(f"store {url}: is not asked while {cache.OFFLINE} is set")
        place = Storage(url)
        versions = [name for name in place.names(f"releases/{corpus}") if EXACT.fullmatch(name)]
        return Told(url, ordered(versions), tag_log.state(place, corpus), place, known.get("digests", {}))
    except Unreachable as error:
        if not known:
            raise
        if not cache.offline():
            warnings.warn(f"{error}; going on with what the cache holds", ErrataWarning, stacklevel=2)
        digests = {version: digest for version, digest in known["digests"].items() if cache.manifest(digest)}
        return Told(url, ordered(list(digests)), State.of(known["state"], f"cache of {url}"), None, digests)


def _candidates(asked: Wanted, told: Told) -> list[str]:
    """The versions that would do, the best first; more than one, since a folder may be one still being published."""
    state, versions = told.state, told.versions
    if asked.exact:
        return [asked.exact] if asked.exact in versions else []
    if asked.tag and asked.tag != tag_log.LATEST:
        version = state.tags.get(asked.tag)
        if version is None:
            return []
        if state.yanked(version):
            raise Yanked(_withdrawn(asked, version, state, f"move the tag, or name {asked.corpus}@{version} exactly"))
        return [version]
    if asked.range is None and (set_by_hand := state.tags.get(tag_log.LATEST)):
        return [set_by_hand]
    fitting = [one for one in reversed(versions) if asked.range is None or one in asked.range]
    standing = [one for one in fitting if not state.yanked(one)]
    if fitting and not standing:
        raise Yanked(
            _withdrawn(asked, fitting[0], state, f"name {asked.corpus}@{fitting[0]} exactly if you must have it")
        )
    return standing


def _withdrawn(asked: Wanted, version: str, state: State, advice: str) -> str:
    return f"{asked}: {asked.corpus}@{version} was yanked ({state.notices[version].reason}); {advice}"


def _manifest(told: Told, corpus: str, version: str) -> bytes | None:
    """The manifest of a version, or None where there is none (yet)."""
    if told.place is None:
        return cache.manifest(told.digests[version])
    try:
        return told.place.read(f"releases/{corpus}/{version}/manifest.json")
    except FileNotFoundError:
        return None
    except Unreachable:
        if data := cache.manifest(told.digests.get(version, "")):
            return data
        raise


def _changed(asked: Wanted, where: str, found: str, locked: bool) -> Exception:
    message = f"{where}: its SHA-256 is {found[:16]}…, pinned is {str(asked.digest)[:16]}…"
    if locked:
        return Locked(f"{message} by {lock.file()}; this is not the release that was locked: ask the store's owner")
    return Unreadable(f"{message}; this is not the release that was pinned: ask the store's owner")


def _warn(asked: Wanted, version: str, state: State) -> None:
    notice = state.notices.get(version)
    if notice:
        told = "was yanked" if notice.kind == tag_log.YANKED else "is deprecated"
        warnings.warn(f"{asked.corpus}@{version} {told}: {notice.reason}", ErrataWarning, stacklevel=4)


def _missing(asked: Wanted, told: Told) -> NotFound:
    """The error that says what there is instead."""
    where = f"store {told.store}" if told.place else f"cache of {told.store}"
    if told.place:
        versions = [one for one in told.versions if _published(told.place, asked.corpus, one)]
    else:
        versions = told.versions
    if not versions:
        corpora = [] if told.place is None else _corpora(told.place)
        if told.place and not corpora and not told.place.exists("releases"):
            return NotFound(f"{where}: nothing was released there; give the store with --store, or {STORE}")
        near = get_close_matches(asked.corpus, corpora, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(corpora) or 'none'}"
        return NotFound(f"{where}: no corpus '{asked.corpus}'; {hint}")
    there = f"there are {', '.join(versions)}"
    if asked.tag:
        tags = sorted({*told.state.tags, tag_log.LATEST})
        near = get_close_matches(asked.tag, tags, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(tags)}"
        return NotFound(f"{where}: '{asked.corpus}' has no tag '{asked.tag}'; {hint}")
    what = f"version {asked.spec}" if asked.exact else f"version in {asked.spec}"
    return NotFound(f"{where}: '{asked.corpus}' has no {what}; {there}")


def _published(place: Storage, corpus: str, version: str) -> bool:
    return place.exists(f"releases/{corpus}/{version}/manifest.json")


def _corpora(place: Storage) -> list[str]:
    """The corpora that have a release."""
    found = []
    for corpus in filter(NAME.fullmatch, place.names("releases")):
        if any(_published(place, corpus, one) for one in place.names(f"releases/{corpus}") if EXACT.fullmatch(one)):
            found.append(corpus)
    return found
