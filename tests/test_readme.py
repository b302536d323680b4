"""The README is true: its generated parts are those of the code, its commands exist."""

import ast
import os
import re
from pathlib import Path

import pytest
import yaml
from errata.arguments import VERBS
from pydantic.fields import FieldInfo

from catalog import taxonomies
from schemas.expectations import EXPECTATIONS
from schemas.gates import MEASURES, Gate
from schemas.models import VLLM, Abacus, OpenAI, Recorded
from schemas.quality import CONSISTENCY_COLUMNS, LABEL_COLUMNS, QUALITY_COLUMNS
from schemas.recipe import _Head, read
from schemas.task import Task
from tasks import TASKS
from tasks.classification.parameters import Dynamic
from tasks.classify import CLASSIFY
from tasks.estimate import ESTIMATE, TreeParameters
from tasks.generate import Setting
from tasks.mapping import FieldRule

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = (
    "flows", "flows/gates", "flows/report", "tasks", "tasks/answers", "tasks/classification", "tasks/engines", "tasks/evaluation", "tasks/judging", "tasks/prompts", "tasks/similarity", "tasks/views", "tasks/world",
    "schemas", "catalog", "catalog/errata", "catalog/ledger", "catalog/taxonomies", "infra", "infra/abacus", "infra/trl", "infra/vllm",
)  # fmt: skip
MODELS = (Abacus, VLLM, OpenAI, Recorded)


def kind_of(field: FieldInfo) -> str:
    """A parameter's type in the words of a recipe."""
    text = str(field.annotation)
    if "Literal" in text:
        return " \\| ".join([*(["number"] if "int," in text else []), *re.findall(r"'([^']+)'", text)])
    for python, words in (
        ("Taxonomy", "taxonomy"), ("FieldRule", "field"), ("Setting", "list of settings"), ("TreeParameters", "mapping"), ("Dynamic", "mapping"), ("Price", "prompt, completion"), ("Abacus", "mapping of models"), ("list[dict[str, typing.Any]]", "list of gates"), ("Origin", "list of name, license, url"), ("dict[str, dict", "mapping of tables"), ("dict[str, list[str]]", "mapping of lists"), ("dict[str, float]", "mapping of numbers"),
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
        shown = "below" if isinstance(default, TreeParameters) else shown
        lines.append(f"| `{field.alias or name}` | {kind_of(field)} | {shown} | {field.description} |")
    return lines


def tasks() -> str:
    def section(task: Task) -> list[str]:  # type: ignore[type-arg]
        lines = [f"#### `{task.name}`", "", task.summary, "", *parameters(task.parameters.model_fields), ""]
        if task is ESTIMATE:
            lines += [f"Of `tree`: {TreeParameters.__doc__}", "", *parameters(TreeParameters.model_fields), ""]
        if task is CLASSIFY:
            lines += [f"Of `dynamic`: {Dynamic.__doc__}", "", *parameters(Dynamic.model_fields), ""]
        return lines

    return "\n".join(line for task in TASKS.values() for line in section(task)).rstrip()


def models() -> str:
    """The parameters of each engine's models, and of a sampling setting."""
    lines = []
    for model in MODELS:
        fields = {name: field for name, field in model.model_fields.items() if name != "engine"}
        name = model.model_fields["engine"].annotation.__args__[0]  # type: ignore[union-attr]
        lines += [f"#### `{name}`", "", str(model.__doc__), "", *parameters(fields), ""]
    return "\n".join([*lines, "#### A setting of `sampling`", "", *parameters(Setting.model_fields)])


def fields() -> str:
    return "\n".join(parameters(FieldRule.model_fields))


def head() -> str:
    return "\n".join(parameters(_Head.model_fields))


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
    tasks = (("quality", QUALITY_COLUMNS), ("consistency", CONSISTENCY_COLUMNS), ("label-errors", LABEL_COLUMNS))
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
        lines.append(f"{folder}/")
        for path in sorted((ROOT / folder).iterdir()):
            if path.suffix in (".py", ".yaml", ".env", ".sh") and path.name != "__init__.py":
                lines.append(f"    {path.name:<16} {summary(path)}")
    lines += ["tests/               laid out like the folders they test", "```"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("head", head),
        ("models", models),
        ("tasks", tasks),
        ("quality", quality),
        ("gates", gates),
        ("fields", fields),
        ("tree", tree),
    ],
)
def test_a_generated_part_is_that_of_the_code(name: str, made: object) -> None:
    assert callable(made)
    text = README.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    assert pattern.search(text), f"README.md has no part <!-- {name} -->"
    renewed = pattern.sub(lambda found: found[1] + made() + found[2], text)
    if os.environ.get("ERRATA_ACCEPT"):
        README.write_text(renewed, "utf-8")
    assert renewed == README.read_text("utf-8"), "run ERRATA_ACCEPT=1 make test TEST=tests/test_readme.py"


