"""How soon all rows of a large release can be looked at in the browser: `errata view` on 600,000 rows, alone and beside another release.

python -m tests.benchmarks.view [--rows 600000] [--folder DIR]     the folder may be that of tests.benchmarks.report

The command is started as users start it. Its first page is what a browser waits for: the page, and the first rows. Then,
once the rows are copied, filters and words are asked for over HTTP, each several times, and beside them the same count by
DuckDB straight from the release's Parquet files. Then the same with `--against` an earlier release. The words that are searched
are those of a row's question. It exits with 1 where a figure is
missed: first page 1 s, a filter or a search 500 ms.
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
from collections.abc import Mapping
from pathlib import Path

import duckdb
import errata
from errata.cli import text as terminal

from tests.benchmarks.report import make

FIRST, FOUND = 1.0, 0.5
"""Seconds, at most."""
TIMES = 5
HEAD = ["what", "errata view", "of the processor", "a count by DuckDB on the files", "at most", ""]
ASKED = {
    "filter by type": ("type={type}", "error_type = '{type}'"),
    "filter by step": ("step=3", "first_error = 2"),
    "two words": ("search={words}", "contains(lower(question), '{word}') AND contains(lower(question), '{other}')"),
    "a word that is rare": ("search={id}", "contains(lower(solution_id), '{id}')"),
    "a word that is nowhere": ("search=nowhereatall", "contains(lower(question), 'nowhereatall')"),
    "page 500": ("begin=10000", "TRUE"),
}
BESIDE = {
    "right before, wrong now": ("kind=flip", "a.verdict = 'right' AND b.verdict = 'wrong'"),
    "another type": ("kind=type", "a.error_type IS DISTINCT FROM b.error_type"),
    "from type to type": (
        "type-before=algebra&type-after={type}",
        "a.error_type = 'algebra' AND b.error_type = '{type}'",
    ),
    "from step to step": ("step-before=4&step-after=3", "a.first_error = 3 AND b.first_error = 2"),
    "the same labels": ("kind=same", "a.first_error = b.first_error AND a.verdict = b.verdict"),
    "two words": ("search={words}", "contains(lower(b.question), '{word}') AND contains(lower(b.question), '{other}')"),
    "a word that is rare": ("search={id}", "contains(lower(b.solution_id), '{id}')"),
    "a word that is nowhere": ("search=nowhereatall", "contains(lower(b.question), 'nowhereatall')"),
    "page 500": ("begin=10000", "TRUE"),
}


def main() -> int:
    """Measure, print the tables, and say whether all figures are met."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", type=int, default=600_000, help="of each release (default: 600,000)")
    given.add_argument("--folder", type=Path, help="where the releases lie, or are made (default: a temporary folder)")
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        make(folder, options.rows)
        store = str(folder / "store")
        paths = {version: list_paths(f"big@{version}", store) for version in ("0.9.0", "1.0.0")}
        known = choose_values(paths["1.0.0"], options.rows // 2)
        alone = measure(["big@1.0.0"], store, "rows", ASKED, known, f"read_parquet({paths['1.0.0']!r})")
        joined = f"read_parquet({paths['0.9.0']!r}) a JOIN read_parquet({paths['1.0.0']!r}) b USING (solution_id)"
        beside = measure(["big@1.0.0", "--against", "big@0.9.0"], store, "changes", BESIDE, known, joined)
    return 0 if alone and beside else 1


def choose_values(paths: list[str], at: int) -> dict[str, str]:
    """What is asked for: the type and the id of a row, and two words of its question."""
    rows = f"SELECT error_type, solution_id, question FROM read_parquet({paths!r}) WHERE error_type IS NOT NULL"
    kind, key, question = duckdb.sql(f"{rows} OFFSET {at} LIMIT 1").fetchall()[0]
    word, other = str(question).split()[:2]
    return {"type": str(kind), "id": str(key), "words": f"{word} {other}", "word": word, "other": other}


def list_paths(name: str, store: str) -> list[str]:
    """The files of a release's rows."""
    release = errata.open_release(name, store)
    return [str(release.path(file)) for file in release.files()]


def measure(
    names: list[str],
    store: str,
    place: str,
    queries: Mapping[str, tuple[str, str]],
    known: Mapping[str, str],
    files: str,
) -> bool:
    """Ask a viewer at an address, print what it takes, and say whether all figures are met."""
    command = [sys.executable, "-m", "errata.cli", "view", *names, "--store", store, "--no-open"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            url = process.stdout.readline().strip()
            started = time.perf_counter() - began
            at_start = read_processor_time(process.pid)
            page, first = ask(url), ask(f"{url}{place}?begin=0")
            copied = ask(f"{url}{place}?search=total")
            at_copy = read_processor_time(process.pid) - at_start
            rows: list[list[object]] = [["the command is there", f"{started:.2f} s", f"{at_start:.2f} s", "", "", ""]]
            rows.append(["first page and its rows", f"{page + first:.2f} s", "", "", f"{FIRST:.1f} s", say_whether(page + first <= FIRST)])  # fmt: skip
            rows.append(["the rows are copied, after", f"{copied:.1f} s", f"{at_copy:.1f} s", "", "", ""])
            met = [page + first <= FIRST]
            for name, (query, where) in queries.items():
                asked = f"{url}{place}?{query.format(**known).replace(' ', '+')}"
                before = read_processor_time(process.pid)
                mine = statistics.median(ask(asked) for _ in range(TIMES))
                spent = (read_processor_time(process.pid) - before) / TIMES
                theirs = statistics.median(count(files, where.format(**known)) for _ in range(TIMES))
                met.append(mine <= FOUND)
                rows.append([name, f"{1000 * mine:.0f} ms", f"{1000 * spent:.0f} ms", f"{1000 * theirs:.0f} ms", f"{1000 * FOUND:.0f} ms", say_whether(met[-1])])  # fmt: skip
        finally:
            process.terminate()
    print(terminal.format_table([" ".join(names), *HEAD[1:]], rows), flush=True)
    return all(met)


def say_whether(met: bool) -> str:
    """Whether a figure is met, in a word."""
    return "met" if met else "MISSED"


def ask(url: str) -> float:
    """Seconds until an answer is there whole."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=300) as answer:
        answer.read()
    return time.perf_counter() - began


def read_processor_time(process: int) -> float:
    """Seconds that a process has had of the processors, which other work beside it lengthens little."""
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def count(files: str, where: str) -> float:
    """Seconds of a count straight from the files."""
    began = time.perf_counter()
    duckdb.sql(f"SELECT count(*) FROM {files} WHERE {where}").fetchall()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
