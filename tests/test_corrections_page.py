"""The page on what to do with mistakes: its recipes are short and sound, and its rows are those of the views that it names."""

from __future__ import annotations

import json
import re
from textwrap import indent

import pytest

from catalog.declarations import VIEWS, find_declarations
from schemas.recipe.reader import read_recipe
from tasks import TASKS
from tests.command import ROOT
from tests.snippets import list_blocks

RECIPES = ROOT / "catalog" / "recipes"
PAGE = (ROOT / "docs" / "corrections.md").read_text("utf-8")
SHORT = (
    "checkpoints", "code", "correction_bench", "critique", "lemma", "prm", "recorded", "search", "step_pairs", "turns",
)  # fmt: skip
LINES = 40


def read(name: str, further: str = "", *models: str) -> list[str]:
    """The formats of the views that a recipe of the catalog has, with more tables and models where they are given."""
    text = (RECIPES / f"{name}.yaml").read_text("utf-8").replace("\n  release:", f"\n{further}  release:", 1)
    text = text.replace("\ntables:", "".join(f"\n  {model}: {{engine: world}}" for model in models) + "\ntables:", 1)
    tables = read_recipe(text, name, TASKS, find_declarations(RECIPES)).tables
    views = [table.parameters.format for table in tables if table.task.name == "view"]  # type: ignore[attr-defined]
    return [getattr(view, "view", view) for view in views]


@pytest.mark.parametrize("name", SHORT)
def test_a_recipe_of_the_page_has_forty_lines_at_most(name: str) -> None:
    assert f"{name}.yaml" in PAGE and read(name)
    assert len((RECIPES / f"{name}.yaml").read_text("utf-8").splitlines()) <= LINES


def test_each_row_is_of_the_view_that_stands_above_it() -> None:
    rows = re.findall(r"^### (\S+)\n\n```json\n(.*)\n```$", PAGE, re.MULTILINE)
    declared = [(name, list(json.loads(row))) for name, row in rows if name in VIEWS.shipped]
    assert len(declared) >= 7
    for name, keys in declared:
        fields = VIEWS.shipped[name].fields
        assert [key for key in keys if key in fields] == [key for key in fields if key in keys], name
        assert set(keys) <= set(fields) and not [key for key in fields if key not in keys and not fields[key].absent], (
            name
        )


def test_what_the_page_adds_to_a_recipe_fits_it() -> None:
    blocks = [
        indent(block.text, "  ") for block in list_blocks(ROOT / "docs/corrections.md") if block.language == "yml"
    ]
    checked = next(block for block in blocks if "style: verify" in block)
    assert "spoc" in read("prm", checked)
    smoothed = next(block for block in blocks if "task: smooth" in block)
    assert "self-correction" in read("lemma", smoothed.replace("teacher", "abacus"))
    judged = next(block for block in blocks if "task: correct" in block)
    assert "supercorrect" in read("step_pairs", judged, "teacher", "student", "inspector")
