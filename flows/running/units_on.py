"""Where a build runs its units: as the command says, else the environment or the user's configuration; on this machine unless one does."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.storage import Store
from flows.planning.plan import Plan
from flows.running.process_pool import ProcessPool
from flows.running.ray_connection import ClusterError, connect, list_nodes, parse_address
from tasks.engines.configuration import read_configuration

if TYPE_CHECKING:
    from flows.running.unit_executor import UnitExecutor

ON = "ERRATA_ON"
"""The environment variable that says where."""
LOCAL = "local"


def choose_place(on: str | None) -> str:
    """`local`, `ray` or `ray://HOST:PORT`; `PlaceError` names who says anything else."""
    said = {"--on": on, ON: os.environ.get(ON), "[build] on of the user's configuration": read_configuration().on}
    for who, place in said.items():
        if place and place != LOCAL:
            parse_address(place, who)
        if place:
            return place
    return LOCAL


def open_unit_executor(on: str | None, plan: Plan) -> tuple[UnitExecutor, Plan]:
    """What runs the units of a plan, once it is certain that all that it runs them on can do so.

    Args:
        on: Where, as `choose_place` says it.
        plan: The plan.

    Returns:
        The executor, which whoever asked for it closes, and the plan with sources and store as all machines see them.

    Raises:
        ClusterError: There is no such cluster, or one of its nodes cannot do its part.
        SourceError: A source is not seen by all nodes, and cannot be staged.

    """
    place = choose_place(on)
    if place == LOCAL:
        return ProcessPool(), plan
    ray, plan, unseen = _probe(place, plan)
    from flows.running.ray_executor import RayExecutor
    from flows.running.ray_node import describe_code
    from flows.running.staging import stage_sources

    return RayExecutor(ray, place, describe_code()), stage_sources(plan, unseen)


def describe_place(on: str | None, plan: Plan) -> str | None:
    """Where units would run, and what would be staged for it, in a line for people; None where that is this machine alone."""
    place = choose_place(on)
    if place == LOCAL:
        return None
    ray, plan, unseen = _probe(place, plan)
    nodes = list_nodes(ray)
    processors = sum(node["Resources"].get("CPU", 0) for node in nodes)
    staged = f"; {len(unseen)} sources would be copied into the store, which not all nodes see" if unseen else ""
    return f"units run on {place}: {len(nodes)} nodes with {processors:.0f} processors{staged}"


def _probe(place: str, plan: Plan) -> tuple[object, Plan, list[str]]:
    """The module `ray`, the plan with its store as all machines name it, and the sources that not all see."""
    from flows.running.ray_probe import probe_nodes
    from flows.running.staging import list_sources

    ray = connect(place)
    store = Store(plan.store)
    if store.in_memory:
        raise ClusterError(
            f"{place}: a store in memory is of one process; give one that all nodes reach: s3://…, or a shared folder"
        )
    if store.local:
        store = Store(store.root)
        plan = replace(plan, store=store.url, jobs=tuple(replace(job, store=store.url) for job in plan.jobs))
    return ray, plan, probe_nodes(ray, store, [(source.url, source.stamp) for source in list_sources(plan)])
