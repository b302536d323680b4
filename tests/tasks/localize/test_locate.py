"""`locate`: a first wrong step only where arithmetic proves which it is."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import STEP_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import check, to_polars_schema
from tasks.localize.locate import LOCATE, NOT_WRONG, LocateParameters, locate_first_error
from tasks.localize.proofs.proof import (
    AMBIGUOUS,
    IN_WORDS,
    NO_EQUATION,
    NO_FALSE_EQUATION,
    NO_REPAIR,
    NOT_ENOUGH,
    NOT_READ,
    NOTHING,
    Proof,
)
from tasks.localize.proofs.prove import prove_first_error
from tasks.synthetic.problems import make_problem
from tasks.synthetic.solution import solve_wrong, write_solution
from tasks.synthetic.truth import find_truth

QUESTION = "Ada has 5 boxes of 6 eggs and 4 more eggs. How many eggs has she?"


def row(*steps: str, **change: Any) -> dict[str, Any]:
    return {"question": QUESTION, "steps": list(steps), "answer": "34", "verdict": "wrong", "reference": None} | change


@pytest.mark.parametrize(
    ("steps", "first"),
    [
        (("5 * 6 = 35 eggs", "35 + 4 = 39 eggs\n#### 39"), 0),
        (("5 * 6 = 30 eggs", "30 + 4 = 36 eggs\n#### 36"), 1),
        (("5 * 6 = 30 eggs", "30 + 4 = 34 eggs", "#### 30"), 2),
    ],
)
def test_what_arithmetic_proves(steps: tuple[str, ...], first: int) -> None:
    assert locate_first_error(row(*steps))[0] == first


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (row("5 * 6 = 35 eggs", "#### 35", verdict="right"), NOT_WRONG),
        (row("5 * 6 = 35 eggs", "#### 35", verdict="undecided"), NOT_WRONG),
        # wrong in its sense, right in its numbers: nothing is proved
        (row("5 + 6 = 11 eggs", "11 + 4 = 15 eggs\n#### 15"), NO_FALSE_EQUATION),
        # a wrong sum behind a wrong plan: putting it right does not lead to the answer
        (row("5 + 6 = 11 eggs", "11 + 4 = 16 eggs\n#### 16"), NOT_ENOUGH),
        # the answer is no number: nothing vouches for what stands before
        (row("5 * 6 = 35 eggs", "So (b).", answer="B"), NOT_ENOUGH),
        (row("It is 39."), NO_EQUATION),
        # a step in words, or an equation that could not be read, stands before the answer: it may be where it goes wrong
        (row("5 * 6 = 30 eggs", "30 + 4 = 34 eggs", "But she has eaten them.", "The answer is 0."), NO_FALSE_EQUATION),
        (row("5 * 6 = 30 eggs", "30 + 4 = 34 eggs", "10% of 34 = 3.4", "#### 3.4"), NO_FALSE_EQUATION),
    ],
)
def test_what_it_does_not_prove(case: dict[str, Any], why: str) -> None:
    assert locate_first_error(case) == (None, None, None, why)


def test_a_right_solution_vouches_for_the_steps_before() -> None:
    reference = "5 * 6 = 30 eggs\n30 + 4 = 34 eggs\n#### 34"
    # the last step asks for nothing that is asked, so that no repair leads to the answer
    assert locate_first_error(row("5 * 6 = 30 eggs", "30 + 4 = 35 eggs", "35 * 2 = 70", reference=reference))[0] == 1


REFERENCE = "5 * 6 = 30 eggs\n30 + 4 = 34 eggs\n#### 34"


@pytest.mark.parametrize(
    ("steps", "first", "certificate"),
    [
        (
            ("She has 5 boxes.", "5 + 6 = 11 eggs", "11 + 4 = 15 eggs\n#### 15"), 1,
            "`5 + 6 = 11`: the right solution has `5 * 6 = 30` here; with it the rest comes to the right answer, 34.",
        ),
        (
            ("5 * 6 = 30 eggs", "30 - 4 = 26 eggs", "#### 26"), 1,
            "`30 - 4 = 26`: the right solution has `30 + 4 = 34` here; that is the right answer, 34.",
        ),
        (
            ("5 * 6 = 30 eggs", "30 + 4 = 34 eggs", "34 + 30 = 64 eggs\n#### 64"), 2,
            "step 2 comes to the right answer, 34, as the right solution does; `34 + 30 = 64` goes on from it.",
        ),
        (
            ("5 * 6 = 30 eggs", "30 + 4 = 35 eggs", "35 / 5 = 7"), 1,
            "`30 + 4 = 35` does not hold: the left side comes to 34, and all 1 calculations before it are those of the right solution.",
        ),
        (
            ("5 * 6 = 31 eggs", "31 + 4 = 35 eggs\n#### 35"), 0,
            "`5 * 6 = 31` does not hold: the left side comes to 30, and with that the rest comes to the right answer, 34.",
        ),
    ],
)  # fmt: skip
def test_a_certificate_says_what_a_person_can_check(steps: tuple[str, ...], first: int, certificate: str) -> None:
    proof = prove_first_error(row(*steps, reference=REFERENCE))
    assert isinstance(proof, Proof)
    assert (proof.step, proof.certificate) == (first, certificate)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        # another way to the right answer, from which it goes on: what is wrong is not the way
        (("6 + 4 = 10", "4 * 6 = 24", "10 + 24 = 34", "34 - 4 = 30\n#### 30"), NO_REPAIR),
        (("5 * 6 = 30 eggs",), NOTHING),
        # what the right solution has in its place does not lead to the answer
        (("5 + 4 = 9 eggs", "9 * 4 = 36 eggs\n#### 36"), NO_REPAIR),
        # what is to be calculated was said in words before
        (("The boxes hold 5 + 6 eggs in total.", "5 + 6 = 11 eggs", "11 + 4 = 15 eggs\n#### 15"), IN_WORDS),
        # 30 eggs are taken for 30 boxes before
        (("5 * 6 = 30 eggs", "That is 30 boxes.", "30 - 4 = 26 eggs\n#### 26"), IN_WORDS),
        # one of two that do the same is too many: nothing says which
        (("5 * 6 = 30 eggs", "30 + 4 = 34 eggs", "34 + 4 = 38 eggs\n#### 38"), AMBIGUOUS),
        # a result that is one of its own numbers: which of the two the next step goes on from is open
        (("5 * 1 = 5 eggs", "5 + 4 = 9 eggs\n#### 9"), AMBIGUOUS),
        (("Let x = 5 boxes, 6x = y", "5 + 6 = 11 eggs", "11 + 4 = 15 eggs\n#### 15"), NOT_READ),
    ],
)
def test_what_a_right_solution_does_not_prove(steps: tuple[str, ...], why: str) -> None:
    assert prove_first_error(row(*steps, reference=REFERENCE)) == why


def test_a_term_too_many_is_open_where_a_part_of_the_sum_was_added_up_before() -> None:
    reference = "5 * 6 = 30 eggs\n30 + 4 + 4 = 38 eggs\n#### 38"
    steps = "5 * 6 = 30 eggs", "4 + 4 = 8 eggs"
    twice = row(*steps, "30 + 8 + 4 = 42 eggs\n#### 42", answer="38", reference=reference)
    assert prove_first_error(twice) == AMBIGUOUS  # 4 is in both: the part may have it once too often, or the sum
    proof = prove_first_error(row(*steps, "30 + 8 + 5 = 43 eggs\n#### 43", answer="38", reference=reference))
    assert isinstance(proof, Proof) and proof.step == 2


TRAYS = {
    "question": "Ada has 5 boxes of 6 eggs and sells 2 trays of 4 eggs. Each egg left costs 3 dollars. How much do they cost?",
    "reference": "5 * 6 = 30 eggs\n2 * 4 = 8 eggs\n30 - 8 = 22 eggs\n22 * 3 = 66 dollars\n#### 66",
    "answer": "66",
}


@pytest.mark.parametrize(
    ("steps", "first", "certificate"),
    [
        (
            ("5 * 6 = 30", "2 * 4 = 8", "30 + 8 = 38", "38 * 3 = 114\n#### 114"), 2,
            "`30 + 8 = 38`: the right solution has `30 - 8 = 22` here; with it the rest comes to the right answer, 66.",
        ),
        (
            ("5 * 6 = 30", "2 * 4 = 8", "30 + 8 = 38", "38 + 3 = 41\n#### 41"), 2,
            "`30 + 8 = 38`: the right solution has `30 - 8 = 22` here, of the same numbers.",
        ),
        (
            ("5 * 6 = 30", "30 - 4 = 26", "26 * 3 = 78\n#### 78"), 1,
            "`30 - 4 = 26`: the right solution has `2 * 4 = 8` before, and `30 - 8 = 22` here; with it the rest comes to "
            "the right answer, 66.",
        ),
        (
            ("5 * 6 = 30", "2 * 4 = 8", "30 - 8 = 22", "22 - 9 = 13", "13 * 3 = 39\n#### 39"), 3,
            "`22 - 9 = 13` is not in the right solution; with 22 in the place of 13 the rest comes to the right answer, 66.",
        ),
        # the operand came in with a step in words
        (
            ("5 * 6 = 30", "2 * 4 = 8", "Some break, and 9 are sold.", "30 - 9 = 21", "21 * 3 = 63\n#### 63"), 2,
            "`30 - 9 = 21`: the right solution has `30 - 8 = 22` here; with it the rest comes to the right answer, 66.",
        ),
    ],
)  # fmt: skip
def test_departures_from_a_right_solution(steps: tuple[str, ...], first: int, certificate: str) -> None:
    proof = prove_first_error(row(*steps, **TRAYS))
    assert isinstance(proof, Proof), proof
    assert (proof.step, proof.certificate) == (first, certificate)


def test_a_right_solution_never_takes_a_proof_away() -> None:
    """What arithmetic proves alone stands whatever the right solution does."""
    for reference in (None, "", REFERENCE, "4 + 30 = 34", "no equation", "5 * 6 = 31\n31 + 3 = 34"):
        assert locate_first_error(row("5 * 6 = 35 eggs", "35 + 4 = 39 eggs\n#### 39", reference=reference))[0] == 0


def test_in_a_world_whose_truth_is_known_nearly_all_it_names_are_right() -> None:
    named = hits = 0
    for number in range(600):
        problem = make_problem(0, number)
        lines, answer = solve_wrong(problem.program, Random(number))
        steps = write_solution(lines, answer).split("\n")
        at, *_ = locate_first_error(row(*steps, question=problem.question, answer=str(problem.answer)))
        if at is not None:
            named, hits = named + 1, hits + (at == find_truth(problem.program, steps).first_error)
    assert named > 50 and hits >= 0.98 * named


def test_rows_are_all_kept_under_the_contract() -> None:
    texts = (Column(name, "string", "A text.") for name in ("question", "answer", "verdict"))
    given = Contract("given", "", (*texts, STEP_COLUMNS[0]), "answer")
    rows = [row("5 * 6 = 35", "35 + 4 = 39"), row("x", answer="35")]
    outcome = LOCATE.run(pl.DataFrame(rows, schema=to_polars_schema(given)), LocateParameters())
    check(outcome.kept, LOCATE.makes(LocateParameters(), given), "test")
    assert outcome.kept.height == 2 and outcome.rejected.height == 0
    assert outcome.kept["first_error"].to_list() == [0, None]
    assert outcome.kept["unlocated"].to_list() == [None, NO_EQUATION]
