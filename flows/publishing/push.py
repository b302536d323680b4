"""Publishing outward: a release to the Hugging Face Hub, or to any fsspec URL, whole or not at all.

On the Hub one commit holds all files, and the version is a tag on it. On other
stores the manifest comes last and is created exclusively, as it is at home.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import errata
from errata.errors import ErrataError, Unreadable
from errata.release.find import Release
from errata.release.load import pull

from catalog.hub import raise_os_errors
from catalog.publish.publish import PublishError, locate_release
from catalog.storage import Store, StoreError

HUB = "hf://datasets/"


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
        return _upload_to_hub(release, target, private)
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
                release.path(file).open("rb") as source,
                place.fs.open(place.full(f"{path}/{file['path']}"), "wb") as sink,
            ):
                shutil.copyfileobj(source, sink, 2**20)
        if not place.create(f"{path}/manifest.json", manifest) and place.read(f"{path}/manifest.json") != manifest:
            raise PublishError(f"{link}: another release was published there meanwhile; nothing of this one is seen")
    except OSError as error:
        raise StoreError(f"{link}: cannot be written ({error.strerror or error}); nothing was published") from error
    return f"{release.name} is published: {link}"


def _upload_to_hub(release: Release, target: str, private: bool) -> str:
    """Upload a release as one commit of a dataset repository, and tag it with the version."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    repository = target.removeprefix(HUB).strip("/")
    if not target.startswith(HUB) or repository.count("/") != 1:
        raise ErrataError(f"{target[:120]}: names no dataset of the Hub; write {HUB}OWNER/NAME")
    hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        with raise_os_errors():
            commit = _upload_files(hub, release, target, repository, private)
    except HFValidationError as error:
        raise ErrataError(f"{target}: names no dataset of the Hub ({error})") from None
    except OSError as error:
        why = " ".join(str(error).split())[:300]
        raise StoreError(
            f"{target}: cannot be published ({why}); see huggingface.co/settings/tokens and HF_TOKEN"
        ) from error
    return f"{release.name} is published: {commit.commit_url}, tag {release.manifest['version']}"


def _upload_files(hub: Any, release: Release, target: str, repository: str, private: bool) -> Any:
    """The commit that holds a release's files, tagged with its version."""
    version = release.manifest["version"]
    hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
    if version in {tag.name for tag in hub.list_repo_refs(repository, repo_type="dataset").tags}:
        raise PublishError(f"{target}: has the tag {version} already; a release never changes: raise the version")
    with tempfile.TemporaryDirectory() as staged:
        _stage(release, Path(staged))
        with warnings.catch_warnings(action="ignore"):
            commit: Any = hub.upload_folder(
                repo_id=repository, repo_type="dataset", folder_path=staged, delete_patterns="*",
                commit_message=f"{release.name}", commit_description=release.pin,
            )  # fmt: skip
    hub.create_tag(repository, repo_type="dataset", tag=version, tag_message=release.pin, revision=commit.oid)
    return commit


def _stage(release: Release, place: Path) -> None:
    """A release's files in a folder, linked where that can be done."""
    for file in release.manifest["files"]:
        path = place / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(release.path(file), path)
    (place / "manifest.json").write_bytes(_read_manifest(release))
