"""Kinds of files by their names: what they hold, and how they are compressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

TEXTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
BINARIES = (".parquet", ".arrow", ".feather", ".ipc")
ARCHIVES = (".zip", ".eval", ".tar")
COMPRESSIONS: Mapping[str, str] = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}
_SHORT = {".tgz": (".tar", ".gz"), ".tbz2": (".tar", ".bz2"), ".txz": (".tar", ".xz"), ".tzst": (".tar", ".zst")}
KINDS = (
    f"{', '.join((*TEXTS, '.tar'))} (each also {' '.join(COMPRESSIONS)}), {', '.join((*BINARIES, '.zip', '.eval'))}, a folder, "
    "hf://owner/name@revision"
)
"""All kinds, for messages."""


def split_suffixes(name: str) -> tuple[str, str]:
    """The ending that says what a file holds, and the one that says how it is compressed; empty where it says neither."""
    suffixes = PurePosixPath(name).suffixes or [""]
    if suffixes[-1] in _SHORT:
        return _SHORT[suffixes[-1]]
    if suffixes[-1] in COMPRESSIONS:
        return (suffixes[-2] if len(suffixes) > 1 else "", suffixes[-1])
    return suffixes[-1], ""


def is_known(name: str) -> bool:
    """Whether a file's name says that it holds records we can read."""
    kind, packing = split_suffixes(name)
    return kind in TEXTS or kind == ".tar" or (not packing and (kind in BINARIES or kind in ARCHIVES))


def is_selected(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file is among those that patterns name; all are where there is none."""
    return not patterns or any(PurePosixPath(name).match(pattern) for pattern in patterns)
