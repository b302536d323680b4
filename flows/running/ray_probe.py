"""Whether every node of a cluster can do its part: it has the code, reaches the store, and sees what is read; asked before work begins."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from catalog.storage import Store
from flows.running.process_pool import ROOT
from flows.running.ray_connection import ClusterError, list_nodes
from flows.running.ray_node import describe_code, write_marker

SECONDS = 120.0
"""Within which a node says what it sees: its first process imports what units need."""
Question = tuple[dict[str, str], str, str, bytes, list[tuple[str, str]]]
"""The code expected, the store, the marker in it and what that holds, and sources, each as its URL and stamp."""


def probe_nodes(ray: Any, store: Store, sources: list[tuple[str, str]]) -> list[str]:
    """Ask all nodes what they see.

    Args:
        ray: The module, connected.
        store: The store of the build.
        sources: What units read beside it, each as its URL and stamp.

    Returns:
        The URLs of the sources that some node does not see.

    Raises:
        ClusterError: A node runs other code, or has no way to the store.

    """
    marker, content = write_marker(store)
    try:
        answers = _ask_nodes(ray, (describe_code(), store.url, marker, content, sources))
    finally:
        store.fs.rm_file(store.full(marker))
    faults = [f"node {address} {fault}" for address, (fault, _) in answers.items() if fault]
    if faults:
        raise ClusterError("\n".join(faults))
    unseen = {url for _, urls in answers.values() for url in urls}
    return [url for url, _ in sources if url in unseen]


def _ask_nodes(ray: Any, question: Question) -> dict[str, tuple[str | None, list[str]]]:
    """What each node answers, by its address."""
    task = ray.remote(num_cpus=0, max_retries=1)(_on_node())
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    paths, message = [str(ROOT), str(ROOT / "catalog")], pickle.dumps(question)
    asked = {
        node["NodeManagerAddress"]: task.options(scheduling_strategy=strategy(node["NodeID"], soft=False)).remote(
            paths, message
        )
        for node in list_nodes(ray)
    }
    silent = ray.wait(list(asked.values()), num_returns=len(asked), timeout=SECONDS)[1]
    answers = {}
    for address, reference in asked.items():
        if reference in silent:
            raise ClusterError(
                f"node {address} gave no answer within {SECONDS:.0f} s; look at it with `ray status`, or stop it"
            )
        try:
            answers[address] = ray.get(reference)
        except ray.exceptions.RayError as error:
            reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
            raise ClusterError(f"node {address} cannot run units ({reason.strip()[:200]})") from error
    return answers


def _on_node() -> Callable[[list[str], bytes], tuple[str | None, list[str]]]:
    """What Ray sends to nodes, whole, as in `ray_executor`."""

    def answer(paths: list[str], message: bytes) -> tuple[str | None, list[str]]:
        import os
        import pickle
        import sys

        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        sys.path += [path for path in paths if path not in sys.path]
        try:
            from flows.running import ray_node
        except ImportError as error:
            return f"has not Errata's code and libraries ({error}); install the same commit and lock there", []
        code, store, marker, content, sources = pickle.loads(message)  # noqa: S301
        fault = ray_node.find_code_fault(code) or ray_node.find_store_fault(store, marker, content)
        return fault, [] if fault else ray_node.list_unseen(sources)

    return answer
