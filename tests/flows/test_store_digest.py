"""What the weekly report tells of a store."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from flows.store_digest import DAY, format_report, list_news
from tests.client.conftest import fill

UNMET: dict[str, Any] = {
    "view": "mistakes", "expectation": "kappa", "column": None, "says": "kappa of at least 0.5", "severity": "warn",
    "passed": False, "observed": 0.4, "wanted": 0.5, "examples": [], "rows": 6,
}  # fmt: skip


def test_what_was_released_how_it_differs_and_what_was_missed(tmp_path: Path) -> None:
    store, now = fill(str(tmp_path)), time.time()
    path = tmp_path / "releases" / "tiny" / "0.10.0" / "manifest.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"gates": [UNMET, UNMET | {"passed": True, "says": "more"}]})
    )
    found = list(list_news(store, now - DAY))
    assert [one.release.name for one in found] == ["other@1.0.0", "tiny@0.9.0", "tiny@0.10.0"]
    assert [one.before and one.before.name for one in found] == [None, None, "tiny@0.9.0"]
    told = format_report(store, found, now, 7)
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    assert f"| tiny@0.10.0 | {day} | 6 | 50.0 % of 12 |  |" in told
    assert "- tiny@0.9.0: the first of its corpus" in told
    assert "- tiny@0.10.0 after tiny@0.9.0: MINOR, mistakes: 1 added; questions: 1 added" in told
    assert "- tiny@0.10.0, view mistakes: not met: kappa of at least 0.5 (found 0.4)" in told
    assert "not met: more" not in told
    assert "no completion in the ledger" in told


def test_a_quiet_week_is_said(tmp_path: Path) -> None:
    store = fill(str(tmp_path))
    found = list(list_news(store, time.time() + DAY))
    assert found == []
    assert "Nothing was released." in format_report(store, found, time.time(), 7)
