"""Screenshots that tests of pages keep: in the folder that ERRATA_SCREENSHOTS names, or for nobody."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from playwright.sync_api import Page

CUT = """() => [...document.querySelectorAll('h1, h2, h3, p, dt, dd, label, summary, td, th, figcaption, .sankey text')].filter((place) => {
  const box = place.getBoundingClientRect();
  return place.checkVisibility({visibilityProperty: true}) && box.width && !place.closest('.scroll, nav, .hidden, .skip') && box.right > innerWidth + 1;
}).map((place) => place.textContent.trim().slice(0, 60))"""
"""What reaches beyond the right edge, and cannot be scrolled to."""


def keep_screenshot(page: Page, name: str, other: Path) -> tuple[int, int]:
    """Keep a picture of a whole page.

    Args:
        page: The page.
        name: The picture's, without `.png`.
        other: The folder where none is named.

    Returns:
        Its width and its height in pixels.

    """
    folder = Path(os.environ.get("ERRATA_SCREENSHOTS") or other)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.png"
    page.screenshot(path=file, full_page=True)
    width, height = struct.unpack(">II", file.read_bytes()[16:24])
    return width, height
