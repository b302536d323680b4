"""The flow that turns a recipe into a release.

Prefect is only here, at the rim: its tasks take references to tables, never
frames, and each does one unit of work that can be done again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import as_completed
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task
from prefect.utilities.callables import get_call_parameters

from catalog import tags
from catalog.publish.publish import PublishError, find_clash, locate_release, read_published
from catalog.storage import Store, StoreError
from flows.gates.check import watch_gates
from flows.gates.result import GateError, format_result
from flows.observing import prefect_artifacts, prefect_runs
from flows.observing.openlineage import Lineage
from flows.observing.prefect_assets import AssetEvents, send_release
from flows.planning import plan as planning
from flows.planning import versioning
from flows.planning.plan import Plan, TableJob
from flows.publishing import publish as releasing
from flows.running.calls import ASKING, prepare, run_batch
from flows.running.complete import complete_table
from flows.running.engine_pool import EnginePool
from flows.running.partitions import PartitionBatch
from flows.running.run_plan import Future, Observer, materialize
from flows.running.unit_executor import UnitExecutor
from flows.running.units_on import open_unit_executor
from flows.running.watcher import NOBODY, Watcher
from schemas.recipe.changes import Models
from schemas.recipe.document import Fault, RecipeError
from schemas.request import EngineError

AUTO = "auto"
FIRST_WAIT = 60
"""Seconds before a build goes on by itself; five times as many before it does again."""
T = TypeVar("T")


def is_transient(_: Task, __: TaskRun, state: State) -> bool:  # type: ignore[type-arg]
    """Whether a failed unit may succeed if it is tried again."""
    return may_pass(state.result(raise_on_failure=False))


def may_pass(error: Any) -> bool:
    """Whether an error is one of storage that may pass by itself, not one of data or code."""
    permanent = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)
    cause = error.__cause__ if isinstance(error, StoreError) else error
    # object stores raise of a lost connection what is no OSError
    kinds = (OSError,) if cause is error else (OSError, Exception)
    return isinstance(cause, kinds) and not isinstance(cause, (*permanent, TypeError, ValueError, NotImplementedError))


def _retry_batch(
    job: TableJob,
    batch: PartitionBatch,
    units: UnitExecutor | None,
    engines: EnginePool | None,
    watcher: Watcher = NOBODY,
) -> None:
    """Run a batch; when it is tried again, without what had ended the first time."""
    left = batch.partitions
    if runtime.task_run.run_count > 1:
        left = [partition for partition in left if not job.folder().read_commit(partition.name)]
    run_batch(job, PartitionBatch(left), units, engines, watcher)


again: Any = task(retries=2, retry_delay_seconds=[1, 5], retry_condition_fn=is_transient, cache_policy=NO_CACHE)
calls: dict[Callable[..., Any], Any] = {
    run_batch: again(_retry_batch).with_options(name="units", task_run_name="{job.name} {batch.name}"),
    prepare: again(prepare).with_options(name="decide", task_run_name="{job.name} decide"),
    complete_table: again(complete_table).with_options(name="finish", task_run_name="{job.name} finish"),
}
"""The Prefect task of each call that the runner makes."""
gates_task = again(watch_gates).with_options(name="gates", task_run_name="gates")
release_task = again(releasing.publish_release).with_options(name="release", task_run_name="release")


class PrefectExecutor:
    """Carries out the runner's calls as Prefect tasks: recorded, and tried again where storage failed."""

    def __init__(self) -> None:
        self._asking: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=ASKING)

    def __enter__(self) -> PrefectExecutor:
        self._asking.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._asking.__exit__(*error)

    def submit(self, call: Callable[..., T], job: TableJob, *arguments: Any) -> Future[T]:
        """Submit a call to the flow's task runner, or to that of tables that ask models."""
        future: Future[T]
        if job.models:
            future = self._asking.submit(calls[call], get_call_parameters(calls[call].fn, (job, *arguments), {}))
        else:
            future = calls[call].submit(job, *arguments)
        return future

    def run(self, call: Callable[..., T], job: TableJob, *arguments: Any) -> T:
        """Make a call on the thread of the flow."""
        result: T = calls[call](job, *arguments)
        return result

    def as_completed(self, futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
        """Futures as their tasks end."""
        return as_completed(list(futures))  # type: ignore[arg-type]


OPTIONS: dict[str, Any] = {
    "name": "build",
    "flow_run_name": prefect_runs.name_run,
    "on_failure": [prefect_runs.notify],
    "on_crashed": [prefect_runs.notify, prefect_runs.end_task_runs],
    "on_cancellation": [prefect_runs.end_task_runs],
    "task_runner": ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1),
}


@flow(**OPTIONS)
def build(
    recipe: str, data: str | None = None, store: str | None = None, publish: bool = True,
    models: dict[str, dict[str, str]] | None = None, version: str | None = None, tag: str | None = None, retries: int = 0,
    trust: bool = False, on: str | None = None,
) -> str:  # fmt: skip
    """Build a recipe's release; what exists already is not made again.

    Args:
        recipe: The YAML file that declares the corpus.
        data: The folder that `${data}` stands for in it; else that of ERRATA_DATA.
        store: A path or URL; else that of ERRATA_STORE, or `store`.
        publish: Whether a release is made of the tables when they are complete.
        models: Other weights of the recipe's models, by their names: `{"small": {"revision": "989aa79"}}`.
        version: `auto` for the smallest valid bump, if anything differs; else the recipe's own.
        tag: A tag that names the release then, such as that of a checkpoint.
        retries: How often to go on by itself after trouble with storage or an engine, later each time.
        trust: Whether the recipe may name files anywhere, and not only in its own folder and that of data.
        on: Where its units run: `local`, `ray` or `ray://HOST:PORT`; else that of ERRATA_ON or of the user's configuration.

    Returns:
        The release's URL.

    """
    data, store = data or os.environ.get("ERRATA_DATA"), store or os.environ.get("ERRATA_STORE") or "store"
    if version not in (None, AUTO):
        raise RecipeError([Fault(recipe, 1, "version", f"is asked to be {version!r:.40}, expected 'auto' or none")])
    if tag is not None:
        tags.check_tag(tag)
    auto = version == AUTO

    def attempt() -> Plan:
        return _build(planning.make_plan(recipe, data, store, models, trust=trust), publish, auto, NOBODY, on)

    with prefect_runs.CurrentRun().track():
        plan = retry_build(attempt, retries, time.sleep)
        if tag is not None and publish:
            tags.tag(Store(store), plan.recipe.corpus, tag, plan.recipe.version, "set by the build")
    return Store(store).link(locate_release(plan.recipe.corpus, plan.recipe.version))


