"""What endpoints do wrong: each kind is what becomes of a sound answer's text. None of them claims another result than the sound answer."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.campaign.secrets_scan import KEY
from tests.faulty_server import Act, completion, problem

Kind = Callable[[str], Act]
BOMB = gzip.compress(b" " * 2**27)
HTML = b"<html>\n<body><h1>502 Bad Gateway</h1>\x1b[31m nginx</body></html>"


def _status(status: int, content: bytes = b"", **headers: str) -> Kind:
    return lambda _: Act(content, status, {name.replace("_", "-"): value for name, value in headers.items()})


def _busy(wait: str) -> Kind:
    return lambda _: problem(429, "slow down", {"Retry-After": wait})


def _body(content: bytes, **headers: str) -> Kind:
    return _status(200, content, **headers)


def _field(**more: Any) -> Kind:
    """A sound answer with other fields."""
    return lambda text: completion(text, **more)


def _message(**fields: Any) -> Kind:
    return _choice(message=fields)


def _choice(**fields: Any) -> Kind:
    """A sound answer whose only choice has other fields; None takes one away."""

    def act(text: str) -> Act:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} | fields
        return completion(text, choices=[choice])

    return act


def _edit(change: Callable[[bytes], bytes], **headers: str) -> Kind:
    """A sound answer whose bytes are others."""
    return lambda text: Act(
        change(completion(text).content), headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def _how(how: Any) -> Kind:
    return lambda text: Act(completion(text).content, how=how)


def _raw(head: bytes, change: Callable[[bytes], bytes] = lambda content: content) -> Kind:
    """A response of which head and body are written by hand."""
    return lambda text: Act(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + change(completion(text).content), how="raw")


def _copy(text: str, indexes: tuple[Any, ...]) -> Act:
    message = {"role": "assistant", "content": text}
    return completion(
        text, choices=[{"index": index, "message": message, "finish_reason": "stop"} for index in indexes]
    )


def _stream(lines: Callable[[str], list[str]]) -> Kind:
    return lambda text: Act(
        "".join(f"{line}\n\n" for line in lines(text)).encode(), headers={"Content-Type": "text/event-stream"}
    )


def _piece(text: str, finish: str | None = None) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


STATUSES: Mapping[str, Kind] = {
    "500 for ever": lambda _: problem(500, "it broke"),
    "500 without a word": _status(500),
    "500 in HTML": _status(500, HTML, Content_Type="text/html"),
    "500 with the key": lambda _: problem(500, f"in header Authorization: Bearer {KEY}"),
    **{f"{status}": _status(status, HTML) for status in (408, 425, 502, 503, 504, 507, 520, 529, 599)},
    "429 soon": _busy("soon"), "429 below zero": _busy("-5"), "429 for ever": _busy("9" * 30), "429 not a number": _busy("NaN"), "429 infinite": _busy("inf"),
    "429 in the past": _busy("Thu, 01 Jan 1970 00:00:00 GMT"), "429 without a zone": _busy("Thu, 01 Jan 1970 00:00:00"), "429 in hex": _busy("0x1"),
    "429 of a date that is none": _busy("Thu, 99 Foo 99999 99:99:99 GMT"), "429 quota": lambda _: problem(429, "quota", code="insufficient_quota"),
    **{f"{status} ": lambda _, status=status: problem(status, f"no, {KEY}") for status in (400, 401, 402, 403, 404, 405, 410, 413, 418, 422, 451)},  # type: ignore[misc]
    "400 without JSON": _status(400, HTML), "400 of a parameter": lambda _: problem(400, "only 1", param="temperature"), "204": _status(204), "206": _status(206, b"{"),
    "301 elsewhere": _status(301, Location="http://169.254.169.254/latest"), "302 to a file": _status(302, Location="file:///etc/passwd"),
    "307 with the key": _status(307, Location=f"https://evil.example/{KEY}"), "308 to itself": _status(308, Location="/v1/chat/completions"), "300 nowhere": _status(300),
}  # fmt: skip
BODIES: Mapping[str, Kind] = {
    "empty": _body(b""), "HTML": _body(HTML), "text": _body(b"It is."), "null": _body(b"null"), "a list": _body(b"[]"), "a number": _body(b"7"), "NaN": _body(b"NaN"),
    "deep": _body(b"[" * 100_000), "truncated": _edit(lambda body: body[:-9]), "twice": _edit(lambda body: body + body), "UTF-16": _edit(lambda body: body.decode().encode("utf-16")),
    "byte order mark": _edit(lambda body: b"\xef\xbb\xbf" + body), "NUL": _edit(lambda body: b"\0" + body), "invalid UTF-8": _edit(lambda body: body.replace(b" = ", b" \xff\xfe ")),
    "huge": _body(b" " * (2**23 + 1)), "an error in a 200": _body(b'{"error": {"message": "no model is loaded"}}'), "an error that is text": _body(b'{"error": "no"}'),
    "no choices": _field(choices=[]), "choices null": _field(choices=None), "choices an object": _field(choices={"0": {}}), "choices of null": _field(choices=[None]),
    "wrong ids": lambda text: _copy(text, (7,)), "ids below zero": lambda text: _copy(text, (-1,)), "ids of no number": lambda text: _copy(text, ("x",)),
    "duplicated choices": lambda text: _copy(text, (0, 0)), "more than asked for": lambda text: _copy(text, (0, 1, 2)), "no message": _choice(message=None),
    "content null": _message(role="assistant", content=None), "content a number": _message(content=4), "content an object": _message(content={"text": "4"}),
    "content of parts": _message(content=[{"type": "text", "text": 4}, None, "x"]), "no content": _message(role="assistant"),
    "tool calls": _message(content=None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "rm", "arguments": "{}"}}]),
    "tool calls of no kind": _message(content=None, tool_calls=[None, 4, {"function": 3}]), "refusal": _message(content=None, refusal="I cannot."),
    "thoughts of no kind": _message(content="", reasoning_content=4), "thoughts alone": _message(content=None, reasoning_content="Hm."),
    "finish null": _choice(finish_reason=None), "finish unknown": _choice(finish_reason="banana"), "finish a number": _choice(finish_reason=4), "content filter": _choice(finish_reason="content_filter"),
    "cut off early": _choice(finish_reason="length"), "usage missing": _field(usage=None), "usage below zero": _field(usage={"prompt_tokens": -5, "completion_tokens": -5}),
    "usage huge": _field(usage={"prompt_tokens": 10**40, "completion_tokens": 1e308}), "usage of text": _field(usage={"prompt_tokens": "ten", "completion_tokens": True}),
    "usage NaN": _edit(lambda body: body.replace(b'"prompt_tokens": 10', b'"prompt_tokens": NaN').replace(b'"completion_tokens": 5', b'"completion_tokens": Infinity')), "usage a list": _field(usage=[1]),
    "another model": _field(model="models/sparrow-2b.gguf"), "model null": _field(model=None), "model of escapes": _field(model="\x1b]0;x\x07\u202e"),
    "odd logprobs": _choice(logprobs={"content": [{"token": 4, "logprob": "x"}, None]}), "the key": _field(system_fingerprint=KEY), "keys twice": _edit(lambda body: b'{"choices": 4, ' + body[1:]),
}  # fmt: skip
TRANSPORT: Mapping[str, Kind] = {
    "reset": _how("reset"), "reset in the body": _how("torn"), "cut": _how("cut"), "slow drip": _how("drip"), "stall": _how("stall"),
    "never ending": lambda _: Act(b"x" * 2**16, headers={"Content-Length": str(10**12)}, how="endless"),
    "never ending head": lambda _: Act(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 2**20, how="raw"),
    "continue for ever": lambda _: Act(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, how="raw"),
    "closes at once": lambda _: Act(b"", how="raw"), "no HTTP": lambda _: Act(b"SSH-2.0-OpenSSH_9.6\r\n", how="raw"), "TLS alert": lambda _: Act(b"\x15\x03\x01\x00\x02\x02\x28", how="raw"),
    "longer than it says": _edit(lambda body: body + b"HTTP/1.1 200 OK\r\n\r\n", Content_Length="9"), "shorter than it says": _edit(lambda body: body, Content_Length="999999"),
    "length below zero": _edit(lambda body: body, Content_Length="-1"), "length of no number": _edit(lambda body: body, Content_Length="ten"),
    "two lengths": _raw(b"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 9"), "status of no number": _raw(b"HTTP/1.1 abc Oh"), "status 999": _raw(b"HTTP/1.1 999 Oh\nContent-Length: 0"),
    "chunk of no size": _raw(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", lambda body: b"zz\r\n" + body), "chunk too large": _raw(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", lambda body: b"FFFFFFFFFFFFFFFF\r\n" + body),
    "chunks that lie": _raw(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", lambda body: b"5\r\n" + body + b"\r\n0\r\n\r\n"), "chunks that break off": _raw(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", lambda body: b"%x\r\n" % len(body) + body),
    "gzip": _edit(gzip.compress, Content_Encoding="gzip"), "gzip bomb": lambda _: Act(BOMB, headers={"Content-Encoding": "gzip"}),
    "gzip that is none": _edit(lambda body: body, Content_Encoding="gzip"), "deflate": _edit(zlib.compress, Content_Encoding="deflate"), "unknown encoding": _edit(lambda body: body, Content_Encoding="rot13"),
    "stream that breaks off": _stream(lambda text: [_piece(text)]), "stream of no JSON": _stream(lambda _: ["data: {", "data: [DONE]"]), "stream without an end": _stream(lambda text: [_piece(text), "data: [DONE]"]),
    "stream of errors": _stream(lambda text: [_piece(text), 'data: {"error": {"message": "overloaded"}}', "data: [DONE]"]),
}  # fmt: skip
KINDS: Mapping[str, Kind] = {**STATUSES, **BODIES, **TRANSPORT}
AWAY = {
    "TLS where there is none": "https://127.0.0.1:{port}/v1",
    "nobody there": "http://127.0.0.1:1/v1",
    "no such host": "http://errata.invalid/v1",
}
"""Kinds of endpoints that nothing is heard of: their URLs."""
