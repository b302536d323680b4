"""Rollouts go on with beginnings of answers: engines do exactly that, and endpoints are tried once before they are believed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError
from schemas.request import EngineError
from tests import golden
from tests.endpoints import SERVERS
from tests.faulty_server import Act, Asked, FaultyServer, problem

HERE = Path(__file__).parent
RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  finch: {engine: openai, model: finch, url: URL, concurrency: 2, attempts: 2}
tables:
  solutions: {task: import, files: solutions.jsonl, set: {value: s}, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  estimated: {task: estimate, from: verified, model: finch, rollouts: 1, method: every-step, max_tokens: 16}
  release: {task: release, from: estimated, splits: {all: 1}}
"""
SOLUTION = {
    "q": "What is the sum of 1 and 2?",
    "a": "3",
    "m": "sparrow",
    "t": "1. We add 1 and 2.\n2. That gives 4.\n#### 4",
}


def build(tmp_path: Path, url: str, extra: str = "") -> str:
    (tmp_path / "solutions.jsonl").write_text(json.dumps(SOLUTION) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("URL", url + extra))
    store = str(tmp_path / "store")
    materialize(make_plan(str(recipe), None, store))
    return store


def probes(server: FaultyServer) -> int:
    return sum("nothing else:" in json.dumps(asked.body) for asked in server.asked)


def rollouts(store: str) -> list[str]:
    """What the ledger has of rollouts, sorted."""
    rows = pl.read_parquet(f"{store}/ledger/*.parquet").filter(~pl.col("prompt").str.contains("nothing else:"))
    return rows["text"].sort().to_list()


@pytest.mark.parametrize("name", ["vllm-serve", "ollama", "llama-cpp"])
def test_an_endpoint_that_goes_on_is_tried_once_and_what_it_repeats_is_taken_off(name: str, tmp_path: Path) -> None:
    with FaultyServer(SERVERS[name]) as server:
        store = build(tmp_path, server.url)
        assert probes(server) == 3
        before = len(server.asked)
        build(tmp_path, server.url)
        assert len(server.asked) == before
    texts = rollouts(store)
    assert texts and all(text.startswith((" 3, 4,", " 2, 3,", " 5, 6,")) for text in texts)


def test_a_build_that_died_behind_the_probes_does_not_pay_for_them_again(tmp_path: Path) -> None:
    def dies(asked: Asked) -> Act:
        return vllm(asked) if "nothing else:" in json.dumps(asked.body) else problem(402, "no credit")

    vllm = SERVERS["vllm-serve"]
    with FaultyServer(dies) as server:
        with pytest.raises(EngineError):
            build(tmp_path, server.url)
        assert probes(server) == 3
        server.script = vllm
        build(tmp_path, server.url)
        assert probes(server) == 3


def test_an_endpoint_that_does_not_go_on_is_refused_with_what_to_do(tmp_path: Path) -> None:
    lines = []
    for name in ("llama-cpp-python", "lm-studio", "anthropic"):
        with FaultyServer(SERVERS[name]) as server, pytest.raises(EngineError) as error:
            build(tmp_path, server.url)
        assert probes(server) == len(server.asked)
        lines.append(f"{name}: {str(error.value).replace(server.url, 'URL')}")
    golden.check(HERE / "continuation-errors.txt", "\n".join(lines) + "\n")


def test_a_text_is_gone_on_with_without_a_probe(tmp_path: Path) -> None:
    with FaultyServer(SERVERS["llama-cpp-python"]) as server:
        store = build(tmp_path, server.url, ", api: completions")
        assert probes(server) == 0 and {"prompt"} <= set(server.asked[0].body)
    assert rollouts(store)


def test_a_plan_says_where_an_endpoint_is_known_not_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"recipe.yaml:11: tables.estimated.model: model 'finch': OpenAI's .* do not go on"
    ):
        build(tmp_path, "https://api.openai.com/v1")


def test_an_endpoint_that_was_mended_is_tried_again(tmp_path: Path) -> None:
    with FaultyServer(SERVERS["llama-cpp-python"]) as server:
        for _ in range(2):
            with pytest.raises(EngineError, match="does not go on"):
                build(tmp_path, server.url)
        assert probes(server) == len(server.asked) == 6
        server.script = SERVERS["vllm-serve"]
        build(tmp_path, server.url)
        assert probes(server) == 9


def test_a_plan_says_what_the_embedded_model_is_not_sampled_by(tmp_path: Path) -> None:
    text = RECIPE.replace("{engine: openai, model: finch, url: URL, concurrency: 2, attempts: 2}", "{engine: abacus}")
    problems = "  problems: {task: world, count: 2, level: 1}\n"
    solve = "  solved: {task: generate, from: problems, models: [finch], sampling: [{top_k: 5, min_p: 0.1}]}\n"
    (tmp_path / "solutions.jsonl").write_text("{}\n")
    (tmp_path / "recipe.yaml").write_text(text.replace("  release:", f"{problems}{solve}  release:"))
    with pytest.raises(
        RecipeError, match=r"tables.solved.sampling: model 'finch': .* alone; take `top_k`, `min_p` out"
    ):
        make_plan(str(tmp_path / "recipe.yaml"), None, str(tmp_path / "store"))
