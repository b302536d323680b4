"""Each kind of gate passing and failing, warnings, examples, what cannot be checked, and what a release does about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.publish.card import render_gates
from catalog.storage import Store
from flows.gates import great_expectations as suites
from flows.gates.check import check_gates, list_results
from flows.gates.great_expectations import Suite
from flows.gates.result import GateError, format_result
from flows.planning.plan import Plan
from flows.publishing import publish as releasing
from flows.publishing.publish import publish_release
from schemas.columns.problems import RECORDS
from schemas.contract import DETAIL, REASON, Column, Contract
from schemas.frames import to_polars_schema
from schemas.recipe.expectations import Expected
from tests import golden
from tests.flows.gates.planned import CONTRACT, frame, planned, row

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[3]
HOSTILE = "<script>alert(1)</script> | [x](http://a.b) \x1b[31m \u202egnp.exe `code`\n# head"


def find_gate(plan: Plan, name: str) -> dict[str, Any]:
    """What was found at the recipe's only gate of a name."""
    (result,) = [item for item in list_results(plan) if item["expectation"] == name and item["declared"] != "contract"]
    return result


def dropped(*reasons: str) -> pl.DataFrame:
    columns = {"source": [f"f:{i}" for i in range(len(reasons))], "raw": [""] * len(reasons)}
    return pl.DataFrame({**columns, REASON.name: list(reasons), DETAIL.name: [""] * len(reasons)})


def rows(count: int = 9, **given: Any) -> pl.DataFrame:
    return frame([row(i, **given) for i in range(count)])


def test_rows_are_counted(tmp_path: Path) -> None:
    result = find_gate(planned(tmp_path, [rows(4), rows(5)], "  - {measure: rows, at_least: 9, at_most: 9}\n"), "rows")
    assert (result["passed"], result["observed"], result["wanted"]) == (True, 9, "at least 9 and at most 9")
    assert not find_gate(planned(tmp_path, [rows(4)], "  - {measure: rows, at_least: 5}\n"), "rows")["passed"]
    assert not find_gate(planned(tmp_path, [rows(4)], "  - {measure: rows, at_most: 3}\n"), "rows")["passed"]


def test_the_undecided_are_those_without_a_value(tmp_path: Path) -> None:
    parts = [rows(6), frame([row(7, error_type=None), row(8, error_type=None)])]
    gate = "  - {measure: undecided, column: error_type, at_most: %s}\n"
    result = find_gate(planned(tmp_path, parts, gate % 0.2), "undecided")
    assert (result["passed"], result["observed"]) == (False, 0.25)
    assert result["examples"] == [{"row": f"{i:08x}", "value": None} for i in (7, 8)]
    assert find_gate(planned(tmp_path, parts, gate % 0.25), "undecided")["passed"]


def test_rows_that_a_task_of_labels_rejects_are_undecided_too(tmp_path: Path) -> None:
    contract = CONTRACT.having(Column("error_type", "string", "Type.", nullable=True))
    plan = planned(
        tmp_path, [rows(6).select(contract.names())], "  - {measure: undecided, at_most: 0.1}\n",
        rejected=dropped("no vote", "no vote"), made_by="classify", contract=contract,
    )  # fmt: skip
    result = find_gate(plan, "undecided")
    assert (result["observed"], result["rows"]) == (0.25, 8)
    assert result["examples"] == [{"row": "f:0", "value": "no vote"}, {"row": "f:1", "value": "no vote"}]


@pytest.mark.parametrize(
    ("measure", "task", "observed"),
    [("retention", "world", 0.75), ("contamination", "decontaminate", 0.25), ("duplicates", "deduplicate", 0.25)],
)
def test_shares_of_what_tasks_reject(tmp_path: Path, measure: str, task: str, observed: float) -> None:
    bad, good = ("at_least: 0.9", "at_least: 0.7") if measure == "retention" else ("at_most: 0", "at_most: 0.25")
    for bound, passed in ((bad, False), (good, True)):
        gate = f"  - {{measure: {measure}, {bound}}}\n"
        result = find_gate(planned(tmp_path, [rows(6)], gate, rejected=dropped("a", "b"), made_by=task), measure)
        assert (result["passed"], result["observed"], result["rows"]) == (passed, observed, 8)
        assert result["examples"] == ([] if passed else [{"row": "f:0", "value": "a"}, {"row": "f:1", "value": "b"}])


