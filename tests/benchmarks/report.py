"""The report of a release at size: its time, its memory, its bytes, and how soon Chromium has it interactive.

python -m tests.benchmarks.report [--rows 600000] [--folder DIR]     needs 2 GB of disk for 600,000 rows

Three reports are made, each in a process of its own whose peak memory counts, interpreter and libraries included: that of
publication, from the tables of a build (solutions verified, judged, estimated, agreed on and classified: as many rows in
each), with what changed since an earlier release; that of `errata report` from the rows of a release that was published
without statistics; and that of the same release with `--compare` the earlier one. Of the earlier one's as many rows one in a
hundred is in it alone, and one in twenty has another type, another one another step, another one another verdict. Tables and
releases hold made-up rows; no model is asked. Chromium opens the first page five times: it is interactive when search, filters
and links answer; its pictures are there from the beginning. Beside it stands a page with one plot as Altair saves it
(inline). It exits with 1 where a figure is missed: 30 s, 1 GiB, 3 MB, 1 s.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from errata.cli import text as terminal

from catalog.publish.publish import View, publish
from catalog.storage import Store
from catalog.tables import Manifest, PartitionCommit, sum_commits
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from schemas.frames import to_polars_schema
from tasks import TASKS
from tasks.sources.content_ids import digest
from tasks.synthetic.problems import make_problem
from tests.benchmarks.releases import PHRASES

SECONDS, MEMORY, BYTES, INTERACTIVE = 30.0, 2**30, 3_000_000, 1.0
PART, SAMPLES, LOADS = 10_000, 8, 5
ROOT = Path(__file__).parents[2]
RECIPE = """\
corpus: big
version: 1.0.0
title: Six hundred thousand mistakes
license: MIT
models: {one: {engine: openai, model: big, url: "http://127.0.0.1:1/v1"}, two: {engine: openai, model: small}}
tables:
  problems: {task: world, count: 10, level: 1}
  solutions: {task: generate, from: problems, models: [one], sampling: [{temperature: 1, samples: 8}], max_tokens: 50}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  judged: {task: judge, from: verified, models: [one, two], prompt: abacus-judge}
  estimated: {task: estimate, from: judged, model: one, method: every-step, rollouts: 4, max_tokens: 50}
  agreed: {task: agree, from: estimated}
  typed: {task: classify, from: agreed, taxonomy: lemma, models: [one]}
  release: {task: release, from: typed, splits: {train: 0.9, test: 0.1}}
