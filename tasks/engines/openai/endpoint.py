"""One OpenAI-compatible endpoint over HTTP: its address, its key, and one exchange with it.

The key comes from the environment and goes into one header, to the hosts that the user's
configuration binds it to; whatever the
endpoint or the HTTP library says is shown only without it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import resource
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import quote

import httpx

from schemas.recipe.models import OpenAI
from schemas.request import EngineError
from tasks.engines.configuration import find_key_fault, is_loopback
from tasks.engines.openai.chat import Answer, FailedExchange, Outcome, Refusal, parse_json, read_answer
from tasks.engines.openai.choices import split_choices
from tasks.engines.openai.http_errors import classify_status, hide_credentials, refuse_certificate
from tasks.engines.openai.servers import HOSTS, read_owner
from tasks.engines.openai.stream import is_stream, join_stream

MOST_BYTES = 8 * 2**20
"""Bytes of a response, at most."""
STREAMED = 16
"""Times as many may come where each token has an event of its own."""
_LONGEST_SHOWN = 300
CONNECTIONS = 64
"""Of an HTTP client, which looks at each of them for each request."""
OTHER_FILES = 512
"""What a build has open beside its connections, at most."""
_CONNECT = 30.0
_PATHS = {"chat": "/chat/completions", "completions": "/completions"}
_SECRET_LENGTH = 16
_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|sig", re.I)
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
_MASKED = re.compile(r"\S*\*{3,}\S*")


def describe_endpoint(model: OpenAI) -> str:
    """The model and its endpoint, as errors name them: without user, password and query."""
    return f"model '{model.model}' at {hide_credentials(model.url)}"


class _WithoutKey(logging.Filter):
    """Takes the key out of what the HTTP library logs: at DEBUG it shows the headers that come back."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        super().__init__()
        self._shown = shown

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._shown(record.getMessage()), ()
        return True


class Endpoint:
    """Where chat completions are asked for. Raises `EngineError` where `url` or `key` cannot be used."""

    def __init__(self, model: OpenAI) -> None:
        self._model = model
        self._url = _address(model)
        self._path = self._url.path.rstrip("/")
        self._key = _key(model)
        self._clients = _open_clients(model, self._url, self._key)
        self._under_way = Counter[httpx.AsyncClient]()
        self._filter = _WithoutKey(self._without_key)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._filter)

    async def find_owner(self) -> str:
        """How the server signs its list of models; empty where it gives none."""
        try:
            response = await self._clients[0].get(self._url.copy_with(path=self._path + "/models"))
            owner = read_owner(parse_json(response.content[:MOST_BYTES]), self._model.model)
        except (ValueError, httpx.HTTPError, httpx.StreamError, OSError):
            owner = ""
        return owner or HOSTS.get(self._url.host, "")

    async def ask(self, body: bytes, api: str = "chat") -> list[Outcome]:
        """One exchange; an outcome for each choice of the answer, or one for all. Nothing in them holds the key."""
        return [self._without_secrets(outcome) for outcome in await self._exchange(body, api)]

    def _without_secrets(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Answer):
            # shorter ones are placeholders such as EMPTY, and words of their own
            if len(self._key) < _SECRET_LENGTH:
                return outcome
            return replace(
                outcome,
                text=self._without_key(outcome.text),
                thinking=self._without_key(outcome.thinking),
                tool_calls=self._without_key(outcome.tool_calls),
            )
        if isinstance(outcome, Refusal):
            return replace(outcome, detail=self._shown(outcome.detail))
        return replace(outcome, problem=self._shown(outcome.problem), advice=self._without_key(outcome.advice))

    async def close(self) -> None:
        """Close its connections."""
        for client in self._clients:
            await client.aclose()
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)

    @asynccontextmanager
    async def _lend_client(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client with the fewest requests under way, for one more."""
        client = min(self._clients, key=self._under_way.__getitem__)
        self._under_way[client] += 1
        try:
            yield client
        finally:
            self._under_way[client] -= 1

    async def _exchange(self, body: bytes, api: str) -> list[Outcome]:
        url = self._url.copy_with(path=self._path + _PATHS[api])
        try:
            async with (
                asyncio.timeout(self._model.timeout),  # httpx's own begins anew with each byte
                self._lend_client() as client,
                client.stream("POST", url, content=body) as response,
            ):
                content = await _content(response, MOST_BYTES * (STREAMED if self._model.stream else 1))
                if isinstance(content, FailedExchange):
                    return [content]
                if response.status_code == 200:
                    whole = join_stream(content) if is_stream(content) else content
                    return [read_answer(choice) for choice in split_choices(whole)]
                return [classify_status(response.status_code, response.headers, content, self._model.key)]
        except (TimeoutError, httpx.TimeoutException) as error:
            problem, advice = f"no answer within {self._model.timeout:g} s", "raise `timeout`, or lower `concurrency`"
            return [FailedExchange(problem, advice, is_away=isinstance(error, httpx.ConnectTimeout))]
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            if failed := refuse_certificate(error):
                return [failed]
            # of a redirect to a bad address httpx shows a piece, which may be one of the key
            message = "a redirect to no address" if "location header" in str(error) else str(error)
            is_away = isinstance(error, httpx.ConnectError)
            problem = f"{type(error).__name__}{message and f' ({message})'}"
            return [FailedExchange(problem, "check that the endpoint is up and can be reached", is_away=is_away)]

    def _shown(self, text: str) -> str:
        """A text from outside on one line, without the key, also where it is masked in part."""
        start = self._without_key(text)[: 8 * _LONGEST_SHOWN]  # bounded only now, lest half a key stay
        line = " ".join("".join(char if char.isprintable() else " " for char in start).split())
        line = _MASKED.sub("…", line)
        return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"

    def _without_key(self, text: str) -> str:
        for form in {self._key, quote(self._key, safe="")} - {""}:
            text = text.replace(form, "…")
        return text


async def _content(response: httpx.Response, most: int) -> bytes | FailedExchange:
    """The body's bytes, as long as they are not too many; nothing is decompressed."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        return FailedExchange(
            f"an answer compressed by {encoding}, which was not asked for", "check what stands in between"
        )
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > most:
            return FailedExchange(f"an answer of more than {most:,} bytes", "check what answers at `url`")
    return bytes(content)


