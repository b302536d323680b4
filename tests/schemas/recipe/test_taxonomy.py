"""Taxonomies: what the shipped ones are, and what a wrong one is told."""

from pathlib import Path

import pytest

from catalog import taxonomies
from schemas.recipe.document import RecipeError
from schemas.recipe.taxonomy import normalize_name, parse_taxonomy
from tests import golden

HERE = Path(__file__).parent / "taxonomies"
SHIPPED = {
    "abacus": 9, "cot_error_set": 7, "lemma": 12, "prmbench": 9, "realmistake": 4, "rise": 8, "tigerscore": 4,
    "verify-then-generate": 7,
}  # fmt: skip


def test_what_ships_is_listed_with_its_labels() -> None:
    assert {name: len(taxonomies.find_shipped(name).labels()) for name in taxonomies.list_taxonomies()} == SHIPPED


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_taxonomy_is_whole(name: str) -> None:
    shipped = taxonomies.find_shipped(name)
    assert shipped.taxonomy == name
    assert shipped.source
    for other, pairs in shipped.from_.items():
        assert set(pairs) <= set(taxonomies.find_shipped(other).labels()), other
    for label in shipped.labels():
        assert shipped.named(label.upper()) == label
        assert shipped.types[label].example


def test_a_type_is_found_by_the_names_that_the_source_uses() -> None:
    shipped = taxonomies.find_shipped("verify-then-generate")
    assert shipped.named("Calculation error easily solved by a calculator") == "calculation"
    assert taxonomies.find_shipped("prmbench").named("step_contradiction") == "step contradiction"
    assert shipped.named("none") is None


def test_types_are_translated_where_a_mapping_says_so() -> None:
    lemma = taxonomies.find_shipped("lemma")
    assert lemma.translated("abacus", "wrong operation") == "operator"
    assert lemma.translated("abacus", "final answer") is None
    assert lemma.translated("lemma", "Calculation error") == "calculation"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_fault_is_a_line_with_file_line_and_key(path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        parse_taxonomy(path.read_text("utf-8"), path.name)
    lines = str(error.value).split("\n")
    assert all(line.startswith(f"{path.name}:") for line in lines)
    golden.check(path.with_suffix(".txt"), "\n".join(lines) + "\n")


def test_there_are_bad_taxonomies_to_test() -> None:
    assert len(list(HERE.glob("*.yaml"))) >= 4


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("lema", "unknown taxonomy 'lema'; did you mean 'lemma'?"),
        ("lemma@9.0.0", "taxonomy 'lemma' is here in version 1.0.0, not 9.0.0; write lemma@1.0.0"),
        ("none.yaml", "cannot be read (No such file or directory)"),
        ("odd.yaml", "from.lemma: 'sums' is no type of 'lemma'"),
    ],
)
def test_a_name_that_stands_for_none_is_told(given: str, expected: str, tmp_path: Path) -> None:
    text = (taxonomies.FOLDER / "tigerscore.yaml").read_text("utf-8")
    (tmp_path / "odd.yaml").write_text(text.replace("    counting:", "    sums:"))
    with pytest.raises(ValueError, match="taxonomy") as error:
        taxonomies.find_taxonomy(given, tmp_path)
    assert expected in str(error.value)


def test_a_file_beside_the_recipe_is_found(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text((taxonomies.FOLDER / "lemma.yaml").read_text("utf-8"))
    assert (
        taxonomies.find_taxonomy("own.yaml", tmp_path)
        == taxonomies.find_shipped("lemma")
        == taxonomies.find_taxonomy("lemma", tmp_path)
    )


def test_names_are_compared_by_their_words() -> None:
    assert normalize_name("Missing / Wrong  factual_knowledge") == "missing wrong factual knowledge"
