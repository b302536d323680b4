"""The manifest of a release, read as what a stranger may have written: bounded, checked, its paths harmless."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from ..errors import Unreadable

FORMAT = 1
_STEP = r"[A-Za-z0-9][A-Za-z0-9._=-]{0,199}"
_PATH = re.compile(rf"{_STEP}(?:/{_STEP}){{0,7}}")
_SHAPES: dict[str, tuple[Any, Any]] = {
    "views": (list, str), "counts": (dict, str), "recipe": (dict, str), "keys": (dict, str), "columns": (dict, str),
    "funnel": (list, dict), "gates": (list, dict), "labels": (list, dict), "types": (list, dict),
}  # fmt: skip
"""What kinds of values stand under some names, and what is in them, where they are there: of mappings the keys."""
_WORDS: dict[type, str] = {list: "list", dict: "mapping", str: "text"}
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
            f"{where}: its format is {manifest.get('format')}, this client reads {FORMAT}; upgrade `errata`"
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
    for name, (kind, item) in _SHAPES.items():
        value: Any = manifest.get(name, kind())
        if not isinstance(value, kind) or not all(isinstance(each, item) for each in value):
            yield f"its `{name}` is {str(value)[:60]!r}, expected a {_WORDS[kind]} of {_WORDS[item]}s"
            return
    if not isinstance(manifest.get("columns"), dict) or not manifest["columns"]:
        yield "names no view under `columns`"
    elif sorted(manifest.get("views", manifest["columns"])) != sorted(manifest["columns"]):
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


def _is_sound(file: dict[str, Any]) -> bool:
    """Whether an entry names a file that lies in the release, and nowhere else."""
    path, size, digest = (file.get(name) for name in ("path", "bytes", "sha256"))
    rows = file.get("rows", 0)
    return (
        isinstance(path, str) and _PATH.fullmatch(path) is not None
        and isinstance(size, int) and size >= 0
        and isinstance(rows, int) and rows >= 0
        and isinstance(digest, str) and _SHA256.fullmatch(digest) is not None
        and ("view" in file) == ("split" in file)
    )  # fmt: skip
