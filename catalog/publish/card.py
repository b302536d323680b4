"""The card of a release: README.md with the YAML that `datasets` reads, for people below it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from catalog.publish.card_labels import NO_NOISE, escape_cell, render_labels
from catalog.publish.card_types import render_types
from catalog.publish.licences import describe_licence
from schemas.contract import Column, Contract
from schemas.frames import to_markdown
from schemas.recipe.models import Skill, World
from schemas.recipe.recipe import Recipe

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))


FEATURES = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
OUTCOMES = {True: "passed", False: "**warning**", None: "not measured"}
"""What a card says of a gate by whether it passed."""
MEASURED = (
    "The labels were made by programs and models; what was measured of them stands in the table of first wrong steps above. "
    "Rows that could not be judged are left out and counted. The mistakes are those of the models named here."
)
UNMEASURED = (
    "The labels were made by programs and models, as the table above says; nobody has measured them for this release. "
    "Rows that could not be judged are left out and counted above. The mistakes are those of the models named here."
)


def choose_size_category(rows: int) -> str:
    """The hub's name for a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "10M<n<100M")


def render_card(
    recipe: Recipe,
    views: Mapping[str, Contract],
    files: Sequence[Mapping[str, Any]],
    funnel: Sequence[Mapping[str, Any]],
    labels: Sequence[Mapping[str, Any]] = (),
    types: Sequence[Mapping[str, Any]] = (),
    filled: Mapping[str, Mapping[str, int]] | None = None,
    gates: Sequence[Mapping[str, Any]] = (),
) -> str:
    """README.md of a release; `filled` counts, by view and column, the rows in which the column says something."""
    rows = [file for file in files if file.get("split")]
    head = {
        "pretty_name": recipe.title,
        **describe_licence(recipe.license),
        **({"language": list(recipe.languages)} if recipe.languages else {}),
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "tags": ["reasoning-mistakes", "errata"],
        "size_categories": [choose_size_category(sum(int(file["rows"]) for file in rows))],
        "configs": [_config(view, rows, first=i == 0) for i, view in enumerate(views)],
        "dataset_info": [_info(view, contract, rows) for view, contract in views.items()],
    }
    text = [
        "---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", "",
        f"# {recipe.title}", "", f"`{recipe.corpus}` {recipe.version}", "", recipe.description.strip(), "",
        "## Rows", "", *render_rows(rows), "",
        "## Load it", "", *render_usage(rows), "",
        "## Where the rows come from", "", *render_funnel(funnel), "",
        *(["## How far to trust the first wrong steps", "", *render_labels(labels, list_before(recipe, next(iter(views)))), ""] if labels else []),
        *(["## What kinds of mistakes", "", *render_types(types, _count_first(rows)), ""] if types else []),
        *(["## What it had to satisfy", "", *render_gates(gates), ""] if gates else []),
    ]  # fmt: skip
    if teachers := [(name, model.skill) for name, model in recipe.models.items() if isinstance(model, World)]:
        text += ["## What is no language model's", "", *render_teachers(teachers), ""]
    text += [
        "## How good the labels are, and their limits",
        "",
        recipe.quality.strip() or (MEASURED if labels else UNMEASURED),
        "",
        *([] if labels else [f"{NO_NOISE}\n"]),
        "## Sources and licences", "", *render_sources(recipe), "",
    ]  # fmt: skip
    for view, contract in views.items():
        text += [f"## Columns of `{view}`", "", contract.meaning, "", *_columns(view, contract, rows, filled), ""]
    return "\n".join(text).rstrip() + "\n"


