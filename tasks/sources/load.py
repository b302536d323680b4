"""`load`: problems from files, through a field mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.problems import PROBLEMS, RECORDS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import FromRecords, Outcome, Record
from tasks.sources.content_ids import identify_problem
from tasks.sources.field_mapping import FieldError, FieldOf, RecordParameters, find_exclusion, read_text, read_texts

REJECTED = RECORDS.having(REASON, DETAIL)


class LoadParameters(RecordParameters):
    """Parameters of `load`."""

    question: FieldOf = Field(description="The problem's text.")
    answer: FieldOf = Field(description="The gold answer; of multiple choice the letter.")
    options: FieldOf | None = Field(None, description="The choices of multiple choice, a list.")
    reference: FieldOf | None = Field(None, description="A right solution by the set's authors.")


def map_problem(record: Mapping[str, Any], rules: Any, each: str | None) -> dict[str, Any]:
    """The problem's columns of a record."""
    longest = rules.longest
    question = read_text(rules.question.take(record, each), "question", longest)
    options = read_texts(rules.options.take(record, each), "options", longest) if rules.options else None
    reference = rules.reference.take(record, each) if rules.reference else None
    row = {
        "problem_id": identify_problem(question, options),
        "set": read_text(rules.set.take(record, each), "set", longest),
        "question": question,
        "options": options,
        "answer": read_text(rules.answer.take(record, each), "answer", longest).strip(),
        "reference": None if reference is None else read_text(reference, "reference", longest),
    }
    for name in ("question", "answer", "set"):
        if not str(row[name]).strip():
            raise FieldError("empty field", name)
    return row


Row = Callable[[Mapping[str, Any], str | None], dict[str, Any]]


def map_records(
    records: Sequence[Record], rules: RecordParameters, each: Sequence[str | None], row: Row, contract: Contract
) -> Outcome:
    """Rows of records; each that cannot be made is rejected with its reason, and hinders no other."""
    kept: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for record in records:
        for variant in each:
            source = record.source if variant is None else f"{record.source}#{variant}"
            fault = record.fault
            if record.value is not None:
                missed = find_exclusion(record.value, rules.only)
                try:
                    if missed is None:
                        kept.append({**row(record.value, variant), "source": source})
                        continue
                    fault = ("outside the recipe", missed)
                except FieldError as error:
                    fault = (error.reason, error.detail)
            reason, detail = fault or ("unreadable", None)
            rejected.append({"source": source, "raw": record.raw, "reason": reason, "detail": detail})
    return Outcome(
        pl.DataFrame(kept, schema=to_polars_schema(contract)), pl.DataFrame(rejected, schema=to_polars_schema(REJECTED))
    )


def load_problems(records: Sequence[Record], parameters: LoadParameters) -> Outcome:
    """Problems of records.

    Args:
        records: Records of one source in its order, those that could not be read among them.
        parameters: Which field of a record is the question, the gold answer, and so on.

    Returns:
        A problem for each record that has one; the other records, with the reason.

    """
    return map_records(
        records, parameters, (None,), lambda record, each: map_problem(record, parameters, each), PROBLEMS
    )


LOAD = FromRecords(
    name="load",
    summary="Reads problems from files (JSON lines, CSV, Parquet, hf://) through a field mapping.",
    version="2",
    parameters=LoadParameters,
    makes=lambda _, __: PROBLEMS,
    locations=lambda parameters: parameters.files,
    rows_per_record=lambda _: 1,
    run=load_problems,
)
