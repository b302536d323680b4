"""`correct`: a teacher says what is wrong in the first wrong step and corrects it, and so does the student, for preferences between both.

Source: SuperCorrect (arXiv 2410.09008, section 3.2): behind the same right steps
the teacher's analysis and correction are to be preferred to the student's own;
an inspector sends the teacher's back where they do not hold, three rounds at
most.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.corrections import CARRIED, CORRECTIONS
from schemas.contract import Contract
from schemas.frames import reject_rows, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.corrections.continuations import find_location_fault
from tasks.corrections.inspection import Inspection, ask_inspector, verify_corrections
from tasks.corrections.named_texts import describe_texts, read_texts
from tasks.corrections.smooth import list_equations
from tasks.llm import prompts
from tasks.llm.prompt_guard import fill_fields, mark, strip_marks
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Temperature, TopP
from tasks.sources.content_ids import digest, normalize_text
from tasks.split import has_several_steps, split_steps
from tasks.verify.task import VERSION as VERIFIER
from tasks.verify.task import Answers

Row = dict[str, Any]
Round = Generator[Sequence[Request], Mapping[str, Reply], None]
"""Yields the requests of a round, and is sent their replies."""
TEXTS = ("analysis", "correction", "rest")
SCHEMA = describe_texts({"analysis": 1000, "correction": None, "rest": None})
SEVERAL, OTHER_CUT = "several steps in one", "its steps cannot be told from those before"


class CorrectParameters(Parameters):
    """Parameters of `correct`."""

    teacher: str = Field(description="The model whose corrections are kept, by its name under `models:`.")
    student: str = Field(
        description="The model whose own corrections stand beside them: the one that is to be trained."
    )
    inspector: str | None = Field(
        None,
        description="A model that reads, beside the right solution where there is one, what verification finds no wrong step in; "
        "without it final answers and calculations alone are checked.",
    )
    rounds: int = Field(
        3, ge=1, le=10, description="How often the teacher may write, the first time among them: what does not hold is sent back."
    )  # fmt: skip
    prompt: Template = Field(
        "correct",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {steps} and {number} that asks for one JSON object; also {mark}.",
    )
    temperature: Temperature = 0.7
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(
        1024, description="Tokens of a correction, and of what the inspector says; what is cut off there is not read."
    )
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")


@dataclass
class Draft:
    """What a model writes in a wrong step's place, and what becomes of it."""

    row: Row
    model: ModelId
    messages: tuple[Message, ...]
    texts: dict[str, str] = field(default_factory=dict)
    """Analysis, correction and rest; empty where a reply cannot be read."""
    fault: str = ""
    """Why it cannot be read."""
    whole: Row = field(default_factory=dict)
    """The problem with the solution as it is corrected."""
    inspection: Inspection = field(default_factory=lambda: Inspection("undecided"))
    rounds: int = 0
    """How often it was written."""

    @property
    def is_sent_back(self) -> bool:
        """Whether its writer can be told what is wrong."""
        return bool(self.texts) and self.inspection.verdict != "right"


