"""`import`: recorded generations, each with its problem, its steps and labels where it has them, through a field mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import Field, model_validator

from schemas.columns.human import HUMAN_COLUMNS, HUMAN_LABEL
from schemas.columns.problems import ORIGINAL_ID, PROBLEM_COLUMNS, SOLUTIONS, STEP_COLUMNS
from schemas.contract import Contract
from schemas.reading import select_reading
from schemas.task import FromRecords, Outcome, Record, RecordJoin, UnreadableValue
from tasks.llm.channels import Channels, split_channels
from tasks.sources.content_ids import identify_problem, identify_solution
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.load import LoadParameters, map_problem, map_records
from tasks.sources.record_parameters import list_file_joins, list_join_files, list_variants, read_key
from tasks.sources.step_labels import LabelRules, combine_human_labels, read_human_labels
from tasks.sources.values import FieldError, read_text, read_texts

PROBLEM = "@problem"
"""What the problem that was joined to a record is called in paths."""
TAKEN = tuple(column.name for column in PROBLEM_COLUMNS)
SEPARATOR = "\n\n"
"""What stands between steps that come as a list, in the text that is made of them."""


class ImportParameters(LoadParameters):
    """Parameters of `import`."""

    question: FieldOf | None = Field(  # type: ignore[assignment]
        None, description="The problem's text; where problems come `from` a table, it may be what they are found by."
    )
    key: FieldOf | None = Field(
        None,
        description="The id of the problem, where problems come `from` a table: its original_id. Without it problems are found by "
        "the words of the question.",
    )
    model: FieldOf = Field(FieldRule(value="unknown"), description="The model that wrote the solution.")
    sampling: FieldOf = Field(
        FieldRule(value="unknown"),
        description="How it was sampled: strategy, parameters; a mapping is written as JSON.",
    )
    sample: FieldOf = Field(FieldRule(value="0"), description="The number of the sample, from 0.")
    text: FieldOf | None = Field(
        None,
        description="The completion, verbatim; thoughts in it (`<think>…</think>`) are parted from it. Where `steps` are there it "
        "may be left out: it is then the steps, a blank line between two.",
    )
    thinking: FieldOf | None = Field(None, description="The model's thoughts, where they have a field of their own.")
    rationale: FieldOf | None = Field(None, description="The reasoning inside the completion; else the whole of it.")
    stated: FieldOf | None = Field(None, description="The answer that the completion states in a field of its own.")
    steps: FieldOf | None = Field(
        None, description="The solution's steps, a list; they are then not to be cut by `split`."
    )
    most_steps: int = Field(5_000, ge=1, le=100_000, description="Steps of a solution; one with more is rejected.")
    labels: LabelRules | None = Field(None, description="What people (or other labellers) said of the solution.")

    @model_validator(mode="after")
    def _has_text(self) -> ImportParameters:
        if self.text is None and self.steps is None:
            raise ValueError("`text` is missing; add it and the field of the completion (or `steps`, a list)")
        if self.labels is not None and self.steps is None:
            raise ValueError("`labels` are of steps; add `steps` and the field that lists them")
        return self


def map_solution(record: Mapping[str, Any], rules: ImportParameters, each: str | None) -> dict[str, Any]:
    """The columns of a solution of a record."""
    row = _find_problem(record) or map_problem(record, rules, each)
    longest = rules.longest
    steps = _read_steps(record, rules, each) if rules.steps else []
    channels = _read_channels(record, rules, each, steps)
    text, thinking = channels.text, channels.thinking or None
    rationale = rules.rationale.take(record, each) if rules.rationale else None
    stated = rules.stated.take(record, each) if rules.stated else None
    model = read_text(rules.model.take(record, each), "model", longest)
    sampling = _describe_sampling(rules.sampling.take(record, each), longest)
    sample = _number(rules.sample.take(record, each))
    labels = read_human_labels(record, rules.labels, each, len(steps)) if rules.labels else []
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
        **({"steps": steps, "step_rule": "given", "steps_of": "text"} if rules.steps else {}),
        **(combine_human_labels(labels, len(steps)) if rules.labels else {}),
    }


def _find_problem(record: Mapping[str, Any]) -> dict[str, Any]:
    """The problem's columns of the row that was joined to a record; empty where none is to be."""
    problem = record.get(PROBLEM, {})
    if isinstance(problem, UnreadableValue):
        raise FieldError(problem.reason, problem.detail)
    return {name: problem[name] for name in TAKEN if name in problem}


