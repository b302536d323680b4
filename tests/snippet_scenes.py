"""What must lie there before the commands of a page can run: recipes on fewer problems, releases, files of made-up rows."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import errata
import polars
from errata.cli.command import main

from catalog.declarations import FORMATS
from tests.building import build
from tests.endpoints import OWNERS, SERVERS
from tests.faulty_server import FaultyServer
from tests.flows.calibration.test_calibrate import RECIPE, Judge, write_gold
from tests.loopback import serve
from tests.prefect_server import find_port
from tests.snippets import ROOT
from tests.test_examples import answer

COUNT = 40
"""Problems of the world in each recipe that has some: enough of each kind of row."""
WHERE = {"1.0.0": "solution_id < '8'", "1.1.0": "solution_id < 'c'", "1.2.0": "sample >= 0"}
MWPES = """\
corpus: mwpes
version: {version}
title: Mistakes of two models on twelve word problems
license: Apache-2.0
tables:
  solutions: {{task: import, files: solutions.csv, question: question, answer: gold, model: model, sample: sample, text: solution}}
  trusted: {{task: gold, from: solutions}}
  steps: {{task: split, from: trusted}}
  verified: {{task: verify, from: steps}}
  wrong: {{task: select, from: verified, where: "verdict = 'wrong' AND {where}", because: [verdict]}}
  mistakes: {{task: locate, from: wrong}}
  stepwise: {{task: view, from: mistakes, format: stepwise}}
  release: {{task: release, from: [mistakes, stepwise], splits: {{train: 0.7, test: 0.3}}}}
"""
"""The corpus whose releases the pages compare, load and sign."""


@dataclass
class Scene:
    """Where the commands of a page run, and what its placeholders stand for there."""

    folder: Path
    words: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """The environment of its commands."""
    served: ExitStack = field(default_factory=ExitStack)
    """What answers them as long as it is entered."""
    behind: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What is done behind a command, before the next."""

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    def fill_in(self, text: str) -> str:
        """A text with what the placeholders stand for."""
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text


def prepare(folder: Path) -> None:
    """What all pages need: the repository's recipes and examples, and a store with releases of two corpora."""
    for path in ("catalog/recipes", "docs/examples"):
        shutil.copytree(ROOT / path, folder / path)
    for recipe in (folder / "catalog/recipes").glob("*.yaml"):
        reduce(recipe)
    install(folder)
    abacus = folder / "catalog/recipes/abacus.yaml"
    text = abacus.read_text("utf-8").partition("\n# what a release must satisfy")[0]  # of a thousand problems
    abacus.write_text(text.replace("mistakes, flawed,", "mistakes,"), "utf-8")
    build(abacus, folder / "store")
    publish_mwpes(folder / "catalog/recipes", folder / "store", *WHERE)


