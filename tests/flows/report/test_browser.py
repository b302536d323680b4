"""Reports in a real browser: they draw, filter, ask for nothing, run nothing of the rows, and all can read them."""

from __future__ import annotations

import json
from pathlib import Path

import errata
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from errata.release.find import Release
from playwright.sync_api import Browser

from flows.planning.plan import Plan
from flows.report.build import render_release
from flows.report.page import render_page
from flows.report.statistics.flips import FlipCounts
from tests.flows.report.conftest import Opened
from tests.flows.report.hostile import NASTY
from tests.flows.report.test_statistics import list_flips

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def page(built: Plan) -> Path:
    """The page of the second release of `reported`, as it was published."""
    return Path(errata.open_release("reported@0.2.0", built.store).url.removeprefix("file://"), "report.html")


@pytest.fixture(scope="session")
def bad(hostile: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the hostile release."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_release(hostile), "utf-8")
    return file


def test_every_picture_is_drawn_and_nothing_leaves_the_page(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=DESK)
    places = opened.page.locator(".plot")
    assert places.count() >= 10
    assert opened.page.locator(".plot svg:visible").count() == places.count()
    assert opened.complaints == []
    assert opened.requests == [page.as_uri()]
    opened.page.close()


def test_what_models_wrote_is_text_and_nothing_else(browser: Browser, bad: Path) -> None:
    opened = Opened(browser, bad, viewport=PHONE)
    assert bad.stat().st_size < 3_000_000
    assert opened.page.evaluate("() => window.hacked === undefined")
    assert opened.page.locator("img, iframe, object, [onload], [onerror], [onmouseover]").count() == 0
    assert opened.page.locator("script:not([type])").count() == 1
    assert opened.complaints == []
    assert opened.requests == [bad.as_uri()]
    questions = opened.page.locator(".question").all_text_contents()
    assert any(NASTY[0] in question for question in questions)
    # a mark of direction reaches no further than its own element
    assert opened.page.evaluate(
        "() => [...document.querySelectorAll('.steps li, .question, .says')].every(one => one.querySelector('bdi'))"
    )
    long = opened.page.locator(".steps li", has_text="characters more").first
    assert len(long.text_content() or "") < 1_000
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    opened.page.close()


def test_examples_are_filtered_and_searched(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=DESK)
    view = opened.page
    every = view.locator(".example").count()
    assert view.locator(".example:visible").count() == every > 5
    word = (view.locator(".example .id").nth(2).text_content() or "").strip()
    search, clear = (
        view.locator("#examples").get_by_label("Search"),
        view.locator("#examples").get_by_role("button", name="Clear"),
    )
    search.fill(word.upper())
    assert view.locator(".example:visible").count() == 1
    assert view.locator("#count").text_content() == f"1 of {every} rows"
    search.fill("no row says this")
    assert view.locator(".example:visible").count() == 0
    assert view.locator("#nothing").is_visible()
    clear.click()
    view.wait_for_function("() => !document.querySelector('.example[hidden]')")
    kinds = view.locator("select[name=type]").locator("option").all_text_contents()
    assert len(kinds) > 2
    shown = 0
    for kind in kinds[1:]:
        view.locator("select[name=type]").select_option(kind)
        types = view.locator(".example:visible .type").all_text_contents()
        assert set(types) == {kind}
        shown += len(types)
    assert shown == every
    assert opened.complaints == []
    view.close()


def test_the_keyboard_is_enough(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=DESK)
    view = opened.page
    view.keyboard.press("Tab")
    assert view.locator(":focus").text_content() == "Skip to the report"
    second = view.locator(".example summary").nth(1)
    second.focus()
    view.keyboard.press("Enter")
    assert view.locator(".example").nth(1).get_attribute("open") is not None
    first = view.locator("details.data summary").nth(1)
    first.focus()
    view.keyboard.press("Space")
    assert view.locator("details.data").nth(1).locator("table").is_visible()
    view.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_wrong(browser: Browser, page: Path, size: dict[str, int], scheme: str) -> None:
    opened = Opened(browser, page, viewport=size, color_scheme=scheme, bypass_csp=True)
    opened.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    result = Axe().run(opened.page)
    assert result.violations_count == 0, result.generate_report()
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
    opened.page.close()


@pytest.fixture(scope="session")
def compared(built: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a corpus that compares two models, with what no page should believe in its answers."""
    release = errata.open_release("reported@0.2.0", built.store)
    statistics = json.loads(Path(release.url.removeprefix("file://"), "report.json").read_text())
    measure = FlipCounts()
    measure.add(list_flips().with_columns(question=pl.lit(NASTY[0]), old_answer=pl.lit(NASTY[1])))
    file = tmp_path_factory.mktemp("compared") / "report.html"
    file.write_text(render_page(release.manifest, {**statistics, "flips": [measure.summarize("compared")]}), "utf-8")
    return file


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_what_became_of_answers_can_be_seen_by_all(browser: Browser, compared: Path, size: dict[str, int]) -> None:
    opened = Opened(browser, compared, viewport=size, bypass_csp=True)
    section = opened.page.locator("#flips")
    assert "of 4 decided pairs 2 are fixed, 0 still wrong, 1 newly wrong" in (section.text_content() or "")
    opened.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert section.locator(".plot svg:visible").count() == 1
    assert NASTY[0] in (section.locator("table").last.text_content() or "")
    opened.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    result = Axe().run(opened.page)
    assert result.violations_count == 0, result.generate_report()
    assert opened.page.evaluate("() => window.hacked === undefined")
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
    assert opened.complaints == []
    opened.page.close()


def test_without_scripts_all_numbers_and_examples_are_there(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=PHONE, java_script_enabled=False)
    assert opened.page.locator(".example").first.is_visible()
    assert opened.page.locator(".steps li.wrong .mark").first.text_content() == "✗ first wrong step"
    assert opened.page.locator("table").count() > 10
    assert opened.page.locator(".plot svg:visible").count() == opened.page.locator(".plot").count() >= 10
    opened.page.close()


def test_a_phone_begins_with_an_overview(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=PHONE)
    view = opened.page
    assert view.evaluate("() => document.documentElement.scrollHeight") < 8_000
    assert view.locator("details.section[open]").count() == 1
    view.locator("nav a", has_text="Examples").click()
    view.wait_for_function("() => document.querySelector('#examples details.section').open")
    assert view.locator(".example").first.is_visible()
    cut = view.evaluate("() => [...document.querySelectorAll('.sankey text')].filter(one => one.checkVisibility() && one.getBoundingClientRect().right > 375).map(one => one.textContent)")  # fmt: skip
    assert cut == []
    assert opened.complaints == []
    view.close()


def test_it_prints(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, viewport=DESK)
    pages = opened.page.pdf(format="A4").count(b"/Type /Page\n")
    assert 3 <= pages <= 40
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.locator(".plot .wide svg:visible").count() == opened.page.locator(".plot").count()
    assert (
        opened.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert not opened.page.locator("nav").is_visible()
    opened.page.close()
