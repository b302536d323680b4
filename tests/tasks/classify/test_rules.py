"""What rules say of mistakes: the kind, the wrong characters and the cause, and nothing where they cannot be sure."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tasks.classify.rules import apply_rules
from tasks.synthetic.problems import make_problem
from tasks.synthetic.solution import solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import find_truth

QUESTION = (
    "Ada has 46 figs. She buys 3 bags of 8 figs. Then she eats 12. How many figs does she have? It rains for 5 days."
)
REFERENCE = "1. 3 * 8 = 24 figs\n2. 46 + 24 = 70 figs\n3. 70 - 12 = 58 figs\n#### 58"
STEPS = REFERENCE.split("\n")[:2]


def row(*steps: str, reference: str | None = REFERENCE, answer: str | None = "58") -> dict[str, object]:
    return {"question": QUESTION, "steps": list(steps), "reference": reference, "answer": answer}


BY_REFERENCE = [
    ("calculation", "2. 46 + 24 = 60 figs", "60"),
    ("misread quantity", "2. 64 + 24 = 88 figs", "64"),
    ("miscopied result", "2. 46 + 42 = 88 figs", "42"),
    ("wrong operand", "2. 46 + 8 = 54 figs", "8"),
    ("wrong operation", "2. 46 - 24 = 22 figs", "46 - 24 = 22"),
    ("extra step", "2. 3 * 8 = 24 figs", "3 * 8 = 24"),
    ("missing step", "2. 46 - 12 = 34 figs", "46 - 12 = 34"),
    ("unit", "2. 46 + 24 = 70 days", "days"),
    ("missing step", "2. 46 + 24 = 70 figs\n#### 70", "70"),
]


@pytest.mark.parametrize(("kind", "step", "span"), BY_REFERENCE)
def test_a_right_solution_says_what_is_wrong_and_where(kind: str, step: str, span: str) -> None:
    rules = apply_rules(row(STEPS[0], step), 1)
    assert rules is not None
    assert (rules.kind, step[rules.start : rules.end]) == (kind, span)
    assert rules.cause.endswith(".")
    assert rules.severity == ("minor" if kind == "unit" else "major")


def test_an_answer_that_is_not_the_last_result() -> None:
    rules = apply_rules(row(*STEPS, "3. 70 - 12 = 58 figs\n#### 70"), 2)
    assert rules is not None
    assert (rules.kind, rules.cause) == ("final answer", "The last result is 58, the answer says 70.")


@pytest.mark.parametrize(
    ("kind", "steps", "at"),
    [
        ("calculation", ["3 * 8 = 24", "46 + 24 = 60", "60 - 12 = 48"], 1),
        ("misread quantity", ["3 * 8 = 24", "64 + 24 = 88", "88 - 12 = 76"], 1),
        ("miscopied result", ["3 * 8 = 24", "46 + 42 = 88", "88 - 12 = 76"], 1),
        ("final answer", ["3 * 8 = 24", "46 + 24 = 70", "70 - 12 = 58", "The answer is 70"], 3),
    ],
)
def test_without_one_the_change_that_leads_to_the_right_answer_says_it(kind: str, steps: list[str], at: int) -> None:
    rules = apply_rules(row(*steps, reference=None), at)
    assert rules is not None
    assert rules.kind == kind


@pytest.mark.parametrize(
    "steps",
    [
        ["3 * 8 = 24", "46 + 8 = 54", "54 - 12 = 42"],  # a known number: wrong operand, or a step left out
        ["3 * 8 = 24", "All is well.", "The answer is 24"],
        ["3 * 8 = 24", "46 + 24 = x"],
    ],
)
def test_where_more_than_one_thing_may_be_wrong_rules_are_silent(steps: list[str]) -> None:
    assert apply_rules(row(*steps, reference=None), 1) is None


def test_without_the_right_answer_an_equation_that_does_not_hold_is_enough() -> None:
    rules = apply_rules(row("3 * 8 = 24", "46 + 24 = 60", "60 + 12 = 72", reference=None, answer=None), 1)
    assert rules is not None
    assert (rules.kind, rules.cause) == ("calculation", "46 + 24 is 70, not 60.")
    assert apply_rules(row("3 * 8 = 24", "64 + 24 = 88", reference=None, answer=None), 1).kind == "misread quantity"  # type: ignore[union-attr]


def test_a_right_solution_that_goes_another_way_is_not_compared() -> None:
    other = row("46 - 12 = 34", "34 + 3 = 37", "37 * 8 = 296")
    assert apply_rules(other, 1) is None


def make_wrongs(count: int) -> Iterator[tuple[dict[str, Any], int, str | None]]:
    """Solutions made wrong, where they are, and how."""
    random = Random(3)
    for number in range(count):
        problem = make_problem(7, number, 3)
        text = write_solution(*solve_wrong(problem.program, random))
        steps = text.split("\n")
        steps[-2:] = ["\n".join(steps[-2:])]
        truth = find_truth(problem.program, steps)
        if truth.first_error >= 0:
            reference = write_solution(*solve_right(problem.program))
            whole = {
                "question": problem.question, "steps": steps, "answer": str(problem.answer), "reference": reference,
            }  # fmt: skip
            yield whole, truth.first_error, truth.kind


def test_rules_agree_with_the_truth_of_the_world_on_mistakes_made_on_purpose() -> None:
    found = [(apply_rules(whole, at), kind) for whole, at, kind in make_wrongs(400)]
    decided = [(rules, kind) for rules, kind in found if rules is not None]
    assert len(found) > 300 and len(decided) / len(found) >= 0.9
    assert sum(rules.kind == kind for rules, kind in decided) / len(decided) >= 0.98


def test_the_more_is_known_the_more_mistakes_are_named_rightly() -> None:
    known = dict.fromkeys(("nothing", "answer", "both"), 0)
    for whole, at, kind in make_wrongs(300):
        blind = apply_rules(whole | {"reference": None, "answer": None}, at)
        answered = apply_rules(whole | {"reference": None}, at)
        both = apply_rules(whole, at)
        for name, rules in zip(known, (blind, answered, both)):
            known[name] += rules is not None and rules.kind == kind
        # whoever knows the answer may find another kind of mistake, and never nothing
        assert blind is None or answered is not None
    assert 0 < known["nothing"] < known["answer"] < known["both"]


@pytest.mark.parametrize("answer", ["58", None])
def test_a_false_equation_in_the_wrong_step_needs_no_further_proof(answer: str | None) -> None:
    """The rest is wrong, too, so that no repair leads to the answer: to know the answer makes the finding no weaker."""
    finding = apply_rules(row("3 * 8 = 24", "46 + 24 = 60", "60 + 12 = 72", reference=None, answer=answer), 1)
    assert finding is not None
    assert (finding.kind, finding.cause) == ("calculation", "46 + 24 is 70, not 60.")


PEARS = (
    "Dan starts with 63 pears. Ines gives Dan 61 pears. Soon Dan has 3 times as many. Ines takes 53 of the pears. Dan loses 67 of "
    "them. Dan finds 15 pears. How many pears does Dan have now?"
)


@pytest.mark.parametrize("answer", [None, "267"])
def test_who_knows_the_right_answer_sees_no_less(answer: str | None) -> None:
    steps = ["63 + 61 = 124", "124 * 3 = 372", "372 - 53 = 319", "315 - 67 = 248", "248 - 15 = 233\n#### 233"]
    found = apply_rules({"question": PEARS, "steps": steps, "reference": None, "answer": answer}, 3)
    assert found is not None and (found.kind, found.rule) == ("miscopied result", "neither given nor derived")
    assert "like the earlier result 319" in found.cause
