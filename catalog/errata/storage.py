"""Storage on any fsspec URL, as it is read; errors say which store does not answer, and never its password."""

from __future__ import annotations

import os
import re
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from .errors import ErrataError, Unreachable

STORE = "ERRATA_STORE"
TEMPORARY = ".errata-tmp-"
"""How names begin of files that are being written."""
LARGEST = 256 * 2**20
"""Bytes of a manifest, at most."""
CREDENTIALS_FAULT = "holds a password; give it by the environment or the storage's configuration"
# a password may hold / and @ itself; what is a port is none
_PASSWORD = re.compile(r"//[^/@\[]*:(?!\d+/).*@")
_USER = re.compile(r"//[^/?#]*@")
_QUERY = re.compile(r"^(https?://[^?]*\?).+", re.DOTALL)


def has_password(url: str) -> bool:
    """Whether a password stands in a URL: it would be seen in errors, logs, manifests and the lock file."""
    return _PASSWORD.search(url) is not None


def mask_secrets(url: str) -> str:
    """A URL as it may be shown.

    Returns:
        The URL with `…` for user and password, up to the last `@` that may belong to them, and for the query over
        HTTP, which may be a signature that opens what the URL names.
    """
    masked, count = _PASSWORD.subn("//…@", url)
    return _QUERY.sub(r"\1…", masked if count else _USER.sub("//…@", url))


def locate_store(store: str | None) -> str:
    """The URL of a store: as given, else that of the environment, else the folder `store`."""
    url = store or os.environ.get(STORE) or "store"
    if "\0" in url:
        raise ErrataError(f"store {url[:80]!r}: a NUL is in no path; give a path or a URL such as s3://bucket/folder")
    if has_password(url):
        raise ErrataError(f"store {mask_secrets(url)}: {CREDENTIALS_FAULT}")
    bare = url.rstrip("/")
    return url if bare.endswith(":") else bare  # `memory://` is a store, `memory:` a folder of that name


def open_file_system(url: str, **options: Any) -> tuple[Any, str]:
    """The file system of a URL, and its path there; no listing is kept: what others have written since would be denied."""
    try:
        fs, path = fsspec.url_to_fs(url, use_listings_cache=False, **options)
    except TypeError:  # it takes options of its own alone, as that of sftp:// does
        fs, path = fsspec.url_to_fs(url, **options)
    return fs, str(path)


class Storage:
    """A folder on a file system; every path is relative to it, with `/` between its parts."""

    largest: int | None = LARGEST
    """Bytes that are read of a file, at most."""

    def __init__(self, url: str | None) -> None:
        """Open a store; `ErrataError` where its URL is malformed, holds a password or is of an unknown kind."""
        self.url = locate_store(url)
        try:
            self.fs, root = open_file_system(f"{self.url}/")
        except (ValueError, ImportError) as error:
            message = f"store {self.url}: {error}; give a path or a URL such as s3://bucket/folder"
            raise ErrataError(message) from None
        self.root = root.rstrip("/")
        self.local = isinstance(self.fs, LocalFileSystem)

    def full(self, path: str) -> str:
        """A path as the file system knows it."""
        return f"{self.root}/{path}" if path else self.root

    def link(self, path: str) -> str:
        """A path as people know it."""
        return f"{self.url}/{path}"

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted, but for files that are being written; none if there is no such folder."""
        names = (str(each).rstrip("/").rsplit("/", 1)[-1] for each in self._list(path, detail=False))
        return sorted(name for name in names if not name.startswith(TEMPORARY))

    def _list(self, path: str, *, detail: bool) -> list[Any]:
        """What is in a folder now, as the file system tells it; nothing if there is no such folder."""
        try:
            self.fs.invalidate_cache(self.full(path))  # the Hub's file system keeps listings whatever it is told
            return list(self.fs.ls(self.full(path), detail=detail))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise self.unreadable(path, error) from error

    def read(self, path: str) -> bytes:
        """A file's bytes; `FileNotFoundError` if there is none."""
        try:
            if self.largest is not None and self.fs.size(self.full(path)) > self.largest:
                raise ErrataError(
                    f"{self.link(path)}: is larger than {self.largest:,} bytes; this is no file of a release"
                )
            return bytes(self.fs.cat_file(self.full(path)))
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(self.link(path)) from None
        except ErrataError:
            raise
        except Exception as error:
            raise self.unreadable(path, error) from error

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        try:
            return bool(self.fs.exists(self.full(path)))
        except Exception as error:
            raise self.unreadable(path, error) from error

    def open(self, path: str, **options: Any) -> Any:
        """A file, open for reading; `options` are those of the file system, such as `block_size`."""
        return self.fs.open(self.full(path), "rb", **options)

    def unreadable(self, path: str, error: Exception) -> Exception:
        """The error that says what was met in reading."""
        why = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())[:200]
        return Unreachable(f"store {self.url}: cannot be read ({why}); check the address, the network and the access")
