"""A small fuzz of recipes, inputs and manifests, and the corpus of what once failed; `python -m tests.campaign.fuzz` does the whole."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from errata import ErrataError, Unreadable

from catalog.sources import SourceError
from schemas.errors import ApplicationError
from schemas.recipe.document import RecipeError
from tests.campaign import fuzz, inputs, manifests, parquet_columns, recipes
from tests.catalog.records.test_fuzz import try_import

SECONDS = float(os.environ.get("ERRATA_CAMPAIGN_SECONDS", "6"))
"""Of each kind, at most."""
COUNT = int(os.environ.get("ERRATA_CAMPAIGN_COUNT", "100"))
MANIFESTS = sorted(manifests.REGRESSIONS.glob("*.json"))
INPUTS = sorted(inputs.REGRESSIONS.glob("*"))
RECIPES = sorted(recipes.REGRESSIONS.glob("*.yaml"))


@pytest.mark.campaign
@pytest.mark.parametrize("kind", list(fuzz.FULL))
def test_no_mutant_is_thrown_about(kind: str) -> None:
    result = fuzz.run(kind, COUNT, seconds=SECONDS)
    assert result.failures == []
    assert result.outcomes.total() > 0 and len(result.outcomes) > 1, result


@pytest.mark.parametrize("kind", list(fuzz.FULL))
def test_what_nobody_foresaw_is_a_failure_with_its_seed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyError("x")

    monkeypatch.setattr(fuzz, "PREPARE", {kind: lambda folder: fail})
    result = fuzz.run(kind, 2, first=7)
    assert [failure.split(":")[0] for failure in result.failures] == [f"{kind} seed 7", f"{kind} seed 8"]


def test_what_takes_too_long_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object) -> str:
        while True:
            pass

    monkeypatch.setattr(fuzz, "LIMIT", 0.2)
    monkeypatch.setattr(fuzz, "PREPARE", {"recipes": lambda folder: hang})
    (failure,) = fuzz.run("recipes", 1).failures
    assert "TooSlowError" in failure


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_a_manifest_that_once_failed_is_refused(file: Path, tmp_path: Path) -> None:
    sound = manifests.publish(tmp_path)
    with pytest.raises(Unreadable, match=r"tiny/0\.10\.0/manifest\.json: .*restore it"):
        manifests.read(json.dumps({**sound, **json.loads(file.read_text("utf-8"))}).encode(), tmp_path)


def test_a_manifest_with_all_that_one_may_say_is_read(tmp_path: Path) -> None:
    assert manifests.read(json.dumps(manifests.publish(tmp_path)).encode(), tmp_path) == "read"


@pytest.mark.slow
def test_without_any_one_of_its_keys_a_manifest_is_read_or_refused(tmp_path: Path) -> None:
    sound, outcomes = manifests.publish(tmp_path), Counter[str]()
    for path in list_keys(sound):
        manifest = deepcopy(sound)
        holder: Any = manifest
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
        try:
            outcomes[manifests.read(json.dumps(manifest).encode(), tmp_path)] += 1
        except (ErrataError, ApplicationError):
            outcomes["refused"] += 1
        except Exception as error:
            raise AssertionError(f"without {path}") from error
    assert min(outcomes["read"], outcomes["refused"]) > 40, outcomes


def list_keys(value: Any, seen: set[Any] | None = None, names: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that is in a value of JSON; of entries of a list that are alike, those of one."""
    seen = set() if seen is None else seen
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        place = (*names, key if isinstance(key, str) else "")
        alike = (place, tuple(sorted(value)) if isinstance(value, dict) else type(part))
        if alike not in seen:
            yield (key,)
        seen.add(alike)
        yield from ((key, *below) for below in list_keys(part, seen, place))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_that_once_failed_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises((RecipeError, SourceError)):
        recipes.plan(file.read_bytes(), tmp_path)


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: file.stem)
def test_an_input_that_once_failed_is_refused(file: Path) -> None:
    assert try_import(file, inputs.FIELDS) == "file refused"


@pytest.mark.parametrize("kind", parquet_columns.COLUMNS)
def test_a_column_of_any_kind_is_kept_or_rejected_with_reasons(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet_columns.write_columns(dict.fromkeys(("q", "a"), kind)))
    assert try_import(path, inputs.FIELDS) in ("read", "mapping refused")


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"PAR1" * 3, b"x" * 100, parquet_columns.write_columns({"q": "text", "a": "text"})[:-20], parquet_columns.write_columns({})],
    ids=["empty", "magic alone", "magic thrice", "no magic", "cut", "no columns"],
)  # fmt: skip
def test_a_parquet_file_that_is_none_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    assert try_import(tmp_path / "a.parquet", inputs.FIELDS) == "file refused"
