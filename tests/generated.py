"""The parts of the pages that are made from the code."""

import ast
import json
import re
from pathlib import Path

from pydantic.fields import FieldInfo

from catalog.declarations import FORMATS, VIEWS
from schemas.columns.quality import CONSISTENCY_COLUMNS, CONTAMINATION_COLUMN, LABEL_COLUMNS, QUALITY_COLUMNS
from schemas.recipe.expectations import EXPECTATIONS
from schemas.recipe.gates import MEASURES, Gate
from schemas.recipe.models import MODELS, EngineArguments, Skill, Speculation
from schemas.recipe.recipe import Head
from schemas.recipe.settings import ModelSampling
from schemas.task import Task
from tasks import TASKS
from tasks.classify.parameters import Dynamic
from tasks.classify.task import CLASSIFY
from tasks.generate import Setting
from tasks.sources.field_mapping import FieldRule
from tasks.views.declared import is_cut, list_needs
from tasks.views.derived import DERIVED
from tests.glossary import glossary

ROOT = Path(__file__).parents[1]
SHOWN = (".py", ".yaml", ".env", ".sh", ".txt")
TOPS = ("flows", "tasks", "schemas", "catalog", "infra")
FOLDERS = sorted(
    {
        str(path.relative_to(ROOT))
        for top in TOPS
        for path in (ROOT / top).rglob("*")
        if path.is_dir() and path.suffix != ".egg-info" and any(child.suffix in SHOWN for child in path.iterdir())
    }
    | set(TOPS),
    key=lambda folder: (TOPS.index(folder.split("/")[0]), folder),
)


def kind_of(field: FieldInfo) -> str:
    """A parameter's type in the words of a recipe."""
    text = str(field.annotation)
    if "Literal" in text:
        return " \\| ".join([*(["number"] if "int," in text else []), *re.findall(r"'([^']+)'", text)])
    for python, words in (
        ("Taxonomy", "taxonomy"), ("LabelRules", "mapping"), ("FileJoin", "mapping"), ("Companion", "mapping"), ("CsvOptions", "mapping"), ("list[str] | tasks.sources.field_mapping.FieldRule", "list, or field"), ("GoldRules", "mapping"), ("FieldRule", "field"), ("Setting", "list of settings"), ("JudgeParameters", "mapping, as `judge` takes them"), ("Dynamic", "mapping"), ("ModelSampling", "mapping"), ("EngineArguments", "mapping"), ("Speculation", "mapping"), ("Price", "prompt, completion"), ("Skill", "mapping"), ("take.Want", "rows, per, of"), ("Abacus", "mapping of models"), ("list[dict[str, typing.Any]]", "list of gates"), ("Origin", "list of name, license, url"), ("dict[str, dict", "mapping of tables"), ("dict[str, list[str]]", "mapping of lists"), ("dict[str, dict[str, str]]", "mapping of mappings"), ("list[str], pydantic", "list"), ("dict[str, float]", "mapping of numbers"),
        ("dict", "mapping"), ("list", "list"), ("bool", "true or false"), ("int", "number"), ("float", "number"), ("str", "text"),
    ):  # fmt: skip
        if python in text:
            return words
    raise AssertionError(text)


