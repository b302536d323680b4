"""`errata report`, and the files that a release holds of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import errata
import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE, FAILED, MISSING, WRONG
from errata.release.find import Release

from flows.planning.plan import Plan
from flows.report.build import make_files, render, render_release
from flows.report.page import SECTIONS
from tests.flows.report.conftest import publish_hostile
from tests.golden import check


@pytest.fixture
def store(built: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("ERRATA_STORE", built.store)
    monkeypatch.chdir(tmp_path)
    return built.store


def test_a_release_holds_its_report_under_checksums(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    release = errata.open_release("reported@0.2.0")
    paths = {file["path"] for file in release.manifest["files"]}
    assert {"report.html", "report.json"} <= paths
    assert main(["verify", "reported@0.2.0"]) == DONE
    assert main(["report", "reported"]) == DONE
    page = Path(release.url.removeprefix("file://"), "report.html")
    assert f"report  {page.as_uri()}" in capsys.readouterr().out


def test_what_is_rendered_again_is_what_was_published(built: Plan, store: str, tmp_path: Path) -> None:
    release = errata.open_release("reported@0.2.0")
    published = Path(release.url.removeprefix("file://"), "report.html").read_text()
    assert main(["report", "reported@0.2.0", "--output", "again.html"]) == DONE
    assert (tmp_path / "again.html").read_text() == published == make_files(built, release.manifest)["report.html"]


def test_releases_are_compared(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "reported@0.2.0", "--compare", "reported@0.2.0"]) == DONE
    html = (tmp_path / "reported-0.2.0-report.html").read_text()
    assert "Compared with reported@0.2.0. No distribution shifted." in html
    assert "report  file://" in capsys.readouterr().out


def test_an_older_release_tells_what_its_rows_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    publish_hostile("memory://hostile-report")
    assert main(["report", "hostile", "--store", "memory://hostile-report"]) == DONE
    html = (tmp_path / "hostile-1.0.0-report.html").read_text()
    assert "measured on the released rows alone" in html
    assert html.count("Not measured: ") >= 6


def test_errors_say_what_to_do(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for arguments, code in (
        (["reported@9.0.0"], MISSING),
        (["reported", "--compare", "nothing"], MISSING),
        (["reported", "--output", "."], WRONG),
    ):
        assert main(["report", *arguments]) == code
        texts.append(capsys.readouterr().err.replace(store, "STORE"))
    check(Path(__file__).with_name("report-errors.txt"), "".join(texts))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 9}, "its format is 9, this reads 1; update Errata"),
        ({"rows": {}}, "not the statistics of a release"),
        ({"positions": {"grid": "no"}}, "not the statistics of a release"),
        ({"examples": [{}]}, "not the statistics of a release"),  # UndefinedError of the template
    ],
)
def test_statistics_that_are_none_are_refused(
    store: str, tmp_path: Path, change: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = errata.open_release("reported@0.2.0")
    document = json.loads(Path(release.url.removeprefix("file://"), "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps({**document, **change}))
    monkeypatch.setattr(Release, "path", lambda *_: tmp_path / "report.json")
    with pytest.raises(errata.Unreadable, match=says):
        render_release(release)
    assert main(["report", "reported@0.2.0", "--output", "x.html"]) == FAILED
    assert not (tmp_path / "x.html").exists()


def test_every_section_says_so_where_nothing_was_measured(hostile: Release) -> None:
    nothing = dict.fromkeys(("verdicts", "difficulty", "exploration", "soundness", "positions", "types", "labellers", "spending", "drift"))  # fmt: skip
    rows = {
        "view": "v",
        "views": {"v": {"all": 1}},
        "rows": 1,
        "bytes": 1,
        "by_split": {"all": 1},
        "problems": None,
        "models": None,
        "sets": None,
    }
    release = {"corpus": "c", "version": "1.0.0", "recipe": {"title": "T"}}
    html = render(release, {**nothing, "rows": rows, "rollouts": [], "examples": [], "from": "rows"})
    assert html.count("Not measured: ") == len(SECTIONS) - 2, (
        "flips and changes are spoken of only where something is compared"
    )
    assert "<svg" not in html and len(html) < 50_000


def test_a_page_names_nothing_elsewhere(store: str) -> None:
    html = Path(errata.open_release("reported@0.2.0").url.removeprefix("file://"), "report.html").read_text()
    assert len(html.encode()) < 3_000_000
    body, policy = html.partition("<body>")[2], html.partition("</head>")[0]
    assert 'src="' not in body.partition("<script")[0] and "http" not in body.partition("<script")[0]
    assert "default-src &#39;none&#39;" in policy and "unsafe-eval" not in policy
