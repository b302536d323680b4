"""All rows of a release in a browser: found by filters and words, for who has the address, and as text alone."""

from __future__ import annotations

import csv
import http.client
import io
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import duckdb
import errata
import polars as pl
import pytest
from errata.cli.command import main
from errata.release.find import Release

from flows.report.statistics.examples import NAME, shorten
from flows.viewing.database import ViewError
from flows.viewing.rows import ViewedRows, select_words
from flows.viewing.server import Viewer
from tests.flows.report.conftest import publish_hostile

Answer = tuple[int, dict[str, str], str]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of what nobody should believe."""
    store = str(tmp_path_factory.mktemp("viewed"))
    publish_hostile(store)
    return errata.open_release("hostile@1.0.0", store)


@pytest.fixture(scope="module")
def viewed(release: Release) -> Iterator[ViewedRows]:
    found = ViewedRows(release)
    yield found
    found.close()
    assert not Path(found.database.folder.name).exists()


@pytest.fixture(scope="module")
def viewer(release: Release, viewed: ViewedRows) -> Iterator[Viewer]:
    with Viewer(release, viewed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(viewer: Viewer, path: str, host: str | None = None, method: str = "GET") -> Answer:
    base = urlsplit(viewer.url).path
    with closing(http.client.HTTPConnection("127.0.0.1", viewer.server_port, timeout=120)) as connection:
        connection.request(
            method, base + path if not path.startswith("/") else path, headers={"Host": host} if host else {}
        )
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


def read_all(release: Release) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(release.path(file)) for file in release.files()])


def test_every_row_is_found_by_its_values_and_its_words(release: Release, viewed: ViewedRows) -> None:
    frame = read_all(release)
    count, page = viewed.find({})
    assert (
        count == viewed.total == frame.height and [row[viewed.key] for row in page] == frame[viewed.key].to_list()[:20]
    )
    column = viewed.by["type"]
    for kind, n in frame[column].drop_nulls().value_counts().iter_rows():
        assert viewed.find({"type": shorten(kind, NAME)})[0] == n
    step = viewed.by["step"]
    at = frame[step].drop_nulls().to_list()[0]
    assert viewed.find({"step": str(at + 1)})[0] == frame.filter(pl.col(step) == at).height
    key = frame[viewed.key][frame.height - 1]
    assert [row[viewed.key] for row in viewed.find({"id": key})[1]] == [key]
    count, page = viewed.find({}, key.upper())
    assert count == 1 and page[0][viewed.key] == key
    assert viewed.find({}, "no row says this")[0] == 0
    seen = [row[viewed.key] for begin in range(0, frame.height, 20) for row in viewed.find({}, "", begin)[1]]
    assert seen == frame[viewed.key].to_list()


@pytest.mark.parametrize(
    ("text", "rationale", "steps", "searched"),
    [
        ("so 2 + 3 = 5\n5", "so 2 + 3 = 5", ["so 2", "+ 3 = 5"], ["so 2 + 3 = 5\n5"]),
        ("x", "so y", ["so", "y"], ["so y", "x"]),
        ("x", None, ["x", "z"], ["[x, z]", "x"]),
        (None, "so y", ["so y", None], ["so y"]),
        (None, None, None, []),
        ("x", "x", [], ["[]", "x"]),
    ],
)
def test_what_stands_in_a_reply_is_searched_once(
    text: str | None, rationale: str | None, steps: list[str | None] | None, searched: list[str]
) -> None:
    names = ["steps", "rationale", "text"]
    selected = ", ".join(select_words(name, names) for name in names)
    with duckdb.connect() as connection:
        row = "SELECT ?::VARCHAR[] AS steps, ?::VARCHAR AS rationale, ?::VARCHAR AS text"
        found = connection.execute(f"SELECT {selected} FROM ({row})", [steps, rationale, text]).fetchall()[0]
    assert [value for value in found if value is not None] == searched


def test_steps_that_are_a_text_are_searched() -> None:
    with duckdb.connect() as connection:
        row = "SELECT 'x y' AS steps, 'x' AS text"
        found = connection.execute(f"SELECT {select_words('steps', ['steps', 'text'])} FROM ({row})").fetchall()
    assert found == [("x y",)]


@pytest.mark.parametrize(
    "filters", [{"step": "x"}, {"step": "1; DROP TABLE rows"}, {"step": "9" * 12}, {"colour": "red"}]
)
def test_a_filter_that_says_nothing_is_refused(viewed: ViewedRows, filters: dict[str, str]) -> None:
    with pytest.raises(ViewError, match=r"expected|cannot be filtered by colour; they can by"):
        viewed.find(filters)


@pytest.mark.parametrize("value", ["' OR 1=1 --", '"', "%", "\0", "'; COPY rows TO '/tmp/x'; --"])
def test_what_is_asked_is_a_value_and_never_sql(viewed: ViewedRows, value: str) -> None:
    assert viewed.find({"type": value})[0] == 0
    viewed.find({}, value)
    assert viewed.find({})[0] == viewed.total


def test_only_who_has_the_address_is_answered_and_only_by_get(viewer: Viewer) -> None:
    status, headers, body = ask(viewer, "")
    assert status == 200 and 'data-served="rows"' in body and "connect-src &#39;self&#39;" in body
    assert headers["cache-control"] == "no-store" and headers["x-frame-options"] == "DENY"
    for path in ("/", "/rows", "/wrong-token/", "/wrong-token/rows", f"/{viewer.token}"):
        assert ask(viewer, path)[0] == 404
    assert ask(viewer, "", host=f"evil.example:{viewer.server_port}")[0] == 404
    assert ask(viewer, "rows", host="127.0.0.1")[0] == 404
    assert ask(viewer, "", method="POST")[0] == 501
    for path in ("../", "..%2f..%2fetc/passwd", "report.json", "rows.parquet"):
        assert ask(viewer, path)[0] == 404
    assert viewer.server_address[0] == "127.0.0.1"


def test_rows_are_pages_of_text_and_downloads_are_whole(release: Release, viewer: Viewer) -> None:
    frame = read_all(release)
    found = json.loads(ask(viewer, "rows")[2])
    assert (found["rows"], found["all"]) == (frame.height, frame.height)
    assert "<script" not in found["html"] and found["html"].count('class="example"') == min(20, frame.height)
    kind = frame[viewer.rows.by["type"]].drop_nulls()[0]
    wanted = frame.filter(pl.col(viewer.rows.by["type"]) == kind)
    lines = ask(viewer, f"rows.jsonl?type={quote(shorten(kind, NAME))}")[2].split("\n")[:-1]
    assert [json.loads(line)[viewer.rows.key] for line in lines] == wanted[viewer.rows.key].to_list()
    status, headers, body = ask(viewer, f"rows.csv?type={quote(shorten(kind, NAME))}")
    assert status == 200 and headers["content-disposition"] == 'attachment; filename="rows.csv"'
    csv.field_size_limit(10**8)
    table = list(csv.reader(io.StringIO(body)))
    assert table[0] == frame.columns and len(table) == wanted.height + 1
    assert not [cell for line in table[1:] for cell in line if cell.startswith(("=", "@"))], "no cell is a formula"
    assert json.loads(ask(viewer, "rows?step=x")[2]) == {"error": "step is 'x', a number from 1 on is expected"}


def test_a_port_that_is_taken_is_told(viewer: Viewer, release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    store = release.url.removeprefix("file://").partition("/releases/")[0]
    assert main(["view", release.name, "--store", store, "--port", str(viewer.server_port), "--no-open"]) == 2
    assert f"--port {viewer.server_port}: cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["x", "-1", "65536", "9" * 5000])
def test_a_port_that_is_none_is_told_what_is_one(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_code:
        main(["view", "any", f"--port={port}"])
    assert exit_code.value.code == 2
    assert f"argument --port: expected a number from 0 to 65535, found '{port[:80]}'" in capsys.readouterr().err
