"""`errata evaluate` of verdicts before and after: turns of a revision, flips between models, and any two columns."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from errata.cli.exit_codes import DONE, WRONG

from flows.metrics.critics import Critiques
from flows.metrics.evaluate import RowsAt
from schemas.task import Record
from tasks.synthetic.program import Program, ProgramStep, Ref
from tests.command import Run, run_here
from tests.golden import check

HERE = Path(__file__).parent
VERDICTS = [("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"), ("wrong", "undecided")]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    return lambda *arguments: run_here(capsys, "evaluate", *arguments)


def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def list_turns() -> list[dict[str, Any]]:
    """Thirty chains of two turns, and in a third of them a third."""
    rows: list[dict[str, Any]] = []
    for chain in range(30):
        before, after = VERDICTS[chain % 5]
        common: dict[str, Any] = {
            "problem_id": f"p{chain % 15}",
            "chain_id": f"c{chain}",
            "critic": None,
            "feedback_kind": None,
            "model": "pupil",
            "turn_id": f"{chain}-0",
        }
        rows.append(
            common | {"turn": 0, "verdict": before, "verdict_before": None, "answer_before": None, "extracted": "5"}
        )
        second = common | {
            "critic": "teacher" if chain % 2 else "pupil",
            "feedback_kind": "critique",
            "turn_id": f"{chain}-1",
        }
        second |= {"parent_id": f"{chain}-0", "critique_first_error": 1 if before == "wrong" else -1}
        rows.append(
            second | {"turn": 1, "verdict": after, "verdict_before": before, "answer_before": "5", "extracted": "5.0"}
        )
        if chain % 3 == 0:
            rows.append(
                second
                | {
                    "turn": 2,
                    "critique_first_error": None,
                    "verdict": "right",
                    "verdict_before": after,
                    "answer_before": "5",
                    "extracted": "4",
                }
            )
    return rows


def test_the_screen_of_turns(run: Run) -> None:
    write(list_turns())
    result = run("rows.jsonl")
    assert (result.code, result.err) == (DONE, "")
    assert max(map(len, result.out.splitlines())) <= 80
    check(HERE / "evaluate-turns.txt", result.out)


def test_each_attempt_stands_beside_the_one_it_revises(run: Run) -> None:
    write(list_turns())
    groups = json.loads(run("rows.jsonl", "--json").out)["groups"]
    assert list(groups) == [f"turn {turn}: critique, {critic}" for turn in (1, 2) for critic in ("pupil", "teacher")]
    first = groups["turn 1: critique, teacher"]
    assert (first["pairs"], first["undecided"], first["problems"]) == (15, 3, 12)
    assert first["counts"] == {
        "right to right": 3,
        "right to wrong": 3,
        "wrong to right": 3,
        "wrong to undecided": 3,
        "wrong to wrong": 3,
    }
    assert first["wrong_with_same_answer"] == 3
    assert (first["figures"]["acc1"], first["figures"]["cl"], first["figures"]["cs"]) == (0.5, 0.5, 0.5)


def test_flips_are_read_without_being_named(run: Run) -> None:
    write([
        {"problem_id": "a", "set": "sums", "old_verdict": "wrong", "new_verdict": "wrong", "flip": "still wrong, same answer"},
        {"problem_id": "b", "set": "sums", "old_verdict": "right", "new_verdict": "wrong", "flip": "newly wrong"},
        {"problem_id": "c", "set": "times", "old_verdict": "wrong", "new_verdict": "right", "flip": "fixed"},
    ])  # fmt: skip
    document = json.loads(run("rows.jsonl", "--json").out)
    assert document["kind"] == "flips"
    assert document["groups"]["sums"]["figures"] | {"rss": 0} == {
        "acc1": 0.5, "acc2": 0.0, "cl": 0.0, "cs": 0.0, "rss": 0, "nfr": 0.5, "correction": -1.0,
    }  # fmt: skip
    assert document["groups"]["sums"]["wrong_with_same_answer"] == 1
    assert document["groups"]["times"]["figures"]["cl"] is None


def test_any_two_columns_of_a_file(run: Run) -> None:
    write(
        [{"question": f"q{i}", "previous_score": i % 2 == 0, "score": i % 3 == 0} for i in range(12)]
        + [{"question": "q", "previous_score": None, "score": True}]
    )
    (group,) = json.loads(run("rows.jsonl", "--before", "previous_score", "--after", "score", "--json").out)[
        "groups"
    ].values()
    assert group["counts"] == {
        "right to right": 2,
        "right to wrong": 4,
        "undecided to right": 1,
        "wrong to right": 2,
        "wrong to wrong": 4,
    }


def list_critiques() -> list[dict[str, Any]]:
    """Six attempts of a program's problem, each criticized: wrong at their second step, or right."""
    times, plus = (
        ProgramStep("*", Ref("q", 0), Ref("q", 1), "apples"),
        ProgramStep("+", Ref("q", 2), Ref("s", 0), "apples"),
    )
    program = Program((3, 6, 40), (times, plus)).dump()
    said = [(True, 1, 1.0), (True, 0, None), (True, -1, None), (True, None, None), (False, -1, None), (False, 0, None)]
    return [
        {
            "problem_id": f"p{i}", "set": "s" if wrong else "t", "turn": 1, "verdict_before": "wrong" if wrong else "right", "verdict": "right", "feedback_kind": "critique",
            "critic": "judge", "critique_first_error": label, "critique_explained": explained, "program": program,
            "steps_before": ["3 * 6 = 18 apples", "40 + 18 = 68 apples\n#### 68" if wrong else "40 + 18 = 58 apples\n#### 58"],
        }
        for i, (wrong, label, explained) in enumerate(said)
    ]  # fmt: skip


