"""What a recipe declares: the corpus, its models, and the tables that lead to its release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.contract import Contract
from schemas.recipe.changes import with_version
from schemas.recipe.document import Document, Fault, Path
from schemas.recipe.gates import Declared
from schemas.recipe.models import Model
from schemas.task import Parameters, Task

NAME = r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"
LANGUAGE = r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$"
VERSION = r"^(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})$"
FAILURES = 0.05
"""The share of a table's requests that may fail for good, unless its recipe says otherwise."""
NO_ROWS = Contract("nothing", "", (), "")
"""The contract of the input of a task that has none."""


class Origin(BaseModel):
    """Where rows of the corpus come from: named in its card."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: str = Field(description="The source's name.")
    license: str = Field(description="Its licence: an SPDX name or a sentence.")
    url: str | None = Field(None, description="Where it is published.")


class Head(BaseModel):
    """The part of a recipe that is about the corpus and not about its tables."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    corpus: str = Field(pattern=NAME, description="The corpus' name: lower-case letters, digits, - and _.")
    version: str = Field(pattern=VERSION, description="MAJOR.MINOR.PATCH of the release this recipe makes.")
    title: str = Field(description="A line for people.")
    description: str = Field("", description="A paragraph for people; Markdown.")
    license: str = Field(description="The licence of the release: an SPDX name.")
    languages: list[Annotated[str, Field(pattern=LANGUAGE)]] = Field(
        ["en"],
        description="The languages of its texts, for the card: codes of BCP 47, as `en` and `pt-BR`; `[]` where they are not known.",
    )
    sources: list[Origin] = Field([], description="What the rows come from.")
    quality: str = Field("", description="What was measured of the labels, and their limits, for the card; Markdown.")
    seed: int = Field(0, ge=0, description="From it and a row's id comes everything random.")
    models: dict[str, Model] = Field({}, description="The models that tables may ask, by name.")
    tables: dict[str, dict[str, Any]] = Field(min_length=1, description="The tables, by name.")
    further: dict[str, dict[str, dict[str, Any]]] = Field(
        {},
        alias="with",
        description="Tables, and keys of tables, that are there where a model is named whose `model` is empty here, by its name.",
    )
    gates: list[dict[str, Any]] | None = Field(
        None,
        description="What a release must satisfy: measures and expectations; with `[]` the contracts alone, without it nothing is asked.",
    )


@dataclass(frozen=True)
class Table:
    """A table as a recipe declares it: the task that makes it, its parameters, and the tables it is made from."""

    name: str
    """Its name in the recipe."""
    task: Task[Any]
    """The task that makes it."""
    inputs: tuple[str, ...]
    """The tables it is made from."""
    parameters: Parameters
    """The task's parameters."""
    contract: Contract
    """What its rows are."""
    input_contract: Contract = NO_ROWS
    """What the rows of its inputs are, joined where they are named."""
    input_names: tuple[str, ...] = ()
    """The names by which the task knows its inputs; empty where they are one after the other."""
    failures: float = FAILURES
    """The share of its requests that may fail for good; their rows are rejected."""


@dataclass(frozen=True)
class Recipe:
    """A corpus and the tables that lead to it, inputs before what is made of them; the release is last."""

    document: Document = field(repr=False, compare=False)
    """Its text, and where in it each value stands."""
    corpus: str
    version: str
    title: str
    description: str
    license: str
    sources: tuple[Origin, ...]
    seed: int
    models: Mapping[str, Model]
    tables: tuple[Table, ...]
    quality: str = ""
    gates: tuple[Declared, ...] | None = None
    """What a release must satisfy beside its contracts; None where the recipe asks for nothing."""
    languages: tuple[str, ...] = ("en",)
    """Of its texts, as codes of BCP 47; empty where they are not known."""

    @property
    def file(self) -> str:
        """Its file, as the user named it."""
        return self.document.file

    @property
    def text(self) -> str:
        """Its text, which a release keeps."""
        return self.document.text

    def fault(self, path: Path, message: str) -> Fault:
        """A fault at a path of the recipe, such as `("tables", "judged")`, or at the nearest key above it."""
        return self.document.fault(path, message)

    def with_version(self, version: str) -> Recipe:
        """The same recipe under another version."""
        return replace(self, version=version, document=Document(with_version(self.document, version), self.file))
