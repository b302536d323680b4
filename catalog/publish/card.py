"""The card of a release: README.md with the YAML that `datasets` reads, for people below it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from schemas.contract import Column, Contract
from schemas.frames import to_markdown
from schemas.recipe.models import Skill, World
from schemas.recipe.recipe import Recipe

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))


FEATURES = {"string": "large_string", "integer": "int64", "number": "float64", "boolean": "bool"}
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
        "license": recipe.license.lower(),
        "language": ["en"],
        "annotations_creators": ["machine-generated"],
        "tags": ["reasoning-mistakes", "errata"],
        "size_categories": [choose_size_category(sum(int(file["rows"]) for file in rows))],
        "configs": [_config(view, rows, first=i == 0) for i, view in enumerate(views)],
        "dataset_info": [_info(view, contract, rows) for view, contract in views.items()],
    }
    text = [
        "---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", "",
        f"# {recipe.title}", "", f"`{recipe.corpus}` {recipe.version}", "", recipe.description.strip(), "",
        "## Rows", "", "| view | split | rows |", "|---|---|---:|",
        *(f"| {view} | {split} | {n:,} |" for (view, split), n in _rows(rows).items()), "",
        "## Where the rows come from", "", *render_funnel(funnel), "",
        *(["## How far to trust the first wrong steps", "", *render_labels(labels), ""] if labels else []),
        *(["## What kinds of mistakes", "", *render_types(types), ""] if types else []),
        *(["## What it had to satisfy", "", *render_gates(gates), ""] if gates else []),
    ]  # fmt: skip
    if teachers := [(name, model.skill) for name, model in recipe.models.items() if isinstance(model, World)]:
        text += ["## What is no language model's", "", *render_teachers(teachers), ""]
    for view, contract in views.items():
        text += [f"## Columns of `{view}`", "", contract.meaning, "", *_columns(view, contract, rows, filled), ""]
    text += [
        "## How good the labels are, and their limits",
        "",
        recipe.quality.strip() or (MEASURED if labels else UNMEASURED),
        "",
    ]
    if recipe.sources:
        text += ["## Sources", "", "| source | licence | where |", "|---|---|---|"]
        text += [f"| {entry.name} | {entry.license} | {entry.url or ''} |" for entry in recipe.sources]
    return "\n".join(text).rstrip() + "\n"


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
    """A column's type as `datasets` writes it."""
    if column.kind in ("record", "records"):
        fields = [{"name": field.name, **_feature(field)} for field in column.fields]
        return {"large_list": fields} if column.kind == "records" else {"struct": fields}
    plain = FEATURES[column.kind.removesuffix("s")]
    return {"large_list": plain} if column.kind.endswith("s") else {"dtype": plain}


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


