"""The glossary: the nouns of recipes, plans, runs and stores, each with the first sentence of its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOUNS = {
    "The recipe": {
        "recipe": ("schemas", "Recipe"),
        "table": ("schemas/recipe", "Table"),
        "task": ("schemas", "Task"),
        "contract": ("schemas", "Contract"),
        "column": ("schemas/contract.py", "Column"),
        "file format": ("schemas", "FileFormat"),
        "label": ("schemas", "Label"),
        "votes": ("schemas", "Votes"),
        "gate": ("schemas", "Gate"),
        "source": ("catalog", "Source"),
        "record": ("schemas", "Record"),
        "side input": ("schemas", "SideInput"),
        "aggregate": ("schemas", "Aggregate"),
        "cut": ("schemas", "Cut"),
    },
    "The plan": {
        "plan": ("flows", "Plan"),
        "table job": ("flows", "TableJob"),
        "fingerprint": ("catalog", "compute_fingerprint"),
        "asked model": ("flows", "AskedModel"),
        "located side input": ("flows", "LocatedSideInput"),
        "topological generation": ("flows", "Plan.topological_generations"),
        "pilot sample": ("flows", "PilotSample"),
        "forecast": ("flows", "Forecast"),
        "comparison": ("flows", "Comparison"),
        "doubt": ("flows", "Doubt"),
        "guessed file": ("flows", "GuessedFile"),
        "remark": ("flows", "Remark"),
    },
    "The run": {
        "decision": ("flows", "Decision"),
        "executor": ("flows", "Executor"),
        "thread executor": ("flows", "ThreadExecutor"),
        "future": ("flows", "Future"),
        "observer": ("flows", "Observer"),
        "watcher": ("flows", "Watcher"),
        "kind": ("flows", "Kind"),
        "partition": ("flows", "Partition"),
        "batch": ("flows", "PartitionBatch"),
        "join": ("flows", "JoinKind"),
        "named input": ("schemas", "Input"),
        "chunk": ("flows", "PartitionedKind.run_chunks"),
        "unit": ("flows", "Unit"),
        "unit executor": ("flows", "UnitExecutor"),
        "unit worker": ("flows", "UnitWorker"),
        "cluster error": ("flows", "ClusterError"),
        "ray executor": ("flows", "RayExecutor"),
        "ray replicas": ("flows", "RayReplicas"),
        "ray worker": ("flows", "RayWorker"),
        "process pool": ("flows", "ProcessPool"),
        "input columns": ("flows", "InputColumns"),
        "shuffle": ("flows", "shuffle_by_problem"),
        "key table": ("flows", "KeyTable"),
        "record lookup": ("flows", "RecordLookup"),
        "kept, rejected": ("schemas", "Outcome"),
        "input rows": ("flows", "InputRows"),
        "chunk writer": ("flows", "ChunkWriter"),
        "commit": ("catalog", "PartitionCommit"),
        "verdict cache": ("tasks", "VerdictCache"),
        "loss": ("flows", "Loss"),
        "table preview": ("flows", "TablePreview"),
        "questions": ("flows", "Questions"),
    },
    "What models are asked": {
        "request": ("schemas", "Request"),
        "sampling": ("schemas", "Sampling"),
        "completion": ("schemas", "Completion"),
        "failure": ("schemas", "Failure"),
        "engine": ("schemas", "Engine"),
        "fit": ("schemas", "Fit"),
        "loading engine": ("schemas", "LoadingEngine"),
        "replica": ("tasks", "Replica"),
        "rounds": ("flows", "Rounds"),
        "dispatcher": ("flows", "Dispatcher"),
        "engine pool": ("flows", "EnginePool"),
        "failure share": ("flows", "FailureShare"),
        "table use": ("flows", "TableUse"),
        "in flight": ("flows", "InFlight"),
        "shared requests": ("flows", "SharedRequests"),
        "ledger": ("catalog/ledger", "Ledger"),
        "segment": ("catalog/ledger", "Segment"),
    },
    "The store": {
        "table folder": ("catalog", "TableFolder"),
        "Parquet file": ("catalog", "ParquetFile"),
        "base rows": ("catalog", "BaseRows"),
        "manifest": ("catalog/tables.py", "Manifest"),
        "view": ("catalog", "View"),
        "shards": ("catalog", "Shards"),
        "release": ("catalog", "Release"),
        "pin": ("catalog", "Pin"),
    },
}
"""By heading and noun the folder or file in which it is made, and its class or function."""
RUNNER = ("flows/planning", "flows/running")
"""The rooms each public class of which has an entry, but for those of progress.py and the kinds."""


def list_modules(room: str) -> list[Path]:
    """The modules of a folder, or the one that it is."""
    place = ROOT / room
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def list_definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The classes and functions at the top of a module."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node


def read_sentence(node: ast.ClassDef | ast.FunctionDef) -> str:
    """A docstring up to its first full stop."""
    return re.split(r"(?<=\.)\s", " ".join((ast.get_docstring(node) or "").split()))[0]


def find_entry(room: str, name: str) -> tuple[str, str]:
    """The sentence of a class, function or method, and the file it is in."""
    top, _, method = name.partition(".")
    places = [(path, node) for path in list_modules(room) for node in list_definitions(path) if node.name == top]
    assert len(places) == 1, f"{name} is {len(places)} times in {room}: name it in tests/glossary.py"
    path, node = places[0]
    if method:
        node = next(item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == method)
    return read_sentence(node), path.relative_to(ROOT).as_posix()


def list_runner_classes() -> set[str]:
    """The public classes of the runner that are nouns of their own."""
    values = set()
    for path in (path for room in RUNNER for path in list_modules(room) if path.name != "progress.py"):
        for node in list_definitions(path):
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else None
            if (
                bases is None
                or node.name.startswith("_")
                or any(re.search(r"Error|^(Partitioned)?Kind\[", base) for base in bases)
            ):
                continue
            values.add(node.name)
    return values


def glossary() -> str:
    """The glossary's page, below its head."""
    lines: list[str] = []
    for heading, nouns in NOUNS.items():
        lines += [f"## {heading}", "", "| word | what it is | in |", "|---|---|---|"]
        for noun, place in nouns.items():
            sentence, file = find_entry(*place)
            lines.append(f"| **{noun}** | {sentence} | [`{file}`](../{file}) |")
        lines.append("")
    return "\n".join(lines).rstrip()
