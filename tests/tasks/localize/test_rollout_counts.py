"""Labels that follow from rollouts."""

from __future__ import annotations

from tasks.localize.rollout_counts import NONE, Rollout, RolloutTally


def tally(*outcomes: str, right: bool = False, closed: bool = True) -> RolloutTally:
    """Prefixes a, ab, … with their rollouts: + right, - wrong, ? undecided."""
    texts = ["abcdefgh"[: i + 1] for i in range(len(outcomes) + 1)]
    result = RolloutTally(texts, right)
    for text, marks in zip(texts, outcomes):
        for mark in marks:
            result.add(text, Rollout({"+": True, "-": False, "?": None}[mark]))
        if closed:
            result.closed.add(text)
    return result


def test_the_first_error_follows_the_last_success() -> None:
    result = tally("+-", "-+", "--", "--")
    assert (result.reached, result.first_error, result.hard) == (1, 2, [1, 1, 0, 0, 0])


def test_a_success_is_a_witness_for_all_earlier_prefixes() -> None:
    result = tally("--", "", "-+", "--")
    assert (result.first_error, result.hard) == (3, [1, 1, 1, 0, 0])


def test_without_any_success_the_first_step_is_wrong() -> None:
    assert tally("-", "-").first_error == 0


def test_a_wrong_solution_is_wrong_at_its_last_step_at_the_latest() -> None:
    assert tally("+", "+").first_error == 2


def test_a_right_solution_is_its_own_witness() -> None:
    result = tally("", "", right=True)
    assert (result.first_error, result.hard) == (NONE, [1, 1, 1])


def test_rollouts_that_nobody_could_decide_are_neither_success_nor_failure() -> None:
    result = tally("+", "??", "--")
    assert (result.first_error, result.hard) == (None, [1, None, 0, 0])
    assert (result.count_decided("ab"), result.count("ab", None), result.count_all("ab")) == (0, 2, 2)
    assert tally("+", "?-", "--").first_error == 1


def test_what_was_not_tested_has_no_label() -> None:
    assert tally("+", "-", "", closed=False).hard == [1, None, None, 0]
    assert tally("+", "-", "", closed=False).first_error is None