def render_labels(labels: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tables of labels as Markdown: solutions, labels, precision with its interval, what was asked, kappas."""
    lines = [
        "Precision: of the labels that name a step, those that name the true one (95 %, Wilson); where no truth is known, -. "
        "Expected: what follows from the labels' own probabilities. F1: the harmonic mean of the shares of exact labels among solutions "
        "with a wrong step and among those without, a row without a label not being exact (as in ProcessBench).",
        "", "| table | labels by | solutions | labelled | precision | F1 | asked | tokens |", "|---|---|---:|---:|---|---:|---:|---:|",
    ]  # fmt: skip
    for entry in labels:
        precision = "-"
        if "exact" in entry:
            low, high = entry["interval"]
            precision = f"{100 * entry['exact'] / entry['named']:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
        if "expected" in entry:
            precision += f", {100 * entry['expected']:.1f} % expected"
        share = f"{entry['labelled']:,} ({100 * entry['labelled'] / max(1, entry['rows']):.0f} %)"
        by = ", ".join(filter(None, [entry["task"], entry["how"]]))
        spent = " | ".join(f"{entry[name]:,}" if name in entry else "" for name in ("replies", "tokens"))
        f1 = f"{100 * entry['f1']['f1']:.1f} %" if "f1" in entry else "-"
        lines.append(f"| {entry['table']} | {by} | {entry['rows']:,} | {share} | {precision} | {f1} | {spent} |")
    for entry in labels:
        if len(entry.get("kappa", ())) > 1 and entry["fleiss"] is not None:
            lines += ["", f"Fleiss' kappa in {entry['table']}: {entry['fleiss']:.3f}."]
        for pair in entry.get("kappa", ()):
            kappa = "-" if pair["cohen"] is None else f"{pair['cohen']:.3f}"
            lines += [
                "",
                f"Cohen's kappa in {entry['table']}, {' and '.join(pair['labellers'])}: {kappa}{_format_interval(pair)} "
                f"({pair['rows']:,} solutions).",
            ]
        for tested in entry.get("confirmed", ()):
            lines += ["", f"{_describe_confirmed(entry['table'], tested)}."]
        lines += _render_right(entry)
    return [*lines, "", *_render_noise(labels)]


def _format_interval(pair: Mapping[str, Any]) -> str:
    interval = pair.get("interval")
    return f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""


def _render_right(entry: Mapping[str, Any]) -> list[str]:
    """What is said of solutions without a wrong step, and of right answers with one, where the truth is known."""
    lines: list[str] = []
    if none := entry.get("none"):
        low, high = none["interval"]
        expected = f", {100 * none['expected']:.1f} % expected" if "expected" in none else ""
        lines += [
            "",
            f"In {entry['table']}, {none['labels']:,} labels say that no step is wrong, {100 * none['exact'] / none['labels']:.1f} % of them "
            f"rightly ({100 * low:.1f}-{100 * high:.1f}){expected}.",
        ]
    if flawed := entry.get("flawed"):
        interval = (
            ""
            if "interval" not in flawed
            else f" ({100 * flawed['interval'][0]:.1f}-{100 * flawed['interval'][1]:.1f} %)"
        )
        lines += [
            "",
            f"In {entry['table']}, {flawed['rows']:,} solutions come to the right answer by a wrong step; such a step is named in "
            f"{flawed['named']:,} right answers, the true one in {flawed['exact']:,}{interval}.",
        ]
    return lines


def _describe_confirmed(table: str, tested: Mapping[str, Any]) -> str:
    """What one labeller confirmed of the steps that another named; no agreement of independent ones."""
    share = ""
    if tested["of"]:
        low, high = tested["interval"]
        share = f" ({100 * tested['confirmed'] / tested['of']:.1f} %, {100 * low:.1f}-{100 * high:.1f})"
    return (
        f"In {table}, {tested['by']} tested the steps that {tested['labeller']} names, and confirmed {tested['confirmed']:,} of "
        f"{tested['of']:,}{share}"
    )


def _render_noise(labels: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many labels are wrong by length, depth and type, of the last table of labels of which that is known or expected."""
    entry = next((entry for entry in reversed(labels) if entry.get("noise")), None)
    if entry is None:
        return ["Label noise: not known; no truth is known, and no label has a probability."]
    lines = [
        f"Label noise in {entry['table']}: of the labels that name a step, those that name a wrong one (95 %, Wilson), by the "
        "solution's steps, by the place of the named step, and by the type of the true mistake; and how many should be.",
        "", "| by | | labels | wrong | expected |", "|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for kind, groups in entry["noise"].items():
        for group in groups:
            wrong = "-"
            if "known" in group:
                low, high = group["interval"]
                wrong = f"{100 * group['wrong'] / group['known']:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
            expected = f"{100 * group['expected']:.1f} %" if "expected" in group else "-"
            lines.append(f"| {kind} | {_escape_cell(group['name'])} | {group['named']:,} | {wrong} | {expected} |")
    return lines


def render_types(types: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tables of types as Markdown: how many of each, who decided, and how that compares with the truth."""
    lines: list[str] = []
    for entry in types:
        decided = ", ".join(f"{_escape_cell(name)} {n:,}" for name, n in entry["by"].items()) or "nobody"
        summary = f"`{entry['table']}`: {entry['typed']:,} of {entry['rows']:,} mistakes typed by `{entry['taxonomy']}`; by {decided}."
        why = ", ".join(f"{_escape_cell(name)} {n:,}" for name, n in entry["undecided"].items())
        lines += [summary + (f" Undecided: {why}." if why else ""), ""]
        if entry["share"] is not None:
            lines += [f"Mean share of the votes for the type that was taken: {100 * entry['share']:.1f} %.", ""]
        lines += ["| type | mistakes | share |", "|---|---:|---:|"]
        lines += [
            f"| {_escape_cell(name)} | {n:,} | {100 * n / entry['rows']:.1f} % |" for name, n in entry["types"].items()
        ]
        for by in ("model", "set", "step"):
            if shifts := _render_by(by, entry[f"types_by_{by}"], list(entry["types"])):
                lines += ["", *shifts]
        lines += ["", *_render_shifts(entry), *_render_agreement(entry), *_render_rounds(entry)]
        lines += _render_truth(entry["truth"]) if "truth" in entry else []
    return lines[:-1] if lines and not lines[-1] else lines


def render_gates(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """The gates as Markdown: those of the recipe, those that were missed, and how many follow from contracts."""
    lines = ["| table | gate | wanted | found | |", "|---|---|---|---|---|"]
    own = [gate for gate in gates if gate["declared"] != "contract" or not gate["passed"]]
    for gate in own:
        about = f"{gate['expectation']} {gate['column']}" if gate["column"] else gate["expectation"]
        observed = f"could not be checked: {gate['fault']}" if gate["fault"] else gate["observed"]
        rows = ", ".join(f"{row['row']}: {row['value']}" for row in gate["examples"])
        cells = [gate["view"], about, gate["wanted"], f"{observed} ({rows})" if rows else observed]
        lines.append(f"| {' | '.join(map(_quote, cells))} | {'passed' if gate['passed'] else '**warning**'} |")
    met = [gate for gate in gates if gate not in own]
    sentence = f"{len(met)} expectations that follow from the columns' contracts were met by every row."
    return [*(lines if own else []), *(["", sentence] if own and met else [sentence] if met else [])]


def _quote(value: object) -> str:
    """A value that is text and nothing else where Markdown or HTML is read: a model may have written it."""
    line = html.escape(" ".join(str(value).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~:])", r"\\\1", line)


def _escape_cell(text: object) -> str:
    return str(text).replace("|", "/").replace("<", "‹").replace("\n", " ")


def _render_by(dimension: str, counts: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> list[str]:
    """How types shift with the model, the set or the step: shares in percent, one line each."""
    if len(counts) < 2:
        return []
    lines = [
        f"| by {dimension}, % | mistakes | {' | '.join(map(_escape_cell, names))} |",
        f"|---|{'---:|' * (len(names) + 1)}",
    ]
    for outer, inner in counts.items():
        total = sum(inner.values())
        shares = " | ".join(f"{100 * inner.get(name, 0) / total:.0f}" for name in names)
        lines.append(f"| {_escape_cell(outer)} | {total:,} | {shares} |")
    return lines


def _render_shifts(entry: Mapping[str, Any]) -> list[str]:
    """How strongly the type hangs on model, set and step."""
    shifts = [f"{by} {value:.2f}" for by, value in entry.get("shift", {}).items() if value is not None]
    return (
        [f"How far the type depends on (Cramér's V, 0 not at all, 1 wholly): {', '.join(shifts)}.", ""]
        if shifts
        else []
    )


def _render_agreement(entry: Mapping[str, Any]) -> list[str]:
    """Kappas of those who classify."""
    lines: list[str] = []
    for pair in entry.get("kappa", ()):
        names = " and ".join(map(_escape_cell, pair["labellers"]))
        lines += [
            f"Cohen's kappa of {names}: {_format_kappa(pair['cohen'])}{_format_interval(pair)} ({pair['rows']:,} mistakes that both type).",
            "",
        ]
    if entry.get("fleiss") is not None:
        lines += [f"Fleiss' kappa of all models: {entry['fleiss']:.3f}.", ""]
    for own in entry.get("votes", ()):
        line = (
            f"Votes of {_escape_cell(own['model'])} repeat themselves (Fleiss' kappa; no agreement of independent raters): "
            f"{_format_kappa(own['fleiss'])} ({own['rows']:,} mistakes)."
        )
        lines += [line, ""]
    return lines


def _format_kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _render_rounds(entry: Mapping[str, Any]) -> list[str]:
    """How the taxonomy was found: what row round's answers were, and what became of the names."""
    if "found" not in entry:
        return []
    induction = entry["found"]
    lines = [
        f"{_escape_cell(induction['source'])} Names proposed: {induction['candidate']}; made types: {induction['new']}; merged: {induction['merge']}; "
        f"folded: {induction['fold']}. All of it, with who decided: `taxonomies/{entry['table']}.yaml`.",
        "", "| round | mistakes | answers that name a type | that propose one | undecided | types then |", "|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    names = ("round", "rows", "known", "proposed", "undecided", "types")
    return [*lines, *(f"| {' | '.join(f'{row[name]:,}' for name in names)} |" for row in induction["rounds"]), ""]


def _render_truth(truth: Mapping[str, Any]) -> list[str]:
    """Accuracy, macro-F1 and the confusion matrix; of a taxonomy that was found the Rand index alone."""
    summary = []
    if "rules" in truth:
        rules = truth["rules"]
        low, high = rules.get("precision_interval", (0.0, 1.0))
        summary += [
            f"Against the truth: accuracy {100 * truth['exact'] / truth['rows']:.1f} % of {truth['rows']:,}, "
            f"macro-F1 {truth['macro_f1']:.3f}; rules decide {100 * rules['decided'] / rules['rows']:.1f} %, of which "
            f"{100 * rules['exact'] / max(1, rules['decided']):.1f} % are right ({100 * low:.1f}-{100 * high:.1f}).",
            "",
        ]
    if truth.get("rand") is not None:
        summary += [
            f"Adjusted Rand index against the true types of {truth['rows']:,} mistakes: {truth['rand']:.3f}.",
            "",
        ]
    confusion, f1 = truth["confusion"], truth.get("f1", {})
    names = sorted({name for row in confusion.values() for name in row} | set(confusion))
    head = [*map(_escape_cell, names), *(["F1"] if f1 else [])]
    lines = [f"| true \\ said | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]
    for name, row in confusion.items():
        cells = [str(row.get(other, "")) for other in names] + ([f"{f1.get(name, 0):.2f}"] if f1 else [])
        lines.append(f"| {_escape_cell(name)} | {' | '.join(cells)} |")
    return [*summary, *lines, ""]
