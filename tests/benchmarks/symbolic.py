"""Measures the verifier on symbolic answers: the cases file, golds rewritten and changed, recorded completions of MATH.

Part of `python -m tests.benchmarks.verification --data DIR`; alone: `python -m tests.benchmarks.symbolic --data DIR`.
Exits with 1 where a figure is missed.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from tasks.verify.compare import choose_answer_kind
from tasks.verify.math_verify.pool import compared
from tasks.verify.memo import VerdictCache
from tasks.verify.task import PAIR, judge_pairs, judge_rows
from tests.benchmarks.symbolic_changes import OPEN
from tests.benchmarks.symbolic_pairs import Pair, make_pairs

CASES_DECIDED = 0.92
FALSE_RIGHT, FALSE_WRONG, UNDECIDED = 0.0005, 0.001, 0.06
MATH_UNDECIDED = 0.04
FASTER = 10
LEAST_PAIRS = 50_000
EACH = 31
"""Rewritings and as many changes of each gold."""
SCHEMA: dict[str, Any] = {**dict.fromkeys(PAIR, pl.String), "options": pl.List(pl.String)}
ROW: dict[str, Any] = {
    name: pl.List(pl.String) if name == "options" else pl.String
    for name in ("answer", "options", "rationale", "stated", "text", "question")
}
Opinions = Callable[[list[tuple[str, str]]], tuple[list[str], float]]
Interval = Callable[[int, int], tuple[float, float]]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _row(gold: str, completion: str, question: str, options: list[str] | None = None) -> dict[str, Any]:
    return {
        "answer": gold,
        "options": options,
        "rationale": completion,
        "stated": None,
        "text": completion,
        "question": question,
    }


def judge_cases(data: Path) -> list[str]:
    """The cases file: each verdict against the one expected."""
    cases = list(_lines(data / "answers" / "pairs.jsonl"))
    rows = [_row(case["gold"], case["completion"], case["question"], case.get("options")) for case in cases]
    verdicts = judge_rows(pl.DataFrame(rows, schema=ROW), "auto", compared)["verdict"]
    counts = Counter(zip((case["expected"] for case in cases), verdicts))
    false = [
        case["id"] for case, verdict in zip(cases, verdicts) if verdict != "undecided" and verdict != case["expected"]
    ]
    decided = sum(count for (expected, verdict), count in counts.items() if expected == verdict)
    print(
        f"cases: {len(cases)}, as expected {decided} ({decided / len(cases):.1%}), judged falsely {len(false)}, {dict(counts)}"
    )
    misses = [f"cases: judged falsely {false}"] if false else []
    return misses + ([f"cases: {decided / len(cases):.1%} as expected"] if decided / len(cases) < CASES_DECIDED else [])


def golds(data: Path) -> list[str]:
    """The gold answers of MATH-500 and OlympiadBench."""
    answers = [line["answer"] for line in _lines(data / "math500" / "test.jsonl.gz")]
    for line in _lines(data / "olympiadbench" / "test.jsonl.gz"):
        answers += (
            line["final_answer"] if isinstance(line["final_answer"], list) else ast.literal_eval(line["final_answer"])
        )
    return answers


def measure_pairs(data: Path, sample: int, ask: Opinions, interval: Interval) -> list[str]:
    """Rewritten and changed golds, of which the truth is known; math-verify on a sample of them."""
    chance = random.Random(11)
    pairs: list[Pair] = [pair for gold in golds(data) for pair in make_pairs(gold, EACH, chance)]
    kinds = {gold: choose_answer_kind(gold, None) for gold in {pair.gold for pair in pairs}}
    frame = pl.DataFrame(
        [(pair.gold, pair.answer, kinds[pair.gold], None, "", "") for pair in pairs], schema=SCHEMA, orient="row"
    )
    compared("1", "1")
    compared.memory.clear()
    begun = perf_counter()
    judged = judge_pairs(frame, compared, VerdictCache("none", "0"))
    seconds = perf_counter() - begun
    verdicts = [judgement.verdict for judgement in judged]
    opinions = [judgement.opinion for judgement in judged]
    print(f"\nsymbolic: {len(pairs):,} pairs of {len(kinds)} golds in {seconds:.1f} s, {len(pairs) / seconds:,.0f} pairs/s; "
          f"math-verify was asked about {sum(opinion is not None for opinion in opinions):,}")  # fmt: skip
    misses = _count("ours", pairs, verdicts, interval)
    if len(pairs) < LEAST_PAIRS:
        misses.append(f"symbolic: {len(pairs)} pairs, wanted {LEAST_PAIRS}")
    chosen = random.Random(5).sample(range(len(pairs)), min(sample or len(pairs), len(pairs)))
    replies, taken = ask([(pairs[at].gold, pairs[at].answer) for at in chosen])
    theirs = [{"equal": "right", "different": "wrong"}.get(reply, "undecided") for reply in replies]
    times = (len(pairs) / seconds) / (len(chosen) / taken)
    print(
        f"math-verify: {len(chosen):,} of them in {taken:.1f} s, {len(chosen) / taken:,.0f} pairs/s; ours is {times:.0f} times as fast"
    )
    _count("math-verify", [pairs[at] for at in chosen], theirs, interval)
    _list_disagreements([(pairs[at].gold, pairs[at].answer, verdicts[at]) for at in chosen], theirs)
    if times < FASTER:
        misses.append(f"symbolic: {times:.1f} times math-verify's pairs/s, wanted {FASTER}")
    return misses


def _list_disagreements(judged: list[tuple[str, str, str]], theirs: list[str]) -> None:
    """Print how the two checkers agree on pairs, and each on which they contradict each other, proved by ours or not."""
    table = Counter((verdict, reply) for (_, _, verdict), reply in zip(judged, theirs))
    print("  ours       math-verify  pairs")
    for (ours, reply), count in sorted(table.items()):
        print(f"  {ours:10} {reply:12} {count:6,}")
    contradicted = [
        (gold, answer, verdict, reply)
        for (gold, answer, verdict), reply in zip(judged, theirs)
        if {verdict, reply} == {"right", "wrong"}
    ]
    for gold, answer, verdict, reply in dict.fromkeys(contradicted):
        print(f"  gold {gold} | {answer} | ours {verdict}, math-verify {reply}")


def _count(name: str, pairs: list[Pair], verdicts: list[str], interval: Interval) -> list[str]:
    """Print what is false and undecided, by type and by change; what is missed."""
    total = len(pairs)
    false_right = [pair for pair, verdict in zip(pairs, verdicts) if verdict == "right" and not pair.same]
    false_wrong = [pair for pair, verdict in zip(pairs, verdicts) if verdict == "wrong" and pair.same]
    open_ = [pair for pair, verdict in zip(pairs, verdicts) if verdict == "undecided" and pair.change not in OPEN]
    closed = sum(pair.change not in OPEN for pair in pairs)
    shown = []
    misses = []
    for label, group, of, most in (
        ("false right", false_right, total, FALSE_RIGHT), ("false wrong", false_wrong, total, FALSE_WRONG), ("undecided", open_, closed, UNDECIDED),
    ):  # fmt: skip
        low, high = interval(len(group), of)
        shown.append(f"{label} {len(group):,} of {of:,} = {len(group) / of:.3%} ({low:.3%}-{high:.3%})")
        if len(group) / of > most:
            misses.append(f"{name}, symbolic: {label} {len(group) / of:.3%}, wanted at most {most:.3%}")
    print(f"{name}: " + "; ".join(shown))
    for what, key in (("type", "type"), ("change", "change")):
        counts = {
            label: Counter(getattr(pair, key) for pair in group)
            for label, group in (("right", false_right), ("wrong", false_wrong), ("open", open_))
        }
        for value, count in sorted(Counter(getattr(pair, key) for pair in pairs).items()):
            print(
                f"  {what:6} {value:20} {count:7,}  false right {counts['right'][value]:5}  false wrong {counts['wrong'][value]:5}  undecided {counts['open'][value]:6}"
            )
    for label, group in (("false right", false_right), ("false wrong", false_wrong)):
        for pair in group[:25] if name == "ours" else []:
            print(f"  {label}: {pair.gold} | {pair.answer} | {pair.change}")
    return misses


def judge_recordings(data: Path, ask: Opinions) -> list[str]:
    """Recorded completions of MATH beside their authors' scores and math-verify; each difference is listed."""
    rows, scores, preds = [], [], []
    for line in _lines(data / "math-cot" / "math_cot_100.jsonl.gz"):
        texts, marks, predictions = (
            ast.literal_eval(line[key]) if isinstance(line[key], str) else line[key]
            for key in ("code", "score", "pred")
        )
        for text, mark, prediction in zip(texts, marks, predictions):
            rows.append(_row(line["gt"], text, line["question"]))
            scores.append(bool(mark))
            preds.append(prediction)
    verdicts = judge_rows(pl.DataFrame(rows, schema=ROW), "auto", compared)
    undecided = verdicts.filter(verdict="undecided").height
    print(
        f"\nmath-cot: {len(rows)} completions, {dict(Counter(verdicts['verdict']))}, undecided {undecided / len(rows):.2%}"
    )
    differences = Counter(
        (row["answer"], judged["extracted"], judged["verdict"], judged["undecided"], score)
        for row, judged, score in zip(rows, verdicts.iter_rows(named=True), scores)
        if judged["verdict"] != ("right" if score else "wrong")
    )
    for (gold, answer, verdict, why, score), count in differences.items():
        print(
            f"  {count} x gold {gold} | ours {answer} {verdict} {why or ''} | the authors {'right' if score else 'wrong'}"
        )
    distinct = {
        (row["answer"], judged["extracted"]): judged["verdict"]
        for row, judged in zip(rows, verdicts.iter_rows(named=True))
        if judged["extracted"]
    }
    replies, _ = ask(list(distinct))
    print(
        f"math-cot and math-verify, {len(distinct)} distinct pairs, also those whose difference is proved and of which it is not asked:"
    )
    _list_disagreements(
        [(gold, answer, verdict) for (gold, answer), verdict in distinct.items()],
        [{"equal": "right", "different": "wrong"}.get(reply, "undecided") for reply in replies],
    )
    return [f"math-cot: {undecided / len(rows):.2%} undecided"] if undecided / len(rows) > MATH_UNDECIDED else []


def measure(data: Path, sample: int, ask: Opinions, interval: Interval) -> list[str]:
    """All three parts; what was missed."""
    return judge_cases(data) + measure_pairs(data, sample, ask, interval) + judge_recordings(data, ask)


if __name__ == "__main__":
    from tests.benchmarks.verification import interval, opinions

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=1000, help="pairs that math-verify is asked about; 0 for all")
    chosen = parser.parse_args()
    missed = measure(chosen.data, chosen.sample, opinions, interval)
    for miss in missed:
        print(f"MISSED  {miss}")
    sys.exit(1 if missed else 0)
