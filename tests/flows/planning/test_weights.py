"""What weights at hand say of a model stands in the plan: contexts that no prompt fits into, and models without a chat template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.planning.plan import make_plan
from flows.planning.weights import LENGTHS, has_chat_template, read_trained_context
from schemas.recipe.document import RecipeError
from schemas.recipe.models import VLLM, LlamaCpp
from tests.tasks.engines.llama.gguf_file import write_gguf

RECIPE = """\
corpus: tiny
version: 1.0.0
title: T
license: MIT
models: {solver: {MODEL}}
tables:
  problems: {task: world, count: 4, level: 1}
  solutions: {task: generate, from: problems, models: [solver], prompt: solve, max_tokens: MOST}
  steps: {task: split, from: solutions}
  judged: {task: judge, from: steps, models: [solver], form: FORM}
  release: {task: release, from: judged}
"""


def write_folder(path: Path, template: bool = True, **config: Any) -> Path:
    """A folder as Hugging Face has them, without the weights."""
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"} if template else {"pad": 1}))
    return path


def find_faults(folder: Path, model: str, most: int = 512, form: str = "likelihood") -> list[str]:
    """The faults of a plan, each with the line of the recipe that it is of."""
    text = RECIPE.replace("MODEL", model).replace("MOST", str(most)).replace("FORM", form)
    (folder / "tiny.yaml").write_text(text)
    try:
        make_plan(str(folder / "tiny.yaml"), None, str(folder / "store"))
    except RecipeError as error:
        return [str(fault).removeprefix(f"{folder}/tiny.yaml:") for fault in error.faults]
    return []


def test_an_answer_that_may_fill_the_context_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")  # made for 8,192 tokens
    llama = "engine: llama, model: ./tiny.gguf, context: "
    assert find_faults(tmp_path, f"{llama} 600") == []
    assert find_faults(tmp_path, f"{llama} 512") == [
        "8: tables.solutions.max_tokens: is 512, and model 'solver' holds 512 tokens, those of the prompt and those of the "
        "answer together: none is left for the prompt; lower it, or raise `context` of the model (its weights were made for 8,192)"
    ]
    (whole,) = find_faults(tmp_path, f"{llama} 20000", 8192)
    assert "holds 8,192 tokens" in whole and whole.endswith("none is left for the prompt; lower it")
    judged = find_faults(tmp_path, f"{llama} 600", form="json")  # 2,048 tokens unless the table says otherwise
    assert [fault.partition(": is")[0] for fault in judged] == ["10: tables.judged.max_tokens"]


def test_a_folder_for_vllm_is_held_to_what_it_says(tmp_path: Path) -> None:
    write_folder(tmp_path / "weights", max_position_embeddings=1024)
    vllm = "engine: vllm, model: ./weights"
    assert find_faults(tmp_path, vllm) == []
    (too_long,) = find_faults(tmp_path, vllm, 1024)
    assert "holds 1,024 tokens" in too_long
    (beyond,) = find_faults(tmp_path, f"{vllm}, context: 2048")
    assert beyond == (
        "5: models.solver.context: is 2,048, and the weights were made for 1,024: vLLM refuses it; lower it"
    )
    write_folder(tmp_path / "weights", template=False, max_position_embeddings=1024)
    (base,) = find_faults(tmp_path, vllm)
    assert "5: models.solver.model" in base and "it has no chat template" in base
    assert find_faults(tmp_path, f"{vllm}, api: completions") == []
    (tmp_path / "weights" / "chat_template.jinja").write_text("{{ x }}")
    assert find_faults(tmp_path, vllm) == []


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({}, None),
        ({"max_position_embeddings": "many"}, None),
        ({"n_positions": 2048, "seq_length": 512}, 512),
        ({"text_config": {"max_position_embeddings": 4096}, "max_position_embeddings": 7}, 4096),
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "yarn", "factor": 4}}, None),
    ],
)
def test_what_is_not_known_for_sure_is_not_known(tmp_path: Path, config: dict[str, Any], context: int | None) -> None:
    assert set(config) <= {*LENGTHS, "text_config", "rope_scaling"}
    folder = write_folder(tmp_path / "weights", **config)
    assert read_trained_context(VLLM(engine="vllm", model=str(folder))) == context


def test_weights_that_are_elsewhere_say_nothing(tmp_path: Path) -> None:
    assert read_trained_context(VLLM(engine="vllm", model="some/name")) is None
    assert has_chat_template(VLLM(engine="vllm", model="some/name")) is None
    assert read_trained_context(LlamaCpp(engine="llama", model=str(tmp_path / "nowhere.gguf"))) is None
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert read_trained_context(VLLM(engine="vllm", model=str(tmp_path))) is None
    assert has_chat_template(VLLM(engine="vllm", model=str(tmp_path))) is None, "no settings of a tokenizer are there"
