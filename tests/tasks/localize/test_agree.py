"""`agree`: the rules by hand, and that they are monotone and symmetric whatever the labels."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns.human import HUMAN_COLUMNS
from schemas.columns.labels import AGREE_LABEL, ESTIMATE_COLUMNS, JUDGE_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome
from tasks.llm.voting import find_majority
from tasks.localize.agree import AGREE, AgreeParameters, agree_labels, choose_least
from tasks.localize.raters import build_frame

KEY = Column("solution_id", "string", "Key.")
STEPS = 4
JUDGED = Contract("s", "", (KEY, *JUDGE_COLUMNS), "solution_id")
BOTH = JUDGED.having(*ESTIMATE_COLUMNS, Column("verdict", "string", "Verdict."))
Labels = dict[str, list[int | None]]
"""The votes of each judging model."""


def row(judges: Labels, estimate: int | None = None, verdict: str = "undecided", failed: int = 0) -> dict[str, Any]:
    labels = [label for votes in judges.values() for label in votes]
    faults = ["" if label is not None else "cut off" for label in labels]
    names = [f"{model} #{vote}" for model, votes in judges.items() for vote in range(len(votes))]
    together = find_majority(labels, faults)
    nothing = [""] * len(labels)
    tried = [failed if step == estimate else 0 for step in range(STEPS)]
    return {
        "solution_id": "k", "judges": names, "judge_labels": labels, "judge_faults": faults, "judge_kinds": nothing,
        "judge_reasons": nothing, "judge_replies": nothing, "judge_requests": nothing, "judge_likelihoods": nothing, "judge_tokens": 0,
        "judge_first_error": together.label, "judge_undecided": together.undecided, "judge_kind": None,
        "judge_share": together.share, "estimate_first_error": estimate,
        "estimated_by": "sequential", "estimate_undecided": None if estimate is not None else "no success at all", "tried": tried,
        "succeeded": [0] * STEPS, "unclear": [0] * STEPS, "hard": [None] * STEPS, "soft": [None] * STEPS,
        "soft_low": [None] * STEPS, "soft_high": [None] * STEPS, "reused": 0, "rollouts": 0, "rollout_tokens": 0,
        "verdict": verdict,
    }  # fmt: skip


def run(rows: list[dict[str, Any]], contract: Contract = BOTH, **given: Any) -> Outcome:
    rules = AgreeParameters.model_validate(given)
    assert AGREE.check(rules, contract) == []
    rows = [{**item, "solution_id": str(i)} for i, item in enumerate(rows)]
    part = pl.DataFrame(rows, schema=to_polars_schema(BOTH)).select(contract.names())
    outcome = AGREE.run(part, rules)
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def kept(value: dict[str, Any], **given: Any) -> int | None:
    """The label on which a row's labellers agree."""
    outcome = run([value], **given)
    return outcome.kept["first_error"].item() if outcome.kept.height else None


def why(value: dict[str, Any], **given: Any) -> tuple[str, str]:
    """Why a row is rejected."""
    result: tuple[str, str] = run([value], **given).rejected.select("reason", "detail").row(0)
    return result


def test_estimation_and_the_majority_of_all_judgements() -> None:
    assert kept(row({"a": [1, 1], "b": [2]}, 1)) == 1
    assert kept(row({"a": [-1]}, -1, "right")) == -1
    assert why(row({"a": [1, 1], "b": [2]}, 2)) == (
        "labellers disagree",
        "a: step 1, b: step 2, estimation: step 2, verdict undecided",
    )
    assert why(row({"a": [1], "b": [2]}, 2))[0] == "judges undecided: no majority"
    assert why(row({"a": [None]}, 2))[0] == "judges undecided: cut off"
    assert why(row({"a": [2]})) == (
        "estimation undecided",
        "a: step 2, estimation: undecided (no success at all), verdict undecided",
    )


