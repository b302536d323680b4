"""`errata tasks`, `errata views`, `errata formats` and `errata schema`: what a recipe can say, for people, scripts and editors."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.errors import ErrataError

from flows.cli.arguments import add_json

if TYPE_CHECKING:
    from schemas.contract import Contract
    from schemas.task import Task

DEFAULT = 24
"""Characters of a default that a table shows."""
_KINDS = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false", "array": "list", "object": "mapping"}  # fmt: skip


def run_tasks(options: Namespace) -> int:
    """`errata tasks`."""
    from tasks import TASKS

    if options.name is None:
        return _print_list(options.json, [{"name": task.name, "what it does": task.summary} for task in TASKS.values()])
    task = TASKS.get(options.name)
    if task is None:
        raise _explain_unknown("task", options.name, TASKS)
    return _print_task(task, options.json)


def _explain_unknown(kind: str, name: str, known: Sequence[str] | Mapping[str, Any]) -> ErrataError:
    from schemas.recipe.wording import advise

    return ErrataError(f"unknown {kind} '{name}'; {advise(name, known)}")


def _print_list(as_json: bool, rows: Sequence[Mapping[str, Any]]) -> int:
    """Things and what they are, as a table or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return DONE
    _print_pairs([tuple(map(str, row.values())) for row in rows], tuple(rows[0]))
    return DONE


def _print_pairs(pairs: Sequence[tuple[str, ...]], head: Sequence[str] = ()) -> None:
    """Columns of text of which the last is wrapped to the terminal."""
    from errata.cli.columns import wrap_text

    width = max(60, shutil.get_terminal_size().columns)
    before = [max(len(row[i]) for row in [*pairs, *([head] if head else [])]) for i in range(len(pairs[0]) - 1)]
    room = max(24, width - sum(before) - 2 * len(before))
    for row in [*([head] if head else []), *pairs]:
        lines = [line for part in row[-1].split("\n") for line in wrap_text(part, room, hang=0)] or [""]
        start = "".join(f"{cell:<{size}}  " for cell, size in zip(row, before))
        for i, line in enumerate(lines):
            print(f"{start if i == 0 else ' ' * len(start)}{line}".rstrip())


def _print_task(task: Task[Any], as_json: bool) -> int:
    """A task: what it does, what it needs, its parameters."""
    from schemas.recipe.json_schema import take_schema

    definitions: dict[str, Any] = {}
    schema = take_schema(task.parameters, definitions)
    rules = {name: field.get_default() for name, field in task.parameters.model_fields.items()}
    defaults = {name: {"default": rule.value} for name, rule in rules.items() if getattr(rule, "value", None)}
    parameters = [
        {
            "parameter": name,
            "type": describe_type(value),
            "default": "needed" if name in schema.get("required", ()) else _format_default(defaults.get(name, value)),
            "meaning": value.get("description", ""),
        }
        for name, value in schema.get("properties", {}).items()
    ]
    if as_json:
        shown = {
            "task": task.name,
            "summary": task.summary,
            "needs": task.needs,
            "inputs": [entry.name for entry in task.inputs],
        }
        print(json.dumps({**shown, "asks_models": task.asks_models, "parameters": parameters}, indent=1, ensure_ascii=False))  # fmt: skip
        return DONE
    print(f"{task.name}: {task.summary}\n")
    models = "asked" if task.asks_models else "not asked"
    _print_pairs([("from", _describe_inputs(task)), ("models", models)])
    print()
    rows = [
        (str(p["parameter"]), text.shorten(p["default"], DEFAULT), f"{p['meaning']} ({p['type']})") for p in parameters
    ]
    _print_pairs(rows, ("parameter", "default", "meaning"))
    return DONE


def _describe_inputs(task: Task[Any]) -> str:
    if task.inputs:
        named = "; ".join(f"`{entry.name}` with {', '.join(entry.needs) or 'any columns'}" for entry in task.inputs)
        return f"a table with {', '.join(task.needs)}, or by name: {named}"
    if task.takes:
        return f"no table, or one with {', '.join(task.takes)}"
    return f"a table with {', '.join(task.needs)}" if task.needs else "no table"


def describe_type(schema: Mapping[str, Any]) -> str:
    """A parameter's type in the words of a recipe, from its JSON Schema."""
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    if reference := schema.get("$ref"):
        return "field" if reference.endswith("/FieldRule") else "mapping"
    if branches := schema.get("anyOf"):
        kinds = list(dict.fromkeys(describe_type(branch) for branch in branches if branch.get("type") != "null"))
        kinds = [kind for kind in kinds if not (kind == "text" and "field" in kinds)]  # a text is a field's path
        return " or ".join(kinds)
    return _KINDS.get(str(schema.get("type")), "any value")


