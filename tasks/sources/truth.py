"""`truth`: puts gold beside solutions: where each truly first goes wrong, from its program, an injection, or a file of labels.

What is not known is null, with the reason; nothing is guessed, and no row is
rejected. Whatever compares labels with gold reads these columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl
from pydantic import Field

from schemas.columns.gold import GOLD_COLUMNS
from schemas.columns.human import HUMAN_STEP, HUMAN_TAXONOMY, HUMAN_TYPE
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.task import Files, OneOrMore, Parameters, Record, Records, Rows, SideInput
from schemas.whole_table import GROUP, Cut, WholeTable
from tasks.database import open_database
from tasks.dedup.text_hashes import hash_texts
from tasks.evaluation.gold import FORMATS, HUMAN, INJECTED, TRUTH, GoldRules, map_gold
from tasks.evaluation.score import NONE, Gold
from tasks.sources.content_ids import digest, normalize_text
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.values import FieldError, read_text
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import TAXONOMY, find_truth

LONGEST = 100_000
"""Characters of a step, an id or a name in a file of labels."""
FILES = tuple(name for name in FORMATS if name not in (INJECTED, TRUTH, HUMAN))
"""The formats in which people's labels come."""
QUESTION = FieldRule(path="problem")
NEEDED = {
    "program": ("program", "steps"),
    "injection": ("injected_at", "injected_type", "injected_taxonomy", "steps"),
    "file": ("steps",),
    "human": (HUMAN_STEP, HUMAN_TYPE, HUMAN_TAXONOMY, "human_undecided", "steps"),
}
GOLD = to_polars_schema(Contract("gold", "", GOLD_COLUMNS, ""))
GOLD_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {"key": pl.String, **GOLD}
LABEL = {
    "key": pl.String,
    "step": pl.Int64,
    "type": pl.String,
    "taxonomy": pl.String,
    "steps": pl.String,
    "fault": pl.String,
}


class TruthParameters(Parameters):
    """Parameters of `truth`."""

    source: Literal["program", "injection", "file", "human"] = Field(
        description="What gold follows from: the `program` that problems of task world carry, the columns of task inject, "
        "a file of labels, or the labels that came in with the solutions (`import`), which then vote no more in `agree`."
    )
    files: OneOrMore[str] = Field(
        [], description="The files of labels: a path, URL or pattern, or a list of them; for `file` alone."
    )
    format: str = Field(
        "processbench", description=f"How labels are written: {', '.join(FILES)}; other ones are mapped by `fields`."
    )
    fields: GoldRules | None = Field(
        None,
        description="A mapping of the labels' fields, as `errata evaluate --format` takes it, instead of `format`.",
    )
    match: Literal["id", "text"] = Field(
        "id", description="What is the same in a row and its label: an id, or the words of question and steps."
    )
    id: str = Field("solution_id", description="The column in which the table has the ids of the labels.")
    question: FieldOf = Field(QUESTION, description="The field of the question in a file of labels, to match by text.")

    def rules(self) -> GoldRules:
        """The mapping of the labels' fields."""
        return self.fields or FORMATS[self.format]


def read_program(record: Record) -> Record:
    """A record of a solution with gold from its program; the fault of one that has none that can be followed."""
    value = record.value or {}
    try:
        if record.value is None:
            raise FieldError(*(record.fault or ("unreadable", "")))
        return Record(record.source, {**value, **_follow_program(value.get("program"), value.get("steps"))})
    except FieldError as error:
        return Record(record.source, None, fault=(error.reason, error.detail))


def _follow_program(program: Any, steps: Any) -> dict[str, Any]:
    """Gold of a solution from its problem's program; `FieldError` where there is none."""
    for name, value in (("program", program), ("steps", steps)):
        if value is None:
            raise FieldError("missing field", f"'{name}'")
    if not isinstance(steps, list) or not steps:
        raise FieldError("wrong type", f"the steps are {str(steps)[:40]!r}, expected a list of texts")
    if not all(isinstance(step, str) for step in steps):
        raise FieldError("wrong type", "the steps are not all texts")
    try:
        truth = find_truth(load_program(str(program)), steps)
    except ValueError as error:
        raise FieldError("not a program", str(error)) from None
    return _gold("program", truth.first_error, truth.kind, TAXONOMY if truth.kind else None)


def _follow_injection(row: Mapping[str, Any]) -> dict[str, Any]:
    """Gold of a solution from what was injected into it; `FieldError` where that does not go together."""
    at, kind = row["injected_at"], row["injected_type"]
    if at is None:
        raise FieldError("missing field", "'injected_at'")
    if not NONE <= at < len(row["steps"] or ()):
        raise FieldError("out of range", f"'injected_at' is {at}")
    if at == NONE and kind is not None:
        raise FieldError("contradictory", f"no step was made wrong, but 'injected_type' is {kind[:40]!r}")
    return _gold("injection", at, kind, row["injected_taxonomy"] if kind else None)