def build_plan(
    plan: Plan, run: prefect_runs.CurrentRun, watcher: Watcher, publish: bool = True, models: Models | None = None,
    auto: bool = False, on: str | None = None,
) -> Plan:  # fmt: skip
    """Build what was planned already, as a run of the flow `build`.

    Args:
        plan: The plan; the run's parameters, which Prefect's pages show, are those it was made with.
        run: Takes down which run it is.
        watcher: Is notified of how far it is.
        publish: Whether a release is made of the tables when they are complete.
        models: The weights that it was planned with.
        auto: Whether the release gets the smallest valid version.
        on: Where its units run, unless the environment says it.

    Returns:
        The plan with its tables and, if it was published, under its version and with its manifest.

    """

    @flow(**OPTIONS)
    def build(
        recipe: str, data: str | None, store: str, publish: bool, models: dict[str, dict[str, str]] | None, version: str | None,
        trust: bool,
    ) -> Plan:  # fmt: skip
        with run.track():
            return _build(plan, publish, auto, watcher, on)

    model_changes = {name: dict(changes) for name, changes in (models or {}).items()} or None
    return build(plan.recipe.file, plan.data, plan.store, publish, model_changes, AUTO if auto else None, plan.trust)


def retry_build(work: Callable[[], T], retries: int, sleep: Callable[[float], None]) -> T:
    """Do work, again after trouble that passes by itself: with storage, or with an engine."""
    for wait in [*(FIRST_WAIT * 5**n for n in range(retries)), None]:
        try:
            return work()
        except (EngineError, StoreError, OSError) as error:
            if wait is None or (not isinstance(error, EngineError) and not may_pass(error)):
                raise
            get_run_logger().warning("%s; goes on in %d minutes", error, wait // 60)
            sleep(wait)
    raise AssertionError


def _build(plan: Plan, publish: bool, auto: bool, watcher: Watcher, on: str | None) -> Plan:
    """Make the tables, and maybe the release; the plan under the version that was released."""
    prefect_runs.describe_run(plan, AUTO if auto and publish else plan.recipe.version)
    released = versioning.find_matching_release(plan) if auto else plan if plan.finished else None
    if released and publish:
        link = Store(plan.store).link(locate_release(released.recipe.corpus, released.recipe.version))
        get_run_logger().info("%s is released already, nothing to do", link)
        prefect_runs.describe_run(released, released.recipe.version)
        return released
    if publish and not auto:
        refuse_clash(plan)
    units, reached = open_unit_executor(on, plan)
    with closing(units):
        with prefect_artifacts.show_progress(plan, watcher) as watchers, PrefectExecutor() as executor:
            observers: list[Observer] = [Lineage.of(plan.recipe.corpus), AssetEvents(plan)]
            reached = materialize(reached, executor, observers, watchers, units)
        # tables under the store's name that all machines know
        jobs = tuple(replace(job, store=reached.store) for job in plan.jobs)
        plan = replace(plan, done=reached.done, jobs=jobs)
        if not publish:
            return plan
        prefect_artifacts.show_funnel(plan)
        plan, manifest = _publish(plan, auto, watcher, units)
    prefect_artifacts.show_release(plan, manifest)
    send_release(plan)
    if auto:
        prefect_runs.describe_run(plan, plan.recipe.version)
    return replace(plan, published=manifest)


def _publish(plan: Plan, auto: bool, watcher: Watcher, units: UnitExecutor) -> tuple[Plan, dict[str, Any]]:
    """Release complete tables; the plan under the version they got, and the manifest."""
    results = _check_gates(plan, watcher, units)
    while True:
        plan = versioning.bump_version(plan) if auto else plan
        try:
            return plan, release_task(plan, results, units)
        except PublishError:
            # another build may have taken the number meanwhile; then the next one is asked for
            if not auto or read_published(Store(plan.store), plan.recipe.corpus, plan.recipe.version) is None:
                raise


def _check_gates(plan: Plan, watcher: Watcher, units: UnitExecutor) -> Sequence[Mapping[str, Any]]:
    """What was found at the gates, which Prefect's pages show, too; `GateError` where nothing may be released."""
    results: Sequence[Mapping[str, Any]] = []
    try:
        results = gates_task(plan, watcher, units)
    except GateError as error:
        results = error.results
        raise
    finally:
        prefect_artifacts.show_gates(plan, results)
    for result in results:
        if result["passed"] is False:
            get_run_logger().warning("gate missed: %s", format_result(result))
    return results


def refuse_clash(plan: Plan) -> None:
    """Raise `PublishError` where the version of the recipe is published with other content."""
    if plan.published is None:
        return
    recipe = plan.recipe
    link = Store(plan.store).link(locate_release(recipe.corpus, recipe.version))
    error = find_clash(plan.published, recipe.version, plan.release.fingerprint, link)
    if error:
        raise error
