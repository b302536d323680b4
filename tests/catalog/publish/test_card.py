"""What a card says of labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from catalog.publish.card import format_percent, render_card
from catalog.publish.card_labels import NO_NOISE, render_labels
from catalog.publish.croissant import render_croissant
from catalog.publish.publish import View, publish
from catalog.storage import Store
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.recipe.recipe import Origin, Recipe
from tests.catalog.publish.test_croissant import RECIPE

FILES = [{"view": "v", "split": "train", "rows": 1, "bytes": 1}]
LABELS = [
    {
        "table": "judged", "task": "judge", "how": "", "rows": 2000, "labelled": 1900, "named": 1800, "exact": 1620,
        "interval": [0.8853, 0.9130], "replies": 2000, "tokens": 123456,
    },
    {"table": "estimated", "task": "estimate", "how": "witness, 8 rollouts", "rows": 10, "labelled": 5, "replies": 3, "tokens": 4},
    {
        "table": "agreed", "task": "agree", "how": "", "rows": 0, "labelled": 0, "fleiss": 0.25,
        "fleiss_interval": [0.2, 0.3], "fleiss_rows": 6,
        "kappa": [
            {"labellers": ["m", "o"], "rows": 7, "cohen": 0.5, "interval": [0.1, 0.9]},
            {"labellers": ["m", "n"], "rows": 0, "cohen": None},
        ],
        "confirmed": [{"labeller": "m", "by": "estimation", "confirmed": 3, "of": 4, "interval": [0.3006, 0.9544]}],
        "expected": 0.93,
        "f1": {"f1": 0.905, "right": [96, 100], "wrong": [77, 90]},
        "none": {"labels": 50, "exact": 49, "interval": [0.895, 0.9965], "expected": 0.97},
        "flawed": {"rows": 3, "named": 2, "exact": 1, "interval": [0.0945, 0.9055]},
        "noise": {
            "length": [{"name": "2-5 steps", "named": 9, "known": 8, "wrong": 2, "interval": [0.0715, 0.5907], "expected": 0.07}],
            "type": [{"name": "slip", "named": 9, "expected": 0.07}],
        },
    },
]  # fmt: skip


def test_each_table_of_labels_has_its_line_and_each_pair_its_kappa() -> None:
    assert render_labels(LABELS)[4:] == [
        "| judged | judge | 2,000 | 1,900 (95 %) | 90.0 % (88.5-91.3) | - | 2,000 | 123,456 |",
        "| estimated | estimate, witness, 8 rollouts | 10 | 5 (50 %) | - | - | 3 | 4 |",
        "| agreed | agree | 0 | 0 (0 %) | -, 93.0 % expected | 90.5 % |  |  |",
        "",
        "Fleiss' kappa in agreed, all labellers: 0.250 (0.200 to 0.300) (6 solutions).",
        "",
        "Cohen's kappa in agreed, m and o: 0.500 (0.100 to 0.900) (7 solutions).",
        "",
        "Cohen's kappa in agreed, m and n: not measured (0 solutions).",
        "",
        "In agreed, estimation tested the steps that m names, and confirmed 3 of 4 (75.0 %, 30.1-95.4).",
        "",
        "In agreed, 50 labels say that no step is wrong, 98.0 % of them rightly (89.5-99.7), 97.0 % expected.",
        "",
        "In agreed, 3 solutions come to the right answer by a wrong step; such a step is named in 2 right answers, the true one in 1 "
        "(9.4-90.5 %).",
        "",
        "Label noise in agreed: of the labels that name a step, those that name a wrong one (95 %, Wilson), by the solution's "
        "steps, by the place of the named step, and by the type of the true mistake; and how many should be.",
        "",
        "| by | | labels | wrong | expected |",
        "|---|---|---:|---:|---:|",
        "| length | 2-5 steps | 9 | 25.0 % (7.1-59.1) | 7.0 % |",
        "| type | slip | 9 | - | 7.0 % |",
        "",
        "Label noise by depth: not measured; no truth is known, and no label has a probability.",
    ]


def test_a_card_says_where_label_noise_is_not_known() -> None:
    sentence = "Label noise by length and by type: not measured; no truth is known, and no label has a probability."
    assert render_labels(LABELS[:1])[-1] == sentence
    assert NO_NOISE in render_card(RECIPE, {}, FILES, [])


def test_a_card_says_each_sources_licence_or_that_none_is_stated() -> None:
    assert "| a ‹b> / c | MIT | – |" in render_card(
        with_sources(Origin(name="a <b> | c", license="MIT")), {}, FILES, []
    )
    assert "not stated by the recipe, and neither are its licences." in render_card(with_sources(), {}, FILES, [])


def with_sources(*sources: Origin) -> Recipe:
    return replace(RECIPE, sources=sources)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("CC-BY-SA-4.0", {"license": "cc-by-sa-4.0"}),
        ("Our own terms", {"license": "other", "license_name": "Our own terms"}),
    ],
)
def test_a_licence_is_one_that_the_hub_knows_or_another_with_its_name(name: str, expected: dict[str, str]) -> None:
    head = yaml.safe_load(render_card(replace(RECIPE, license=name), {}, FILES, []).split("---\n")[1])
    assert {key: value for key, value in head.items() if key.startswith("license")} == expected
    assert head["task_categories"] == ["text-generation"]


def test_languages_are_those_of_the_recipe_and_nothing_is_said_of_unknown_ones() -> None:
    for languages in [("en",), ("de", "pt-BR"), ()]:
        recipe = replace(RECIPE, languages=languages)
        head = yaml.safe_load(render_card(recipe, {}, FILES, []).split("---\n")[1])
        assert tuple(head.get("language", ())) == languages
        assert tuple(render_croissant(recipe, {}, (), (), ()).get("inLanguage", ())) == languages


def test_a_card_says_how_much_of_each_column_is_filled(tmp_path: Path) -> None:
    columns = (
        Column("solution_id", "string", "Its name."),
        Column("cause", "string", "Why.", nullable=True),
        Column("notes", "strings", "What was noted; empty texts say nothing."),
        Column("soft", "numbers", "Chances.", nullable=True),
        Column("type", "string", "The type.", nullable=True),
    )
    contract = Contract("mistakes", "Mistakes.", columns, "solution_id")
    rows = [
        {"solution_id": f"s{i}", "cause": None, "notes": [["", "so"], [""], []][i % 3], "soft": [None, 0.5] if i else [None], "type": "t" if i == 5 else ""}
        for i in range(200)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=to_polars_schema(contract))
    view = View(contract, [{"train": frame[:120], "test": frame[120:130]}, {"train": frame[130:]}])
    seen: list[str] = []

    def describe(files: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
        seen.append(render_card(RECIPE, {"mistakes": contract}, files, [], filled={"mistakes": view.filled}))
        return {}, {"fingerprint": "x", "funnel": [], "recipe": {}, "columns": {}}

    publish(Store(str(tmp_path)), "tiny", "1.0.0", "x", {"mistakes": view}, describe)
    lines = seen[0].splitlines()
    start = lines.index("| column | type | null | filled | meaning |")
    assert [line.split(" | ")[3] for line in lines[start + 2 : start + 7]] == ["100 %", "0 %", "34 %", "99 %", "<1 %"]
    assert "**Not filled** in any row of this release: `cause`." in lines


def test_shares_are_0_only_for_none_and_100_only_for_all() -> None:
    assert [format_percent(n, 1000) for n in (0, 1, 9, 10, 500, 999, 1000)] == [
        "0 %",
        "<1 %",
        "<1 %",
        "1 %",
        "50 %",
        "99 %",
        "100 %",
    ]