def test_every_parameter_is_described_in_a_sentence() -> None:
    for task in TASKS.values():
        assert task.summary.endswith(".")
        for name, field in task.parameters.model_fields.items():
            assert (field.description or "").endswith("."), f"{task.name}.{name}"


def test_every_verb_is_in_the_readme() -> None:
    text = README.read_text("utf-8")
    assert all(f"errata {verb}" in text for verb in VERBS)


def test_every_target_of_make_that_the_readme_names_exists() -> None:
    text = README.read_text("utf-8") + (ROOT / "infra" / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b(?! *[`a-z]*'s)", re.sub(r"\n", " ", text))) <= targets | {"and"}


def test_the_recipe_in_the_readme_is_sound() -> None:
    asking, *others, block = re.findall(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    whole = (
        f"corpus: c\nversion: 0.1.0\ntitle: T\nlicense: MIT\n{asking}  release: {{task: release, from: solutions}}\n"
    )
    assert set(read(whole, "README.md", TASKS).models) == {"small", "large"}
    verified = (
        "  steps: {task: split, from: solutions}\n  verified: {task: verify, from: steps}\n"
        "  wrong: {task: select, from: verified, where: \"verdict = 'wrong'\"}\n"
    )
    before, after = whole.split("  release: ")
    for part in [one for one in others if "task: agree" in one]:
        read(f"{before}{verified}{part}  release: {after.replace('solutions', 'agreed')}", "README.md", TASKS)
    agreed = next(one for one in others if "task: agree" in one)
    (typing,) = [one for one in others if "classify" in one]
    typed = f"{before}{verified}{agreed}{typing}  release: {after.replace('solutions', 'typed')}"
    tables = read(typed, "README.md", TASKS, lambda name: taxonomies.find(name, ROOT / "catalog")).tables
    assert "classify" in {table.task.name for table in tables}
    (injecting,) = [one for one in others if "task: inject" in one]
    injected = f"{before}{verified}{injecting.rstrip()}\n  release: {after.replace('solutions', 'injected')}"
    assert read(injected, "README.md", TASKS, lambda name: taxonomies.find(name, ROOT / "catalog")).tables[-1]
    (cleaning,) = [one for one in others if "decontaminate" in one]
    sample = (ROOT / "catalog/sample.yaml").read_text().replace("from: mistakes", "from: unique")
    cleaned = read(sample.replace("  mistakes:", f"{cleaning}  unique:"), "README.md", TASKS)
    assert {"decontaminate", "consistency", "quality"} < {table.task.name for table in cleaned.tables}
    shown, shipped = (
        read(block, "README.md", TASKS),
        read((ROOT / "catalog/sample.yaml").read_text(), "sample.yaml", TASKS),
    )
    assert yaml.safe_load(block)["corpus"] == "sample"
    assert [(table.name, table.inputs) for table in shown.tables] == [
        (table.name, table.inputs) for table in shipped.tables
    ]
