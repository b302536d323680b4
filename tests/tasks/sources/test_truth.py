"""`truth`: gold from programs, injections and files of labels; what is not known is null with a reason, never guessed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import sources
from catalog.records.read import read_batches
from schemas.columns.gold import GOLD_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from schemas.task import Record
from tasks import TASKS
from tasks.sources.truth import GOLD_SCHEMA, TRUTH_TASK, TruthParameters, read_program
from tasks.synthetic.problems import make_problem
from tasks.synthetic.solution import solve_right, write_solution

STEPS = Contract(
    "s",
    "",
    (
        Column("solution_id", "string", "I."),
        Column("question", "string", "Q."),
        Column("steps", "strings", "S."),
        Column("program", "string", "P.", nullable=True),
        Column("injected_at", "integer", "A.", nullable=True),
        Column("injected_type", "string", "T.", nullable=True),
        Column("injected_taxonomy", "string", "X.", nullable=True),
    ),
    "solution_id",
)
PROGRAM = make_problem(0, 7, 3, "test").program
SOLUTION = write_solution(*solve_right(PROGRAM)).splitlines()


def row(id: str = "a", **given: Any) -> dict[str, Any]:
    return {"solution_id": id, "question": "How many?", "steps": ["x = 1", "y = 2"], "program": None, **given}


def gold(
    rows: Sequence[dict[str, Any]], labels: Sequence[Record] = (), parts: int = 1, **parameters: Any
) -> dict[str, tuple[Any, ...]]:
    """Gold of each row by its key: step, type, taxonomy, origin, why it is not known."""
    rules = TruthParameters.model_validate(parameters)
    assert TRUTH_TASK.check(rules, STEPS) == []
    frame = pl.DataFrame(list(rows), schema=to_polars_schema(STEPS)).select(
        list(dict.fromkeys(["solution_id", *TRUTH_TASK.reads(rules, STEPS)]))
    )
    size = -(-frame.height // parts) or 1
    table = [frame[i : i + size] for i in range(0, frame.height, size)]
    with tempfile.TemporaryDirectory() as folder:
        results = list(TRUTH_TASK.run(table, [[list(labels)]], rules, Path(folder)))
    assert all(item.schema == GOLD_SCHEMA for item in results)
    result = {key: tuple(rest) for item in results for key, *rest in item.iter_rows()}
    assert set(result) == {item["solution_id"] for item in rows}  # in = kept + rejected, and none is rejected
    known = pl.concat(results).rename({"key": "solution_id"})
    check(known, Contract("g", "", (STEPS.columns[0], *GOLD_COLUMNS), "solution_id"), "g")
    assert known.filter(pl.col("gold_first_error").is_null() == pl.col("gold_unknown").is_null()).is_empty()
    return result


def records(*values: dict[str, Any] | None) -> list[Record]:
    return [Record(f"gold.jsonl:{i}", value, fault=None if value else ("not JSON", "cut off")) for i, value in enumerate(values, 1)]  # fmt: skip


def label(id: str, step: Any, steps: Sequence[str] = ("x = 1", "y = 2"), **more: Any) -> dict[str, Any]:
    return {"id": id, "label": step, "steps": list(steps), "problem": "How many?", **more}


def test_gold_follows_from_a_program() -> None:
    wrong = [*SOLUTION]
    wrong[1] = "77777 + 1 = 77778"
    rows = [
        row("right", program=PROGRAM.dump(), steps=SOLUTION),
        row("wrong", program=PROGRAM.dump(), steps=wrong),
        row("broken", program="{"),
        row("none"),
        row("empty", program=PROGRAM.dump(), steps=[]),
    ]
    result = gold(rows, source="program", parts=3)
    assert result["right"] == (-1, None, None, "program", None)
    assert result["wrong"][0] == 1 and result["wrong"][1] and result["wrong"][2:] == ("abacus", "program", None)
    assert result["broken"] == (None, None, None, None, "not a program")
    assert result["none"] == (None, None, None, None, "missing field")
    assert result["empty"] == (None, None, None, None, "wrong type")


def test_gold_follows_from_an_injection() -> None:
    rows = [
        row("made", injected_at=1, injected_type="unit", injected_taxonomy="abacus@1.0.0"),
        row("left", injected_at=-1, injected_taxonomy="abacus@1.0.0"),
        row("beyond", injected_at=2, injected_type="unit", injected_taxonomy="abacus@1.0.0"),
        row("both", injected_at=-1, injected_type="unit", injected_taxonomy="abacus@1.0.0"),
        row("none"),
    ]
    result = gold(rows, source="injection")
    assert result == {
        "made": (1, "unit", "abacus@1.0.0", "injection", None),
        "left": (-1, None, None, "injection", None),
        "beyond": (None, None, None, None, "out of range"),
        "both": (None, None, None, None, "contradictory"),
        "none": (None, None, None, None, "missing field"),
    }


def test_gold_is_joined_from_a_file_by_id() -> None:
    labels = records(
        label("a", 1), label("b", -1), label("b", -1), label("c", 0), label("c", 1), label("d", 5), label("e", 0, ["x = 1"]),
        label("f", "first"), None, {"label": 1}, label("nobody", 1),
    )  # fmt: skip
    result = gold([row(id) for id in "abcdefg"], labels, parts=2, source="file", files="gold.jsonl")
    assert result == {
        "a": (1, None, None, "file", None),
        "b": (-1, None, None, "file", None),
        "c": (None, None, None, None, "labels contradict each other"),
        "d": (None, None, None, None, "out of range"),
        "e": (None, None, None, None, "labels are of other steps"),
        "f": (None, None, None, None, "not a step number"),
        "g": (None, None, None, None, "not among the labels"),
    }


def test_gold_is_joined_from_a_file_by_the_words_of_question_and_steps() -> None:
    rows = [row("a"), row("b", steps=["x = 1 y = 2"]), row("c", question="How few?")]
    labels = records(label("gsm8k-0", 1, ["x  = 1 ", "Y = 2"], problem="how\nmany?"), label("gsm8k-1", 1, problem=None))
    result = gold(rows, labels, source="file", files=["gold.jsonl"], match="text")
    assert result["a"] == (1, None, None, "file", None)
    assert {result[id][4] for id in "bc"} == {"not among the labels"}


def test_a_mapping_of_its_own_names_ids_steps_and_types() -> None:
    fields = {"id": ["who", "n"], "first_error": "at", "base": 1, "none": ["none"], "type": {"path": "why", "optional": True}, "taxonomy": {"value": "lemma"}}  # fmt: skip
    labels = records({"who": "m", "n": 1, "at": 2, "why": "unit"}, {"who": "m", "n": 2, "at": "none"}, {"who": "m", "n": 3, "at": 3})  # fmt: skip
    result = gold([row(f"m/{i}") for i in (1, 2, 3)], labels, source="file", files="l.jsonl", fields=fields)
    assert result["m/1"] == (1, "unit", "lemma", "file", None)
    assert result["m/2"] == (-1, None, None, "file", None)
    assert result["m/3"] == (None, None, None, None, "out of range")  # the table has two steps


def test_hostile_labels_spoil_no_other(tmp_path: Path) -> None:
    deep = "[" * 100_000
    lines = [
        '{"id": "a", "label": 1, "steps": ["x = 1", "y = 2"]}', deep, '{"id": "b", "label": 1e400, "steps": ["x"]}', "\x00", "[]",
        '{"id": "\\ud800", "label": 0, "steps": ["x"]}', '{"id": {"x": 1}, "label": 0, "steps": ["x"]}',
        '{"id": "c", "label": 0, "steps": ["\\ud800"]}', '{"id": "d", "label": 0, "steps": "x"}', '{"id": "' + "e" * 200_000 + '", "label": 0}',
        '{"id": "f", "label": 0, "steps": ["' + "x" * 200_000 + '"]}', '{"id": "g", "label": true, "steps": ["x", "y"]}',
    ]  # fmt: skip
    (tmp_path / "gold.jsonl").write_text("\n".join(lines), "utf-8")
    (source,) = sources.find_sources(str(tmp_path / "gold.jsonl"), "gold.jsonl")
    labels = [record for batch, _ in read_batches(source) for record in batch]
    result = gold([row(id) for id in "abcdfgh"], labels, source="file", files="gold.jsonl")
    assert result["a"] == (1, None, None, "file", None)
    assert all(result[id][0] is None and result[id][4] for id in "bcdfgh")
    assert result["h"][4] == "not among the labels"


values = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.floats()
    | st.lists(st.text(max_size=3), max_size=3)
)


@given(st.lists(st.fixed_dictionaries({}, optional={"id": values, "label": values, "steps": values, "problem": values}), max_size=5), st.sampled_from(["id", "text"]))  # fmt: skip
def test_whatever_a_file_holds_gold_is_a_step_of_the_solution_or_unknown(
    labels: list[dict[str, Any]], match: str
) -> None:
    result = gold([row("a"), row("1")], records(*labels), source="file", files="gold.jsonl", match=match)
    for step, _, _, origin, why in result.values():
        assert (step in (-1, 0, 1) and origin == "file") if why is None else (step is None and origin is None)


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"source": "file"}, "files: is needed by the source `file`, and by that alone"),
        ({"source": "program", "files": ["x.jsonl"]}, "files: is needed by the source `file`, and by that alone"),
        ({"source": "file", "files": ["x"], "format": "truth"}, "format: unknown format 'truth'; there are processbench, mr-ben, verify-then-generate, bigbench-mistake"),
        ({"source": "file", "files": ["x"], "id": "row"}, "source: file needs columns that the table has not: row"),
        ({"source": "file", "files": ["x"], "match": "text", "fields": {"first_error": "at"}}, "match: labels without steps cannot be matched by text; name their field in `fields`"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_go_together(parameters: dict[str, Any], fault: str) -> None:
    assert TRUTH_TASK.check(TruthParameters.model_validate(parameters), STEPS) == [fault]


def test_a_table_without_programs_has_no_gold_by_them() -> None:
    bare = Contract(
        "s",
        "",
        tuple(column for column in STEPS.columns if column.name not in ("program", "injected_at")),
        "solution_id",
    )
    (fault,) = TRUTH_TASK.check(TruthParameters(source="program"), bare)
    assert fault == "source: program needs columns that the table has not: program"
    (fault,) = TRUTH_TASK.check(TruthParameters(source="injection"), bare)
    assert fault == "source: injection needs columns that the table has not: injected_at"


def test_gold_columns_are_not_released() -> None:
    contract = TRUTH_TASK.makes(TruthParameters(source="program"), STEPS)
    assert contract.names()[-5:] == tuple(column.name for column in GOLD_COLUMNS)
    assert contract.as_released() == STEPS


def test_records_with_programs_get_gold_by_the_same_code() -> None:
    value = {"program": PROGRAM.dump(), "steps": SOLUTION, "x": 1}
    record = read_program(Record("f:1", value))
    assert record.value is not None and (record.value["gold_first_error"], record.value["x"]) == (-1, 1)
    for bad, reason in (
        ({"program": "{"}, "not a program"),
        ({"steps": None}, "missing field"),
        ({"steps": [1]}, "wrong type"),
    ):
        fault = read_program(Record("f:1", value | bad)).fault
        assert fault is not None and fault[0] == reason
    assert read_program(Record("f:1", None, fault=("not JSON", "cut"))).fault == ("not JSON", "cut")


@pytest.mark.parametrize("task", ["split", "inject"])
def test_gold_does_not_outlive_the_steps_that_it_is_of(task: str) -> None:
    known = TRUTH_TASK.makes(TruthParameters(source="program"), STEPS)
    contract = TASKS[task].makes(None, known)
    assert not {column.name for column in GOLD_COLUMNS} & set(contract.names()) and "solution_id" in contract.names()
