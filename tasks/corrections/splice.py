"""`splice`: puts a wrong beginning, a turn and a right end together, so that a model learns to correct itself.

Sources: fix and restart are LEMMA's two ways (arXiv 2503.17439, section 3.3),
without its teacher: the end is a right continuation of the same model, or a
right solution. Backspaces are SequenceMatch's (arXiv 2306.05426). To verify,
whole solutions are checked, right ones too, as SPOC has its model do in one
pass. What is masked follows LEMMA (nothing), S³c-Math (arXiv 2409.01524: the
wrong step is context), ISC with PAM (arXiv 2401.07301) and Agent-R (arXiv
2501.11425: the whole first attempt is).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import polars as pl
from pydantic import Field

from schemas.columns.corrections import SPLICED
from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.task import Outcome, Parameters, PerRow
from tasks.corrections.continuations import describe_mistake
from tasks.corrections.segments import draw_unlearned, make_segment
from tasks.llm.question import format_question
from tasks.localize.rollouts import list_prefixes
from tasks.sources.content_ids import digest
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import JUDGED, NEEDED, Answers, judge_rows
from tasks.verify.task import VERSION as VERIFIER

Style = Literal["fix", "restart", "backspace", "verify"]
Row = Mapping[str, Any]
ERRATA = "errata"
TURNS = (
    "Wait, that step does not hold.",
    "Let me check that last step before I go on: it is not right.",
    "Something is off here.",
    "Looking back at this step, I do not believe it.",
    "Hold on. That is not what follows.",
    "No, that last step is wrong.",
    "That cannot be right, so I should look again.",
    "I should not go on from there.",
)
"""How a turn begins; in our own words."""
LATE = "Step {number} does not hold."
"""What is said first where steps stand between the wrong one and the turn."""
AGAIN = {
    "fix": "Again from the step before:",
    "restart": "I will solve it another way, from the start.",
    "verify": "I will solve it again.",
}
CHECKED = "I have checked each step: they hold."
"""How a check ends that finds nothing; in our own words."""
BACKSPACE = "⌫"
"""Takes one word back."""
LONGEST_CAUSE = 300
"""Characters of a cause that a turn may repeat."""
SOURCE_WORDS = re.compile(
    r"\b(?:smooth\w*|rewr\w+|rephras\w*|revis(?:ed|ion)|reference|ground[- ]truth|gold(?:en)? (?:answer|solution)|given answer|"
    r"correct (?:answer|solution) (?:is )?(?:given|provided)|previous (?:attempt|solution|answer)|passage|transition\w*|as an ai)\b",
    re.IGNORECASE,
)
"""Words that tell how a row was made, or that somebody knew the answer."""


class SpliceParameters(Parameters):
    """Parameters of `splice`."""

    style: Style = Field(
        description="fix and backspace go on as a right continuation does (of `continue`), restart begins a right solution (of "
        "`contrast`), verify checks a whole solution, a right one too, and solves anew what is wrong (of `contrast`)."
    )
    overrun: int = Field(
        0,
        ge=0,
        le=1000,
        description="Steps of the wrong solution that stand behind the wrong one at most, as it had them.",
    )
    why: Literal["cause", "judge", "none"] = Field(
        "cause",
        description="What the turn says is wrong, where it is known: the cause of `classify`, the reason of the first judge who names "
        "the step, or nothing. What speaks of a reference, or is too long for a turn, is left out.",
    )
    learn: Literal["all", "right", "correction"] = Field(
        "right",
        description="What a model is to learn: all that it is to have written (LEMMA), all but the wrong steps (S³c-Math), or the turn "
        "and the end alone (ISC with PAM, Agent-R).",
    )
    masked: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The share of the words otherwise learnt that are not, drawn by ids (Masked Thought's ratio).",
    )
    turns: list[str] = Field(
        list(TURNS), min_length=1, max_length=100, description="How a turn may begin; which it is depends on ids alone."
    )


class _NoSplice(Exception):
    """A row of which nothing can be made: reason and detail."""


def splice_solutions(part: pl.DataFrame, parameters: SpliceParameters) -> Outcome:
    """A self-correction of each row whose end comes to the right answer.

    Args:
        part: Right continuations of wrong solutions, or located mistakes with a right solution beside them.
        parameters: The style, what is said in the turn, and what is to be learnt.

    Returns:
        Rows in segments; rejected are those without a right end, and those whose text as a whole is not verified as right.

    """
    rows = list(part.iter_rows(named=True))
    spliced: list[dict[str, Any] | None] = []
    why: list[Why | None] = []
    for row in rows:
        try:
            spliced.append(_WAYS[parameters.style](row, parameters))
            why.append(None)
        except _NoSplice as error:
            spliced.append(None)
            why.append(error.args)
    whole = [(i, row) for i, row in enumerate(spliced) if row is not None]
    for (i, _), verdict in zip(whole, judge_splices([row for _, row in whole])):
        if verdict["verdict"] != "right":
            why[i] = ("does not end in the right answer", verdict["undecided"] or verdict["extracted"])
    kept = [row for row, reason in zip(spliced, why, strict=True) if reason is None]
    return Outcome(pl.DataFrame(kept, schema=to_polars_schema(SPLICED)), reject_rows(part, why))


def judge_splices(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The verdict on each text as a whole; a check behind its end is not read."""
    return judge_texts([row | {"text": _read(row)} for row in rows], "auto")


