"""The site of the documentation: links lead to its pages or say where in the repository something lies."""

from pathlib import Path

import pytest
import yaml

from infra import docs_site
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
