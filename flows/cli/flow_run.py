"""Running the Prefect flow of a plan in a terminal: how far it is, and how it is interrupted."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from flows.deploying.server import apply_settings, explain_unreachable, start_own_server, use_server
from tasks.orphans import end_orphans

if TYPE_CHECKING:
    from flows.observing.prefect_runs import CurrentRun
    from flows.planning.plan import Plan
    from flows.running.progress import LiveTable
    from schemas.recipe.changes import Models


def run_flow(
    plan: Plan, *, verbose: bool, plain: bool, publish: bool, models: Models | None = None, auto: bool = False,
    on: str | None = None,
) -> Plan:  # fmt: skip
    """Run the flow of a plan, showing how far it is; without `publish` it stops when the tables are complete."""
    from rich.console import Console

    from flows.running import progress

    end_when_interrupted()
    apply_settings(verbose)
    console = Console(stderr=True)
    if orphans := end_orphans():
        processes = "process" if orphans == 1 else "processes"
        console.print(f"ended {orphans} {processes} that a killed build had left", highlight=False)
    waiting = sum(len(wave) for wave in plan.topological_generations())
    console.print(
        f"{plan.recipe.corpus} {plan.recipe.version}: {waiting} of {len(plan.jobs) - 1} tables to make; Prefect starts …",
        highlight=False,
    )
    server = start_own_server()
    from flows import build as flow
    from flows.observing.prefect_runs import CurrentRun

    if publish and not auto:
        flow.refuse_clash(plan)
    if publish:
        _import_meanwhile(plan)
    live = progress.LiveTable(console) if console.is_terminal and not plain and not verbose else None
    run = CurrentRun()
    end_when_interrupted(live, run)
    with live.progress if live else nullcontext(), explain_unreachable():
        use_server(server)
        return flow.build_plan(plan, run, live or progress.PlainLines(console), publish, models, auto, on)


def _import_meanwhile(plan: Plan) -> None:
    """Import what the end of a build needs, while the server starts on another processor."""
    from flows.report import page

    assert page.SECTIONS
    if plan.recipe.gates is not None:
        from flows.gates.great_expectations import load_library

        load_library()


def end_when_interrupted(live: LiveTable | None = None, run: CurrentRun | None = None) -> None:
    """Let Ctrl-C and SIGTERM end the process there and then, from before anything large is imported.

    A KeyboardInterrupt would not do: raised in a callback or a destructor, as libraries have them while they are
    imported, it is swallowed, and the build goes on. A build may be killed at any moment, so nothing has to be tidied up but its
    record in Prefect; waiting for the units at work while Prefect's server, which
    gets the signal too, goes away under them would only fill the screen.
    """

    def end(number: int, _: object) -> None:
        if live:
            live.progress.stop()
        print("errata: interrupted; start it again to go on", file=sys.stderr, flush=True)
        if run:
            run.record_interruption()
        os._exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
