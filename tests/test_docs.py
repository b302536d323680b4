"""The pages are true: what is made from the code is as the code says, commands and recipes work, links lead somewhere."""

import os
import re
from pathlib import Path

import pytest
import yaml
from errata.cli.command import VERBS as CLIENT
from errata.release.names import parse_name

from catalog.declarations import find_declarations
from flows.cli import VERBS as APPLICATION
from schemas.recipe.reader import read_recipe
from schemas.recipe.recipe import Recipe
from tasks import TASKS
from tests.generated import PARTS
from tests.glossary import NOUNS, find_entry, list_runner_classes
from tests.snippets import list_all

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "infra/README.md",
    ROOT / "tests/benchmarks/README.md",
]
EXAMPLES = [ROOT / "docs/examples/README.md", *sorted((ROOT / "docs/examples").glob("*/README.md"))]
DECISIONS = sorted((ROOT / "docs/adr").glob("*.md"))
CONTRIBUTING = [ROOT / ".github/CONTRIBUTING.md", ROOT / ".github/SECURITY.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [*PAGES, *CONTRIBUTING, *DECISIONS, *EXAMPLES], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.relative_to(ROOT)}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.relative_to(ROOT)}: {link} has no such heading"


def test_the_readme_leads_to_every_page() -> None:
    linked = set(LINK.findall(PAGES[0].read_text("utf-8")))
    assert {page.relative_to(ROOT).as_posix() for page in PAGES[1:]} <= linked


def test_the_examples_are_listed() -> None:
    linked = set(LINK.findall(EXAMPLES[0].read_text("utf-8")))
    assert linked == {page.relative_to(EXAMPLES[0].parent).as_posix() for page in EXAMPLES[1:]}


def test_the_decisions_are_listed_and_have_the_three_parts() -> None:
    index, *records = sorted(DECISIONS, key=lambda page: page.name != "README.md")
    assert re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", index.read_text("utf-8")) == [page.name for page in records]
    for number, page in enumerate(records, 1):
        headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert page.name.startswith(f"{number:04d}-")
        assert headings[0].startswith(f"{number}. ")
        assert headings[1:] == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, parts in PARTS.items() for name in parts])
def test_what_is_made_from_the_code_is_as_the_code_says(page: str, name: str) -> None:
    path = ROOT / "docs" / page
    text = path.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    assert pattern.search(text), f"docs/{page} has no part <!-- {name} -->"
    renewed = pattern.sub(lambda value: value[1] + PARTS[page][name]() + value[2], text)
    if os.environ.get("ERRATA_ACCEPT"):
        path.write_text(renewed, "utf-8")
    assert renewed == path.read_text("utf-8"), "run ERRATA_ACCEPT=1 make test TEST=tests/test_docs.py"


def test_every_noun_of_the_runner_is_in_the_glossary() -> None:
    explained = {name for nouns in NOUNS.values() for _, name in nouns.values()}
    assert list_runner_classes() - explained == set()


def test_the_glossary_says_what_each_word_is_in_a_sentence() -> None:
    for nouns in NOUNS.values():
        for noun, place in nouns.items():
            sentence, _ = find_entry(*place)
            assert sentence.endswith("."), noun
            assert 4 <= len(sentence.split()) <= 40, noun


def test_every_path_that_architecture_names_exists() -> None:
    text = prose(ROOT / "docs/architecture.md")
    paths = [path for path in re.findall(r"`([\w./-]+)`", text) if "/" in path or path.endswith((".py", ".yaml"))]
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_parameter_is_described_in_a_sentence() -> None:
    for task in TASKS.values():
        assert task.summary.endswith(".")
        for name, field in task.parameters.model_fields.items():
            assert (field.description or "").endswith("."), f"{task.name}.{name}"


def test_every_verb_is_told_of() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [verb.name for verb in (*CLIENT, *APPLICATION) if f"errata {verb.name}" not in text] == []


def test_releases_of_the_default_corpus_are_those_that_its_recipe_makes() -> None:
    version = yaml.safe_load((ROOT / "catalog/recipes/abacus.yaml").read_text("utf-8"))["version"]
    specs = {spec for page in PAGES for spec in re.findall(r"\babacus@[\^\d.]+\d\b", page.read_text("utf-8"))}
    assert len(specs) > 1
    for spec in map(parse_name, specs):
        assert version == spec.exact or (spec.range and version in spec.range), spec


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "".join(page.read_text("utf-8") for page in [*PAGES, *CONTRIBUTING])
    named = set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE))
    assert {"corpus", "test", "test-vllm"} <= named <= targets


def sound(text: str) -> Recipe:
    return read_recipe(text, "docs", TASKS, find_declarations(ROOT / "catalog"))


def test_the_first_recipe_is_the_one_that_ships() -> None:
    (block,) = [block.text for block in list_all("yaml") if block.text.startswith("corpus: sample\n")]
    shown, shipped = sound(block), sound((ROOT / "catalog/recipes/sample.yaml").read_text())
    assert yaml.safe_load(block)["corpus"] == "sample"
    assert [(table.name, table.inputs) for table in shown.tables] == [
        (table.name, table.inputs) for table in shipped.tables
    ]