def test_duplicates_are_found_across_parts(tmp_path: Path) -> None:
    parts = [rows(3), frame([row(3, text="Step 0.", problem_id="p0"), row(4, text=None), row(5, text=None)])]
    gate = "  - {measure: duplicates, columns: [problem_id, text], at_most: 0}\n"
    result = find_gate(planned(tmp_path, parts, gate), "duplicates")
    assert (result["passed"], result["observed"]) == (False, pytest.approx(2 / 6))
    assert [example["row"] for example in result["examples"]] == [f"{i:08x}" for i in (0, 3, 4, 5)]
    assert find_gate(planned(tmp_path, [rows(9)], gate), "duplicates")["passed"]


def test_a_key_that_is_in_two_parts_breaks_the_contract(tmp_path: Path) -> None:
    plan = planned(tmp_path, [rows(3), frame([row(2)])])
    missed = [result for result in list_results(plan) if not result["passed"]]
    assert [(item["expectation"], item["column"]) for item in missed] == [
        ("expect_column_values_to_be_unique", "solution_id")
    ]
    assert missed[0]["observed"] == "2 of 4 otherwise"
    assert missed[0]["examples"] == [{"row": "00000002", "value": "2 rows are so"}]


@pytest.mark.parametrize(
    ("given", "column"),
    [
        ({"problem_id": None}, "problem_id"), ({"tokens": -1}, "tokens"), ({"share": 1.5}, "share"), ({"shares": [2.0]}, "shares"),
        ({"shares": [-0.5, 1.0]}, "shares"), ({"steps": []}, "steps"), ({"steps": ["a", None]}, "steps"), ({"steps": None}, "steps"),
        ({"error_type": "other"}, "error_type"), ({"solution_id": "0000000g"}, "solution_id"), ({"solution_id": "00000009\n"}, "solution_id"),
        ({"first": None}, "first"),
    ],
)  # fmt: skip
def test_whatever_breaks_a_contract_is_found_in_its_row(tmp_path: Path, given: dict[str, Any], column: str) -> None:
    plan = planned(tmp_path, [rows(3), frame([row(9, **given), row(10)])])
    missed = [result for result in list_results(plan) if not result["passed"]]
    assert {item["column"] for item in missed} == {column}
    assert all("1 of 5" in item["observed"] and item["examples"] for item in missed)
    with pytest.raises(GateError, match=f"rows.{column}: expect_column_values"):
        check_gates(plan)


def test_what_keeps_its_contract_passes(tmp_path: Path) -> None:
    gates = check_gates(planned(tmp_path, [rows(5), frame([row(i) for i in range(5, 8)])]))
    assert len(gates) == 14 and all(gate["passed"] for gate in gates)


def test_labels_are_held_against_gold(tmp_path: Path) -> None:
    from catalog.sources import find_sources

    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        "".join(json.dumps({"id": f"{i:08x}", "steps": ["a", "b"], "label": i % 2}) + "\n" for i in range(8))
    )
    contract = CONTRACT.having(Column("id", "string", "Id."), Column("first_error", "integer", "Step.", nullable=True))
    labelled = rows(6).with_columns(id=pl.col("solution_id"), first_error=pl.Series([0, 1, 0, 0, None, -1]))
    gate = "  - {measure: precision, gold: gold.jsonl, at_least: %s}\n"
    for bound, passed in ((0.75, True), (0.8, False)):
        plan = planned(tmp_path, [labelled], gate % bound, contract=contract)
        sources = tuple(find_sources(str(gold), "gold.jsonl"))
        plan = replace(plan, jobs=(*plan.jobs[:-1], replace(plan.jobs[-1], sources=sources)))
        result = find_gate(plan, "precision")
        assert (result["observed"], result["rows"], result["passed"]) == (0.75, 4, passed), result
        assert "Wilson" in result["says"]
        assert result["examples"] == ([] if passed else [{"row": "00000003", "value": "step 1, truly step 2"}])


def test_labels_are_held_against_gold_columns_where_gold_is_known(tmp_path: Path) -> None:
    columns = (
        Column("first_error", "integer", "F.", nullable=True),
        Column("gold_first_error", "integer", "G.", nullable=True),
    )
    contract = Contract("l", "", (Column("solution_id", "string", "I."), Column("problem_id", "string", "I."), *columns), "solution_id")  # fmt: skip
    table = pl.DataFrame(
        [("a", "p", 0, 0), ("b", "p", 1, 0), ("c", "p", 1, None), ("d", "p", None, 1), ("e", "p", -1, 2)],
        schema=to_polars_schema(contract), orient="row",
    )  # fmt: skip
    result = find_gate(
        planned(tmp_path, [table], "  - {measure: precision, at_least: 0.9}\n", contract=contract), "precision"
    )
    assert (result["observed"], result["rows"], result["passed"]) == (0.5, 2, False)
    assert result["examples"] == [{"row": "b", "value": "step 2, truly step 1"}]


