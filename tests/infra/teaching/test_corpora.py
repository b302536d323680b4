"""The corpora are the catalog's recipes, with what they are compared with beside it."""

import pytest
import yaml

from catalog.declarations import find_declarations
from infra.teaching.arms import ARMS, COMPARISONS
from infra.teaching.corpora import ADDED, RECIPES, adjust_recipe
from schemas.recipe.reader import read_recipe
from tasks import TASKS


@pytest.mark.parametrize("name", ADDED)
def test_a_recipe_is_adjusted_and_holds(name: str) -> None:
    text = (RECIPES / f"{name}.yaml").read_text("utf-8")
    before, recipe = yaml.safe_load(text), adjust_recipe(text, name, 7, 50)
    assert recipe["tables"]["problems"]["count"] == 50 and recipe["tables"]["problems"]["seed"] == 7
    kept = {table: task for table, task in before["tables"].items() if table not in {"problems", "release"}}
    assert kept.items() <= recipe["tables"].items()
    released = (
        read_recipe(yaml.safe_dump(recipe, sort_keys=False), "recipe.yaml", TASKS, find_declarations(RECIPES))
        .tables[-1]
        .inputs
    )
    assert {view for arm in ARMS.values() if arm.recipe == name for view in arm.views} <= set(released)


def test_compared_arms_have_one_loss_and_one_recipe() -> None:
    for arm, other in COMPARISONS:
        assert (ARMS[arm].loss, ARMS[arm].recipe) == (ARMS[other].loss, ARMS[other].recipe)
        assert ARMS[arm].views != ARMS[other].views
