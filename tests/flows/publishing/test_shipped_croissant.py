"""The Croissant of every shipped recipe, as the readers of Croissant check it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import mlcroissant
import pyarrow as pa
import pytest

from catalog.publish.card import render_card
from catalog.publish.croissant import render_croissant
from flows.planning.recipe_file import open_recipe
from schemas.frames import to_arrow_schema

RECIPES = sorted((Path(__file__).parents[3] / "catalog" / "recipes").glob("*.yaml"))
DATE = 'Property "https://schema.org/datePublished" is recommended, but does not exist.'
"""A date would make two builds of one recipe differ."""


@pytest.mark.parametrize("file", RECIPES, ids=[file.stem for file in RECIPES])
def test_machines_can_read_what_every_shipped_recipe_releases(file: Path, tmp_path: Path) -> None:
    recipe = open_recipe(str(file))
    contracts = {table.name: table.contract for table in recipe.tables}
    views = {name: contracts[name].as_released() for name in recipe.tables[-1].inputs}
    files = [
        {
            "view": view,
            "split": split,
            "path": f"{view}/{split}-00000.parquet",
            "bytes": 10,
            "rows": 1,
            "sha256": "0" * 64,
        }
        for view in views
        for split in ("train", "test")
    ]
    lineage = [
        {"table": table.name, "task": table.task.name, "fingerprint": "ab", "parameters": {}, "inputs": [*table.inputs]}
        for table in recipe.tables
    ]
    document = tmp_path / "croissant.json"
    document.write_text(json.dumps(render_croissant(recipe, views, files, [], lineage)))
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        metadata = mlcroissant.Dataset(jsonld=document).metadata
    assert metadata.ctx.issues.errors == set()
    assert {issue.partition("] ")[2] for issue in metadata.ctx.issues.warnings} <= {DATE}
    text = document.read_text()
    assert not [line for line in text.split('"@id": "')[1:] if " " in line.partition('"')[0]], "an id is an IRI"
    card = render_card(recipe, views, files, [])
    assert "large_" not in card.split("---\n")[1], "types that datasets reads since 2.14"
    for contract in views.values():
        assert not [
            field for field in to_arrow_schema(contract) if "large" in str(field.type) or field.type == pa.string_view()
        ]
