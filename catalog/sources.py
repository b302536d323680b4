"""Sources: the files, folders and data sets that a recipe names, found with their digests when it is planned."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

import fsspec
from errata.storage import CREDENTIALS_FAULT, has_password, mask_secrets

from catalog import hub
from catalog.confinement import Confinement
from catalog.digests import Digests, read_stamp
from catalog.file_kinds import KINDS, is_known, is_selected
from catalog.wildcards import list_matches
from schemas.errors import ApplicationError
from schemas.patterns import compile_pattern
from schemas.reading import FileReading
from schemas.time_limit import stop_clock

PLAIN = FileReading()
"""The reading of a file whose name says all."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)
METADATA = ("dataset_info.json", "dataset_dict.json", "dataset_infos.json", "state.json")
"""What a saved data set has beside its rows."""


class SourceError(ApplicationError, ValueError):
    """A source cannot be read; the message says which, what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Source:
    """A file, or a data set on the Hub, whose records are read."""

    url: str
    """Where it is."""
    name: str
    """What it is called in tables, messages and lineage: its path below the data folder or the recipe."""
    digest: str
    """SHA-256 of its bytes; of the rows of a data set on the hub its name, revision, configuration and split."""
    size: int = 0
    """Its bytes; 0 where nobody knows."""
    stamp: str = ""
    """What tells without reading that it is still the same (`catalog.digests`); empty where only its bytes do."""
    reading: FileReading = PLAIN
    """How its records are read."""
    companion: Source | None = None
    """The file that lies beside it and belongs to it, if any."""

    @property
    def identity(self) -> str:
        """Its digest, with that of its companion."""
        return self.digest if self.companion is None else f"{self.digest} {self.companion.digest}"


def find_sources(
    pattern: str, name: str, digests: Digests | None = None, reading: FileReading = PLAIN, confinement: Confinement | None = None
) -> list[Source]:  # fmt: skip
    """Find the files that a path, URL or pattern names; those of a folder are all that hold records.

    Args:
        pattern: Where to look; may hold the wildcards of fsspec's `glob`.
        name: What it is called in the recipe.
        digests: The digests that are remembered; files that have not changed are not read then.
        reading: How their records are read: which files of a folder are meant, and what lies beside each.
        confinement: Where they must lie, if a recipe names them; what the user names may lie anywhere.

    Returns:
        The files, sorted.

    Raises:
        SourceError: There is none, or one cannot be read.
        OutsideError: One lies where the recipe may not read.

    """
    if confinement:
        _check_pattern(pattern, name, confinement)
    if is_rows(pattern):
        return [Source(pattern, name, _hub_digest(pattern, name, digests), reading=reading)]
    masked = mask_secrets(pattern)
    if has_password(pattern):
        raise SourceError(f"{masked}: {CREDENTIALS_FAULT}")
    try:
        fs, path = hub.open_file_system(pattern)
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"{name}: cannot be looked for at {masked} ({error}); check the path") from None
    if hub.is_file(pattern) and (fault := hub.find_hub_fault(fs, path)):
        raise SourceError(f"{name}: the Hub does not give it ({fault}); {hub.ADVICE}")
    try:
        matches = list_matches(fs, str(path)) if any(c in name for c in "*?[") else [str(path)]
        files = [file for match in matches for file in _list_files(fs, match, name, reading)]
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"{name}: cannot be looked for at {masked} ({error}); check the path") from None
    if not files:
        raise SourceError(
            f"{name}: no such file at {masked}; check the path, and --data where it begins with ${{data}}"
        )
    # a file's name begins as the recipe writes it, up to the first wildcard, and goes on as the file is called
    texts = str(path).rstrip("/"), name.rstrip("/")
    fixed, beginning = (re.split(r"[*?\[]", text)[0].rpartition("/")[0] for text in texts)
    names = [file if _absolute(name) else f"{beginning}/{file[len(fixed) + 1 :]}".lstrip("/") for file in files]
    if confinement:
        for file, shown in zip(files, names):
            confinement.add(str(fs.unstrip_protocol(file)), shown)
    return [
        _with_companion(fs, _file(fs, *pair, digests), pair[0], digests, reading, confinement)
        for pair in zip(files, names)
    ]


def _check_pattern(pattern: str, name: str, confinement: Confinement) -> None:
    """Raise `OutsideError` where what is to be looked for lies outside, before anything looks."""
    if not is_rows(pattern):
        return confinement.check(pattern, name)
    repository = split_hub_url(pattern, name)[0]
    return confinement.add_path(repository, name) if repository.startswith("/") else confinement.add(pattern, name)


def _list_files(fs: Any, path: str, name: str, reading: FileReading) -> list[str]:
    """The file at a path, or the files of a folder that hold records: those that the format names, else all of known kinds."""
    if fs.isfile(path):
        return [path]
    if not fs.isdir(path):
        return []
    files = sorted(str(file) for file in fs.find(path))
    own = [
        file
        for file in files
        if not any(part.startswith((".", "_")) for part in PurePosixPath(file[len(path) :]).parts)
    ]
    if state := next((file for file in own if PurePosixPath(file).name == "state.json"), None):
        _refuse_indices(fs, state, name)
        own = [file for file in own if file.endswith(".arrow") and not PurePosixPath(file).name.startswith("cache-")]
    wanted = [file for file in own if is_known(file) and PurePosixPath(file).name not in METADATA]
    chosen = [file for file in wanted if is_selected(file, reading.members)] or wanted
    if not chosen:
        raise SourceError(f"{name}: the folder holds no file that is read; there are {KINDS}")
    return chosen


def _refuse_indices(fs: Any, path: str, name: str) -> None:
    """Raise `SourceError` where a saved data set is a selection of its rows, which the rows' files do not say."""
    try:
        state = json.loads(fs.cat_file(path)[: 2**20])
    except ValueError:
        raise SourceError(f"{name}: its state.json is not JSON; save the data set again") from None
    if isinstance(state, dict) and state.get("_indices_data_files"):
        raise SourceError(f"{name}: is a selection of rows; call flatten_indices() and save the data set again")