def test_k_of_the_models_and_the_estimation() -> None:
    three = row({"a": [1, 1, 2], "b": [3], "c": [1]}, 3)
    assert kept(three, rule="k of n", k=2) is None  # 1 and 3 are named by two each
    assert kept(row({"a": [1, 1, 2], "b": [3], "c": [1]}, 1), rule="k of n", k=3) == 1
    assert kept(row({"a": [1, 1, 1, 1], "b": [2], "c": [2]}, None), rule="k of n", k=2) == 2  # votes are one labeller
    assert why(row({"a": [1], "b": [None]}), rule="k of n", k=2)[0] == "labellers undecided"
    assert why(row({"a": [1], "b": [2]}), rule="k of n", k=2)[0] == "labellers disagree"
    assert why(row({"a": [1]}, 1), rule="k of n", k=3)[0] == "fewer labellers than k"


def test_all_of_them() -> None:
    assert kept(row({"a": [0], "b": [0]}, 0), rule="unanimous") == 0
    assert kept(row({"a": [0], "b": [0]}, 1), rule="unanimous") is None
    assert run([row({"a": [0, 0, 1], "b": [0]})], JUDGED, rule="unanimous").kept["labels"].to_list() == [[0, 0]]


@pytest.mark.parametrize("rule", [{"rule": "estimate and judges"}, {"rule": "unanimous"}, {"rule": "k of n", "k": 2}])
@pytest.mark.parametrize(("label", "verdict"), [(-1, "wrong"), (2, "right")])
def test_what_contradicts_the_verdict_is_rejected(rule: dict[str, Any], label: int, verdict: str) -> None:
    assert why(row({"a": [label]}, label, verdict), **rule)[0] == "contradicts the verdict"
    assert kept(row({"a": [label]}, label, "undecided"), **rule) == label


def test_agreement_and_confidence() -> None:
    makes = AGREE.makes(AgreeParameters(), BOTH)
    check(run([row({"a": [1]}, 1), row({"a": [-1]}, -1)]).kept.select(makes.names()), makes, "agreed")
    result = run([row({"a": [1, 1, 2], "b": [2]}, 1, failed=4)], rule="k of n", k=2).kept.to_dicts()[0]
    assert (result["labellers"], result["labels"]) == (["a", "b", "estimation"], [1, 2, 1])
    assert result["agreement"] == pytest.approx(2 / 3)
    assert result["confidence"] == pytest.approx(2 / 4 * 5 / 6)
    right = run([row({"a": [-1, -1, 0]}, -1, "right")]).kept.to_dicts()[0]
    assert right["confidence"] == pytest.approx(2 / 3)
    alone = run([row({"a": [3]})], JUDGED, rule="unanimous").kept.to_dicts()[0]
    assert alone["confidence"] == 1


def test_a_table_without_what_the_rule_needs_is_a_fault() -> None:
    (fault,) = AGREE.check(AgreeParameters(), JUDGED)
    assert fault.startswith("rule: needs columns that the table has not (estimate_first_error, ")
    assert AGREE.check(AgreeParameters(rule="unanimous", k=2), JUDGED) == [
        "k: is needed by the rule `k of n`, and by that alone"
    ]
    assert len(AGREE.check(AgreeParameters(rule="k of n"), JUDGED)) == 1


def test_the_labels_of_kept_and_rejected_rows_make_one_frame() -> None:
    outcome = run([row({"a": [1], "b": [1]}, 1), row({"a": [1], "b": [None]}, 2)])
    names = [name for name in outcome.rejected.columns if name in BOTH.names()]
    both = pl.concat([outcome.kept.select(names), outcome.rejected.select(names)])
    assert build_frame(both, AGREE_LABEL.combines).to_dict(as_series=False) == {
        "a": [1, 1],
        "b": [1, None],
        "estimation": [1, 2],
    }
    assert build_frame(both.clear(), AGREE_LABEL.combines).columns == []


LABEL = st.none() | st.integers(-1, STEPS - 1)
SOME = st.dictionaries(st.sampled_from("abcd"), st.lists(LABEL, min_size=1, max_size=4), min_size=1, max_size=4)
RULES = st.sampled_from(
    [{"rule": "estimate and judges"}, {"rule": "unanimous"}, *({"rule": "k of n", "k": k} for k in (1, 2, 3))]
)


