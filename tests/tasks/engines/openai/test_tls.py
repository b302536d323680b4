"""The openai engine where the endpoint's certificate does not show it to be the endpoint: nothing is sent, and the error says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.request import Completion
from tests.certificates import SOUND, UNSOUND, write_certificate
from tests.faulty_server import Act, Asked, FaultyServer, completion
from tests.tasks.engines.openai.test_faults import engine_of, requests, taken

WHY = {
    "a self-signed certificate": "self-signed certificate",
    "a certificate of an unknown authority": "unable to get local issuer certificate",
    "an expired certificate": "certificate has expired",
    "a certificate of tomorrow": "certificate is not yet valid",
    "a certificate of another host": "IP address mismatch, certificate is not valid for '127.0.0.1'.",
}


def answer(_: Asked) -> Act:
    return completion("four")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENDPOINT_KEY", "sk-test-7f3a/91+c0ffee-0123456789")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))


def test_an_authority_that_is_named_is_trusted(tmp_path: Path) -> None:
    with FaultyServer(answer, tls=write_certificate(SOUND, tmp_path)) as server, engine_of(server.url) as engine:
        (reply,) = engine.answer(requests(1))
    assert isinstance(reply, Completion) and reply.text == "four"


@pytest.mark.parametrize("kind", UNSOUND)
def test_nothing_is_sent_to_whoever_has_no_sound_certificate(kind: str, tmp_path: Path) -> None:
    with FaultyServer(answer, tls=write_certificate(UNSOUND[kind], tmp_path)) as server:
        with engine_of(server.url, attempts=3, concurrency=1) as engine:
            replies, error = taken(engine, requests(2))
        assert (replies, server.asked) == ([], [])
    assert str(error) == (
        f"model 'finch' at {server.url}: found a certificate that does not show it to be the endpoint ({WHY[kind]}); nothing was sent; "
        "check `url`; where the endpoint is your own, name the file of its authority in SSL_CERT_FILE"
    )