def _with_companion(
    fs: Any, source: Source, path: str, digests: Digests | None, reading: FileReading, confinement: Confinement | None
) -> Source:  # fmt: skip
    """A source with how it is read, and the file that lies beside it and belongs to it."""
    source = replace(source, reading=reading)
    declared = reading.companion
    match = declared and compile_pattern(declared.pattern).search(PurePosixPath(path).name)
    if not declared or not match:
        return source
    group = (match[1] or "") if len(match) > 1 else ""
    file = declared.file.replace("{1}", _escape(group) if "*" in declared.file else group)
    folder, (shown, _, __) = path.rpartition("/")[0], source.name.rpartition("/")
    files = list_matches(fs, f"{_escape(folder)}/{file}") if "*" in declared.file else [f"{folder}/{file}"]
    files = [other for other in files if fs.isfile(other) and other != path]
    if not files:
        return source
    name = f"{shown}/{PurePosixPath(files[-1]).name}".lstrip("/")
    if confinement:
        confinement.add(str(fs.unstrip_protocol(files[-1])), name)
    return replace(source, companion=_file(fs, files[-1], name, digests))


def _escape(text: str) -> str:
    """A text in which no character is a wildcard."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def _absolute(name: str) -> bool:
    return name.startswith("/") or "://" in name


def verify_unchanged(source: Source) -> None:
    """Raise `SourceError` if a file is no longer the one that was planned with; it is read only where its stamp is no proof."""
    if source.companion is not None:
        verify_unchanged(source.companion)
    if is_rows(source.url):
        (now,) = find_sources(source.url, source.name)
    else:
        fs, path = hub.open_file_system(source.url)
        fs.invalidate_cache()  # the Hub's file system keeps listings whatever it is told
        if source.stamp and _stamp(fs, path, source.name) == source.stamp:
            return
        now = _file(fs, path, source.name)
    if now.digest != source.digest:
        raise SourceError(f"{source.name}: has changed while it was read; build again")


def is_rows(url: str) -> bool:
    """Whether a URL names the rows of a data set on the Hub, which `datasets` reads, and not a file."""
    return url.startswith("hf://") and not hub.is_file(url)


def _file(fs: Any, path: str, name: str, digests: Digests | None = None) -> Source:
    """A file as a source, hashed unless its digest is remembered."""
    url, stamp = str(fs.unstrip_protocol(path)), _stamp(fs, path, name)
    if digests and (known := digests.recall(url, stamp)):
        return Source(url, name, *known, stamp)
    digest, size = hashlib.sha256(), 0
    with stop_clock(), _readable(name), fs.open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
            size += len(chunk)
    if digests:
        digests.remember(url, stamp, digest.hexdigest(), size)
    return Source(url, name, digest.hexdigest(), size, stamp)


def _stamp(fs: Any, path: str, name: str) -> str:
    with _readable(name):
        return read_stamp(fs, path)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Raise what storage raises of a file as `SourceError`."""
    try:
        with hub.raise_os_errors():
            yield
    except OSError as error:
        raise SourceError(f"{name}: cannot be read ({error.strerror or error}); check its permissions") from None


def split_hub_url(url: str, name: str) -> tuple[str, str | None, str | None, str]:
    """Repository (or folder), revision, configuration and split of `hf://owner/name@revision?config=…&split=…`."""
    parts = urlsplit(url)
    repository, _, revision = (parts.netloc + parts.path).partition("@")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if unknown := set(query) - {"config", "split"}:
        raise SourceError(f"{name}: unknown '{min(unknown)}' after '?'; there are config and split")
    if not repository.startswith("/") and not _REPOSITORY.fullmatch(repository):
        raise SourceError(f"{name}: names no data set; expected hf://OWNER/NAME@ and its commit, or hf:///FOLDER")
    if not repository.startswith("/") and not re.fullmatch("[0-9a-f]{40}", revision):
        raise SourceError(
            f"{name}: names no commit; pin one (hf://owner/name@ and 40 hexadecimal digits): branches move"
        )
    return repository, revision or None, query.get("config"), query.get("split", "train")


def _hub_digest(url: str, name: str, digests: Digests | None = None) -> str:
    """What stands for the content: the pinned revision, or, of a local folder, the bytes of its files."""
    repository, *rest = split_hub_url(url, name)
    digest = hashlib.sha256(repr(rest).encode())
    if repository.startswith("/"):
        fs = fsspec.filesystem("file")
        files = sorted(fs.find(repository))
        if not files:
            raise SourceError(f"{name}: no folder with files at {repository}; check the path")
        for file in files:
            digest.update(f"{file[len(repository) :]}\0{_file(fs, file, name, digests).digest}\n".encode())
    else:
        digest.update(repository.encode())
    return digest.hexdigest()
