"""Names of modules, classes and functions: no filler words, and functions begin with a verb.

`names.yaml` holds the words, and the few names that break a rule and are meant, each with its reason.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TOPS = ("flows", "tasks", "schemas", "catalog", "infra")
WORDS = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text("utf-8"))
FILLER, BARE, VERBS, OPENINGS, FORMULAS = (
    set(WORDS[key].split()) for key in ("filler", "bare", "verbs", "openings", "formulas")
)


def words(name: str) -> list[str]:
    """The words of a name, in lower case: `_OpenPool2` has three."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def names(path: Path) -> Iterator[tuple[str, str]]:
    """Kind and name of a module and of what it defines at its top."""
    if path.stem != "__init__":
        yield "module", path.stem
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield "class", node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield "function", node.name


def fault(kind: str, name: str) -> str | None:
    """The rule that a name breaks."""
    parts = words(name)
    if name in WORDS["accepted"] or not parts:
        return None
    if FILLER & set(parts) or (len(parts) == 1 and parts[0] in BARE):
        return "filler"
    public_function = kind == "function" and not name.startswith("_")
    if public_function and parts[0] not in VERBS | OPENINGS and name not in FORMULAS:
        return "no verb"
    return None


def offenders() -> Counter[str]:
    """Names that break a rule, with rule and kind."""
    counts: Counter[str] = Counter()
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*.py")):
            for kind, name in names(path):
                broken = fault(kind, name)
                if broken:
                    counts[f"{broken}: {kind} {name}"] += 1
    return counts


def test_no_name_breaks_a_rule() -> None:
    assert offenders() == Counter(), "choose the field's word; a function begins with a verb of names.yaml"


@pytest.mark.parametrize(
    ("kind", "name", "broken"),
    [
        ("function", "read_commit", None),
        ("function", "commit_of", None),
        ("function", "found_rows", "filler"),
        ("function", "_one", "filler"),
        ("function", "_rows", None),
        ("function", "rows", "no verb"),
        ("function", "make", "filler"),
        ("function", "make_plan", None),
        ("function", "is_local", None),
        ("function", "wilson", None),
        ("function", "wilson_of", "no verb"),
        ("class", "TableJob", None),
        ("class", "_Told", "filler"),
        ("class", "PathManager", "filler"),
        ("class", "Work", "filler"),
        ("module", "utils", "filler"),
        ("module", "key_table", None),
    ],
)
def test_a_name_is_judged_by_its_words(kind: str, name: str, broken: str | None) -> None:
    assert fault(kind, name) == broken


def test_names_are_parted_into_words() -> None:
    assert [words(name) for name in ("_OpenPool2", "VLLMEngine", "read_json", "_", "NGrams")] == [
        ["open", "pool2"], ["vllm", "engine"], ["read", "json"], [], ["n", "grams"],
    ]  # fmt: skip


def test_no_class_bears_the_name_of_another() -> None:
    classes: dict[str, list[str]] = defaultdict(list)
    for top in TOPS[:-1]:  # the training of Abacus mirrors the network that is taught
        for path in sorted((ROOT / top).rglob("*.py")):
            for kind, name in names(path):
                if kind == "class":
                    classes[name].append(path.relative_to(ROOT).as_posix())
    assert len(classes) > 400, "classes are seen"
    assert {name: paths for name, paths in classes.items() if len(paths) > 1} == {}
