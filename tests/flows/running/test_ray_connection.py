"""Connecting to a Ray cluster: what is met where there is none, with a stand-in for Ray where it is not installed."""

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from flows.running import ray_connection
from flows.running.ray_connection import ClusterError, connect
from tests import golden


class Ray(SimpleNamespace):
    """Ray, as far as a connection asks it."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(addresses=[])
        self.error = error

    def is_initialized(self) -> bool:
        return bool(self.addresses)

    def init(self, address: str, **_: object) -> None:
        if self.error:
            raise self.error
        self.addresses.append(address)


@pytest.fixture
def web_server() -> Iterator[int]:
    """A port at which something answers that is no cluster."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection, suppress(ConnectionError):  # who asked may have gone
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(99)

        Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "SETTINGS", {})


def refuse(on: str) -> str:
    with pytest.raises(ClusterError) as raised:
        connect(on)
    return str(raised.value)


def test_errors_say_what_was_met_and_what_to_do(monkeypatch: pytest.MonkeyPatch, web_server: int) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    lines = [refuse(on) for on in ("ray", "ray://head:6379", "dask", "ray://head", "ray://u:p@head:6379")]
    monkeypatch.setitem(sys.modules, "ray", Ray(ConnectionError("Could not find any running Ray instance. Please")))
    lines.append(refuse("ray"))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    lines.append(refuse(f"ray://127.0.0.1:{free}").replace(str(free), "PORT"))
    lines.append(refuse(f"ray://127.0.0.1:{web_server}").replace(str(web_server), "PORT"))
    monkeypatch.setattr(ray_connection, "_check_answer", lambda *_: None)
    for error in (
        RuntimeError("No node info found matching attributes: '' when trying to resolve node to connect to."),
        RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.11.7"),
        SystemExit(15),
    ):
        monkeypatch.setitem(sys.modules, "ray", Ray(error))
        lines.append(refuse("ray://head:6379"))
    golden.check(Path(__file__).with_name("cluster-errors.txt"), "\n".join(lines) + "\n")


def test_a_process_is_connected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Ray()
    monkeypatch.setitem(sys.modules, "ray", module)
    assert connect("ray") is module
    assert connect("ray") is module
    assert module.addresses == ["auto"]