def judge_texts(rows: Sequence[Row], answers: Answers) -> list[dict[str, Any]]:
    """The verdict on each text, by the answer that stands in it alone."""
    needed = [dict.fromkeys(NEEDED) | dict(row) | {"rationale": row["text"]} for row in rows]
    schema = {name: pl.List(pl.String) if name == "options" else pl.String for name in NEEDED}
    return judge_rows(pl.DataFrame(needed, schema=schema), answers, compared, JUDGED).to_dicts()


def _read(row: Row) -> str:
    segments = row["segments"][1:]
    while segments and segments[-1]["kind"] == "critique":
        segments = segments[:-1]
    return "".join(segment["text"] for segment in segments)


def _fix(row: Row, parameters: SpliceParameters) -> dict[str, Any]:
    if row["continued"] != "before error" or row["verdict"] != "right":
        raise _NoSplice("not a right continuation from before the error", f"{row['verdict']}, {row['continued']}")
    first = len(row["steps_before"])
    prefix = list_prefixes(row["text"], row["steps"])[first - 1] if first else ""
    if not row["text"].startswith(prefix):
        raise _NoSplice("steps are not the text", None)
    wrong, last = _cut_wrong(row["from_text"], row["from_steps"], first, parameters.overrun)
    known = {"type": row["wrong_type"], "cause": row["wrong_cause"], "judge": row["wrong_reason"]}
    if parameters.style == "backspace":
        turn = " " + BACKSPACE * len(wrong.split()) + "\n"
    else:
        turn = _write_turn(row["from_id"], known, (first, last), parameters)
    end = row["text"][len(prefix) :].lstrip("\n")
    pieces = [
        *([make_segment("assistant", "attempt", prefix, row["model"], of=row["from_id"])] if prefix else []),
        make_segment("assistant", "wrong", wrong, row["model"], of=row["from_id"]),
        make_segment("assistant", "transition", turn, ERRATA),
        make_segment("assistant", "revision", end, row["model"], of=row["solution_id"]),
    ]
    return _put_together(row, parameters, pieces) | {
        "steps": row["from_steps"][: last + 1], "first_error": first, "overrun": last - first, "error_type": known["type"],
        "wrong_id": row["from_id"], "wrong_whole": row["from_text"], "right_id": row["solution_id"], "right_whole": row["text"],
    }  # fmt: skip


