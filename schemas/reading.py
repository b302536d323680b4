"""How the records of a file are read, where its name does not say it all: what a table of `load` or `import` declares."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from schemas.patterns import compile_pattern


def _list_text(value: object) -> object:
    return [value] if isinstance(value, str) else value


class CsvOptions(BaseModel):
    """How a file of comma-separated values is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="What is between two cells; a comma, of .tsv a tab, unless given."
    )
    quote: str = Field('"', min_length=1, max_length=1, description="What is round a cell that holds the delimiter.")
    header: bool | list[str] = Field(
        True, description="Whether the first line names the columns; a list names them where it does not."
    )
    decimal: Literal[".", ","] = Field(
        ".", description="The decimal mark of numbers: with a comma, a cell that is the number 72,5 is read as 72.5."
    )


class Companion(BaseModel):
    """A file that lies beside each file that is read and belongs to it, such as the settings of its run."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    pattern: str = Field(
        r"(.*)", max_length=500, description="A regular expression (RE2) on the file's own name, without folders."
    )
    file: str = Field(
        min_length=1,
        pattern=r"^[^/\\]+$",
        description="The companion's name in the same folder; {1} is the pattern's first group. The last by name of several "
        "where it has a *.",
    )

    @field_validator("pattern")
    @classmethod
    def _sound(cls, value: str) -> str:
        compile_pattern(value)
        return value


class FileReading(BaseModel):
    """What turns a file's bytes into records."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    rows: Annotated[list[str], BeforeValidator(_list_text, json_schema_input_type=str | list[str])] = Field(
        [], description="The dotted path to the list of records in a JSON document; of several the first that is there."
    )
    columns: str | None = Field(
        None, description="The path to the names of the columns, where each record is a list of values."
    )
    members: Annotated[list[str], BeforeValidator(_list_text, json_schema_input_type=str | list[str])] = Field(
        [], description="The files of an archive or a folder that hold records, as patterns such as `samples/*.json`."
    )
    header: str | None = Field(
        None,
        description="The JSON file of an archive that speaks of all its records; `@header` in the path of a field.",
    )
    companion: Companion | None = Field(
        None,
        description="A JSON file beside each file that speaks of its records; `@companion` in the path of a field.",
    )
    csv: CsvOptions = Field(CsvOptions(), description="How a file of comma-separated values is written.")
    encoding: str = Field("utf-8", description="The encoding of texts, such as latin-1 or utf-16.")
    record_limit: int = Field(
        64 * 2**20, ge=1, le=2**30, description="Bytes of a record, and of a cell; a longer one is rejected."
    )


def select_reading(parameters: Any) -> FileReading:
    """The reading of a task's parameters, among which its own are."""
    return FileReading(**{name: getattr(parameters, name) for name in FileReading.model_fields})
