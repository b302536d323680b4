"""Rows one after the other: to a pipe, in a terminal of several sizes, of what models wrote with malice, of 600,000."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE, MISSING, WRONG
from rich.console import Console

from catalog.publish.publish import View, publish
from catalog.storage import Store
from flows.cli import file_rows, row_view
from flows.cli.browser import place
from flows.cli.row_reader import Selection
from schemas.columns.labels import JUDGE_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from tests.command import ROOT
from tests.processor_time import bound_time

HOSTILE = "\x1b[2J\x1b]0;owned\x07 [bold]markup[/bold] \u202egnirts\u2066 \r\x08\x9b31m :boom:"
KINDS = ("arithmetic", "reading", "unit")
ROWS = Contract(
    "mistakes",
    "One wrong solution a row.",
    (
        Column("solution_id", "string", "The solution."),
        Column("set", "string", "The set."),
        Column("model", "string", "The model."),
        Column("question", "string", "The problem."),
        Column("steps", "strings", "The steps."),
        Column("first_error", "integer", "The first wrong step.", at_least=-1),
        Column("error_type", "string", "Its type.", nullable=True),
        Column("error_from", "integer", "From.", nullable=True),
        Column("error_to", "integer", "To.", nullable=True),
        *(item for item in JUDGE_COLUMNS if item.name in ("judges", "judge_labels", "judge_kinds", "judge_reasons", "judge_faults")),
    ),
    key="solution_id",
)  # fmt: skip


def row(n: int, **other: Any) -> dict[str, Any]:
    return {
        "solution_id": f"{n:024d}", "set": ("gsm8k", "svamp")[n % 2], "model": ("gpt-4", "gpt-4o", "llama")[n % 3],
        "question": f"Question {n}: how many apples has 王小明?", "steps": [f"{n} + 1 = {n + 2}", "So it is."], "first_error": 0,
        "error_type": KINDS[n % 3] if n % 4 else None, "error_from": 0, "error_to": 3, "judges": ["small@1 #0", "small@1 #1"],
        "judge_labels": [0, None], "judge_kinds": ["arithmetic", ""], "judge_reasons": [f"{n} + 1 is {n + 1}.", ""],
        "judge_faults": ["", "unparsable"], **other,
    }  # fmt: skip


def released(store: str, corpus: str, parts: list[pl.DataFrame]) -> None:
    recipe = {"title": "T", "license": "MIT", "text": ""}
    columns = {"mistakes": [{"name": column.name, "meaning": column.meaning} for column in ROWS.columns]}
    rest = {"fingerprint": corpus, "recipe": recipe, "columns": columns, "funnel": []}
    publish(Store(store), corpus, "1.0.0", corpus, {"mistakes": View(ROWS, ({"train": part} for part in parts))}, lambda _: ({}, rest))  # fmt: skip


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=to_polars_schema(ROWS))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a release of a hundred rows, one of them with malice."""
    store = str(tmp_path_factory.mktemp("shelf"))
    rows = [row(n) for n in range(100)]
    rows[7] = row(7, question=HOSTILE, steps=["x" * 1_000_000, HOSTILE], model=HOSTILE, judge_reasons=[HOSTILE, ""])
    released(store, "small", [frame(rows)])
    return store


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return main(["browse", *arguments]), *capsys.readouterr()


def test_to_a_pipe_rows_are_printed_with_the_wrong_step_and_the_reasons(
    shelf: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = shown(capsys, "small", "--store", shelf, "--limit", "2")
    assert (code, err) == (DONE, "")
    lines = out.splitlines()
    assert lines[0].startswith("row 1 of 100 ──")
    assert "✗   1 0 + 1 = 2" in lines and "    2 So it is." in lines
    assert "  small@1 #0: step 1, arithmetic" in lines and "    0 + 1 is 1." in lines
    assert "in data, where the first step is 0" in lines
    assert "  small@1 #1: unparsable" in lines
    assert sum(line.startswith("row ") for line in lines) == 2


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (["--type", "reading"], [n for n in range(100) if n % 4 and n % 3 == 1 and n != 7] + [7]),
        (["--model", "gpt-4"], [n for n in range(100) if n % 3 == 0]),
        (["--model", "gpt*"], [n for n in range(100) if n % 3 < 2 and n != 7]),
        (["--set", "svamp", "--search", "QUESTION 1:"], [1]),
        (["--search", "13 + 1 is 14"], [13]),
    ],
)
def test_filters_choose_rows(
    shelf: str, capsys: pytest.CaptureFixture[str], filters: list[str], numbers: list[int]
) -> None:
    code, out, _ = shown(capsys, "small", "--store", shelf, *filters)
    assert code == DONE
    assert [int(n) - 1 for n in re.findall(r"^row ([0-9,]+) of 100", out, re.MULTILINE)] == sorted(numbers)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["small", "--type", "none"], MISSING, "small@1.0.0: none of 100 rows matches type none\n"),
        (["small", "--verdict", "wrong"], WRONG, "--verdict: these rows have no column verdict; they can be filtered by type, model, set, search\n"),
        (["small", "--rejected"], WRONG, "small: a release holds no rejected rows; name a table as RECIPE.yaml:TABLE\n"),
        (["small:steps"], MISSING, "errata: small@1.0.0 has no view 'steps'; "),
        (["smal"], MISSING, "did you mean 'small'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_told_in_a_line(
    shelf: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, expected: str
) -> None:
    result, out, err = shown(capsys, *arguments, "--store", shelf)
    assert (result, out) == (code, "")
    assert err.endswith(expected) or expected in err


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_models_wrote_cannot_steer_a_terminal_and_fits(shelf: str, width: int) -> None:
    with closing(place("small", None, False, None, shelf)) as rows:
        hostile = rows[7]
    with bound_time(10):  # a tenth of a second it is
        lines = row_view.render_lines(hostile, Console(width=width), width)
    assert all(c.isprintable() for line in lines for c in line.plain)
    assert all(line.cell_len <= width for line in lines)
    whole = " ".join(line.plain for line in lines)
    assert "[bold]markup[/bold]" in whole and ":boom:" in whole
    assert "(1,000,000 characters in all)" in " ".join(whole.split())
    assert len(lines) < 1000


