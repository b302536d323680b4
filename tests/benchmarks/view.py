"""How soon all rows of a large release can be looked at in the browser: `errata view` on 600,000 rows.

python -m tests.benchmarks.view [--rows 600000] [--folder DIR]     the folder may be that of tests.benchmarks.report

The command is started as users start it. Its first page is what a browser waits for: the page, and the first rows. Then,
once the rows are copied, filters and words are asked for over HTTP, each several times, and beside them the same count by
DuckDB straight from the release's Parquet files. It exits with 1 where a figure is missed: first page 1 s, a filter or a search 500 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import duckdb
import errata
from errata.cli import text as terminal

from tests.benchmarks.report import make

FIRST, FOUND = 1.0, 0.5
"""Seconds, at most."""
TIMES = 5
ASKED = {
    "filter by type": ("type={type}", "error_type = '{type}'"),
    "filter by step": ("step=3", "first_error = 2"),
    "two words": ("search=apples+total", "contains(lower(question), 'apples') AND contains(lower(question), 'total')"),
    "a word that is rare": ("search={id}", "contains(lower(solution_id), '{id}')"),
    "a word that is nowhere": ("search=nowhereatall", "contains(lower(question), 'nowhereatall')"),
    "page 500": ("begin=10000", "TRUE"),
}


def main() -> int:
    """Measure, print the table, and say whether all figures are met."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", type=int, default=600_000, help="of the release (default: 600,000)")
    given.add_argument("--folder", type=Path, help="where the release lies, or is made (default: a temporary folder)")
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        make(folder, options.rows)
        return measure(folder)


def measure(folder: Path) -> int:
    """Ask a viewer of the release in a folder."""
    store = str(folder / "store")
    command = [sys.executable, "-m", "errata.cli", "view", "big@1.0.0", "--store", store, "--no-open"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            url = process.stdout.readline().strip()
            started = time.perf_counter() - began
            page, first = ask(url), ask(f"{url}rows?begin=0")
            waited = ask(f"{url}rows?begin=20")
            release = errata.open_release("big@1.0.0", store)
            paths = [str(release.path(file)) for file in release.files()]
            kind, key = duckdb.sql(
                f"SELECT error_type, solution_id FROM read_parquet({paths!r}) WHERE error_type IS NOT NULL LIMIT 1"
            ).fetchall()[0]
            rows: list[list[object]] = [
                ["the command is there", f"{started:.2f} s", "", "", ""],
                [
                    "first page and its rows",
                    f"{page + first:.2f} s",
                    "",
                    f"{FIRST:.1f} s",
                    "met" if page + first <= FIRST else "MISSED",
                ],
                ["the rows are copied, after", f"{waited:.1f} s", "", "", ""],
            ]
            met = [page + first <= FIRST]
            for name, (query, where) in ASKED.items():
                known = {"type": str(kind), "id": str(key)}
                mine = statistics.median(
                    ask(f"{url}rows?{query.format(**known).replace(' ', '+')}") for _ in range(TIMES)
                )
                theirs = statistics.median(count(paths, where.format(**known)) for _ in range(TIMES))
                met.append(mine <= FOUND)
                rows.append(
                    [
                        name,
                        f"{1000 * mine:.0f} ms",
                        f"{1000 * theirs:.0f} ms",
                        f"{1000 * FOUND:.0f} ms",
                        "met" if met[-1] else "MISSED",
                    ]
                )
        finally:
            process.terminate()
    print(terminal.format_table(["what", "errata view", "a count by DuckDB on the files", "at most", ""], rows))
    return 0 if all(met) else 1


def ask(url: str) -> float:
    """Seconds until an answer is there whole."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=120) as answer:
        answer.read()
    return time.perf_counter() - began


def count(paths: list[str], where: str) -> float:
    """Seconds of a count straight from the files."""
    began = time.perf_counter()
    duckdb.sql(f"SELECT count(*) FROM read_parquet({paths!r}) WHERE {where}").fetchall()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
