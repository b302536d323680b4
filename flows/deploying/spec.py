"""Deployments: what Prefect starts by the clock or when it is asked, read from `infra/prefect.yaml` and checked whole."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.schedules import Cron, Interval, RRule, Schedule
from pydantic import ValidationError

from schemas.recipe.document import Document, Fault, RecipeError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "prefect.yaml"
KINDS = ("cron", "interval", "rrule")


@dataclass(frozen=True)
class Deployment:
    """One deployment of the file."""

    name: str
    flow: Flow[..., Any]
    pool: str
    """The work pool whose workers run it."""
    schedules: tuple[Schedule, ...]
    shown: tuple[str, ...]
    """The schedules as people write them."""
    declared: dict[str, Any]
    """All that the file says of it."""

    @property
    def full_name(self) -> str:
        """By which Prefect knows it."""
        return f"{self.flow.name}/{self.name}"


@dataclass(frozen=True)
class Deployments:
    """A file of deployments."""

    file: str
    pools: dict[str, dict[str, Any]]
    """The work pools it declares: type and concurrency limit, by name."""
    deployments: tuple[Deployment, ...]

    def chosen(self, names: list[str]) -> list[Deployment]:
        """Those with the names, or all; `RecipeError` where there is no such one."""
        known = [deployment.name for deployment in self.deployments]
        faults = [
            Fault(self.file, 1, "deployments", f"no '{name}'; {advise_name(name, known)}")
            for name in names
            if name not in known
        ]
        if faults:
            raise RecipeError(faults)
        return [deployment for deployment in self.deployments if not names or deployment.name in names]


def advise_name(name: str, known: list[str]) -> str:
    """`did you mean 'x'?`, or what there is."""
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else f"there are {', '.join(sorted(known)) or 'none'}"


def read_deployments(file: str) -> Deployments:
    """Read a file of deployments; `RecipeError` with every fault found."""
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise RecipeError(
            [Fault(file, 1, "", f"cannot be read ({why}); the one that ships is infra/prefect.yaml")]
        ) from None
    document = Document(text, file)
    value = document.value if isinstance(document.value, dict) else {}
    listed = value.get("deployments")
    if not document.faults and not (isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed)):
        document.faults.append(document.fault(("deployments",), "expected a list of mappings with a `name` each"))
    if document.faults:
        raise RecipeError(document.faults)
    declared = (value.get("definitions") or {}).get("work_pools") or {}
    deployments = [_parse_deployment(document, i, entry) for i, entry in enumerate(listed or ())]
    if document.faults:
        raise RecipeError(document.faults)
    return Deployments(file, declared, tuple(deployment for deployment in deployments if deployment))


def _parse_deployment(document: Document, i: int, declared: dict[str, Any]) -> Deployment | None:
    """A deployment; its faults are added to the document's."""
    here, before = ("deployments", i), len(document.faults)

    def fault(path: tuple[str | int, ...], message: str) -> None:
        document.faults.append(document.fault((*here, *path), message))

    for key in ("name", "entrypoint"):
        if not isinstance(declared.get(key), str):
            fault((), f"'{key}' is missing; add it")
    pool = (declared.get("work_pool") or {}).get("name")
    if not isinstance(pool, str):
        fault(("work_pool",), "names no work pool; write {name: cpu}")
    flow = _load_flow(str(declared.get("entrypoint")), fault) if len(document.faults) == before else None
    known = list(flow.parameters.properties) if flow else []
    for name in declared.get("parameters") or {} if flow else ():
        if name not in known:
            fault(
                ("parameters", name), f"flow '{flow and flow.name}' has no such parameter; {advise_name(name, known)}"
            )
    schedules = [
        _parse_schedule(entry, ("schedules", j), fault) for j, entry in enumerate(declared.get("schedules") or ())
    ]
    if len(document.faults) > before:
        return None
    assert flow and pool
    shown = tuple(
        " ".join(f"{key} {entry[key]}" for key in (*KINDS, "timezone") if key in entry)
        for entry in declared.get("schedules") or ()
    )
    return Deployment(declared["name"], flow, pool, tuple(s for s in schedules if s), shown, declared)


def _load_flow(entrypoint: str, fault: Any) -> Flow[..., Any] | None:
    """The flow of an entrypoint below the checkout's root."""
    path, _, function = entrypoint.partition(":")
    place = (ROOT / path).resolve()
    if not place.is_relative_to(ROOT) or not place.is_file() or not function.isidentifier():
        fault(("entrypoint",), f"'{entrypoint}' is no flow of this checkout; expected one such as flows/build.py:build")
        return None
    try:
        return load_flow_from_entrypoint(f"{place}:{function}", use_placeholder_flow=False)
    except Exception as error:
        why = str(error).strip().splitlines()[-1].replace(f"{ROOT}/", "").rstrip(". ")
        fault(("entrypoint",), f"'{entrypoint}' cannot be loaded ({why}); mend it")
        return None


def _parse_schedule(entry: Any, path: tuple[str | int, ...], fault: Any) -> Schedule | None:
    """A schedule of Prefect's."""
    kinds = [kind for kind in KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1:
        fault(path, f"expected one of {', '.join(KINDS)}, found {', '.join(kinds) or 'none'}")
        return None
    (kind,) = kinds
    wanted = {
        "cron": "five fields such as `0 2 * * *`",
        "interval": "seconds",
        "rrule": "RFC 5545's text, such as FREQ=DAILY",
    }
    try:
        return _build_schedule(kind, entry)
    except (ValidationError, ValueError, TypeError) as error:
        why = (error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)).removeprefix(
            "Value error, "
        )
        if "timezone" in why:
            zone = entry.get("timezone")
            fault((*path, "timezone"), f"{zone!r} is no time zone; expected one such as UTC or Europe/Berlin")
            return None
        fault((*path, kind), f"{entry[kind]!r} is no {kind} ({str(why)[:120]}); expected {wanted[kind]}")
        return None


def _build_schedule(kind: str, entry: dict[str, Any]) -> Schedule:
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    zone, value = entry.get("timezone", "UTC"), entry[kind]
    if kind == "cron":
        CronSchedule(cron=value, timezone=zone)  # raises where it is none
        return Cron(value, timezone=zone)
    if kind == "rrule":
        RRuleSchedule(rrule=value, timezone=zone)
        return RRule(value, timezone=zone)
    anchor = entry.get("anchor_date")
    begin = datetime.datetime.fromisoformat(str(anchor)) if anchor else None
    period = datetime.timedelta(seconds=float(value))
    IntervalSchedule(interval=period)
    return Interval(period, timezone=zone, anchor_date=begin)
