"""Mutants of recipes: text and values of those that are shipped and tested, each planned as a stranger's."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import yaml

from flows.planning.plan import make_plan
from tests.catalog.records.test_fuzz import mutate_bytes, mutate_mapping

ROOT = Path(__file__).parents[2]
REGRESSIONS = Path(__file__).parent / "regressions" / "recipes"
MARKS = (
    "!!timestamp 2020-01-01", "!!binary eA==", '"\\ud800"', "&a [*a]", "{}", "~", "0x1F", ".nan", "-.inf", "9" * 400, "'${data}/../x'", "exists(FROM range(9))",
    "'*a*a*a*a*b'", "'^((a+)+)$'", "a: &x\n", "? [a]\n: b", "<<: *x", "\t", "\x85", "%YAML 1.1\n---\n", "hf://x@y", "s3://x", "../../x", "'\\0'", "1e999",
)  # fmt: skip
SAMPLE = "a.jsonl"


def prepare(folder: Path) -> Callable[[Path, random.Random], str]:
    """A trial of a recipe's mutant, beside a file of data."""
    files = sorted((ROOT / "catalog" / "recipes").glob("*.yaml"))
    texts = [file.read_text("utf-8") for file in files]
    (folder / SAMPLE).write_text('{"q": "What is 1 + 1?", "a": "2", "m": "m", "t": "It is 2."}\n')

    def trial(folder: Path, chance: random.Random) -> str:
        return plan(mutate(chance.choice(texts), chance), folder)

    return trial


def plan(data: bytes, folder: Path) -> str:
    """What becomes of a recipe: it is planned, or an error is raised."""
    (folder / "r.yaml").write_bytes(data)
    make_plan(str(folder / "r.yaml"), str(folder), str(folder / "store"), hash_sources=False)
    return "planned"


def mutate(text: str, chance: random.Random) -> bytes:
    """A recipe of which some bytes, a mark, some values or a line are others."""
    way = chance.randrange(4)
    if way == 0:
        return mutate_bytes(text.encode(), chance)
    if way == 1:
        at = chance.randrange(len(text) + 1)
        return f"{text[:at]}{chance.choice(MARKS)}{text[at:]}".encode()
    if way == 2:
        lines = text.split("\n")
        at = chance.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        lines[at] = f"{key}: {chance.choice(MARKS)}" if colon else chance.choice(lines)
        return "\n".join(lines).encode()
    mapping = yaml.safe_load(text)
    for _ in range(chance.randint(1, 3)):
        mapping = mutate_mapping(mapping, chance)
    return yaml.safe_dump(mapping, allow_unicode=True, sort_keys=False).encode()
