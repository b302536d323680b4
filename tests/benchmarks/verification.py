"""Measures the verifier against math-verify on recorded generations: `python -m tests.benchmarks.verification --data DIR`.

Prints pairs/s of both from the same run, the verdicts and the share that is
undecided with its 95 % interval (Wilson), how the two checkers agree, a run of
generated pairs whose truth is known, and the memory that 10,000,000 pairs
take. Exits with 1 where a figure is missed.

math-verify is asked about `--sample` pairs of each set, drawn at random from
all of them (`--sample 0`: about every distinct pair, which takes long).
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import sqrt
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import polars as pl

from tasks.verify import number, plain_text, written_numbers
from tasks.verify.algebra import formula
from tasks.verify.answer_types import formulas, read_answer
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import PAIR, judge_pairs, judge_rows, pair_answers
from tests.benchmarks.recordings import GSM, SETS, solutions
from tests.benchmarks.symbolic import measure

FASTER = {"gsm8k": 100, "zeroeval gsm": 100, "zeroeval math-l5": 10}
"""How many times math-verify's pairs/s, at least."""
UNDECIDED = {"GSM-type": 0.01, "MATH": 0.03}
"""Of the completions of all GSM-type sets; of MATH, of those that come to an end: `generate` rejects the others as
truncated, but of recordings nobody knows it before `verify`."""
MEBIBYTES = 1024
LEAST_SECONDS = 2
MILLIONS = 10
SECONDS = 6
SCHEMA: dict[str, Any] = {**dict.fromkeys(PAIR, pl.String), "options": pl.List(pl.String)}


class TimedOutError(Exception):
    """math-verify took too long over a pair."""


def _ring(_: int, __: FrameType | None) -> None:
    raise TimedOutError


def opinions(pairs: list[tuple[str, str]]) -> tuple[list[str], float]:
    """What math-verify says of pairs, asked in this process one by one, and the seconds it takes."""
    from tasks.verify.math_verify.worker import compare, watch

    watch("simplify")
    compare("1", "1")
    signal.signal(signal.SIGALRM, _ring)
    results = []
    begun = perf_counter()
    for gold, answer in pairs:
        signal.alarm(SECONDS)
        try:
            results.append(compare(gold, answer))
        except TimedOutError:
            results.append("timed out")
        except (MemoryError, RecursionError, OverflowError):
            results.append("too large")
        signal.alarm(0)
    return results, perf_counter() - begun


def forget() -> None:
    """Empty the caches, so that a set is timed from nothing."""
    compared("1", "1")  # a worker that waits, as math-verify is imported before its time runs
    compared.memory.clear()
    for cache in (
        number._read_number, plain_text.normalize_answer, written_numbers.write_figures, formula.parse_formula, read_answer, formulas.evaluate_exactly, formulas.compare_trees,
    ):  # fmt: skip
        cache.cache_clear()


