"""The folder of a release, read by `datasets` as it reads one of the Hugging Face hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.client.conftest import MISTAKES, QUESTIONS, VIEWS, put, splits

CODE = """
import json, sys, datasets
def read(*config):
    found = datasets.load_dataset(sys.argv[1], *config)
    return {split: rows.to_list() for split, rows in found.items()}
configs = datasets.get_dataset_config_names(sys.argv[1])
json.dump({"configs": configs, "default": read(), **{name: read(name) for name in configs}}, sys.stdout)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release, on disk."""
    return Path(put(str(tmp_path_factory.mktemp("shelf")), "tiny", "0.10.0", splits("0.10.0")))


@pytest.fixture(scope="module")
def read(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `datasets` reads of it in a process of its own: its settings are fixed when it is imported."""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path_factory.mktemp("hub"))}
    done = subprocess.run([sys.executable, "-c", CODE, str(folder)], env=offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_every_view_is_a_config(read: dict[str, Any]) -> None:
    assert read["configs"] == list(VIEWS)


def test_the_first_view_is_the_default(read: dict[str, Any]) -> None:
    assert read["default"] == read["mistakes"]


@pytest.mark.parametrize("contract", [MISTAKES, QUESTIONS], ids=lambda contract: contract.name)
def test_a_view_has_its_splits_columns_and_rows(read: dict[str, Any], contract: Any) -> None:
    assert read[contract.name] == {
        split: [{name: row[name] for name in contract.names()} for row in rows]
        for split, rows in splits("0.10.0").items()
    }
    assert all(tuple(row) == contract.names() for rows in read[contract.name].values() for row in rows)


def test_the_card_says_what_datasets_needs(folder: Path) -> None:
    empty, front, text = (folder / "README.md").read_text().split("---\n", 2)
    assert empty == ""
    head = yaml.safe_load(front)
    assert head["pretty_name"] == "Mistakes, tiny: with a colon"
    assert head["license"] == "cc-by-4.0"
    assert head["size_categories"] == ["n<1K"]
    assert [(config["config_name"], config.get("default")) for config in head["configs"]] == [
        ("mistakes", True), ("questions", None),
    ]  # fmt: skip
    assert text.lstrip().startswith("# Mistakes, tiny: with a colon\n")


def test_the_cards_patterns_name_all_data_files(folder: Path) -> None:
    head = yaml.safe_load((folder / "README.md").read_text().split("---\n", 2)[1])
    named = {path for config in head["configs"] for of in config["data_files"] for path in folder.glob(of["path"])}
    assert named == set(folder.rglob("*.parquet"))
    assert len(named) == 4
