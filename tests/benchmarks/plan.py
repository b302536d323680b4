"""What a corpus of 10,000,000 problems with 100 solutions each would take, from measured rates: the tables of docs/scale.md.

python -m tests.benchmarks.plan                     the tables, from tests/benchmarks/rates.yaml
python -m tests.benchmarks.plan --measure STORE     bytes a row of the tables of a store, for that file
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from errata.cli import text

RATES = Path(__file__).with_name("rates.yaml")
GIB, TIB = 2**30, 2**40
MACHINE_GIB, CORES = 64, 1_000
GPU_RATES = (1_000, 5_000, 20_000)
"""Tokens a second of a GPU that the plan is shown for; none of them was measured."""


@dataclass(frozen=True)
class Stage:
    """One stage of the plan."""

    name: str
    rows: float
    hours: float
    """Of one core."""
    written: float
    """Bytes."""


@dataclass(frozen=True)
class Plan:
    """What is computed from rates and assumptions."""

    rates: Mapping[str, Any]
    share: float = 1.0
    """Of the problems: a night's new ones, or all."""

    @property
    def solutions(self) -> float:
        """Solutions that are drawn."""
        return float(self.rates["assumed"]["problems"] * self.rates["assumed"]["samples"] * self.share)

    @property
    def rows(self) -> dict[str, float]:
        """Rows that go into each stage."""
        wrong = self.solutions * self.rates["assumed"]["wrong"]
        kept = wrong * self.rates["rollouts"]["kept"]
        of_wrong = {"deduplicate": wrong, "agree": wrong, "classify": kept, "gates": kept, "release": kept}
        return {name: of_wrong.get(name, self.solutions) for name in self.rates["stages"]}

    def list_stages(self) -> Iterator[Stage]:
        """The stages that ask no model: time and bytes in proportion to the length of texts, which is an upper bound."""
        assumed = self.rates["assumed"]
        length = assumed["tokens"] * assumed["bytes a token"]
        longer, larger = length / self.rates["measured bytes"], length / self.rates["measured text bytes"]
        for name, rate in self.rates["stages"].items():
            rows = self.rows[name]
            kept = rows * (assumed["wrong"] if name == "select" else 1)
            written = kept * self.rates["stored bytes"].get(name, {"bytes": 0})["bytes"] * larger
            yield Stage(name, rows, rows * rate["micros"] * longer / 1e6 / 3600, written)

    def list_asked(self) -> list[tuple[str, float, float, float]]:
        """What asks a model: its name, requests, prompt tokens and tokens."""
        assumed, solutions = self.rates["assumed"], self.solutions
        wrong, tokens, prompt = solutions * assumed["wrong"], assumed["tokens"], assumed["prompt tokens"]
        rollouts = wrong * self.rates["rollouts"]["count"]
        return [
            ("generate", solutions, solutions * prompt, solutions * tokens),
            ("judge", wrong, wrong * (prompt + tokens), wrong * assumed["judgement tokens"]),
            # half of a solution stands in the prefix, half is written again
            ("estimate", rollouts, rollouts * (prompt + tokens / 2), rollouts * tokens / 2),
        ]  # fmt: skip


def read_rates() -> dict[str, Any]:
    """The file of rates."""
    rates: dict[str, Any] = yaml.safe_load(RATES.read_text("utf-8"))
    return rates


def format_stages(plan: Plan) -> str:
    """The stages that ask no model, as a Markdown table."""
    part = plan.rates["assumed"]["part MiB"] * 2**20
    stages = list(plan.list_stages())
    rows = [
        [
            stage.name,
            f"{stage.rows / 1e6:,.0f} M",
            f"{stage.hours:,.0f}",
            _tib(stage.written),
            _files(stage.written, part),
        ]
        for stage in stages
    ]
    written = sum(stage.written for stage in stages)
    total = ["**all**", "", f"{sum(stage.hours for stage in stages):,.0f}", _tib(written), _files(written, part)]
    return _table(
        ["stage", "rows in", "core-hours", "TiB written", f"files of {plan.rates['assumed']['part MiB']} MiB"],
        [*rows, total],
    )


def format_asked(plan: Plan) -> str:
    """What asks a model, as a Markdown table."""
    asked = plan.list_asked()
    requests_of, prompts_of, tokens_of = (
        [row[1] for row in asked],
        [row[2] for row in asked],
        [row[3] for row in asked],
    )
    asked.append(("**all**", sum(requests_of), sum(prompts_of), sum(tokens_of)))
    rows = [
        [name, f"{requests / 1e6:,.0f} M", f"{prompt / 1e12:.3f} T", f"{tokens / 1e12:.3f} T",
         *(f"{tokens / rate / 3600:,.0f}" for rate in GPU_RATES)]
        for name, requests, prompt, tokens in asked
    ]  # fmt: skip
    heads = [f"GPU-hours at {rate:,} tokens/s" for rate in GPU_RATES]
    return _table(["stage", "requests", "prompt tokens", "tokens written", *heads], rows)


def format_limits(plan: Plan) -> str:
    """What must be in one memory at once, how many rows of it fit a machine, and what all would take: worst first."""
    small, large = plan.rates["sizes"]
    limits = [("ledger", plan.rates["ledger"]["bytes"], sum(requests for _, requests, _, _ in plan.list_asked()))]
    for name, rate in plan.rates["stages"].items():
        if rate.get("whole"):
            low, high = rate["mib"]
            limits.append((name, (high - low) * 2**20 / (large - small), plan.rows[name]))
    rows = [
        [
            name,
            f"{rows / 1e6:,.0f} M",
            f"{slope:,.0f}",
            f"{MACHINE_GIB * GIB / slope / 1e6:,.0f} M",
            f"{rows * slope / GIB:,.0f} GiB",
        ]
        for name, slope, rows in sorted(limits, key=lambda limit: -limit[1] * limit[2])
    ]
    return _table(["what", "rows", "bytes a row", f"rows in {MACHINE_GIB} GiB", "memory for all"], rows)


def _tib(written: float) -> str:
    return f"{written / TIB:.2f}" if written else "–"


def _files(written: float, part: float) -> str:
    return f"{written / part:,.0f}" if written else "–"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measure_store(store: Path) -> str:
    """Rows and bytes a row of each table of a store that has ten thousand rows or more."""
    rows: list[list[object]] = []
    for table in sorted((store / "tables").iterdir()):
        files = [file for file in table.rglob("*.parquet") if "rejected" not in file.parts]
        count = sum(pq.read_metadata(file).num_rows for file in files)
        if count >= 10_000:
            size = sum(file.stat().st_size for file in files)
            rows.append([table.name.rpartition("-")[0], count, len(files), round(size / count)])
    return text.format_table(["table", "rows", "files", "bytes a row"], rows, left=1)


def list_tables() -> dict[str, str]:
    """The tables of docs/scale.md, by the names of their places in it."""
    rates = read_rates()
    whole = Plan(rates)
    night = Plan(rates, rates["assumed"]["new problems a night"] / rates["assumed"]["problems"])
    return {
        "asked": format_asked(whole), "stages": format_stages(whole), "limits": format_limits(whole),
        "night": format_asked(night),
    }  # fmt: skip


def main() -> None:
    """Print the tables, or what a store's tables take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", type=Path, metavar="STORE")
    options = parser.parse_args()
    print(measure_store(options.measure) if options.measure else "\n\n".join(list_tables().values()))


if __name__ == "__main__":
    main()
