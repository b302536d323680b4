"""The flow that turns a recipe into a release.

Prefect is only here, at the rim: its tasks take references to tables, never
frames, and each does one unit of work that can be done again.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, as_completed
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from catalog.publishing import clash, folder
from catalog.store import Store, StoreError
from catalog.tables import Manifest
from flows import asking, progress, table
from flows import plan as planning
from flows import release as releasing
from flows.events import Lineage
from flows.funnel import funnel
from flows.plan import Plan, Work
from schemas.task import Asking, PerProblem, WholeTable
from tasks import TASKS


def transient(_: Task, __: TaskRun, state: State) -> bool:  # type: ignore[type-arg]
    """Whether a failed unit may succeed if it is tried again: trouble with storage, not with data or code."""
    error = state.result(raise_on_failure=False)
    permanent = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)
    cause = error.__cause__ if isinstance(error, StoreError) else error
    return isinstance(cause, OSError) and not isinstance(cause, permanent)


def _unit(work: Work, unit: table.Unit) -> None:
    table.do(work, unit, progress.watcher.advance)


again: Any = task(retries=2, retry_delay_seconds=[1, 5], retry_condition_fn=transient, cache_policy=NO_CACHE)
unit_task = again(_unit).with_options(name="unit", task_run_name="{work.name} {unit.name}")
ask_task = again(asking.ask).with_options(name="ask", task_run_name="{work.name} ask")
decide_task = again(table.decide).with_options(name="decide", task_run_name="{work.name} decide")
finish_task = again(table.finish).with_options(name="finish", task_run_name="{work.name} finish")
release_task = again(releasing.release).with_options(name="release")


@flow(name="build", task_runner=ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1))  # type: ignore[arg-type]
def build(recipe: str, data: str | None = None, store: str = "store", publish: bool = True) -> str:
    """Build a recipe's release and return its URL; what exists already is not made again.

    Parameters: the recipe's path, the folder that `${data}` stands for in it,
    the store's path or URL, and whether the tables are published when they are
    complete.
    """
    plan = planning.make(recipe, data, store)
    if publish:
        refuse(plan)
    link = Store(store).link(folder(plan.recipe.corpus, plan.recipe.version))
    if plan.finished and publish:
        get_run_logger().info("%s is released already, nothing to do", link)
        return link
    done, told = dict(plan.done), Lineage.of(plan.recipe.corpus)
    for wave in plan.waves():
        done |= _wave(wave, told)
    if not publish:
        return link
    plan = replace(plan, done=done)
    release_task(plan)
    _artifacts(plan, link)
    return link


def refuse(plan: Plan) -> None:
    """Raise `PublishError` where the version of the recipe is published with other content."""
    if plan.released is None:
        return
    recipe = plan.recipe
    link = Store(plan.store).link(folder(recipe.corpus, recipe.version))
    error = clash(plan.released, recipe.version, plan.release.fingerprint, link)
    if error:
        raise error


def _wave(works: list[Work], told: Lineage) -> dict[str, Manifest]:
    """Make tables that do not need each other; whoever listens is told how each begins and ends."""
    done: dict[str, Manifest] = {}
    try:
        _make(works, told, done)
    except BaseException as error:
        for work in works:
            if work.name not in done:
                told.fail(work, error)
        raise
    return done


def _make(works: list[Work], told: Lineage, done: dict[str, Manifest]) -> None:
    """Make the tables of a wave; the units of all run side by side."""
    for work in works:
        told.begin(work)
    decisions = {
        work.name: decide_task.submit(work) for work in works if isinstance(TASKS[work.task], WholeTable | PerProblem)
    }
    waiting: dict[str, set[PrefectFuture[None]]] = {}
    for work in works:
        if work.name in decisions:
            decisions[work.name].result()
        pending = table.pending(work)
        rows = table.rows_expected(work)
        left = sum(table.rows(work, unit) for unit in pending)
        progress.watcher.begin(work.name, rows, 0 if rows is None else rows - left)
        if isinstance(TASKS[work.task], Asking):
            waiting[work.name] = {ask_task.submit(work, pending)} if pending else set()
        else:
            waiting[work.name] = {unit_task.submit(work, unit) for unit in pending}
    for work in works:
        if not waiting[work.name]:
            done[work.name] = _finish(work, told)
    for future in as_completed([future for futures in waiting.values() for future in futures]):
        future.result()
        (work,) = (work for work in works if future in waiting[work.name])
        waiting[work.name].remove(future)
        if not waiting[work.name]:
            done[work.name] = _finish(work, told)


def _finish(work: Work, told: Lineage) -> Manifest:
    """Complete a table whose units have all ended, and say so."""
    manifest: Manifest = finish_task(work)
    kept, rejected = manifest.receipt.rows_kept(), manifest.receipt.rows_rejected()
    progress.watcher.end(work.name, kept, rejected)
    told.end(work, manifest)
    get_run_logger().info("%s: %d kept, %d rejected", work.name, kept, rejected)
    return manifest


def _artifacts(plan: Plan, link: str) -> None:
    """The funnel and the link to the release, where Prefect's pages show them."""
    name = plan.recipe.corpus.replace("_", "-")
    rows = [
        {**step, "reasons": ", ".join(f"{k} {v}" for k, v in step["reasons"].items())}
        for step in funnel(plan, plan.done)
    ]
    create_table_artifact(
        rows, key=f"{name}-funnel", description=f"Funnel of {plan.recipe.corpus} {plan.recipe.version}"
    )
    create_link_artifact(link, f"{plan.recipe.corpus} {plan.recipe.version}", key=f"{name}-release")
    create_markdown_artifact(f"`{link}`", key=f"{name}-release-path", description="Where the release lies")