@given(SOME, LABEL, RULES, st.sampled_from(["right", "wrong", "undecided"]), st.data())
def test_who_agrees_too_never_loses_a_row(judges: Labels, estimate: int | None, rule: dict[str, Any], verdict: str, data: st.DataObject) -> None:  # fmt: skip
    label = kept(row(judges, estimate, verdict), **rule)
    if label is None:
        return
    more: Labels = {**judges, "z": [label] * data.draw(st.integers(1, 3))}
    assert kept(row(more, estimate, verdict), **rule) == label
    again = data.draw(st.sampled_from(sorted(judges)))
    assert kept(row({**judges, again: [*judges[again], label]}, estimate, verdict), **rule) in (label, None if rule["rule"] != "estimate and judges" else label)  # fmt: skip


@given(SOME, LABEL, RULES, st.sampled_from(["right", "wrong", "undecided"]), st.randoms(use_true_random=False))
def test_no_judge_is_before_another(judges: Labels, estimate: int | None, rule: dict[str, Any], verdict: str, random: Any) -> None:  # fmt: skip
    names = sorted(judges)
    others = random.sample(names, len(names))
    swapped = {name: random.sample(judges[name], len(judges[name])) for name in others}
    renamed = {f"{at}-{name}": judges[name] for at, name in enumerate(others)}
    result = kept(row(judges, estimate, verdict), **rule)
    assert kept(row(swapped, estimate, verdict), **rule) == kept(row(renamed, estimate, verdict), **rule) == result
    outcomes = [run([row(item, estimate, verdict)], **rule) for item in (judges, renamed)]
    reasons = [outcome.rejected["reason"].to_list() + outcome.kept["confidence"].to_list() for outcome in outcomes]
    assert reasons[0] == reasons[1]


