"""The ledger at size: time to open, to find and to sum, memory and disk, beside DuckDB, Polars and how it was searched before.

python -m tests.benchmarks.ledger [--rows 10000000] [--folder DIR]     needs 3 GB of disk for 10,000,000 rows

Half of what is looked for is there. Each figure is of a process of its own;
memory is its peak, interpreter and requests included. Seconds are those of the
clock and of the processors: on a machine that does other things only the
latter can be compared. It ends with 1 where a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from errata.cli import text as terminal

from catalog.ledger import Ledger, segments
from catalog.storage import Store
from schemas.request import Completion, Message, Request, Sampling

SAMPLES = 8
BLOCK, LOOSE, LOOSE_ROWS = 65_536, 200, 256
WORDS = [f"{a}{b}{c}" for a in ("st", "pr", "l", "qu", "") for b in "aeiou" for c in ("ne", "rt", "m", "lk", "ss")]
PHRASES = [" ".join(random.Random(i).choices([*WORDS, str(i % 1009), "=", "+"], k=10)) for i in range(20_011)]
FINDS = (100, 1_000, 10_000, 100_000)
QUESTIONS, ASKERS = 2_000, 4
SECONDS, MEBIBYTES = 5.0, 1024
"""To find the most of `FINDS`, once opened: in how many seconds, and in how much memory."""


def request(number: int) -> Request:
    """The request of this number: eight samples of each question."""
    question, sample = divmod(number, SAMPLES)
    text = f"Question {question}: there are {question % 97} apples in each of {question % 89} baskets, and {question} are eaten. How many are left?"
    return Request("bench-7b", "0" * 40, (Message("user", text),), Sampling(512, 0.8), sample)


def text(number: int) -> str:
    """An answer of about 200 characters."""
    return " ".join(PHRASES[number * prime % len(PHRASES)] for prime in (1, 7919, 104729, 611953, 15485863))


def block(store: str, begin: int, rows: int) -> None:
    """Write one segment, as a writer would; column by column, which is quicker."""
    asked = [request(number) for number in range(begin, begin + rows)]
    entry = segments.make_entry(
        asked[0], Completion(asked[0].id, "", "stop", 512, 40, 50, None, "bench 1", 0.0), "bench", "rollouts"
    )
    stem = segments.make_stem()
    columns = {
        name: pa.repeat(pa.scalar(entry.get(name), segments.SCHEMA.field(name).type), rows)
        for name in segments.SCHEMA.names
    }
    numbers = np.arange(begin, begin + rows)
    prompts = {
        item: segments.prompt(request(item * SAMPLES))
        for item in range(begin // SAMPLES, (begin + rows) // SAMPLES + 1)
    }
    columns |= {
        "place": pa.array([segments.place_request(item) for item in asked], pa.uint64()),
        "segment": pa.repeat(stem, rows),
        "row": pa.array(np.arange(rows), pa.int32()),
        "request": pa.array([item.id for item in asked]),
        "text": pa.array([text(number) for number in range(begin, begin + rows)]),
        "finish": pa.array(np.where(numbers % 20 == 0, "length", "stop")),
        "logprob": pa.array(-np.random.default_rng(begin).random(rows) * 60),
        "at": pa.array(1.8e9 + numbers * 0.137),
        "sample": pa.array(numbers % SAMPLES),
        "prompt": pa.array([prompts[number // SAMPLES] for number in range(begin, begin + rows)]),
    }
    table = pa.table(columns, schema=segments.SCHEMA)
    segments.write_segment(Store(store), table.sort_by("place"), stem)


def build(store: str, rows: int) -> None:
    """Fill a ledger: segments of many rows, merged, and then the small ones of a writer at work."""
    large = max(0, rows - LOOSE * LOOSE_ROWS)
    with ProcessPoolExecutor(2) as processes:
        jobs = [processes.submit(block, store, begin, min(BLOCK, large - begin)) for begin in range(0, large, BLOCK)]
        for job in jobs:
            job.result()


def measured(work: Callable[[], object]) -> list[float]:
    """Seconds by the clock and of the processors, and the peak of this process's memory in MiB."""
    began, used = time.perf_counter(), time.process_time()
    work()
    seconds = time.perf_counter() - began, time.process_time() - used
    return [*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]


