"""What reads a recipe reads so much and no more, and says so."""

from __future__ import annotations

import time

import pytest

from flows.planning.recipe_file import parse_recipe
from schemas.recipe.document import Document, RecipeError

HEAD = "corpus: c\nversion: 1.0.0\ntitle: T\nlicense: MIT\ntables:\n"
FIRST = "  t0: {task: import, files: a.jsonl, set: {value: s}, question: q, answer: a, model: m, text: t}\n"


def chain(count: int, step: int = 1) -> str:
    lines = [f"  t{i}: {{task: select, from: t{i - 1}, where: 'true'}}\n" for i in range(1, count)]
    return HEAD + FIRST + "".join(lines[::step]) + f"  release: {{task: release, from: t{count - 1}}}\n"


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
TOO_MUCH = {
    "aliases of aliases": (ALIASES, "values or"),
    "aliases of a long text": (f"a: &a '{'x' * 500_000}'\nb: [{', '.join(['*a'] * 300)}]\n", "characters once its aliases"),
    "a long text": (f"a: '{'x' * 2_000_000}'\n", "characters, at most"),
    "lists in lists": ("a: " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
    "mappings in mappings": ("".join(" " * i + "a:\n" for i in range(1000)), "nested too deeply"),
    "many values": ("a:\n" + "- 1\n" * 50_000, "values or"),
    "many keys": ("".join(f"k{i}: 1\n" for i in range(50_000)), "values or"),
    "a long chain": (chain(1500), "there are 1,501, at most 300 are made"),
    "a long chain, its end first": (chain(1500, -1), "there are 1,501, at most 300 are made"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_too_much_is_refused_soon(text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, "r.yaml")
    assert time.process_time() - began < 30


@pytest.mark.parametrize("step", [1, -1])
def test_as_many_tables_as_may_be_are_read_in_any_order(step: int) -> None:
    began = time.process_time()
    recipe = parse_recipe(chain(299, step), "r.yaml")
    assert [table.name for table in recipe.tables][:3] == ["t0", "t1", "t2"] and len(recipe.tables) == 300
    assert time.process_time() - began < 30


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\0"', "!!timestamp 2020-01-01", "!!binary eA=="])
def test_what_no_table_can_hold_is_a_fault(text: str) -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:3: title: "):
        parse_recipe(f"corpus: c\nversion: 1.0.0\ntitle: {text}\nlicense: MIT\n", "r.yaml")


def test_an_error_shows_the_first_faults_and_how_many_there_are() -> None:
    text = HEAD + "".join(f"  t{i}: {{task: nope}}\n" for i in range(150))
    with pytest.raises(RecipeError) as raised:
        parse_recipe(text, "r.yaml")
    lines = str(raised.value).splitlines()
    assert len(lines) == 101 and lines[-1].startswith("… and ")


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    document = Document(f"a: !!int {'9' * 100_000}x\n", "r.yaml")
    (fault,) = document.faults
    assert len(str(fault)) < 200
    with pytest.raises(RecipeError) as raised:
        parse_recipe(f"{HEAD}{FIRST.replace('a.jsonl', 'a.jsonl, failures: [' + 'x, ' * 10_000 + 'x]')}", "r.yaml")
    assert max(map(len, str(raised.value).splitlines())) < 500