def render_rows(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of each view, a column a split."""
    counts = _rows(files)
    views, splits = dict.fromkeys(view for view, _ in counts), dict.fromkeys(split for _, split in counts)
    cells = {
        view: [f"{counts[view, split]:,}" if (view, split) in counts else "" for split in splits] for view in views
    }
    return [
        f"| view | {' | '.join(splits)} |", f"|---|{'---:|' * len(splits)}",
        *(f"| {view} | {' | '.join(row)} |" for view, row in cells.items()),
    ]  # fmt: skip


def list_before(recipe: Recipe, name: str) -> set[str]:
    """The tables that a table's rows come from, itself among them."""
    inputs = {table.name: table.inputs for table in recipe.tables}
    result, waiting = set(), [name]
    while waiting:
        if (table := waiting.pop()) not in result:
            result.add(table)
            waiting += inputs.get(table, ())
    return result


def render_sources(recipe: Recipe) -> list[str]:
    """Each source with its licence, and that of the rows; that none is named is said."""
    lines = [f"The rows of this release: {recipe.license}.", ""]
    if not recipe.sources:
        return [*lines, "What they were made from: not stated by the recipe, and neither are its licences."]
    rows = [(entry.name, entry.license, entry.url or "–") for entry in recipe.sources]
    return [
        *lines, "| made from | licence | where |", "|---|---|---|",
        *(f"| {' | '.join(map(escape_cell, row))} |" for row in rows),
    ]  # fmt: skip


def render_usage(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """How a training job reads the first view, by a data set's folder or its name on the Hub."""
    view, split = files[0]["view"], files[0]["split"]
    return [
        "```python",
        "from datasets import load_dataset  # 2.14 or later",
        "from torch.utils.data import DataLoader",
        "",
        f'rows = load_dataset("NAME_OR_FOLDER", "{view}", split="{split}")',
        "for batch in DataLoader(rows, batch_size=8, shuffle=True, collate_fn=list):",
        "    ...  # a list of rows: how many steps they have differs, so collate after tokenizing",
        "```",
    ]


def render_teachers(teachers: Sequence[tuple[str, Skill]]) -> list[str]:
    """What is said of teachers of known truth: rows name them as models, and nobody is to take them for such."""
    lines = []
    for name, skill in teachers:
        rates = ", ".join(f"{key} {value:.0%}" for key, value in skill.model_dump().items() if value)
        lines.append(
            f"`{name}` is a program that knows the truth of its problems, and no language model: what it judged and wrote measures "
            f"methods, and is nothing to train on. Its errors are declared: {rates or 'none'}."
        )
    return lines


def _columns(
    view: str, contract: Contract, files: Sequence[Mapping[str, Any]], filled: Mapping[str, Mapping[str, int]] | None
) -> list[str]:
    """The columns of a view; where it was counted, with the share of rows that each says something in."""
    if filled is None:
        return [to_markdown(contract)]
    total = sum(n for (of, _), n in _rows(files).items() if of == view)
    counts = {name: filled[view].get(name, 0) for name in contract.names()}
    lines = [to_markdown(contract, {name: format_percent(n, total) for name, n in counts.items()})]
    if empty := [f"`{name}`" for name, n in counts.items() if n == 0 and total]:
        lines += ["", f"**Not filled** in any row of this release: {', '.join(empty)}."]
    return lines


def format_percent(n: int, total: int) -> str:
    """A share in percent that is 0 only for none and 100 only for all."""
    if 0 < n < total:
        return "<1 %" if 100 * n < total else f"{min(99, round(100 * n / total))} %"
    return "100 %" if n else "0 %"


def _count_first(files: Sequence[Mapping[str, Any]]) -> int:
    """Rows of the first view."""
    return sum(int(file["rows"]) for file in files if file["view"] == files[0]["view"])


def _rows(files: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Rows by view and split."""
    counts: dict[tuple[str, str], int] = {}
    for file in files:
        key = (str(file["view"]), str(file["split"]))
        counts[key] = counts.get(key, 0) + int(file["rows"])
    return counts


def _config(view: str, files: Sequence[Mapping[str, Any]], first: bool) -> dict[str, Any]:
    splits = {split: f"{view}/{split}-*.parquet" for seen, split in _rows(files) if seen == view}
    data = [{"split": split, "path": path} for split, path in splits.items()]
    return {"config_name": view, **({"default": True} if first else {}), "data_files": data}


def _info(view: str, contract: Contract, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The features and sizes of a view, as `datasets` writes them."""
    own = [file for file in files if file["view"] == view]
    splits: list[dict[str, Any]] = [
        {
            "name": split,
            "num_examples": sum(int(file["rows"]) for file in own if file["split"] == split),
            "num_bytes": sum(int(file["bytes"]) for file in own if file["split"] == split),
        }
        for split in dict.fromkeys(str(file["split"]) for file in own)
    ]
    size = sum(entry["num_bytes"] for entry in splits)
    features = [{"name": column.name, **_feature(column)} for column in contract.columns]
    return {"config_name": view, "features": features, "splits": splits, "download_size": size, "dataset_size": size}


def _feature(column: Column) -> dict[str, Any]:
    """A column's type in the words that `datasets` has read since 2.14: `sequence` is its list of plain values."""
    if column.kind in ("record", "records"):
        fields = [{"name": field.name, **_feature(field)} for field in column.fields]
        return {"list": fields} if column.kind == "records" else {"struct": fields}
    plain = FEATURES[column.kind.removesuffix("s")]
    return {"sequence": plain} if column.kind.endswith("s") else {"dtype": plain}


def render_funnel(funnel: Sequence[Mapping[str, Any]]) -> list[str]:
    """The funnel as Markdown: rows in, kept and rejected of each table, with the reasons."""
    lines = ["| table | task | in | kept | rejected | why rejected |", "|---|---|---:|---:|---:|---|"]
    for step in funnel:
        why = ", ".join(
            f"{reason.replace('|', '/').replace('<', '‹')} {n:,}"
            for reason, n in sorted(step["reasons"].items(), key=lambda x: (-x[1], x[0]))
        )
        counts = f"{step['rows_in']:,} | {step['kept']:,} | {step['rejected']:,}"
        lines.append(f"| {step['table']} | {step['task']} | {counts} | {why} |")
    return lines


def render_gates(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """The gates as Markdown: those of the recipe, those that were missed, and how many follow from contracts."""
    lines = ["| table | gate | wanted | found | |", "|---|---|---|---|---|"]
    own = [gate for gate in gates if gate["declared"] != "contract" or gate["passed"] is not True]
    for gate in own:
        about = f"{gate['expectation']} {gate['column']}" if gate["column"] else gate["expectation"]
        observed = (
            f"could not be checked: {gate['fault']}"
            if gate["fault"]
            else "–"
            if gate["passed"] is None
            else gate["observed"]
        )
        rows = ", ".join(f"{row['row']}: {row['value']}" for row in gate["examples"])
        cells = [gate["view"], about, gate["wanted"], f"{observed} ({rows})" if rows else observed]
        lines.append(f"| {' | '.join(map(_quote, cells))} | {OUTCOMES[gate['passed']]} |")
    met = [gate for gate in gates if gate not in own]
    sentence = f"{len(met)} expectations that follow from the columns' contracts were met by every row."
    return [*(lines if own else []), *(["", sentence] if own and met else [sentence] if met else [])]


def _quote(value: object) -> str:
    """A value that is text and nothing else where Markdown or HTML is read: a model may have written it."""
    line = html.escape(" ".join(str(value).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~:])", r"\\\1", line)
