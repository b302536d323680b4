"""`errata verify`: whether every file of a release is as it was released, and who signed it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ..errors import ErrataError
from ..release.find import Release, open_release
from ..signing import SIGNATURE, find_signer
from . import text
from .exit_codes import DONE, FAILED
from .verb import RELEASE, Verb


def verify(options: Namespace) -> int:
    """`errata verify`."""
    release = open_release(options.name, options.store)
    faults = release.faults()
    for fault in faults:
        print(text.strip_controls(f"{release.url}/{fault}"), file=sys.stderr)
    files = len(release.manifest["files"])
    result = f"{len(faults)} fault(s)" if faults else f"{files} files, all as released"
    if options.signers and not faults:
        result += f", signed by {_find_signer(release, options.signers)}"
    print(text.strip_controls(f"{release.name}: {result}"))
    return FAILED if faults else DONE


def _find_signer(release: Release, signers: str) -> str:
    folder = f"releases/{release.name.replace('@', '/')}"
    try:
        signature = release.storage.read(f"{folder}/{SIGNATURE}")
    except FileNotFoundError:
        raise ErrataError(
            f"{release.name}: is not signed; its owner signs it with: errata sign {release.name}"
        ) from None
    return find_signer(release.storage.read(f"{folder}/manifest.json"), signature, signers, release.name)


def _add_verify(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    help = "SSH public keys that may sign, a line each: `NAME KEY` (see ssh-keygen, ALLOWED SIGNERS)"
    parser.add_argument("--signers", metavar="FILE", help=help)


VERIFY = Verb(
    "verify",
    "Check every file of a release against its checksum.",
    ("errata verify mwpes@1.0.0", "errata verify mwpes@1.0.0 --signers allowed_signers"),
    verify,
    _add_verify,
    "With --signers, its signature too.",
)
