"""Publishing outward: a release to the Hugging Face Hub, or to any fsspec URL, whole or not at all.

On the Hub one commit holds all files, and the version is a tag on it
(`push_to_hub`). On other stores the manifest comes last and is created
exclusively, as it is at home.
"""

from __future__ import annotations

import shutil

import errata
from errata.errors import Unreadable
from errata.release.find import Release
from errata.release.load import pull

from catalog.publish.publish import PublishError, locate_release
from catalog.storage import Store, StoreError
from flows.publishing.push_to_hub import push_to_hub


def push(name: str, target: str, store: str, private: bool = False) -> str:
    """Publish a release at a target; what was done, in a line."""
    release = errata.open_release(name, store)
    if faults := release.faults():
        raise Unreadable(
            f"{release.name}: {faults[0]}; it is not pushed until it is whole (errata verify {release.name})"
        )
    files = release.manifest["files"]
    pull(release, files)
    if target.startswith("hf://"):
        return push_to_hub(release, _read_manifest(release), target, private)
    return _copy_to_store(release, Store(target))


def _read_manifest(release: Release) -> bytes:
    return release.storage.read(f"{locate_release(*release.name.split('@'))}/manifest.json")


def _copy_to_store(release: Release, place: Store) -> str:
    """Copy a release to another store, where it lies as it does at home."""
    path, manifest = locate_release(*release.name.split("@")), _read_manifest(release)
    link = place.link(path)
    try:
        if place.exists(f"{path}/manifest.json"):
            if place.read(f"{path}/manifest.json") == manifest:
                return f"{release.name} is there already: {link}"
            raise PublishError(
                f"{link}: another release bears this version there; a release never changes: push to another place"
            )
        for file in release.manifest["files"]:
            place.fs.makedirs(place.fs._parent(place.full(f"{path}/{file['path']}")), exist_ok=True)
            with (
                place.writing(f"{path}/{file['path']}"),
                release.path(file).open("rb") as source,
                place.fs.open(place.full(f"{path}/{file['path']}"), "wb") as sink,
            ):
                shutil.copyfileobj(source, sink, 2**20)
        if not place.create(f"{path}/manifest.json", manifest) and place.read(f"{path}/manifest.json") != manifest:
            raise PublishError(f"{link}: another release was published there meanwhile; nothing of this one is seen")
    except OSError as error:
        raise StoreError(f"{link}: cannot be written ({error.strerror or error}); nothing was published") from error
    return f"{release.name} is published: {link}"
