"""Labels that people (or other labellers) gave: where a solution first goes wrong, how, and each step's rating, out of its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks.llm.voting import find_majority, find_most_frequent
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.values import FieldError, is_missing, read_number, read_text

NONE = -1
"""The first wrong step of a solution without one."""
RATINGS: Mapping[str, int] = {
    **dict.fromkeys(("1", "1.0", "good", "right", "correct", "true", "yes", "+", "positive"), 1),
    **dict.fromkeys(("0", "0.0", "neutral", "okay"), 0),
    **dict.fromkeys(("-1", "-1.0", "bad", "wrong", "incorrect", "error", "false", "no", "-", "negative"), -1),
}
"""How ratings of steps are written; `names` of a field translates others."""
VERDICTS: Mapping[str, str] = {
    **dict.fromkeys(("right", "correct", "true", "yes", "1"), "right"),
    **dict.fromkeys(("wrong", "incorrect", "false", "no", "0"), "wrong"),
}


def list_texts(value: Any) -> Any:
    """A value or several as texts; null is spelt `null`."""
    many = value if isinstance(value, list) else [value]
    return ["null" if item is None else str(item) if isinstance(item, int) else item for item in many]


class StepRules(BaseModel):
    """How the fields of a record say where its solution first goes wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    base: Literal[0, 1] = Field(0, description="The number that the first step has.")
    none: Annotated[
        list[str], BeforeValidator(list_texts, json_schema_input_type=str | int | list[str | int | None] | None)
    ] = Field(["-1"], description="What stands in first_error where no step is wrong; null is spelt null.")


class LabelRules(StepRules):
    """How the fields of a record say what labellers found in its solution."""

    each: FieldOf | None = Field(
        None,
        description="The list of labels where several labellers gave one; the other paths then begin in its items.",
    )
    labeller: FieldOf = Field(FieldRule(value="human"), description="Who gave the label: a field, or {value: name}.")
    first_error: FieldOf | None = Field(None, description="The number of the first wrong step.")
    ratings: FieldOf | None = Field(
        None,
        description="The list of the steps' ratings, good, neutral or bad; the first bad one is the first wrong step.",
    )
    type: FieldOf | None = Field(None, description="The type of the mistake.")
    taxonomy: FieldOf | None = Field(None, description="The taxonomy of the types: a field, or {value: lemma}.")
    cause: FieldOf | None = Field(None, description="What is wrong, in the labeller's words.")
    verdict: FieldOf | None = Field(None, description="Whether the solution is right or wrong, as the labeller says.")

    @model_validator(mode="after")
    def _says_something(self) -> LabelRules:
        if self.first_error is None and self.ratings is None and self.verdict is None:
            raise ValueError("labels need `first_error`, `ratings` or `verdict`; name the field of one of them")
        return self


@dataclass(frozen=True)
class HumanLabel:
    """What one labeller says of a solution."""

    labeller: str
    first_error: int | None
    """The first wrong step, from 0; -1 none, None where the labeller does not say."""
    fault: str = ""
    """Why the labeller does not say."""
    ratings: tuple[int | None, ...] = ()
    """By step 1 good, 0 neutral, -1 bad, None not rated."""
    type: str = ""
    taxonomy: str = ""
    cause: str = ""
    verdict: str | None = None


def read_first_error(value: Any, rules: StepRules, steps: int | None, name: str) -> int:
    """The first wrong step that a value names, from 0, or NONE; `FieldError` where it names none there is.

    Args:
        value: As the record has it, null too.
        rules: The number of the first step, and what means none.
        steps: How many steps there are; None where that is not known.
        name: What the value is called in errors.

    Returns:
        The step.

    """
    spelt = "null" if is_missing(value) else str(value).strip()
    if spelt in rules.none:
        return NONE
    if spelt == "null":
        raise FieldError("missing field", f"{name} is null, which does not mean 'none' here")
    first = read_number(value, name) - rules.base
    if first < 0 or (steps is not None and first >= steps):
        last = f" to {steps - 1 + rules.base}" if steps is not None else " or more"
        raise FieldError("out of range", f"{name} is {spelt}, expected {rules.base}{last}")
    return first


def read_human_labels(record: Mapping[str, Any], rules: LabelRules, each: str | None, steps: int) -> list[HumanLabel]:
    """The labels of a solution of so many steps; `FieldError` where one is not as the rules say."""
    return [_read_label(item, rules, each, steps) for item in _list_items(record, rules, each)]


def _list_items(record: Mapping[str, Any], rules: LabelRules, each: str | None) -> Iterator[Mapping[str, Any]]:
    if rules.each is None:
        yield record
        return
    items = rules.each.take(record, each)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FieldError("wrong type", f"{rules.each.describe(each)} is no list of labels")
    yield from items