def _restart(row: Row, parameters: SpliceParameters) -> dict[str, Any]:
    first, right = row["first_error"], (row["right_rationale"] or "").strip()
    _check_mistake(row, right)
    prefix = list_prefixes(row["rationale"], row["steps"])[first - 1] if first else ""
    wrong, last = _cut_wrong(row["rationale"], row["steps"], first, parameters.overrun)
    turn = _write_turn(row["solution_id"], _list_known(row), (first, last), parameters)
    pieces = [
        *([make_segment("assistant", "attempt", prefix, row["model"], of=row["solution_id"])] if prefix else []),
        make_segment("assistant", "wrong", wrong, row["model"], of=row["solution_id"]),
        make_segment("assistant", "transition", turn, ERRATA),
        make_segment("assistant", "revision", right, _name_author(row), of=row["right_id"]),
    ]
    return _put_together(row, parameters, pieces) | _describe_attempt(row, first, last) | {
        "right_id": row["right_id"], "right_whole": right,
    }  # fmt: skip


def _verify(row: Row, parameters: SpliceParameters) -> dict[str, Any]:
    """A whole solution with a check behind it; behind one that goes wrong a right one, and its check."""
    first, last = row["first_error"], len(row["steps"]) - 1
    check = make_segment("assistant", "critique", f"\n{CHECKED}", ERRATA)
    if first == -1 and row["verdict"] == "right":
        attempt = make_segment("assistant", "attempt", row["rationale"], row["model"], of=row["solution_id"])
        return _put_together(row, parameters, [attempt, check]) | _describe_attempt(row, -1, last) | {
            "right_id": None, "right_whole": None,
        }  # fmt: skip
    right = (row["right_rationale"] or "").strip()
    _check_mistake(row, right)
    prefix = list_prefixes(row["rationale"], row["steps"])[first - 1] if first else ""
    wrong, _ = _cut_wrong(row["rationale"], row["steps"], first, last)
    pieces = [
        *([make_segment("assistant", "attempt", prefix, row["model"], of=row["solution_id"])] if prefix else []),
        make_segment("assistant", "wrong", wrong, row["model"], of=row["solution_id"]),
        make_segment(
            "assistant",
            "critique",
            _write_turn(row["solution_id"], _list_known(row), (first, last), parameters),
            ERRATA,
        ),
        make_segment("assistant", "revision", right, _name_author(row), of=row["right_id"]),
        check,
    ]
    return _put_together(row, parameters, pieces) | _describe_attempt(row, first, last) | {
        "right_id": row["right_id"], "right_whole": right,
    }  # fmt: skip


_WAYS: dict[Style, Callable[[Row, SpliceParameters], dict[str, Any]]] = {
    "fix": _fix,
    "restart": _restart,
    "backspace": _fix,
    "verify": _verify,
}


def _check_mistake(row: Row, right: str) -> None:
    """Raise `_NoSplice` where no mistake is located, or nothing right is known."""
    first = row["first_error"]
    if first is None or first < 0:
        raise _NoSplice("no located mistake", None)
    if first >= len(row["steps"]):
        raise _NoSplice("a first wrong step that the solution does not have", f"step {first} of {len(row['steps'])}")
    if not right:
        raise _NoSplice("no right solution of the problem is known", None)


def _cut_wrong(text: str, steps: list[str], first: int, overrun: int) -> tuple[str, int]:
    """The text from the first wrong step on, through as many more as there may be, and the last of them."""
    prefixes = list_prefixes(text, steps)
    last = min(first + overrun, len(steps) - 1)
    before = prefixes[first - 1] if first else ""
    return prefixes[last][len(before) :].strip(), last


def _list_known(row: Row) -> dict[str, str | None]:
    known = describe_mistake(row)
    return {"type": known["wrong_type"], "cause": known["wrong_cause"], "judge": known["wrong_reason"]}


