"""The version that a build's rows call for: what differs from the release before it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import errata
from errata import tag_log
from errata.compare import semver
from errata.compare.difference import Difference, compare_views
from errata.compare.row_fingerprints import digest_rows, find_key, read_frames
from errata.release.names import EXACT, parse_version, sort_versions
from errata.storage import Storage

from catalog.publish.publish import PublishError, read_published
from catalog.storage import Store
from flows.planning.plan import Plan, with_version
from flows.planning.splits import split_rows
from schemas.recipe.changes import with_version as change_version
from schemas.recipe.document import Document, RecipeError


@dataclass(frozen=True)
class Comparison:
    """What differs between a build's rows and the release before it, and the version that this calls for."""

    before: str | None
    """The version they are compared with; None where there is none."""
    difference: Difference | None
    """What differs from it."""
    version: str
    """The smallest valid bump: the recipe's own where nothing was released before."""


def compare_with_release(plan: Plan, before: str | None) -> Comparison:
    """Compare a plan's complete tables with a published version."""
    recipe = plan.recipe
    if before is None:
        return Comparison(None, None, recipe.version)
    difference = compare_rows(plan, before)
    return Comparison(before, difference, semver.bump(before, semver.find_required_step(difference)))


def find_latest_release(plan: Plan, below: str | None = None) -> str | None:
    """The newest version of the corpus that was published and not withdrawn, maybe below another; None if none was."""
    store, corpus = Store(plan.store), plan.recipe.corpus
    state = tag_log.read_state(Storage(plan.store), corpus)
    for version in reversed(
        sort_versions([name for name in store.names(f"releases/{corpus}") if EXACT.fullmatch(name)])
    ):
        fits = below is None or parse_version(version) < parse_version(below)
        if fits and not state.yanked(version) and read_published(store, corpus, version):
            return version
    return None


def find_matching_release(plan: Plan) -> Plan | None:
    """The plan under the newest version that was published with just its content; None where no version was."""
    store, corpus = Store(plan.store), plan.recipe.corpus
    state = tag_log.read_state(Storage(plan.store), corpus)
    for version in reversed(
        sort_versions([name for name in store.names(f"releases/{corpus}") if EXACT.fullmatch(name)])
    ):
        candidate = with_version(plan, version)
        if candidate.finished and not state.yanked(version):
            return candidate
    return None


def bump_version(plan: Plan) -> Plan:
    """A plan whose tables are complete, under the smallest valid bump that is not taken."""
    version = compare_with_release(plan, find_latest_release(plan)).version
    store, corpus = Store(plan.store), plan.recipe.corpus
    while read_published(store, corpus, version):  # withdrawn, and newer than the one that stands
        version = semver.bump(version, "PATCH")
    return with_version(plan, version)


def compare_rows(plan: Plan, before: str) -> Difference:
    """What differs between a published version and what a plan would publish."""
    with warnings.catch_warnings(action="ignore", category=errata.ErrataWarning):
        old = errata.open_release(f"{plan.recipe.corpus}@{before}", plan.store)
    works = {work.name: work for work in plan.jobs}
    names = plan.recipe.tables[-1].inputs
    views = []
    for name in names:
        if name in old.views:
            new = ((split, frame) for part in split_rows(works[name], plan) for split, frame in part.items())
            views.append(
                compare_views(
                    name,
                    digest_rows(read_frames(old, name), find_key(old, name)),
                    digest_rows(new, works[name].contract.key),
                )
            )
    after = f"{plan.recipe.corpus}@{plan.recipe.version}"
    gone = [name for name in old.views if name not in names]
    return Difference(old.name, after, views, [name for name in names if name not in old.views], gone)


def refuse_semver_violations(plan: Plan) -> None:
    """Raise `PublishError` where the recipe's version is too small a bump for what its rows differ in."""
    version = plan.recipe.version
    before = find_latest_release(plan, below=version)
    if before is None:
        return
    violation = semver.find_violation(compare_rows(plan, before), before, version)
    if violation:
        raise PublishError(
            f"{plan.recipe.file}: version {violation} (errata release {plan.recipe.file}{plan.flags} --set auto)"
        )


def write_version(recipe: str, version: str) -> None:
    """Write a version into a recipe's file, and nothing else."""
    path = Path(recipe)
    document = Document(path.read_text("utf-8"), recipe)
    if document.faults or not isinstance(document.value, dict):
        raise RecipeError(document.faults or [document.fault(("version",), f"write `version: {version}` yourself")])
    path.write_text(change_version(document, version), "utf-8")
