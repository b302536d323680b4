"""Builds that number themselves, builds with other weights, and trouble that is waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from errata import ErrataError

from catalog import tags
from catalog.storage import Store, StoreError
from flows import build as building
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.planning.versioning import bump_version, find_matching_release
from flows.publishing import publish
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError
from schemas.request import EngineError

TINY = """\
corpus: tiny
version: {version}
title: {title}
license: MIT
tables:
  problems: {{task: world, count: 20}}
  some: {{task: select, from: problems, where: "answer < '{below}'"}}
  release: {{task: release, from: some}}
"""
ASKING = """\
corpus: asking
version: 1.0.0
title: T
license: MIT
models:
  small: {engine: recorded, model: m, revision: a}
tables:
  problems: {task: world, count: 20}
  solutions: {task: generate, from: problems, models: [small]}
  release: {task: release, from: solutions}
"""


def build_tables(folder: Path, version: str = "1.0.0", below: int = 5, title: str = "T") -> Plan:
    """A plan whose tables are complete."""
    (folder / "tiny.yaml").write_text(TINY.format(version=version, below=below, title=title))
    return materialize(planning.make_plan(str(folder / "tiny.yaml"), None, str(folder / "store")))


def test_what_differs_numbers_a_release(tmp_path: Path) -> None:
    first = bump_version(build_tables(tmp_path))
    assert first.recipe.version == "1.0.0"
    publish.publish_release(first)
    more = bump_version(build_tables(tmp_path, below=7))
    assert more.recipe.version == "1.1.0"
    assert "version: 1.1.0" in more.recipe.text
    assert publish.publish_release(more)["recipe"]["text"] == more.recipe.text
    fewer = bump_version(build_tables(tmp_path, below=3))
    assert fewer.recipe.version == "2.0.0"
    assert bump_version(build_tables(tmp_path, below=7, title="Other")).recipe.version == "1.1.1"


def test_what_is_published_already_is_found_whatever_its_version(tmp_path: Path) -> None:
    assert find_matching_release(build_tables(tmp_path)) is None
    for below in (5, 7):
        publish.publish_release(bump_version(build_tables(tmp_path, below=below)))
    for below, version in ((5, "1.0.0"), (7, "1.1.0")):
        there = find_matching_release(build_tables(tmp_path, version="0.0.1", below=below))
        assert there is not None
        assert there.finished
        assert there.recipe.version == version
    tags.note(Store(str(tmp_path / "store")), "tiny", "1.1.0", "yank", "wrong")
    assert find_matching_release(build_tables(tmp_path, below=7)) is None
    assert bump_version(build_tables(tmp_path, below=7)).recipe.version == "1.1.1"  # 1.1.0 is taken


def test_other_weights_change_what_they_answer_and_nothing_else(tmp_path: Path) -> None:
    recipe = tmp_path / "asking.yaml"
    recipe.write_text(ASKING)
    result, other = (planning.make_plan(str(recipe), None, str(tmp_path), models) for models in (None, {"small": {"revision": "b"}}))  # fmt: skip
    same = [a.fingerprint == b.fingerprint for a, b in zip(result.jobs, other.jobs)]
    assert same == [True, False, False]
    assert [asked.named.revision for plan in (result, other) for asked in plan.jobs[1].models] == ["a", "b"]
    assert 'revision: "b"' in other.recipe.text
    assert recipe.read_text() == ASKING
    with pytest.raises(RecipeError, match="did you mean 'revision'"):
        planning.make_plan(str(recipe), None, str(tmp_path), {"small": {"revison": "b"}})


class Log:
    def warning(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("error", "waited"),
    [
        (EngineError("the endpoint is down"), [60, 300]),
        (OSError("the disk is away"), [60, 300]),
        (FileNotFoundError("gone"), []),
        (RuntimeError("a bug"), []),
    ],
)
def test_trouble_that_passes_is_waited_for(
    error: Exception, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "get_run_logger", Log)
    waits: list[float] = []

    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        building.retry_build(work, 2, waits.append)
    assert waits == waited
    answers = iter([error, None])

    def passes() -> str:
        if answer := next(answers):
            raise answer
        return "done"

    if waited:
        assert building.retry_build(passes, 1, waits.append) == "done"


def test_a_store_error_is_waited_for_by_its_cause() -> None:
    missing, away = StoreError("x"), StoreError("x")
    missing.__cause__, away.__cause__ = FileNotFoundError(), ConnectionError()
    assert not building.may_pass(missing)
    assert building.may_pass(away)


def test_a_tag_is_checked_before_anything_is_built() -> None:
    with pytest.raises(ErrataError, match="a tag begins with a letter"):
        tags.check_tag("2000 steps")


def test_a_plan_under_another_version_has_the_same_tables(tmp_path: Path) -> None:
    plan = build_tables(tmp_path)
    other = planning.with_version(plan, "3.0.0")
    assert [work.fingerprint for work in plan.jobs[:-1]] == [work.fingerprint for work in other.jobs[:-1]]
    assert plan.release.fingerprint != other.release.fingerprint
    again = planning.with_version(other, "1.0.0")
    assert replace(again, recipe=plan.recipe) == plan
