from pathlib import Path

import pytest

from catalog import taxonomies
from schemas.recipe.document import RecipeError
from schemas.recipe.reader import read
from tasks import TASKS
from tests import golden

HERE = Path(__file__).parent / "recipes"
CATALOG = Path(__file__).parents[3] / "catalog"

HEAD = "corpus: trial\nversion: 0.1.0\ntitle: T\nlicense: MIT\ntables:\n"
SOLUTIONS = "  s: {task: import, files: a.jsonl, set: {value: s}, question: q, answer: a, model: m, text: t}\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_fault_of_a_recipe_is_a_line_with_file_line_and_key(path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        read(path.read_text(), path.name, TASKS)
    lines = str(error.value).split("\n")
    assert all(line.startswith(f"{path.name}:") for line in lines)
    golden.check(path.with_suffix(".txt"), "\n".join(lines) + "\n")


@pytest.mark.parametrize("path", sorted((CATALOG / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_catalog_is_sound(path: Path) -> None:
    recipe = read(path.read_text(), path.name, TASKS, lambda name: taxonomies.find(name, CATALOG))
    assert recipe.corpus == path.stem
    assert recipe.tables[-1].task.name == "release"


def test_tables_come_after_what_they_are_made_from() -> None:
    text = (
        HEAD
        + "  release: {task: release, from: b}\n  b: {task: verify, from: a}\n  a: {task: split, from: s}\n"
        + SOLUTIONS
    )
    names = [table.name for table in read(text, "r.yaml", TASKS).tables]
    assert names == ["s", "a", "b", "release"]


def test_a_contract_grows_from_stage_to_stage() -> None:
    text = (
        HEAD
        + SOLUTIONS
        + "  a: {task: split, from: s}\n  b: {task: verify, from: a}\n  release: {task: release, from: b}\n"
    )
    tables = {table.name: table for table in read(text, "r.yaml", TASKS).tables}
    assert "steps" not in tables["s"].contract.names()
    assert tables["b"].contract.names()[-10:] == (
        "steps", "step_rule", "verdict", "undecided", "extracted", "extracted_by", "extracted_from", "extracted_to",
        "compared_by", "second_opinion",
    )  # fmt: skip


def test_words_of_yaml_1_1_are_text() -> None:
    text = HEAD + SOLUTIONS.replace("{value: s}", "{value: no}") + "  release: {task: release, from: s}\n"
    parameters = read(text, "r.yaml", TASKS).tables[0].parameters
    assert parameters.set.value == "no"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system {}", "a: *", "\x00", "{" * 5000, "&a [*a]", "? [x]\n: y"]
)
def test_no_text_makes_more_than_a_recipe_error(text: str) -> None:
    with pytest.raises(RecipeError):
        read(text, "r.yaml", TASKS)
