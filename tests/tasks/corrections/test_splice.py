"""The task `splice`: what stands in a self-correction, what of it is learnt, and rows of which none is made."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.corrections import SPLICED
from schemas.contract import Column, Contract
from schemas.frames import check
from schemas.task import Outcome
from tasks.corrections.segments import list_checks, list_learned, list_messages
from tasks.corrections.splice import BACKSPACE, CHECKED, SPLICE, TURNS, SpliceParameters
from tests.tasks.corrections.test_step_pairs import continuation, identify


def continued(**change: Any) -> dict[str, Any]:
    """A right continuation, with its steps."""
    text = "Add.\n2 + 2 = 4\nThe answer is 4."
    return continuation(
        1,
        **{"solution_id": identify(5), "text": text, "steps": text.split("\n"), "wrong_cause": "2 + 2 is 4."} | change,
    )


def contrasted(**change: Any) -> dict[str, Any]:
    """A located mistake with a right solution beside it."""
    return {
        "set": "s", "question": "What is 2 + 2?", "options": None, "answer": "4", "reference": None, "problem_id": identify(0),
        "solution_id": identify(9), "first_error": 1, "steps": ["Add.", "2 + 2 = 5", "So 5."], "rationale": "Add.\n2 + 2 = 5\nSo 5.",
        "right_rationale": "It is 4.\nThe answer is 4.", "right_from": "reference", "right_id": None, "model": "m", "verdict": "wrong",
    } | change  # fmt: skip


def make_splices(*rows: dict[str, Any], **given: Any) -> Outcome:
    texts = ("reference", "right_id", "right_rationale", "wrong_type", "wrong_cause", "wrong_reason")
    overrides = {"options": pl.List(pl.String)} | {name: pl.String() for name in texts if name in rows[0]}
    part = pl.DataFrame(list(rows), schema_overrides=overrides)
    outcome = SPLICE.run(part, SpliceParameters.model_validate(given))
    check(outcome.kept, SPLICED, "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def test_fixed_behind_the_wrong_step() -> None:
    (row,) = make_splices(continued(), style="fix").kept.to_dicts()
    kinds = [(segment["kind"], segment["learn"]) for segment in row["segments"]]
    assert kinds == [("question", False), ("attempt", True), ("wrong", False), ("transition", True), ("revision", True)]
    turn = row["segments"][3]["text"]
    assert any(turn == f"\n{begin} 2 + 2 is 4. Again from the step before:\n" for begin in TURNS)
    assert row["text"] == f"Add.\n2 + 2 = 5{turn}2 + 2 = 4\nThe answer is 4."
    assert list_messages(row["segments"])[1]["content"] == row["text"]
    learnt = [row["text"][learned["from"] : learned["to"]] for learned in list_learned(row["segments"])]
    assert "2 + 2 = 5" not in "".join(learnt) and "".join(learnt) == row["text"].replace("2 + 2 = 5", "")
    assert (row["first_error"], row["wrong_id"], row["right_id"]) == (1, identify(1), identify(5))


def test_begun_anew_with_a_right_solution() -> None:
    (row,) = make_splices(contrasted(), style="restart", why="none", turns=["No."]).kept.to_dicts()
    assert (
        row["text"] == "Add.\n2 + 2 = 5\nNo. I will solve it another way, from the start.\nIt is 4.\nThe answer is 4."
    )
    assert (row["segments"][-1]["by"], row["right_id"], row["error_type"]) == ("reference", None, None)
    (first,) = make_splices(contrasted(first_error=0), style="restart").kept.to_dicts()
    assert [segment["kind"] for segment in first["segments"]] == ["question", "wrong", "transition", "revision"]


def test_taken_back_word_by_word() -> None:
    (row,) = make_splices(continued(), style="backspace").kept.to_dicts()
    assert row["text"] == f"Add.\n2 + 2 = 5 {BACKSPACE * 5}\n2 + 2 = 4\nThe answer is 4."


@pytest.mark.parametrize("style", ["fix", "restart"])
def test_more_steps_than_the_first_wrong_one(style: str) -> None:
    wrong = ["2 + 2 = 5", "So it is 5."]
    row = (
        continued(
            from_text="Add.\n2 + 2 = 5\nSo it is 5.\nThe answer is 5.", from_steps=["Add.", *wrong, "The answer is 5."]
        )
        if style == "fix"
        else contrasted(steps=["Add.", *wrong], rationale="Add.\n2 + 2 = 5\nSo it is 5.")
    )
    (made,) = make_splices(row, style=style, overrun=1, turns=["No."]).kept.to_dicts()
    assert [piece["text"] for piece in made["segments"] if piece["kind"] == "wrong"] == ["\n".join(wrong)]
    assert (made["first_error"], made["overrun"], made["steps"]) == (1, 1, ["Add.", *wrong])
    assert "Step 2 does not hold." in made["text"] and "No." not in made["text"]
    (last,) = make_splices(
        row | {"from_steps": ["Add.", "2 + 2 = 5"], "steps": row["steps"]}, style=style, overrun=9
    ).kept.to_dicts()
    assert last["overrun"] == (0 if style == "fix" else 1)  # no more than there are


@pytest.mark.parametrize(
    ("why", "given", "words"),
    [
        ("cause", {"wrong_cause": "2 + 2\nis 4."}, " 2 + 2 is 4. "),
        ("cause", {"wrong_cause": None, "wrong_reason": "It adds wrongly."}, " "),
        ("judge", {"wrong_cause": "2 + 2 is 4.", "wrong_reason": "It adds wrongly."}, " It adds wrongly. "),
        ("judge", {"wrong_reason": "The reference solution has 4."}, " "),
        ("cause", {"wrong_cause": "x" * 301}, " "),
        ("none", {"wrong_cause": "2 + 2 is 4.", "wrong_reason": "It adds wrongly."}, " "),
    ],
)
def test_a_turn_says_why_where_that_is_known_and_gives_nothing_away(
    why: str, given: dict[str, Any], words: str
) -> None:
    (row,) = make_splices(continued(**given), style="fix", why=why, turns=["No."]).kept.to_dicts()
    assert row["segments"][3]["text"] == f"\nNo.{words}Again from the step before:\n"


def test_whole_solutions_are_checked_right_and_wrong_ones() -> None:
    right = contrasted(
        first_error=-1,
        verdict="right",
        steps=["2 + 2 = 4", "So 4."],
        rationale="2 + 2 = 4\nSo 4.",
        right_rationale=None,
    )
    wrong, sound = (
        make_splices(contrasted(), right, style="verify", learn="correction")
        .kept.sort("first_error", descending=True)
        .to_dicts()
    )
    assert [(check["solution"], check["right"]) for check in list_checks(wrong["segments"])] == [
        ("Add.\n2 + 2 = 5\nSo 5.", False),
        ("It is 4.\nThe answer is 4.", True),
    ]
    assert list_checks(sound["segments"]) == [{"solution": "2 + 2 = 4\nSo 4.", "verification": CHECKED, "right": True}]
    assert [(piece["kind"], piece["learn"]) for piece in wrong["segments"][1:3]] == [
        ("attempt", False),
        ("wrong", False),
    ]
    assert sound["segments"][1]["learn"]  # nothing in it is wrong
    assert (sound["first_error"], sound["right_id"], sound["right_whole"]) == (-1, None, None)
    outcome = make_splices(contrasted(first_error=-1, verdict="wrong"), style="verify")
    assert outcome.rejected["reason"].to_list() == ["no located mistake"]


WORDS = st.lists(st.sampled_from(["2", "+", "is", "\n", "\n\n", " ", "…"]), min_size=1, max_size=12).map(" ".join)


@given(
    st.sampled_from(["fix", "restart", "verify", "backspace"]),
    st.sampled_from(["all", "right", "correction"]),
    st.sampled_from([0.0, 0.4]),
    st.integers(0, 2),
    st.lists(WORDS.filter(str.strip), min_size=3, max_size=3),
)
@settings(deadline=None, max_examples=60)
def test_segments_are_the_text_to_the_letter_and_masks_follow_what_is_to_be_learnt(
    style: str, learn: str, masked: float, overrun: int, steps: list[str]
) -> None:
    steps = [step.strip() for step in steps]
    text, right = "\n".join(steps), "2 + 2 = 4\nThe answer is 4."
    row = (
        contrasted(steps=steps, rationale=text, right_rationale=right)
        if style in ("restart", "verify")
        else continued(
            from_text=text, from_steps=steps, steps_before=steps[:1], wrong_step=steps[1],
            text=f"{steps[0]}\n{right}", steps=[steps[0], *right.split("\n")],
        )
    )  # fmt: skip
    chosen = {"style": style, "learn": learn, "masked": masked} | ({} if style == "verify" else {"overrun": overrun})
    outcome = make_splices(row, **chosen)
    assert outcome.kept.equals(make_splices(row, **chosen).kept)  # the draw depends on ids alone
    for made in outcome.kept.to_dicts():
        pieces = made["segments"]
        assert "".join(piece["text"] for piece in pieces[1:]) == made["text"] == list_messages(pieces)[1]["content"]
        plain = make_splices(row, **chosen | {"masked": 0.0}).kept.to_dicts()[0]
        for name in ("wrong", "attempt", "transition", "revision"):
            texts = [
                "".join(piece["text"] for piece in made["segments"] if piece["kind"] == name) for made in (made, plain)
            ]
            assert texts[0] == texts[1]
        unlearned = {"all": set(), "right": {"wrong"}, "correction": {"wrong", "attempt"}}[learn]
        assert all(piece["kind"] not in unlearned for piece in pieces if piece["learn"])
        if not masked:
            assert {piece["kind"] for piece in pieces if not piece["learn"]} == {"question"} | unlearned & {
                p["kind"] for p in pieces
            }


def test_the_share_of_masked_words_is_the_one_asked_for() -> None:
    long = "Add.\n" + "\n".join(f"{i} + 1 = {i + 1}" for i in range(2, 400)) + "\nThe answer is 4."
    (row,) = make_splices(continued(text=long, steps=long.split("\n")), style="fix", masked=0.4).kept.to_dicts()
    learnt = sum(len(piece["text"].split()) for piece in row["segments"] if piece["learn"])
    words = sum(len(piece["text"].split()) for piece in row["segments"] if piece["kind"] not in ("question", "wrong"))
    assert 0.56 < learnt / words < 0.64


def test_the_wrong_step_is_learnt_only_where_the_recipe_says_so() -> None:
    (row,) = make_splices(continued(), style="fix", learn="all").kept.to_dicts()
    assert [segment["learn"] for segment in row["segments"]] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("style", "row", "reason"),
    [
        ("fix", continued(verdict="wrong"), "not a right continuation from before the error"),
        ("fix", continued(continued="through error"), "not a right continuation from before the error"),
        ("fix", continued(answer="7"), "does not end in the right answer"),
        ("restart", contrasted(first_error=-1), "no located mistake"),
        ("restart", contrasted(first_error=None), "no located mistake"),
        ("restart", contrasted(first_error=3), "a first wrong step that the solution does not have"),
        ("restart", contrasted(right_rationale=None), "no right solution of the problem is known"),
    ],
)
def test_rows_of_which_none_is_made(style: str, row: dict[str, Any], reason: str) -> None:
    outcome = make_splices(row, style=style)
    assert outcome.kept.height == 0 and outcome.rejected["reason"].to_list() == [reason]


def test_a_table_without_what_a_style_needs_is_a_fault_of_the_recipe() -> None:
    empty = Contract("", "", (), "")
    assert SPLICE.check(SpliceParameters(style="fix"), empty) == [
        "style: fix needs the column 'solution_id'; put continue before"
    ]
    assert SPLICE.check(SpliceParameters(style="restart"), empty) == [
        "style: restart needs the column 'solution_id'; put contrast before"
    ]
    both = Contract("", "", tuple(Column(name, "string", "") for name in contrasted()), "")
    assert SPLICE.check(SpliceParameters(style="verify", overrun=1), both) == [
        "overrun: `style: verify` has whole solutions; leave it out"
    ]