def install(folder: Path) -> None:
    """What `make` finds installed: all that it would look at is there, and older than its stamp."""
    for path in ("infra/supply/uv.txt", "infra/compose.env.example", "infra/prefect.env", "Makefile"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith(".installed"):
            (folder / ".venv" / entry.name).symlink_to(entry)
    for path in (".uv/bin/uv", "uv.lock", "pyproject.toml", ".venv/.installed"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def publish_mwpes(recipes: Path, store: Path, *versions: str) -> None:
    """Releases of a small corpus under the name that the pages use."""
    shutil.copy(ROOT / "docs/examples/own-csv/solutions.csv", recipes)
    for version in versions:
        (recipes / "mwpes.yaml").write_text(MWPES.format(version=version, where=WHERE[version]), "utf-8")
        build(recipes / "mwpes.yaml", store)


def write_own_files(scene: Scene) -> None:
    """Problems in a CSV, and solutions of each as JSON lines."""
    with (ROOT / "docs/examples/own-csv/solutions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    ids = {question: f"p{number}" for number, question in enumerate({row["question"]: 0 for row in rows})}
    with (scene.folder / "problems.csv").open("w") as stream:
        problems = csv.writer(stream)
        problems.writerow(["id", "question", "answer"])
        problems.writerows({(ids[row["question"]], row["question"], row["gold"]): 0 for row in rows})
    lines = [
        json.dumps({"id": ids[row["question"]], "model": row["model"], "solution": row["solution"]}) for row in rows
    ]
    (scene.folder / "solutions.jsonl").write_text("\n".join(lines) + "\n")


def write_generations(scene: Scene) -> None:
    """A folder of generations."""
    shutil.copytree(ROOT / "catalog/recipes/sample", scene.folder / "generations")


def write_keys(scene: Scene) -> None:
    """A key to sign with, those who may, and a row of the release that is signed."""
    key = scene.folder / ".ssh/id_ed25519"
    key.parent.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "us", "-f", str(key)], check=True)
    (scene.folder / "signers").write_text(f"us {key.with_suffix('.pub').read_text()}")
    rows = errata.load("mwpes@1.2.0", view="mistakes", split="train", store=scene.store)
    scene.words |= {"FILE": "signers", "ROW": str(rows["solution_id"][0])}


def write_labels(scene: Scene) -> None:
    """Labels of first wrong steps, of the corpus whose truth is known."""
    rows = errata.load("abacus@0.7.0", view="mistakes", split="train", store=scene.store)
    rows = rows.select(["solution_id", "first_error", "steps"]).to_pylist()
    (scene.folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def drop_gates(folder: Path) -> None:
    """What releases of hundreds of problems must satisfy, which few cannot."""
    for recipe in folder.glob("*.yaml"):
        recipe.write_text(
            re.sub(r"^gates:\n(?: .*\n|#.*\n)*", "", recipe.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
        )


def reduce(recipe: Path) -> None:
    """Have a recipe make fewer problems."""
    recipe.write_text(re.sub(r"count: \d+", f"count: {COUNT}", recipe.read_text("utf-8")), "utf-8")


def pin(scene: Scene) -> None:
    """The digest of a release, of which a page shows the beginning, and its tag."""
    assert main(["tag", "mwpes@1.2.0", "stable", "--store", scene.store]) == 0
    digest = errata.open_release("mwpes@1.2.0", scene.store).pin.partition("#")[2]
    scene.words["sha256:9f2c…"] = digest


def have_no_server(scene: Scene) -> None:
    """No Prefect server but one that the page starts, at a port that is free."""
    port = find_port()
    del scene.variables["PREFECT_API_URL"]
    scene.variables |= {"PREFECT_SERVER_API_PORT": str(port), "ERRATA_STORE": scene.store}
    scene.words = {"127.0.0.1:4200": f"127.0.0.1:{port}"}


def ask(scene: Scene, recipe: Path, server: FaultyServer) -> None:
    """Put a server in the place of the endpoint that a recipe names."""
    text = recipe.read_text("utf-8")
    recipe.write_text(re.sub(r"url: \S+", f"url: {scene.served.enter_context(server).url}", text), "utf-8")


def ask_solver(scene: Scene) -> None:
    """A model that solves the example's problems, and judges."""
    ask(scene, scene.folder / "docs/examples/own-endpoint/recipe.yaml", FaultyServer(answer))


def ask_preset(scene: Scene) -> None:
    """A server of the kind that the recipe is for; the page is read where its files are."""
    shutil.copytree(scene.folder / "docs/examples/endpoints", scene.folder, dirs_exist_ok=True)
    ask(scene, scene.folder / "vllm-serve.yaml", FaultyServer(SERVERS["vllm-serve"], OWNERS["vllm-serve"]))


def free_port(scene: Scene) -> None:
    """Generations, and a port that nobody listens at for the one that the page names."""
    write_generations(scene)
    scene.words["--port 8000"] = f"--port {find_port()}"


def ask_few(scene: Scene) -> None:
    """Recipes of few problems, one's own that is written here among them."""
    drop_gates(scene.folder / "catalog/recipes")

    def shorten() -> None:
        reduce(scene.folder / "mine.yaml")
        drop_gates(scene.folder)

    scene.behind["errata new step_pairs --as mine"] = shorten


def calibrate(scene: Scene) -> None:
    """Labels, a recipe whose model judges well in one form alone, and labels of people."""
    write_labels(scene)
    url = scene.served.enter_context(serve(Judge))
    (scene.folder / "catalog/ours.yaml").write_text(RECIPE.format(url=f"{url}/v1"), "utf-8")
    write_gold(scene.folder).rename(scene.folder / "gsm8k.json")


SCENES: Mapping[str, Callable[[Scene], None]] = {
    "README.md": write_own_files,
    "docs/corrections.md": ask_few,
    "docs/examples/endpoints/README.md": ask_preset,
    "docs/examples/own-endpoint/README.md": ask_solver,
    "docs/faults.md": have_no_server,
    "docs/labels.md": calibrate,
    "docs/own-data.md": write_own_files,
    "docs/report.md": free_port,
    "docs/releases.md": write_keys,
    "docs/schedules.md": have_no_server,
    "docs/training.md": pin,
    "infra/README.md": have_no_server,
}
"""What a page needs beside."""


def set_scene(page: str, base: Path | None, folder: Path, environment: Mapping[str, str]) -> Scene:
    """A page's own copy of what is prepared; nothing lies there without a base."""
    variables = {
        **environment,
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}",
        "BROWSER": "true",
        "PAGER": "cat",
    }
    scene = Scene(folder, {"http://127.0.0.1:4200/api": environment["PREFECT_API_URL"]}, variables)
    if base is not None:
        shutil.copytree(base, folder, symlinks=True, dirs_exist_ok=True)
        if page in SCENES:
            SCENES[page](scene)
    return scene


MADE_UP: Mapping[str, list[dict[str, object]]] = {
    "labelled.jsonl": [
        {"problem": "What is 1 + 1?", "answer": "2", "model": "finch", "steps": ["1 + 1 = 3.", "It is 3."], "annotator": "ann", "first_wrong": 1, "error_type": "slip", "comment": "no"},
        {"problem": "What is 1 + 1?", "answer": "2", "model": "finch", "steps": ["1 + 1 = 2.", "It is 2."], "annotator": "ann", "first_wrong": "N/A", "error_type": None, "comment": None},
    ],
    "problems.csv": [{"id": "p1", "question": "What is 1 + 1?", "gold": "2"}, {"id": "p2", "question": "What is 2 + 1?", "gold": "3"}],
    "solutions.jsonl": [{"problem_id": f"p{number}", "output": "So it is 2.", "model": "finch"} for number in (1, 2)],
    "gsm8k.jsonl": [{"question": f"What is {number} plus 1?", "answer": str(number + 1)} for number in range(3)],
    "gsm8k/test.jsonl.gz": [{"question": "What is 1 plus 1?"}],
    "samples.jsonl": [{"task_id": "Ours/0", "completion": "    return 2 * x\n"}],
    "gold.jsonl": [{"solution_id": "a", "gold_first_error": 0}],
    "people.jsonl": [{"id": "a", "problem": "What is 1 + 1?", "steps": ["It is 3."], "label": 0, "final_answer_correct": False}],
}  # fmt: skip
"""Files that parts of recipes name, with rows of the fields that they are read by."""


def write_sources(folder: Path, recipe: Mapping[str, Any]) -> None:
    """The files that a recipe of a page names: made-up ones, those of the catalog, and the samples of formats."""
    for name, rows in MADE_UP.items():
        write_file(folder / name, rows)
    shutil.copytree(ROOT / "catalog/recipes/sample", folder / "sample")
    shutil.copy(ROOT / "docs/examples/own-csv/solutions.csv", folder)
    for table in recipe["tables"].values():
        if table.get("format") in FORMATS.shipped and table["task"] in {"load", "import"}:
            write_sample(table["format"], folder, table["files"])


def write_sample(name: str, folder: Path, pattern: str) -> None:
    """The sample of a format, its first file under a name that the recipe finds it by."""
    (first, content), *others = FORMATS.shipped[name].sample.files.items()
    place = pattern.removesuffix("*").replace("*", "a")
    kind = "" if place.endswith(Path(first).suffix) or not pattern.endswith("*") else Path(first).suffix
    for path, written in ((place + kind, content), *others):
        write_file(folder / path, written)


def write_file(path: Path, content: Any) -> None:
    """A file of a format's sample, or of made-up rows, as it lies on a disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    lines = "".join(json.dumps(line) + "\n" for line in content) if isinstance(content, list) else ""
    if kind in {".zip", ".eval"}:
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in content.items():
                archive.writestr(name, json.dumps(member))
    elif kind == ".jsonl":
        path.write_text(lines)
    elif kind == ".jsonl.gz":
        path.write_bytes(gzip.compress(lines.encode()))
    elif kind == ".csv":
        polars.DataFrame(content).write_csv(path)
    elif kind == ".parquet":
        polars.DataFrame(content).write_parquet(path)
    else:
        path.write_text(json.dumps(content))
