"""The viewer in a real browser: filters have addresses, rows have links, pages turn, and nothing of the rows runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from errata.release.find import Release
from playwright.sync_api import Browser

from flows.viewing.rows import ViewedRows
from flows.viewing.server import Viewer
from tests.flows.report.conftest import hostile

__all__ = ["hostile"]


@pytest.fixture(scope="module")
def viewer(hostile: Release) -> Iterator[Viewer]:
    rows = ViewedRows(hostile)
    with Viewer(hostile, rows) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    rows.close()


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_all_rows_are_looked_at_by_filters_pages_and_links(browser: Browser, viewer: Viewer, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, bypass_csp=False)
    page.set_default_timeout(120_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{viewer.url}#examples")
    page.wait_for_function("() => document.getElementById('count').textContent === '120 rows (1 to 20)'")
    assert page.locator(".example").count() == 20
    first = page.locator(".example").first.get_attribute("id")
    page.get_by_role("button", name="More").click()
    page.wait_for_function("() => document.getElementById('count').textContent === '120 rows (21 to 40)'")
    assert page.locator(".example").first.get_attribute("id") != first
    page.locator("select[name=type]").select_option(index=1)
    page.wait_for_function("() => document.getElementById('count').textContent.startsWith('10 of 120 rows')")
    assert "type=" in page.url
    row = page.locator(".example").nth(3).get_attribute("id")
    page.goto(f"{viewer.url}#{row}")
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('.example').length === 1")
    assert page.locator(f"#{row}").evaluate("place => place.open")
    with page.expect_download() as download:
        page.goto(f"{viewer.url}#examples?type=")
        page.wait_for_function("() => document.getElementById('count').textContent.startsWith('120 rows')")
        page.get_by_role("link", name="JSON Lines").click()
    assert len(download.value.path().read_text("utf-8").split("\n")) == 121
    assert page.evaluate("() => window.hacked === undefined")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert faults == []
    page.close()


def test_the_viewer_can_be_used_by_all(browser: Browser, viewer: Viewer) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    page.set_default_timeout(120_000)
    page.goto(f"{viewer.url}#examples")
    page.wait_for_selector(".example")
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    page.close()
