"""The card as the Hub shows it: its head is what the Hub reads, its Markdown is rendered, and nothing of it stands there as source."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page

from tests.building import build
from tests.command import ROOT, SAMPLE

PICTURES = ROOT / "build/screenshots"
"""Kept for people to look at; git ignores it."""
WIDTHS = {"phone": 390, "hub": 1280}
STYLE = """
body { font: 16px/1.5 sans-serif; color: #374151; max-width: 740px; margin: 24px auto; padding: 0 16px; }
h1, h2 { color: #111827; } h2 { border-bottom: 1px solid #e5e7eb; padding-bottom: 4px; margin-top: 32px; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 14px; }
th, td { border: 1px solid #e5e7eb; padding: 4px 10px; text-align: left; } th { background: #f9fafb; }
code { background: #f3f4f6; font-size: 85%; padding: 2px 4px; border-radius: 4px; }
pre { background: #f3f4f6; padding: 12px; overflow-x: auto; } pre code { padding: 0; }
.tag { border: 1px solid #e5e7eb; border-radius: 8px; padding: 2px 8px; margin: 0 4px 4px 0; font-size: 13px; display: inline-block; }
"""
"""The Hub's own: a column of text, tables that scroll, the head as tags above."""
TAGS = ("task_categories", "language", "size_categories", "tags", "license")
KNOWN = {
    "pretty_name", "license", "license_name", "language", "task_categories", "annotations_creators", "tags", "size_categories",
    "configs", "dataset_info",
}  # fmt: skip
"""Keys of a dataset card's head (https://github.com/huggingface/hub-docs/blob/main/datasetcard.md)."""


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """The head and the Markdown of a card."""
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def render(text: str) -> str:
    """A card as a page: GitHub's Markdown, with nothing let through as HTML."""
    head, body = split_card(text)
    tags = [
        f"{key}: {escape(str(value))}"
        for key in TAGS
        for value in (head[key] if isinstance(head.get(key), list) else [head.get(key)])
    ]
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    line = "".join(f'<span class="tag">{tag}</span>' for tag in tags)
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><h3>{head["pretty_name"]}</h3>{line}{markdown.render(body)}'


def show(browser: Browser, path: Path, name: str) -> Page:
    """Open a page, and keep a picture of it at each width."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = browser.new_page()
    page.goto(path.as_uri())
    for width_name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"card-{name}-{width_name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width_name
    return page


@pytest.mark.browser
def test_a_card_is_shown_as_the_hub_shows_it(tmp_path: Path, browser: Browser) -> None:
    manifest = build(SAMPLE, tmp_path / "store")
    folder = tmp_path / "store/releases/sample" / str(manifest["version"])
    text = (folder / "README.md").read_text("utf-8")
    head, body = split_card(text)
    assert set(head) <= KNOWN and head["size_categories"] == ["n<1K"] and head["license"] == "apache-2.0"
    for config in head["configs"]:
        assert all(list(folder.glob(entry["path"])) for entry in config["data_files"])
    (tmp_path / "card.html").write_text(render(text), "utf-8")
    page = show(browser, tmp_path / "card.html", "sample")
    tables = re.findall(r"^\|[-:| ]+\|$", body, re.MULTILINE)
    assert page.locator("table").count() == len(tables) > 3
    assert page.locator("h2").all_inner_texts() == re.findall(r"^## (.*)$", body.replace("`", ""), re.MULTILINE)
    shown = page.locator("body").inner_text()
    assert "|" not in shown and "**" not in shown and "&lt;" not in shown
    for table in re.findall(
        r"(?:^\|.*\n)+", body, re.MULTILINE
    ):  # a `|` in a cell would make a row longer than its head
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    page.close()
