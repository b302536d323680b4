"""S3 on loopback: a moto server in a process of its own, with one empty bucket."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3(bucket: str) -> Iterator[dict[str, str]]:
    """The environment in which `s3://bucket` is the server's."""
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        port = int(result.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 240
        while True:
            try:
                request = urllib.request.Request(f"{url}/{bucket}", method="PUT")
                with urllib.request.urlopen(request, timeout=5):
                    break
            except OSError:
                assert server.poll() is None and time.monotonic() < until
                time.sleep(0.2)
        yield {**KEYS, "AWS_ENDPOINT_URL": url}
    finally:
        server.terminate()
        server.wait(30)
