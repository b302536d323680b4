"""The corpora of the benchmark: the catalog's own recipes on more problems, with the rows that they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize

RECIPES = Path(__file__).parents[2] / "catalog/recipes"
Tables = dict[str, dict[str, Any]]
RIGHT: Tables = {
    "right": {"task": "select", "from": "contrasted", "where": "verdict = 'right'", "because": ["verdict", "undecided"]},
    "prompt-completion": {"task": "view", "from": "right", "format": "prompt-completion", "form": "conversational"},
}  # fmt: skip
WHOLE: Tables = {"preference": {"task": "preference", "from": "verified"}}
ROLLED: Tables = {
    # `stepwise` shows the labels of `agree`; where rollouts alone are asked, theirs are all there is to agree on
    "rolled": {"task": "estimate", "from": "different"},
    "by-rollouts": {"task": "agree", "from": "rolled", "rule": "k of n", "k": 1},
    "balanced-rollouts": {"task": "balance", "from": "by-rollouts", "per": "length"},
    "stepwise-rollouts": {"task": "view", "from": "balanced-rollouts", "format": "stepwise"},
}
ADDED: dict[str, Tables] = {"lemma": RIGHT, "step_pairs": WHOLE, "prm": ROLLED}


def name_corpus(recipe: str, seed: int) -> str:
    """What the release of a recipe is called."""
    return f"teaching_{recipe}_{seed}"


def adjust_recipe(text: str, name: str, seed: int, count: int) -> dict[str, Any]:
    """A recipe of the catalog with other problems, as many as asked for, and the tables of `ADDED`.

    Its gates are left out: they hold a release to what it promises, and what
    is measured here is what rows are good for as they come.

    Args:
        text: The recipe, in YAML.
        name: Its name in the catalog.
        seed: Which problems.
        count: How many problems.

    Returns:
        The recipe.

    """
    recipe: dict[str, Any] = yaml.safe_load(text)
    tables = recipe["tables"]
    tables["problems"] |= {"count": count, "seed": seed}
    added = {table: dict(task) for table, task in ADDED[name].items()}
    if "rolled" in added:
        added["rolled"] = tables["estimated"] | added["rolled"]
    release = tables.pop("release")
    views = [table for table, task in added.items() if task["task"] in {"view", "preference"}]
    recipe["tables"] = tables | added | {"release": release | {"from": [*release["from"], *views]}}
    recipe.pop("gates", None)
    return recipe | {"corpus": name_corpus(name, seed)}


def build_corpora(folder: Path, seed: int, count: int) -> None:
    """Build the releases of a seed into the folder's store; what stands there already is not made again."""
    (folder / "recipes").mkdir(parents=True, exist_ok=True)
    for name in ADDED:
        path = folder / "recipes" / f"{name_corpus(name, seed)}.yaml"
        recipe = adjust_recipe((RECIPES / f"{name}.yaml").read_text("utf-8"), name, seed, count)
        path.write_text(yaml.safe_dump(recipe, sort_keys=False), "utf-8")
        plan = make_plan(str(path), None, str(folder / "store"))
        if not plan.finished:
            publish_release(materialize(plan))