def test_by_the_posterior_what_is_probable_enough_is_kept_and_says_what_carried_it() -> None:
    solutions = Contract(
        "s", "", (*BOTH.columns, Column("question", "string", ""), Column("steps", "strings", "")), "solution_id"
    )
    torn = row({"a": [0, 2, 1], "b": [3]}, 2, "wrong") | {"tried": [0, 0, 0, 1]}
    rows = []
    for number in range(40):
        step = number // 2 % STEPS
        counts = {"tried": [8, 8, 8, 1], "succeeded": [6 if at < step else 0 for at in range(STEPS)]}
        sure = row({"a": [step] * 3, "b": [step]}, step, "wrong") | counts
        rows.append(
            {**(sure if number % 2 else torn), "solution_id": str(number), "question": "", "steps": ["so"] * STEPS}
        )
    part = pl.DataFrame(rows, schema=to_polars_schema(solutions))
    rules = AgreeParameters(rule="posterior", at_least=0.8)
    outcome = AGREE.run(part, rules)
    makes = AGREE.makes(rules, solutions)
    check(outcome.kept.select(makes.names()), makes, "kept")
    assert outcome.kept["first_error"].to_list() == [number // 2 % STEPS for number in range(1, 40, 2)]
    assert all(value >= 0.8 for value in outcome.kept["probability"])
    assert outcome.kept["confidence"].to_list() == outcome.kept["probability"].to_list()
    carried = outcome.kept.select("carried_by", "carried").to_dicts()[-1]
    assert set(carried["carried_by"]) <= {"rollouts", "a", "b", "prior", "arithmetic"} and carried["carried"][0] > 1
    assert outcome.rejected["reason"].unique().to_list() == ["probability below 0.8"]
    by_expectation = AGREE.run(part, AgreeParameters(rule="posterior", expected=0.95)).kept
    assert by_expectation.equals(outcome.kept)  # with the others, of which each is as sure, it would be less
    assert AGREE.run(part, AgreeParameters(rule="posterior", expected=0.7)).kept.height == part.height
    assert outcome.rejected["detail"][0].startswith("step ") and "a: undecided" in outcome.rejected["detail"][0]


def test_by_the_posterior_right_answers_may_have_a_wrong_step_and_wrong_ones_have_one() -> None:
    solutions = Contract(
        "s", "", (*BOTH.columns, Column("question", "string", ""), Column("steps", "strings", "")), "solution_id"
    )
    texts = ["we have 3", "2 * 3 = 6", "6 + 1 = 7", "so 7"]
    flawed = {"steps": [texts[0], "2 * 3 = 5", *texts[2:]], "verdict": "right"}
    rows = [{**row({"a": [2] * 4, "b": [2] * 4}, 2, "wrong"), "steps": [*texts[:2], "6 + 1 = 9", "so 9"]}] * 30
    rows += [{**row({"a": [-1] * 4, "b": [-1] * 4}, -1, "right"), "steps": texts}] * 30
    rows += [{**row({"a": [1] * 4, "b": [1] * 4}, -1), **flawed}]
    named = [{**item, "question": "", "solution_id": str(at)} for at, item in enumerate(rows)]
    outcome = AGREE.run(
        pl.DataFrame(named, schema=to_polars_schema(solutions)), AgreeParameters(rule="posterior", at_least=0.6)
    )
    assert outcome.rejected.height == 0
    assert outcome.kept["first_error"].to_list() == [2] * 30 + [-1] * 30 + [1]
    assert max(outcome.kept["probability"][30:60]) < 1  # of right answers something may not be seen


@pytest.mark.parametrize("given", [{"at_least": 0.9}, {"truth": False}, {"evidence": ["votes"]}, {"expected": 0.8}])
def test_what_is_for_the_posterior_is_refused_elsewhere(given: dict[str, Any]) -> None:
    (fault,) = AGREE.check(AgreeParameters.model_validate(given), BOTH)
    assert fault == f"{next(iter(given))}: is for the rule `posterior` alone; write `rule: posterior`, or leave it out"


def test_a_table_without_any_labels_is_a_fault_and_people_s_labels_do() -> None:
    bare = Contract("solutions", "", (), "solution_id")
    assert AGREE.check(AgreeParameters(rule="unanimous"), bare) == [
        "rule: the table has no labels to agree on; put `judge` or `estimate` before, or `labels` in `import`"
    ]
    assert AGREE.check(AgreeParameters(rule="unanimous"), bare.having(*HUMAN_COLUMNS)) == []


def test_people_vote_beside_judges_and_are_evidence_of_the_posterior() -> None:
    part = pl.DataFrame(
        {
            "solution_id": ["a", "b"], "problem_id": ["p", "q"], "question": ["?", "?"], "verdict": ["wrong", "wrong"], "steps": [["x", "y", "z"]] * 2,
            "judges": [["m #0"]] * 2, "judge_labels": [[1], [1]], "judge_faults": [[""]] * 2, "humans": [["ada", "bo"]] * 2,
            "human_labels": [[1, 1], [2, 2]], "human_faults": [["", ""]] * 2,
        }
    )  # fmt: skip
    votes = agree_labels(part, AgreeParameters(rule="k of n", k=2))
    assert votes.kept.select("first_error", "labels").rows() == [(1, [1, 1, 1]), (2, [1, 2, 2])]
    assert votes.kept["labellers"].to_list() == [["m", "ada", "bo"]] * 2
    weighed = agree_labels(part, AgreeParameters(rule="posterior", at_least=0.1))
    assert weighed.kept["first_error"].to_list() == [1, 2]
    assert all({"ada", "bo"} <= set(carried) for carried in weighed.kept["carried_by"])
    as_gold = agree_labels(part.with_columns(gold_from=pl.lit("human")), AgreeParameters(rule="unanimous"))
    assert as_gold.kept["labellers"].to_list() == [["m"], ["m"]]


def test_the_surest_labels_are_kept_as_long_as_enough_of_them_are_expected_to_be_right() -> None:
    sure = [0.99, 0.5, 0.9, 0.6, 0.3]
    assert choose_least(sure, 0.94) == 0.9  # 0.945 of two, 0.83 of three
    assert choose_least(sure, 0.8) == 0.6 and choose_least(sure, 0.1) == 0.3
    assert choose_least([0.9, 0.8, 0.8], 0.84) == 0.9  # those that are as sure are kept together
    assert choose_least(sure, 0.995) == 1.0 and choose_least([], 0.5) == 1.0  # none is sure enough
    both = AgreeParameters(rule="posterior", expected=0.8, at_least=0.9)
    assert AGREE.check is not None
    assert AGREE.check(both, BOTH) == ["expected: takes the place of `at_least`; give one of the two"]