"""
PROGRAMS = [make_problem(0, number, 2).program.dump() for number in range(100)]
TYPES = ["calculation", "missing step", "question misinterpretation", "formula confusion", "counting", None]


def block(work: TableJob) -> pl.DataFrame:
    """A part of the widest table, but for its ids, the same whenever it is made."""
    chance = random.Random(7)
    rows = []
    for number in range(PART):
        steps = [PHRASES[(number * 7 + i * 1013) % len(PHRASES)] for i in range(4 + number % 7)]
        wrong, other = chance.randrange(-1, len(steps)), chance.randrange(-1, len(steps))
        judged = wrong if chance.random() < 0.8 else other
        soft = [round(chance.random(), 2) if i < wrong else 0.0 for i in range(len(steps))]
        rows.append({
            "set": ("gsm8k", "svamp", "asdiv")[number // SAMPLES % 3], "question": PHRASES[number // SAMPLES],
            "answer": str(number % 997), "model": f"model-{number // 64 % 50}", "sampling": "temperature 1",
            "sample": number % SAMPLES, "text": "\n".join(steps), "rationale": "\n".join(steps), "steps": steps,
            "step_rule": "lines", "verdict": chance.choice(["right", "wrong", "wrong", "undecided"]), "extracted": str(number % 3),
            "judges": ["big #0", "small #0"], "judge_labels": [wrong, judged], "judge_faults": ["", ""],
            "judge_kinds": ["", ""], "judge_reasons": [PHRASES[number], PHRASES[number + 1]], "judge_first_error": wrong,
            "judge_tokens": 80, "tokens": 120, "rollout_tokens": 400, "classifier_tokens": 30, "estimate_first_error": other,
            "estimated_by": "every-step", "soft": soft, "first_error": wrong, "error_type": chance.choice(TYPES),
            "taxonomy": "lemma@1.0.0", "program": PROGRAMS[number // SAMPLES % len(PROGRAMS)], "source": "made",
        })  # fmt: skip
    schema = to_polars_schema(work.contract)
    blank: dict[str, Any] = {
        name: [] if kind == pl.List else "" if kind == pl.String else 0 for name, kind in schema.items()
    }
    empty = {column.name: None if column.nullable else blank[column.name] for column in work.contract.columns}
    return pl.DataFrame([{name: row.get(name, empty[name]) for name in schema} for row in rows], schema=schema)


def parts(work: TableJob, base: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a table, with ids that are hashes."""
    for at in range(0, rows, PART):
        numbers = range(at, min(at + PART, rows))
        problems = {number // SAMPLES: digest("problem", str(number // SAMPLES)) for number in numbers}
        yield (
            base.head(len(numbers))
            .with_columns(
                pl.Series("solution_id", [digest("solution", str(number)) for number in numbers]),
                pl.Series("problem_id", [problems[number // SAMPLES] for number in numbers]),
            )
            .select(work.contract.names())
        )


def make(folder: Path, rows: int) -> Plan:
    """Write the tables of a build and two releases without statistics, where they are not there from an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe, store = folder / "big.yaml", str(folder / "store")
    recipe.write_text(RECIPE)
    plan = planning.make_plan(str(recipe), None, store)
    typed = plan.jobs[-2]
    base = block(typed)
    for work in plan.jobs[:-1]:
        if work.name in plan.done:
            continue
        count = rows if work.task in ("verify", "judge", "estimate", "agree", "classify", "generate") else 0
        _complete(work, base, count)
    _publish(plan, "1.0.0", parts(typed, base, rows))
    later = parts(typed, base, rows + rows // 100)
    _publish(plan, "0.9.0", (_revise_labels(part) for part in _skip_rows(later, rows // 100)))
    return planning.make_plan(str(recipe), None, store)


def _publish(plan: Plan, version: str, frames: Iterator[pl.DataFrame]) -> None:
    """Publish a release without statistics, where it is not there from an earlier run."""
    store, typed = Store(plan.store), plan.jobs[-2]
    if version in store.names("releases/big"):
        return
    view = View(typed.contract, ({"train": part} for part in frames))
    columns = [{"name": column.name, "meaning": column.meaning} for column in typed.contract.columns]
    recipe = {"title": "Big", "license": "MIT", "text": ""}
    rest = {"fingerprint": version, "recipe": recipe, "columns": {"typed": columns}, "funnel": [], "keys": {"typed": "solution_id"}}  # fmt: skip
    publish(store, "big", version, version, {"typed": view}, lambda _: ({"README.md": "# Big\n"}, rest))


def _skip_rows(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Frames without their first rows."""
    for frame in frames:
        if rows < frame.height:
            yield frame.slice(rows)
        rows = max(0, rows - frame.height)


def _revise_labels(part: pl.DataFrame) -> pl.DataFrame:
    """Rows of which one in twenty has another type, another one another first wrong step, and another one another verdict."""
    turn = pl.int_range(pl.len()) % 20
    return part.with_columns(
        error_type=pl.when(turn == 1).then(pl.lit("algebra")).otherwise("error_type"),
        first_error=pl.when(turn == 2).then(pl.col("first_error") + 1).otherwise("first_error"),
        verdict=pl.when(turn == 3).then(pl.lit("right")).otherwise("verdict"),
    ).select(part.columns)


def _complete(work: TableJob, base: pl.DataFrame, rows: int) -> None:
    """Write a table as its runner would, without running it."""
    known = [name for name in work.contract.names() if name in base.columns]
    folder = work.folder()
    receipts = []
    if rows:
        wide = base.select(known).with_columns(
            pl.lit(None).alias(name) for name in work.contract.names() if name not in known
        )
        for i, part in enumerate(parts(work, wide, rows)):
            receipts.append(PartitionCommit(part.height, [folder.write(f"parts/{i:05d}.parquet", part)]))
    task = TASKS[work.task]
    receipt = sum_commits(receipts)
    folder.complete(
        Manifest(work.fingerprint, work.task, task.version, {}, work.lineage(), list(work.contract.names()), receipt)
    )


MEASURED = """
import json, resource, sys, time
from pathlib import Path
began = time.perf_counter()
folder, form, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
store = str(folder / "store")
import errata
release = errata.open_release("big@1.0.0", store)
if form == "tables":
    from flows.planning import plan as planning
    from flows.report.build import make_files
    plan = planning.make_plan(str(folder / "big.yaml"), None, store)
    made = make_files(plan, release.manifest)
    out.write_text(made["report.html"]); size = len(made["report.json"])
else:
    from flows.report.build import render_release
    earlier = errata.open_release("big@0.9.0", store) if form == "compared" else None
    out.write_text(render_release(release, earlier)); size = 0
seconds, memory = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "memory": memory, "json": size, "bytes": out.stat().st_size}))
"""


def measured(folder: Path, form: str, out: Path) -> dict[str, Any]:
    """Make a report in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'catalog'}",
        "ERRATA_CACHE": str(folder / "cache"),
    }
    command = [sys.executable, "-c", MEASURED, str(folder), form, str(out)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def saved(out: Path) -> None:
    """One plot as Altair saves it, with its JavaScript inline."""
    import altair as alt

    rows = [{"name": name, "n": len(name)} for name in PHRASES[:9]]
    data: Any = alt.Data(values=rows)  # type: ignore[no-untyped-call]
    alt.Chart(data).mark_bar().encode(x="n:Q", y="name:N").save(str(out), inline=True)


def opened(pages: list[Path]) -> list[float]:
    """Seconds until each page answers, in Chromium; the median of some loads."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("ERRATA_CHROMIUM") or shutil.which("chromium")
    if not path:
        sys.exit("no Chromium: apt-get install chromium, or name one in ERRATA_CHROMIUM")
    medians = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for file in pages:
            times = []
            for _ in range(LOADS):
                page = browser.new_page()
                page.goto(file.as_uri())
                page.wait_for_selector("html[data-ready], .vega-embed svg, .vega-embed canvas", timeout=60_000)
                ready, now = page.evaluate("() => [document.documentElement.dataset.ready ?? null, performance.now()]")
                times.append(float(now if ready is None else ready) / 1000)
                page.close()
            medians.append(statistics.median(times))
        browser.close()
    return medians


def main() -> int:
    """Measure, print the table, and say whether all figures are met."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", type=int, default=600_000, help="of each table, and released (default: 600,000)")
    given.add_argument("--folder", type=Path, help="where the tables lie, or are made (default: a temporary folder)")
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary, "made")
        make(folder, options.rows)
        pages = [Path(temporary, f"{name}.html") for name in ("tables", "rows", "compared", "altair")]
        tables, rows, compared = made = [measured(folder, page.stem, page) for page in pages[:3]]
        saved(pages[3])
        ready, theirs = opened([pages[0], pages[3]])
        peer = pages[3].stat().st_size
    met = [*map(_within, made), all(page["bytes"] < BYTES for page in made), ready < INTERACTIVE]
    lines: list[list[object]] = [
        [
            f"publication: {options.rows:,} rows, 6 tables, an earlier release",
            _spent(tables),
            "",
            "30 s, 1 GiB",
            _met(met[0]),
        ],
        [f"errata report: {options.rows:,} released rows", _spent(rows), "", "30 s, 1 GiB", _met(met[1])],
        ["errata report --compare: as many of each", _spent(compared), "", "30 s, 1 GiB", _met(met[2])],
        ["report.html", f"{max(page['bytes'] for page in made):,} bytes", f"one plot {peer:,}", "3 MB", _met(met[3])],
        ["report.json", f"{tables['json']:,} bytes", "", "", ""],
        ["Chromium: interactive", f"{ready:.2f} s", f"one plot {theirs:.2f} s", "1 s", _met(met[4])],
    ]
    print(terminal.format_table(["what", "measured", "beside: Altair", "at most", ""], lines))
    return 0 if all(met) else 1


def _within(row: dict[str, Any]) -> bool:
    return bool(row["seconds"] < SECONDS and row["memory"] < MEMORY)


def _spent(row: dict[str, Any]) -> str:
    return f"{row['seconds']:.1f} s ({row['cpu']:.1f} of the processor), {row['memory'] / 2**30:.2f} GiB"


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