def _read_steps(record: Mapping[str, Any], rules: ImportParameters, each: str | None) -> list[str]:
    """The steps that a record lists; white space round them is none of theirs."""
    assert rules.steps is not None
    steps = read_texts(rules.steps.take(record, each), "steps", rules.longest) or []
    if not steps:
        raise FieldError("empty field", "steps")
    if len(steps) > rules.most_steps:
        raise FieldError("too many steps", f"{len(steps)} steps, at most {rules.most_steps}; raise `most_steps`")
    if not all(step.strip() for step in steps):
        raise FieldError(
            "empty step", f"step {[bool(step.strip()) for step in steps].index(False) + 1} of {len(steps)}"
        )
    return [step.strip() for step in steps]


def _read_channels(
    record: Mapping[str, Any], rules: ImportParameters, each: str | None, steps: Sequence[str]
) -> Channels:
    """The completion and its thoughts, from one field or two, or from the steps."""
    text = rules.text.take(record, each) if rules.text else None
    if text is None and steps:
        text = SEPARATOR.join(steps)
    apart = rules.thinking.take(record, each) if rules.thinking else None
    texts = [
        "" if value is None else read_text(value, name, rules.longest)
        for name, value in (("text", text), ("thinking", apart))
    ]
    channels = split_channels(texts[0], apart=texts[1].strip() if apart is not None else "")
    if not channels.text.strip() and not channels.thinking.strip():
        raise FieldError("empty completion", "the text has no character but white space")
    return channels


def _describe_sampling(value: Any, longest: int) -> str:
    """How a completion was sampled, as text: a mapping or a list as JSON, keys by the alphabet."""
    if isinstance(value, dict | list):
        value = json.dumps(value, sort_keys=True, default=float, ensure_ascii=False)
    return read_text(value, "sampling", longest)


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


def _makes(rules: ImportParameters, _: Contract) -> Contract:
    steps = STEP_COLUMNS if rules.steps else ()
    return SOLUTIONS.having(*steps, *(HUMAN_COLUMNS if rules.labels else ()))


def _check(rules: ImportParameters, problems: Contract) -> list[str]:
    """What does not go together, given the table of problems, if there is one."""
    if not problems.columns:
        faults = [
            "question: is missing; add it and the field of the problem's text, or `from:` and a table of problems"
        ]
        faults = [] if rules.question else faults
        return faults + (["key: is the id of a problem of a table; add `from:` and its name"] if rules.key else [])
    if rules.key is None and rules.question is None:
        return [
            "key: is missing; add it and the field of the problem's id, or `question` to find problems by their words"
        ]
    if rules.key is not None and ORIGINAL_ID.name not in problems.names():
        return ["key: the table of problems keeps no ids; add `id:` and its field to its `load`"]
    return []


def _list_joins(rules: ImportParameters, problems: Contract) -> Sequence[RecordJoin]:
    """The joins with other files, and with the table of problems by id or by the words of the question."""
    joins = list_file_joins(rules)
    if not problems.columns:
        return joins
    key = _read_original_id if rules.key else _digest_question
    return [*joins, RecordJoin(PROBLEM, "the problems", key, partial(_seek, rules), "no problem", of_input=True)]


def _read_original_id(problem: Mapping[str, Any]) -> str | None:
    return str(problem[ORIGINAL_ID.name]).strip() or None


def _digest_question(problem: Mapping[str, Any]) -> str | None:
    return identify_problem(str(problem["question"]), None)


def _seek(rules: ImportParameters, record: Mapping[str, Any]) -> str | None:
    """The key of the problem that a record seeks."""
    if rules.key is not None:
        return read_key(rules.key, record)
    question = read_key(rules.question, record) if rules.question else None
    return None if question is None else identify_problem(question, None)


def import_(records: Sequence[Record], parameters: ImportParameters) -> Outcome:
    """Solutions of records.

    Args:
        records: Records of one source in its order, those that could not be read among them.
        parameters: Which field of a record is the question, the completion, its model, and so on.

    Returns:
        A solution for each record and each value of `each`; what has none as a record, with the reason.

    """
    contract = _makes(parameters, SOLUTIONS)
    return map_records(records, parameters, lambda record, each: map_solution(record, parameters, each), contract)


IMPORT = FromRecords(
    name="import",
    summary="Reads recorded solutions, with their problems, steps and labels, from files by a format's name or a field mapping.",
    version="6",
    parameters=ImportParameters,
    makes=_makes,
    locations=lambda parameters: parameters.files,
    reading=select_reading,
    takes=TAKEN,
    check=_check,
    side_inputs=list_join_files,
    joins=_list_joins,
    rows_per_record=lambda record, parameters: len(list_variants(record, parameters)),
    run=import_,
    labels=(HUMAN_LABEL,),
)
