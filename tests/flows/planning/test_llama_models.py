"""Models of the engine `llama` in a plan: known by name and SHA-256 wherever they lie, and refused with a reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from catalog.model_files import PACKAGES
from flows.planning.engines import open_engine
from flows.planning.plan import Plan, make_plan
from schemas.errors import ApplicationError
from schemas.recipe.document import RecipeError
from tests.tasks.engines.llama.gguf_file import write_gguf

RECIPE = """\
corpus: tiny
version: 1.0.0
title: T
license: MIT
models: {solver: {engine: llama, MODEL}}
tables:
  problems: {task: world, count: 4, level: 1}
  solutions: {task: generate, from: problems, models: [solver], prompt: solve, max_tokens: 10}
  steps: {task: split, from: solutions}
  release: {task: release, from: steps}
"""


def plan(folder: Path, model: str) -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(RECIPE.replace("MODEL", model))
    return make_plan(str(folder / "tiny.yaml"), None, str(folder / "store"))


def test_a_file_is_known_by_its_name_and_digest_wherever_it_lies(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    path = write_gguf(here / "tiny.gguf")
    write_gguf(there / "tiny.gguf")
    first, second = plan(here, "model: ./tiny.gguf"), plan(there, f"model: {there / 'tiny.gguf'}")
    (asked,) = first.jobs[1].models
    assert (asked.named.model, asked.named.revision) == ("tiny", hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    assert asked.model.model == str(path)  # type: ignore[union-attr]
    assert first.jobs[1].fingerprint == second.jobs[1].fingerprint
    write_gguf(there / "tiny.gguf", name="Other")
    assert plan(there, "model: tiny.gguf").jobs[1].fingerprint != first.jobs[1].fingerprint, (
        "other weights, another table"
    )


def test_named_weights_are_planned_with_before_they_are_fetched(tmp_path: Path) -> None:
    (asked,) = plan(tmp_path, "model: smollm2").jobs[1].models
    assert (asked.named.model, asked.named.revision) == ("smollm2", PACKAGES["smollm2"].sha256[:16])
    with pytest.raises(
        ApplicationError, match=r"smollm2\.gguf: the weights are not there; errata models fetch smollm2"
    ):
        open_engine(asked.model, lambda: (0, 0.0))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("model: smollm3", "no model is known as 'smollm3'; there are smollm2, "),
        ("model: smollm2, revision: 0123456789ab", "and `revision` says that it begins with 0123456789ab"),
        ("model: ./base.gguf", "has no chat template, so it is no model for conversations"),
        ("model: ./text.gguf", "expected a GGUF file"),
        ("model: ./nowhere.gguf", r"cannot be read \(No such file"),
        ("model: smollm2, sampling: {stop_token_ids: [2]}", "llama.cpp knows no `stop_token_ids`"),
        ("model: smollm2, revision: main", "revision"),
    ],
)
def test_what_cannot_be_asked_is_told_by_file_and_line(tmp_path: Path, model: str, problem: str) -> None:
    write_gguf(tmp_path / "base.gguf", template="")
    (tmp_path / "text.gguf").write_text("a text")
    with pytest.raises(RecipeError, match=problem) as error:
        plan(tmp_path, model)
    assert f"{tmp_path / 'tiny.yaml'}:5: models.solver" in str(error.value)


def test_a_base_model_is_asked_for_text(tmp_path: Path) -> None:
    write_gguf(tmp_path / "base.gguf", template="")
    (asked,) = plan(tmp_path, "model: ./base.gguf, api: completions").jobs[1].models
    assert asked.named.options.api == "completions"
