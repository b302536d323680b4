"""The pages of a report and of the viewer at the widths of phones, tablets and desks: nothing is cut, and a picture of each is kept."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from errata.release.find import Release
from playwright.sync_api import Browser, Page

from flows.report.build import render_release
from flows.viewing.changes import view_changes
from flows.viewing.rows import ViewedRows
from flows.viewing.server import Viewer
from tests.flows.comparison.conftest import both
from tests.screenshots import CUT, keep_screenshot

__all__ = ["both"]
WIDTHS = (390, 768, 1440)


@pytest.fixture(scope="module")
def urls(both: tuple[Release, Release], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of the pages, by name: the report and the viewer, each of one release and of two."""
    folder = tmp_path_factory.mktemp("pages")
    before, after = both
    for name, compared in (("report", None), ("report-compared", before)):
        (folder / f"{name}.html").write_text(render_release(after, compared), "utf-8")
    changes, rows = view_changes(after, before), ViewedRows(after)
    viewers = {"view": Viewer(after, rows), "view-against": Viewer(after, changes.after, changes=changes)}
    for viewer in viewers.values():
        threading.Thread(target=viewer.serve_forever, daemon=True).start()
    yield {
        **{file.stem: file.as_uri() for file in folder.glob("*.html")},
        **{name: viewer.url for name, viewer in viewers.items()},
    }
    for viewer in viewers.values():
        viewer.shutdown()
        viewer.server_close()
    changes.database.close()
    rows.close()


def open_page(
    browser: Browser, url: str, width: int, faults: list[str], scheme: str = "light", csp: bool = False
) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=csp)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_selector(".example", state="attached")
    if "changed" in page.content():
        page.wait_for_function("() => !document.querySelector('#changed') || document.querySelector('#changed output').textContent.includes('row')")  # fmt: skip
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "report-compared", "view", "view-against"])
def test_nothing_is_cut_at_any_width(
    browser: Browser, urls: dict[str, str], name: str, width: int, tmp_path: Path
) -> None:
    faults: list[str] = []
    page = open_page(browser, urls[name], width, faults)
    assert page.locator("#changes").count() == ("compared" in name or "against" in name)
    if width == 390:
        assert page.evaluate("() => document.documentElement.scrollHeight") < 8_000
    page.evaluate("() => document.querySelectorAll('details.section').forEach((place) => { place.open = true })")
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    assert page.evaluate(CUT) == []
    taken = keep_screenshot(page, f"{name}-{width}", tmp_path)
    assert taken[0] == width and taken[1] > 900
    assert faults == []
    page.close()


def test_what_changed_is_filtered_by_cells_links_and_forms(browser: Browser, urls: dict[str, str]) -> None:
    faults: list[str] = []
    for name in ("report-compared", "view-against"):
        page = open_page(browser, urls[name], 1440, faults)
        output = "() => document.querySelector('#changed output').textContent"
        # a number of the table beside a picture is a link, for keyboards too
        page.locator("#changes details.data summary").first.focus()
        page.keyboard.press("Enter")
        link = page.locator("#changes details.data").first.locator("td a[href*='type-after=calculation']").first
        n = int(link.text_content() or "")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(f"() => location.hash.startsWith('#changed?kind=') && ({output})().includes(' of ')")
        assert page.locator("select[name='type-after']").input_value() == "calculation"
        shown = page.locator(".change:visible")
        page.wait_for_function("() => [...document.querySelectorAll('.change')].filter((row) => !row.hidden).every((row) => row.dataset.typeAfter === 'calculation')")  # fmt: skip
        assert 0 < shown.count() <= n
        # what a mark of the picture stands for is the same
        mark = page.locator("#changes-type .wide [data-rows*='unit%20v1.0']").first
        mark.dispatch_event("click")
        page.wait_for_function("() => location.hash.includes('unit%20v1.0')")
        page.wait_for_function("() => [...document.querySelectorAll('.change')].filter((row) => !row.hidden).every((row) => row.querySelector('summary').textContent.includes('unit v1.0'))")  # fmt: skip
        assert shown.count() > 0
        # a row has a link of its own, and the filters survive it
        row = shown.first.get_attribute("id") or ""
        page.goto("about:blank")
        page.goto(f"{urls[name]}#{row}")
        page.wait_for_function(f"() => document.getElementById({row!r})?.open")
        assert page.locator(f"[id={row!r}] .side").count() == 2
        page.close()
    assert faults == []


@pytest.mark.parametrize("name", ["report-compared", "view-against"])
def test_what_is_filtered_is_downloaded(browser: Browser, urls: dict[str, str], name: str) -> None:
    faults: list[str] = []
    page = open_page(browser, f"{urls[name]}#changed?kind=fixed", 1440, faults)
    page.wait_for_function("() => document.querySelector('#changed output').textContent.startsWith('4 of ')")
    for kind, lines in (("jsonl", 4), ("csv", 5)):
        with page.expect_download() as download:
            page.locator(f"#changed .{kind}").click()
        text = download.value.path().read_text("utf-8")
        assert len(text.splitlines() if kind == "jsonl" else list(csv.reader(io.StringIO(text)))) == lines
        assert download.value.suggested_filename == f"changes.{kind}"
    assert faults == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_what_changed_can_be_read_by_all(browser: Browser, urls: dict[str, str], width: int, scheme: str) -> None:
    page = open_page(browser, urls["report-compared"], width, [], scheme, csp=True)
    page.evaluate("() => document.querySelectorAll('details').forEach((place) => { place.open = true })")
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    sides = page.locator(".change").first.locator(".side")
    boxes = [sides.nth(i).bounding_box() for i in (0, 1)]
    assert boxes[0] and boxes[1]
    assert (boxes[0]["x"] == boxes[1]["x"]) == (width == 390), "beside each other, on a phone one above the other"
    page.close()


def test_both_sides_print_with_their_pictures(browser: Browser, urls: dict[str, str]) -> None:
    page = open_page(browser, urls["report-compared"], 1440, [])
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#changes .plot .wide svg:visible").count() == page.locator("#changes .plot").count() == 3
    kinds = page.locator(".change:visible").evaluate_all("(rows) => rows.map((row) => row.dataset.kind)")
    assert len(kinds) == len(set(kinds)) > 5, "the first of each kind"
    assert not page.locator("#changed form").is_visible()
    page.close()
