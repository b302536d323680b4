"""Kill -9 builds of the recipes that make rows of mistakes, and start again: the same release, byte for byte."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from tests.command import ROOT, files_of
from tests.flows.running.test_kill_asking import killed, start

pytestmark = pytest.mark.kill

RECIPES = ROOT / "catalog" / "recipes"
KILLS, WAIT = 4, 900


def count_files(store: Path) -> int:
    """Files of a store's tables and ledger; each is a commit, a part or a segment."""
    # a folder may go while we look
    return sum(len(files) for folder in ("tables", "ledger") for _, _, files in os.walk(store / folder))


@pytest.mark.parametrize(("name", "count"), [("step_pairs", 60), ("lemma", 60), ("prm", 60), ("search", 12)])
def test_a_killed_recipe_releases_the_same_bytes(name: str, count: int, tmp_path: Path) -> None:
    recipe, chance = tmp_path / f"{name}.yaml", random.Random()
    text = re.sub(r"count: \d+", f"count: {count}", (RECIPES / f"{name}.yaml").read_text("utf-8"))
    recipe.write_text(text.partition("gates:")[0])  # what gates ask of so few rows says nothing
    assert start(recipe, tmp_path / "undisturbed").wait(WAIT) == 0
    release = f"releases/{name}/0.1.0"
    whole, store, kills = count_files(tmp_path / "undisturbed"), tmp_path / "killed", 0
    for share in range(1, KILLS + 1):  # at moments spread over the build, each a little later or earlier
        enough = (share - chance.random()) * whole / KILLS
        kills += killed(start(recipe, store), lambda: count_files(store) >= enough)  # noqa: B023
        time.sleep(0.01)
    assert kills >= KILLS // 2, "builds ended before they were killed"
    assert start(recipe, store).wait(WAIT) == 0
    expected = files_of(tmp_path / "undisturbed" / release)
    assert expected and files_of(store / release) == expected