def _follow_people(row: Mapping[str, Any]) -> dict[str, Any]:
    """Gold of a solution from the labels that came in with it; `FieldError` where they are undecided."""
    at = row[HUMAN_STEP]
    if at is None:
        raise FieldError(row["human_undecided"] or "not labelled", "")
    if not NONE <= at < len(row["steps"] or ()):
        raise FieldError("out of range", f"'{HUMAN_STEP}' is {at}")
    return _gold("human", at, row[HUMAN_TYPE] if at != NONE else None, row[HUMAN_TAXONOMY])


FOLLOW = {"injection": _follow_injection, "human": _follow_people}


def _gold(origin: str, step: int, kind: str | None, taxonomy: str | None) -> dict[str, Any]:
    values = (step, kind or None, (taxonomy or None) if kind else None, origin, None)
    return dict(zip(GOLD, values, strict=True))


def _not_known(reason: str) -> dict[str, Any]:
    return dict(zip(GOLD, (None, None, None, None, reason), strict=True))


def _gold_of(row: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Gold of one row by itself, or why it is not known."""
    try:
        return _follow_program(row["program"], row["steps"]) if source == "program" else FOLLOW[source](row)
    except FieldError as error:
        return _not_known(error.reason)


def add_gold(
    table: Rows, side_inputs: Sequence[Rows | Records | Files], parameters: TruthParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `GOLD_COLUMNS`, of all rows.

    Args:
        table: The key and the columns that gold follows from, part by part.
        side_inputs: The labels of a file, frames as `LABEL` says, where that is the source.
        parameters: What gold follows from.
        folder: An empty folder for the labels.

    Yields:
        Frames of `key` and the gold columns.

    """
    if parameters.source == "file":
        yield from _join_labels(table, cast(Rows, side_inputs[0]), parameters, folder)
        return
    for part in table:
        key = part.columns[0]
        rows = [{"key": row[key], **_gold_of(row, parameters.source)} for row in part.iter_rows(named=True)]
        yield pl.DataFrame(rows, schema=GOLD_SCHEMA)


def _join_labels(table: Rows, labels: Rows, parameters: TruthParameters, folder: Path) -> Iterable[pl.DataFrame]:
    """Gold by the labels of a file; they are kept on disk, so that there may be many."""
    with open_database(folder) as database:
        database.execute(_TABLE)
        for batch in labels:
            database.register("added", batch.to_arrow())
            database.execute("INSERT INTO given SELECT * FROM added")
            database.unregister("added")
        database.execute(_UNIQUE)
        for part in table:
            database.register("solution", _match_rows(part, parameters).to_arrow())
            joined = pl.DataFrame(database.sql(_JOIN).to_arrow_table())
            database.unregister("solution")
            yield joined.select(pl.col(name).cast(kind) for name, kind in GOLD_SCHEMA.items())


def _match_rows(part: pl.DataFrame, parameters: TruthParameters) -> pl.DataFrame:
    """Of each row what its label is found by."""
    rows = [_key_of(row, part.columns[0], parameters) for row in part.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=_SOLUTION, orient="row")


def _narrow_labels(records: Records, parameters: TruthParameters) -> Iterator[pl.DataFrame]:
    """The labels of records that have a key, as they are kept."""
    for batch in records:
        labels = pl.DataFrame([_label(record, parameters) for record in batch], schema=LABEL)
        labels = labels.filter(pl.col("key").is_not_null())
        yield labels.with_columns(pl.Series(GROUP, hash_texts(labels["key"])))


def _cut(parameters: TruthParameters) -> Cut[TruthParameters]:
    """Labels go where the rows are that they may be found by; without labels each row is looked at by itself."""
    if parameters.source != "file":
        return Cut()
    return Cut(lambda rows, _, __: hash_texts(_match_rows(rows, parameters)["match"].fill_null("")), _narrow_labels)


_SOLUTION = {"key": pl.String, "match": pl.String, "steps": pl.String, "length": pl.Int64}
_TABLE = "CREATE TABLE given (key VARCHAR, step BIGINT, type VARCHAR, taxonomy VARCHAR, steps VARCHAR, fault VARCHAR)"
_UNIQUE = """
    CREATE TABLE label AS
    SELECT key, any_value(step) AS step, any_value(type) AS type, any_value(taxonomy) AS taxonomy, any_value(steps) AS steps,
           CASE WHEN count(DISTINCT (step, type, taxonomy, steps, fault)) > 1 THEN 'labels contradict each other'
                ELSE any_value(fault) END AS fault
    FROM given GROUP BY key
"""
_JOIN = """
    WITH matched AS (
        SELECT s.key, l.*, CASE
            WHEN l.key IS NULL THEN 'not among the labels'
            WHEN l.fault IS NOT NULL THEN l.fault
            WHEN l.steps != s.steps THEN 'labels are of other steps'
            WHEN l.step >= s.length THEN 'out of range'
        END AS unknown
        FROM solution s LEFT JOIN (SELECT key AS match, * EXCLUDE (key), key FROM label) l ON l.match = s.match
    )
    SELECT key, CASE WHEN unknown IS NULL THEN step END AS gold_first_error,
           CASE WHEN unknown IS NULL THEN type END AS gold_error_type,
           CASE WHEN unknown IS NULL AND type IS NOT NULL THEN taxonomy END AS gold_taxonomy,
           CASE WHEN unknown IS NULL THEN 'file' END AS gold_from, unknown AS gold_unknown
    FROM matched
"""


def _label(record: Record, parameters: TruthParameters) -> dict[str, Any]:
    """A label as it is kept: by its key, with the fault of one that cannot be read; without a key where it has none."""
    label: dict[str, Any] = dict.fromkeys(LABEL)
    value, rules = record.value, parameters.rules()
    if value is None:
        return label
    try:
        steps = rules.steps.take(value, None) if rules.steps else None
        label["steps"] = _digest_steps(steps) if isinstance(steps, list) else None
        if parameters.match == "text":
            label["key"] = _digest_text(parameters.question.take(value, None), steps)
        gold = map_gold(rules)(record)
        label |= {"key": label["key"] or digest("id", read_text(gold.id, "id", LONGEST)), **_read(gold)}
    except FieldError as error:
        label |= {"key": label["key"] or _digest_id(record, rules), "fault": error.reason}
    return label


def _read(gold: Gold) -> dict[str, Any]:
    kind = None if gold.type is None else read_text(gold.type, "type", LONGEST)
    return {"step": gold.first_error, "type": kind, "taxonomy": read_text(gold.taxonomy, "taxonomy", LONGEST) or None}


def _digest_id(record: Record, rules: GoldRules) -> str | None:
    """The key of a label that cannot be read otherwise; None where its id cannot be, either."""
    try:
        parts = [str(rule.take(record.value or {}, None)) for rule in rules.id]
        return digest("id", read_text("/".join(parts), "id", LONGEST)) if parts else None
    except FieldError:
        return None


def _digest_steps(steps: Sequence[Any]) -> str:
    return digest("steps", *(normalize_text(read_text(step, "step", LONGEST)) for step in steps))


def _digest_text(question: Any, steps: Any) -> str:
    """The key of a solution by its words: the same steps of the same question, whatever their white space."""
    if not isinstance(steps, list):
        raise FieldError("wrong type", "labels are matched by text, and the steps are no list")
    return digest("text", normalize_text(read_text(question, "question", LONGEST)), _digest_steps(steps))


def _key_of(row: Mapping[str, Any], key: str, parameters: TruthParameters) -> tuple[Any, ...]:
    """A row's key, what its label is found by, its steps, and how many."""
    steps = row["steps"] or []
    match = None
    if parameters.match == "text":
        match = _digest_text(row["question"], steps)
    elif row[parameters.id] is not None:
        match = digest("id", str(row[parameters.id]))
    return row[key], match, _digest_steps(steps), len(steps)


def _check(parameters: TruthParameters, contract: Contract) -> list[str]:
    """What does not go together, and columns that are not there."""
    faults = []
    if (parameters.source == "file") != bool(parameters.files):
        faults.append("files: is needed by the source `file`, and by that alone")
    if parameters.fields is None and parameters.format not in FILES:
        faults.append(f"format: unknown format '{parameters.format[:40]}'; there are {', '.join(FILES)}")
    lacking = [name for name in _reads(parameters, contract) if name not in contract.names()]
    if lacking:
        faults.append(f"source: {parameters.source} needs columns that the table has not: {', '.join(lacking)}")
    if parameters.match == "text" and parameters.fields is not None and parameters.fields.steps is None:
        faults.append("match: labels without steps cannot be matched by text; name their field in `fields`")
    return faults


def _reads(parameters: TruthParameters, _: Contract) -> Sequence[str]:
    own = () if parameters.source != "file" else ("question",) if parameters.match == "text" else (parameters.id,)
    return (*NEEDED[parameters.source], *own)


def _side_inputs(parameters: TruthParameters) -> Sequence[SideInput]:
    return [SideInput("labels", tuple(parameters.files))] if parameters.files else []


TRUTH_TASK = WholeTable(
    name="truth",
    summary="Puts gold beside solutions: where each truly first goes wrong and in what way, from programs, injections or a file.",
    version="5",
    parameters=TruthParameters,
    needs=("steps",),
    makes=lambda _, contract: contract.having(*GOLD_COLUMNS),
    check=_check,
    reads=_reads,
    side_inputs=_side_inputs,
    cut=_cut,
    decide=add_gold,
)