def _read_label(record: Mapping[str, Any], rules: LabelRules, each: str | None, steps: int) -> HumanLabel:
    labeller = read_text(rules.labeller.take(record, each), "labeller", 200).strip()
    ratings = read_ratings(rules.ratings.take(record, each), steps) if rules.ratings else ()
    verdict = _read_verdict(rules.verdict.take(record, each)) if rules.verdict else None
    first, fault = _locate(record, rules, each, steps, ratings)
    if verdict == "wrong" and first == NONE:
        raise FieldError("contradictory", "no step is wrong, but the labeller calls the solution wrong")
    texts = [
        "" if rule is None or first == NONE else _read_optional(rule, record, each)
        for rule in (rules.type, rules.taxonomy, rules.cause)
    ]
    return HumanLabel(
        labeller or "human", first, fault, ratings, texts[0], texts[1] if texts[0] else "", texts[2], verdict
    )


def _locate(
    record: Mapping[str, Any], rules: LabelRules, each: str | None, steps: int, ratings: Sequence[int | None]
) -> tuple[int | None, str]:
    """The first wrong step by its own field, or by the ratings, and why there is none."""
    rated, why = _locate_by_ratings(ratings, steps) if rules.ratings else (None, "not labelled")
    if rules.first_error is None:
        return rated, why
    value = rules.first_error.look_up(record, each)
    if is_missing(value) and "null" not in rules.none:
        if rules.first_error.optional:
            return rated, why
        raise FieldError("missing field", rules.first_error.describe(each))
    first = read_first_error(value, rules, steps, rules.first_error.describe(each))
    if rated is not None and rated != first:
        raise FieldError(
            "contradictory", f"the first wrong step is {first}, but by the ratings {rated} (from 0; -1 none)"
        )
    return first, ""


def _locate_by_ratings(ratings: Sequence[int | None], steps: int) -> tuple[int | None, str]:
    """The first bad step; none where all are rated and none is bad."""
    for step, rating in enumerate(ratings):
        if rating is None:
            return None, "a step is not rated"
        if rating < 0:
            return step, ""
    return (NONE, "") if len(ratings) == steps else (None, "a step is not rated")


def read_ratings(value: Any, steps: int) -> tuple[int | None, ...]:
    """The ratings of a solution of so many steps: 1 good, 0 neutral, -1 bad, None not rated; `FieldError` about others."""
    if not isinstance(value, list):
        raise FieldError("wrong type", f"the ratings are a {type(value).__name__}, expected a list")
    if len(value) > steps:
        raise FieldError("out of range", f"there are {len(value)} ratings of {steps} steps")
    return tuple(None if is_missing(rating) else _read_rating(rating) for rating in value)


def _read_rating(value: Any) -> int:
    rating = RATINGS.get(str(value).strip().casefold())
    if rating is None:
        raise FieldError("unknown rating", f"{str(value)[:40]!r}; translate it by `names` to good, neutral or bad")
    return rating


def _read_verdict(value: Any) -> str | None:
    if is_missing(value):
        return None
    verdict = VERDICTS.get(str(value).strip().casefold())
    if verdict is None:
        raise FieldError("unknown verdict", f"{str(value)[:40]!r}; translate it by `names` to right or wrong")
    return verdict


def _read_optional(rule: FieldRule, record: Mapping[str, Any], each: str | None) -> str:
    value = rule.look_up(record, each)
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    return "" if is_missing(value) else read_text(value, "a label", 100_000).strip()


def combine_human_labels(labels: Sequence[HumanLabel], steps: int) -> dict[str, Any]:
    """The columns of a solution's human labels: each labeller's, and what most of them say."""
    firsts = [label.first_error for label in labels]
    vote = find_majority(firsts, [label.fault for label in labels])
    backers = [label for label in labels if vote.label is not None and label.first_error == vote.label]
    verdicts = {label.verdict for label in labels if label.verdict}
    return {
        "humans": [label.labeller for label in labels],
        "human_labels": firsts,
        "human_faults": [label.fault for label in labels],
        "human_kinds": [label.type for label in labels],
        "human_reasons": [label.cause for label in labels],
        "human_first_error": vote.label,
        "human_undecided": None if vote.label is not None else vote.undecided or "no majority",
        "human_error_type": find_most_frequent([label.type for label in backers if label.type]),
        "human_taxonomy": find_most_frequent([label.taxonomy for label in backers if label.taxonomy]),
        "human_cause": next((label.cause for label in backers if label.cause), None),
        "human_verdict": verdicts.pop() if len(verdicts) == 1 else None,
        "human_ratings": [
            find_majority([label.ratings[step] if step < len(label.ratings) else None for label in labels], []).label
            for step in range(steps)
        ],
    }
