"""`inject`: what it makes is wrong where and as it says, differs in nothing but numbers and signs, and gives nothing away."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.forms import check, polars_schema
from schemas.tables import PROGRAM, SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from tasks.classification.injection import KINDS
from tasks.inject import INJECT, InjectParameters
from tasks.world.problems import problem
from tasks.world.program import load
from tasks.world.solution import right, written
from tasks.world.truth import judge

GIVEN = SOLUTIONS.having(PROGRAM, *STEP_COLUMNS, *VERDICT_COLUMNS)


def solution(i: int, text: str, question: str, answer: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
    row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "question": question, "answer": answer}
    row |= {"model": "m", "sampling": "greedy", "sample": 0, "source": f"f:{i}", "step_rule": "lines", "program": ""}
    lines = text.split("\n")
    row |= {"text": text, "rationale": text, "steps": [*lines[:-2], "\n".join(lines[-2:])], "verdict": "right"}
    return row | more


@lru_cache
def solutions(count: int) -> pl.DataFrame:
    made = []
    for number in range(count):
        one = problem(11, number, 3)
        text = written(*right(one.program))
        made.append(solution(number, text, one.question, str(one.answer), program=one.program.dump()))
    return pl.DataFrame(made, schema=polars_schema(GIVEN))


def run(part: pl.DataFrame, **given: Any) -> Any:
    rules = InjectParameters.model_validate(given)
    outcome = INJECT.run(part, rules)
    assert outcome.kept.height + outcome.rejected.height == part.height
    contract = INJECT.makes(rules, GIVEN)
    check(outcome.kept.select(contract.names()), contract, "injected")
    return outcome


def test_what_is_made_is_wrong_where_and_as_it_says() -> None:
    kept = run(solutions(600)).kept
    truths = [judge(load(row["program"]), row["steps"]) for row in kept.to_dicts()]
    same = [(one.first_error, one.kind) for one in truths]
    said = list(zip(kept["injected_at"], kept["injected_type"]))
    assert kept.height >= 500
    assert all(one.first_error >= 0 for one in truths)
    assert sum(a == b for a, b in zip(same, said)) / kept.height >= 0.99
    assert min(kept["injected_type"].value_counts()["count"]) >= 50


def test_nothing_but_numbers_and_one_sign_is_another() -> None:
    part = solutions(300)
    before = {row["solution_id"]: row for row in part.to_dicts()}
    for row in run(part).kept.to_dicts():
        origin = before[row["injected_from"]]
        at = row["injected_at"]
        assert row["steps"][:at] == origin["steps"][:at]
        assert row["steps"][at] != origin["steps"][at]
        assert row["text"] == row["rationale"] == "\n".join(row["steps"])
        assert row["solution_id"] != origin["solution_id"]
        assert re.sub(r"\d+", "0", row["text"]).count("\n") == origin["text"].count("\n")
        masks = [re.sub(r"\d+", "0", text) for text in (row["text"], origin["text"])]
        assert sum(a != b for a, b in zip(*masks, strict=True)) <= (row["injected_type"] == "wrong operation")
        assert row["text"].split("#### ")[1] != origin["answer"]


def features(text: str) -> list[float]:
    """How a text looks: lengths, and how often each sort of character occurs."""
    counts = [text.count(char) for char in "+-*/=.#\n ,"]
    words = len(re.findall(r"[A-Za-z]+", text))
    return [1.0, len(text), words, sum(map(str.isupper, text)), sum(map(str.isdigit, text)), *counts]


def test_a_simple_classifier_cannot_tell_them_from_right_ones() -> None:
    kept = run(solutions(1000), share=0.5).kept
    looks = np.array([features(text) for text in kept["text"]])
    wrong = (kept["injected_at"] >= 0).to_numpy().astype(float)
    assert 0.35 < wrong.mean() < 0.65
    half = len(wrong) // 2
    weights = np.linalg.lstsq(looks[:half], wrong[:half], rcond=None)[0]
    score = looks[half:] @ weights
    good, bad = score[wrong[half:] == 0], score[wrong[half:] == 1]
    auc = float((bad[:, None] > good[None, :]).mean() + (bad[:, None] == good[None, :]).mean() / 2)
    assert auc <= 0.58, f"how solutions look gives the wrong ones away: AUC {auc:.3f}"


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("1. 3 * 8 = 24 figs\n#### 24", {"verdict": "undecided"}, "not a right solution"),
        ("1. No wait, 3 * 8 = 24 figs\n#### 24", {}, "words of a mistake"),
        ("All in the head.\n#### 24", {}, "no edit makes it wrong"),
        ("1. 3 * 8 = 25 figs\n#### 24", {}, "no edit makes it wrong"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"answer": "x"}, "no edit makes it wrong"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"rationale": "else"}, "steps are not the text"),
        ("1. 3 * 8 = 24 figs\n#### 24", {"steps": ["what?"]}, "steps are not the text"),
    ],
)
def test_what_cannot_be_made_wrong_is_rejected_with_the_reason(text: str, more: dict[str, Any], reason: str) -> None:
    row = solution(1, text, "Ada buys 3 bags of 8 figs.", "24") | more
    outcome = run(pl.DataFrame([row], schema=polars_schema(GIVEN)))
    assert outcome.rejected["reason"].to_list() == [reason]


def test_the_same_solutions_and_seed_make_the_same_mistakes_in_any_order() -> None:
    part = solutions(60)
    first, again = run(part).kept, run(part.sort("solution_id", descending=True)).kept.sort("injected_from")
    assert first.sort("injected_from").equals(again)
    assert not first["text"].equals(run(part, seed=1).kept["text"])


@pytest.mark.parametrize("kind", KINDS)
def test_only_kinds_that_are_asked_for_are_made(kind: str) -> None:
    assert set(run(solutions(60), kinds=[kind]).kept["injected_type"]) == {kind}
