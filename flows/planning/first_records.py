"""What the first records of each source say of a recipe's mapping, before anything is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.records.read import read_first
from catalog.sources import Source
from flows.planning.plan import Plan, TableJob
from schemas.recipe.document import Fault, RecipeError
from schemas.recipe.wording import advise
from schemas.task import FromRecords, Record
from tasks import TASKS
from tasks.sources.field_mapping import JOINED, list_fields, list_rules
from tasks.sources.record_parameters import RecordParameters, find_exclusion, list_variants

RECORDS = 200
"""Records of a file that are looked at."""
FILES = 4
"""Files of a table that are looked at, spread over all."""
FIELDS = 12
"""Fields that an error names where none of them resembles the one that is sought."""


@dataclass(frozen=True)
class Doubt:
    """What is wrong with a table's mapping, as far as its first records show."""

    fault: Fault
    certain: bool
    """Whether the table would be empty: all its records were looked at."""


def check_mappings(plan: Plan, only_certain: bool = False) -> list[Doubt]:
    """Map the first records of each source that a plan's tables are still to be made from.

    Args:
        plan: The plan.
        only_certain: Whether what may yet be right, as further records may be otherwise, is no error.

    Returns:
        What is wrong and no error.

    Raises:
        RecipeError: A field is in none of the records, or none of them can be mapped.
        SourceError: A file cannot be read.

    """
    found = [fault for job in plan.jobs if job.name not in plan.done for fault in check_mapping(plan, job)]
    errors = [each.fault for each in found if each.certain or not only_certain]
    if errors:
        raise RecipeError(errors)
    return found


def check_mapping(plan: Plan, job: TableJob) -> list[Doubt]:
    """What the first records of a table's files say of its mapping; nothing of a table that is made otherwise."""
    task = TASKS[job.task]
    if not isinstance(task, FromRecords) or not job.sources:
        return []
    chosen = job.sources[:: -(-len(job.sources) // FILES)]
    records = [record for source in chosen for record in read_first(source, RECORDS)]
    whole = len(chosen) == len(job.sources) and len(records) < RECORDS
    faults = _find_faults(task, job, records, chosen)
    return [Doubt(plan.recipe.fault(("tables", job.name, *key), message), whole) for key, message in faults]


def _find_faults(
    task: FromRecords[Any], job: TableJob, records: Sequence[Record], sources: Sequence[Source]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The key of the table's declaration at which something is wrong, and what."""
    parameters = job.parameters
    assert isinstance(parameters, RecordParameters)
    only = parameters.only
    wanted = [
        record for record in records if record.value is not None and find_exclusion(record.fields(), only) is None
    ]
    values = [record.value for record in wanted if record.value is not None]
    if any(record.value is not None for record in records) and not wanted:
        return  # the records that `only` asks for may come later
    where = f"the first {len(values):,} records of {', '.join(source.name for source in sources[:2])}"
    rows = [(record.fields(), variant) for record in wanted for variant in list_variants(record, parameters)]
    given = _list_given(task, job)
    missing = [
        (key, path)
        for key, rule in list_rules(parameters).items()
        if key not in given and not rule.optional and rows and not any(rule.is_found(*row) for row in rows)
        if parameters.join is None or not any(path.startswith(JOINED) for path in rule.list_paths())
        for path in rule.list_paths()[:1]
    ]
    if unlisted := [entry for entry in missing if entry[0] == "each"]:
        missing = unlisted  # paths that go on behind it lead nowhere then
    for key, path in missing:
        yield tuple(key.split(".")), f"field '{path}' is in none of {where}; {_advise_field(path, values)}"
    if missing or not records or task.joins(parameters, job.input_contract):
        return
    outcome = task.run(wanted or records, parameters)
    if not outcome.kept.height:
        counts = Counter(outcome.rejected["reason"].to_list()).most_common(3)
        reasons = "; ".join(f"{n:,} × {reason}" for reason, n in counts)
        detail = outcome.rejected.row(0, named=True)
        example = f"{detail['source']}: {detail['detail']}"[:200]
        yield (), f"none of {where} would be kept: {reasons} (such as {example}); mend the mapping or the file"


def _list_given(task: FromRecords[Any], job: TableJob) -> set[str]:
    """The columns that a table of problems has, so that no record need: all of a problem, but for the words that it is found by."""
    if not job.input_contract.columns:
        return set()
    found_by = set() if getattr(job.parameters, "key", None) else {"question"}
    return {*task.takes} - found_by


def _advise_field(path: str, values: Sequence[Mapping[str, Any]]) -> str:
    if path.startswith(JOINED):
        return "add `join: {files: …}` and the files in which it is"
    fields = list_fields(values)
    advice = advise(path, fields)
    if advice.startswith("did you mean"):
        return advice
    rest = f" and {len(fields) - FIELDS} more" if len(fields) > FIELDS else ""
    return f"there are {', '.join(fields[:FIELDS])}{rest}"
