"""What a deployment may say, checked before Prefect is asked: its own readers pass over a key or a type that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from prefect.cli.deploy._models import ConcurrencyLimitSpec, DeploymentConfig, RawScheduleConfig, WorkPoolConfig
from prefect.cli.deploy._schedules import _schedule_config_to_deployment_schedule as read_as_prefect
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.flows import Flow
from prefect.utilities.schema_tools.validation import validate
from pydantic import BaseModel, ValidationError

from schemas.recipe.document import Path

Fault = Callable[[Path, str], None]
"""Takes down what is wrong with a deployment, and where in it."""
FILE_KEYS = ("prefect-version", "name", "build", "push", "pull", "definitions", "deployments")
KINDS = ("cron", "interval", "rrule")
WANTED = {
    "cron": "five fields such as `0 2 * * *`",
    "interval": "seconds",
    "rrule": "RFC 5545's text, such as FREQ=DAILY",
}


class DeclaredPool(BaseModel, strict=True):
    """A work pool under `definitions`, which is ours: Prefect passes over it."""

    type: str = "process"
    concurrency_limit: int | None = None


def advise_name(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or what there is."""
    names = sorted(known)
    matches = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else f"there are {', '.join(names) or 'none'}"


def check_shape(declared: Mapping[str, Any], fault: Fault) -> None:
    """Find keys of a deployment that Prefect does not know, and values of another type than it takes."""
    check_keys(declared, DeploymentConfig.model_fields, (), fault)
    if "schedule" in declared:
        fault(("schedule",), "is passed over by Prefect; write `schedules`, a list")
    rest = {key: value for key, value in declared.items() if key not in ("schedule", "schedules", "concurrency_limit")}
    check_model(DeploymentConfig, rest, (), fault)
    pool = declared.get("work_pool")
    if isinstance(pool, Mapping):
        check_keys(pool, WorkPoolConfig.model_fields, ("work_pool",), fault)
    _check_limit(declared.get("concurrency_limit"), fault)


def check_keys(declared: Mapping[str, Any], known: Iterable[str], path: Path, fault: Fault) -> None:
    """Find keys that are not known."""
    for key in declared:
        if key not in tuple(known):
            fault((*path, key), f"Prefect knows no such key and would pass over it; {advise_name(key, known)}")


def check_model(model: type[BaseModel], declared: object, path: Path, fault: Fault) -> None:
    """Find what a model of Prefect's does not take."""
    try:
        model.model_validate(declared)
    except ValidationError as error:
        # behind the first key come the members of unions, which are no keys, each with a fault of its own
        for key, problem in {
            str(problem["loc"][0]) if problem["loc"] else "": problem for problem in error.errors()
        }.items():
            fault((*path, key) if key else path, f"{problem['input']!r:.60} does not fit ({problem['msg']})")


def _check_limit(limit: object, fault: Fault) -> None:
    if not isinstance(limit, Mapping):
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            fault(("concurrency_limit",), f"{limit!r:.60} is no limit; expected a number from 1 on, or a mapping")
        return
    here = ("concurrency_limit",)
    check_keys(limit, ConcurrencyLimitSpec.model_fields, here, fault)
    if "collision_strategy" not in limit:
        fault(here, "'collision_strategy' is missing; add ENQUEUE or CANCEL_NEW")
    known = {key: value for key, value in limit.items() if key in ConcurrencyLimitSpec.model_fields}
    check_model(ConcurrencyLimitConfig, known, here, fault)


def check_parameters(flow: Flow[..., Any], declared: object, path: Path, fault: Fault) -> None:
    """Find parameters that a flow does not have, and values that it does not take.

    Args:
        flow: The flow.
        declared: The deployment, or one of its schedules, with `parameters`.
        path: Where that stands.
        fault: Takes down what is wrong.

    """
    given = declared.get("parameters") if isinstance(declared, Mapping) else None
    if not isinstance(given, Mapping):
        return
    known, here = flow.parameters.properties, (*path, "parameters")
    for name in given:
        if name not in known:
            fault((*here, name), f"flow '{flow.name}' has no such parameter; {advise_name(name, known)}")
    rest = {name: value for name, value in given.items() if name in known}
    for problem in validate(rest, flow.parameters.model_dump(by_alias=True), ignore_required=True):
        fault((*here, *problem.absolute_path), f"does not fit flow '{flow.name}': {problem.message[:160]}")


def check_complete(flow: Flow[..., Any], declared: Mapping[str, Any], fault: Fault) -> None:
    """Find schedules whose runs would lack a parameter that the flow cannot do without."""
    given = declared.get("parameters") or {}
    for i, entry in enumerate(declared.get("schedules") or ()):
        lacking = [
            name for name in flow.parameters.required if name not in {**given, **(entry.get("parameters") or {})}
        ]
        if lacking:
            fault(("schedules", i), f"its runs would lack {', '.join(lacking)}; add it to `parameters`")


def parse_schedule(entry: Any, path: Path, fault: Fault) -> dict[str, Any] | None:
    """A schedule as `prefect deploy` reads it: with its kind, whether it is active, and its parameters."""
    kinds = [kind for kind in KINDS if isinstance(entry, Mapping) and entry.get(kind) is not None]
    if len(kinds) != 1:
        fault(path, f"expected one of {', '.join(KINDS)}, found {', '.join(kinds) or 'none'}")
        return None
    (kind,) = kinds
    unknown = [key for key in entry if key not in RawScheduleConfig.model_fields]
    check_keys(entry, RawScheduleConfig.model_fields, path, fault)
    try:
        RawScheduleConfig.model_validate({key: value for key, value in entry.items() if key not in unknown})
        return read_as_prefect(dict(entry)) if not unknown else None
    except (ValidationError, ValueError, TypeError) as error:
        _describe_problem(error, kind, entry, path, fault)
        return None


def _describe_problem(error: Exception, kind: str, entry: Mapping[str, Any], path: Path, fault: Fault) -> None:
    why, key = str(error), ""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        why, key = problem["msg"].removeprefix("Value error, "), str((*problem["loc"], "")[0])
    if "timezone" in why or key == "timezone":
        fault(
            (*path, "timezone"), f"{entry.get('timezone')!r} is no time zone; expected one such as UTC or Europe/Berlin"
        )
    elif key and key not in KINDS and key in entry:
        fault((*path, key), f"{entry[key]!r:.60} does not fit ({why})")
    else:
        fault((*path, kind), f"{entry[kind]!r} is no {kind} ({why[:120]}); expected {WANTED[kind]}")
