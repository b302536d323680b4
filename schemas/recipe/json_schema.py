"""The JSON Schema of recipes, made from their records: what editors complete and check while one is written.

It knows names, types and bounds; what tables have to do with each other is for
`errata plan` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.recipe.expectations import EXPECTATIONS
from schemas.recipe.gates import MEASURES
from schemas.recipe.models import MODELS
from schemas.recipe.recipe import FAILURES, NAME, Head
from schemas.task import FromRecords, Parameters, Task

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "A recipe of Errata"
Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """As pydantic's, but that a default which JSON cannot hold is left out in silence."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012  # as the class has it

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a value that may be left out; records as defaults say nothing that their fields do not."""
        if isinstance(schema.get("default"), BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def build_recipe_schema(tasks: Mapping[str, Task[Any]]) -> Schema:
    """The JSON Schema of recipes.

    Args:
        tasks: The tasks that tables may name.

    Returns:
        The schema, whose definitions are those of the head, of each task's table and of each gate.

    """
    definitions: dict[str, Schema] = {}
    head = take_schema(Head, definitions)
    properties = head["properties"]
    definitions |= {f"table {name}": _build_table(task, definitions) for name, task in tasks.items()}
    properties["tables"] |= {
        "propertyNames": {"pattern": NAME},
        "additionalProperties": _choose("task", {name: f"table {name}" for name in tasks}, "The task that makes it."),
    }
    kinds = {
        "measure": MEASURES,
        "expect": {**EXPECTATIONS, **{name.removeprefix("expect_"): record for name, record in EXPECTATIONS.items()}},
    }
    engines = {str(model.model_fields["engine"].annotation.__args__[0]): model.__name__ for model in MODELS}  # type: ignore[union-attr]
    for engine in engines.values():  # an open model: `--model NAME.model=…` names it
        if "model" in (of := definitions[engine]["properties"]):
            of["model"]["type"] = [of["model"]["type"], "null"]
    properties["models"] |= {
        "propertyNames": {"pattern": NAME},
        "additionalProperties": _choose("engine", engines, "What answers for it."),
    }
    gates = []
    for key, records in kinds.items():
        for name, record in records.items():
            definitions[f"{key} {name}"] = _build_gate(key, name, record, definitions)
        gates.append(_choose(key, {name: f"{key} {name}" for name in records}, "What is held within bounds."))
    either = {"if": {"required": ["measure"]}, "then": gates[0], "else": gates[1]}
    properties["gates"] = {
        "type": ["array", "null"],
        "items": {"type": "object", **either},
        "description": properties["gates"]["description"],
    }
    return {"$schema": DIALECT, "title": TITLE, **head, "$defs": dict(sorted(definitions.items()))}


def take_schema(record: type[BaseModel], definitions: dict[str, Schema]) -> Schema:
    """The schema of a record, whose own definitions join the others."""
    schema = record.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions |= schema.pop("$defs", {})
    schema.pop("title", None)
    schema.pop("description", None)
    says = {field.alias or name: field.description for name, field in record.model_fields.items()}
    for name, value in schema.get("properties", {}).items():
        value.pop("title", None)
        if says.get(name):  # pydantic leaves it out beside a reference
            value["description"] = says[name]
    return schema


def _choose(key: str, names: Mapping[str, str], description: str) -> Schema:
    """A mapping whose value at a key says which definition the whole of it keeps."""
    branches = [
        {
            "if": {"properties": {key: {"const": name}}, "required": [key]},
            "then": {"$ref": f"#/$defs/{_escape(definition)}"},
        }
        for name, definition in names.items()
    ]
    choice = {"enum": list(names), "description": description}
    return {"type": "object", "required": [key], "properties": {key: choice}, "allOf": branches}


def _escape(name: str) -> str:
    return name.replace(" ", "%20")


def _build_table(task: Task[Any], definitions: dict[str, Schema]) -> Schema:
    """A table that a task makes: its parameters, and what every table has."""
    schema = take_schema(task.parameters, definitions)
    own: Schema = {"task": {"const": task.name, "description": task.summary}}
    if task.needs or task.takes:
        named = {entry.name: {"type": "string"} for entry in task.inputs}
        forms: list[Schema] = [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
        forms += [{"type": "object", "properties": named, "additionalProperties": False}] if named else []
        own["from"] = {"anyOf": forms, "description": "The tables that it is made from."}
    if task.asks_models:
        own["failures"] = {
            "type": "number", "minimum": 0, "maximum": 1, "default": FAILURES,
            "description": "The share of its requests that may fail for good; their rows are rejected.",
        }  # fmt: skip
    needed = list(schema.pop("required", []))
    required = ["task", *(["from"] if task.needs else [])]
    table = {**schema, "description": task.summary, "properties": {**own, **schema.get("properties", {})}}
    if not isinstance(task, FromRecords):
        return {**table, "required": [*required, *needed]}
    # a format maps what the table does not
    without = [name for name in needed if name != "files"]
    return {**table, "required": [*required, "files"], "anyOf": [{"required": ["format"]}, {"required": without}]}


def _build_gate(key: str, name: str, record: type[Parameters], definitions: dict[str, Schema]) -> Schema:
    schema = take_schema(record, definitions)
    says = " ".join(str(record.__doc__).split())
    own = {key: {"const": name, "description": says}}
    return {**schema, "properties": {**own, **schema["properties"]}, "required": [key, *schema.get("required", [])]}
