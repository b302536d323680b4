"""The world makes millions of problems, repeatably, and keeps train and test apart."""

from __future__ import annotations

import re
from random import Random

import pytest

from tasks.sources.content_ids import identify_problem
from tasks.synthetic.problems import LEVELS, choose_side, draw, make_problem
from tasks.synthetic.program import load_program
from tasks.synthetic.task import WORLD, WorldParameters


@pytest.mark.parametrize("level", LEVELS)
def test_a_problem_says_all_its_quantities_and_asks_for_the_answer_of_its_program(level: int) -> None:
    for index in range(200):
        problem = make_problem(3, index, level)
        assert [int(number) for number in re.findall(r"\d+", problem.question)] == list(problem.program.quantities)
        assert problem.question.count("?") == 1
        dial = LEVELS[level]
        assert dial.fewest <= len(problem.program.nodes) <= dial.most
        results = problem.program.results()
        assert all(result.denominator == 1 and result >= 0 for result in results)
        assert 0 < problem.answer <= dial.largest
        assert all(node.unit for node in problem.program.nodes)


def test_every_quantity_is_used_but_the_spare_ones() -> None:
    for index in range(500):
        program = make_problem(4, index, 4).program
        used = {ref.at for node in program.nodes for ref in (node.left, node.right) if ref.kind == "q"}
        units = {i for i, quantity in enumerate(program.quantities) if quantity == 1}  # the 1 of a fraction such as 1/4
        assert used | set(program.spare) | units == set(range(len(program.quantities)))
        assert not used & set(program.spare)


def test_levels_have_the_operations_and_lengths_they_promise() -> None:
    operators = {level: set[str]() for level in LEVELS}
    lengths = {level: set[int]() for level in LEVELS}
    for level in LEVELS:
        for index in range(400):
            problem = make_problem(5, index, level)
            operators[level] |= {node.operator for node in problem.program.nodes}
            lengths[level].add(len(problem.program.nodes))
    assert operators[1] == {"+", "-"}
    assert all(operators[level] == {"+", "-", "*", "/"} for level in (2, 3, 4, 5, 6))
    assert lengths[3] == set(range(2, 9))
    assert lengths[5] == lengths[6] == set(range(8, 21))
    questions = [make_problem(5, index, 4).question for index in range(200)]
    assert any("percent" in question for question in questions)
    assert any(re.search(r"\d/\d", question) for question in questions)


def test_a_problem_is_the_same_whenever_it_is_made_and_another_for_another_number() -> None:
    assert make_problem(1, 7) == make_problem(1, 7)
    assert len({make_problem(1, index).question for index in range(2000)}) == 2000
    assert not {make_problem(1, i).question for i in range(300)} & {make_problem(2, i).question for i in range(300)}


def test_train_and_test_never_share_a_problem() -> None:
    for index in range(200):
        assert choose_side(make_problem(1, index, which="test").question) == "test"
        assert choose_side(make_problem(1, index, which="train").question) == "train"
    random = Random(1)
    drawn = [draw(random).question for _ in range(3000)]
    share = sum(choose_side(question) == "test" for question in drawn) / len(drawn)
    assert 0.07 < share < 0.13


def test_the_side_does_not_hang_on_spaces_or_letter_case() -> None:
    question = make_problem(1, 1).question
    assert choose_side(question) == choose_side(question.upper().replace(" ", "  "))


def test_a_program_survives_its_json_and_rubbish_is_refused() -> None:
    program = make_problem(1, 1, 4).program
    assert load_program(program.dump()) == program
    for text in (
        "",
        "[]",
        "{}",
        '{"quantities": [1], "spare": [], "nodes": [["+", "q0", "q9", "x"]]}',
        program.dump()[:-4],
    ):
        with pytest.raises(ValueError, match="not a program of the world"):
            load_program(text)


def test_the_table_has_a_row_for_each_number_with_its_truth() -> None:
    parameters = WorldParameters(count=50, level=2, seed=9)
    outcome = WORLD.run(range(10, 30), parameters)
    assert outcome.kept.height == 20
    assert outcome.rejected.height == 0
    for row in outcome.kept.iter_rows(named=True):
        assert str(load_program(row["program"]).results()[-1]) == row["answer"]
        assert row["reference"].endswith(f"#### {row['answer']}")
        assert row["problem_id"] == identify_problem(row["question"], None)
    assert outcome.kept["source"][0] == "world:level 2, test, seed 9, number 10"
    assert WORLD.run(range(15, 16), parameters).kept.rows() == outcome.kept[5:6].rows()
