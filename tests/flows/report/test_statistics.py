"""What a report counts, held against the tables and against sums done by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import errata
import polars as pl
import pytest
from errata.release.find import Release

from flows.planning.plan import Plan
from flows.report.elements import PageTable
from flows.report.sections.answers import show_certainty
from flows.report.sections.flips import show_flips
from flows.report.statistics.agreement import SIDES, RolloutValues
from flows.report.statistics.certainty import AnswerCertainty
from flows.report.statistics.collect import collect_from_plan, collect_from_release
from flows.report.statistics.drift import measure_drift
from flows.report.statistics.examples import BYTES, EACH, STEP, Examples
from flows.report.statistics.exploration import Exploration
from flows.report.statistics.flips import FlipCounts
from flows.report.statistics.rows import read_table, sample_rows
from flows.report.statistics.verdicts import LEVELS, MODELS, OTHERS, Difficulty, Verdicts
from flows.report.statistics.verifier_soundness import Soundness
from schemas.columns.labels import ESTIMATE_LABEL
from tasks.sources.content_ids import digest


@pytest.fixture(scope="session")
def release(built: Plan) -> Release:
    return errata.open_release("reported@0.2.0", built.store)


@pytest.fixture(scope="session")
def read_statistics(release: Release) -> dict[str, Any]:
    return dict(json.loads(Path(release.url.removeprefix("file://"), "report.json").read_text()))


def test_statistics_add_up_with_the_manifest(read_statistics: dict[str, Any], release: Release, built: Plan) -> None:
    steps = {step["table"]: step for step in release.manifest["funnel"]}
    assert (
        read_statistics["verdicts"]["rows"]
        == steps["verified"]["kept"]
        == sum(n for *_, n in read_statistics["verdicts"]["by"])
    )
    assert read_statistics["verdicts"]["verdicts"]["wrong"] == steps["wrong"]["kept"]
    rows = sum(file["rows"] for file in release.manifest["files"] if file.get("view") == "mistakes")
    assert read_statistics["rows"]["rows"] == rows == sum(read_statistics["types"]["types"].values())
    grid = sum(n for *_, n in read_statistics["positions"]["grid"])
    assert grid + read_statistics["positions"]["none"] + read_statistics["positions"]["undecided"] == rows
    for by in ("model", "set", "level"):
        assert sum(n for *_, n in read_statistics["types"][f"by_{by}"]) == rows
    pairs = next(label for label in release.manifest["labels"] if label["task"] == "agree")["kappa"]
    assert [(item["labellers"], item["rows"], item["cohen"]) for item in read_statistics["labellers"]["pairs"]] == [
        (item["labellers"], item["rows"], item["cohen"]) for item in pairs
    ]
    assert len(pairs) == 3
    for pair in read_statistics["labellers"]["pairs"]:
        assert sum(n for *_, n in pair["matrix"]) == pair["rows"]
        assert sum(n for item, other, n in pair["matrix"] if item == other) == pair["same"]
    tables = {table["table"]: table["tokens"] for table in read_statistics["spending"]["tables"]}
    assert tables["solutions"] == 20 * steps["solutions"]["kept"]
    assert tables["judged"] == 2 * 20 * steps["judged"]["kept"]
    paid = {item["model"]: item for item in read_statistics["spending"]["ledger"]}
    assert paid["big"]["price"] == pytest.approx((paid["big"]["prompt_tokens"] + 2 * paid["big"]["tokens"]) / 1e6)
    assert paid["small"]["price"] is None
    assert read_statistics["soundness"]["rows"] == steps["verified"]["kept"]
    assert read_statistics["drift"]["before"] == "reported@0.1.0"


def test_two_builds_of_the_statistics_are_the_same(
    read_statistics: dict[str, Any], release: Release, built: Plan
) -> None:
    again = collect_from_plan(built, release.manifest)
    assert {**again, **{name: read_statistics[name] for name in ("drift", "changes")}} == read_statistics


def test_rows_alone_tell_what_they_can(release: Release, read_statistics: dict[str, Any]) -> None:
    result = collect_from_release(release)
    assert result["from"] == "rows"
    for name in ("positions", "examples"):
        if name == "positions":
            assert result[name]["grid"] == read_statistics[name]["grid"]
        else:
            assert result[name] == read_statistics[name]
    assert result["types"]["types"] == read_statistics["types"]["types"]
    assert result["verdicts"] is result["exploration"] is result["spending"] is None
    assert result["rows"] == read_statistics["rows"]


def solutions(*rows: tuple[str, int, str, str, str]) -> pl.DataFrame:
    names = ("problem_id", "sample", "verdict", "extracted", "rationale")
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(
        model=pl.lit("m"), sampling=pl.lit("t"), set=pl.lit("s"), undecided=pl.lit(None, pl.String)
    )


def test_pass_and_reward_by_hand() -> None:
    part = solutions(
        ("a", 0, "right", "4", "2 + 2 = 4"), ("a", 1, "right", "4", "2 + 2 = 4"),
        ("a", 2, "wrong", "5", "2 + 2 = 5"), ("a", 3, "right", "4", "1 + 3 = 4"),
        ("b", 0, "wrong", "7", "3 + 4 = 7"), ("b", 1, "wrong", "7", "4 + 3 = 7"),
        ("b", 2, "right", "9", "3 * 3 = 9"),  # its fourth solution was cut off, so it is not right
    )  # fmt: skip
    measure = Exploration(part.height)
    measure.add(part)
    result = measure.summarize()
    assert result is not None
    (group,) = result["groups"]
    points = {(point["k"], point["s"]): point for point in group["points"]}
    assert set(points) == {(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)}
    assert (points[1, 1]["pass"], points[1, 1]["reward"]) == (0.5, 0.5)
    # of a's first two both are right, but one text
    assert (points[2, 2]["pass"], points[2, 2]["reward"]) == (0, 0.5)
    assert (points[4, 1]["pass"], points[4, 1]["reward"]) == (1, 0.5)
    assert (points[4, 2]["pass"], points[4, 2]["reward"]) == (0.5, 0.5)
    assert points[4, 4]["pass"] == points[4, 4]["reward"] == 0
    # of b's two wrong ones, 3 + 4 and 4 + 3 are one path
    assert points[4, 1]["distinct"] == round(5 / 7, 4)


def test_one_solution_a_problem_explores_nothing() -> None:
    measure = Exploration(1)
    measure.add(solutions(("a", 0, "right", "4", "2 + 2 = 4")))
    assert measure.summarize() is None


def test_difficulty_is_the_share_of_right_solutions() -> None:
    names = [digest("problem", str(i)) for i in range(4)]
    verdicts = [
        (names[0], "wrong wrong undecided"),
        (names[1], "right wrong wrong wrong"),
        (names[2], "right right"),
        (names[3], "wrong"),
    ]
    rows = [(name, i, verdict, "", "") for name, item in verdicts for i, verdict in enumerate(item.split())]
    frame = solutions(*rows)
    parts = Difficulty()
    for at in range(0, frame.height, 2):
        parts.add(frame.slice(at, 2))
    assert parts.summarize() == {LEVELS[0]: 1, LEVELS[1]: 1, LEVELS[4]: 1, "one solution": 1}


def test_many_models_are_told_of_together() -> None:
    measure = Verdicts()
    frame = solutions(("a", 0, "wrong", "", ""))
    for i in range(MODELS + 40):
        measure.add(frame.with_columns(model=pl.lit(f"m{i}")))
    result = measure.summarize("verified")
    assert result is not None and len(result["by"]) == MODELS
    assert sum(n for model, _, _, n in result["by"] if model == OTHERS) == 41
    assert result["rows"] == MODELS + 40


def test_reasons_that_are_as_frequent_stand_in_one_order() -> None:
    why = [f"reason {i}" for i in range(30)]
    frame = pl.concat(
        [solutions(("a", i, "undecided", "", "")).with_columns(undecided=pl.lit(why[i])) for i in range(30)]
    )
    results = []
    for part in (frame, frame.reverse(), frame.sample(fraction=1, shuffle=True, seed=1)):
        measure = Verdicts()
        measure.add(part)
        result = measure.summarize("verified")
        assert result is not None
        results.append(list(result["undecided"].items()))
    assert results == [[(reason, 1) for reason in sorted(why)[:20]]] * 3


def test_values_lie_on_their_side_of_the_first_error() -> None:
    part = pl.DataFrame(
        {"soft": [[1.0, 0.5, 0.0, None], [0.25]], "estimate_first_error": [2, None], "estimated_by": ["x", "x"]}
    )
    measure = RolloutValues(ESTIMATE_LABEL)
    measure.add(part)
    result = measure.summarize("estimated")
    assert result is not None
    assert result["bins"] == sorted([[SIDES[0], 9, 1], [SIDES[0], 5, 1], [SIDES[1], 0, 1], [SIDES[2], 2, 1]])
    assert (result["prefixes"], result["untried"]) == (4, 1)


def test_soundness_is_of_every_step_whose_truth_is_known() -> None:
    rows = [("right", 0), ("wrong", None), ("wrong", 2), ("wrong", -1), ("undecided", -1)]
    measure = Soundness()
    measure.add(pl.DataFrame(rows, schema={"verdict": pl.String, "gold_first_error": pl.Int64}, orient="row"))
    measure.add(pl.DataFrame({"verdict": ["wrong"]}))
    summary = measure.summarize()
    assert summary is not None and summary["rows"] == 4
    assert summary["counts"] == [
        ["right", "wrong", 1],
        ["undecided", "right", 1],
        ["wrong", "right", 1],
        ["wrong", "wrong", 1],
    ]
    assert (summary["wrong"]["sound"]["n"], summary["wrong"]["sound"]["of"]) == (1, 2)
    assert (summary["wrong"]["complete"]["n"], summary["wrong"]["complete"]["of"]) == (1, 2)
    assert (summary["right"]["sound"]["n"], summary["right"]["sound"]["of"]) == (0, 1)


def test_what_asking_again_gives_by_hand() -> None:
    # two problems of four solutions: of a's three right ones two are accepted, its wrong one not; b's are wrong, two accepted
    rows = [("right", -1, "a"), ("right", -1, "a"), ("wrong", -1, "a"), ("wrong", 0, "a"), *[("right", 1, "b")] * 2, *[("wrong", 1, "b")] * 2]  # fmt: skip
    frame = pl.DataFrame(rows, {"verdict": pl.String, "gold_first_error": pl.Int64, "problem_id": pl.String}, orient="row")  # fmt: skip
    measure = Soundness()
    measure.add(frame.with_columns(model=pl.lit("m")))
    (each,) = (measure.summarize() or {})["ceilings"]
    assert (each["rate"]["share"], each["complete"]["share"], each["alarms"]["share"]) == (0.375, 0.6667, 0.4)
    # c r / (c r + (1 - s)(1 - r)) = .25 / (.25 + .25)
    assert each["ceiling"]["share"] == 0.5
    # both give or cost 1 - .5^K: no number of attempts is worth more than none
    assert (each["attempts"], each["worth"]) == (0, 0.0)


def list_flips() -> pl.DataFrame:
    """Five pairs of three problems: one kept, two fixed, one newly wrong, one undecided."""
    flips = [
        ("1", "a", "right", "right", "kept right"), ("2", "a", "wrong", "right", "fixed"), ("3", "b", "right", "wrong", "newly wrong"),
        ("4", "c", "wrong", "right", "fixed"), ("5", "c", "right", "undecided", "undecided"),
    ]  # fmt: skip
    frame = pl.DataFrame(flips, ["flip_id", "problem_id", "old_verdict", "new_verdict", "flip"], orient="row")
    return frame.with_columns(
        set=pl.lit("s"), old_model=pl.lit("old"), new_model=pl.lit("new"), question=pl.lit("<b>?"), answer=pl.lit("4"),
        old_answer=pl.lit("4"), new_answer=pl.lit(None, pl.String),
    )  # fmt: skip


def test_flips_by_hand() -> None:
    frame = list_flips()
    measure, halves = FlipCounts(), FlipCounts()
    measure.add(frame)
    for part in (frame[:2], frame[2:]):
        halves.add(part)
    summary = measure.summarize("compared")
    assert summary is not None and summary == halves.summarize("compared")
    assert (summary["rows"], summary["problems"], summary["old"], summary["new"]) == (5, 3, "old", "new")
    assert sum(n for *_, n in summary["by"]) == 5
    # before: a half, b all, c none; after: a all, b none, c all; newly wrong: b alone
    shares = [summary[name]["share"] for name in ("accuracy_before", "accuracy_after", "negative_flips")]
    assert shares == [0.5, 0.6667, 0.3333]
    assert summary["examples"] == [{"set": "s", "question": "<b>?", "answer": "4", "old_answer": "4", "new_answer": ""}]
    assert summary["others"] == [] and summary["left_out"] == 0
    measure.add(frame.with_columns(new_model=pl.lit("newer"), flip_id=pl.lit("9"))[:2])
    assert (measure.summarize("compared") or {})["others"] == [["old", "newer", 2]]
    assert FlipCounts().summarize("compared") is None


def test_flips_of_which_none_is_decided_have_no_shares() -> None:
    measure = FlipCounts()
    measure.add(list_flips().filter(pl.col("flip") == "undecided"))
    summary = measure.summarize("compared")
    assert summary is not None and (summary["rows"], summary["negative_flips"]) == (1, None)
    section = show_flips({}, {"flips": [summary]})
    assert section is not None and section.lead.endswith("0 newly wrong.")


def test_how_sure_models_were_stands_beside_how_right_they_are() -> None:
    rows: dict[str, Any] = {
        "verdict": ["right", "right", "wrong", "wrong", "undecided", "right"], "p_true": [0.9, 0.8, 0.8, 0.1, 0.9, None],
        "zlib_ratio": [0.1, 0.2, 0.3, 0.4, 0.0, 0.05], "logprob": [-1.0, -2.0, -30.0, -1.5, 0.0, None], "tokens": [10, 10, 10, 10, 10, 10],
    }  # fmt: skip
    certainty, halves = AnswerCertainty(), AnswerCertainty()
    certainty.add(pl.DataFrame(rows))
    for begin in (0, 3):
        halves.add(pl.DataFrame(rows)[begin : begin + 3])
    summary = certainty.summarize("sure")
    assert summary == halves.summarize("sure") and summary is not None
    signals = {signal["name"]: signal for signal in summary["signals"]}
    assert list(signals) == ["zlib_ratio", "p_true", "mean_logprob"], "the most telling first"
    assert (signals["zlib_ratio"]["auroc"], signals["zlib_ratio"]["brier"]) == (1.0, None), "the smaller is the surer"
    assert (signals["p_true"]["right"], signals["p_true"]["wrong"], signals["p_true"]["auroc"]) == (2, 2, 0.875)
    assert signals["p_true"]["brier"] == pytest.approx((0.01 + 0.04 + 0.64 + 0.01) / 4)
    assert signals["mean_logprob"]["auroc"] == 0.75
    section = show_certainty({}, {"certainty": summary, "from": "tables"})
    (table,) = section.parts
    assert isinstance(table, PageTable) and [row[0] for row in table.rows] == list(signals)
    assert table.rows[1][1:3] == ["2", "2"] and str(table.rows[1][3]).startswith("0.875 (")
    assert AnswerCertainty().summarize("sure") is None


def test_a_sample_is_of_whole_problems_and_about_as_large_as_asked() -> None:
    ids = [digest("p", str(i // 4)) for i in range(8_000)]
    frame = pl.DataFrame({"problem_id": ids})
    chosen = sample_rows(frame, frame.height, 2_000)
    assert 1_700 < chosen.height < 2_300
    assert set(chosen["problem_id"].value_counts()["count"]) == {4}
    assert sample_rows(frame, frame.height, 8_000).equals(frame)


def test_examples_are_few_short_and_of_every_type(hostile: Release) -> None:
    from tests.flows.report.hostile import rows

    frame = rows()
    results = []
    for size in (120, 7):  # what is chosen does not depend on the parts
        measure = Examples("solution_id")
        for at in range(0, frame.height, size):
            measure.add(frame.slice(at, size))
        results.append(measure.choose())
    assert results[0] == results[1]
    kinds = {result["type"] for result in results[0]}
    assert len(kinds) == frame["error_type"].n_unique()
    assert all(sum(result["type"] == kind for result in results[0]) <= EACH for kind in kinds)
    assert all(len(step) < STEP + 40 for result in results[0] for step in result["steps"])
    assert len(json.dumps(results[0], ensure_ascii=False).encode()) < BYTES
    assert "\x00" not in json.dumps(results[0], ensure_ascii=False)


def test_drift_is_total_variation() -> None:
    def make_statistics(version: str, **sets: int) -> dict[str, Any]:
        return {"corpus": "c", "version": version, "rows": {"rows": sum(sets.values()), "by_set": sets}}

    drift = measure_drift(make_statistics("2.0.0", a=50, b=50), make_statistics("1.0.0", a=75, c=25))
    (shift,) = drift["shifts"]
    assert (shift["of"], shift["distance"]) == ("set", 0.5)
    assert shift["moved"] == [["b", 0.0, 0.5], ["a", 0.75, 0.5], ["c", 0.25, 0.0]]
    assert drift["numbers"][0] == {"name": "rows", "unit": "rows", "before": 100.0, "now": 100.0}


def test_dropped_rows_are_gone_through_too(built: Plan) -> None:
    work = next(work for work in built.jobs if work.name == "wrong")
    every = sum(part.height for part in read_table(built, work, dropped=True).read(["solution_id"]))
    assert every == built.done["wrong"].receipt.rows_in > built.done["wrong"].receipt.rows_kept()
