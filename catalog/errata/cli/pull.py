"""`errata pull`: releases in the cache, or in a folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from ..errors import ErrataError
from ..release import load
from ..release import lock as lock_file
from ..release.find import Release, open_release
from . import text
from .exit_codes import DONE
from .verb import RELEASE, Verb


def pull(options: Namespace) -> int:
    """`errata pull`."""
    names = [options.name] if options.name else [pin.asked for pin in lock_file.read_pins()]
    if not names:
        raise ErrataError(f"{lock_file.locate_file()} pins nothing; name a release, or pin one with: errata lock NAME")
    for name in names:
        release = open_release(name, options.store)
        whole = options.view is None and options.split is None
        files = release.manifest["files"] if whole else release.files(options.view, options.split)
        _download(release, files)
        if options.output:
            print(text.strip_controls(f"{release.name}: {_copy(release, files, Path(options.output))}"))
        else:
            rows = sum(file.get("rows", 0) for file in files)
            print(text.strip_controls(f"{release.pin}: {len(files)} files, {rows:,} rows, all as released"))
    return DONE


def _download(release: Release, files: list[dict[str, Any]]) -> None:
    """Download files, telling a person how far it is."""
    done, shown = [], sys.stderr.isatty()

    def count(rows: int) -> None:
        done.append(rows)
        if shown:
            print(f"\r{release.name}: {len(done)} of {len(files)} files", end="", file=sys.stderr, flush=True)

    load.pull(release, files, count)
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _copy(release: Release, files: list[dict[str, Any]], folder: Path) -> Path:
    """Copy files of a release to a folder, which appears whole or not at all."""
    if folder.exists():
        raise ErrataError(f"{folder}: is there already; name a folder that is not")
    staged = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        for file in files:
            target = staged / file["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(release.path(file), target)
        (staged / "manifest.json").write_text(json.dumps(release.manifest, indent=1), "utf-8")
        os.rename(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def _add_pull(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", nargs="?", help=RELEASE)
    parser.add_argument("--view", help="only this row format")
    parser.add_argument("--split", help="only this split (of --view, or of the first)")
    parser.add_argument("--output", metavar="FOLDER", help="copy the release there, as a folder that `datasets` loads")


PULL = Verb(
    "pull",
    "Download releases into the cache, or to a folder.",
    ("errata pull mwpes@^1.2 --view stepwise", "errata pull", "errata pull mwpes@1.2.0 --output data/mwpes"),
    pull,
    _add_pull,
    "Without NAME, all that errata.lock pins.",
)