def interval(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson)."""
    if not total:
        return 0.0, 1.0
    z, p = 1.96, count / total
    middle, half = p + z * z / (2 * total), z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return max(0.0, (middle - half) / (1 + z * z / total)), (middle + half) / (1 + z * z / total)


@dataclass
class Totals:
    """What is counted over all sets."""

    undecided: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    agreement: Counter[tuple[str, str]] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)


def measured(name: str, data: Path, sample: int, totals: Totals) -> None:
    """Print the line of one set, and add to the totals."""
    rows = solutions(data, name)
    pairs, _ = pair_answers(rows, "auto")
    judged, passes, taken = [], 0, 0.0
    while taken < LEAST_SECONDS:  # the small sets take less than a tenth of a second
        forget()
        begun = perf_counter()
        judged = judge_pairs(pairs, compared)
        taken += perf_counter() - begun
        passes += 1
    ours = pairs.height * passes / taken
    forget()
    begun = perf_counter()
    result = judge_rows(rows, "auto", compared)
    whole = rows.height / (perf_counter() - begun)
    counts = Counter(result["verdict"])
    broken = result.filter(undecided="breaks off").height
    open_, ended = counts["undecided"] - broken, rows.height - broken
    kind = "GSM-type" if name in GSM else "MATH"
    totals.undecided[kind] += counts["undecided"] if name in GSM else open_
    totals.rows[kind] += rows.height if name in GSM else ended
    texts = list(pairs.select("gold", "answer").iter_rows())
    chosen = random.Random(1).sample(texts, min(sample or len(texts), len(texts)))
    asked = chosen if sample else list(dict.fromkeys(chosen))
    outcome, seconds = opinions(asked)
    times = ours / (len(asked) / seconds)
    if times < FASTER.get(name, 0):
        totals.misses.append(f"{name}: {times:.0f} times math-verify's pairs/s, wanted {FASTER[name]}")
    verdict = {text: item.verdict for text, item in zip(texts, judged)}
    totals.agreement.update(
        (verdict[text], row if row in ("equal", "different") else "neither") for text, row in zip(asked, outcome)
    )
    low, high = interval(counts["undecided"], rows.height)
    print(
        f"{name:20} {rows.height:7,} {counts['right']:7,} {counts['wrong']:7,} {counts['undecided']:6,} "
        f"{counts['undecided'] / rows.height:6.2%} ({low:.2%}-{high:.2%}) {open_ / ended:8.2%} "
        f"{ours:10,.0f} {whole:9,.0f} {len(asked) / seconds:7,.0f} {times:7,.0f}",
        flush=True,
    )


def shares(totals: Totals) -> None:
    """Print what is undecided of all GSM-type sets, and of what comes to an end in MATH, with intervals."""
    for kind, most in UNDECIDED.items():
        count, rows = totals.undecided[kind], totals.rows[kind]
        low, high = interval(count, rows)
        print(f"undecided, {kind}: {count:,} of {rows:,}, {count / rows:.2%} ({low:.2%}-{high:.2%})")
        if count / rows > most:
            totals.misses.append(f"{kind}: {count / rows:.2%} undecided, wanted at most {most:.0%}")


def _dress(value: Fraction, chance: random.Random) -> str:
    """A number in one of the dresses that models give it."""
    whole = value.denominator == 1
    plain = str(value) if not whole else chance.choice([str(value), f"{int(value):,}", f"{value}.0", f"{value}.00"])
    fraction = "" if whole else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    forms = [
        plain,
        f"${plain}",
        f"**{plain}**",
        rf"\boxed{{{plain}}}",
        f"{plain}.",
        f" {plain} ",
        plain.replace("-", "−"),
        f"x = {plain}",
    ]
    forms += (
        [fraction, rf"\boxed{{{fraction}}}", rf"\({fraction}\)"]
        if fraction
        else [f"{int(value) - 3} + 3", f"{2 * int(value)}/2", f"{plain} dollars"]
    )
    return chance.choice(forms)


def fuzzed(count: int) -> list[str]:
    """Judge generated pairs whose truth is known; what came out wrong."""
    chance = random.Random(7)
    pairs, truth = [], []
    for _ in range(count):
        gold = Fraction(chance.randint(-2000, 10 ** chance.randint(1, 12)), chance.choice([1, 1, 1, 2, 3, 7, 12, 40]))
        value = (
            gold
            if chance.random() < 0.5
            else gold + Fraction(chance.choice([1, 2, 11, -7]), chance.choice([1, 1, 3, 1000]))
        )
        pairs.append((str(gold), _dress(value, chance), "number", None, "How many?", ""))
        truth.append(value == gold)
    forget()
    begun = perf_counter()
    judged = judge_pairs(pl.DataFrame(pairs, schema=SCHEMA, orient="row"), lambda *_: "timed out")
    rate = count / (perf_counter() - begun)
    false = [
        (pair[0], pair[1], item.verdict)
        for pair, item, equal in zip(pairs, judged, truth)
        if item.verdict != "undecided" and (item.verdict == "right") != equal
    ]
    undecided = sum(item.verdict == "undecided" for item in judged)
    print(f"\nfuzz: {count:,} generated pairs, {len(false)} judged falsely, {undecided} undecided, {rate:,.0f} pairs/s")
    return [f"fuzz: {len(false)} judged falsely, such as {false[:3]}"] if false else []


def many() -> None:
    """Judge 10,000,000 pairs part by part, and print the peak of memory in MiB."""
    chance = random.Random(3)
    begun = perf_counter()
    counts: Counter[str] = Counter()
    part = 200_000
    for _ in range(MILLIONS * 10**6 // part):
        golds = [str(chance.randint(0, 5000)) for _ in range(part)]
        answers = [gold if chance.random() < 0.8 else f"{chance.randint(0, 5000)}.0" for gold in golds]
        frame = pl.DataFrame(
            {"gold": golds, "answer": answers, "kind": ["number"] * part, "options": [None] * part, "question": ["?"] * part, "context": [""] * part},
            schema=SCHEMA,
        )  # fmt: skip
        counts.update(pair.verdict for pair in judge_pairs(frame, compared))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"pairs": sum(counts.values()), "peak": peak, "seconds": round(perf_counter() - begun, 1)}))


def memory() -> list[str]:
    """The memory of 10,000,000 pairs in a process of their own."""
    reply = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.verification", "--many"], capture_output=True, text=True, check=True
    )
    document = json.loads(reply.stdout)
    print(
        f"memory: {document['pairs']:,} pairs in {document['seconds']} s (with their making), {document['peak']} MiB at most"
    )
    return [] if document["peak"] <= MEBIBYTES else [f"memory: {document['peak']} MiB, wanted at most {MEBIBYTES}"]


def main() -> int:
    """Run all, print the tables, and say what was missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, help="the folder of recorded generations")
    arguments.add_argument(
        "--sample", type=int, default=1000, help="pairs of each set that math-verify is asked about; 0 for all"
    )
    arguments.add_argument("--fuzz", type=int, default=100_000)
    arguments.add_argument("--many", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.many:
        many()
        return 0
    if chosen.data is None:
        arguments.error("--data DIR is needed")
    print(
        f"{'set':20} {'rows':>7} {'right':>7} {'wrong':>7} {'undec.':>6} {'share (95 %)':>22} {'of ended':>8} {'pairs/s':>10} {'texts/s':>9} {'m-v/s':>7} {'times':>7}"
    )
    totals = Totals()
    for name in SETS:
        if name.split()[-1] not in ("AQUA", "StrategyQA", "date"):  # letters, yes or no, dates: math-verify reads none
            measured(name, chosen.data, chosen.sample, totals)
    print()
    shares(totals)
    print("\nours       math-verify   pairs asked")
    for (ours, theirs), count in sorted(totals.agreement.items()):
        print(f"{ours:10} {theirs:12} {count:8,}")
    print()
    symbolic = measure(chosen.data, chosen.sample, opinions, interval)
    misses = totals.misses + symbolic + fuzzed(chosen.fuzz) + memory()
    for miss in misses:
        print(f"MISSED  {miss}")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
