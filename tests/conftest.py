import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests.prefect_server import end_server, find_port, start_server

ROOT = Path(__file__).parents[1]
# how long an example takes depends on what else the machine does
settings.register_profile("errata", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=300, print_blob=True)  # --hypothesis-profile explore
settings.load_profile("errata")
os.environ["ERRATA_CONFIG"] = os.devnull  # whoever runs the tests may have bound keys of their own
TIERS = {"build", "kill", "browser", "data", "external", "slow"}
NEEDED = {"prefect_url": "build", "browser": "browser"}
"""Whoever asks for such a fixture belongs to such a tier, unless a mark says otherwise."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests by the fixtures they ask for."""
    for item in items:
        if not TIERS & {mark.name for mark in item.iter_markers()}:
            for fixture in NEEDED.keys() & set(item.fixturenames):
                item.add_marker(NEEDED[fixture])


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server on loopback, so that each build does not start its own."""
    port = find_port()
    server = start_server(tmp_path_factory.mktemp("prefect"), port)
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        end_server(server)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's cache is the test's own, and no lock file is used but the test's."""
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("ERRATA_OFFLINE", "ERRATA_LOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def environment(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a build in a process of its own."""
    home = tmp_path_factory.mktemp("home")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ERRATA_", "PREFECT_"))},
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(home),
        "ERRATA_CACHE": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    path = os.environ.get("ERRATA_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium: apt-get install chromium, or name one in ERRATA_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
