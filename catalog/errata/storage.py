"""A store as the client reads it: any fsspec URL, with errors that say which store does not answer."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from .errors import ErrataError, Unreachable

STORE = "ERRATA_STORE"
TEMPORARY = ".errata-tmp-"
"""How names begin that belong to the publishing of a release and not to the release."""
LARGEST = 256 * 2**20
"""Bytes of a manifest, at most."""


def location(store: str | None) -> str:
    """The URL of a store: as given, else that of the environment, else the folder `store`."""
    place = store or os.environ.get(STORE) or "store"
    if "\0" in place:
        raise ErrataError(f"store {place[:80]!r}: a NUL is in no path; give a path or a URL such as s3://bucket/folder")
    if _password(place):
        hidden = re.sub(r"//[^/]*@", "//…@", place)
        raise ErrataError(
            f"store {hidden}: holds a password; give it by the environment or the storage's configuration"
        )
    bare = place.rstrip("/")
    return place if bare.endswith(":") else bare  # `memory://` is a store, `memory:` a folder of that name


def _password(url: str) -> bool:
    """Whether a URL holds a password: it would be seen in errors, logs and the lock file."""
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False


class Place:
    """A store; every path is relative to it."""

    def __init__(self, store: str | None) -> None:
        self.url = location(store)
        try:
            self.fs, root = fsspec.url_to_fs(f"{self.url}/")
        except (ValueError, ImportError) as error:
            message = f"store {self.url}: {error}; give a path or a URL such as s3://bucket/folder"
            raise ErrataError(message) from None
        self.root = str(root).rstrip("/")
        self.local = isinstance(self.fs, LocalFileSystem)

    def full(self, path: str) -> str:
        """A path as the file system knows it."""
        return f"{self.root}/{path}"

    def link(self, path: str) -> str:
        """A path as people know it."""
        return f"{self.url}/{path}"

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""
        try:
            self.fs.invalidate_cache(self.full(path))  # others publish meanwhile
            found = self.fs.ls(self.full(path), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise self.silent(error) from error
        return sorted(str(one).rstrip("/").rsplit("/", 1)[-1] for one in found)

    def read(self, path: str) -> bytes:
        """A small file's bytes; `FileNotFoundError` if there is none."""
        try:
            if self.fs.size(self.full(path)) > LARGEST:
                raise ErrataError(f"{self.link(path)}: is larger than {LARGEST:,} bytes; this is no file of a release")
            return bytes(self.fs.cat_file(self.full(path)))
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(self.link(path)) from None
        except ErrataError:
            raise
        except Exception as error:
            raise self.silent(error) from error

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        try:
            return bool(self.fs.exists(self.full(path)))
        except Exception as error:
            raise self.silent(error) from error

    def open(self, path: str) -> Any:
        """A file, open for reading."""
        return self.fs.open(self.full(path), "rb")

    def silent(self, error: Exception) -> Unreachable:
        """The error of a store that does not answer."""
        why = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())[:200]
        return Unreachable(f"store {self.url}: cannot be read ({why}); check the address, the network and the access")