def _format_default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, [], {}, "") else json.dumps(default, ensure_ascii=False)


def run_views(options: Namespace) -> int:
    """`errata views`."""
    from catalog.declarations import VIEWS, find_declarations
    from tasks.views.mistakes import CODED
    from tasks.views.task import ViewParameters, make_contract

    finders = find_declarations(Path())
    known = {
        name: ViewParameters.model_validate({"format": name}, context=finders)
        for name in sorted({*VIEWS.shipped, *CODED})
    }
    if options.name is None:
        rows = [{"name": name, "a row": each.layout.meaning} for name, each in known.items()]
        return _print_list(options.json, rows)
    if options.name not in known:
        raise _explain_unknown("view", options.name, known)
    parameters = known[options.name]
    layout = parameters.layout
    contract = make_contract(parameters, _list_all_columns())
    columns = [{"column": column.name, "type": column.kind, "meaning": column.meaning} for column in contract.columns]
    if options.json:
        shown = {"view": options.name, "meaning": layout.meaning, "needs": layout.needs, "columns": columns}
        print(json.dumps(shown, indent=1, ensure_ascii=False))
        return DONE
    print(f"{options.name}: {layout.meaning}\n")
    recipe = f"{{task: view, from: TABLE, format: {options.name}}}"
    _print_pairs([("needs", ", ".join(layout.needs)), ("in a recipe", recipe)])
    print()
    _print_pairs([(c["column"], c["type"], c["meaning"]) for c in columns], ("column", "type", "meaning"))
    return DONE


def _list_all_columns() -> Contract:
    """A table that has whatever a view may be made from."""
    from schemas.columns import labels, pairs
    from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS

    return SOLUTIONS.having(
        *STEP_COLUMNS, *VERDICT_COLUMNS, *labels.JUDGE_COLUMNS, *labels.ESTIMATE_COLUMNS, *labels.AGREE_COLUMNS, *labels.CLASSIFY_COLUMNS,
        *pairs.CONTRAST_COLUMNS, *pairs.COMMONEST_COLUMNS,
    )  # fmt: skip


def run_formats(options: Namespace) -> int:
    """`errata formats`."""
    from catalog.declarations import FORMATS

    known = FORMATS.shipped
    if options.name is None:
        rows = [
            {"name": name, "files": ", ".join(each.files), "what they are": each.title} for name, each in known.items()
        ]
        return _print_list(options.json, rows)
    if options.name not in known:
        raise _explain_unknown("format", options.name, known)
    shown = known[options.name]
    if options.json:
        print(json.dumps(shown.model_dump(mode="json", exclude={"sample"}), indent=1, ensure_ascii=False))
        return DONE
    print(f"{shown.format}: {shown.title}\n")
    needs = ", ".join(f"{name}: {value}" for name, value in shown.needs.items())
    recipe = f"{{task: import, files: [FILE], format: {shown.format}{f', {needs}' if needs else ''}}}"
    about = [("files", ", ".join(shown.files)), ("source", shown.source), ("in a recipe", recipe)]
    _print_pairs([pair for pair in about if pair[1]])
    print()
    mapped = {**shown.read.model_dump(exclude_unset=True), **shown.fields}
    shown_fields = [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in mapped.items()
    ]
    _print_pairs(shown_fields, ("parameter", "where it is in a record"))
    return DONE


def run_schema(options: Namespace) -> int:
    """`errata schema`."""
    from schemas.recipe.json_schema import build_recipe_schema
    from tasks import TASKS

    print(json.dumps(build_recipe_schema(TASKS), indent=1, ensure_ascii=False))
    return DONE


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="one of them, in full")
    add_json(parser)


TASKS_VERB = Verb(
    "tasks",
    "List the tasks that tables can be made by, or show the parameters of one.",
    ("errata tasks", "errata tasks estimate", "errata tasks --json"),
    run_tasks,
    _add_name,
    has_store=False,
)
VIEWS_VERB = Verb(
    "views",
    "List the formats of views, or show the columns of one.",
    ("errata views", "errata views stepwise"),
    run_views,
    _add_name,
    has_store=False,
)
FORMATS_VERB = Verb(
    "formats",
    "List the formats of files that `load` and `import` know by name, or show the mapping of one.",
    ("errata formats", "errata formats lm-eval"),
    run_formats,
    _add_name,
    has_store=False,
)
SCHEMA_VERB = Verb(
    "schema",
    "Print the JSON Schema of recipes, by which editors complete and check them.",
    ("errata schema > recipe.schema.json",),
    run_schema,
    more="An editor with the YAML language server reads it where a recipe begins with "
    "`# yaml-language-server: $schema=recipe.schema.json`.",
    has_store=False,
)

VERBS = (FORMATS_VERB, SCHEMA_VERB, TASKS_VERB, VIEWS_VERB)
