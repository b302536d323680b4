"""`load`: problems from files, through a field mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field

from schemas.columns.problems import ORIGINAL_ID, PROBLEMS, RECORDS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.reading import select_reading
from schemas.task import FromRecords, Outcome, Record
from tasks.sources.content_ids import identify_problem
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.record_parameters import (
    RecordParameters,
    find_fault,
    list_file_joins,
    list_join_files,
    list_variants,
)
from tasks.sources.values import FieldError, read_text, read_texts

REJECTED = RECORDS.having(REASON, DETAIL)


class LoadParameters(RecordParameters):
    """Parameters of `load`."""

    question: FieldOf = Field(description="The problem's text.")
    answer: FieldOf | None = Field(
        None, description="The gold answer; of multiple choice the letter. Without it no verdict can be had."
    )
    options: FieldOf | None = Field(None, description="The choices of multiple choice, a list.")
    reference: FieldOf | None = Field(None, description="A right solution by the set's authors.")
    id: FieldOf | None = Field(
        None,
        description="The problem's id in its file, which solutions of other files are joined by; kept as original_id.",
    )


def map_problem(record: Mapping[str, Any], rules: LoadParameters, each: str | None) -> dict[str, Any]:
    """The problem's columns of a record."""
    longest = rules.longest
    if rules.question is None:  # an import may have its problems from a table
        raise FieldError("missing field", "`question` is not mapped")
    question = read_needed("question", rules.question, record, each, longest)
    options = read_texts(rules.options.take(record, each), "options", longest) if rules.options else None
    reference = read_field("reference", rules.reference, record, each, longest) if rules.reference else None
    row = {
        "problem_id": identify_problem(question, options),
        "set": read_needed("set", rules.set, record, each, longest),
        "question": question,
        "options": options,
        "answer": _read_answer(record, rules, each),
        "reference": reference,
    }
    for name, rule in (("question", rules.question), ("set", rules.set)):
        if not str(row[name]).strip():
            raise FieldError("empty field", name_field(name, rule, each))
    return row


def read_field(column: str, rule: FieldRule, record: Mapping[str, Any], each: str | None, longest: int) -> str | None:
    """A column's text of a record; None where it is optional and missing, `FieldError` where the field holds no text."""
    value = rule.take(record, each)
    try:
        return None if value is None else read_text(value, column, longest)
    except FieldError as error:  # it names the column, and is to name the field, too
        raise FieldError(error.reason, name_field(column, rule, each) + error.detail.removeprefix(column)) from None


def name_field(column: str, rule: FieldRule, each: str | None) -> str:
    """A column, and the field that it is read from where that is called otherwise."""
    place = rule.describe(each)
    return column if place == f"'{column}'" else f"{column} ({place})"


def read_needed(column: str, rule: FieldRule, record: Mapping[str, Any], each: str | None, longest: int) -> str:
    """A column's text of a record; `FieldError` where there is none."""
    text = read_field(column, rule, record, each, longest)
    if text is None:
        raise FieldError("missing field", f"{name_field(column, rule, each)} is null")
    return text


def _read_answer(record: Mapping[str, Any], rules: LoadParameters, each: str | None) -> str:
    """The gold answer; empty where the mapping does not promise one."""
    answer = read_field("answer", rules.answer, record, each, rules.longest) if rules.answer else None
    if rules.answer is None or answer is None:
        return ""
    if not answer.strip():
        raise FieldError("empty field", name_field("answer", rules.answer, each))
    return answer.strip()


Row = Callable[[Mapping[str, Any], str | None], dict[str, Any]]


def map_records(records: Sequence[Record], rules: RecordParameters, row: Row, contract: Contract) -> Outcome:
    """Rows of records; each that cannot be made is rejected with its reason, and hinders no other."""
    kept: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for record in records:
        value = None if record.value is None else record.fields()
        for variant in list_variants(record, rules):
            source = record.source if variant is None else f"{record.source}#{variant}"
            fault = record.fault
            if value is not None:
                fault = find_fault(value, rules, variant)
                try:
                    if fault is None:
                        kept.append({**row(value, variant), "source": source})
                        continue
                except FieldError as error:
                    fault = (error.reason, error.detail)
            reason, detail = fault or ("unreadable", None)
            rejected.append({"source": source, "raw": record.raw, "reason": reason, "detail": detail})
    return Outcome(
        pl.DataFrame(kept, schema=to_polars_schema(contract)), pl.DataFrame(rejected, schema=to_polars_schema(REJECTED))
    )


def _makes(rules: LoadParameters, _: Contract) -> Contract:
    return PROBLEMS.having(ORIGINAL_ID) if rules.id else PROBLEMS


def load_problems(records: Sequence[Record], parameters: LoadParameters) -> Outcome:
    """Problems of records.

    Args:
        records: Records of one source in its order, those that could not be read among them.
        parameters: Which field of a record is the question, the gold answer, and so on.

    Returns:
        A problem for each record that has one; the other records, with the reason.

    """

    def map_row(record: Mapping[str, Any], each: str | None) -> dict[str, Any]:
        row = map_problem(record, parameters, each)
        if parameters.id:
            row["original_id"] = read_needed("id", parameters.id, record, each, parameters.longest).strip()
        return row

    return map_records(records, parameters, map_row, _makes(parameters, PROBLEMS))


LOAD = FromRecords(
    name="load",
    summary="Reads problems from files (JSON, CSV, Parquet, Arrow, archives, hf://) by a format's name or a field mapping.",
    version="5",
    parameters=LoadParameters,
    makes=_makes,
    locations=lambda parameters: parameters.files,
    reading=select_reading,
    side_inputs=list_join_files,
    joins=lambda parameters, _: list_file_joins(parameters),
    rows_per_record=lambda record, parameters: len(list_variants(record, parameters)),
    run=load_problems,
)
