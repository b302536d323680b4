"""Publishing a release to the Hugging Face Hub: main holds the release before or this one, whole, at every moment.

Files are uploaded first, where nobody sees them. One commit on top of the one
that main was at then moves main, and the Hub refuses it where somebody else has
moved main meanwhile. The version's tag comes last. What was lost on the way is
found out by asking, so that a push that failed anywhere is pushed again.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from errata.errors import ErrataError
from errata.release.find import Release

from catalog.hub import raise_os_errors
from catalog.publish.publish import PublishError
from catalog.storage import StoreError

HUB = "hf://datasets/"
OF_THE_HUB = (".gitattributes",)
"""Files of a repository that are no part of a release, and stay."""
TOKENS = "see huggingface.co/settings/tokens and HF_TOKEN"


def push_to_hub(release: Release, manifest: bytes, target: str, private: bool) -> str:
    """Publish a release as one commit of a dataset repository, and tag it with the version; what was done, in a line."""
    from huggingface_hub.errors import HFValidationError

    repository = target.removeprefix(HUB).strip("/")
    if not target.startswith(HUB) or repository.count("/") != 1:
        raise ErrataError(f"{target[:120]}: names no dataset of the Hub; write {HUB}OWNER/NAME")
    try:
        return _HubPush(release, manifest, target, repository).run(private)
    except HFValidationError as error:
        raise ErrataError(f"{target}: names no dataset of the Hub ({error})") from None


@dataclass(frozen=True)
class _HubPush:
    """One release on its way to one repository."""

    release: Release
    manifest: bytes
    target: str
    repository: str

    @property
    def hub(self) -> Any:
        """The Hub's client."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=os.environ.get("HF_ENDPOINT"))

    @property
    def version(self) -> str:
        """The version, which is the name of the tag."""
        return str(self.release.manifest["version"])

    def run(self, private: bool) -> str:
        """Commit and tag, as far as that is not done already."""
        nothing = f"nothing of it was published: push again; {TOKENS}"
        with self._explain("cannot be published ({why}); " + nothing):
            self.hub.create_repo(self.repository, repo_type="dataset", private=private, exist_ok=True)
            main, tagged = self._read_refs()
            if tagged:
                return self._accept_tag()
            commit = main if main and self._is_whole(main) else None
        if commit is None:
            commit = self._commit(main)
        self._tag(commit)
        return f"{self.release.name} is published: {self._link(commit)}, tag {self.version}"

    def _accept_tag(self) -> str:
        """The line for a version that is there; an error where it is another release."""
        if not self._is_whole(self.version):
            raise PublishError(
                f"{self.target}: has the tag {self.version} already, of another release; a release never changes: "
                "raise the version"
            )
        return f"{self.release.name} is there already: {self._link(self.version)}, tag {self.version}"

    def _commit(self, parent: str | None) -> str:
        """Upload the files and move main to a commit of them; the commit's id, known or found out."""
        from huggingface_hub import CommitOperationAdd

        files = {file["path"]: str(self.release.path(file)) for file in self.release.manifest["files"]}
        additions = [
            CommitOperationAdd(path, content) for path, content in {**files, "manifest.json": self.manifest}.items()
        ]
        try:
            with self._explain("{why}"), warnings.catch_warnings(action="ignore"):
                self.hub.preupload_lfs_files(
                    self.repository, additions, repo_type="dataset", free_memory=False, gitignore_content=""
                )
                commit: str = self.hub.create_commit(
                    self.repository, [*self._deletions(parent, {*files, "manifest.json"}), *additions],
                    repo_type="dataset", parent_commit=parent,
                    commit_message=self.release.name, commit_description=self.release.pin,
                ).oid  # fmt: skip
        except StoreError as error:
            return self._settle(parent, str(error).removeprefix(f"{self.target}: "))
        with self._explain(f"did not show its commit {commit[:12]} ({{why}}): push again, which goes on from there"):
            if not self._is_whole(commit):
                raise StoreError(
                    f"{self.target}: {self._link(commit)} does not hold all files of {self.release.name} as they are; it "
                    "was not tagged, and releases before it are whole under their tags: look at the repository's settings"
                )
        return commit

    def _deletions(self, parent: str | None, kept: set[str]) -> list[Any]:
        """What is to be removed of the files of the release before."""
        from huggingface_hub import CommitOperationDelete

        if parent is None:
            return []
        there = self.hub.list_repo_files(self.repository, repo_type="dataset", revision=parent)
        return [CommitOperationDelete(path) for path in sorted({*there} - kept - {*OF_THE_HUB})]

    def _settle(self, parent: str | None, why: str) -> str:
        """Find out what became of a commit that failed: it arrived all the same, or another's did, or none."""
        unknown = f"did not say whether the commit arrived ({why}, then {{why}}); main holds the release before or this one, whole"
        with self._explain(f"{unknown}: push again, which finds out"):
            main, _ = self._read_refs()
            if main and main != parent and self._is_whole(main):
                return main
        if main != parent:
            raise PublishError(
                f"{self.target}: somebody else published there meanwhile (main is at {str(main)[:12]}, was at "
                f"{str(parent)[:12]}); nothing of {self.release.name} is seen, and theirs is whole: look at it, then push again"
            )
        raise StoreError(
            f"{self.target}: cannot be published ({why}); main is as it was, and whole: push again; {TOKENS}"
        )

    def _tag(self, commit: str) -> None:
        """Name a commit by the version; a tag that is there already must be of the same release."""
        why = ""
        try:
            with self._explain("{why}"):
                self.hub.create_tag(
                    self.repository,
                    repo_type="dataset",
                    tag=self.version,
                    tag_message=self.release.pin,
                    revision=commit,
                )
                return
        except StoreError as error:
            why = str(error).removeprefix(f"{self.target}: ")
        undone = f"main holds {self.release.name} whole, but the tag {self.version} could not be set"
        again = "push again, which sets the tag alone"
        with self._explain(f"{undone} ({why}, then {{why}}): {again}"):
            if self._read_refs()[1]:
                self._accept_tag()
                return
        raise StoreError(f"{self.target}: {undone} ({why}): {again}")

    def _read_refs(self) -> tuple[str | None, bool]:
        """The commit that main is at, and whether the version is tagged."""
        refs = self.hub.list_repo_refs(self.repository, repo_type="dataset")
        heads = {branch.name: str(branch.target_commit) for branch in refs.branches}
        return heads.get("main"), self.version in {tag.name for tag in refs.tags}

    def _is_whole(self, revision: str) -> bool:
        """Whether a revision holds the release's files, each as it is, and no others."""
        entries = self.hub.list_repo_tree(self.repository, repo_type="dataset", revision=revision, recursive=True)
        there = {entry.path: entry for entry in entries if hasattr(entry, "blob_id") and entry.path not in OF_THE_HUB}
        digest = hashlib.sha256(self.manifest).hexdigest()
        files: dict[str, Any] = {"manifest.json": {"bytes": len(self.manifest), "sha256": digest}}
        files |= {file["path"]: file for file in self.release.manifest["files"]}
        return there.keys() == files.keys() and all(self._is_same(there[path], file) for path, file in files.items())

    def _is_same(self, entry: Any, file: dict[str, Any]) -> bool:
        """Whether a file of the Hub has a file's bytes, by the checksum that the Hub has of it."""
        if entry.size != file["bytes"]:
            return False
        if entry.lfs is not None:
            return bool(entry.lfs.sha256 == file["sha256"])
        content = self.release.path(file).read_bytes() if "path" in file else self.manifest
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)  # git's
        return bool(entry.blob_id == blob.hexdigest())

    def _link(self, revision: str) -> str:
        """Where a revision is looked at."""
        return f"{self.hub.endpoint}/datasets/{self.repository}/tree/{revision}"

    @contextmanager
    def _explain(self, text: str) -> Iterator[None]:
        """Raise what the Hub's client raises as one error, whose text has the reason in the place of `{why}`."""
        from huggingface_hub.errors import HFValidationError

        try:
            with raise_os_errors():
                yield
        except (ErrataError, HFValidationError):
            raise
        except (OSError, ValueError, KeyError, RuntimeError) as error:  # the last is hf_xet's
            if isinstance(error, PublishError | StoreError):
                raise
            causes = (
                [error, error.__cause__] if isinstance(error, RuntimeError) else [error]
            )  # which names the file alone
            reasons = [" ".join(str(cause).split()).rstrip(".") for cause in causes if cause]
            why = ": ".join(reasons)[:400] or type(error).__name__
            raise StoreError(f"{self.target}: {text.replace('{why}', why)}") from error
