"""Prefect's server on loopback, in a process that ends with the one that started it: `python -m flows.deploying.server_process PORT`."""

from __future__ import annotations

import runpy
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

    settings = uvicorn.Config(APPLICATION, factory=True, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    servers.append(uvicorn.Server(settings))
    servers[0].run()


if __name__ == "__main__":
    main()
