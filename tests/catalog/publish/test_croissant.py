"""What a release says of itself to machines, checked by those machines."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import mlcroissant
import pytest
import yaml

from catalog.publish import shards
from catalog.publish.card import render_card
from catalog.publish.croissant import build_json_schema, render_croissant
from schemas.recipe.document import Document
from schemas.recipe.recipe import Origin, Recipe
from tasks.views.task import VIEW
from tests.client.conftest import FUNNEL, VIEWS, put, row
from tests.trl.corpus import LABELLED, solutions
from tests.trl.corpus import VIEWS as TRAINING
from tests.views import take_view

LINEAGE = [
    {"table": "read", "task": "load", "fingerprint": "ab", "parameters": {}, "inputs": ["f.jsonl 12", "model m r"]}
]
RECIPE = Recipe(
    document=Document("", "r"), corpus="tiny", version="1.0.0", title="Tiny", description="Made for tests.", license="CC-BY-4.0",
    sources=(Origin(name="numbers", license="MIT", url="https://example.org/n"),), seed=0, models={}, tables=(),
    quality="Precision 98 % on 500 rows.",
)  # fmt: skip


@pytest.fixture(params=[100, 2], ids=["one file a split", "several"])
def release(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, dict[str, Any]]:
    """The folder of a release, and its Croissant."""
    monkeypatch.setattr(shards, "SHARD_ROWS", request.param)
    monkeypatch.setattr(shards, "GROUP_ROWS", 1)
    folder = Path(
        put(str(tmp_path), "tiny", "1.0.0", {"train": [row(n, "train") for n in range(5)], "test": [row(9, "test")]})
    )
    files = json.loads((folder / "manifest.json").read_text())["files"]
    croissant = render_croissant(RECIPE, VIEWS, files, FUNNEL, LINEAGE)
    (folder / "croissant.json").write_text(json.dumps(croissant))
    return folder, croissant


def test_mlcroissant_finds_no_fault(release: tuple[Path, dict[str, Any]]) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        dataset = mlcroissant.Dataset(jsonld=release[0] / "croissant.json")
    assert dataset.metadata.ctx.issues.errors == set() and dataset.metadata.ctx.issues.warnings <= KNOWN
    assert dataset.metadata.name == "tiny" and str(dataset.metadata.version) == "1.0.0"
    assert dataset.metadata.data_collection.startswith("Solutions that language models wrote to problems of: numbers")
    assert "Precision 98 % on 500 rows." in str(dataset.metadata.data_annotation_protocol)
    assert (
        dataset.metadata.data_limitations and dataset.metadata.data_biases and dataset.metadata.machine_annotation_tools
    )


KNOWN = {'[Metadata(tiny)] Property "https://schema.org/datePublished" is recommended, but does not exist.'}
"""A date would make two builds of one recipe differ."""


def test_it_names_every_file_and_where_it_comes_from(release: tuple[Path, dict[str, Any]]) -> None:
    folder, result = release
    files = {item["@id"]: item["sha256"] for item in result["distribution"] if item["@type"] == "cr:FileObject"}
    assert set(files) == {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
    assert result["prov:wasDerivedFrom"][0]["prov:atLocation"] == "https://example.org/n"
    assert result["prov:wasGeneratedBy"][0]["prov:used"] == ["f.jsonl 12", "model m r"]


@pytest.mark.parametrize("name", sorted(TRAINING))
def test_every_row_of_every_view_keeps_its_json_schema(name: str) -> None:
    parameters = take_view(**TRAINING[name])
    schema = build_json_schema(name, VIEW.makes(parameters, LABELLED))
    jsonschema.Draft202012Validator.check_schema(schema)
    rows = VIEW.run(solutions(4), parameters).kept.to_dicts()
    assert rows
    for item in rows:
        jsonschema.validate(item, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({key: value for key, value in rows[0].items() if key != "problem_id"}, schema)


def test_the_card_has_features_sizes_and_limits(release: tuple[Path, dict[str, Any]]) -> None:
    files = json.loads((release[0] / "manifest.json").read_text())["files"]
    text = render_card(RECIPE, VIEWS, files, FUNNEL)
    info = yaml.safe_load(text.split("---\n")[1])["dataset_info"][0]
    assert info["features"][4] == {"name": "steps", "sequence": "string"}
    assert [(split["name"], split["num_examples"]) for split in info["splits"]] == [("train", 5), ("test", 1)]
    assert "## How good the labels are, and their limits\n\nPrecision 98 % on 500 rows.\n" in text
    assert "| numbers | MIT | https://example.org/n |" in text
    view = next(iter(VIEWS))
    assert f'load_dataset("NAME_OR_FOLDER", "{view}", split="train")' in text
