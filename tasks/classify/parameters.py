"""The parameters of `classify`: who names the type of a mistake, and where the types come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.recipe.taxonomy import NAME, Named, Taxonomy
from schemas.task import Parameters, TaskError
from tasks.classify.rules import RULE_TAXONOMY
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.read_channels import Reads
from tasks.llm.sampling import MaxTokens, Temperature, TopP, Votes, find_voting_faults


class Dynamic(Parameters):
    """How a taxonomy is found in the mistakes themselves, in rounds, before all of them are labelled with it."""

    name: str = Field(
        "found", pattern=NAME, description="What the taxonomy is called; a digest of its types is added to it."
    )
    by: Literal["classifier", "keywords"] = Field(
        "classifier",
        description="classifier: whoever classifies may propose types (MWPES). keywords: `decider` takes keywords from each "
        "mistake's cause and sorts them into categories (CoTErrorSet).",
    )
    rows: int = Field(200, ge=1, le=100_000, description="Mistakes that a round asks about, chosen by their ids.")
    rounds: int = Field(10, ge=1, le=100, description="Rounds at most; it ends before, once it is stable.")
    stable: int = Field(2, ge=1, le=10, description="Rounds on end that add no type, after which it is stable.")
    least: int = Field(3, ge=1, description="Mistakes that make a type of a name; rarer ones are folded in the end.")
    decider: str = Field(
        "",
        description="The model that says which names are one and where rare ones belong; without one rules do: names one "
        "slip apart are one, and what is rare goes to the likest type, or to `other`.",
    )
    prompt: Template = Field(
        "discover",
        validate_default=True,
        description="What classifiers are asked in the rounds; without {types} any name they use is a proposal.",
    )
    causes: str = Field("error_cause", description="The column of causes that keywords are taken from.")


class ClassifyParameters(Parameters):
    """Parameters of `classify`."""

    taxonomy: Named | None = Field(
        None,
        description="A taxonomy of `catalog/taxonomies` by its name, or a YAML file beside the recipe; with `dynamic` the one "
        "to begin with, if any.",
    )
    rules: bool = Field(True, description="Whether rules, which need no model, decide what they are sure of.")
    models: list[str] = Field([], description="The models that classify the rest, by their names under `models:`.")
    prompt: Template = Field(
        "classify",
        validate_default=True,
        description="A prompt of ours by its name, or a text with {question}, {steps} (fenced, through the wrong one) and "
        "{types}; also {number} of the wrong step, {reference} and {mark}.",
    )
    of: Reads = None
    votes: Votes = Field(1, description="Votes on each mistake by each model; greedy has but one.")
    temperature: Temperature = 0.0
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a vote; one cut off is undecided.")
    reference: bool = Field(False, description="Whether models see the problem's right solution; rules always do.")
    judged_in: str = Field(
        "",
        description="The taxonomy that `judge_kind` speaks; it then decides where rules and models do not. With `dynamic` any "
        "name: what the judge says is then a proposal where no model is asked.",
    )
    dynamic: Dynamic | None = Field(
        None, description="How the taxonomy is found in the mistakes, where it is not given; see below."
    )

    @property
    def types(self) -> Taxonomy:
        """The taxonomy that rows are labelled with; raise `TaskError` before it is known."""
        if self.taxonomy is None:
            raise TaskError("taxonomy: is not known; name one, or have one found with `dynamic`")
        return self.taxonomy

    def list_models(self) -> list[str]:
        """The models that are asked anything."""
        decider = [self.dynamic.decider] if self.dynamic and self.dynamic.decider else []
        return list(dict.fromkeys([*self.models, *decider]))

    def list_prompts(self, model: str) -> dict[str, str]:
        """The prompts that a model is asked by: to classify, and to find types or to decide which are one."""
        asked = {"prompt": self.prompt} if model in self.models else {}
        if self.dynamic and model in self.models and self.dynamic.by == "classifier":
            asked["dynamic.prompt"] = self.dynamic.prompt
        if self.dynamic and model == self.dynamic.decider:
            asked["dynamic.decider"] = prompts.find_template(
                "keywords" if self.dynamic.by == "keywords" else "same-kind"
            )
        return asked


def check_parameters(parameters: ClassifyParameters, contract: Contract) -> list[str]:
    """Parameters that cannot be meant, and columns that they need."""
    faults = []
    if not (parameters.rules or parameters.models or parameters.judged_in):
        faults.append("models: nobody classifies; name models, or leave `rules` on")
    if parameters.taxonomy is None and parameters.dynamic is None:
        faults.append("taxonomy: is missing; name one, or have one found with `dynamic`")
    if parameters.taxonomy is not None and parameters.dynamic is None:
        faults += _check_translations(parameters, parameters.taxonomy)
    if parameters.dynamic is not None:
        faults += _check_dynamic(parameters, parameters.dynamic, contract.names())
    faults += _check_prompts(parameters, contract.names())
    if parameters.judged_in and "judge_kind" not in contract.names():
        faults.append("judged_in: the table has no column 'judge_kind'; put `judge` before")
    return faults + find_voting_faults(parameters.models, parameters.temperature, parameters.votes, "vote")


def _check_translations(parameters: ClassifyParameters, taxonomy: Taxonomy) -> list[str]:
    """Problems with taxonomies that this one maps no type of."""
    faults = []
    if (
        parameters.rules
        and not (parameters.models or parameters.judged_in)
        and not _knows_taxonomy(taxonomy, RULE_TAXONOMY)
    ):
        faults.append(
            f"rules: taxonomy '{taxonomy.taxonomy}' maps no type of '{RULE_TAXONOMY}', which rules speak; name models"
        )
    if parameters.judged_in and not _knows_taxonomy(taxonomy, parameters.judged_in):
        faults.append(
            f"judged_in: taxonomy '{taxonomy.taxonomy}' maps no type of '{parameters.judged_in[:60]}'; it maps those of "
            f"{', '.join(taxonomy.from_) or 'no other'}"
        )
    return faults


def _knows_taxonomy(taxonomy: Taxonomy, other: str) -> bool:
    return other == taxonomy.taxonomy or other in taxonomy.from_


def _check_prompts(parameters: ClassifyParameters, columns: Sequence[str]) -> list[str]:
    """Fields that prompts lack."""
    dynamic = parameters.dynamic
    texts = {"prompt": parameters.prompt} | ({"dynamic.prompt": dynamic.prompt} if dynamic else {})
    faults = []
    for key, text in texts.items():
        fields = prompts.list_fields(text)
        if "question" not in fields:
            faults.append(f"{key}: has no {{question}}; put it in")
        if not fields & ({"steps", "solution"} if dynamic else {"steps"}):
            faults.append(f"{key}: has no {{steps}}; put it in")
        if "types" not in fields and not dynamic:
            faults.append(f"{key}: has no {{types}}; put it in")
        if parameters.reference and "reference" not in fields:
            faults.append(f"{key if dynamic else 'reference'}: the prompt has no {{reference}}; put it where the right solution belongs")  # fmt: skip
    if parameters.reference and "reference" not in columns:
        faults.append("reference: the table has no column 'reference'; classify without")
    return faults


def _check_dynamic(parameters: ClassifyParameters, dynamic: Dynamic, columns: Sequence[str]) -> list[str]:
    if dynamic.by == "classifier":
        return []
    faults = []
    if not dynamic.decider:
        faults.append("dynamic.decider: keywords are taken and sorted by a model; name it")
    if dynamic.causes not in columns:
        faults.append(
            f"dynamic.causes: the table has no column '{dynamic.causes[:60]}'; put a task that tells causes before "
            "(`classify` by models: error_cause; `judge`: judge_reasons)"
        )
    if not parameters.models:
        faults.append("models: nobody can label rows with categories made of keywords; name models")
    return faults