class EarlierLedger(Ledger):
    """The ledger as it was searched before there were partitions: places wanted once for each segment, rows read by row groups."""

    def _search(self, found_in: Any, wanted: Any, places: Any) -> Any:
        def search_segment(segment: segments.Segment) -> list[Any]:
            begin = np.searchsorted(places, np.uint64(segment.low), side="left")
            mine = places[begin : np.searchsorted(places, np.uint64(segment.high), side="right")]
            rows = _find_rows_before(self._load(segment), mine)
            if not len(rows):
                return []
            columns = [*segments.ENTRY, *segments.ANSWER]
            entries = segments.read_segment(self.store, segment, columns, rows).to_pylist()
            return [_read_reply(row) for row in entries if row["request"] in wanted]

        with ThreadPoolExecutor(8) as threads:
            replies = [reply for some in threads.map(search_segment, found_in) for reply in some]
        return {reply.request: (reply,) for reply in replies}


def _read_reply(row: dict[str, Any]) -> Completion:
    given = {field.name: row[field.name] for field in fields(Completion)}
    return Completion(
        **given | {name: default for name, default in segments.ADDED.items() if given.get(name, 0) is None}
    )


def _find_rows_before(places: segments.Places, wanted: segments.Places) -> Any:
    wanted = np.unique(wanted)
    begins = np.searchsorted(places, wanted, side="left")
    counts = np.searchsorted(places, wanted, side="right") - begins
    return np.arange(counts.sum()) + np.repeat(begins - counts.cumsum() + counts, counts)


