"""Mutated files and mappings: each is read, or refused in one line; no row is lost and nothing is thrown."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from catalog.declarations import FORMATS, find_declarations
from catalog.records.read import read_batches
from catalog.sources import SourceError, find_sources
from schemas.reading import select_reading
from tasks.sources.import_ import IMPORT, ImportParameters
from tests.catalog.records.test_kinds import FILES
from tests.snippet_scenes import write_file

MUTANTS = 500
VALUES: Sequence[Any] = (None, "", "q", "@file", "{each}", "a.0.b", 7, True, [], ["q", "a"], {}, {"path": "q"}, {"value": "x"}, {"path": "q", "pattern": "(.)"},
    {"path": "q", "separator": ","}, {"path": "q", "items": "b"}, {"path": "q", "role": "user"}, {"first": ["a", {"path": "q", "json": "k"}]}, "q" * 3000)  # fmt: skip
TOKENS = (
    b"\xff",
    b"\x00",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b"\n",
    b"NaN",
    b"Infinity",
    b"-",
    b"1e999",
    b'"a":1,"a":2',
    b"\\ud800",
    b"9" * 400,
    b"PK\x03\x04",
    b"PAR1",
)


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, put in, taken out or doubled, or the end cut off."""
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, size = chance.randrange(len(mutable) + 1), chance.randint(1, 20)
        kind = chance.randrange(5)
        if kind == 0 and at < len(mutable):
            mutable[at] = chance.randrange(256)
        elif kind == 1:
            mutable[at:at] = chance.choice(TOKENS)
        elif kind == 2:
            del mutable[at : at + size]
        elif kind == 3:
            mutable[at:at] = mutable[at : at + size]
        elif chance.random() < 0.3:
            del mutable[at:]
    return bytes(mutable)


def mutate_mapping(given: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """A value of a mapping replaced, taken out or put in, at whatever depth."""
    mapping = deepcopy(dict(given))
    here: Any = mapping
    while True:
        keys: Sequence[Any] = list(here) if isinstance(here, dict) else range(len(here))
        if not keys:
            return mapping
        key = chance.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and chance.random() < 0.7:
            here = here[key]
            continue
        if isinstance(here, dict) and chance.random() < 0.2:
            del here[key]
        else:
            here[key] = deepcopy(chance.choice(VALUES))
        return mapping


def seeds(place: Path) -> list[tuple[str, bytes, dict[str, Any]]]:
    """Sound files with their mappings: the samples of all formats, and a file of each kind."""
    result = []
    for name, declared in FORMATS.shipped.items():
        file, content = next(iter(declared.sample.files.items()))
        write_file(place / "seed" / file, content)
        given = {**declared.read.model_dump(exclude_unset=True), **declared.fields}
        given.pop("join", None)
        result.append((Path(file).name, (place / "seed" / file).read_bytes(), {"format": name, **given}))
    plain = {"question": "q", "answer": "a", "text": "a"}
    return result + [(name, data, plain) for name, data in FILES.items()]


def try_import(path: Path, given: Mapping[str, Any]) -> str:
    """What becomes of a file: `read`, or who refuses it; a message of several lines as it is; anything else is thrown."""
    try:
        parameters = ImportParameters.model_validate(
            {"files": path.name, **given}, context=dict(find_declarations(path.parent))
        )
    except ValidationError:
        return "mapping refused"
    try:
        records = [
            record
            for source in find_sources(str(path), path.name, reading=select_reading(parameters))
            for batch, _ in read_batches(source)
            for record in batch
        ]
    except SourceError as error:
        return "file refused" if "\n" not in str(error) else str(error)
    result = IMPORT.run(records, parameters)
    assert result.kept.height + result.rejected.height == sum(
        IMPORT.rows_per_record(record, parameters) for record in records
    )
    assert result.rejected["reason"].null_count() == 0
    return "read"


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutated", [lambda chance: (True, False), lambda chance: (False, True), lambda chance: (True, True)], ids=["files", "mappings", "both"]
)  # fmt: skip
def test_no_mutated_file_or_mapping_is_thrown_about(
    mutated: Callable[[random.Random], tuple[bool, bool]], tmp_path: Path
) -> None:
    sound = seeds(tmp_path)
    outcomes: dict[str, int] = {}
    for number in range(MUTANTS):
        chance = random.Random(number)
        name, data, given = sound[number % len(sound)]
        file_too, mapping_too = mutated(chance)
        place = tmp_path / str(number)
        place.mkdir()
        (place / name).write_bytes(mutate_bytes(data, chance) if file_too else data)
        outcome = try_import(place / name, mutate_mapping(given, chance) if mapping_too else given)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"read", "file refused", "mapping refused"}
    assert outcomes["read"] > MUTANTS // 10
    assert outcomes.get("file refused", 0) + outcomes.get("mapping refused", 0) > MUTANTS // 20
