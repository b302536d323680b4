"""Measures near-deduplication against rensa, datasketch and datatrove: `python -m tests.benchmarks.deduplication`.

    for peer in rensa datasketch "datatrove[processing] spacy"; do
        python -m venv peers/${peer%%[*} && peers/${peer%%[*}/bin/pip install $peer
    done
    python -m tests.benchmarks.deduplication --peers peers

`--peers` is the folder of those environments; without it the peers are left
out, and their figures with them. Prints texts/s of each from texts to the end
of its work in one run (ours with every pair verified, rensa's and datasketch's
candidates alone; rensa's is read once more without its shingling, which is
Python's), medians of --rounds runs in turn, beside it by processor time, which other
work on the machine changes less; recall and false pairs among planted ones, and the memory.
Exits with 1 where a figure is missed, and with 2 where a peer is missing.

    python -m tests.benchmarks.deduplication --large 10000000 --folder DIR

deduplicates so many rows in one piece and in shares, each in a process of its own with at most 4 GiB, and compares what
they reject; DIR takes some 0.6 GB a million rows meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import polars as pl

from tasks.dedup.deduplicate import DEDUPLICATE, DeduplicateParameters
from tasks.dedup.duplicates import DuplicateRules, Repeats
from tests.benchmarks.deduplication_peers import shingles

TEXTS = 300_000
SAMPLES = {"rensa": TEXTS, "datasketch": 10_000, "datatrove": 30_000}
"""Texts that each peer is given, the first so many: the slow ones get fewer, and are compared by texts/s."""
TIMES = {"rensa": 1 / 1.5, "rensa, unshingled": 1 / 1.5, "datasketch": 50, "datatrove": 3}
"""How many times a peer's texts/s ours must be."""
RECALL = 0.99
THRESHOLD = 0.8
PART = 4096
MEMORY = 4096
"""MiB that the deduplication of many rows takes at most, texts and libraries included."""
PROBLEM = 100
"""Of many rows those of one problem."""
PEER = Path(__file__).with_name("deduplication_peers.py")


def generated(count: int) -> Iterator[str]:
    """Solutions of some 400 characters, each third one the one before with few words changed."""
    chance = random.Random(1)
    vocabulary = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(2, 10))) for _ in range(20_000)
    ]
    words: list[str] = []
    for i in range(count):
        if i % 3 == 2:
            for place in chance.sample(range(len(words)), chance.randrange(1, 4)):
                words[place] = chance.choice(vocabulary)
        else:
            words = [
                vocabulary[min(int(chance.paretovariate(0.6)), 20_000) - 1] for _ in range(chance.randrange(50, 70))
            ]
            for place in range(8, len(words), 12):
                a, b = chance.randrange(2, 99), chance.randrange(2, 99)
                words[place] = f"{a} + {b} = {a + b},"
        yield " ".join(words)


def similarity(text: str, other: str) -> float:
    """Jaccard of the shingles, as strings."""
    a, b = set(shingles(text)), set(shingles(other))
    return len(a & b) / len(a | b)


def are_repeats(text: str, other: str) -> bool:
    """Whether two texts are as alike as asked, and have the same numbers and operators in the same order."""
    figures, others = (re.findall(r"\d+|[+=]", value) for value in (text, other))
    return figures == others and similarity(text, other) >= THRESHOLD


