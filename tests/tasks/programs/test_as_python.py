"""Solutions as programs: a statement a step, and the mistakes that they had."""

import pytest

from tasks.programs.as_python import NoProgram, write_program


def test_operands_are_the_variables_of_earlier_steps() -> None:
    steps = ["1. 8 - 2 = 6 stones", "2. 6 * 11 = 66 stones", "3. 66 / 6 = 11 stones\n#### 11"]
    assert write_program(steps) == ["v1 = 8 - 2", "v2 = v1 * 11", "v3 = answer = v2 // v1"]


def test_a_mistake_stays_where_it_is() -> None:
    steps = ["1. 8 - 2 = 5 stones", "2. 5 + 1,000 = 1,005 stones\n#### 5"]
    assert write_program(steps) == ["v1 = 8 - 2 + (-1)", "v2, answer = v1 + 1000, v1"]


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["1. 2 + 2 = 4"],
        ["So it is 4.\n#### 4"],
        ["2 + 2 + 2 = 6\n#### 6"],
        ["6 + 3 < 2\n#### 2"],
        ["1 / 3 = 0.5\n#### " + "9" * 400 + ".5"],
        ["1. 2 + 2 = 4", "3 + 3 = 6 and 1 + 1 = 2\n#### 2"],
    ],
)
def test_what_is_no_sequence_of_equations_is_no_program(steps: list[str]) -> None:
    with pytest.raises(NoProgram):
        write_program(steps)
