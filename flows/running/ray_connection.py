"""The connection of this process to a Ray cluster, or a clear error: one for each process, made when it is first asked for.

Whoever drives a cluster runs on one of its nodes, under the same versions of
Python and Ray. Ray Client (port 10001) is not used: it has no streams.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import socket
from threading import Lock
from typing import Any

from errata.storage import mask_secrets

from schemas.errors import ApplicationError

SCHEME = "ray://"
SECONDS = 10
"""Until an address answers, or does not."""
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # what is run is nobody's business
    "RAY_task_oom_retries": "3",  # without end, unless something is said
    "RAY_gcs_server_request_timeout_seconds": "30",
}
"""Settings of Ray as this process sees them, unless the environment has others."""
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How HTTP/2 begins, which Ray speaks: a preface, and settings without any."""
_connecting = Lock()


class ClusterError(ApplicationError):
    """A Ray cluster cannot be used; the message says which, what was found and what to do."""


class PlaceError(ClusterError):
    """What is said of where units run names no place."""

    exit_code = 2  # a wrong word of a command, its environment or its configuration


def connect(on: str) -> Any:
    """Connect this process to a cluster; where it is connected already, nothing is done.

    Args:
        on: `ray` for the cluster of which this machine is a node (or that RAY_ADDRESS names), or `ray://HOST:PORT`, with the
            address that `ray start --address` takes.

    Returns:
        The module `ray`, ready for tasks and actors.

    Raises:
        ClusterError: Ray is not installed, the address is none or does not answer, or this machine is no node there.

    """
    address = parse_address(on)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise ClusterError(f"{on}: Ray is not installed here; `make install-ray` installs it") from None
    with _connecting:
        if ray.is_initialized():
            return ray
        if address:
            _check_answer(on, address)
        try:
            ray.init(
                address=address or "auto", namespace="errata", log_to_driver=False, logging_level=logging.ERROR,
                configure_logging=False,
            )  # fmt: skip
        except (SystemExit, Exception) as error:  # Ray leaves the program where a cluster stops answering
            raise ClusterError(f"{on}: {_explain(error, address)}") from error
    return ray


def parse_address(on: str, who: str = "--on") -> str | None:
    """`HOST:PORT` of `ray://HOST:PORT`; None for `ray`, `PlaceError`, which names who said so, for anything else."""
    if on == "ray":
        return None
    address = on.removeprefix(SCHEME)
    if on == address or not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}", address):
        raise PlaceError(
            f"{who} {mask_secrets(on)[:80]!r}: is no place to run units; expected local, ray, or ray://HOST:PORT"
        )
    return address


def _check_answer(on: str, address: str) -> None:
    """Raise `ClusterError` where nothing listens, or something that is no cluster: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), SECONDS) as connection:
            connection.sendall(_HELLO)
            answer = connection.recv(9)
    except TimeoutError:
        raise ClusterError(f"{on}: does not answer within {SECONDS} s; {_advise(address)}") from None
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClusterError(f"{on}: does not answer ({reason}); {_advise(address)}") from None
    if answer[3:4] != b"\x04":
        raise ClusterError(f"{on}: what answers is no Ray cluster; {_advise(address)}")


def _advise(address: str) -> str:
    return f"start its head with `ray start --head --port={address.rpartition(':')[2]}`, or give the address that this printed"


def _explain(error: BaseException, address: str | None) -> str:
    """What Ray met, and what to do."""
    if isinstance(error, SystemExit):
        return "stopped answering while this process joined it; look at its head"
    text = " ".join(str(error).split())
    if "Could not find any running Ray" in text:
        return (
            "no cluster runs on this machine; `ray start --head` starts one, "
            "`ray start --address=HOST:PORT` joins one, or give ray://HOST:PORT"
        )
    if "No node info" in text or ("node" in text.casefold() and "timeout" in text.casefold()):
        return f"answers, but this machine is no node of it; `ray start --address={address}` makes it one"
    return f"cannot be used ({text[:300] or type(error).__name__}); see docs/clusters.md"


def list_nodes(ray: Any) -> list[dict[str, Any]]:
    """The living nodes of the cluster, as Ray describes them (`NodeID`, `NodeManagerAddress`, `Resources`), by their address."""
    return sorted(
        (node for node in ray.nodes() if node["Alive"]), key=lambda node: (node["NodeManagerAddress"], node["NodeID"])
    )