def ours(place: str, count: int) -> dict[str, Any]:
    """Time and memory of ours, in this process, and what it rejects."""
    with open(place) as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(count))]
    ids = [f"{i:024x}" for i in range(count)]
    table = pl.DataFrame(
        {"solution_id": ids, "problem_id": ["p"] * count, "rationale": texts, "extracted": ["7"] * count}
    )
    parts = [table[at : at + PART] for at in range(0, count, PART)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parameters = DeduplicateParameters(by=["near"], scope="all", similarity=THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:  # the first call imports and compiles; the peers' is not timed either
        list(DEDUPLICATE.run([table[:50]], [], parameters, Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        begun, worked = perf_counter(), process_time()
        result = pl.concat([pl.DataFrame(schema={"key": pl.String, "detail": pl.String})] + [
            frame.select("key", "detail") for frame in DEDUPLICATE.run(parts, [], parameters, Path(folder))
        ])  # fmt: skip
        seconds, worked = perf_counter() - begun, process_time() - worked
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    keepers = result["detail"].str.extract("to ([0-9a-f]{24})")
    pairs = [(int(a, 16), int(b, 16)) for a, b in zip(result["key"], keepers) if b is not None]
    return {
        "texts": count, "seconds": seconds, "worked": worked, "shingling": 0.0, "grown": grown / 1024, "pairs": pairs,
    }  # fmt: skip


def _generate_parts(count: int) -> Iterator[pl.DataFrame]:
    """Rows as a table holds them, part by part."""
    texts = generated(count)
    for at in range(0, count, PART):
        some = list(islice(texts, PART))
        numbers = range(at, at + len(some))
        yield pl.DataFrame(
            {
                "solution_id": [f"{number:024x}" for number in numbers],
                "problem_id": [f"{number // PROBLEM:024x}" for number in numbers],
                "rationale": some,
                "extracted": ["7"] * len(some),
            }
        )


def in_shares(count: int, shares: int, folder: str) -> dict[str, Any]:
    """Deduplicate many rows in so many shares, in this process: time, memory, and a digest of what is rejected."""
    rules = DuplicateRules(("exact", "near"), "all", THRESHOLD, 5, "words", None, 0.95)
    begun, worked = perf_counter(), process_time()
    digest, rejected = 0, 0
    with tempfile.TemporaryDirectory(dir=folder) as place:
        repeats = Repeats(Path(place), rules, shares)
        for part in _generate_parts(count):
            repeats.add(part)
        added = process_time() - worked
        for frame in repeats.reject():
            rejected += frame.height
            for row in frame.iter_rows():  # a sum, for they come in another order
                digest = (digest + int(hashlib.sha256(repr(row).encode()).hexdigest(), 16)) % 2**256
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {"seconds": perf_counter() - begun, "worked": process_time() - worked, "added": added}
    return {"shares": shares, "rejected": rejected, "digest": f"{digest:064x}", "peak": peak, **seconds}


def compare_shares(count: int, folder: str) -> int:
    """Print what many rows take in one piece and in shares; 1 where a figure is missed."""
    me = [sys.executable, "-m", "tests.benchmarks.deduplication", "--folder", folder, "--large", str(count), "--shares"]
    results = []
    for shares in (1, max(2, -(-count // 1_000_000))):
        results.append(result := run([*me, str(shares)]))
        print(
            f"{count:,} rows, {shares} shares: {result['rejected']:,} rejected, {result['seconds']:,.0f} s ({result['worked']:,.0f} of "
            f"processors, {result['added']:,.0f} of them to make and read texts), {result['peak']:,.0f} MiB, {result['digest'][:16]}",
            flush=True,
        )
    missed = [] if results[0]["digest"] == results[1]["digest"] else ["other rows are rejected in shares"]
    if results[1]["peak"] > MEMORY:
        missed.append(f"{results[1]['peak']:,.0f} MiB, expected {MEMORY:,} at most")
    print("\n".join(missed) or "no figure missed")
    return int(bool(missed))


def run(command: list[str]) -> dict[str, Any]:
    """The last line of a command, which is JSON."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    document: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return document


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One of several runs of the same, with the median of each of its times."""
    times = ("seconds", "worked", "shingling")
    return {**runs[0], **{name: statistics.median(run[name] for run in runs) for name in times}}


def quality(texts: list[str], pairs: list[list[int]]) -> tuple[float, int, int]:
    """Recall among planted pairs at the threshold, their number, and the pairs found that are not as alike."""
    planted = {(i, i - 1) for i in range(2, len(texts), 3) if are_repeats(texts[i], texts[i - 1])}
    result = {(a, b) for a, b in pairs}
    false = sum(not are_repeats(texts[a], texts[b]) for a, b in result - planted)
    return len(result & planted) / len(planted), len(planted), false


def main() -> int:
    """Print the table; the number of figures that are missed decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="folder of the peers' environments")
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    parser.add_argument("--large", type=int, help="so many rows, in one piece and in shares")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where these are kept meanwhile")
    parser.add_argument("--shares", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.large:
        if given.shares:
            print(json.dumps(in_shares(given.large, given.shares, given.folder)))
            return 0
        return compare_shares(given.large, given.folder)
    if given.ours:
        print(json.dumps(ours(given.ours, given.texts)))
        return 0
    peers = {name: Path(given.peers) / name / "bin" / "python" for name in SAMPLES} if given.peers else {}
    if missing := [str(path) for path in peers.values() if not path.exists()]:
        print(f"no {', '.join(missing)}; see --help for how to make the environments", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/texts.jsonl"
        texts = list(generated(given.texts))
        Path(place).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        me = [sys.executable, "-m", "tests.benchmarks.deduplication", "--ours", place, "--texts"]
        commands = {"": [*me, str(given.texts)]} | {
            name: [str(path), str(PEER), name, place, str(min(SAMPLES[name], given.texts))]
            for name, path in peers.items()
        }
        rounds = [{name: run(command) for name, command in commands.items()} for _ in range(given.rounds)]
        third = run([*me, str(given.texts // 3)])
    values = {name: median([item[name] for item in rounds]) for name in commands}
    if "rensa" in values:
        values["rensa, unshingled"] = _unshingled(values["rensa"])
    return _report(texts, values.pop(""), third, values)


def _unshingled(row: dict[str, Any]) -> dict[str, Any]:
    """A peer's times without those of its shingling."""
    spent = row["shingling"]
    return {**row, "seconds": row["seconds"] - spent, "worked": row["worked"] - spent, "shingling": 0.0}


def _report(texts: list[str], row: dict[str, Any], third: dict[str, Any], value: dict[str, dict[str, Any]]) -> int:
    """Print what was measured; 1 where a figure is missed."""
    speed = row["texts"] / row["seconds"]
    print(
        "| near-duplicates | texts | s | of it shingling | texts/s | ours is faster | by processor time | wanted |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    print(f"| ours, every pair verified | {row['texts']:,} | {row['seconds']:.1f} | | {speed:,.0f} | | | |")
    missed = 0
    for name, item in value.items():
        times = speed * item["seconds"] / item["texts"]
        worked = row["texts"] / row["worked"] * item["worked"] / item["texts"]
        missed += times < TIMES[name]
        print(
            f"| {name} | {item['texts']:,} | {item['seconds']:.1f} | {item['shingling']:.1f} | {item['texts'] / item['seconds']:,.0f} "
            f"| {times:.2f} | {worked:.2f} | {TIMES[name]:.2f} |"
        )
    recall, planted, false = quality(texts, row["pairs"])
    missed += (recall < RECALL) + (false > 0)
    slope = (row["grown"] - third["grown"]) / (row["texts"] - third["texts"]) * 1e6
    print(
        f"\nrecall {recall:.4f} of {planted:,} planted pairs (wanted {RECALL}), false pairs {false} of {len(row['pairs']):,}"
    )
    print(f"memory {row['grown']:,.0f} MiB above that of the texts; a million rows more take {slope:,.0f} MiB")
    print(f"{missed} figures missed" if missed else "no figure missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