class Terminal:
    """`errata browse` in a terminal of its own."""

    def __init__(self, store: str, columns: int, rows: int) -> None:
        self.fd, child = pty.openpty()
        self.resize(columns, rows)
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "errata.cli", "browse", "small", "--store", store]
        self.process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True)  # fmt: skip
        os.close(child)
        self.out = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str, until: str, then: str = "") -> str:
        """Press keys; what is drawn until a text is, and below it another."""
        self.out = ""
        os.write(self.fd, keys.encode())
        end = time.monotonic() + 300
        wanted = re.compile(f"{re.escape(until)}.*{re.escape(then)}", re.DOTALL)
        while not wanted.search(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.out)):
            assert time.monotonic() < end, repr(self.out[-2000:])
            if select.select([self.fd], [], [], 1)[0]:
                self.out += os.read(self.fd, 65536).decode("utf-8", "replace")
        return self.out

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.fixture
def terminal(shelf: str) -> Iterator[Terminal]:
    result = Terminal(shelf, 80, 24)
    yield result
    result.close()


def test_keys_go_through_the_rows_of_a_terminal(terminal: Terminal) -> None:
    terminal.press("", "row 1 of 100")
    assert "\x1b[1;31m" in terminal.press("n", "row 2 of 100", "q quit")  # the wrong step, bold and red
    terminal.press("p", "row 1 of 100")
    terminal.press("p", "this is the first one")
    terminal.press("G", "row 100 of 100")
    terminal.press(":42\r", "row 42 of 100")
    terminal.press("tunit\r", "match 1 of")
    terminal.press("\x1b[C", "match 2 of")
    terminal.press("/no such text\r", "none of 100 rows matches type unit, search no such text")
    terminal.press("c", "row 1 of 100")
    hostile = terminal.press(":8\r", "row 8 of 100", "q quit")
    assert "\x1b[2J" not in hostile.replace("\x1b[H\x1b[2J", "") and "\x1b]0" not in hostile and "\u202e" not in hostile
    terminal.resize(40, 12)
    narrow = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.press("", "more lines"))
    assert max(len(line) for line in narrow.split("\r\n")) <= 80
    os.write(terminal.fd, b"q")
    end = time.monotonic() + 60
    while terminal.process.poll() is None and time.monotonic() < end:
        if select.select([terminal.fd], [], [], 0.2)[0]:
            try:
                os.read(terminal.fd, 65536)
            except OSError:
                break
    assert terminal.process.wait(60) == DONE


def test_a_table_of_a_build_can_be_looked_at_and_what_it_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.planning import plan as planning
    from flows.running.run_plan import materialize

    recipe, store = tmp_path / "tiny.yaml", str(tmp_path / "store")
    recipe.write_text(
        "corpus: tiny\nversion: 1.0.0\ntitle: T\nlicense: MIT\ntables:\n  problems: {task: world, count: 20}\n"
        "  some: {task: select, from: problems, where: \"answer < '5'\"}\n  release: {task: release, from: some}\n"
    )
    assert shown(capsys, f"{recipe}:some", "--store", store)[0] == WRONG
    materialize(planning.make_plan(str(recipe), None, store))
    kept, rejected = (shown(capsys, f"{recipe}:some", "--store", store, *more)[1] for more in ([], ["--rejected"]))
    assert kept.count("row ") + rejected.count("row ") >= 20
    assert "not selected" in rejected and "not selected" not in kept
    code, _, err = shown(capsys, f"{recipe}:sme", "--store", store)
    assert code == WRONG and "did you mean 'some'?" in err


