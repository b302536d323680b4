"""The exam: problems that nobody has seen, and what is counted."""

import pytest

from infra.teaching import exam
from infra.teaching.exam import Solution
from tasks.sources.content_ids import identify_problem
from tasks.synthetic.problems import choose_side

RIGHT = Solution("1. a\n2. b\n#### 3", ["1. a", "2. b\n#### 3"], True, -1)
WRONG = Solution("1. a\n2. c\n3. d\n#### 4", ["1. a", "2. c", "3. d\n#### 4"], False, 1)
LATE = Solution("1. a\n2. c\n#### 4", ["1. a", "2. c\n#### 4"], False, 1)
CUT = Solution("", [], False, 0)


def test_problems_of_corpora_are_left_out() -> None:
    names = [identify_problem(problem.question, None) for problem in exam.choose_problems(5, set())]
    others = exam.choose_problems(5, {names[1]})
    assert [identify_problem(problem.question, None) for problem in others][:4] == [names[0], *names[2:]]
    assert {choose_side(problem.question) for problem in others} == {"test"}


def test_an_answer_is_right_only_at_the_end() -> None:
    problem = exam.choose_problems(1, set())[0]
    assert exam.is_right(problem, f"1. x\n#### {problem.answer}")
    assert not exam.is_right(problem, f"#### {problem.answer}\n1. and on")
    assert not exam.is_right(problem, f"#### {problem.answer + 1}") and not exam.is_right(problem, "")


def test_a_beginning_goes_through_the_first_wrong_step_and_leaves_one_to_come() -> None:
    problems = exam.choose_problems(3, set())
    beginnings = exam.find_beginnings(problems, [[RIGHT, WRONG], [LATE, RIGHT], [CUT]])
    assert beginnings == ["1. a\n2. c\n", None, None]


def test_a_critic_is_asked_what_can_be_read_and_chooses_by_the_lowest_step() -> None:
    given = {"exam": [[0.9, 0.8], [0.95, 0.1, 0.99]], "held": [[0.9], [0.2]], "labels": [[1.0], [0.0]]}
    results = exam.measure_critic(given, [[RIGHT, WRONG, CUT]])
    assert results == {
        "best of 8": [[(1.0, 1.0)]], "vote of 8 by scores": [[(1.0, 1.0)]], "first-error F1": [[(1.0, 1.0), (1.0, 1.0)]],
    }  # fmt: skip
    given["exam"] = [[0.9, 0.05], [0.95, 0.1, 0.99]]
    assert exam.measure_critic(given, [[RIGHT, WRONG]])["best of 8"] == [[(0.0, 1.0)]]


def test_many_small_weights_outvote_a_greater_one() -> None:
    assert exam.vote([("#### 3", 0.4), ("#### 4", 0.5), ("#### 3", 0.4), ("no answer", 9.0)]) == "3"
    assert exam.vote([("no answer", 1.0)]) is None


def test_of_no_solution_none_is_chosen() -> None:
    results = exam.measure_critic({"exam": [], "held": [[0.9]], "labels": [[1.0]]}, [[CUT]])
    assert results["best of 8"] == results["vote of 8 by scores"] == [[(0.0, 1.0)]]
    assert results["first-error F1"] == [[(0.0, 0.0), (0.0, 0.0)]]


def test_the_threshold_is_chosen_by_labels() -> None:
    threshold = exam.choose_threshold([[0.9, 0.6], [0.9, 0.3], [0.2]], [[1, 1], [1, 0], [0]])
    assert 0.3 < threshold <= 0.6


@pytest.mark.parametrize(
    ("located", "known", "counts"), [([-1, 2, 0], [-1, 2, 1], [(1, 2), (1, 1)]), ([0, -1], [-1, -1], [(0, 0), (1, 2)])]
)
def test_exact_and_clean_are_counted_apart(located: list[int], known: list[int], counts: list[tuple[int, int]]) -> None:
    assert exam.count_located(located, known) == counts


def test_votes_need_no_reward_model() -> None:
    results = exam.measure_votes([[WRONG, RIGHT, LATE], [RIGHT, CUT, CUT]])
    assert results["majority of 8"] == [[(0.0, 1.0)], [(1.0, 1.0)]]
    assert results["any of 8"] == [[(1.0, 1.0)]] * 2
    assert results["one of 8 at random"] == [[(1.0, 3.0)]] * 2
