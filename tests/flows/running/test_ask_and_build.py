"""A corpus that asks the embedded model, as a user makes it: forecast, build, accounts, and what more samples ask."""

import re
from pathlib import Path

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE

from tests.building import build

RECIPE = """\
corpus: asked
version: {version}
title: T
license: Apache-2.0
seed: 3
models: {{abacus: {{engine: abacus}}}}
tables:
  problems: {{task: world, count: 200, level: 1}}
  solutions:
    task: generate
    from: problems
    models: [abacus]
    prompt: abacus-solve
    sampling: [{{temperature: 1.0, samples: {samples}}}, {{temperature: 0}}]
    max_tokens: 200
  steps: {{task: split, from: solutions}}
  verified: {{task: verify, from: steps}}
  release: {{task: release, from: verified, splits: {{train: 0.8, test: 0.2}}}}
"""
FORETOLD = re.compile(r"^solutions +abacus +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", re.MULTILINE)
SPENT = re.compile(r"^asked +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) +–$", re.MULTILINE)


def figures(pattern: re.Pattern[str], text: str) -> list[int]:
    """The numbers of a line."""
    match = pattern.search(text)
    assert match, text
    return [int(group.replace(",", "")) for group in match.groups()]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "asked.yaml"
    path.write_text(RECIPE.format(version="0.1.0", samples=2))
    return path


def test_foretold_built_accounted_for(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(verb: str, *more: str) -> str:
        assert main([verb, *more, "--store", str(tmp_path / "s")]) == DONE
        return capsys.readouterr().out

    requests, known, prompt_tokens, tokens = figures(FORETOLD, run("plan", str(recipe)))
    assert (requests, known) == (600, 192), "the pilot asked about 64 problems, and its answers are in the ledger"
    paid = figures(SPENT, run("ledger"))
    assert paid[0] == 192
    build(recipe, tmp_path / "s")
    spent = figures(SPENT, run("ledger"))
    assert spent[0] == 600
    assert spent[1] - paid[1] == pytest.approx(prompt_tokens, rel=0.2)
    assert spent[2] - paid[2] == pytest.approx(tokens, rel=0.2)

    recipe.write_text(RECIPE.format(version="0.2.0", samples=4))
    assert re.search(r"^solutions +abacus +1,000 +600 +\? +\?$", run("plan", str(recipe), "--pilot", "0"), re.MULTILINE)
    build(recipe, tmp_path / "s")
    assert figures(SPENT, run("ledger"))[0] == 1000, "of four samples, two are known"
