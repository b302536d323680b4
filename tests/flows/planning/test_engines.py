"""Engines are found by name, and paths of a recipe are beside it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from flows.planning.engines import locate_model, open_engine
from flows.planning.plan import make_plan
from flows.planning.touches import list_touched
from schemas.engine import LoggedEngine
from schemas.recipe.models import MODELS, VLLM, Abacus, Declaration, LlamaCpp, Model, OpenAI, Recorded
from tasks.engines.openai.engine import OpenAIEngine
from tests.tasks.engines.llama.gguf_file import write_gguf


@pytest.mark.parametrize("declaration", MODELS, ids=lambda declaration: declaration.__name__)
def test_every_engine_has_a_module_that_opens_it(declaration: type[Declaration]) -> None:
    (name,) = get_args(declaration.model_fields["engine"].annotation)
    assert callable(import_module(f"tasks.engines.{name}").open_engine)


@pytest.mark.parametrize(
    ("model", "field", "located"),
    [
        (Abacus(engine="abacus", checkpoint="ours"), "checkpoint", "corpora/ours"),
        (Abacus(engine="abacus", checkpoint="/srv/ours"), "checkpoint", "/srv/ours"),
        (Abacus(engine="abacus"), "checkpoint", None),
        (VLLM(engine="vllm", model="./weights"), "model", "corpora/weights"),
        (VLLM(engine="vllm", model="org/name"), "model", "org/name"),
        (Recorded(engine="recorded", model="m", file="answers.jsonl"), "file", "corpora/answers.jsonl"),
        (OpenAI(engine="openai", model="m"), "model", "m"),
        (LlamaCpp(engine="llama", model="./tiny.gguf"), "model", "corpora/tiny.gguf"),
        (LlamaCpp(engine="llama", model="tiny.gguf"), "model", "corpora/tiny.gguf"),
        (LlamaCpp(engine="llama", model="/srv/tiny.gguf"), "model", "/srv/tiny.gguf"),
    ],
)
def test_paths_of_a_model_are_beside_the_recipe(model: Model, field: str, located: str | None) -> None:
    assert getattr(locate_model(model, "corpora/recipe.yaml"), field) == located


def test_what_was_spent_is_asked_for_where_there_is_a_budget() -> None:
    asked: list[int] = []

    def spent() -> tuple[int, float]:
        asked.append(1)
        return 3, 0.5

    for budget in (None, 10):
        engine = open_engine(OpenAI(engine="openai", model="m", budget_tokens=budget), spent)
        assert isinstance(engine, OpenAIEngine)
        engine.close()
    assert len(asked) == 1


def test_programs_of_engines_leave_their_logs_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path))
    for model in (VLLM(engine="vllm", model="m"), LlamaCpp(engine="llama", model=str(write_gguf(tmp_path / "a.gguf")))):
        engine = open_engine(model, lambda: (0, 0.0))
        assert isinstance(engine, LoggedEngine) and engine.logs == tmp_path / "logs"
        engine.close()
    endpoint = open_engine(OpenAI(engine="openai", model="m"), lambda: (0, 0.0))
    assert not isinstance(endpoint, LoggedEngine)
    endpoint.close()


def test_a_plan_says_how_many_replicas_there_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    models = {
        "own": "engine: abacus, replicas: 2",
        "plain": "engine: abacus",
        "large": "engine: vllm, model: a/b",
        "single": "engine: vllm, model: a/b, replicas: 1",
        "refused": "engine: vllm, model: a/b, replicas: 7",
    }
    declared = "".join(f"  {name}: {{{model}}}\n" for name, model in models.items())
    (tmp_path / "r.yaml").write_text(
        f"corpus: t\nversion: 0.1.0\ntitle: T\nlicense: MIT\nmodels:\n{declared}tables:\n  problems: {{task: world, count: 3}}\n"
        f"  solutions: {{task: generate, from: problems, models: [{', '.join(models)}]}}\n"
        "  release: {task: release, from: solutions, splits: {all: 1}}\n"
    )
    touched = list_touched(make_plan(str(tmp_path / "r.yaml"), None, str(tmp_path / "store")))
    assert sorted(touched["models"]) == [
        "large: a/b (vllm, 3 replicas)",
        "own: abacus, 2 replicas",
        "plain: abacus",
        "refused: a/b (vllm)",
        "single: a/b (vllm)",
    ]
