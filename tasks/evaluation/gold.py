"""Gold: where solutions first go wrong, from data sets through a field mapping, the gold columns of a table among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from schemas.columns.gold import GOLD_STEP, GOLD_TAXONOMY, GOLD_TYPE
from schemas.columns.human import HUMAN_STEP, HUMAN_TAXONOMY, HUMAN_TYPE
from schemas.task import Record
from tasks.evaluation.fields import Rejected
from tasks.evaluation.score import NONE, Gold
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.step_labels import StepRules, read_first_error, read_ratings
from tasks.sources.values import FieldError, is_missing

Read = Callable[[Record], Gold]


def _several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class GoldRules(StepRules):
    """How the fields of a data set say where its solutions first go wrong."""

    id: Annotated[list[FieldOf], BeforeValidator(_several, json_schema_input_type=FieldOf | list[FieldOf])] = Field(
        [], description="The row's id: a field, or several joined by /; without it file and line, as in math.jsonl:12."
    )
    first_error: FieldOf = Field(description="The number of the first wrong step.")
    steps: FieldOf | None = Field(None, description="The list of the steps.")
    ratings: FieldOf | None = Field(
        None,
        description="The list of the steps' ratings, good, neutral or bad, where every step has one, those after the first wrong one too.",
    )
    set: FieldOf | None = Field(None, description="The name of the problem set; without it the file's.")
    type: FieldOf | None = Field(None, description="The type of the mistake, if the data say it.")
    taxonomy: FieldOf | None = Field(
        None, description="The taxonomy of the types, with or without a version: a field, or {value: lemma}."
    )
    right: FieldOf | None = Field(
        None,
        description="Whether the whole solution is right, yes or no; rows that contradict first_error are rejected.",
    )


def _rules(**given: Any) -> GoldRules:
    return GoldRules.model_validate(given)


INJECTED, TRUTH, HUMAN = "injected", "truth", "human"
FORMATS: dict[str, GoldRules] = {
    # one file a set; their ids (gsm8k-0, omnimath-17) name the set too
    "processbench": _rules(
        id="id", first_error="label", steps="steps", set={"path": "id", "pattern": r"^(.+)-\d+$", "optional": True}
    ),
    "mr-ben": _rules(
        id=["Question_UUID", "Sampled_Model"], first_error="Model_Solution_First_Error_Step", base=1,
        none=["N/A", "NA", "null", ""], steps="Model_Solution_Steps", set="Subject",
        right={"path": "Model_Solution_Correctness", "names": {"correct": "yes", "incorrect": "no"}},
    ),
    "verify-then-generate": _rules(first_error="incorrect_index", none=[], steps="student_incorrect_solution"),
    INJECTED: _rules(
        id="solution_id", first_error="injected_at", steps="steps", set="set",
        type={"path": "injected_type", "optional": True}, taxonomy={"path": "injected_taxonomy", "optional": True},
    ),
    HUMAN: _rules(
        id="solution_id", first_error=HUMAN_STEP, steps="steps", set={"path": "set", "optional": True},
        ratings={"path": "human_ratings", "optional": True},
        type={"path": HUMAN_TYPE, "optional": True}, taxonomy={"path": HUMAN_TAXONOMY, "optional": True},
    ),
    "bigbench-mistake": _rules(first_error="mistake_index", none=["null"], steps="steps"),
    TRUTH: _rules(
        id="solution_id", first_error=GOLD_STEP, steps="steps", set={"path": "set", "optional": True},
        type={"path": GOLD_TYPE, "optional": True}, taxonomy={"path": GOLD_TAXONOMY, "optional": True},
    ),
}  # fmt: skip


def map_gold(rules: GoldRules) -> Read:
    """The reader of a data set."""

    def read(record: Record) -> Gold:
        value = record.value or {}
        steps = None if rules.steps is None else _steps(rules.steps.take(value, None))
        first = _first_error(value, rules, steps)
        right = None if rules.right is None else str(rules.right.take(value, None))
        if right is not None and right != ("yes" if first == NONE else "no"):
            problem = "no step is wrong" if first == NONE else f"step {first + 1} is wrong"
            raise FieldError("contradictory", f"{problem}, but '{rules.right.path}' is {right[:40]!r}")  # type: ignore[union-attr]
        id = "/".join(str(rule.take(value, None)) for rule in rules.id)
        name = rules.set.take(value, None) if rules.set else None
        set_ = str(name or take_stem(record.source))
        kind, taxonomy = (_take_text(rule, value) if first != NONE else "" for rule in (rules.type, rules.taxonomy))
        wrong = () if rules.ratings is None else read_wrong_steps(rules.ratings.take(value, None), first, steps)
        return Gold(id or make_line_id(record.source), first, steps, set_, record.source, kind or None, taxonomy.partition("@")[0], wrong)  # fmt: skip

    return read


def _first_error(value: Mapping[str, Any], rules: GoldRules, steps: int | None) -> int:
    """The first wrong step, from 0, or NONE; null is a value where the rules say so, a field that is not there is none."""
    rule = rules.first_error
    path = rule.path or ""
    if path and path not in value and path.partition(".")[0] not in value:
        raise FieldError("missing field", f"'{path}'")
    label = rule.model_copy(update={"optional": True}).take(value, None)
    return read_first_error(label, rules, steps, f"'{path}'")


def _take_text(rule: FieldRule | None, value: Mapping[str, Any]) -> str:
    """The value of a field as text; empty where it has none."""
    text = rule.take(value, None) if rule else None
    return "" if is_missing(text) else str(text).strip()


def read_wrong_steps(value: Any, first_error: int | None, steps: int | None) -> tuple[bool | None, ...]:
    """Which steps ratings call wrong.

    Args:
        value: The ratings; of some steps, of others, or nothing at all.
        first_error: The 0-based first wrong step, -1 for none, None where it is undecided.
        steps: How many steps there are.

    Returns:
        Of each step whether it is wrong, None where it is not rated; empty where the steps are not counted, none is rated,
        none behind the first wrong one is, or the first bad one is another than it (as where several raters are counted).

    Raises:
        FieldError: The value is no list of ratings of so many steps.

    """
    if is_missing(value) or steps is None or first_error is None:
        return ()
    ratings = read_ratings(value, steps)
    wrong = tuple(None if rating is None else rating < 0 for rating in (*ratings, *[None] * (steps - len(ratings))))
    first = wrong.index(True) if True in wrong else NONE
    through = steps if first == NONE else first + 1
    if first != first_error or None in wrong[:through]:
        return ()
    return () if through < steps and set(wrong[through:]) == {None} else wrong


def _steps(value: Any) -> int:
    if not isinstance(value, list) or not value:
        raise FieldError("wrong type", f"the steps are {str(value)[:40]!r}, expected a list of texts")
    return len(value)


def gather(records: Iterable[Record], read: Read) -> tuple[list[Gold], list[Rejected]]:
    """The gold of records, and those that hold none; of rows with one id the first stays."""
    gold: dict[str, Gold] = {}
    rejected: list[Rejected] = []
    for record in records:
        try:
            if record.value is None:
                raise FieldError(*(record.fault or ("unreadable", "")))
            row = read(record)
            if (first := gold.get(row.id)) is not None:
                other = "" if first.first_error == row.first_error else ", where gold is another"
                raise FieldError("duplicate id", f"'{row.id[:80]}' is that of {first.source} too{other}")
            gold[row.id] = row
        except FieldError as error:
            rejected.append(Rejected(record.source, error.reason, error.detail))
    return list(gold.values()), rejected


def list_fitting_formats(columns: Sequence[str]) -> list[str]:
    """The formats whose fields are all among the columns."""
    available = set(columns)
    return [name for name, rules in FORMATS.items() if list_fields(rules) <= available]


def list_fields(rules: GoldRules) -> set[str]:
    """The fields that a data set's rows must have."""
    rule: list[FieldRule | None] = [*rules.id, rules.first_error, rules.steps, rules.set, rules.right, rules.type, rules.taxonomy]  # fmt: skip
    return {
        field_rule.path.partition(".")[0]
        for field_rule in rule
        if field_rule is not None and field_rule.path and not field_rule.optional
    }


def make_line_id(source: str) -> str:
    """The id of a row that has none: its file's name and its line, without folders."""
    name, _, line = source.rpartition(":")
    return f"{PurePosixPath(name).name}:{line}"


def take_stem(source: str) -> str:
    """The file's name without folders and endings."""
    return PurePosixPath(source.rpartition(":")[0] or source).name.partition(".")[0]
