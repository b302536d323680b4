"""Prefect's server on loopback, in a process that ends with the one that started it and hands it a bound socket: `python -m flows.deploying.server_process DESCRIPTOR`."""

from __future__ import annotations

import runpy
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

_END_WITH_PARENT = Path(__file__).parents[2] / "tasks" / "end_with_parent.py"
APPLICATION = "prefect.server.api.server:create_app"
SECONDS = 5.0
"""The time that it has to tidy up: a start or an end that hangs is cut off, which its database survives."""


def main() -> None:
    """Serve until the other end of the standard input is closed, be it by the end of its process."""
    servers: list[uvicorn.Server] = []

    def end() -> None:
        for server in servers:
            server.should_exit = True

    # by path: the package `tasks` takes seconds to import, in which nobody would look
    runpy.run_path(str(_END_WITH_PARENT))["end_with_parent"](sys.stdin.fileno(), end, SECONDS)
    import uvicorn

    servers.append(uvicorn.Server(uvicorn.Config(APPLICATION, factory=True, log_level="error")))
    servers[0].run([socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
