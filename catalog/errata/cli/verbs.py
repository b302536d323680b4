"""The verbs of who uses releases: `pull`, `lock`, `diff` and `verify`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

from ..errors import ErrataError, Locked
from ..release import lock as locked
from ..release.find import Release, open_release
from ..release.load import pull as fetch
from ..release.lock import Pin
from ..release.names import wanted
from ..signing import SIGNATURE, signer
from ..storage import location
from . import text
from .arguments import DONE, FAILED


def verify(given: argparse.Namespace) -> int:
    """`errata verify`."""
    release = open_release(given.name, given.store)
    faults = release.faults()
    for fault in faults:
        print(text.plain(f"{release.url}/{fault}"), file=sys.stderr)
    files = len(release.manifest["files"])
    found = f"{len(faults)} fault(s)" if faults else f"{files} files, all as released"
    if given.signers and not faults:
        found += f", signed by {_signer(release, given.signers)}"
    print(text.plain(f"{release.name}: {found}"))
    return FAILED if faults else DONE


def _signer(release: Release, signers: str) -> str:
    folder = f"releases/{release.name.replace('@', '/')}"
    try:
        signature = release.place.read(f"{folder}/{SIGNATURE}")
    except FileNotFoundError:
        raise ErrataError(
            f"{release.name}: is not signed; its owner signs it with: errata sign {release.name}"
        ) from None
    return signer(release.place.read(f"{folder}/manifest.json"), signature, signers, release.name)


def pull(given: argparse.Namespace) -> int:
    """`errata pull`."""
    names = [given.name] if given.name else [pin.asked for pin in locked.pins()]
    if not names:
        raise ErrataError(f"{locked.file()} pins nothing; name a release, or pin one with: errata lock NAME")
    for name in names:
        release = open_release(name, given.store)
        whole = given.view is None and given.split is None
        files = release.manifest["files"] if whole else release.files(given.view, given.split)
        _fetched(release, files)
        if given.output:
            print(text.plain(f"{release.name}: {_copied(release, files, Path(given.output))}"))
        else:
            rows = sum(file.get("rows", 0) for file in files)
            print(text.plain(f"{release.pin}: {len(files)} files, {rows:,} rows, all as released"))
    return DONE


def _fetched(release: Release, files: list[dict[str, Any]]) -> None:
    """Download files, telling a person how far it is."""
    done, shown = [], sys.stderr.isatty()

    def told(rows: int) -> None:
        done.append(rows)
        if shown:
            print(f"\r{release.name}: {len(done)} of {len(files)} files", end="", file=sys.stderr, flush=True)

    fetch(release, files, told)
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _copied(release: Release, files: list[dict[str, Any]], folder: Path) -> Path:
    """Copy files of a release to a folder, which appears whole or not at all."""
    if folder.exists():
        raise ErrataError(f"{folder}: is there already; name a folder that is not")
    staged = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        for file in files:
            place = staged / file["path"]
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(release.path(file), place)
        (staged / "manifest.json").write_text(json.dumps(release.manifest, indent=1), "utf-8")
        os.rename(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def lock(given: argparse.Namespace) -> int:
    """`errata lock`."""
    pins = {pin.asked: pin for pin in locked.pins()}
    if given.check:
        return _check(list(pins.values()))
    asked = {str(wanted(name)): given.store for name in given.names}
    if given.upgrade:
        asked |= {pin.asked: given.store or pin.store for pin in pins.values() if not given.names or pin.asked in asked}
    for name, store in asked.items():
        release = _anew(name, store)
        pins[name] = Pin(name, release.manifest["version"], release.digest, location(store))
    if asked:
        locked.write(pins.values())
    print(
        text.table(["asked", "pinned", "store"], [[pin.asked, pin.version, pin.store] for pin in pins.values()], left=3)
    )
    return DONE


def _anew(name: str, store: str | None) -> Release:
    """The release of a name, whatever is pinned."""
    before = os.environ.get(locked.LOCK)
    os.environ[locked.LOCK] = os.devnull
    try:
        return open_release(name, store)
    finally:
        os.environ.pop(locked.LOCK)
        if before is not None:
            os.environ[locked.LOCK] = before


def _check(pins: list[Pin]) -> int:
    """Whether every pinned release is there as it was, and none newer answers what was asked."""
    code = DONE
    for pin in pins:
        there = _anew(f"{pin.corpus}@{pin.version}", pin.store)
        if there.digest != pin.digest:
            raise Locked(
                f"{pin.asked}: {there.name} in {pin.store} is not the one that was locked; ask the store's owner"
            )
        newest = _anew(pin.asked, pin.store)
        if newest.digest != pin.digest:
            print(text.plain(f"{pin.asked}: {pin.version} is pinned, {newest.manifest['version']} is there"))
            code = FAILED
    if code == DONE:
        print(f"{len(pins)} pinned, all as they were")
    return code


def diff(given: argparse.Namespace) -> int:
    """`errata diff`."""
    from ..compare.difference import between
    from ..compare.text import as_html, as_text

    found = between(open_release(given.before, given.store), open_release(given.after, given.store))
    suffix = Path(given.output or "").suffix.lstrip(".").lower()
    form = given.format or (suffix if suffix in ("json", "html") else "text")
    if form == "json":
        shown = json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n"
    else:
        shown = as_html(found) if form == "html" else as_text(found) + "\n"
    if given.output:
        Path(f"{given.output}.part").write_text(shown, "utf-8")
        os.replace(f"{given.output}.part", given.output)
    else:
        print(shown, end="")
    return DONE
