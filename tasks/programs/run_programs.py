"""`run`: runs the programs in completions in a sandbox, and judges them by what they do.

A program is wrong where its tests, its value or what it prints say so, or an
exception of its own ends it. What a limit or the sandbox may have caused is
undecided, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field, ValidationError

from schemas.columns.problems import VERDICT_COLUMNS, VERDICT_LABEL
from schemas.columns.programs import RUN_COLUMNS, STATE_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.programs import LONGEST_PROGRAM, ProgramJob, ProgramRun
from schemas.request import Completion, Message, Reply, Request, Sampling
from schemas.task import Asking, Conversation, Outcome, Parameters
from tasks.programs.extract import complete_tests, extract_program
from tasks.verify.check import check_answer
from tasks.verify.task import NO_GOLD, VERSION

SAMPLING = Sampling(max_tokens=1, temperature=0.0)
"""Nothing is sampled: a request needs one all the same."""
LONGEST_TRACEBACK = 2_000
_PATH = re.compile(r"(?<![\w)])(?:/[\w.+-]+){2,}")
_ENDED = {"exit": "ended by itself", "signal": "ended by a signal"}


class RunParameters(Parameters):
    """Parameters of `run`."""

    model: str = Field(description="The model of `engine: python` that runs them, by its name under `models:`.")
    by: Literal["asserts", "value", "stdout"] = Field(
        description="What is judged: whether the tests that are the gold answer go through, the value of a variable, or what is printed."
    )
    variable: str = Field("answer", pattern=r"^[A-Za-z_]\w{0,60}$", description="The variable, for `value`.")
    states: bool = Field(
        False, description="Whether the state after each statement is kept, also of a reference that is a program."
    )


@dataclass(frozen=True)
class Findings:
    """What a program's run says of it."""

    verdict: str
    undecided: str | None = None
    extracted: str | None = None
    compared_by: str | None = None
    second_opinion: str | None = None


