"""Whether `deduplicate` finds repeats of mistakes, and no others: `python -m tests.benchmarks.duplicates_truth --data DIR`.

Precision and recall of each mode on labelled pairs, by kind of pair
(`tests.benchmarks.duplicates_pairs`: every repeat is the same mistake in another
form, every other pair another mistake in nearly the same form), and on the real
wrong solutions of zeroeval in `--data` how many are rejected, and how many of
those have another answer than the row kept, by the verifier's judgement.
`--earlier DIR` is a worktree of an earlier commit, whose near-deduplication is
timed beside this one's, in alternating pairs. Exits with 1 where a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.dedup.deduplicate import DEDUPLICATE, DeduplicateParameters
from tasks.dedup.embedding_sources import WORDLLAMA, EmbeddingNotInstalled, name_content
from tasks.verify.compare import choose_answer_kind
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import PAIR, VerifyParameters, judge_pairs, verify_solutions
from tests.benchmarks.deduplication import generated
from tests.benchmarks.duplicates_pairs import Pair, list_pairs
from tests.benchmarks.recordings import solutions

MODES: dict[str, dict[str, Any]] = {
    "exact": {"by": "exact"}, "mistake": {"by": "mistake"}, "path": {"by": "path"}, "near": {"by": "near"},
    "semantic": {"by": "semantic", "embedding": WORDLLAMA, "cosine": 0.9},
}  # fmt: skip
PRECISION = {"exact": 1.0, "mistake": 0.99, "path": 0.99, "near": 0.98}
RECALL = {"mistake": 0.8, "path": 0.8}
OTHER_PATH = ("steps reordered",)
"""Repeats whose path is another one: not counted in the recall of `path`."""
REAL = ("zeroeval gsm", "zeroeval math-l5")
SLOWER = 1.2
ROUNDS, TEXTS = 7, 60_000
LOT = 40
MOST_EMBEDDED = 2_000
"""Real rows that an embedding is asked about, whole problems at a time: of more it takes hours on two processors."""


def list_modes() -> dict[str, dict[str, Any]]:
    """The modes that can be tried here; semantic needs a package."""
    try:
        name_content(WORDLLAMA)
    except EmbeddingNotInstalled as error:
        print(f"semantic is left out: {error}", file=sys.stderr)
        return {name: given for name, given in MODES.items() if name != "semantic"}
    return MODES


def reject(table: pl.DataFrame, given: dict[str, Any]) -> dict[str, str]:
    """The rows that are rejected, each with the one that stays."""
    with tempfile.TemporaryDirectory() as folder:
        frames = DEDUPLICATE.run([table], [], DeduplicateParameters(**given), Path(folder))
        return {key: detail.split()[-1] for frame in frames for key, _, detail in frame.iter_rows()}


def judge_modes(pairs: Sequence[Pair], modes: dict[str, dict[str, Any]]) -> dict[str, list[bool]]:
    """Of each mode which pairs it takes for repeats."""
    rows = [
        (f"{number:05d}{side}", f"problem {number}", text, answer)
        for number, pair in enumerate(pairs)
        for side, text, answer in (("a", pair.text, pair.answer), ("b", pair.other, pair.other_answer))
    ]
    table = pl.DataFrame(rows, schema=["solution_id", "problem_id", "rationale", "extracted"], orient="row")
    # texts of few templates are all alike to an embedding, which is refused where it sees many of them
    size = {mode: LOT if given["by"] == "semantic" else len(table) for mode, given in modes.items()}
    rejected = {
        mode: {key for at in range(0, len(table), size[mode]) for key in reject(table[at : at + size[mode]], given)}
        for mode, given in modes.items()
    }
    return {mode: [f"{number:05d}b" in rejected[mode] for number in range(len(pairs))] for mode in modes}


def report_pairs(pairs: Sequence[Pair], taken: dict[str, list[bool]]) -> int:
    """Print the table by kind and the totals; how many figures are missed."""
    kinds: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        kinds[pair.same, pair.kind].append(number)
    print(f"| {len(pairs)} pairs: taken for repeats | pairs | {' | '.join(taken)} |\n|---|---|{'---|' * len(taken)}")
    for (same, kind), numbers in sorted(kinds.items(), reverse=True):
        shares = [f"{sum(values[number] for number in numbers) / len(numbers):.0%}" for values in taken.values()]
        print(f"| {'' if same else '**other:** '}{kind} | {len(numbers)} | {' | '.join(shares)} |")
    missed = 0
    for title, count in (("precision", _measure_precision), ("recall", _measure_recall)):
        figures = {mode: count(mode, pairs, values) for mode, values in taken.items()}
        print(
            f"| **{title}** | | {' | '.join('–' if value is None else f'{value:.3f}' for value in figures.values())} |"
        )
        goals = PRECISION if title == "precision" else RECALL
        missed += sum((figures.get(mode) or 0.0) < goal for mode, goal in goals.items())
    return missed


def _measure_precision(_: str, pairs: Sequence[Pair], values: Sequence[bool]) -> float | None:
    same = [pair.same for pair, value in zip(pairs, values) if value]
    return sum(same) / len(same) if same else None


def _measure_recall(mode: str, pairs: Sequence[Pair], values: Sequence[bool]) -> float | None:
    counted = [
        value for pair, value in zip(pairs, values) if pair.same and not (mode == "path" and pair.kind in OTHER_PATH)
    ]
    return sum(counted) / len(counted)


def report_real(data: Path, modes: dict[str, dict[str, Any]]) -> int:
    """Print what is rejected of real wrong solutions, and what of it has another answer; how many rows do."""
    print(
        "\n| real wrong solutions | rows | mode | rejected | with another answer | not decided |\n|---|---|---|---|---|---|"
    )
    missed = 0
    for name in REAL:
        wrong = verify_solutions(solutions(data, name), VerifyParameters()).kept.filter(verdict="wrong")
        wrong = wrong.unique("solution_id", maintain_order=True)
        for mode, given in modes.items():
            rows = take_problems(wrong, MOST_EMBEDDED) if given["by"] == "semantic" else wrong
            rejected = reject(rows.select("solution_id", "problem_id", "rationale", "extracted"), given)
            verdicts = compare_rejected(rows, rejected)
            other, undecided = verdicts.count("wrong"), verdicts.count("undecided")
            missed += other
            size = f"{len(rows):,}" if len(rows) == len(wrong) else f"{len(rows):,} of {len(wrong):,}"
            print(f"| {name} | {size} | {mode} | {len(rejected):,} | {other} | {undecided} |", flush=True)
    return missed


def take_problems(table: pl.DataFrame, most: int) -> pl.DataFrame:
    """The rows of the first problems by id, whole ones, as far as they are not more than `most` together."""
    counts = table.group_by("problem_id").len().sort("problem_id")
    taken = counts.filter(pl.col("len").cum_sum() <= most)["problem_id"]
    return table.filter(pl.col("problem_id").is_in(taken.implode()))


def compare_rejected(wrong: pl.DataFrame, rejected: dict[str, str]) -> list[str]:
    """Whether the answers of the rejected rows are those of the rows kept, as the verifier judges it: right where they are."""
    rows = {
        row["solution_id"]: row for row in wrong.select("solution_id", "extracted", "question").iter_rows(named=True)
    }
    pairs = [
        (
            rows[kept]["extracted"],
            rows[key]["extracted"],
            choose_answer_kind(rows[kept]["extracted"], None),
            None,
            rows[key]["question"],
            "",
        )
        for key, kept in rejected.items()
        if rows[key]["extracted"] != rows[kept]["extracted"]
    ]
    schema: dict[str, Any] = {**dict.fromkeys(PAIR, pl.String), "options": pl.List(pl.String)}
    return [judged.verdict for judged in judge_pairs(pl.DataFrame(pairs, schema=schema, orient="row"), compared)]


def report_speed(earlier: Path) -> int:
    """Print the processor time of near-deduplication beside that of an earlier commit; 1 where it is too slow."""
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/texts.jsonl"
        Path(place).write_text("".join(json.dumps({"text": text}) + "\n" for text in generated(TEXTS)))
        ratios = []
        for _ in range(ROUNDS):
            before, now = (_time_near(root, place) for root in (earlier, Path.cwd()))
            ratios.append(now / before)
    ratio = statistics.median(ratios)
    shown = ", ".join(f"{value:.2f}" for value in sorted(ratios))
    print(
        f"\nnear-deduplication of {TEXTS:,} texts takes {ratio:.2f} times the processor time of {earlier} ({shown}; {SLOWER} wanted)"
    )
    return int(ratio > SLOWER)


def _time_near(root: Path, place: str) -> float:
    """Processor seconds of one run in a worktree."""
    command = [sys.executable, "-m", "tests.benchmarks.deduplication", "--ours", place, "--texts", str(TEXTS)]
    environment = {**os.environ, "PYTHONPATH": f"{root}/catalog:{root}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1])["worked"])


def main(arguments: Iterable[str] | None = None) -> int:
    """Print the tables; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder of recorded generations; without it the real ones are left out"
    )
    parser.add_argument("--earlier", type=Path, help="worktree of an earlier commit, timed beside this one")
    given = parser.parse_args(None if arguments is None else list(arguments))
    modes = list_modes()
    pairs = list(list_pairs())
    missed = report_pairs(pairs, judge_modes(pairs, modes))
    if given.data:
        missed += report_real(given.data, modes)
    if given.earlier:
        missed += report_speed(given.earlier)
    print(f"\n{missed} figures missed" if missed else "\nno figure missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
