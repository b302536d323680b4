"""Signatures of manifests, made and checked by OpenSSH (`ssh-keygen -Y`): keys, agents and security keys as people have them.

A manifest names its release and holds the checksums of all files, so that its
signature vouches for every row.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import ErrataError, Unreadable

NAMESPACE = "errata-release"
SIGNATURE = "manifest.json.sig"
SECONDS = 120


def _keygen(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise ErrataError("signatures need ssh-keygen, which is not on the path; install OpenSSH")
    return subprocess.run([program, "-Y", *arguments], input=data, capture_output=True, timeout=SECONDS)


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    return (
        " ".join((done.stderr or done.stdout).decode(errors="replace").split())[:300] or f"exit code {done.returncode}"
    )


def sign(manifest: bytes, key: str) -> bytes:
    """The signature of a manifest with an SSH key (a private one, or a public one whose private half an agent holds)."""
    if not Path(key).expanduser().is_file():
        raise ErrataError(f"{key}: no such key; make one with: ssh-keygen -t ed25519 -f {key}")
    done = _keygen("sign", "-q", "-n", NAMESPACE, "-f", str(Path(key).expanduser()), data=manifest)
    if done.returncode or not done.stdout:
        raise ErrataError(f"{key}: ssh-keygen cannot sign with it ({_why(done)})")
    return done.stdout


def find_signer(manifest: bytes, signature: bytes, signers: str, name: str) -> str:
    """Who of the allowed signers signed a manifest; `Unreadable` where none did, or the manifest is another."""
    if not Path(signers).is_file():
        raise ErrataError(f"{signers}: no such file; it has a line `NAME KEY` for each who may sign")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, SIGNATURE)
        file.write_bytes(signature)
        search = _keygen("find-principals", "-s", str(file), "-f", signers, data=manifest)
        principal = search.stdout.decode(errors="replace").split("\n")[0].strip()
        if search.returncode or not principal:
            raise Unreadable(f"{name}: is signed by nobody in {signers} ({_why(search)}); do not use it")
        done = _keygen("verify", "-n", NAMESPACE, "-I", principal, "-s", str(file), "-f", signers, data=manifest)
    if done.returncode:
        raise Unreadable(f"{name}: its signature is not that of its manifest ({_why(done)}); do not use it")
    return principal
