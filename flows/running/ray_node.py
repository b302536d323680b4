"""What runs on a node of a Ray cluster: units, replicas of models, and what tells whether the node can run them as this machine does."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import platform
import queue
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from errata.storage import TEMPORARY

from catalog import hub
from catalog.digests import read_stamp
from catalog.storage import Store
from flows.running.unit_executor import Message, Unit, run_unit
from schemas.request import EngineError
from tasks.worker_process import WorkerEnded, WorkerProcess, WorkerSilent

ROOT = Path(__file__).parents[2]
CODE = ("catalog", "flows", "schemas", "tasks")
"""The folders whose files decide what a unit makes."""
LIBRARIES = ("polars", "pyarrow", "duckdb", "numpy", "math-verify", "mpmath")
"""The libraries that decide, too, down to the bytes of a file; of Ray's own version Ray takes care."""
PATIENCE = 0.3
"""Seconds for which what a unit says is gathered, before it is sent."""
MOMENT = 1.0
"""Seconds for which a replica's next message is waited for on its node."""


@cache
def describe_code() -> dict[str, str]:
    """What a unit runs on, by name: the digest of Errata's code, and the versions of Python and of libraries."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {"Errata": digest.hexdigest()[:12], "Python": platform.python_version(), **versions}


def find_code_fault(expected: dict[str, str]) -> str | None:
    """What this node runs other than the build; None where nothing differs, so that the same bytes come of the same rows."""
    own = describe_code()
    others = [f"{name} {own[name]} for {value}" for name, value in expected.items() if own[name] != value]
    return (
        f"runs other code than the build: {', '.join(others)}; install the same commit and lock there"
        if others
        else None
    )


def find_store_fault(url: str, marker: str, expected: bytes) -> str | None:
    """Why this node cannot use the store of the build; None where it can.

    Args:
        url: The store.
        marker: A file that the build has written there.
        expected: What it holds.

    Returns:
        What was found and what to do.

    """
    try:
        store = Store(url)
        if not store.fs.exists(store.full(marker)):
            return (
                f"does not see the store {url} of the build; give one that all nodes reach: s3://…, or a shared folder"
            )
        if store.read(marker) != expected:
            return f"has another store at {url}; give one that all nodes reach: s3://…, or a shared folder"
        store.check_writable()
    except Exception as error:  # what stores raise for want of a key is of many kinds
        return (
            f"cannot use the store {url} ({type(error).__name__}: {error}); it needs the same keys in its environment"
        )
    return None


def list_unseen(sources: Sequence[tuple[str, str]]) -> list[str]:
    """The URLs of sources (URL, stamp) that this node does not see as the build does."""
    return [url for url, stamp in sources if not _sees(url, stamp)]


def _sees(url: str, stamp: str) -> bool:
    try:
        if url.startswith("hf:///"):  # a data set in a folder
            return Path(url.removeprefix("hf://").partition("?")[0].partition("@")[0]).is_dir()
        fs, path = hub.open_file_system(url)
        return bool(fs.exists(path)) and (not stamp or read_stamp(fs, path) == stamp)
    except Exception:  # what storage raises for want of a key is of many kinds
        return False


def write_marker(store: Store) -> tuple[str, bytes]:
    """A file by which nodes know the store of the build, and what is in it."""
    marker, content = f"{TEMPORARY}{uuid.uuid4().hex}", uuid.uuid4().bytes
    store.write(marker, content)
    return marker, content


def stream_unit(unit: Unit) -> Iterator[list[Message]]:
    """Run a unit, and yield what it says, at most every `PATIENCE` seconds: a message by itself costs Ray some milliseconds."""
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    # a thread, as whoever yields cannot run meanwhile
    Thread(target=run_unit, args=(unit, messages.put), daemon=True).start()
    ended = False
    while not ended:
        said, until = [messages.get()], monotonic() + PATIENCE
        while not (ended := said[-1][0] != "advance") and (left := until - monotonic()) > 0:
            with suppress(queue.Empty):
                said.append(messages.get(timeout=left))
        yield said


def start_replica(message: bytes) -> tuple[str, WorkerProcess | None, str | None]:
    """Start the process of a replica here.

    Args:
        message: What the build runs on, and what starts the process, pickled by itself, as other code might not even read it.

    Returns:
        The address of this node, the process, and why there is none.

    """
    ray: Any = importlib.import_module("ray")
    node = str(ray.util.get_node_ip_address())
    code, launch = pickle.loads(message)  # noqa: S301
    if fault := find_code_fault(code):
        return node, None, f"this node {fault}"
    try:
        return node, pickle.loads(launch)(), None  # noqa: S301
    except (EngineError, OSError) as error:
        return node, None, str(error)


def take_messages(process: WorkerProcess) -> tuple[list[Any], float, tuple[str, int | None] | None]:
    """Take what the process of a replica has sent, as soon as there is something, or nothing after a moment.

    Args:
        process: The process.

    Returns:
        The messages, the seconds since the last line of its log, and how it ended, with its exit code.

    """
    messages: list[Any] = []
    try:
        messages.append(process.receive(MOMENT))
        while True:
            messages.append(process.receive(0))
    except WorkerSilent:
        return messages, process.log_age, None
    except WorkerEnded as ended:
        return messages, process.log_age, (str(ended), ended.code)
