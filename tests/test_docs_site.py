"""The site of the documentation: links lead to its pages or say where in the repository something lies."""

import os
import struct
import subprocess
import sys
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from infra import docs_site
from tests.docs_pictures import FOLDER, PICTURES, build_report, draw
from tests.loopback import serve
from tests.test_task_versions import MODULES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[labels](labels.md#x)", "[labels](labels.md#x)"),
        ("[why](adr/README.md)", "[why](adr/README.md)"),
        ("[figures](../tests/benchmarks/README.md#a)", "[figures](benchmarks.md#a)"),
        ("[guide](../.github/CONTRIBUTING.md)", "[guide](contributing.md)"),
        ("[that recipe](../catalog/recipes/mwpes.yaml)", "that recipe (`catalog/recipes/mwpes.yaml`)"),
        ("[`infra/prefect.yaml`](../infra/prefect.yaml)", "`infra/prefect.yaml`"),
        ("[paper](https://arxiv.org/abs/1), [below](#x)", "[paper](https://arxiv.org/abs/1), [below](#x)"),
    ],
)
def test_links_of_a_page_in_docs(markdown: str, expected: str) -> None:
    assert docs_site.relink(markdown, Path("docs/training.md"), "training.md") == expected


@pytest.mark.parametrize(
    ("path", "page", "markdown", "expected"),
    [
        ("README.md", "index.md", "[a](docs/labels.md)", "[a](labels.md)"),
        ("README.md", "index.md", "![A b.](docs/images/a.png)", "![A b.](images/a.png)"),
        ("docs/examples/README.md", "examples/README.md", "![a](../images/a.png)", "![a](../images/a.png)"),
        ("docs/adr/0003-x.md", "adr/0003-x.md", "[a](../verification.md)", "[a](../verification.md)"),
        (".github/CONTRIBUTING.md", "contributing.md", "[a](../docs/adr/README.md)", "[a](adr/README.md)"),
        (".github/CONTRIBUTING.md", "contributing.md", "[a](workflows/ci.yml)", "a (`.github/workflows/ci.yml`)"),
    ],
)
def test_links_of_pages_that_lie_elsewhere(path: str, page: str, markdown: str, expected: str) -> None:
    assert docs_site.relink(markdown, Path(path), page) == expected


def test_the_reference_has_every_module_that_declares_a_task() -> None:
    assert set(docs_site.list_task_modules()) == set(MODULES.values())
    text = docs_site.make_reference_pages()["api/tasks.md"]
    assert [module for module in MODULES.values() if f"::: {module}\n" not in text] == []


def test_every_page_is_built_and_none_is_left_out() -> None:
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in [*docs_site.PAGES.values(), *docs_site.make_reference_pages()]:
        assert f"{page}\n" in config
    assert yaml.compose(config) is not None
    assert "strict: true" in config


def test_every_diagram_has_its_picture_and_every_picture_its_diagram() -> None:
    """Drawn by `npx @mermaid-js/mermaid-cli -i DIAGRAM -o docs/PICTURE -c infra/mermaid.json -b white`."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / path for path in docs_site.PAGES)]
    diagrams = [match[1] for page in pages for match in docs_site.DIAGRAM.finditer(page.read_text("utf-8"))]
    assert diagrams
    drawn = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs/images").glob("*.svg")}
    assert drawn == {docs_site.name_picture(diagram) for diagram in diagrams}


def test_every_picture_of_the_pages_is_made_by_the_program_and_none_by_hand() -> None:
    """By `python -m tests.docs_pictures`."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / path for path in docs_site.PAGES)]
    shown = {
        (page.parent / path).resolve()
        for page in pages
        for _, path in docs_site.PICTURE.findall(page.read_text("utf-8"))
    }
    assert shown == {FOLDER / name for name in PICTURES}
    assert {path for path in FOLDER.iterdir() if path.suffix != ".svg"} == shown
    for path in shown:
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size <= 200_000, path.name


@pytest.mark.browser
def test_a_picture_is_drawn_of_a_report_that_is_built(tmp_path: Path, browser: Browser) -> None:
    report = build_report("sample", tmp_path)
    draw(browser, report, replace(PICTURES["sample.png"], place=".example >> nth=3"), tmp_path / "sample.png")
    head = (tmp_path / "sample.png").read_bytes()[:24]
    assert struct.unpack(">II", head[16:]) == (1200, 840)


def test_a_diagram_is_a_picture_in_the_site() -> None:
    diagram = "flowchart TB\n    a --> b\n"
    picture = docs_site.name_picture(diagram)
    page = f"# A\n\n```mermaid\n{diagram}```\n\ntext\n"
    assert docs_site.draw(page, "architecture.md") == f"# A\n\n![The diagram, as a picture]({picture})\n\ntext\n"
    assert f"(../{picture})" in docs_site.draw(page, "adr/x.md")


@pytest.mark.browser
def test_the_site_is_read_without_a_network(tmp_path: Path, browser: Browser) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True,
    )  # fmt: skip
    pages = sorted(site.rglob("index.html"))
    assert len(pages) > 40

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(site))

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with serve(Files) as url:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        for path in ("", "architecture/", "api/tasks/"):
            page.goto(f"{url}/{path}")
            page.wait_for_load_state("networkidle")
        assert len(requests) > 10
        assert [request for request in requests if not request.startswith((url, "data:", "blob:"))] == []
        page.goto(f"{url}/architecture/")
        assert page.locator("img[src$='.svg']").first.evaluate("image => image.naturalWidth") > 100