def parameters(fields: dict[str, FieldInfo]) -> list[str]:
    """A table of parameters."""
    lines = ["| parameter | type | default | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        default = field.get_default()
        shown = "needed" if field.is_required() else "" if default in (None, [], {}, "") else f"`{default}`"
        shown = f"`{default.value}`" if isinstance(default, FieldRule) else shown
        shown = "below" if isinstance(default, ModelSampling | EngineArguments | Skill) else shown
        lines.append(f"| `{field.alias or name}` | {kind_of(field)} | {shown} | {field.description} |")
    return lines


def tasks() -> str:
    def section(task: Task) -> list[str]:  # type: ignore[type-arg]
        lines = [f"## `{task.name}`", "", task.summary, ""]
        lines += [*parameters(task.parameters.model_fields), ""] if task.parameters.model_fields else []
        if task is CLASSIFY:
            lines += [f"Of `dynamic`: {Dynamic.__doc__}", "", *parameters(Dynamic.model_fields), ""]
        return lines

    return "\n".join(line for task in TASKS.values() for line in section(task)).rstrip()


def models() -> str:
    """The parameters of each engine's models, and of a sampling setting."""
    lines = []
    for model in MODELS:
        own = [name for name in model.model_fields if name in model.__annotations__ and name != "engine"]
        names = [*own, *(name for name in model.model_fields if name not in model.__annotations__)]
        fields = {name: model.model_fields[name] for name in names}
        name = model.model_fields["engine"].annotation.__args__[0]  # type: ignore[union-attr]
        lines += [f"## `{name}`", "", str(model.__doc__), "", *parameters(fields), ""]
    for title, record in (
        ("`sampling` of a model", ModelSampling), ("`engine_args` of a model of `vllm`", EngineArguments),
        ("`skill` of a model of `world`", Skill), ("`speculative_config` of `engine_args`", Speculation), ("A setting of `sampling` of `generate`", Setting),
    ):  # fmt: skip
        lines += [f"## {title}", "", *parameters(record.model_fields), ""]
    return "\n".join(lines).rstrip()


def fields() -> str:
    return "\n".join(parameters(FieldRule.model_fields))


def head() -> str:
    return "\n".join(parameters(Head.model_fields))


def gates() -> str:
    """The measures and expectations that a gate can be, with their parameters; those of all gates first."""
    common, bounds = set(Gate.model_fields), {"at_least", "at_most"}
    lines = ["| parameter of every gate | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {field.description} |" for name, field in Gate.model_fields.items()]
    lines += ["", "| measure | what is held between `at_least` and `at_most` | parameters |", "|---|---|---|"]
    for name, model in MEASURES.items():
        own = {key: field for key, field in model.model_fields.items() if key not in common | bounds}
        given = " ".join(f"`{key}`: {field.description}" for key, field in own.items())
        lines.append(f"| `{name}` | {' '.join(str(model.__doc__).split())} | {given} |")
    lines += ["", "| expectation (`expect_` may be left out) | arguments |", "|---|---|"]
    for name, arguments in EXPECTATIONS.items():
        own_ = [key for key in arguments.model_fields if key not in common | {"ignore_row_if"}]
        lines.append(f"| `{name}` | {', '.join(f'`{key}`' for key in own_)} |")
    return "\n".join(lines)


def quality() -> str:
    """The columns that tell of quality, by the task that adds them."""
    lines = ["| task | column | type | meaning |", "|---|---|---|---|"]
    tasks = (
        ("quality", QUALITY_COLUMNS),
        ("consistency", CONSISTENCY_COLUMNS),
        ("label-errors", LABEL_COLUMNS),
        ("decontaminate", (CONTAMINATION_COLUMN,)),
    )
    lines += [f"| `{task}` | `{c.name}` | {c.kind} | {c.meaning} |" for task, columns in tasks for c in columns]
    return "\n".join(lines)


def summary(path: Path) -> str:
    """What a file is: the first sentence of its docstring or comment."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        text = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    first = re.split(r"(?<=\.)\s|(?<=:)\s*$|  ", text.replace("\n", " "))[0]
    return first.rstrip(".: ")


def tree() -> str:
    lines = ["```"]
    for folder in FOLDERS:
        package = ROOT / folder / "__init__.py"
        lines.append(f"{folder + '/':<30} {summary(package)}" if package.exists() else f"{folder}/")
        for path in sorted((ROOT / folder).iterdir()):
            if path.suffix in SHOWN[:4] and path.name != "__init__.py":
                lines.append(f"    {path.name:<26} {summary(path)}")
    lines += ["tests/               laid out like the folders they test", "```"]
    return "\n".join(lines)


def derived() -> str:
    """The values that fields of views may be, beside columns."""
    lines = ["| value | of the columns | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {', '.join(f'`{column}`' for column in value.needs)} | {value.column.meaning} |"
        for name, value in DERIVED.items()
    ]
    return "\n".join(lines)


def views() -> str:
    """Every view that ships: whose it is, what it reads, and its sample row."""
    parts = []
    for name, view in VIEWS.shipped.items():
        needs = ", ".join(f"`{column}`" for column in list_needs(view, conversational=False))
        reader = f" Read by TRL's `{view.trl}`." if view.trl else ""
        forms = " It has a form of messages, too." if view.conversational else ""
        cut = (
            " Steps behind the first wrong one are cut, or kept and called wrong (`after: wrong`)."
            if is_cut(view)
            else ""
        )
        cut += f" It has a row for each of `{view.rows[0]}`." if view.rows else ""
        row = json.dumps(view.sample.row, ensure_ascii=False)
        parts += [f"### {name}", "", f"{view.paper}.{reader} Needs {needs}.{forms}{cut}", "", "```json", row, "```", ""]
    return "\n".join(parts).rstrip()


def formats() -> str:
    """Each format with a recipe of three lines."""
    lines: list[str] = []
    for name, declared in FORMATS.shipped.items():
        more = "".join(f", {key}: {example}" for key, example in declared.needs.items())
        files = f'"{declared.files[0]}"'
        lines += [
            f"**`{name}`** {declared.title} ({', '.join(_link_sources(declared.source))}).",
            "",
            "```yaml",
            "tables:",
            f"  solutions: {{task: import, format: {name}, files: {files}{more}}}",
            "  release: {task: release, from: solutions}",
            "```",
            "",
        ]
    return "\n".join(lines).rstrip()


def _link_sources(source: str) -> list[str]:
    return [f"<{part}>" if part.startswith("https://") else part for part in source.split("; ")]


PARTS = {
    "architecture.md": {"tree": tree},
    "duplicates.md": {"quality": quality},
    "formats.md": {"formats": formats},
    "glossary.md": {"nouns": glossary},
    "models.md": {"models": models},
    "recipes.md": {"head": head, "fields": fields},
    "releases.md": {"gates": gates},
    "tasks.md": {"tasks": tasks},
    "views.md": {"derived": derived, "views": views},
}
"""What is made, by page of `docs` and by the name between its marks."""
