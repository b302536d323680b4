"""What the rows of the recipes teach: `.venv/bin/python -m infra.teaching.benchmark --folder DIR --python TORCH_PYTHON`.

Builds the recipes `lemma`, `step_pairs` and `prm` with Abacus for each seed,
trains the shipped weights on their rows, one arm after the other, and examines
each on problems never seen. What is done is not done again: stop it at any
moment and start it again. Exits non-zero where an arm could not be trained or
has no interval; that an arm does no better than its like is a result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from errata import load

from catalog.publish.publish import PublishError
from infra.teaching import exam
from infra.teaching.arms import ARMS, Settings
from infra.teaching.corpora import build_corpora, name_corpus
from infra.teaching.table import find_lacking, make_table, write_lines
from tasks.synthetic.problems import Problem

ROOT = Path(__file__).parents[2]
UNTRAINED = "untrained"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="corpora, checkpoints, results and the table")
    parser.add_argument("--python", required=True, help="of the environment of infra/teaching/requirements.txt")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2], help="of corpora and of training")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS), help="(default: all)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rate", type=float, help="another peak learning rate, for trials in a folder of their own")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def list_seen(store: str, seeds: Sequence[int]) -> set[str]:
    """The ids of all problems that the releases of some seeds hold."""
    seen: set[str] = set()
    for seed in seeds:
        for arm in ARMS.values():
            for view, split in product(arm.views, ("train", "test")):
                rows = load(name_corpus(arm.recipe, seed), view=view, split=split, store=store)
                seen.update(rows["problem_id"].to_pylist())
    return seen


def train_arm(given: argparse.Namespace, settings: Settings, arm: str, seed: int) -> Path:
    """Train in the environment with torch; the folder with what came of it."""
    folder: Path = given.folder.resolve() / "trained" / f"{arm.replace(' ', '-')}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "arm": arm, "seed": seed, "store": str(given.folder.resolve() / "store"), "settings": asdict(settings),
        "folder": str(folder), "exam": str(given.folder.resolve() / "questions.json"), "threads": given.threads,
        "rate": given.rate,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    path = f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"
    command = [given.python, "-W", "ignore", "-m", "infra.teaching.train", str(folder / "job.json")]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path})
    return folder


class Examination:
    """The exam's problems, with the shipped model's solutions of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        self.solutions = exam.solve_exam(problems)
        self.beginnings = exam.find_beginnings(problems, self.solutions)

    def examine(self, folder: Path | None, loss: str) -> exam.Results:
        """What is measured of an arm; of the shipped model where there is no folder."""
        if folder is not None and loss == "prm":
            return exam.measure_critic(json.loads((folder / "scores.json").read_text("utf-8")), self.solutions)
        results = exam.measure_solver(exam.open_engine(folder), self.problems, self.beginnings)
        return results if folder else results | exam.measure_votes(self.solutions)


def refuse_other_settings(folder: Path, made: dict[str, Any]) -> None:
    """Hold a folder to the settings that it was begun with; `ValueError` where they are others."""
    path = folder / "settings.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_json(path, made)
    begun = json.loads(path.read_text("utf-8"))
    if begun != made:
        raise ValueError(f"{folder} was begun with {begun}, not with {made}: give another --folder")


def write_json(path: Path, value: object) -> None:
    """Write a file that is there whole, or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), "utf-8")
    part.replace(path)


def measure_arms(given: argparse.Namespace) -> int:
    """The whole benchmark; its exit code."""
    settings = Settings(**{name: getattr(given, name) for name in asdict(Settings())})
    made = asdict(settings) | {"seeds": given.seeds, "rate": given.rate}
    results = given.folder / "results"
    refuse_other_settings(given.folder, made)
    results.mkdir(exist_ok=True)
    for seed in given.seeds:
        build_corpora(given.folder, seed, settings.problems)
    problems = exam.choose_problems(settings.exam, list_seen(str(given.folder / "store"), given.seeds))
    examination = Examination(problems)
    exam.write_questions(given.folder / "questions.json", problems, examination.solutions)
    asked = [(UNTRAINED, 0), *((arm, seed) for seed in given.seeds for arm in given.arms)]
    for arm, seed in asked:
        path = results / f"{arm.replace(' ', '-')}-{seed}.json"
        if path.exists():
            continue
        folder = train_arm(given, settings, arm, seed) if arm in ARMS else None
        trained = json.loads((folder / "trained.json").read_text("utf-8")) if folder else {}
        measures = examination.examine(folder, ARMS[arm].loss if arm in ARMS else "")
        value = {"arm": arm, "seed": seed, "trained": trained, "measures": measures}
        write_json(path, value)
        print(f"{arm}, seed {seed}: {trained}", flush=True)
    table = make_table([json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))])
    (given.folder / "table.json").write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    text = "\n".join(write_lines(table)) + "\n"
    (given.folder / "table.txt").write_text(text, "utf-8")
    print(text)
    lacking = find_lacking(table)
    for row in lacking:
        print(f"{row['arm']}: nothing was counted for {row['measure']!r}; ask for more --exam", file=sys.stderr)
    return int(bool(lacking))


if __name__ == "__main__":
    try:
        sys.exit(measure_arms(parse_arguments()))
    except PublishError as error:
        sys.exit(f"teaching: {error}; its corpora are another Errata's: give another --folder")
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"teaching: {error}")
