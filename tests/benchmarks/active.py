"""What asking where it pays saves: `python -m tests.benchmarks.active [--ledger FOLDER] [--quick]`.

Abacus' wrong solutions, of which the world knows the truth, labelled by `method:
active` beside witness, sequential, the judge alone and the posterior without
rollouts; no labeller sees the truth. Tokens are those of judgements and rollouts. Exits
non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from schemas.columns.gold import GOLD_STEP
from schemas.request import Reply, Request
from tasks.evaluation.score import wilson
from tasks.localize.agree import LABELS
from tasks.localize.estimate import ESTIMATE
from tasks.localize.posterior.fit import fit_rates
from tasks.localize.posterior.label import label_rows
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName
from tests.benchmarks.localisation import NAMES, PROMPTS, Asker, solved

AT_LEAST = 0.9
"""The probability that the posterior's labels have."""


def collect_solutions(asker: Asker, quick: bool) -> dict[str, pl.DataFrame]:
    """Wrong solutions with proofs and one greedy judgement, and a right solution of the problem where Abacus found one."""
    default = solved(asker, 3, 40 if quick else 700, 4)
    hard = solved(asker, 5, 30 if quick else 420, 8)
    length = pl.col("steps").list.len()
    sets = {}
    for name, every, chosen in (
        ("default", default, pl.lit(True)),
        ("long", hard, (pl.col("solved") >= 2) & length.is_between(8, 20)),
    ):
        right = every.filter(pl.col("verdict") == "right").sort("solution_id")
        right = right.group_by("problem_id").agg(right_rationale=pl.col("rationale").first())
        rows = asker.made("locate", every.filter((pl.col("verdict") == "wrong") & chosen))
        rows = asker.made("judge", rows, models=["abacus"], prompt="abacus-judge", max_tokens=1200)
        sets[name] = rows.drop("right_rationale", strict=False).join(right, on="problem_id", how="left")
    return sets


def estimate(asker: Asker, rows: pl.DataFrame, method: str) -> pl.DataFrame:
    """The solutions with the estimate of a method; that of `active` is searched for all over the table first."""
    rules = ESTIMATE.parameters.model_validate({"model": "abacus", "method": method, **PROMPTS})
    fit = ESTIMATE.fit(rules)
    if fit is not None:
        names = [name for name in rows.columns if name in fit.columns]
        rules = _carry(asker, fit.ask([rows.select(names)], rules, NAMES))
    return asker.carried(ESTIMATE.ask(rows, rules, NAMES))


def _carry(asker: Asker, conversation: Generator[Sequence[Request], Mapping[str, Reply], Any]) -> Any:
    try:
        requests = next(conversation)
        while True:
            requests = conversation.send(asker.replies(requests))
    except StopIteration as end:
        return end.value


@dataclass(frozen=True)
class Line:
    """One labeller: whether each label that it keeps is right, the surest first, and what all rows cost."""

    name: str
    rows: int
    exact: Sequence[bool]
    tokens: int

    @property
    def precision(self) -> float:
        """Of what is kept."""
        return sum(self.exact) / max(1, len(self.exact))

    def keep(self, share: float) -> Line:
        """The surest labels, as many as such a share of the rows."""
        return Line(self.name, self.rows, self.exact[: round(share * self.rows)], self.tokens)

    def keep_precise(self, precision: float) -> Line:
        """As many of the surest labels as are so precise."""
        shares = np.cumsum(self.exact) / np.arange(1, len(self.exact) + 1)
        enough = np.flatnonzero(shares >= precision)
        return Line(self.name, self.rows, self.exact[: int(enough[-1]) + 1 if len(enough) else 0], self.tokens)

    @property
    def cost(self) -> float:
        """Tokens for each right label that is kept."""
        return self.tokens / max(1, sum(self.exact))

    def __str__(self) -> str:
        kept, right = len(self.exact), sum(self.exact)
        low, high = wilson(right, kept) if kept else (0.0, 1.0)
        return (
            f"{self.name:34} {100 * kept / self.rows:5.1f} % kept  {100 * self.precision:5.1f} % right "
            f"({100 * low:.1f}-{100 * high:.1f})  {self.tokens / self.rows:6.1f} tokens a row  "
            f"{self.tokens / max(1, kept):6.1f} a kept row  {self.cost:6.1f} a right row"
        )


def read_label(name: str, rows: pl.DataFrame, label: pl.Expr, tokens: Sequence[str]) -> Line:
    """A column of labels."""
    named = rows.filter(label >= 0)
    exact = named.select(label == pl.col("truth")).to_series().to_list()
    return Line(name, rows.height, exact, sum(int(rows[column].sum()) for column in tokens))


