"""The manifest of a release, read as what a stranger may have written: bounded, checked, its paths harmless."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from ..errors import Unreadable
from .manifest_shape import MANIFEST
from .shapes import COUNT, PATH, TEXT, find_faults, find_unfit

FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


def digest_of(data: bytes) -> str:
    """The SHA-256 by which a release is pinned: that of its manifest, which holds those of all files."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(data: bytes, where: str, corpus: str, version: str) -> dict[str, Any]:
    """The manifest of `corpus@version`; `Unreadable` where it is none, or of a newer format."""
    try:
        manifest = dict(json.loads(data))
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(f"{where}: not the JSON it should be ({error}); restore it") from None
    if manifest.get("format") != FORMAT:
        raise Unreadable(
            f"{where}: its format is {str(manifest.get('format'))[:60]}, this client reads {FORMAT}; upgrade `errata`"
        )
    fault = next(_list_faults(manifest, corpus, version), None)
    if fault:
        raise Unreadable(f"{where}: {fault}; restore it")
    return manifest


def _list_faults(manifest: dict[str, Any], corpus: str, version: str) -> Any:
    """What is wrong with a manifest of the right format."""
    named = f"{manifest.get('corpus')}@{manifest.get('version')}"
    if named != f"{corpus}@{version}":
        yield f"is the manifest of {named[:80]!r}, expected that of {corpus}@{version}"
        return
    yield from find_faults(manifest, MANIFEST)
    yield from find_unfit(manifest)
    if not manifest["columns"]:
        yield "names no view under `columns`"
    views = manifest.get("views", list(manifest["columns"]))
    if sorted(views) != sorted(manifest["columns"]):
        yield "its `views` are not those of `columns`"
    files = manifest.get("files")
    if not isinstance(files, list):
        yield "lists no `files`"
        return
    for number, file in enumerate(files):
        if not isinstance(file, dict) or not _is_sound(file):
            yield f"files.{number}: expected a path below the release, its bytes and SHA-256, found {str(file)[:120]!r}"
    if len({file["path"] for file in files}) != len(files):
        yield "lists a file twice"
    if unknown := {file["view"] for file in files if "view" in file} ^ set(views):
        yield f"its `files` are not those of its views: {min(unknown)[:60]!r} is there on one side alone"


def _is_sound(file: dict[str, Any]) -> bool:
    """Whether an entry names a file that lies in the release, and nowhere else."""
    digest = file.get("sha256")
    return (
        PATH.fits(file.get("path"))
        and isinstance(digest, str) and _SHA256.fullmatch(digest) is not None
        and COUNT.fits(file.get("bytes")) and COUNT.fits(file.get("rows", 0))
        and ("view" in file) == ("split" in file) and ("rows" in file or "view" not in file)
        and all(TEXT.fits(file.get(name, "")) for name in ("view", "split"))
    )  # fmt: skip