def test_critics_stand_beside_verdicts_and_truth(run: Run) -> None:
    write(list_critiques())
    (critic,) = json.loads(run("rows.jsonl", "--json").out)["critics"].values()
    # answers: two of four wrong ones caught, one missed, one unread; of two right ones one passes
    assert critic["answers"]["f1"] == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert (
        critic["answers"]["criticbench_f1"] == critic["answers"]["f1"]
    )  # what is unread is wrong here: missed in both
    assert (critic["unread"], critic["located"]["hits"], critic["located"]["of"]) == (1, 1, 4)
    # steps: of four wrong ones one is caught; called wrong are it, the first step of the second attempt, and that of the sixth
    precision, recall = 1 / 3, 1 / 4
    assert critic["steps"]["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert critic["explanation_f1"] == critic["steps"]["f1"]
    assert critic["viscore"] == pytest.approx((critic["answers"]["f1"] * critic["steps"]["f1"] ** 2) ** (1 / 3))
    # by set: of four wrong ones two are caught, none of two right ones is wrong
    assert critic["sets"]["s"]["criticbench_f1"] == pytest.approx(2 / 3)
    assert critic["sets"]["t"]["criticbench_f1"] is None


def test_who_revises_its_own_attempts_and_who_another_s(run: Run) -> None:
    common: dict[str, Any] = {"problem_id": "p", "critic": None, "verdict_before": None, "verdict": "wrong"}
    write([
        common | {"turn": 0, "turn_id": "a0", "parent_id": None, "model": "m"},
        common | {"turn": 1, "turn_id": "a1", "parent_id": "a0", "model": "m", "verdict_before": "wrong", "verdict": "right"},
        common | {"turn": 2, "turn_id": "a2", "parent_id": "a1", "model": "m", "verdict_before": "right", "verdict": "right"},
        common | {"turn": 0, "turn_id": "b0", "parent_id": None, "model": "n"},
        common | {"turn": 1, "turn_id": "b1", "parent_id": "b0", "model": "m", "verdict_before": "wrong", "verdict": "wrong"},
        # a critic's critique is what RealCritic measures, whoever revises after it
        common | {"turn": 1, "turn_id": "b2", "parent_id": "b0", "model": "m", "critic": "n", "verdict_before": "wrong", "verdict": "right"},
        common | {"turn": 1, "turn_id": "c1", "parent_id": "gone", "model": "m", "verdict_before": "wrong", "verdict": "right"},
    ])  # fmt: skip
    scenarios = json.loads(run("rows.jsonl", "--json").out)["scenarios"]
    shares = {name: (group["wrong_to_right"]["hits"], group["wrong_to_right"]["of"]) for name, group in scenarios.items()}  # fmt: skip
    assert shares == {"self": (2, 2), "cross": (0, 1), "iterative": (0, 0)}
    assert scenarios["iterative"]["right_to_right"]["rate"] == 1
    assert scenarios["self"]["wrong_to_wrong"]["rate"] == 0


def test_realcritics_shares_are_of_pairs_by_what_the_answer_was(run: Run) -> None:
    # RealCritic, section 4: one problem of three attempts weighs three times; CL weighs each problem once
    write(
        [{"question": "q", "a": True, "b": True} for _ in range(3)]
        + [{"question": "r", "a": True, "b": False}, {"question": "r", "a": False, "b": None}]
    )
    (group,) = json.loads(run("rows.jsonl", "--before", "a", "--after", "b", "--json").out)["groups"].values()
    assert group["by_prior"]["right_to_right"]["rate"] == 0.75
    assert group["by_prior"]["wrong_to_right"]["of"] == 0  # what came of it is undecided
    assert group["figures"]["cl"] == 0.5


def test_rows_that_cannot_be_read_are_counted(run: Run) -> None:
    rows = [{"question": f"q{i}", "a": True, "b": i > 0} for i in range(3)]
    write(rows)
    with Path("rows.jsonl").open("a") as file:
        file.write('{"question": "q3", "a": tr\n[]\n')
    result = run("rows.jsonl", "--before", "a", "--after", "b")
    assert "5 rows are 3 pairs of verdicts, 2 rejected" in result.out
    assert "2 rows cannot be used:" in result.out and "rows.jsonl:4" in result.out
    document = json.loads(run("rows.jsonl", "--before", "a", "--after", "b", "--json").out)
    assert document["rows_in"] == 5 == document["pairs"] + document["first_attempts"] + len(document["rejected"])
    assert [row["source"] for row in document["rejected"]] == ["rows.jsonl:4", "rows.jsonl:5"]


def test_critiques_that_could_not_be_read_are_among_the_rejected_rows_of_a_table() -> None:
    job = SimpleNamespace(parameters=SimpleNamespace(critics=["c"]), models=[SimpleNamespace(name="c", named="judge")])
    rejects = [
        {"reason": "no critique", "detail": "turn 1: unparsable", "verdict": "right"},
        {"reason": "no critique", "detail": "turn 2: unparsable", "verdict": "wrong"},
        {"reason": "no revision", "detail": "turn 1", "verdict": "wrong"},
        {"reason": "no critique", "detail": "turn 1", "verdict": "undecided"},
    ]
    records = [Record(f"t:{i}", row) for i, row in enumerate(rejects, 1)]
    place = RowsAt("t", lambda: iter(()), job, rejects=lambda: iter(records))  # type: ignore[arg-type]
    critiques = Critiques()
    critiques.add_unread(place)
    (critic,) = critiques.summarize().values()
    assert (critic.unread, critic.undecided, critic.critique.answers.open_right) == (2, 1, 1)


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ([{"a": True, "b": True}], ["--before", "a"], "rows.jsonl: name both columns of verdicts, --before and --after"),
        ([{"a": True, "bee": True}], ["--before", "a", "--after", "be"], "rows.jsonl: no column 'be'; did you mean 'bee'?"),
        ([{"a": True, "b": "yes"}], ["--before", "a", "--after", "b"], "rows.jsonl:1: b is 'yes', expected right, wrong, undecided, true, false or null"),
        ([{"a": True, "b": [1]}], ["--before", "a", "--after", "b"], "rows.jsonl:1: b is '[1]', expected right, wrong, undecided, true, false or null"),
        (
            [{"turn": 0, "verdict": "right", "verdict_before": None, "problem_id": "p"}, {"problem_id": "p"}], [],
            "rows.jsonl:2: has no turn, expected turn, verdict_before, verdict, problem_id in each row of turns",
        ),
        (
            [{"turn": 0, "verdict": "right", "verdict_before": None, "problem_id": "p"}], [],
            "rows.jsonl: no row holds a verdict before and one after; turns need one behind the first",
        ),
    ],
)  # fmt: skip
def test_rows_that_hold_no_pairs(run: Run, rows: list[dict[str, Any]], arguments: list[str], message: str) -> None:
    write(rows)
    result = run("rows.jsonl", *arguments)
    assert (result.code, result.out) == (WRONG, "")
    assert result.err.strip() == message
