"""docs/scale.md: its tables are those of the plan, and the rates of the plan are those that pages say were measured."""

from __future__ import annotations

import os
import re

import pytest

from tests.benchmarks.plan import Plan, list_tables, read_rates
from tests.command import ROOT

PAGE = ROOT / "docs" / "scale.md"
MEASURED = (ROOT / "tests" / "benchmarks" / "README.md").read_text("utf-8")
RATES = read_rates()
QUOTED = {**RATES["stages"], **RATES["stored bytes"], "rollouts": RATES["rollouts"]}


@pytest.mark.parametrize("name", QUOTED)
def test_a_rate_is_what_the_benchmarks_page_says(name: str) -> None:
    rate = QUOTED[name]
    assert rate["words"] in MEASURED
    figures = [float(figure.replace(",", "")) for figure in re.findall(r"[\d,]*\d(?:\.\d+)?", rate["words"])]
    if name == "gates":  # seconds for ten million rows, and GiB
        assert rate["micros"] == pytest.approx(372 / 10_000_000 * 1e6)
        return
    for key in {"micros", "bytes", "count"} & rate.keys():
        assert rate[key] in figures
    if "kept" in rate:
        assert rate["kept"] * 100 in figures


@pytest.mark.parametrize("name", list_tables())
def test_a_table_of_the_page_is_the_plans(name: str) -> None:
    text = PAGE.read_text("utf-8")
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    made = place.sub(lambda match: f"{match[1]}\n{list_tables()[name]}\n\n{match[2]}", text)
    assert place.search(text)
    if "ERRATA_ACCEPT" in os.environ:
        PAGE.write_text(made, "utf-8")
    assert made == PAGE.read_text("utf-8"), "ERRATA_ACCEPT=1 takes the plan's tables over"


def test_the_words_of_the_page_are_the_plans_figures() -> None:
    text, plan = " ".join(PAGE.read_text("utf-8").split()), Plan(RATES)
    hours = sum(stage.hours for stage in plan.list_stages())
    written = sum(stage.written for stage in plan.list_stages())
    assert f"{hours:,.0f} core-hours" in text
    assert f"{hours / 100:.1f} hours on 100 cores" in text and f"{hours / 16:,.0f} hours on 16 cores" in text
    assert f"{written / 2**40:.1f} TiB" in text
    assert f"{sum(row[3] for row in plan.list_asked()) / 1e12:.2f} T tokens" in text


def test_what_the_ledger_holds_in_memory_is_what_its_record_says() -> None:
    record = " ".join((ROOT / "docs" / "adr" / "0001-ledger.md").read_text("utf-8").split())
    assert RATES["ledger"]["words"] in record
    assert f" {RATES['ledger']['bytes']} bytes" in RATES["ledger"]["words"]


def test_a_night_asks_for_its_own_rows_alone() -> None:
    whole, night = Plan(RATES), Plan(RATES, 0.01)
    for all_, new in zip(whole.list_asked(), night.list_asked()):
        assert new[1:] == pytest.approx([value * 0.01 for value in all_[1:]])