@pytest.mark.parametrize(("other", "kappa"), [([0, 1, 0, 1], 1.0), ([0, 1, 1, 1], 0.5), ([None] * 4, None)])
def test_kappa_of_labellers(tmp_path: Path, other: list[int | None], kappa: float | None) -> None:
    columns = (
        Column("judges", "strings", "J."), Column("judge_labels", "integers", "L."), Column("judge_faults", "strings", "F."),
        Column("judge_first_error", "integer", "J.", nullable=True), Column("estimate_first_error", "integer", "E.", nullable=True),
        Column("estimate_undecided", "string", "U.", nullable=True), Column("estimated_by", "string", "M."), Column("first_error", "integer", "F.", nullable=True),
    )  # fmt: skip
    contract = Contract(
        "a", "", (Column("solution_id", "string", "I."), Column("problem_id", "string", "I."), *columns), "solution_id"
    )
    table = pl.DataFrame(
        [(f"{i}", "p", ["m #1"], [label], [""], label, other[i], "no" if other[i] is None else None, "binary", label) for i, label in enumerate([0, 1, 0, 1])],
        schema=to_polars_schema(contract), orient="row",
    )  # fmt: skip
    plan = planned(
        tmp_path, [table[:2], table[2:]], "  - {measure: kappa, at_least: 0.9}\n", made_by="agree", contract=contract
    )
    result = find_gate(plan, "kappa")
    assert (result["observed"], result["passed"]) == (kappa, kappa == 1.0)
    if kappa is None:
        assert "could not be checked (no two labellers have decided" in format_result(result)


@pytest.mark.parametrize("measure", ["kappa", "confirmed"])
def test_who_tests_the_steps_of_another_confirms_them_and_agrees_with_nobody(tmp_path: Path, measure: str) -> None:
    columns = (
        Column("judges", "strings", "J."), Column("judge_labels", "integers", "L."), Column("judge_faults", "strings", "F."),
        Column("judge_first_error", "integer", "J.", nullable=True), Column("estimate_first_error", "integer", "E.", nullable=True),
        Column("estimate_undecided", "string", "U.", nullable=True), Column("estimated_by", "string", "M."),
        Column("first_error", "integer", "F.", nullable=True),
    )  # fmt: skip
    ids = (Column("solution_id", "string", "I."), Column("problem_id", "string", "I."))
    contract = Contract("a", "", (*ids, *columns), "solution_id")
    labels = [(0, 0), (1, 1), (2, None), (-1, None)]
    table = pl.DataFrame(
        [(f"{i}", "p", ["m #1"], [judge], [""], judge, mc, None if mc is not None else "no", "witness, 8 rollouts", judge) for i, (judge, mc) in enumerate(labels)],
        schema=to_polars_schema(contract), orient="row",
    )  # fmt: skip
    plan = planned(
        tmp_path,
        [table[:2], table[2:]],
        f"  - {{measure: {measure}, at_least: 0.5}}\n",
        made_by="agree",
        contract=contract,
    )
    result = find_gate(plan, measure)
    if measure == "kappa":
        assert result["observed"] is None and "estimation tested the very steps that m named" in format_result(result)
    else:
        assert (result["observed"], result["rows"]) == (pytest.approx(2 / 3), 3) and "confirmed 2 of 3 of m" in result[
            "says"
        ]


@pytest.mark.parametrize(("sure", "passed"), [(0.7, True), (0.99, False)])
def test_what_labels_expect_of_themselves_is_held_to_what_is_measured(
    tmp_path: Path, sure: float, passed: bool
) -> None:
    columns = (
        Column("first_error", "integer", "F."), Column("probability", "number", "P."),
        Column("gold_first_error", "integer", "G.", nullable=True, released=False),
    )  # fmt: skip
    ids = (Column("solution_id", "string", "I."), Column("problem_id", "string", "I."))
    contract = Contract("a", "", (*ids, *columns), "solution_id")
    rows_ = [(f"{i}", "p", 1, sure, None if i > 39 else 1 if i % 4 else 0) for i in range(60)]
    table = pl.DataFrame(rows_, schema=to_polars_schema(contract), orient="row")
    plan = planned(tmp_path, [table], "  - {measure: calibration, at_most: 0.02}\n", made_by="agree", contract=contract)
    result = find_gate(plan, "calibration")
    assert result["passed"] == passed
    assert f"expected {100 * sure:.1f} %, measured 75.0 %" in result["says"]


