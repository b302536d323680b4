"""The parameters of `inject`: which mistakes are made, by rules or by which models, and how much may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.recipe.taxonomy import Named, Taxonomy
from schemas.task import Parameters
from tasks.classify.rules import RULE_TAXONOMY
from tasks.inject.edits import NAMES, TYPES_OF_EDITS, Name
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.sampling import MaxTokens, Temperature, TopP, find_repeated_model


class InjectParameters(Parameters):
    """Parameters of `inject`."""

    taxonomy: Named = Field(
        description="A taxonomy of `catalog/taxonomies` by its name, or a YAML file beside the recipe."
    )
    kinds: list[str] = Field(
        [],
        description="The types of mistakes to make, each as often as it can be; all of the taxonomy if none is named.",
    )
    models: list[str] = Field(
        [], description="The models that write them, by their names under `models:`; without any, rules do."
    )
    prompt: Template = Field(
        "inject",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, the {step} to write anew and {type}; also its {number}, "
        "the {result} that must become another, all {steps} (fenced), {mark}, and as an example of that type {sample_type} and {sample}.",
    )
    rest: Literal["rules", "continuation", "either"] = Field(
        "rules",
        description="How the steps after the one that a model wrote come about: rules work out the numbers that depend on it; or "
        "the model solves on from there, which its engine must be able to; or that where rules are not certain.",
    )
    attempts: int = Field(
        2, ge=1, le=100, description="How often a model is asked for a solution, until what it makes can be kept."
    )
    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(2048, description="Tokens of a solution; one cut off is not kept.")
    share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share that stays wrong; the others, which could be made wrong as well, are kept as they were, "
        "`injected_at` -1.",
    )
    most_changed: float = Field(
        0.4, gt=0, le=1, description="The share of a solution's characters that may change, with all that follows."
    )
    seed: int = Field(0, ge=0, description="Another seed makes other mistakes.")

    def list_kinds(self) -> list[str]:
        """The types of mistakes to make."""
        return self.kinds or list(self.taxonomy.labels())


def list_edit_types(rules: InjectParameters) -> dict[Name, str]:
    """The edits that rules can make, with the type that each makes in the taxonomy."""
    own = rules.taxonomy.taxonomy
    spoken = any(own in names for names in TYPES_OF_EDITS.values())
    types = {}
    for name in NAMES:
        kind = (
            TYPES_OF_EDITS[name].get(own)
            if spoken
            else rules.taxonomy.translated(RULE_TAXONOMY, TYPES_OF_EDITS[name][RULE_TAXONOMY])
        )
        if kind and kind in (rules.kinds or rules.taxonomy.labels()):
            types[name] = kind
    return types


def check_parameters(parameters: InjectParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant."""
    taxonomy, fields = parameters.taxonomy, prompts.list_fields(parameters.prompt)
    strange = [kind for kind in parameters.kinds if kind not in taxonomy.labels()]
    faults = [f"kinds: taxonomy '{taxonomy.taxonomy}' has no type '{kind[:60]}'; it has {_abbreviate_names(taxonomy.labels())}" for kind in strange]  # fmt: skip
    if len(set(parameters.kinds)) < len(parameters.kinds):
        faults.append("kinds: names a type twice; keep one")
    if not parameters.models and not strange:
        faults += _check_kinds(parameters, taxonomy)
    needed = ("question", "step", "type")
    faults += [f"prompt: has no {{{name}}}; put it in" for name in needed if name not in fields]
    faults += find_repeated_model(parameters.models)
    if parameters.models and parameters.temperature == 0 and parameters.attempts > 1:
        faults.append("attempts: temperature 0 makes the same each time; raise `temperature`, or leave 1 attempt")
    return faults


def _check_kinds(parameters: InjectParameters, taxonomy: Taxonomy) -> list[str]:
    """Types that rules cannot make."""
    able = sorted(set(list_edit_types(parameters.model_copy(update={"kinds": []})).values()))
    if not able:
        return [f"models: rules make no type of taxonomy '{taxonomy.taxonomy}'; name models"]
    return [
        f"kinds: rules make no '{kind}', only {_abbreviate_names(able)}; name models" for kind in parameters.kinds if kind not in able
    ]  # fmt: skip


def _abbreviate_names(names: Sequence[str]) -> str:
    return ", ".join(names)
