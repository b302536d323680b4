"""`deduplicate` of mistakes: another answer, number, operator or power is another mistake."""

from __future__ import annotations

import polars as pl

from tests.tasks.dedup.test_deduplicate import LETTERS, decided, list_rejected, table, text

NUMBERS = "We add what Tom has in his box to what Ada has in hers, so that 3 + 5 = {} pens are there for both of them"
MODES = ("mistake", "path", "near", "semantic")


def test_rows_with_different_answers_never_repeat_each_other_unless_they_may() -> None:
    text = NUMBERS.format(9)
    rows = table([("a", "p", text, "9"), ("b", "p", f"{text}.", "10"), ("c", "p", f"{text}!", "$9.00")])
    for by in MODES:
        assert list_rejected([rows], by=by, embedding=LETTERS).keys() == {"c"}
        assert list_rejected([rows], by=by, embedding=LETTERS, across_answers=True).keys() == {"b", "c"}


def test_a_row_whose_answer_is_not_read_repeats_only_the_same_text() -> None:
    text = NUMBERS.format(9)
    for unread in (None, "3 + * 4"):
        rows = table([("a", "p", text, unread), ("b", "p", f"{text}.", unread), ("c", "p", text, unread)])
        for by in MODES:
            assert list_rejected([rows], by=["exact", by], embedding=LETTERS).keys() == {"c"}


def test_answers_without_a_normal_form_are_compared_within_a_problem() -> None:
    answers = ["(3,4)", "(3, 4)", "(4,3)", "x > 5", "5 < x"]
    rows = table([(str(i), "p", f"{'so ' * i}3 + 5 = 9", answer) for i, answer in enumerate(answers)])
    assert list_rejected([rows], by="path").keys() == {"1", "4"}
    assert list_rejected([rows[i : i + 1] for i in (4, 2, 0, 3, 1)], by="mistake").keys() == {"1", "4"}


def test_near_texts_with_other_numbers_or_operators_stay() -> None:
    words, more = (" ".join(text(seed)) for seed in (8, 9))
    others = [
        "3 + 5 = 9",
        "3 + 5 = 8",
        "3 - 5 = 9",
        "(3 + 5) = 9",
        "3 + 5 = -9",
        "3 plus 5 = 9",
        "three plus five = nine",
    ]
    rows = [(str(i), "p", f"{words} {other} {more}") for i, other in enumerate(others)]
    assert decided(rows, by="near") == {"5": "0", "6": "0"}


def test_a_mistake_is_what_is_calculated_and_where_it_goes_wrong() -> None:
    steps = ["3 + 5 = 9", "2 * 4 = 9", "So 9 + 9 = 18"]
    texts = [
        (steps, 0), (["First 5 + 3 = 9. Then 4 × 2 = 9.", "9 + 9 = 18"], 0), (steps, 1), (steps[1::-1] + steps[2:], 1),
        (steps, None), ([*steps[:2], "So 9 + 9 = 17"], 0),
    ]  # fmt: skip
    rows = table([(str(i), "p", "\n".join(lines)) for i, (lines, _) in enumerate(texts)]).with_columns(
        pl.Series("steps", [lines for lines, _ in texts]), pl.Series("first_error", [at for _, at in texts])
    )
    result = list_rejected([rows], by="mistake")
    assert result == {"1": ("same mistake", "the same mistake as 0"), "3": ("same mistake", "the same mistake as 0")}
    assert list_rejected([rows.drop("steps")], by="mistake").keys() == {"1", "2", "3", "4"}


def test_a_power_is_no_other_number() -> None:
    rows = [("a", "p", "So 5² it is"), ("b", "p", "So 52 it is"), ("c", "p", "So 5^2 it is")]
    assert decided(rows) == {"c": "a"}