@pytest.mark.parametrize(("gold", "f1"), [([1, 1, 1, -1, -1, -1], 4 / 9), ([1, 1, 1, 1, 1, 1], None)])
def test_f1_is_of_solutions_with_a_wrong_step_and_without(tmp_path: Path, gold: list[int], f1: float | None) -> None:
    columns = (
        Column("first_error", "integer", "F.", nullable=True), Column("verdict", "string", "V."),
        Column("gold_first_error", "integer", "G.", nullable=True, released=False),
    )  # fmt: skip
    ids = (Column("solution_id", "string", "I."), Column("problem_id", "string", "I."))
    contract = Contract("a", "", (*ids, *columns), "solution_id")
    labels = [1, 0, None, -1, -1, None]  # of three with a wrong step one is exact, of three without two
    rows_ = [(f"{i}", "p", label, "right", known) for i, (label, known) in enumerate(zip(labels, gold))]
    table = pl.DataFrame(rows_, schema=to_polars_schema(contract), orient="row")
    plan = planned(
        tmp_path, [table[:4], table[4:]], "  - {measure: f1, at_least: 0.5}\n", made_by="agree", contract=contract
    )
    result = find_gate(plan, "f1")
    if f1 is None:
        assert not result["passed"] and "one of the two is missing" in format_result(result)
        return
    assert result["observed"] == pytest.approx(f1, abs=1e-4)
    assert result["rows"] == 6 and "exact 1 of 3 with a wrong step, 2 of 3 without" in result["says"]


def test_drift_from_the_last_release(tmp_path: Path) -> None:
    gate = "  - {measure: drift, column: error_type, at_most: 0.1}\n"
    first = planned(tmp_path, [rows(9)], gate)
    result = find_gate(first, "drift")
    assert (result["passed"], result["observed"]) == (None, None) and "nothing was released before" in result["says"]
    publish_release(first)
    moved = rows(9).with_columns(error_type=pl.lit("unit"))
    plan = planned(tmp_path, [moved[:4], moved[4:]], gate, version="2.0.0")
    result = find_gate(plan, "drift")
    assert (result["passed"], result["observed"]) == (False, pytest.approx(2 / 3)) and "since 1.0.0" in result["says"]
    assert result["examples"][0] == {"row": "unit", "value": "+66.7 points"}
    assert find_gate(planned(tmp_path, [rows(9)], gate, version="2.0.0"), "drift")["observed"] == 0


def test_a_failing_gate_publishes_nothing_and_a_relaxed_one_does(tmp_path: Path) -> None:
    gates = "  - {measure: rows, at_least: 100}\n  - {expect: column_values_to_match_regex, column: text, regex: ^No}\n"
    plan = planned(tmp_path, [rows(3), frame([row(3, text=HOSTILE)])], gates)
    with pytest.raises(GateError) as error:
        publish_release(plan)
    golden.check(HERE / "refusal.txt", f"{error.value}\n")
    assert Store(str(tmp_path)).names("releases") == []
    assert len(Store(str(tmp_path)).names(f"{plan.jobs[0].folder().path}/parts")) == 2
    relaxed = planned(tmp_path, [rows(3)], "  - {measure: rows, at_least: 3}\n")
    manifest = publish_release(relaxed)
    (rows_found,) = [gate for gate in manifest["gates"] if gate["expectation"] == "rows"]
    assert rows_found == {
        "view": "rows", "expectation": "rows", "column": None, "says": "rows of rows: at least 3.", "severity": "fail",
        "passed": True, "observed": 3, "wanted": "at least 3", "examples": [], "rows": 3, "declared": "gates[0]", "fault": None,
    }  # fmt: skip
    card = (tmp_path / "releases/trial/1.0.0/README.md").read_text()
    assert "| rows | rows | at least 3 | 3 | passed |" in card
    assert "expectations that follow from the columns' contracts were met" in card


