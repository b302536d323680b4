"""Prefect's server on loopback, in a process that ends with the one that started it: `python -m flows.deploying.server_process PORT`."""

from __future__ import annotations

import sys
from threading import Thread

import uvicorn

APPLICATION = "prefect.server.api.server:create_app"


def main() -> None:
    """Serve until the other end of the standard input is closed, be it by the end of its process."""
    settings = uvicorn.Config(APPLICATION, factory=True, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    server = uvicorn.Server(settings)

    def end() -> None:
        sys.stdin.read()
        server.should_exit = True

    Thread(target=end, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
