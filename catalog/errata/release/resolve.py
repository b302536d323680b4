"""From what is asked for to one release: the lock file, then the store, then what the cache remembers of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .. import cache, tag_log
from ..errors import ErrataWarning, Locked, NotFound, Unreachable, Unreadable, Yanked
from ..storage import STORE, Storage, locate_store
from ..tag_log import TagState
from . import lock
from .manifest import digest_of, read_manifest
from .names import EXACT, NAME, ReleaseSpec, sort_versions


@dataclass(frozen=True)
class ResolvedRelease:
    """A release that was found."""

    store: str
    corpus: str
    version: str
    digest: str
    manifest: dict[str, Any]


@dataclass(frozen=True)
class StoreIndex:
    """What a store holds of a corpus, now or when it last answered."""

    store: str
    versions: list[str]
    state: TagState
    storage: Storage | None
    """The store; None where only the cache can be asked."""
    digests: dict[str, str]
    """The manifests that the cache knows, by version."""


def resolve(asked: ReleaseSpec, store: str | None) -> ResolvedRelease:
    """The release that is asked for."""
    pinned = None if asked.digest else lock.find_pin(asked)
    if pinned:
        store = store or pinned.store
        asked = ReleaseSpec(asked.corpus, pinned.version, pinned.digest, None)
    url = locate_store(store)
    if asked.exact and asked.digest and (data := cache.read_manifest(asked.digest)):
        manifest = read_manifest(data, f"{asked}", asked.corpus, asked.exact)
        return ResolvedRelease(url, asked.corpus, asked.exact, asked.digest, manifest)
    index = _read_index(url, asked.corpus)
    for version in _list_candidates(asked, index):
        data = _read_manifest(index, asked.corpus, version)
        if data is None:
            continue  # still being published
        digest, where = digest_of(data), f"{url}/releases/{asked.corpus}/{version}/manifest.json"
        if asked.digest not in (None, digest):
            raise _describe_change(asked, where, digest, pinned is not None)
        manifest = read_manifest(data, where, asked.corpus, version)
        cache.keep_manifest(data)
        if index.storage and not index.storage.local:
            digests = index.digests | {version: digest}
            known = {"versions": index.versions, "state": index.state.as_json(), "digests": digests}
            cache.keep_index(url, asked.corpus, known)
        _warn(asked, version, index.state)
        return ResolvedRelease(url, asked.corpus, version, digest, manifest)
    raise _describe_missing(asked, index)


def _read_index(url: str, corpus: str) -> StoreIndex:
    """What the store says of a corpus; what the cache remembers of it where the store does not answer."""
    known = cache.read_index(url, corpus)
    try:
        if cache.is_offline() and not (storage := Storage(url)).local:
            raise Unreachable(f"store {url}: is not asked while {cache.OFFLINE} is set")
        storage = Storage(url)
        versions = [name for name in storage.names(f"releases/{corpus}") if EXACT.fullmatch(name)]
        return StoreIndex(
            url, sort_versions(versions), tag_log.read_state(storage, corpus), storage, known.get("digests", {})
        )
    except Unreachable as error:
        if not known:
            raise
        if not cache.is_offline():
            warnings.warn(f"{error}; going on with what the cache holds", ErrataWarning, stacklevel=2)
        digests = {version: digest for version, digest in known["digests"].items() if cache.read_manifest(digest)}
        return StoreIndex(
            url, sort_versions(list(digests)), TagState.of(known["state"], f"cache of {url}"), None, digests
        )


def _list_candidates(asked: ReleaseSpec, index: StoreIndex) -> list[str]:
    """The versions that would do, the best first; more than one, since a folder may be one still being published."""
    state, versions = index.state, index.versions
    if asked.exact:
        return [asked.exact] if asked.exact in versions else []
    if asked.tag and asked.tag != tag_log.LATEST:
        version = state.tags.get(asked.tag)
        if version is None:
            return []
        if state.yanked(version):
            raise Yanked(
                _describe_withdrawal(asked, version, state, f"move the tag, or name {asked.corpus}@{version} exactly")
            )
        return [version]
    if asked.range is None and (set_by_hand := state.tags.get(tag_log.LATEST)):
        return [set_by_hand]
    fitting = [version for version in reversed(versions) if asked.range is None or version in asked.range]
    standing = [version for version in fitting if not state.yanked(version)]
    if fitting and not standing:
        raise Yanked(
            _describe_withdrawal(
                asked, fitting[0], state, f"name {asked.corpus}@{fitting[0]} exactly if you must have it"
            )
        )
    return standing


def _describe_withdrawal(asked: ReleaseSpec, version: str, state: TagState, advice: str) -> str:
    return f"{asked}: {asked.corpus}@{version} was yanked ({state.notices[version].reason}); {advice}"


def _read_manifest(index: StoreIndex, corpus: str, version: str) -> bytes | None:
    """The manifest of a version, or None where there is none (yet)."""
    if index.storage is None:
        return cache.read_manifest(index.digests[version])
    try:
        return index.storage.read(f"releases/{corpus}/{version}/manifest.json")
    except FileNotFoundError:
        return None
    except Unreachable:
        if data := cache.read_manifest(index.digests.get(version, "")):
            return data
        raise


def _describe_change(asked: ReleaseSpec, where: str, digest: str, locked: bool) -> Exception:
    message = f"{where}: its SHA-256 is {digest[:16]}…, pinned is {str(asked.digest)[:16]}…"
    if locked:
        return Locked(
            f"{message} by {lock.locate_file()}; this is not the release that was locked: ask the store's owner"
        )
    return Unreadable(f"{message}; this is not the release that was pinned: ask the store's owner")


def _warn(asked: ReleaseSpec, version: str, state: TagState) -> None:
    notice = state.notices.get(version)
    if notice:
        how = "was yanked" if notice.kind == tag_log.YANKED else "is deprecated"
        warnings.warn(f"{asked.corpus}@{version} {how}: {notice.reason}", ErrataWarning, stacklevel=4)


def _describe_missing(asked: ReleaseSpec, index: StoreIndex) -> NotFound:
    """The error that says what there is instead."""
    where = f"store {index.store}" if index.storage else f"cache of {index.store}"
    if index.storage:
        versions = [version for version in index.versions if _is_published(index.storage, asked.corpus, version)]
    else:
        versions = index.versions
    if not versions:
        corpora = [] if index.storage is None else _list_corpora(index.storage)
        if index.storage and not corpora and not index.storage.exists("releases"):
            return NotFound(f"{where}: nothing was released there; give the store with --store, or {STORE}")
        near = get_close_matches(asked.corpus, corpora, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(corpora) or 'none'}"
        return NotFound(f"{where}: no corpus '{asked.corpus}'; {hint}")
    advice = f"there are {', '.join(versions)}"
    if asked.tag:
        tags = sorted({*index.state.tags, tag_log.LATEST})
        near = get_close_matches(asked.tag, tags, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(tags)}"
        return NotFound(f"{where}: '{asked.corpus}' has no tag '{asked.tag}'; {hint}")
    version = f"version {asked.spec}" if asked.exact else f"version in {asked.spec}"
    return NotFound(f"{where}: '{asked.corpus}' has no {version}; {advice}")


def _is_published(storage: Storage, corpus: str, version: str) -> bool:
    return storage.exists(f"releases/{corpus}/{version}/manifest.json")


def _list_corpora(storage: Storage) -> list[str]:
    """The corpora that have a release."""
    corpora = []
    for corpus in filter(NAME.fullmatch, storage.names("releases")):
        if any(
            _is_published(storage, corpus, version)
            for version in storage.names(f"releases/{corpus}")
            if EXACT.fullmatch(version)
        ):
            corpora.append(corpus)
    return corpora
