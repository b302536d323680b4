"""`errata evaluate` from end to end: what it prints, and what it says of labels and gold that do not fit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from errata.cli.exit_codes import DONE, MISSING, WRONG

from catalog.tables import Manifest, PartitionCommit
from flows.planning import plan as planning
from tasks.synthetic.task import WorldParameters, make_world
from tests.command import Run, run_here
from tests.golden import check

HERE = Path(__file__).parent
STEPS = ["a", "b", "c", "d"]
GOLD = [("gsm8k-0", 1), ("gsm8k-1", -1), ("gsm8k-2", 3), ("math-0", 0), ("math-1", 2), ("math-2", -1)]
LABELS: list[dict[str, Any]] = [
    {"id": "gsm8k-0", "judge_first_error": 1, "mc_first_error": 2},
    {"id": "gsm8k-1", "judge_first_error": -1, "mc_first_error": -1},
    {"id": "gsm8k-2", "judge_first_error": None, "mc_first_error": 3},
    {"id": "math-0", "judge_first_error": 0, "mc_first_error": -1},
    {"id": "math-1", "judge_first_error": 0, "mc_first_error": None},
    {"id": "elsewhere", "judge_first_error": 0, "mc_first_error": 0},
]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`errata evaluate`, in a folder with gold and labels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRATA_STORE", raising=False)
    write("gold.jsonl", [{"id": id, "label": label, "steps": STEPS} for id, label in GOLD])
    write("labels.jsonl", LABELS)
    return lambda *arguments: run_here(capsys, "evaluate", *arguments)


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


PROCESSBENCH = ("--gold", "gold.jsonl", "--format", "processbench")


def test_the_screen(run: Run) -> None:
    with Path("gold.jsonl").open("a") as file:
        file.write('{"id": "math-3", "label": 4, "steps": ["a"]}\n{"id": \n')
    result = run("labels.jsonl", *PROCESSBENCH)
    assert (result.code, result.err) == (DONE, "")
    assert max(len(line) for line in result.out.split("\n\n", 1)[1].splitlines()) <= 80
    check(HERE / "evaluate-screen.txt", result.out)


def test_the_figures_by_hand(run: Run) -> None:
    document = json.loads(run("labels.jsonl", *PROCESSBENCH, "--json").out)
    judge, mc = document["labellers"]["judge_first_error"], document["labellers"]["mc_first_error"]
    # judge, gsm8k: 1 of 2 wrong, 1 of 1 right; math: 1 of 2 wrong, 0 of 1 right (its row is not there)
    assert judge["groups"]["gsm8k"]["f1"] == pytest.approx(2 / 3)
    assert judge["groups"]["math"]["f1"] == 0
    assert judge["average_f1"] == pytest.approx(1 / 3)
    assert (judge["all"]["absent"], judge["not_in_gold"]) == (1, 1)
    assert (judge["all"]["precision"]["hits"], judge["all"]["precision"]["of"]) == (2, 3)
    assert judge["all"]["on_wrong"] == {"distances": {"-2": 1, "0": 2}, "none": 0, "undecided": 1}
    assert judge["all"]["on_right"] == {"step": 0, "none": 1, "undecided": 1}
    assert (mc["all"]["labelled_wrong"]["hits"], mc["all"]["labelled_wrong"]["of"]) == (3, 4)
    assert mc["all"]["on_wrong"] == {"distances": {"0": 1, "1": 1}, "none": 1, "undecided": 1}


def test_every_form_of_file_gives_the_same_figures(run: Run) -> None:
    rows = [{"id": id, "label": label, "steps": STEPS} for id, label in GOLD]
    Path("gold.json").write_text(json.dumps(rows))
    pl.DataFrame(rows).write_parquet("gold.parquet")
    pl.DataFrame(LABELS).write_parquet("labels.parquet")
    pl.DataFrame(LABELS).write_csv("labels.csv")
    Path("labels.jsonl.gz").write_bytes(gzip.compress(Path("labels.jsonl").read_bytes()))
    first = json.loads(run("labels.jsonl", *PROCESSBENCH, "--json").out)["labellers"]
    for labels in ("labels.parquet", "labels.csv", "labels.jsonl.gz"):
        for gold in ("gold.json", "gold.parquet"):
            result = run(labels, "--gold", gold, "--format", "processbench", "--json")
            assert json.loads(result.out)["labellers"] == first, (labels, gold, result.err)


def test_gold_in_the_rows_of_the_labels(run: Run) -> None:
    write("own.jsonl", [{"id": id, "label": label, "steps": STEPS, "prediction": label} for id, label in GOLD])
    document = json.loads(run("own.jsonl", "--format", "processbench", "--json").out)
    assert document["labellers"]["prediction"]["average_f1"] == 1
    write("line.jsonl", [{"id": 7, "steps": STEPS, "mistake_index": i % 2 or None, "first_error": 1} for i in range(6)])
    document = json.loads(run("line.jsonl", "--format", "bigbench-mistake", "--json").out)
    assert document["labellers"]["first_error"]["all"]["exact_wrong"]["rate"] == 1
    assert document["labellers"]["first_error"]["all"]["exact_right"]["rate"] == 0


def test_a_mapping_in_a_file_and_lengths(run: Run) -> None:
    Path("m.yaml").write_text("id: [set, no]\nfirst_error: wrong.0\nbase: 1\nnone: [null]\nsteps: steps\nset: set\n")
    rows = [{"set": "a", "no": n, "wrong": [2] if n % 2 else [], "steps": STEPS * (n + 1)} for n in range(4)]
    write("own.jsonl", [row | {"first_error": 1 if row["no"] == 1 else -1} for row in rows])
    first_error = json.loads(run("own.jsonl", "--format", "m.yaml", "--by", "length", "--json").out)["labellers"][
        "first_error"
    ]
    assert list(first_error["groups"]) == ["2-5 steps", "8-20 steps"]
    assert first_error["all"]["exact_wrong"] == {
        "hits": 1,
        "of": 2,
        "rate": 0.5,
        "interval": pytest.approx([0.0945, 0.9055], abs=1e-4),
    }
    assert first_error["average_f1"] is None


def _injected(count: int, **more: Any) -> list[dict[str, Any]]:
    """Gold as `inject` makes it: every other solution is wrong in its second step, by turns of one of two types."""
    rows = []
    for i in range(count):
        wrong, kind = i % 2 == 0, ("calculation", "wrong operation")[i // 2 % 2]
        rows.append({
            "solution_id": f"s{i}", "problem_id": f"p{i}", "set": "made", "steps": STEPS, "text": f"1. {i} + {i} = {2 * i + wrong}",
            "injected_at": 1 if wrong else -1, "injected_type": kind if wrong else None, "injected_taxonomy": "abacus@1.0.0", **more,
        })  # fmt: skip
    return rows


INJECTED = ("--gold", "gold.jsonl", "--format", "injected")


def test_types_and_labels_of_several_tables_and_what_gives_mistakes_away(run: Run) -> None:
    gold = _injected(400)
    write("gold.jsonl", gold)
    judged = [{"solution_id": row["solution_id"], "judge_first_error": row["injected_at"]} for row in gold]
    write("judged.jsonl", judged)
    # of the 200 mistakes 100 are located, of those 80 typed: 40 calculations as such, 40 other operations as calculations
    typed = [item | {"first_error": 1, "error_type": "calculation" if i < 80 else None, "taxonomy": "abacus@1.0.0"} for i, item in enumerate(judged[:200:2])]  # fmt: skip
    write("typed.jsonl", typed)
    result = run("judged.jsonl", "typed.jsonl", *INJECTED)
    assert (result.code, result.err) == (DONE, "")
    check(HERE / "evaluate-injected.txt", result.out)
    document = json.loads(run("judged.jsonl", "typed.jsonl", *INJECTED, "--json").out)
    assert document["labellers"]["judge_first_error"]["all"]["exact_wrong"]["rate"] == 1
    assert document["labellers"]["first_error"]["all"]["exact_wrong"]["hits"] == 100
    assert document["types"]["confusion"] == {
        "calculation": {"calculation": 40, "undecided": 60},
        "wrong operation": {"calculation": 40, "undecided": 60},
    }
    assert document["types"]["macro_f1"] == pytest.approx(2 * 40 / (100 + 80) / 2, abs=1e-4)
    assert document["giveaway"]["looks"] < 0.62


def test_types_of_another_taxonomy_are_compared_by_what_they_are_there(run: Run) -> None:
    write("gold.jsonl", _injected(8))
    names = {"calculation": "calculation", "wrong operation": "operator"}
    typed = [
        {"solution_id": row["solution_id"], "first_error": 1, "error_type": names[row["injected_type"]], "taxonomy": "lemma@1.0.0"}
        for row in _injected(8) if row["injected_type"]
    ]  # fmt: skip
    write("typed.jsonl", typed)
    document = json.loads(run("typed.jsonl", *INJECTED, "--json").out)
    assert document["types"]["confusion"] == {"calculation": {"calculation": 2}, "operator": {"operator": 2}}
    assert document["giveaway"] is None
    write("typed.jsonl", [row | {"taxonomy": "prmbench@1.0.0"} for row in typed])
    assert json.loads(run("typed.jsonl", *INJECTED, "--json").out)["types"]["without_a_name"] == 4


def _changed(**given: Any) -> None:
    write("changed.jsonl", [row | given for row in LABELS[:5]])


def _shifted() -> None:
    write("changed.jsonl", [{"id": f"r{i}", "first_error": i % 3 + 1} for i in range(24)])
    write("gold.jsonl", [{"id": f"r{i}", "label": i % 3, "steps": STEPS} for i in range(24)])


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "no common ids": (lambda: write("changed.jsonl", [{"id": i, "first_error": 0} for i in range(5)]), ("changed.jsonl", *PROCESSBENCH)),
    "duplicate ids": (lambda: write("changed.jsonl", [LABELS[0], LABELS[1], LABELS[0]]), ("changed.jsonl", *PROCESSBENCH)),
    "out of range": (lambda: _changed(judge_first_error=9), ("changed.jsonl", *PROCESSBENCH)),
    "one past the end": (lambda: _changed(judge_first_error=4), ("changed.jsonl", *PROCESSBENCH)),
    "counted from 1": (_shifted, ("changed.jsonl", *PROCESSBENCH)),
    "no such label column": (lambda: None, ("labels.jsonl", *PROCESSBENCH, "--label", "judge_firsterror")),
    "no such id column": (lambda: None, ("labels.jsonl", *PROCESSBENCH, "--id", "key")),
    "no labels": (lambda: write("changed.jsonl", [{"id": "gsm8k-0", "step": 1}]), ("changed.jsonl", *PROCESSBENCH)),
    "not a number": (lambda: _changed(judge_first_error="third"), ("changed.jsonl", *PROCESSBENCH)),
    "no such file": (lambda: None, ("lables.jsonl", *PROCESSBENCH)),
    "no gold file": (lambda: None, ("labels.jsonl", "--gold", "gold.json", "--format", "processbench")),
    "not gzip": (lambda: Path("changed.jsonl.gz").write_text("{}"), ("changed.jsonl.gz", *PROCESSBENCH)),
    "a broken line": (lambda: Path("changed.jsonl").write_text('{"id": 1, "first_error": 0}\n{"id": '), ("changed.jsonl", *PROCESSBENCH)),
    "not an array": (lambda: Path("gold.json").write_text("{}"), ("labels.jsonl", "--gold", "gold.json", "--format", "processbench")),
    "a folder": (lambda: Path("labels").mkdir(), ("labels", *PROCESSBENCH)),
    "other format": (lambda: None, ("labels.jsonl", "--gold", "gold.jsonl", "--format", "mr-ben")),
    "no truth": (lambda: None, ("labels.jsonl",)),
    "no such format": (lambda: None, ("labels.jsonl", "--gold", "gold.jsonl", "--format", "procesbench")),
    "a bad mapping": (lambda: Path("m.yaml").write_text("base: 2\nlabel: x\n"), ("labels.jsonl", "--format", "m.yaml")),
    "all gold bad": (lambda: write("gold.jsonl", [{"id": "a", "label": 9, "steps": ["x"]}]), ("labels.jsonl", *PROCESSBENCH)),
    "two labels of one labeller": (lambda: _changed(judge_first_error=3), ("labels.jsonl", "changed.jsonl", *PROCESSBENCH)),
    "no such table": (lambda: _recipe(), ("r.yaml:problms",)),
    "not built": (lambda: _recipe(), ("r.yaml:problems",)),
}  # fmt: skip


def _recipe() -> None:
    head = "corpus: c\nversion: 0.1.0\ntitle: T\nlicense: MIT\nsources: [{name: S, license: MIT}]\n"
    Path("r.yaml").write_text(
        f"{head}tables:\n  problems: {{task: world, count: 1}}\n  release: {{task: release, from: problems}}\n"
    )


def test_errors_say_where_and_what_to_do(run: Run, tmp_path: Path) -> None:
    texts = []
    for name, (prepare, arguments) in CASES.items():
        for path in tmp_path.iterdir():
            path.rmdir() if path.is_dir() else path.unlink()
        write("gold.jsonl", [{"id": id, "label": label, "steps": STEPS} for id, label in GOLD])
        write("labels.jsonl", LABELS)
        prepare()
        result = run(*arguments)
        assert (result.code, result.out) == (WRONG, ""), (name, result)
        texts.append(f"{name}\n  {result.err.strip()}\n".replace(str(tmp_path), "DIR"))
    check(HERE / "evaluate-errors.txt", "\n".join(texts))


def test_labels_and_gold_in_tables_of_a_build(run: Run) -> None:
    _recipe()
    plan = planning.make_plan("r.yaml", None, "store")
    (work, _), parameters = plan.jobs, WorldParameters(count=3)
    rows = make_world(range(3), parameters).kept
    folder = work.folder()
    parts = [folder.write(f"parts/{i}.parquet", rows[i : i + 2]) for i in (0, 2)]
    folder.complete(Manifest(work.fingerprint, "world", "1", {}, [], list(rows.columns), PartitionCommit(3, parts)))
    # the answers stand for steps, the second's label for a wrong one
    ids, answers = rows["problem_id"].to_list(), [int(answer) for answer in rows["answer"]]
    write("labels.jsonl", [{"id": id, "first_error": n + (i == 1)} for i, (id, n) in enumerate(zip(ids, answers))])
    Path("m.yaml").write_text("{id: problem_id, first_error: answer, set: set}")
    document = json.loads(run("labels.jsonl", "--gold", "r.yaml:problems", "--format", "m.yaml", "--json").out)
    assert document["labellers"]["first_error"]["groups"]["world-3"]["on_wrong"]["distances"] == {"0": 2, "1": 1}
    assert document["rejected"] == []


def test_the_truth_of_the_world_is_gold_by_default(run: Run) -> None:
    rows = make_world(range(2), WorldParameters(count=2)).kept.to_dicts()
    for row, wrong in zip(rows, (-1, 1)):
        row["solution_id"], row["steps"] = row["problem_id"], row["reference"].splitlines()
        row["steps"][wrong if wrong > 0 else 0] = "2. 77777 + 1 = 77778" if wrong > 0 else row["steps"][0]
        row["mc_first_error"], row["judge_first_error"] = wrong, None
    write("own.jsonl", rows)
    document = json.loads(run("own.jsonl", "--json").out)
    assert document["format"] == "truth"
    assert document["labellers"]["mc_first_error"]["all"]["f1"] == 1
    assert document["labellers"]["judge_first_error"]["all"]["labelled"]["hits"] == 0


def test_gold_of_several_places_is_taken_together(run: Run) -> None:
    rows = [{"id": id, "label": label, "steps": STEPS} for id, label in GOLD]
    write("a.jsonl", rows[:3])
    write("b.jsonl", [*rows[2:]])
    document = json.loads(
        run("labels.jsonl", "--gold", "a.jsonl", "--gold", "b.jsonl", "--format", "processbench", "--json").out
    )
    whole = json.loads(run("labels.jsonl", *PROCESSBENCH, "--json").out)
    assert document["gold"] == "a.jsonl, b.jsonl" and document["rows"] == len(GOLD)
    assert document["labellers"] == whole["labellers"]
    assert [row["reason"] for row in document["rejected"]] == ["duplicate id"]


def test_how_sure_labels_are_and_which_precision_is_had_at_which_retention(run: Run) -> None:
    gold = [{"id": str(i), "label": i % 3, "steps": STEPS} for i in range(20)]
    write("gold.jsonl", gold)
    rows = [
        {"id": row["id"], "first_error": row["label"] if i < 14 else 3, "probability": 0.9 if i < 10 else 0.5}
        for i, row in enumerate(gold)
    ]
    write("sure.jsonl", rows)
    result = run("sure.jsonl", *PROCESSBENCH)
    check(HERE / "evaluate-certainty.txt", result.out)
    labeller = json.loads(run("sure.jsonl", *PROCESSBENCH, "--json").out)["labellers"]["first_error"]
    assert (
        labeller["calibration"]["expected"] == pytest.approx(0.7) and labeller["calibration"]["measured"]["hits"] == 14
    )
    assert labeller["calibration"]["ece"] == pytest.approx(0.1)
    assert [point["precision"]["rate"] for point in labeller["calibration"]["risk_coverage"]] == [1.0, 0.7]
    assert labeller["cost"] is None


def test_a_release_that_is_not_there(run: Run) -> None:
    result = run("nothing@1.0.0")
    assert result.code == MISSING
    assert "no such file, and no release either" in result.err


def test_people_s_labels_are_gold_where_there_is_no_other_and_not_of_labels_that_they_voted_for(run: Run) -> None:
    rows = [
        {
            "solution_id": str(at),
            "steps": STEPS,
            "humans": ["ada"],
            "human_first_error": gold,
            "judge_first_error": judge,
        }
        for at, (gold, judge) in enumerate([(1, 1), (2, 1), (-1, -1), (None, 0)])
    ]
    write("rows.jsonl", rows)
    document = json.loads(run("rows.jsonl", "--json").out)
    assert (list(document["labellers"]), document["format"]) == (["judge_first_error"], "human")
    assert document["labellers"]["judge_first_error"]["all"]["exact_wrong"]["rate"] == 0.5
    write("voted.jsonl", [{**row, "first_error": row["human_first_error"], "labellers": ["ada", "m"]} for row in rows])
    result = run("voted.jsonl")
    assert result.code == WRONG
    assert "ada voted for these labels and are the gold; put task truth with `source: human` before agree" in result.err


def test_every_step_is_compared_where_gold_and_labels_rate_it(run: Run) -> None:
    gold = [
        {"id": "a", "first": 0, "steps": ["1", "2", "3"], "all": ["wrong", "right", "wrong"]},
        {"id": "b", "first": -1, "steps": ["1", "2", "3"], "all": ["right", "right", "right"]},
        {"id": "c", "first": 1, "steps": ["1", "2", "3"], "all": ["right", "wrong", None]},
    ]
    labels = [
        {"id": "a", "judge_first_error": 0, "judge_ratings": ["bad", "good", "good"]},
        {"id": "b", "judge_first_error": 2, "judge_ratings": ["good", "good", "bad"]},
        {"id": "c", "judge_first_error": 1, "judge_ratings": ["good", "bad", "bad"]},
    ]
    write("gold.jsonl", gold)
    write("labels.jsonl", labels)
    with open("mapping.yaml", "w") as mapping:
        mapping.write("id: id\nfirst_error: first\nsteps: steps\nratings: all\n")
    arguments = ("labels.jsonl", "--gold", "gold.jsonl", "--format", "mapping.yaml", "--json")
    detection = json.loads(run(*arguments).out)["labellers"]["judge_first_error"]["detection"]
    # a and b whole, c through its first wrong step: caught a's first and c's, missed a's last, one alarm in b
    assert (detection["step"]["recall"]["hits"], detection["step"]["recall"]["of"]) == (2, 3)
    assert (detection["step"]["specificity"]["hits"], detection["step"]["specificity"]["of"]) == (4, 5)
    assert detection["rows_with_every_step"] == 2
    write("labels.jsonl", [{**labels[0], "judge_ratings": ["bad", "dubious"]}, *labels[1:]])
    result = run(*arguments)
    assert result.code == WRONG and "labels.jsonl:1: unknown rating ('dubious'" in result.err


def test_explanations_that_judges_looked_at(run: Run) -> None:
    ids = ("gsm8k-0", "gsm8k-1", "math-2", "gsm8k-3")
    gold = [{"id": id, "label": label, "steps": ["a", "b"]} for id, label in zip(ids, (1, 0, 1, -1))]
    labels = [
        {"id": ids[i], "critique_first_error": label, "critique_explained": explained}
        for i, (label, explained) in enumerate([(1, 1.0), (0, 0.5), (0, 1.0), (-1, None)])
    ]
    write("gold.jsonl", gold)
    write("critiques.jsonl", labels)
    arguments = ("critiques.jsonl", "--gold", "gold.jsonl", "--format", "processbench")
    detection = json.loads(run(*arguments, "--json").out)["labellers"]["critique_first_error"]["detection"]
    # explanations: 1.5 right ones of three steps that are called wrong, and of three that are
    assert (detection["solution"]["f1"], detection["explanation_f1"]) == (1.0, 0.5)
    assert detection["step"]["f1"] == pytest.approx(2 / 3)
    assert detection["viscore"] == pytest.approx((1 * (2 / 3) * 0.5) ** (1 / 3))
    assert "VISCore: the geometric" in run(*arguments).out
    # by category, as VISCO tells them: gsm8k has 1.5 of two, all steps right; math names another step
    sets = {name: (figures["f1"], figures["step_f1"], figures["explanation_f1"]) for name, figures in detection["sets"].items()}  # fmt: skip
    assert sets == {"gsm8k": (1.0, 1.0, 0.75), "math": (1.0, 0.0, 0.0)}
    assert detection["sets"]["gsm8k"]["viscore"] == pytest.approx(0.75 ** (1 / 3))
