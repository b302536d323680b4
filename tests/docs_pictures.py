"""The pictures of the documentation, by Chromium of the reports of real builds: `python -m tests.docs_pictures`."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import errata
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from flows.report.build import render_release
from tests.building import build

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "catalog/recipes"
FOLDER = ROOT / "docs/images"
PROBLEMS = 300
"""Of so many the default corpus is made for a picture: of a thousand it takes too long."""


@dataclass(frozen=True)
class Picture:
    """What is drawn: of which recipe's report, how much of it in pixels, and the place that it is scrolled to."""

    recipe: str
    width: int
    height: int
    place: str | None = None


PICTURES = {
    "report.png": Picture("abacus", 1200, 1220),
    "example.png": Picture("abacus", 1200, 640, ".example:has(.wrong):has(.reference):has(.reasons)"),
    "phone.png": Picture("abacus", 390, 844),
    "sample.png": Picture("sample", 1200, 840),
    "compared.png": Picture("compared", 1200, 1250, "#changes-type"),
    "beside.png": Picture("compared", 1200, 600, ".change[data-kind~=flip]"),
}
"""By their names in `docs/images`."""

COMPARED = """\
corpus: compared
version: VERSION
title: Solutions of a model and of the one after it
license: Apache-2.0
models: {solver: SOLVER, abacus: {engine: abacus}}
tables:
  problems: {task: world, count: 100, level: 3}
  trusted: {task: gold, from: problems}
  solutions: {task: generate, from: trusted, models: [solver], prompt: abacus-solve, sampling: [{temperature: 1.0, samples: 2}], max_tokens: 300}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  judged: {task: judge, from: verified, models: [abacus], prompt: abacus-judge, max_tokens: 600}
  agreed: {task: agree, from: judged, rule: k of n, k: 1}
  typed: {task: classify, from: agreed, taxonomy: abacus, judged_in: abacus}
  release: {task: release, from: typed, splits: {test: 1.0}}
"""
"""Right and wrong solutions of the same problems, of another model in each release."""
SOLVERS = {"0.1.0": "{engine: world, skill: {slips: 0.35}}", "0.2.0": "{engine: abacus}"}


def shorten(recipe: Path, folder: Path) -> Path:
    """The default corpus of fewer problems, which says so in its title, without gates, which ask for more of them."""
    content = yaml.safe_load(recipe.read_text("utf-8"))
    content["tables"]["problems"]["count"] = PROBLEMS
    content["title"] = f"Mistakes of Abacus on {PROBLEMS} word problems"
    del content["gates"]
    result = folder / recipe.name
    result.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return result


def build_report(name: str, folder: Path) -> Path:
    """Build a recipe of the catalog below a folder, where its tables stay; the report of its release."""
    if name == "compared":
        return build_comparison(folder)
    recipe = RECIPES / f"{name}.yaml"
    manifest = build(shorten(recipe, folder) if name == "abacus" else recipe, folder / "store")
    return folder / "store/releases" / name / str(manifest["version"]) / "report.html"


def build_comparison(folder: Path) -> Path:
    """Build two releases below a folder; the report of the later one beside the earlier."""
    releases = []
    for version, solver in SOLVERS.items():
        recipe = folder / f"compared-{version}.yaml"
        recipe.write_text(COMPARED.replace("VERSION", version).replace("SOLVER", solver), "utf-8")
        build(recipe, folder / "store")
        releases.append(errata.open_release(f"compared@{version}", str(folder / "store")))
    report = folder / "compared.html"
    report.write_text(render_release(releases[1], releases[0]), "utf-8")
    return report


def draw(browser: Browser, report: Path, picture: Picture, path: Path) -> None:
    """Write the picture of a report as PNG."""
    page = browser.new_page(viewport={"width": picture.width, "height": picture.height})
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    if picture.place:
        open_alone(page, picture.place)
    page.screenshot(path=path)
    page.close()


def open_alone(page: Page, place: str) -> None:
    """Open the first such row, close the others, and scroll to it; a picture is scrolled to with its section."""
    page.evaluate("document.querySelectorAll('.example, .change').forEach((row) => { row.open = false; })")
    page.locator(place).first.evaluate(
        "(place) => { place.open = true; (place.closest('section[id]:has(.plot)') && !place.matches('details') ? place.closest('section') : place).scrollIntoView(); }"
    )


def draw_all(folder: Path, target: Path, browser: Browser) -> None:
    """Build what the pictures show below a folder, and write them into another."""
    reports = {name: build_report(name, folder) for name in {picture.recipe for picture in PICTURES.values()}}
    for name, picture in PICTURES.items():
        draw(browser, reports[picture.recipe], picture, target / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where tables are kept, so that a second time is fast")
    options = parser.parse_args()
    chromium = os.environ.get("ERRATA_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        draw_all(folder, FOLDER, browser)


if __name__ == "__main__":
    main()