def run_programs(part: pl.DataFrame, rules: RunParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Verdicts of programs by running them; rejects nothing.

    Args:
        part: Solutions whose text holds a program, with gold: tests, a value, or what is to be printed.
        rules: What is judged.
        names: How requests name the engine.

    Yields:
        A request for each program, and for each reference where states are wanted; equal ones once.

    Returns:
        All rows; those that are `undecided` say why.

    """
    named = names[rules.model]
    rows = part.select("text", "question", "answer", "options", "reference").to_dicts()
    programs = [extract_program(row["text"], row["question"]) for row in rows]
    asked = [_request(named, program, row, rules) for program, row in zip(programs, rows)]
    references = [_request(named, row["reference"], row, rules) if rules.states else None for row in rows]
    replies = yield list({request.id: request for request in (*asked, *references) if request}.values())
    added = [
        _describe(row, program, _read(request, program, replies), rules)
        | _list_states(_read(request, program, replies), _read(reference, row["reference"], replies), rules)
        for row, program, request, reference in zip(rows, programs, asked, references)
    ]
    frame = pl.DataFrame(added, schema=to_polars_schema(Contract("runs", "", _list_columns(rules), "")))
    before = part.drop((*frame.columns, *(column.name for column in STATE_COLUMNS)), strict=False)
    return Outcome(pl.concat([before, frame], how="horizontal"), part.clear())


def _list_columns(rules: RunParameters) -> tuple[Column, ...]:
    """The columns that are added."""
    return (*VERDICT_COLUMNS, *RUN_COLUMNS, *(STATE_COLUMNS if rules.states else ()))


def _request(named: ModelId, program: str | None, row: Mapping[str, Any], rules: RunParameters) -> Request | None:
    if not program or max(len(program), len(row["answer"])) > LONGEST_PROGRAM:
        return None
    tests = [complete_tests(row["answer"], row["question"])] if rules.by == "asserts" and row["answer"] else []
    variable = rules.variable if rules.by == "value" else ""
    job = ProgramJob(program=program, tests=tests, answer=variable, states=rules.states)
    return named.ask((Message("user", job.model_dump_json(exclude_defaults=True)),), SAMPLING)


def _read(request: Request | None, program: str | None, replies: Mapping[str, Reply]) -> ProgramRun | str:
    """What became of a program, or why it was not run."""
    if request is None:
        return "program or tests too long" if program else "no program"
    reply = replies[request.id]
    if not isinstance(reply, Completion):
        return reply.reason
    try:
        return ProgramRun.model_validate_json(reply.text)
    except ValidationError:
        return "unreadable result"


def _describe(
    row: Mapping[str, Any], program: str | None, run: ProgramRun | str, rules: RunParameters
) -> dict[str, Any]:
    findings = judge_run(row, run, rules.by)
    report = run.report if isinstance(run, ProgramRun) else None
    traceback = _PATH.sub("…", report.traceback)[:LONGEST_TRACEBACK] if report and report.traceback else None
    return {
        "verdict": findings.verdict, "undecided": findings.undecided, "extracted": findings.extracted, "compared_by": findings.compared_by,
        "second_opinion": findings.second_opinion, "code": program, "ran": report is not None, "exit": run.exit if isinstance(run, ProgramRun) else None,
        "error_type": report.error_type if report else None, "traceback": traceback, "line": report.line if report else None,
    }  # fmt: skip


def _list_states(run: ProgramRun | str, reference: ProgramRun | str, rules: RunParameters) -> dict[str, Any]:
    """The states of a program, and of the reference where that ran to its end."""
    if not rules.states:
        return {}
    own = run.report.states if isinstance(run, ProgramRun) and run.report else None
    right = isinstance(reference, ProgramRun) and reference.ended == "done" and reference.report
    return {"states": own, "reference_states": right.states if right else None}


def judge_run(row: Mapping[str, Any], run: ProgramRun | str, by: str) -> Findings:
    """The verdict on a program.

    Args:
        row: The solution, with `answer`, `question`, `options` and `text`.
        run: What became of its program, or why there was none.
        by: What is judged.

    Returns:
        Wrong only where the program itself is at fault.

    """
    if not row["answer"].strip():
        return Findings("undecided", NO_GOLD)
    if isinstance(run, str):
        return Findings("undecided", run)
    report = run.report
    if report is None:
        return Findings("undecided", _ENDED.get(run.ended, run.ended))
    if report.refusal:
        return Findings("undecided", report.refusal)
    left = by == "stdout" and report.error_type == "SystemExit" and report.exit == 0
    if report.ended == "exception" and not left:
        if report.error_type == "SyntaxError" and report.line is None:
            return Findings("undecided", "unreadable tests")
        if report.error_type in ("SyntaxError", "IndentationError") and "```" not in row["text"]:
            return Findings("undecided", "no program")  # prose is none
        return Findings("wrong")
    if by == "asserts":
        return Findings("right") if report.passed else Findings("undecided", "no tests")
    return _compare(row, report.answer if by == "value" else run.stdout.strip())


def _compare(row: Mapping[str, Any], value: str | None) -> Findings:
    """The verdict on a value; gold never was in the sandbox."""
    if not value:
        return Findings("undecided", "no answer")
    if value == row["answer"].strip():
        return Findings("right", extracted=value)
    check = check_answer(row["answer"], value, row["question"], row["options"], stated=value)
    return Findings(check.verdict, check.undecided, value, check.rule, check.second_opinion)


RUN = Asking(
    name="run",
    summary="Runs the programs in solutions in a sandbox: right, wrong, or undecided with a reason.",
    version=f"3 verify {VERSION}",
    parameters=RunParameters,
    needs=("text", "question", "answer", "options", "reference"),
    makes=lambda rules, contract: contract.without(*STATE_COLUMNS).having(*_list_columns(rules)),
    models=lambda parameters: [parameters.model],
    ask=run_programs,
    runs_programs=True,
    rows_per_row=lambda _: 1,
    labels=(VERDICT_LABEL,),
)
