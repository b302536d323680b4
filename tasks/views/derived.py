"""Values that views know beside a table's columns: worked out from them, each by a plain function of one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.contract import Column
from tasks.corrections.segments import list_checks, list_learned, list_log, list_messages, list_turns
from tasks.views import columns as c
from tasks.views import rows, turns
from tasks.views.rows import Row, Style


@dataclass(frozen=True)
class Derived:
    """A value that is worked out from a row."""

    needs: tuple[str, ...]
    """The columns that it is worked out from."""
    column: Column
    """Its name, type and meaning."""
    make: Callable[[Row, Style], Any]
    """The value; raises `Unfit` where the row has none."""
    by_style: bool = False
    """Whether it depends on how the view is written."""


_RANGE = (
    Column("message", "integer", "The number of the message, counted from 0.", at_least=0),
    Column("from", "integer", "Its first character that is learnt, counted from 0.", at_least=0),
    Column("to", "integer", "The character behind the last.", at_least=0),
    Column("weight", "number", "How much it counts.", at_least=0),
)
_TURN = (
    Column("from", "string", "system, human, gpt or observation."),
    Column("value", "string", "What is said."),
    Column("loss", "number", "The weight of its loss; 0 is context.", at_least=0),
)
_LOGGED = (*c.MESSAGE, Column("loss", "boolean", "Whether a model is to learn to write it."))
_CHECK = (
    Column("solution", "string", "A solution."),
    Column("verification", "string", "What a check of it says."),
    Column("right", "boolean", "Whether it is right."),
)
_STEPS = ("steps", "first_error")
_PAIR = ("rationale", "right_rationale", "right_id")
_SIDES = ("text", "verdict", "text_before", "verdict_before")
_OTHER = ("other_text", "other_reward")
_STEP_TEXTS = "The steps, in order"
_STEP_LABELS = "For each step whether it is right"
_ALL = (
    Derived(("question",), Column("problem", "string", "The problem, with the options of multiple choice."), lambda row, _: rows.format_problem(row)),
    Derived(("verdict",), Column("is_right", "boolean", "Whether the solution's answer is right."), lambda row, _: rows.read_verdict(row)),
    Derived(("verdict", "traceback"), Column("feedback", "string", "A reward token, and the interpreter's words behind it where the program is wrong."), lambda row, _: rows.format_feedback(row)),
    Derived(_STEPS, Column("first_wrong", "integer", "The 0-based index of the first wrong step; -1 where none is wrong.", at_least=-1), lambda row, _: rows.find_first_wrong(row)),
    Derived(_STEPS, Column("wrong_step", "string", "The first wrong step; null where it is not known.", nullable=True), lambda row, _: rows.find_wrong_step(row)),
    Derived(_STEPS, Column("judged_steps", "strings", f"{_STEP_TEXTS}, up to the first wrong one.", at_least=1), lambda row, _: rows.list_steps(row, cut=True)),
    Derived(_STEPS, Column("judged_labels", "booleans", f"{_STEP_LABELS}, up to the first wrong one.", at_least=1), lambda row, _: rows.label_steps(row, cut=True)),
    Derived(_STEPS, Column("shown_steps", "strings", f"{_STEP_TEXTS}.", at_least=1), lambda row, style: rows.list_steps(row, style.cut), by_style=True),
    Derived(_STEPS, Column("shown_labels", "booleans", f"{_STEP_LABELS}.", at_least=1), lambda row, style: rows.label_steps(row, style.cut), by_style=True),
    Derived((*_STEPS, "soft"), Column("shares", "numbers", "For each step the estimated chance that a right answer is reached from it.", nullable=True), lambda row, style: rows.read_shares(row, style.cut), by_style=True),
    Derived(("steps",), Column("prefixes", "strings", "For each step the solution through it.", at_least=1), lambda row, _: rows.list_prefixes(row)),
    Derived(("q", "outcome"), Column("signed_q", "numbers", "For each step 2 q - 1, and of the last the outcome.", at_least=-1, at_most=1), lambda row, _: rows.sign_values(row)),
    Derived(("number",), Column("step_number", "integer", "The step that a pair is about, counted from 1.", at_least=1), lambda row, _: row["number"] + 1),
    Derived(("segments",), Column("segment_messages", "records", "The conversation, a message each for neighbouring segments of one role.", fields=c.MESSAGE), lambda row, _: list_messages(row["segments"])),
    Derived(("segments",), Column("learned_ranges", "records", "The characters of messages that a model is to learn to write.", fields=_RANGE), lambda row, _: list_learned(row["segments"])),
    Derived(("segments",), Column("segment_turns", "records", "The conversation as ShareGPT has it, cut where what is learnt ends.", fields=_TURN), lambda row, _: list_turns(row["segments"])),
    Derived(("segments",), Column("segment_log", "records", "The conversation as agents log it, cut where what is learnt begins or ends.", fields=_LOGGED), lambda row, _: list_log(row["segments"])),
    Derived(("segments",), Column("checked_solutions", "records", "The solutions of the conversation, each with the check behind it.", fields=_CHECK), lambda row, _: list_checks(row["segments"])),
    Derived(("critique", "critique_first_error"), Column("critique_text", "string", "The critique of the attempt before."), lambda row, _: turns.read_critique_text(row)),
    Derived(("text_before",), Column("attempt_before", "string", "The attempt that was revised."), lambda row, _: turns.read_attempt_before(row)),
    Derived(_SIDES, Column("better_attempt", "string", "Of an attempt and its revision the right one."), lambda row, _: turns.order_sides(row)[0]),
    Derived(_SIDES, Column("worse_attempt", "string", "Of an attempt and its revision the wrong one."), lambda row, _: turns.order_sides(row)[1]),
    Derived(("segments", "reward"), Column("rewarded_turns", "records", "The conversation as ShareGPT has it; the last turn weighs exp(reward / 0.4), all before it nothing.", fields=_TURN), lambda row, _: turns.weigh_turns(row)),
    Derived(("segments",), Column("history", "records", "The conversation before the attempt.", fields=c.MESSAGE), lambda row, _: turns.list_history(row)),
    Derived(_OTHER, Column("other_attempt", "string", "Another revision after the same feedback, of another reward."), lambda row, _: turns.read_other(row)[0]),
    Derived(_OTHER, Column("other_attempt_reward", "number", "Its reward.", at_least=-1, at_most=1), lambda row, _: turns.read_other(row)[1]),
    Derived(("turn_id",), Column("hindsight_order", "string", "The order of good and bad answer, one of four by the row's id; what stands in brackets is not learnt."), lambda row, _: turns.choose_order(row)),
    Derived(_PAIR, Column("wrong_side", "string", "The model's wrong rationale."), lambda row, _: rows.read_pair(row)[0]),
    Derived(_PAIR, Column("right_side", "string", "A right solution of the problem."), lambda row, _: rows.read_pair(row)[1]),
)  # fmt: skip
DERIVED = {value.column.name: value for value in _ALL}