def request_corrections(part: pl.DataFrame, rules: CorrectParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Located mistakes with a teacher's correction that holds, and the student's own.

    Args:
        part: Solutions with their steps and `first_error`.
        rules: Who writes, who inspects, and how often.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round: for corrections, then for what the inspector says of them.

    Returns:
        A row for each mistake whose correction holds; the others are rejected with the reason.

    """
    rows = list(part.iter_rows(named=True))
    faults = [find_location_fault(row) for row in rows]
    teachers, students = (
        {i: _begin(row, rules, names[name]) for i, row in enumerate(rows) if faults[i] is None}
        for name in (rules.teacher, rules.student)
    )
    open_ = [*teachers.values(), *students.values()]
    for turn in range(rules.rounds):
        if not open_:
            break
        for draft in open_ if turn else ():
            draft.messages = _send_back(draft)
        yield from _write(open_, rules, names)
        open_ = [draft for draft in teachers.values() if draft.is_sent_back]
    kept, why = [], []
    for i, row in enumerate(rows):
        reason = faults[i] or _find_reason(teachers[i], students[i])
        why.append(reason)
        if reason is None:
            kept.append(_make_row(row, teachers[i], students[i], rules))
    schema = to_polars_schema(
        _make_contract(rules, Contract("", "", tuple(column for column in CARRIED if column.name in part.columns), ""))
    )
    return Outcome(pl.DataFrame(kept, schema=schema), reject_rows(part, why))


def _begin(row: Row, rules: CorrectParameters, model: ModelId) -> Draft:
    """A draft that is asked for: its writer sees the steps through the first wrong one, and is told that."""
    number = row["first_error"] + 1
    shown = {**row, "steps": row["steps"][:number], "text": None, "thoughts": None, "reference": None}
    fields = fill_fields(shown, (), reference=False) | {"number": str(number)}
    return Draft(row, model, prompts.fill(rules.prompt, fields))


def _send_back(draft: Draft) -> tuple[Message, ...]:
    """The conversation in which it is asked for again."""
    sign = mark(draft.whole)
    fields = {"mark": sign, "check": strip_marks(draft.inspection.why, sign)}
    return (*draft.messages, *prompts.fill(prompts.find_template("correct-again"), fields))


def _write(drafts: Sequence[Draft], rules: CorrectParameters, names: Mapping[str, ModelId]) -> Round:
    """Asks for drafts, and has those that can be read inspected."""
    schema = SCHEMA if '"analysis"' in rules.prompt else ""
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, schema=schema)
    asks = [draft.model.ask(draft.messages, sampling) for draft in drafts]
    replies = yield list({request.id: request for request in asks}.values())
    for draft, request in zip(drafts, asks, strict=True):
        _read(draft, replies[request.id])
    written = [draft for draft in drafts if draft.texts]
    wholes = [draft.whole for draft in written]
    inspections = verify_corrections(wholes, rules.answers) if wholes else []
    if rules.inspector and wholes:
        inspections = yield from ask_inspector(wholes, inspections, rules.inspector, rules.max_tokens, names)
    for draft, inspection in zip(written, inspections, strict=True):
        draft.inspection = inspection


def _read(draft: Draft, reply: Reply) -> None:
    """Take a reply for the draft, or say why it is none."""
    row, number = draft.row, draft.row["first_error"]
    texts = read_texts(reply, TEXTS, may_be_empty=("rest",))
    draft.rounds += 1
    draft.texts, draft.fault = {}, ""
    if isinstance(texts, str):
        draft.fault = texts
        return
    before, rule = row["steps"][:number], row.get("step_rule")
    text = "\n".join([*before, texts["correction"], *([texts["rest"]] if texts["rest"] else [])])
    steps, _ = split_steps(text, rule if rule and rule != "whole" else "auto")
    if has_several_steps(texts["correction"], rule or "auto"):
        draft.fault = SEVERAL
    elif steps[:number] != before:
        draft.fault = OTHER_CUT
    else:
        assert isinstance(reply, Completion)
        draft.texts, draft.messages = texts, (*draft.messages, Message("assistant", reply.text))
        problem = {name: row[name] for name in ("question", "options", "answer", "reference")}
        draft.whole = problem | {"text": text, "steps": steps, "number": number, "verdict": "", "thoughts": None}


def _find_reason(teacher: Draft, student: Draft) -> tuple[str, str | None] | None:
    """Why a mistake has no row: reason and detail; None where it has."""
    if teacher.fault:
        return "no correction by the teacher", teacher.fault
    if teacher.inspection.verdict != "right":
        return "no correction that holds", f"{teacher.rounds} written, the last one {teacher.inspection.verdict}"
    return ("no correction by the student", student.fault) if student.fault else None


def _locate(student: Draft, teacher: Draft, inspected: bool) -> Inspection:
    """What is said of the student's draft; where nobody says which step is wrong, its own is if it has other results than the teacher's."""
    inspection, number = student.inspection, student.row["first_error"]
    if inspection.verdict != "wrong" or inspection.first_error is not None or inspected:
        return inspection
    own, right = ([result for _, result in list_equations(draft.texts["correction"])] for draft in (student, teacher))
    again = normalize_text(student.texts["correction"]) == normalize_text(student.row["steps"][number])
    return replace(inspection, first_error=number) if again or (own and right and own != right) else inspection


def _make_row(row: Row, teacher: Draft, student: Draft, rules: CorrectParameters) -> Row:
    inspection, number = _locate(student, teacher, rules.inspector is not None), row["first_error"]
    sides = [part for draft in (teacher, student) for part in (draft.texts["analysis"], draft.whole["text"])]
    carried = {column.name: row[column.name] for column in CARRIED if column.name in row}
    return {
        **carried, "correction_id": digest("correction", row["solution_id"], *sides), "from_id": row["solution_id"],
        "from_text": row["text"], "steps_before": row["steps"][:number], "number": number, "wrong_step": row["steps"][number],
        **{f"teacher_{name}": teacher.texts[name] for name in TEXTS[:2]}, **{f"student_{name}": student.texts[name] for name in TEXTS[:2]},
        "teacher": str(teacher.model), "teacher_whole": teacher.whole["text"], "rounds": teacher.rounds, "inspector": rules.inspector,
        "student": str(student.model), "student_whole": student.whole["text"], "student_verdict": inspection.verdict,
        "student_first_error": inspection.first_error,
    }  # fmt: skip


def _make_contract(_: CorrectParameters, given: Contract) -> Contract:
    carried = [column for column in CARRIED if column.name in given.names()]
    own = tuple(column for column in CORRECTIONS.columns if column not in CARRIED)
    return Contract(CORRECTIONS.name, CORRECTIONS.meaning, (own[0], *carried, *own[1:]), CORRECTIONS.key)


def _check(rules: CorrectParameters, _: Contract) -> Iterable[str]:
    for name in ("question", "steps", "number"):
        if name not in prompts.list_fields(rules.prompt):
            yield f"prompt: has no {{{name}}}; put it in"
    if rules.teacher == rules.student:
        yield "student: is the teacher, beside whose corrections it would have the same; name another model"
    if rules.rounds > 1 and rules.inspector == rules.teacher:
        yield "inspector: is the teacher, who would inspect its own corrections; name another model, or none"


def _list_prompts(rules: CorrectParameters, model: str) -> dict[str, str]:
    """The prompt of who corrects; an inspector is asked for a critique, by our own."""
    return {"prompt": rules.prompt} if model in (rules.teacher, rules.student) else {}


CORRECT = Asking(
    name="correct",
    summary="Has a teacher say what is wrong in first wrong steps and correct them until an inspector finds nothing, and the student beside it.",
    version=f"1 verify {VERIFIER}",
    parameters=CorrectParameters,
    needs=("solution_id", "problem_id", "question", "options", "answer", "reference", "text", "steps", "first_error"),
    makes=_make_contract,
    check=lambda rules, given: list(_check(rules, given)),
    models=lambda rules: list(dict.fromkeys(filter(None, (rules.teacher, rules.student, rules.inspector)))),
    prompts=_list_prompts,
    ask=request_corrections,
    rows_per_row=lambda _: 1,
)
