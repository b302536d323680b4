"""What a contributor meets first: forms, workflow, hooks and citation are sound, and say what the project says elsewhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=lambda form: form.stem)
def test_a_form_has_fields_with_ids_and_labels(form: Path) -> None:
    content = read(form)
    assert {"name", "description", "body"} <= set(content)
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    assert ids and len(set(ids)) == len(ids)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_there_are_forms_for_a_verdict_a_bug_and_a_feature() -> None:
    assert {form.stem for form in FORMS} == {"bug", "config", "feature", "verdict"}


def test_the_workflow_runs_what_a_clean_clone_must_pass() -> None:
    steps = read(".github/workflows/ci.yml")["jobs"]["clean-clone"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]


def test_the_hooks_run_the_tools_of_make_check() -> None:
    hooks = [hook for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in read(".pre-commit-config.yaml")["repos"]} == {
        "local"
    }  # no versions but the lock's
    entries = " ".join(hook["entry"] for hook in hooks)
    checked = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert checked
    for tool in ("ruff format", "ruff check", "mypy"):
        assert tool in entries
        assert f"$(BIN)/{tool}" in checked[1]


def test_the_citation_names_the_version_of_the_project() -> None:
    citation = read("CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]


def test_the_python_that_is_named_is_the_oldest_that_the_project_supports() -> None:
    assert PROJECT["requires-python"] == f">={(ROOT / '.python-version').read_text().strip()}"


def test_the_changelog_holds_what_is_not_published_first() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading) for heading in headings[1:])


def test_every_tier_is_explained() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    marks = {mark.partition(":")[0] for mark in declared}
    guide = (ROOT / ".github/CONTRIBUTING.md").read_text("utf-8")
    assert marks - set(re.findall(r"TIER=([a-z]+)", guide)) == {"external"}  # which are `make test-trl` and `test-vllm`
