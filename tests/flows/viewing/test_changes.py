"""All rows of two releases in the viewer: found by what became of them, whole in a download, and errors in a line."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from errata.cli.command import main
from errata.cli.exit_codes import MISSING, WRONG
from errata.release.find import Release

from flows.report.statistics.examples import NAME, shorten
from flows.viewing.changes import ViewedChanges, view_changes
from flows.viewing.database import NUMBER, ViewError, select_numbers, show_value
from flows.viewing.server import Viewer
from tests.flows.comparison.conftest import both
from tests.flows.comparison.releases import COUNTS, make_rows, publish_rows
from tests.flows.comparison.test_changes import list_truth
from tests.flows.report.hostile import LONG, NASTY
from tests.flows.viewing.test_view import ask
from tests.golden import check

__all__ = ["both"]


@pytest.fixture(scope="module")
def viewed(both: tuple[Release, Release]) -> Iterator[ViewedChanges]:
    changes = view_changes(both[1], both[0])
    yield changes
    changes.database.close()


@pytest.fixture(scope="module")
def viewer(both: tuple[Release, Release], viewed: ViewedChanges) -> Iterator[Viewer]:
    with Viewer(both[1], viewed.after, changes=viewed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_rows_are_found_by_what_became_of_them(viewed: ViewedChanges) -> None:
    truth = list_truth()
    assert viewed.find({})[0] == viewed.total == sum(COUNTS.values())
    for kind, n in COUNTS.items():
        assert viewed.find({"kind": kind})[0] == n
    flips = [(old, new) for old, new in truth if (old["verdict"], new["verdict"]) == ("right", "wrong")]
    count, page = viewed.find({"kind": "flip"})
    assert count == len(flips) and {row["id"] for row in page} == {new["solution_id"] for _, new in flips}
    assert page == viewed.find({})[1][:count], "what is wrong that was right comes first"
    for old, new in truth[:20]:
        filters = {"type-before": shorten(old["error_type"] or "none", NAME), "type-after": shorten(new["error_type"] or "none", NAME)}  # fmt: skip
        same = [
            pair for pair in truth if [side["error_type"] for side in pair] == [old["error_type"], new["error_type"]]
        ]
        assert viewed.find(filters)[0] == len(same)
    assert viewed.find({"step-before": "1", "step-after": "2"})[0] == sum(old["first_error"] == 0 and new["first_error"] == 1 for old, new in truth)  # fmt: skip


def test_rows_are_found_by_words_of_either_side_and_by_their_ids(viewed: ViewedChanges) -> None:
    count, page = viewed.find({}, "MAYBE")
    assert count == COUNTS["both"] / 2 + COUNTS["after"] / 2, "the word stands in the later side alone"
    key = page[0]["before"]["id"] if page[0]["before"] else ""
    assert key and [row["before"]["id"] for row in viewed.find({}, key)[1]] == [key]
    assert viewed.find({"id": page[0]["id"]})[1] == page[:1]
    assert viewed.find({}, "no row says this") == (0, [])
    seen = [row["id"] for begin in range(0, viewed.total, 20) for row in viewed.find({}, "", begin)[1]]
    assert len(seen) == len(set(seen)) == viewed.total


@pytest.mark.parametrize("table", ["rows", "rows_before", "changes", "changes_words"])
@pytest.mark.parametrize("numbers", [range(1), range(0, 200, 10)])
def test_an_index_finds_the_rows_of_a_page(viewed: ViewedChanges, table: str, numbers: range) -> None:
    """A scan would unpack whole groups of rows, all their columns, for each page."""
    with viewed.database.connect(table) as cursor:
        plan = cursor.execute(f"EXPLAIN ANALYZE {select_numbers(table, numbers)}").fetchall()[0][1]
    assert "Type: Index Scan" in plan
    rows = viewed.database.fetch(table, numbers)
    assert [row[NUMBER] for row in rows] == [
        number for number in numbers if number < viewed.database.find(table, [], [], 0)[0]
    ]


@pytest.mark.parametrize("filters", [{"kind": "x"}, {"kind": "flip; DROP TABLE changes"}])
def test_a_kind_of_change_that_is_none_is_refused(viewed: ViewedChanges, filters: dict[str, str]) -> None:
    with pytest.raises(ViewError, match=r"^kind is '.*'; there are changed, flip, fixed, "):
        viewed.find(filters)


def test_a_value_is_sql_for_nobody(viewed: ViewedChanges) -> None:
    for value in ("' OR 1=1 --", '"', "\0"):
        assert viewed.find({"type-before": value, "model": value})[0] == 0
    assert viewed.find({})[0] == viewed.total


def test_the_server_gives_pages_and_whole_downloads(viewer: Viewer) -> None:
    page = ask(viewer, "")[2]
    assert 'data-served="changes"' in page and page.index('id="changes"') < page.index('id="funnel"')
    answer = json.loads(ask(viewer, "changes?kind=fixed")[2])
    fixed = [(old, new) for old, new in list_truth() if (old["verdict"], new["verdict"]) == ("wrong", "right")]
    assert (answer["rows"], answer["all"]) == (len(fixed), sum(COUNTS.values()))
    assert answer["html"].count('class="change"') == len(fixed) and "\x00" not in answer["html"]
    lines = [json.loads(line) for line in ask(viewer, "changes.jsonl?kind=fixed")[2].splitlines()]
    ids = {(old["solution_id"], new["solution_id"]) for old, new in fixed}
    assert {(line["before_solution_id"], line["after_solution_id"]) for line in lines} == ids
    table = list(csv.reader(io.StringIO(ask(viewer, "changes.csv?kind=before")[2])))
    assert len(table) == COUNTS["before"] + 1
    assert all(
        row[table[0].index("after_question")] == "" != row[table[0].index("before_question")] for row in table[1:]
    )
    assert ask(viewer, "changes.parquet")[0] == 404
    assert ask(viewer, f"changes?search={'x' * 20_000}")[0] == 414


def test_one_release_alone_has_no_changes(both: tuple[Release, Release], viewed: ViewedChanges) -> None:
    with Viewer(both[1], viewed.after) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert ask(server, "changes")[0] == 404 and ask(server, "rows")[0] == 200
        server.shutdown()


def test_types_with_control_characters_are_found(viewer: Viewer) -> None:
    (kind,) = {shorten(row["error_type"], NAME) for _, row in list_truth() if row["error_type"] == NASTY[7]}
    wanted = make_rows(True)["error_type"].to_list().count(NASTY[7])
    assert json.loads(ask(viewer, f"rows?type={quote(kind)}")[2])["rows"] == wanted > 0
    assert len(ask(viewer, f"rows.jsonl?type={quote(kind)}")[2].splitlines()) == wanted


@pytest.mark.parametrize("text", [*NASTY, LONG, "a" * 120, "a" * 121, "\t\n\r", "é" * 500, "", "\x7f\x80", "😀" * 130])
def test_the_database_shows_values_as_the_page_does(text: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE texts AS SELECT CAST(? AS VARCHAR) AS value", [text])
        shown = connection.execute(f"SELECT {show_value('value', NAME)} FROM texts").fetchall()
    assert shown == [(shorten(text, NAME),)]


def test_errors_say_what_to_do(
    both: tuple[Release, Release], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = both[0].store
    publish_rows(store, "named", "1.0.0", make_rows(False), "steps")
    texts = []
    for name, code in (("fruit@9.0.0", MISSING), ("vegetables", MISSING), ("catalog/recipes/fruit.yaml", WRONG), ("named", WRONG)):  # fmt: skip
        assert main(["view", "fruit@2.0.0", "--against", name, "--store", store, "--no-open"]) == code
        texts.append(capsys.readouterr().err.replace(store, "STORE"))
    assert main(["view", "fruit@2.0.0", "--against", "named", "--view", "mistakes", "--store", store]) == MISSING
    texts.append(capsys.readouterr().err)
    check(Path(__file__).with_name("against-errors.txt"), "".join(texts))
