"""Runs in Prefect: their names, their end when they are interrupted or were killed, who is notified of a failure."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Crashed

from flows.observing.absence import skip_where_absent
from flows.observing.run_log import install_filters
from flows.planning.plan import Plan

HOST, PROCESS = "errata.host", "errata.process"
"""Labels of a run: where it runs, and in which process there."""
WEBHOOK = "ERRATA_WEBHOOK"
"""The environment variable with the URL that is notified of failures."""
SECRET = "errata-webhook"  # noqa: S105  # the name of Prefect's Secret block that may hold it instead
AT_WORK = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
SECONDS = 3.0
"""The time that the last words of an interrupted build may take."""


def name_run() -> str:
    """What a build is called in Prefect's pages until its recipe is read: the recipe's file, and the models it was given."""
    return " · ".join([Path(str(runtime.flow_run.parameters.get("recipe", "build"))).stem, *_list_changes(" ")])


def describe_run(plan: Plan, version: str) -> None:
    """Name the run of this context by corpus and version, and tag it, so that pages can be searched for either."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    corpus, tag = plan.recipe.corpus, runtime.flow_run.parameters.get("tag")
    name = " · ".join([f"{corpus}@{version}", *_list_changes(" ")])
    tags = {*context.flow_run.tags, "errata", corpus, *_list_changes("="), *([str(tag)] if tag else [])}
    with skip_where_absent("the run's name"), get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, name=name, tags=sorted(tags))


def _list_changes(sign: str) -> list[str]:
    """The weights that the run's parameters give to models."""
    models = (runtime.flow_run.parameters.get("models") or {}).items()
    changed = [(model, value) for model, changes in models if isinstance(changes, dict) for value in changes.values()]
    return [f"{model}{sign}{str(value)[:40]}" for model, value in changed]


class CurrentRun:
    """The run of this process, from when Prefect has begun it until it ends."""

    def __init__(self) -> None:
        self.id: UUID | None = None

    @contextmanager
    def track(self) -> Iterator[None]:
        """Record which process this run is, and end the runs in the records whose processes are gone."""
        context = FlowRunContext.get()
        assert context and context.flow_run
        self.id = context.flow_run.id
        install_filters()
        try:
            with get_client(sync_client=True) as client:
                labels: dict[str, bool | int | float | str] = {
                    HOST: socket.gethostname(),
                    PROCESS: _identify_process(os.getpid()),
                }
                client.update_flow_run_labels(self.id, labels)
                for run in find_lost_runs(client):
                    _end(client, run.id, Crashed(message="the process of this run is gone; start it again to go on"))
                    get_run_logger().info("run %s was killed; it is recorded as crashed now", run.name)
            yield
        except TerminationSignal:
            # Prefect would wait for the units at work until it is killed; they may be cut off anywhere
            Thread(target=_end_process, args=(self.id,), daemon=True).start()
            raise
        finally:
            self.id = None

    def record_interruption(self) -> None:
        """Record the run as cancelled, if the server answers within a moment."""
        if self.id is not None:
            _record_end(self.id, Cancelled(message="interrupted; start it again to go on"))


def find_lost_runs(client: SyncPrefectClient) -> list[FlowRun]:
    """Runs that are recorded as running on this machine, in processes that are gone."""
    running = FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.RUNNING]}}})
    runs = []
    for run in client.read_flow_runs(flow_run_filter=running, limit=200):
        host, process = (str(run.labels.get(name, "")) for name in (HOST, PROCESS))
        if host == socket.gethostname() and process and _identify_process(int(process.partition(":")[0])) != process:
            runs.append(run)
    return runs


def _identify_process(process: int) -> str:
    """A process by its number and, where the system tells, the time of its start: numbers are used again."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
        return f"{process}:{stat.rpartition(')')[2].split()[19]}"
    except OSError:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            pass
        return f"{process}:"


def _end_process(run: UUID) -> None:
    """End this process; who cancelled its run records that itself, and otherwise it crashed."""
    try:
        with get_client(sync_client=True) as client:
            cancelled = client.read_flow_run(run).state_type in (StateType.CANCELLING, StateType.CANCELLED)
    except Exception:
        cancelled = False
    if not cancelled:
        _record_end(run, Crashed(message="ended by SIGTERM; start it again to go on"))
    os._exit(128 + signal.SIGTERM)


def _record_end(run: UUID, state: State) -> None:
    """Record how a run ended, if the server answers within a moment; if not, the next build does."""

    def tell() -> None:
        try:
            with get_client(sync_client=True) as client:
                _end(client, run, state)
        except Exception:  # noqa: S110  # the server may be gone already
            pass

    thread = Thread(target=tell, daemon=True)
    thread.start()
    thread.join(SECONDS)


def end_task_runs(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """Hook: the units of a cancelled or crashed run are not at work any more."""
    with get_client(sync_client=True) as client:
        _end_units(client, flow_run.id, Cancelled(message="its run ended"))


def _end(client: SyncPrefectClient, run: UUID, state: State) -> None:
    client.set_flow_run_state(run, state, force=True)
    _end_units(client, run, state)


def _end_units(client: SyncPrefectClient, run: UUID, state: State) -> None:
    units = client.read_task_runs(
        flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [run]}}),
        task_run_filter=TaskRunFilter.model_validate({"state": {"type": {"any_": AT_WORK}}}),
    )
    for unit in units:
        client.set_task_run_state(unit.id, state, force=True)


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """Hook: tell the webhook of a scheduled run that failed or crashed.

    The URL is a secret (whoever has it can write there), so no message names it.
    """
    url = _find_webhook()
    if flow_run.deployment_id is None or not url:
        return
    text = f"{flow.name} {flow_run.name}: {state.name}: {state.message or ''}"[:2000]
    try:
        httpx.post(url, json={"text": text}, timeout=10).raise_for_status()
    except httpx.HTTPStatusError as error:
        print(f"{WEBHOOK}: the failure could not be told: answered {error.response.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        print(f"{WEBHOOK}: the failure could not be told: {type(error).__name__}")


def _find_webhook() -> str:
    """The URL to be notified of failures: of the environment, else of Prefect's Secret block; empty where there is none."""
    if url := os.environ.get(WEBHOOK, ""):
        return url
    from prefect.blocks.system import Secret

    try:
        return str(Secret.load(SECRET, _sync=True).get())  # type: ignore[call-arg, union-attr]
    except ValueError:
        return ""