LINES = [
    {
        "solution_id": "a",
        "question": "1 + 1?",
        "steps": ["It is 3."],
        "verdict": "wrong",
        "score": 0.5,
        "more": {"x": [1]},
    },
    {"solution_id": "b", "question": "生?", "steps": ["\ud800"], "verdict": "right", "more": "text", "own": 2**80},
]


def written(folder: Path, name: str) -> str:
    """The two rows in a file of that format."""
    path = folder / name
    if name.endswith(".parquet"):
        pl.DataFrame(
            [{key: LINES[i][key] for key in ("solution_id", "question", "verdict")} for i in (0, 1)]
        ).write_parquet(path)
    elif name.endswith(".json"):
        path.write_text(json.dumps(LINES))
    elif name.endswith(".csv"):
        path.write_text("solution_id,question,verdict\na,1 + 1?,wrong\nb,生?,right\n")
    else:
        path.write_text("".join(json.dumps(line).replace("\\ud800", "So.") + "\n" for line in LINES) + "{broken\n")
    return str(path)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.parquet"])
def test_files_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = shown(capsys, written(tmp_path, name))
    assert code == DONE and "1 + 1?" in out and "生?" in out
    assert out.count("row ") == (3 if name == "rows.jsonl" else 2)
    assert ("not JSON" in out) == (name == "rows.jsonl")
    code, out, _ = shown(capsys, str(tmp_path / "rows.*"), "--verdict", "right")
    assert code == DONE and "生?" in out and "1 + 1?" not in out


def test_several_parquet_files_need_the_same_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, column in enumerate("aab"):
        pl.DataFrame({column: [f"value {number}"]}).write_parquet(tmp_path / f"{number}.parquet")
    code, out, _ = shown(capsys, str(tmp_path / "[01].parquet"))
    assert code == DONE and "value 0" in out and "value 1" in out
    code, _, err = shown(capsys, str(tmp_path / "*.parquet"))
    assert code == WRONG and "2.parquet: has other columns than" in err


def test_a_mixed_or_nested_column_is_shown_whole() -> None:
    rows = file_rows.make_table(LINES).to_pylist()
    assert [row["more"] for row in rows] == ['{"x": [1]}', '"text"']
    assert [row["own"] for row in rows] == [None, str(2**80)]
    assert [row["steps"] for row in rows] == [["It is 3."], ["\ufffd"]]
    assert [row["score"] for row in rows] == [0.5, None]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rows.jsonl", "--rejected"], "rows.jsonl: files hold no rejected rows; name a table as RECIPE.yaml:TABLE"),
        (["rows.jsonl", "--split", "test"], "rows.jsonl: files have no splits; leave --split out"),
        (["row.jsonl"], "row.jsonl: no such file; did you mean 'rows.jsonl'?"),
        (["folder/deep"], "folder/deep: is a folder; name a file, several (folder/deep/*.parquet), or RECIPE.yaml:TABLE"),
        (["rows.txt"], "rows.txt: unknown format '.txt'; there are .jsonl"),
        (["bad.parquet"], "bad.parquet: cannot be read as Parquet"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "rows.jsonl")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("rows.txt", "bad.parquet"):
        (tmp_path / name).write_text("no rows")
    code, out, err = shown(capsys, *arguments)
    assert (code, out) == (WRONG, "") and expected in err


@pytest.mark.slow
def test_of_600_000_rows_only_those_shown_are_held(tmp_path: Path) -> None:
    ids = pl.Series("solution_id", range(50_000)).cast(pl.String)
    base = frame([row(1)])
    parts = (
        pl.concat([base] * 50_000).with_columns((ids + f"-{at}").alias("solution_id"), question=ids + f" of part {at}")
        for at in range(12)
    )
    released(str(tmp_path), "big", list(parts))
    code = f"""
import resource, sys
from flows.cli.browser import place
from flows.cli.row_reader import Selection
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = place("big", None, False, None, {str(tmp_path)!r})
assert len(rows) == 600_000
assert rows[599_999]["question"] == "49999 of part 11" and rows[0]["question"] == "0 of part 0"
chosen = Selection(rows, {{"search": "49999 of part 11"}})
while chosen.look_on():
    pass
assert [chosen.number(0), len(chosen)] == [599_999, 1]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400_000, f"{int(done.stdout):,} KiB"


def test_a_filter_looks_no_further_than_it_must(shelf: str) -> None:
    with (
        closing(place("small", None, False, None, shelf)) as rows,
        closing(Selection(rows, {"set": "gsm8k"})) as chosen,
    ):
        assert chosen.number(0) is None and not chosen.looked
        assert chosen.look_on() and chosen.number(0) == 0
