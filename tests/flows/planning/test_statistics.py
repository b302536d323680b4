"""What an engine cannot say of tokens is refused before anything runs, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.planning.recipe_file import open_recipe
from schemas.recipe.document import RecipeError
from tests import golden

RECIPE = """\
corpus: tiny
version: 1.0.0
title: T
license: MIT
models: {solver: {MODEL}}
tables:
  problems: {task: world, count: 4, level: 1}
  solutions: {task: generate, from: problems, models: [solver], prompt: solve, statistics: [NAMES]}
  certain: {task: select, from: solutions, where: "NAMES > -9"}
  release: {task: release, from: certain}
"""
ENGINES = {
    "abacus": "engine: abacus",
    "vllm": "engine: vllm, model: a/b",
    "vllm, shared": "engine: vllm, model: a/b, tensor_parallel: 2, engine_args: {speculative_config: {method: ngram, num_speculative_tokens: 4}}",
    "llama": "engine: llama, model: smollm2",
    "openai": "engine: openai, model: gpt",
    "openai, omitted": "engine: openai, model: gpt, omit: [logprobs]",
    "recorded": "engine: recorded, model: gpt",
    "world": "engine: world",
}


def find_fault(folder: Path, model: str, name: str) -> str:
    path = folder / "tiny.yaml"
    path.write_text(RECIPE.replace("MODEL", model).replace("NAMES", name))
    try:
        open_recipe(str(path))
    except RecipeError as error:
        return str(error).replace(f"{folder}/", "")
    return "is taken"


def test_what_an_engine_cannot_give_is_refused(tmp_path: Path) -> None:
    lines = [
        f"{engine}, {name}: {find_fault(tmp_path, model, name)}"
        for engine, model in ENGINES.items()
        for name in ("self_certainty", "min_k20")
    ]
    golden.check(Path(__file__).with_name("statistics-refused.txt"), "\n".join(lines) + "\n")
    assert sum(line.endswith("is taken") for line in lines) == 9


def test_a_column_that_is_not_asked_for_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    text = RECIPE.replace("MODEL", "engine: abacus").replace("statistics: [NAMES]", "statistics: [min_k20]")
    path.write_text(text.replace("NAMES", "self_certainty"))
    with pytest.raises(RecipeError, match="self_certainty"):
        open_recipe(str(path))
