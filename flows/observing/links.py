"""Links to what a store holds, as people follow them from Prefect's pages."""

from __future__ import annotations

import os

from catalog.storage import Store

BASE_URL = "ERRATA_BASE_URL"
"""The environment variable with the URL under which a web server gives out the store, where one does."""


def make_link(store: str, path: str) -> str:
    """The URL of a path of a store: http(s) where a base URL is configured, else where it lies."""
    base = os.environ.get(BASE_URL, "").rstrip("/")
    return f"{base}/{path}" if base.startswith(("http://", "https://")) else Store(store).link(path)
