"""Formats: files of a known kind, as a declared mapping of their fields that a recipe names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.reading import FileReading
from schemas.recipe.declaration import parse_declaration

JOIN = "join"
"""What means nothing without the files that a table names."""
PARTS = ("labels", JOIN, "reject")
"""Parameters of which a table may say a part, and the format the rest."""
NAME = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"


class Sample(BaseModel):
    """A made-up example of a format: files as they are written, and the rows that they become."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    files: dict[str, Any] = Field(
        min_length=1,
        description="By name what a file holds: a list of records, a JSON document, or of an archive its members. The first is "
        "read, the others lie beside it.",
    )
    given: dict[str, Any] = Field({}, description="Parameters that a table has beside the format's.")
    rows: list[dict[str, Any]] = Field(min_length=1, description="Columns of the rows that are kept, in their order.")
    rejected: list[str] = Field([], description="The reasons of the rows that are rejected, in their order.")


class FileFormat(BaseModel):
    """A kind of file: what it is, how its records are read, and which of their fields is what."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    format: str = Field(pattern=NAME, description="Its name: lower-case letters, digits and -.")
    title: str = Field(min_length=1, description="A line for people.")
    source: str = Field("", description="Who defines it, with where to read of it.")
    files: list[str] = Field(min_length=1, description="What its files are called, as patterns; for guesses.")
    known_by: list[str] = Field(
        min_length=1, description="Paths that a record of it has, and few other records do; for guesses."
    )
    read: FileReading = Field(FileReading(), description="How its records are read: parameters of a table, as `rows`.")
    fields: dict[str, Any] = Field(description="The mapping: parameters of `import`, as `question`, `text`, `labels`.")
    judged_by: Literal["asserts", "value", "stdout"] | None = Field(
        None, description="Where its solutions are programs: what the task `run` judges them by."
    )
    needs: dict[str, str] = Field(
        {}, description="What its files do not say, so that a table must: the parameter, and an example."
    )
    sample: Sample = Field(description="A made-up example.")

    def complete(self, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a table: those that it gives, else the format's own, as far as its task knows them."""
        own = {**self.read.model_dump(exclude_unset=True), **self.fields}
        parts = {
            name: {**own[name], **given[name]} for name in PARTS if name in own and isinstance(given.get(name), dict)
        }
        fitting = {name: value for name, value in own.items() if name in known and (name != JOIN or JOIN in given)}
        return {**fitting, **given, **parts}


Find = Callable[[str], FileFormat]
"""Finds a format by what a recipe calls it; raises ValueError where there is none."""


def parse_format(text: str, file: str) -> FileFormat:
    """Read a format from its YAML; `RecipeError` with a line for each fault."""
    return parse_declaration(FileFormat, "format", text, file)
