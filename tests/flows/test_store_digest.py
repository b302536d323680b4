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
    before, store, now = time.time(), fill(str(tmp_path)), time.time()
    path = tmp_path / "releases" / "tiny" / "0.10.0" / "manifest.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"gates": [UNMET, UNMET | {"passed": True, "says": "more"}]})
    )
    news = list(list_news(store, now - DAY, now + DAY))
    assert [new.release.name for new in news] == ["other@1.0.0", "tiny@0.9.0", "tiny@0.10.0"]
    assert [new.before and new.before.name for new in news] == [None, None, "tiny@0.9.0"]
    report = format_report(store, news, now, 7)
    days = {time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (before, now)}  # midnight may lie between
    assert any(f"| tiny@0.10.0 | {day} | 6 | 50.0 % of 12 |  |" in report for day in days)
    assert "- tiny@0.9.0: the first of its corpus" in report
    assert "- tiny@0.10.0 after tiny@0.9.0: MINOR, mistakes: 1 added; questions: 1 added" in report
    assert "- tiny@0.10.0, view mistakes: not met: kappa of at least 0.5 (found 0.4)" in report
    assert "not met: more" not in report
    assert "no completion in the ledger" in report


def test_a_quiet_week_is_said(tmp_path: Path) -> None:
    store = fill(str(tmp_path))
    news = list(list_news(store, time.time() + DAY, time.time() + 2 * DAY))
    assert news == []
    assert "Nothing was released." in format_report(store, news, time.time(), 7)