def wanted(count: int, rows: int) -> list[Request]:
    """Requests, every other one in the ledger; of four samples of a question each, as a build asks for them."""
    chance = random.Random(count)
    questions = chance.sample(range(rows // SAMPLES), count // 8 + 1)
    there = [request(question * SAMPLES + sample) for question in questions for sample in range(4)]
    new = [request((rows + question) * SAMPLES + sample) for question in questions for sample in range(4)]
    return [item for pair in zip(there, new) for item in pair][:count]


def scattered(count: int, rows: int) -> list[Request]:
    """The same without two samples of one question, the worst case."""
    chance = random.Random(count)
    return [request(number + (i % 2) * rows) for i, number in enumerate(chance.sample(range(rows), count))]


def compact(store: str) -> dict[str, list[float]]:
    """Merge, and then leave small segments."""
    ledger = Ledger(Store(store))
    return {"compact": measured(ledger.compact)}


def find(store: str, rows: int, count: int, how: str) -> dict[str, list[float]]:
    """Open, find twice, in one process."""
    asked = (scattered if how == "scattered" else wanted)(count, rows)
    opened: list[Ledger] = []
    kind = EarlierLedger if how == "before" else Ledger
    values = {"open": measured(lambda: opened.append(kind(Store(store))))}
    hits: list[int] = []
    values["first"] = measured(lambda: hits.append(len(opened[0].find(asked))))
    values["again"] = measured(lambda: hits.append(len(opened[0].find(asked))))
    assert hits[0] == hits[1] >= count * 0.45, hits
    return values


def _list_columns(store: str) -> list[str]:
    """The columns of an answer that the segments have."""
    names = pq.read_schema(next(Path(store, "ledger").glob("*.parquet"))).names
    return [name for name in segments.ANSWER if name in names]


def duckdb_find(store: str, rows: int, count: int) -> dict[str, list[float]]:
    """DuckDB's semi-join with the same files."""
    import duckdb

    ids = pa.table({"request": [item.id for item in wanted(count, rows)]})
    database = duckdb.connect(config={"memory_limit": "2GiB"})
    database.register("wanted", ids)
    columns = ", ".join(f'"{name}"' for name in _list_columns(store))
    query = f"SELECT {columns} FROM read_parquet('{store}/ledger/*.parquet') SEMI JOIN wanted USING (request)"
    return {
        "first": measured(lambda: database.sql(query).fetchall()),
        "again": measured(lambda: database.sql(query).fetchall()),
    }


def polars_find(store: str, rows: int, count: int) -> dict[str, list[float]]:
    """Polars' semi-join with the same files."""
    import polars as pl

    ids = pl.LazyFrame({"request": [item.id for item in wanted(count, rows)]})
    scan = pl.scan_parquet(f"{store}/ledger/*.parquet").select(_list_columns(store))
    query = scan.join(ids, on="request", how="semi")
    return {
        "first": measured(lambda: query.collect(engine="streaming").rows()),
        "again": measured(lambda: query.collect(engine="streaming").rows()),
    }


def spent(store: str) -> dict[str, list[float]]:
    """Sum everything."""
    ledger = Ledger(Store(store))
    return {"spent": measured(ledger.spent)}


def apart(*arguments: object) -> dict[str, list[float]]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.ledger", "--one", json.dumps(arguments)]
    stdout = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(stdout.strip().split("\n")[-1]))


def one(arguments: list[Any]) -> None:
    """Be that process."""
    works: dict[str, Callable[..., dict[str, list[float]]]] = {
        "compact": compact, "find": find, "duckdb": duckdb_find, "polars": polars_find, "spent": spent,
    }  # fmt: skip
    print(json.dumps(works[arguments[0]](*arguments[1:])))


def fill(store: str, rows: int) -> None:
    """Build a ledger, merge it, and leave small segments, as a writer at work does."""
    began = time.perf_counter()
    build(store, rows)
    print(f"{rows:,} rows written in {time.perf_counter() - began:.0f} s", flush=True)
    seconds, _, memory = apart("compact", store)["compact"]
    print(f"merged in {seconds:.0f} s, {memory:,.0f} MiB", flush=True)
    for i in range(LOOSE):
        block(store, rows - (LOOSE - i) * LOOSE_ROWS, LOOSE_ROWS)


def report(store: str, rows: int) -> list[str]:
    """Measure and print; the figures that were missed."""
    size = [path.stat() for path in Path(store, "ledger").iterdir()]
    total = sum(file.st_size for file in size)
    print(f"{len(size)} files, {total / 1e9:.2f} GB, {total / rows:.0f} bytes a row\n", flush=True)
    lines: list[list[object]] = []
    most: dict[str, dict[str, list[float]]] = {}
    for who, how in (("ledger", "samples"), ("ledger", "scattered"), ("ledger", "before"), ("duckdb", ""), ("polars", "")):  # fmt: skip
        for count in FINDS:
            result = apart("find", store, rows, count, how) if who == "ledger" else apart(who, store, rows, count)
            times = [
                "{:.3f} ({:.3f})".format(*result[name]) if name in result else "" for name in ("open", "first", "again")
            ]
            lines.append([f"{who} {how}".strip(), count, *times, f"{result['again'][2]:,.0f}"])
            print(*lines[-1], sep="  ", flush=True)  # as it comes: the whole takes many minutes
            most[f"{who} {how}".strip()] = result
    header = ["find", "requests", "open s (of processors)", "first s", "again s", "peak MiB"]
    print(terminal.format_table(header, lines), flush=True)
    seconds, used, memory = apart("spent", store)["spent"]
    print(f"\nspent() in {seconds:.1f} s ({used:.1f} of processors), {memory:,.0f} MiB")
    return check(most)


def ask_at_once(folder: str) -> list[str]:
    """Four processes ask the same, each in another order: what was lost, or paid twice."""
    store = f"{folder}/asked"
    command = [sys.executable, "-m", "tests.catalog.ledger.asker", store, str(QUESTIONS)]
    began = time.perf_counter()
    askers = [subprocess.Popen([*command, str(seed), "60", "0"], stdout=subprocess.DEVNULL) for seed in range(ASKERS)]
    codes = [asker.wait() for asker in askers]
    (spent,) = Ledger(Store(store)).spent()
    print(
        f"{ASKERS} processes asked the same {QUESTIONS:,} in {time.perf_counter() - began:.0f} s; {spent.requests:,} paid"
    )
    right = not any(codes) and spent.requests == QUESTIONS
    return [] if right else [f"{spent.requests:,} paid, expected {QUESTIONS:,}; exit codes {codes}"]


def check(most: dict[str, dict[str, list[float]]]) -> list[str]:
    """What was missed of the figures, of finding the most requests."""
    now, before = most["ledger samples"], most["ledger before"]
    ratio = before["first"][1] / now["first"][1]
    print(f"\n{FINDS[-1]:,} requests: {ratio:.1f} times less of the processors' time than before")
    missed = []
    for how in ("samples", "scattered"):
        seconds = min(most[f"ledger {how}"][name][0] for name in ("first", "again"))
        if seconds > SECONDS:
            missed.append(f"{how}: {seconds:.1f} s, expected {SECONDS:g} at most")
        if (memory := most[f"ledger {how}"]["again"][2]) > MEBIBYTES:
            missed.append(f"{how}: {memory:,.0f} MiB, expected {MEBIBYTES:,} at most")
    return missed


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument(
        "--folder", help="where the ledger is built and removed again (default: the system's temporary)"
    )
    parser.add_argument("--filled", metavar="STORE", help="one that was filled before with so many rows, and stays")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(json.loads(given.one))
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        store = given.filled or f"{folder}/store"
        if not given.filled:
            fill(store, given.rows)
        missed = ask_at_once(folder) + report(store, given.rows)
    print("\n".join(missed) or "all figures are kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
