"""`import`: recorded generations, each with its problem, through a field mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from schemas.columns.problems import SOLUTIONS
from schemas.task import FromRecords, Outcome, Record
from tasks.llm.channels import Channels, split_channels
from tasks.sources.content_ids import identify_solution
from tasks.sources.field_mapping import FieldError, FieldOf, FieldRule, read_text
from tasks.sources.load import LoadParameters, map_problem, map_records


class ImportParameters(LoadParameters):
    """Parameters of `import`."""

    each: list[str] = Field([], description="A record holds one generation for each of these; `{each}` names it.")
    model: FieldOf = Field(description="The model that wrote the solution.")
    sampling: FieldOf = Field(FieldRule(value="unknown"), description="How it was sampled: strategy, parameters.")
    sample: FieldOf = Field(FieldRule(value="0"), description="The number of the sample, from 0.")
    text: FieldOf = Field(
        description="The completion, verbatim; thoughts in it (`<think>…</think>`) are parted from it."
    )
    thinking: FieldOf | None = Field(None, description="The model's thoughts, where they have a field of their own.")
    rationale: FieldOf | None = Field(None, description="The reasoning inside the completion; else the whole of it.")
    stated: FieldOf | None = Field(None, description="The answer that the completion states in a field of its own.")


def map_solution(record: Mapping[str, Any], rules: ImportParameters, each: str | None) -> dict[str, Any]:
    """The columns of a solution of a record."""
    row = map_problem(record, rules, each)
    longest = rules.longest
    channels = _read_channels(record, rules, each)
    text, thinking = channels.text, channels.thinking or None
    rationale = rules.rationale.take(record, each) if rules.rationale else None
    stated = rules.stated.take(record, each) if rules.stated else None
    model = read_text(rules.model.take(record, each), "model", longest)
    sampling = read_text(rules.sampling.take(record, each), "sampling", longest)
    sample = _number(rules.sample.take(record, each))
    return {
        "solution_id": identify_solution(row["problem_id"], model, sampling, sample, text, thinking),
        **row,
        "model": model,
        "sampling": sampling,
        "sample": sample,
        "text": text,
        "rationale": split_channels(_rationale(rationale, longest) or text).text,
        "thinking": thinking,
        "thinking_tokens": None,
        "thinking_finished": channels.is_finished if thinking else None,
        "stated": _stated(stated, longest),
    }


def _read_channels(record: Mapping[str, Any], rules: ImportParameters, each: str | None) -> Channels:
    """The completion and its thoughts, from one field or two."""
    text = rules.text.take(record, each)
    apart = rules.thinking.take(record, each) if rules.thinking else None
    texts = [
        read_text(value, name, rules.longest)
        for name, value in (("text", text), ("thinking", apart))
        if value is not None
    ]
    channels = split_channels(texts[0], apart=texts[1].strip() if apart is not None else "")
    if not channels.text.strip() and not channels.thinking.strip():
        raise FieldError("empty completion", "the text has no character but white space")
    return channels


def _rationale(value: Any, longest: int) -> str | None:
    """The reasoning a JSON completion holds: a text, or a list of texts, one a line."""
    lines = value if isinstance(value, list) else [value]
    if not all(isinstance(line, str) for line in lines):
        return None
    return read_text("\n".join(lines), "rationale", longest).strip() or None


def _stated(value: Any, longest: int) -> str | None:
    """An answer a completion states; a list or an object in its place states none."""
    if value is None or isinstance(value, dict | list):
        return None
    return read_text(value, "stated", longest).strip() or None


def _number(value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise FieldError("wrong type", f"sample is {str(value)[:40]!r}, expected a whole number") from None
    if not 0 <= number < 2**31:
        raise FieldError("wrong type", f"sample is {number}, expected 0 or more")
    return number


def import_(records: Sequence[Record], parameters: ImportParameters) -> Outcome:
    """Solutions of records.

    Args:
        records: Records of one source in its order, those that could not be read among them.
        parameters: Which field of a record is the question, the completion, its model, and so on.

    Returns:
        A solution for each record and each value of `each`; what has none as a record, with the reason.

    """
    each = parameters.each or (None,)
    return map_records(
        records, parameters, each, lambda record, variant: map_solution(record, parameters, variant), SOLUTIONS
    )


IMPORT = FromRecords(
    name="import",
    summary="Reads recorded generations of models, with their problems, from files through a field mapping.",
    version="3",
    parameters=ImportParameters,
    makes=lambda _, __: SOLUTIONS,
    locations=lambda parameters: parameters.files,
    rows_per_record=lambda parameters: max(1, len(parameters.each)),
    run=import_,
)