def read_posterior(name: str, rows: pl.DataFrame, tokens: Sequence[str], wanted: Sequence[EvidenceName]) -> Line:
    """The posterior's labels, the surest first, of rates that were fitted without the truth."""
    values = rows.with_columns(pl.lit(None, pl.Int64).alias(GOLD_STEP)).to_dicts()
    labels = label_rows(values, LABELS, fit_rates(values, LABELS, wanted, False), wanted)
    ordered = sorted(zip(labels, values), key=lambda pair: (-pair[0].probability, pair[1]["solution_id"]))
    exact = [label.first_error == row["truth"] for label, row in ordered]
    return Line(name, rows.height, exact, sum(int(rows[column].sum()) for column in tokens))


def count_sure(line: Line, rows: pl.DataFrame, wanted: Sequence[EvidenceName]) -> Line:
    """Of the posterior's labels those that are probable enough."""
    values = rows.with_columns(pl.lit(None, pl.Int64).alias(GOLD_STEP)).to_dicts()
    labels = label_rows(values, LABELS, fit_rates(values, LABELS, wanted, False), wanted)
    return line.keep(sum(label.probability >= AT_LEAST for label in labels) / rows.height)


def compare(asker: Asker, rows: pl.DataFrame) -> dict[str, Line]:
    """All labellers on the same solutions, by name; those of the posterior with all their labels."""
    judge, both = ("judge_tokens",), ("judge_tokens", "rollout_tokens")
    label, judged = pl.col("estimate_first_error"), pl.col("judge_first_error")
    plain = tuple(name for name in EVIDENCE if name != "rollouts")
    lines = [read_label("judge alone", rows, judged, judge)]
    posteriors = {"posterior without rollouts": read_posterior("posterior without rollouts", rows, judge, plain)}
    shown = [count_sure(posteriors["posterior without rollouts"], rows, plain)]
    for method in ("sequential", "witness", "active"):
        frame = estimate(asker, rows, method)
        agreed = pl.when(label == judged).then(label)
        if method == "sequential":
            lines.append(read_label("rollouts alone (sequential)", frame, label, both[1:]))
        lines.append(
            read_label("active alone", frame, label, both)
            if method == "active"
            else read_label(f"{method} and judge agree", frame, agreed, both)
        )
        line = posteriors[method] = read_posterior(f"posterior with {method}", frame, both, EVIDENCE)
        shown.append(count_sure(line, frame, EVIDENCE))
        print(f"  {method}: done", file=sys.stderr)
    for each in (*lines, *shown):
        print(each)
    print(f"(posteriors at {AT_LEAST})\n")
    return {**{each.name: each for each in lines}, **posteriors}


def check(sets: Mapping[str, Mapping[str, Line]]) -> list[tuple[str, str, bool]]:
    """What is demanded, what was measured, and whether it is met."""
    default, long = sets["default"], sets["long"]
    kept = default["active"].keep_precise(0.99)
    share, cost = len(kept.exact) / kept.rows, kept.tokens / max(1, len(kept.exact))
    precision = min(0.99, default["witness"].keep(0.85).precision)
    active, witness = default["active"].keep_precise(precision), default["witness"].keep_precise(precision)
    far = long["active"].keep(0.6)
    return [
        (
            "default: precision >= 0.99 at >= 85 %, <= 180 tokens a kept row",
            f"{kept.precision:.4f} at {share:.1%}, {cost:.1f} tokens",
            share >= 0.85 and cost <= 180,
        ),
        (
            f"default, at a precision of {precision:.3f}: active's tokens a right row <= 1/2 of witness'",
            f"{active.cost:.1f} ({len(active.exact) / active.rows:.1%} kept) and {witness.cost:.1f} ({len(witness.exact) / witness.rows:.1%})",
            active.cost <= witness.cost / 2,
        ),
        ("long: precision >= 0.97 at 60 %", f"{far.precision:.4f} at 60 %", far.precision >= 0.97),
    ]


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", help="a folder that keeps the completions, so that a second run asks nothing")
    parser.add_argument("--quick", action="store_true", help="a few solutions, to see it run; the figures mean nothing")
    given = parser.parse_args()
    sets = {}
    with TemporaryDirectory() as scratch:
        asker = Asker(given.ledger or scratch)
        for name, rows in collect_solutions(asker, given.quick).items():
            steps = rows["steps"].explode().len() / rows.height
            print(f"{name}: {rows.height} wrong solutions, {steps:.1f} steps\n")
            sets[name] = compare(asker, rows)
    if given.quick:
        return 0
    figures = check(sets)
    for demanded, measured, met in figures:
        print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured}")
    return int(not all(met for *_, met in figures))


if __name__ == "__main__":
    sys.exit(main())
