from pathlib import Path

import pytest

from catalog.declarations import find_declarations
from schemas.recipe.document import Document, RecipeError
from schemas.recipe.reader import read_recipe
from tasks import TASKS
from tests import golden

HERE = Path(__file__).parent / "recipes"
CATALOG = Path(__file__).parents[3] / "catalog"

HEAD = "corpus: trial\nversion: 0.1.0\ntitle: T\nlicense: MIT\ntables:\n"
SOLUTIONS = "  s: {task: import, files: a.jsonl, set: {value: s}, question: q, answer: a, model: m, text: t}\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_fault_of_a_recipe_is_a_line_with_file_line_and_key(path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        read_recipe(path.read_text(), path.name, TASKS)
    lines = str(error.value).split("\n")
    assert all(line.startswith(f"{path.name}:") for line in lines)
    golden.check(path.with_suffix(".txt"), "\n".join(lines) + "\n")


@pytest.mark.parametrize("path", sorted((CATALOG / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_catalog_is_sound(path: Path) -> None:
    recipe = read_recipe(path.read_text(), path.name, TASKS, find_declarations(CATALOG / "recipes"))
    assert recipe.corpus == path.stem
    assert recipe.tables[-1].task.name == "release"


def test_tables_come_after_what_they_are_made_from() -> None:
    text = (
        HEAD
        + "  release: {task: release, from: b}\n  b: {task: verify, from: a}\n  a: {task: split, from: s}\n"
        + SOLUTIONS
    )
    names = [table.name for table in read_recipe(text, "r.yaml", TASKS).tables]
    assert names == ["s", "a", "b", "release"]


def test_a_contract_grows_from_stage_to_stage() -> None:
    text = (
        HEAD
        + SOLUTIONS
        + "  a: {task: split, from: s}\n  b: {task: verify, from: a}\n  release: {task: release, from: b}\n"
    )
    tables = {table.name: table for table in read_recipe(text, "r.yaml", TASKS).tables}
    assert "steps" not in tables["s"].contract.names()
    assert tables["b"].contract.names()[-11:] == (
        "steps", "step_rule", "steps_of", "verdict", "undecided", "extracted", "extracted_by", "extracted_from", "extracted_to",
        "compared_by", "second_opinion",
    )  # fmt: skip


def test_words_of_yaml_1_1_are_text() -> None:
    text = HEAD + SOLUTIONS.replace("{value: s}", "{value: no}") + "  release: {task: release, from: s}\n"
    parameters = read_recipe(text, "r.yaml", TASKS).tables[0].parameters
    assert parameters.set.value == "no"  # type: ignore[attr-defined]


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(12)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(3000))


LARGE = (
    "r.yaml:1: holds more than 20,000 values or 1,048,576 characters once its aliases are written out; write it smaller"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, LARGE),
        (CHAIN, "r.yaml:1: nested too deeply to be a recipe; write it flatter"),
        ("a: " + "[" * 5000, "r.yaml:1: nested too deeply to be a recipe; write it flatter"),
        ("a: " + "x" * 5_000_000, "r.yaml:1: holds 5,000,003 characters, at most 1,048,576 are read; write it smaller"),
    ],
    ids=["aliases of aliases", "a chain of aliases", "deep", "long"],
)
def test_what_is_too_large_is_refused(text: str, expected: str) -> None:
    with pytest.raises(RecipeError) as error:
        read_recipe(text, "r.yaml", TASKS)
    assert str(error.value) == expected


def test_numbers_are_those_of_yaml_1_2() -> None:
    document = Document("a: 010\nb: 1_000\nc: 2001-12-14\nd: 0x1F\ne: 1e3\nf: .5\ng: !!int '7'\nh: \"\\/\"\n", "r.yaml")
    assert document.value == {
        "a": 10, "b": "1_000", "c": "2001-12-14", "d": "0x1F", "e": 1000.0, "f": 0.5, "g": 7, "h": "/",
    }  # fmt: skip
    tagged = Document("a: !!int x\nb: !!binary eA==\nc: !ours y\nd: 1\n", "r.yaml")
    assert [str(fault) for fault in tagged.faults] == [
        "r.yaml:1: a: 'x' cannot be read as tag:yaml.org,2002:int; quote it",
        "r.yaml:2: b: 'eA==' cannot be read as tag:yaml.org,2002:binary; quote it",
        "r.yaml:3: c: 'y' cannot be read as !ours; quote it",
    ]


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system {}", "a: *", "\x00", "{" * 5000, "&a [*a]", "? [x]\n: y"]
)
def test_no_text_makes_more_than_a_recipe_error(text: str) -> None:
    with pytest.raises(RecipeError):
        read_recipe(text, "r.yaml", TASKS)