def _address(model: OpenAI) -> httpx.URL:
    try:
        url = httpx.URL(model.url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if "@" in model.url or any(_SECRET_NAME.search(name) for name in url.params):
        raise EngineError(
            f"{describe_endpoint(model)}: `url` holds a secret; put it into an environment variable and its name into `key`"
        )
    if not url.host:
        raise EngineError(
            f"{describe_endpoint(model)}: `url` is no address; expected one such as http://localhost:8000/v1"
        )
    return url.copy_with(fragment=None)


def _key(model: OpenAI) -> str:
    """The key out of the environment; empty where the model needs none, `EngineError` where it must not go there."""
    if model.key is None:
        return ""
    if fault := find_key_fault(model.key, model.url):
        raise EngineError(f"{describe_endpoint(model)}: {fault}")
    key = os.environ.get(model.key, "").strip()
    if not key:
        raise EngineError(
            f"{describe_endpoint(model)}: the environment variable {model.key} is not set; set it to the API key"
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise EngineError(
            f"{describe_endpoint(model)}: the environment variable {model.key} holds characters that no API key has "
            "(white space or beyond ASCII); set it anew"
        )
    return key


def _allow_connections(model: OpenAI) -> None:
    """Let this process have a connection open for each request under way; raises `EngineError` where it may not."""
    needed = model.concurrency + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise EngineError(
            f"{describe_endpoint(model)}: `concurrency` {model.concurrency:,} needs as many open connections, and this process may have "
            f"{hard:,} files open; lower it, or raise `ulimit -n`"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _open_clients(model: OpenAI, url: httpx.URL, key: str) -> list[httpx.AsyncClient]:
    """HTTP clients. The environment's proxies and certificates hold, but no proxy is asked for this machine."""
    _allow_connections(model)
    clients = -(-model.concurrency // CONNECTIONS)
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
    near = is_loopback(url.host)
    try:
        # one context for all; one that trusts nobody, where there is no TLS: reading the certificates takes a third of a second
        plain = near and url.scheme == "http"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx.create_ssl_context()
        return [
            httpx.AsyncClient(
                verify=context,
                headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}),
                timeout=httpx.Timeout(model.timeout, connect=min(model.timeout, _CONNECT)),
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
                trust_env=not near,
                follow_redirects=False,
            )
            for _ in range(clients)
        ]
    except (ValueError, ImportError, OSError, httpx.InvalidURL):  # their texts may hold the proxy's password
        pass
    raise EngineError(
        f"{describe_endpoint(model)}: the proxy or the certificates that the environment names cannot be used; "
        "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
    )