def test_a_warning_is_told_and_releases(tmp_path: Path) -> None:
    gate = "  - {expect: column_values_to_match_regex, column: text, regex: ^No, severity: warn}\n"
    manifest = publish_release(planned(tmp_path, [frame([row(0, text=HOSTILE)])], gate))
    (warned,) = [item for item in manifest["gates"] if not item["passed"]]
    assert (warned["severity"], warned["observed"]) == ("warn", "1 of 1 otherwise")
    (value,) = [example["value"] for example in warned["examples"]]
    assert "\x1b" not in value and "\u202e" not in value and "\n" not in value
    card = (tmp_path / "releases/trial/1.0.0/README.md").read_text()
    result = card[card.index("## What it had to satisfy") :].split("\n## ")[0]
    assert "<script>" not in result and "&lt;script&gt;" in result and "**warning**" in result
    assert "[x](" not in result and "`code`" not in result and "\n# head" not in result
    assert render_gates(manifest["gates"]) == result.strip().split("\n")[2:]


def test_without_gates_nothing_is_asked_and_great_expectations_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "load_library", lambda: pytest.fail("imports Great Expectations"))
    bad = frame([row(0, tokens=-5)])
    assert check_gates(planned(tmp_path, [bad], None)) == []
    assert publish_release(planned(tmp_path, [bad], None))["gates"] == []


DRIFTED: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "missing": (lambda part: part.drop("tokens"), "lacks tokens"),
    "type": (lambda part: part.with_columns(pl.col("tokens").cast(pl.String)), "tokens is String, not Int64"),
    "order": (lambda part: part.select(reversed(part.columns)), "column 1 is sure, not solution_id"),
    "extra": (lambda part: part.with_columns(more=pl.lit(1)), "more is too many"),
}


@pytest.mark.parametrize("gates", ["[]", None], ids=["gates", "none"])
@pytest.mark.parametrize("kind", DRIFTED)
def test_a_part_with_other_columns_stops_the_release(tmp_path: Path, kind: str, gates: str | None) -> None:
    change, result = DRIFTED[kind]
    plan = planned(tmp_path, [rows(3), change(frame([row(4)]))], gates)
    with pytest.raises(GateError) as error:
        publish_release(plan)
    assert "rows: same_columns: found 1 of 2 parts that differ, wanted every part has" in str(error.value)
    assert f"parts/00001.parquet ({result})" in str(error.value)
    assert Store(str(tmp_path)).names("releases") == []


def test_what_fails_inside_great_expectations_says_nothing_of_the_data() -> None:
    suite = Suite([Expected("expect_column_values_to_match_regex", {"column": "n", "regex": "["})], "k")
    suite.add(pl.DataFrame({"k": ["a"], "n": ["x"]}))
    (tally,) = suite.tallies
    assert tally.fault and not tally.passed(1.0) and not tally.examples
    result = format_result({"view": "t", "column": "n", "expectation": "e", "fault": tally.fault})
    assert result.startswith("t.n: e could not be checked (") and result.endswith("this says nothing of the data")


def test_a_column_that_vanished_under_an_expectation_is_a_fault_of_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Suite, rows: pl.DataFrame) -> object:
        return rows.select(self.key).to_pandas()

    monkeypatch.setattr(Suite, "_seen", broken)
    results = list_results(
        planned(tmp_path, [rows(3)], "  - {expect: column_values_to_be_null, column: text, severity: warn}\n")
    )
    asked = [result for result in results if result["expectation"] == "expect_column_values_to_be_null"]
    assert all(item["fault"] and item["observed"] is None and not item["passed"] for item in asked)


@pytest.mark.build
def test_nothing_is_told_to_anybody_over_a_network(tmp_path: Path) -> None:
    script = (
        "import socket, sys, pathlib, os, tempfile\n"
        "def refuse(*given, **named): print('NETWORK', given, flush=True); raise OSError('no network')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from flows.gates.check import check_gates\n"
        "from tests.flows.gates.planned import frame, planned, row\n"
        "found = check_gates(planned(pathlib.Path(sys.argv[1]), [frame([row(1)])]))\n"
        "print(len(found), os.environ['GX_ANALYTICS_ENABLED'], os.listdir(tempfile.gettempdir()))\n"
    )
    empty = tmp_path / "tmp"
    empty.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GX_")},
        "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}", "TMPDIR": str(empty), "HOME": str(empty), "GX_ANALYTICS_ENABLED": "true",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "s")], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "14 false []\n"


def test_releases_name_the_version_of_great_expectations() -> None:
    assert "great-expectations" in releasing.LIBRARIES
    assert RECORDS.key == "source"
