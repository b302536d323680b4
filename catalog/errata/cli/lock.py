"""`errata lock`: pinning releases in `errata.lock`."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from ..errors import Locked
from ..release import lock as lock_file
from ..release.find import Release, open_release
from ..release.lock import Pin
from ..release.names import parse_name
from ..storage import locate_store
from . import text
from .exit_codes import DONE, FAILED
from .verb import RELEASE, Verb


def lock(options: Namespace) -> int:
    """`errata lock`."""
    pins = {pin.asked: pin for pin in lock_file.read_pins()}
    if options.check:
        return _check(list(pins.values()))
    asked = {str(parse_name(name)): options.store for name in options.names}
    if options.upgrade:
        asked |= {
            pin.asked: options.store or pin.store for pin in pins.values() if not options.names or pin.asked in asked
        }
    for name, store in asked.items():
        release = _open_unpinned(name, store)
        pins[name] = Pin(name, release.manifest["version"], release.digest, locate_store(store))
    if asked:
        lock_file.write_lock(pins.values())
    if options.json:
        print(json.dumps([asdict(pin) for pin in pins.values()], indent=1))
        return DONE
    print(
        text.format_table(
            ["asked", "pinned", "store"], [[pin.asked, pin.version, pin.store] for pin in pins.values()], left=3
        )
    )
    return DONE


def _open_unpinned(name: str, store: str | None) -> Release:
    """The release of a name, whatever is pinned."""
    before = os.environ.get(lock_file.LOCK)
    os.environ[lock_file.LOCK] = os.devnull
    try:
        return open_release(name, store)
    finally:
        os.environ.pop(lock_file.LOCK)
        if before is not None:
            os.environ[lock_file.LOCK] = before


def _check(pins: list[Pin]) -> int:
    """Whether every pinned release is there as it was, and none newer answers what was asked."""
    code = DONE
    for pin in pins:
        release = _open_unpinned(f"{pin.corpus}@{pin.version}", pin.store)
        if release.digest != pin.digest:
            raise Locked(
                f"{pin.asked}: {release.name} in {pin.store} is not the one that was locked; ask the store's owner"
            )
        newest = _open_unpinned(pin.asked, pin.store)
        if newest.digest != pin.digest:
            print(text.strip_controls(f"{pin.asked}: {pin.version} is pinned, {newest.manifest['version']} is there"))
            code = FAILED
    if code == DONE:
        print(f"{len(pins)} pinned, all as they were")
    return code


def _add_lock(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME[@VERSION]", nargs="*", help=RELEASE)
    parser.add_argument("--upgrade", action="store_true", help="resolve what is pinned anew")
    help = "fail where a pinned release is not as it was, or upgradable"
    parser.add_argument("--check", action="store_true", help=help)
    parser.add_argument("--json", action="store_true", help="what is pinned as JSON, for scripts")


LOCK = Verb(
    "lock",
    "Pin releases in errata.lock.",
    ("errata lock mwpes@^1.2", "errata lock", "errata lock --upgrade", "errata lock --check"),
    lock,
    _add_lock,
    "Without NAME, shows what is pinned; --upgrade resolves all anew.",
)
