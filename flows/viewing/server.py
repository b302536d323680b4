"""The server of a release's viewer: the page of its report and all its rows, on loopback, for who has the address.

The address holds a token, which nobody guesses; a request that names another
host is refused, so that no page elsewhere can read through a name of its own
(DNS rebinding). It answers GET alone, and changes nothing.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from errata.release.find import Release

from flows.comparison.changes import summarize_changes
from flows.report.build import explain_statistics, read_statistics
from flows.report.page import make_environment, render_page
from flows.report.statistics.drift import measure_drift
from flows.report.statistics.examples import make_example
from flows.viewing.changes import FILTERS as CHANGE_FILTERS
from flows.viewing.changes import ViewedChanges
from flows.viewing.database import ViewError
from flows.viewing.rows import FILTERS, ViewedRows

HOST = "127.0.0.1"
LONGEST = 16_000
"""Characters of a request's address."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEADERS = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


class Viewer(ThreadingHTTPServer):
    """A server of one release, maybe beside another."""

    daemon_threads = True

    def __init__(self, release: Release, rows: ViewedRows, port: int = 0, changes: ViewedChanges | None = None) -> None:
        statistics = read_statistics(release)
        with explain_statistics(release):
            if changes:
                statistics["drift"] = measure_drift(statistics, read_statistics(changes.release))
                statistics["changes"] = {**summarize_changes(changes.changes), "rows": []}
            self.page = render_page(release.manifest, statistics, served=True, against=changes is not None)
            self.page.encode()
        super().__init__((HOST, port), _Handler)
        self.release, self.rows, self.changes = release, rows, changes
        self.token = secrets.token_urlsafe(24)
        self.template, self.change_template = (
            make_environment().from_string(f'{{% from "{name}.html.j2" import {name} %}}{{% for row in rows %}}{{{{ {name}(row, {values}, loop.first) }}}}{{% endfor %}}')
            for name, values in (("example", "name"), ("change", "before, name"))
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def render_rows(self, rows: list[dict[str, Any]]) -> str:
        """Rows as the page shows them."""
        kind = self.rows.by.get("type", "")
        examples = [make_example({**row, "kind": row.get(kind) or ""}, self.rows.key) for row in rows]
        return self.template.render(rows=examples, name=self.release.name)

    def find(self, place: str, filters: Mapping[str, str], search: str, begin: int) -> dict[str, Any]:
        """A page of what is asked for at an address, `rows` or `changes`."""
        if place == "rows":
            count, rows = self.rows.find(filters, search, begin)
            return {"rows": count, "all": self.rows.total, "html": self.render_rows(rows)}
        assert self.changes
        count, rows = self.changes.find(filters, search, begin)
        html = self.change_template.render(rows=rows, name=self.release.name, before=self.changes.release.name)
        return {"rows": count, "all": self.changes.total, "html": html}


class _Handler(BaseHTTPRequestHandler):
    server: Viewer
    protocol_version = "HTTP/1.0"
    timeout = 30

    def do_GET(self) -> None:
        """Answer a request."""
        if len(self.path) > LONGEST:
            return self._send(HTTPStatus.REQUEST_URI_TOO_LONG, "text/plain", b"too long\n")
        address = urlsplit(self.path)
        place = address.path.removeprefix(f"/{self.server.token}/")
        if (
            self.headers.get("Host")
            not in (f"{HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}")
            or place == address.path
        ):
            return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        if place == "":
            return self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page.encode("utf-8", "replace"))
        kind, _, form = place.partition(".")
        if kind == "rows" or (kind == "changes" and self.server.changes):
            try:
                return self._answer(kind, form, dict(parse_qsl(address.query)))
            except ViewError as error:
                return self._send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

    def _answer(self, kind: str, form: str, asked: Mapping[str, str]) -> None:
        """A page of rows, or a download of all that are asked for."""
        viewed, names = (
            (self.server.changes, CHANGE_FILTERS) if kind == "changes" and self.server.changes else (self.server.rows, FILTERS)
        )  # fmt: skip
        filters = {name: value for name, value in asked.items() if name in names and value}
        search = asked.get("search", "")
        if form == "":
            begin = int(asked["begin"]) if asked.get("begin", "").isdecimal() and len(asked["begin"]) < 12 else 0
            return self._send_json(HTTPStatus.OK, self.server.find(kind, filters, search, begin))
        if form in ("jsonl", "csv"):
            write = _write_csv if form == "csv" else _write_json_lines
            return self._stream(f"{kind}.{form}", write(viewed.read(filters, search)))
        return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

    def _send_json(self, status: HTTPStatus, value: Mapping[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._begin(status, kind, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _stream(self, name: str, lines: Iterator[str]) -> None:
        """A download, whose length nobody knows before."""
        kind = "text/csv; charset=utf-8" if name.endswith("csv") else "application/x-ndjson"
        self._begin(HTTPStatus.OK, kind, {"Content-Disposition": f'attachment; filename="{name}"'})
        for line in lines:
            self.wfile.write(line.encode("utf-8", "replace"))

    def _begin(self, status: HTTPStatus, kind: str, more: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **_HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        """A browser that goes away is no fault."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the token."""


def _write_json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, default=str) + "\n"


def _write_csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Lists and records are JSON; what a spreadsheet would take for a formula has an apostrophe before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for i, row in enumerate(rows):
        if i == 0:
            writer.writerow(row)
        writer.writerow(_write_cell(value) for value in row.values())
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _write_cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
