"""Prefect's server: our defaults for it, one of a build's own where there is none, and the error where it does not answer."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import ApplicationError
from tasks.orphans import mark_owner

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "infra" / "prefect.env"
OWN_SERVER = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""How Prefect starts a server for one process: without pages and schedules."""
_UNREACHABLE = ("Failed to reach API", "Timed out while attempting to connect", "Server must have been started")
"""What Prefect says where it could not reach its server, or start one."""


class ServerError(ApplicationError):
    """Prefect's server does not answer."""


def apply_settings(verbose: bool) -> None:
    """Give Prefect our defaults, but for what the environment says already; to be called before Prefect is imported."""
    lines = [line for line in SETTINGS.read_text().splitlines() if line and not line.startswith("#")]
    for name, _, value in (line.partition("=") for line in lines):
        os.environ.setdefault(name, value)
    # the run's page has its log in any case, the terminal where it is asked for
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


class OwnServer:
    """A server of this process alone, which starts while the process goes on.

    Prefect would start one itself; but it imports the whole server into the
    client for that, and waits for it.
    """

    def __init__(self, port: int = 0, settings: Mapping[str, str] = OWN_SERVER) -> None:
        """Start it, at a free port where none is given; `ServerError` where that is taken."""
        with socket.socket() as listener:  # handed on open: nobody else takes its port before the server listens
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, port > 0)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                raise ServerError(f"Prefect: port {port} cannot be listened on ({error.strerror}); free it") from None
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            # a group of its own: an interrupt is not for it, as the last words of a build are
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.deploying.server_process", str(listener.fileno())], cwd=ROOT, stdin=subprocess.PIPE,
                start_new_session=True, env=mark_owner({**os.environ, **settings}), pass_fds=[listener.fileno()],
            )  # fmt: skip
        atexit.register(self.close)

    def wait(self) -> None:
        """Wait until it answers; `ServerError` where it does not within the time that Prefect gives a server."""
        seconds = float(os.environ.get("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", 120))
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=30) as answer:  # noqa: S310
                if answer.status == 200:
                    return
            time.sleep(0.05)
        ended = self._process.poll()
        how = f"ended with code {ended}" if ended is not None else f"did not answer within {seconds:.0f} s"
        raise ServerError(f"Prefect: its server {how}; start one (make server) and set PREFECT_API_URL to see why")

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)


def start_own_server() -> OwnServer | None:
    """Start a server for this process where Prefect's settings name none."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    return OwnServer() if not settings.api.url and settings.server.ephemeral.enabled else None


def use_server(server: OwnServer | None) -> None:
    """Have Prefect use a server once it answers; where there is none of ours, that of its settings."""
    if server is None:
        return
    from prefect.context import refresh_global_settings_context

    server.wait()
    os.environ["PREFECT_API_URL"] = server.url
    refresh_global_settings_context()


@contextmanager
def explain_unreachable() -> Iterator[None]:
    """Raise `ServerError` where Prefect could not reach its server, or not any more."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise ServerError("Prefect: its server went away and did not come back, so the run could not be recorded; what was built is kept: start the build again") from error  # fmt: skip
    except RuntimeError as error:
        if not any(words in str(error) for words in _UNREACHABLE):
            raise
        hint = "start a server there (make server), or unset PREFECT_API_URL"
        raise ServerError(f"Prefect: {error}; {hint}") from error