def _name_author(row: Row) -> str:
    """Who wrote the right solution beside a row."""
    return str(row["model"] if row["right_from"] == "same model" else row["right_from"])


def _write_turn(key: str, known: Mapping[str, str | None], place: tuple[int, int], parameters: SpliceParameters) -> str:
    """The words between the wrong steps and the right end, on lines of their own."""
    first, last = place
    number = int(digest("turn", key)[:8], 16) % len(parameters.turns)
    begin = parameters.turns[number] if first == last else LATE.format(number=first + 1)
    cause = " ".join((known.get(parameters.why) or "").split())
    if len(cause) > LONGEST_CAUSE or SOURCE_WORDS.search(cause):
        cause = ""
    return "\n" + " ".join(piece for piece in (begin, cause, AGAIN[parameters.style]) if piece) + "\n"


def _describe_attempt(row: Row, first: int, last: int) -> dict[str, Any]:
    return {
        "steps": row["steps"][: last + 1], "first_error": first, "overrun": max(last - first, 0) if first >= 0 else 0,
        "error_type": row.get("error_type"), "wrong_id": row["solution_id"], "wrong_whole": row["rationale"],
    }  # fmt: skip


def _put_together(row: Row, parameters: SpliceParameters, pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of its pieces, with what of them is to be learnt."""
    question = make_segment("user", "question", format_question(row["question"], row["options"]), ERRATA)
    text = "".join(piece["text"] for piece in pieces)
    key = identify_splice(row["problem_id"], parameters.style, text)
    wrong = any(piece["kind"] == "wrong" for piece in pieces)
    segments = draw_unlearned(
        [piece | {"learn": _learns(piece["kind"], wrong, parameters)} for piece in pieces], parameters.masked, key
    )
    problem = {column.name: row[column.name] for column in PROBLEM_COLUMNS if column.name in row}
    return problem | {
        "spliced_id": key, "style": parameters.style, "segments": [question, *segments], "text": text, "model": row["model"],
    }  # fmt: skip


def _learns(kind: str, wrong: bool, parameters: SpliceParameters) -> bool:
    """Whether a piece is to be learnt; an attempt that is right is a solution like others."""
    unlearned = {"all": (), "right": ("wrong",), "correction": ("attempt", "wrong") if wrong else ()}
    return kind not in unlearned[parameters.learn]


def identify_splice(problem: str, style: str, text: str) -> str:
    """The id of a self-correction: of its problem, its style and its text."""
    return digest("splice", problem, style, text)


_FIX = (
    "solution_id",
    "from_id",
    "from_text",
    "from_steps",
    "wrong_type",
    "wrong_cause",
    "wrong_reason",
    "continued",
    "steps_before",
    "verdict",
    "model",
    "text",
    "steps",
)
_RESTART = ("solution_id", "first_error", "right_rationale", "right_from", "right_id", "rationale", "model", "steps")
_NEEDS = {"fix": _FIX, "backspace": _FIX, "restart": _RESTART, "verify": (*_RESTART, "verdict")}
_AFTER = {"fix": "continue", "backspace": "continue", "restart": "contrast", "verify": "contrast"}


def _check(parameters: SpliceParameters, given: Contract) -> list[str]:
    """What the table lacks."""
    style = parameters.style
    missing = [name for name in _NEEDS[style] if name not in given.names()]
    faults = [f"style: {style} needs the column '{missing[0]}'; put {_AFTER[style]} before"] if missing else []
    if style == "verify" and parameters.overrun:
        faults.append("overrun: `style: verify` has whole solutions; leave it out")
    return faults


SPLICE = PerRow(
    name="splice",
    summary="Puts a wrong beginning, a turn and a right end together: rows from which a model learns to correct itself.",
    version=f"2 verify {VERIFIER}",
    parameters=SpliceParameters,
    needs=("problem_id", "question", "options", "answer"),
    makes=lambda _, __: SPLICED,
    check=_check,
    run=splice_solutions,
)
