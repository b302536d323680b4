"""Declared views: each that ships makes its sample to the letter, and a faulty one is told with a line for each fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from catalog.declarations import VIEWS
from schemas.columns.corrections import SPLICED, STEP_PAIRS
from schemas.columns.nodes import NODE_COLUMNS, NODE_ID
from schemas.columns.pairs import CONTRAST_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.turns import TURNS
from schemas.columns.values import STEP_VALUE_COLUMNS, VALUE_COLUMNS, VALUE_TREES
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from schemas.recipe.document import RecipeError
from schemas.recipe.view import ViewDeclaration, parse_view
from tasks.views.declared import list_needs
from tasks.views.derived import DERIVED
from tasks.views.task import VIEW
from tests import golden
from tests.snippets import list_blocks
from tests.views import take_view

HERE = Path(__file__).parent
OWN = """\
view: own
title: A mistake a row.
fields:
  id: solution_id
  asked: {text: "Q: {problem|line}"}
  numbered: {each: [steps], text: "{number}. {steps}"}
  verdict: {column: verdict, map: {right: 1, wrong: 0}}
  where: {column: first_error, optional: true, type: integer}
key: id
sample: {given: {}, row: {}}
"""


def make_sample(view: ViewDeclaration) -> tuple[pl.DataFrame, Contract]:
    """The row that a view makes of its sample, and its contract."""
    given = view.sample.given
    known = {
        column.name: column
        for contract in (TURNS, SPLICED, STEP_PAIRS, VALUE_TREES, SOLUTIONS)
        for column in contract.columns
    }
    further = (*STEP_COLUMNS, *VERDICT_COLUMNS, *CONTRAST_COLUMNS, *VALUE_COLUMNS)
    known |= {column.name: column for column in further}
    if "node_id" in given:
        known |= {column.name: column for column in (NODE_ID, *NODE_COLUMNS, *STEP_VALUE_COLUMNS)}
    known["first_error"] = Column("first_error", "integer", "", nullable=True)
    texts = {name: Column(name, "string", "", nullable=True) for name in given if name not in known}
    contract = Contract("given", "", tuple({**known, **texts}[name] for name in given), "solution_id")
    parameters = take_view(view.view)
    outcome = VIEW.run(pl.DataFrame([given], schema=to_polars_schema(contract)), parameters)
    assert outcome.rejected.rows() == []
    return outcome.kept, VIEW.makes(parameters, contract)


@pytest.mark.parametrize("name", VIEWS.shipped)
def test_a_view_that_ships_makes_its_sample(name: str) -> None:
    view = VIEWS.shipped[name]
    assert view.view == name
    kept, contract = make_sample(view)
    made, *further = kept.to_dicts()
    assert len(further) == (len(view.sample.given[view.rows[0]]) - 1 if view.rows else 0)
    assert made == view.sample.row and list(made) == list(view.sample.row) == list(contract.names())
    loose = Contract(contract.name, "", tuple(Column(c.name, c.kind, "", nullable=c.nullable, fields=c.fields) for c in contract.columns), "")  # fmt: skip
    check(kept, loose, "sample")  # but for ids, which a sample has shorter
    assert all(column.meaning for column in contract.columns)


@pytest.mark.parametrize("name", VIEWS.shipped)
def test_a_view_says_which_columns_it_needs(name: str) -> None:
    view = VIEWS.shipped[name]
    assert set(list_needs(view, conversational=False)) <= set(view.sample.given)
    assert not set(DERIVED) & set(SOLUTIONS.names())


def make_own(text: str, row: dict[str, Any], folder: Path) -> Any:
    (folder / "own.yaml").write_text(text)
    parameters = take_view(str(folder / "own.yaml"))
    return VIEW.run(pl.DataFrame([row]), parameters)


ROW = {"solution_id": "a", "question": "What\nis it?", "options": None, "steps": ["One.", "Two."], "verdict": "wrong"}


def test_a_view_of_ones_own_lies_beside_the_recipe(tmp_path: Path) -> None:
    outcome = make_own(OWN, ROW, tmp_path)
    assert outcome.kept.to_dicts() == [
        {"id": "a", "asked": "Q: What is it?", "numbered": ["1. One.", "2. Two."], "verdict": 0, "where": None}
    ]
    outcome = make_own(OWN, ROW | {"verdict": "undecided"}, tmp_path)
    assert outcome.rejected.select("reason", "detail").rows() == [
        ("a value that the view does not know", "verdict is 'undecided'")
    ]


def test_what_a_template_needs_and_is_empty_rejects_the_row(tmp_path: Path) -> None:
    text = OWN.replace('text: "Q: {problem|line}"', 'text: "{hint}"')
    outcome = make_own(text, ROW | {"hint": None}, tmp_path)
    assert outcome.rejected.select("reason", "detail").rows() == [("a value that the view needs is empty", "hint")]


def test_words_that_give_a_mistake_away_reject_the_row(tmp_path: Path) -> None:
    text = OWN.replace("key: id", "key: id\nrefuse: [{in: [steps], leaks: true, reason: gives the mistake away}]")
    assert make_own(text, ROW, tmp_path).kept.height == 1
    outcome = make_own(text, ROW | {"steps": ["This is a mistake."]}, tmp_path)
    assert outcome.rejected["reason"].to_list() == ["gives the mistake away"]


UNROLLED = OWN.replace("title:", "rows: [steps, marks]\ntitle:").replace("id: solution_id", 'id: {text: "{solution_id}:{number}"}').replace(
    'numbered: {each: [steps], text: "{number}. {steps}"}', "step: steps\n  mark: {column: marks, map: {1: 1, 0: 0}}"
)  # fmt: skip


def test_a_view_may_have_a_row_for_each_step(tmp_path: Path) -> None:
    rows = [
        ROW | {"marks": [1, 0]},
        ROW | {"solution_id": "b", "marks": [None, 1]},
        ROW | {"solution_id": "c", "marks": [1]},
    ]
    (tmp_path / "own.yaml").write_text(UNROLLED)
    parameters = take_view(str(tmp_path / "own.yaml"))
    part = pl.DataFrame(
        [*rows, ROW | {"solution_id": "d", "steps": None, "marks": [1]}], schema_overrides={"steps": pl.List(pl.String)}
    )
    count = VIEW.rows_of(parameters)
    outcome = VIEW.run(part, parameters)
    assert outcome.kept.select("id", "step", "mark").rows() == [
        ("a:1", "One.", 1),
        ("a:2", "Two.", 0),
        ("b:2", "Two.", 1),
    ]
    assert outcome.rejected.select("solution_id", "reason").rows() == [
        ("b", "a value that the view does not know"), ("c", "lists of several lengths"), ("c", "lists of several lengths"), ("d", "an empty list"),
    ]  # fmt: skip
    assert count is not None and count(part) == outcome.kept.height + outcome.rejected.height


def test_a_missing_column_is_a_fault_of_the_recipe() -> None:
    given = Contract("solutions", "", (SOLUTIONS.columns[0],), "problem_id")
    assert "format: processbench needs the column 'steps'; put a task that makes it before" in VIEW.check(
        take_view("processbench"), given
    )


FAULTS = {
    "no document": "",
    "a key too many": OWN + "colour: red\n",
    "no fields": OWN.replace(OWN[OWN.index("fields:") : OWN.index("key:")], ""),
    "two sources": OWN.replace("id: solution_id", "id: {column: solution_id, constant: a}"),
    "no source": OWN.replace("id: solution_id", "id: {meaning: An id.}"),
    "code in a place": OWN.replace("{problem|line}", "{problem.__class__}"),
    "a filter that is none": OWN.replace("{problem|line}", "{problem|upper}"),
    "an open brace": OWN.replace("{problem|line}", "{problem"),
    "null without a type": OWN.replace("optional: true, type: integer", "optional: true"),
    "join without each": OWN.replace('each: [steps], text: "{number}. {steps}"', 'text: "{problem}", join: ", "'),
    "a key that is no field": OWN.replace("key: id", "key: solution_id"),
    "a refusal without a ground": OWN + "refuse: [{in: [steps], reason: never}]\n",
    "otherwise without map": OWN.replace("map: {right: 1, wrong: 0}", "otherwise: 1"),
    "parts without a text": OWN.replace("id: solution_id", "id: {column: solution_id, parts: {a: b}}"),
}


def test_faults_of_a_view_are_told_with_their_lines() -> None:
    messages = []
    for name, text in FAULTS.items():
        with pytest.raises(RecipeError) as caught:
            parse_view(text, "own.yaml")
        messages += [f"# {name}", str(caught.value)]
    golden.check(HERE / "bad-views.txt", "\n".join(messages) + "\n")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"view: [", b"a: &a [*a]"])
def test_no_file_ends_in_a_traceback(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"own\.yaml"):
        VIEWS.find("own.yaml", tmp_path)


def test_a_view_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'stepwise'"):
        VIEWS.find("stepwize", tmp_path)
    with pytest.raises(ValueError, match="cannot be read"):
        VIEWS.find("nowhere.yaml", tmp_path)
    assert all(yaml.safe_load(file.read_text())["view"] == file.stem for file in VIEWS.folder.glob("*.yaml"))


def test_the_page_of_views_shows_one_that_works(tmp_path: Path) -> None:
    blocks = list_blocks(Path(__file__).parents[2] / "docs/views.md")
    (text,) = [block.text for block in blocks if block.text.startswith("# asked.yaml")]
    view = parse_view(text, "asked.yaml")
    given = {"options": None, **view.sample.given}
    assert make_own(text, given, tmp_path).kept.to_dicts() == [view.sample.row]
