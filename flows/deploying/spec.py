"""Deployments: what Prefect starts by the clock or when it is asked, read from `infra/prefect.yaml` and checked whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.flows import Flow, load_flow_from_entrypoint

from flows.deploying import checks
from flows.deploying.checks import KINDS, advise_name
from schemas.recipe.document import Document, Fault, RecipeError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "prefect.yaml"
NOT_SERVED = ("build", "push", "pull", "triggers", "sla", "version_type")
"""What only Prefect's own deployments have: `errata serve` could not mean the same by it."""


@dataclass(frozen=True)
class Deployment:
    """One deployment of the file."""

    name: str
    flow: Flow[..., Any]
    pool: str
    """The work pool whose workers run it."""
    schedules: tuple[dict[str, Any], ...]
    """As `prefect deploy` reads them."""
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
    document: Document

    def refuse_unserved(self, chosen: list[Deployment]) -> None:
        """Raise `RecipeError` where the file says what only workers of a pool can do."""
        names = [deployment.name for deployment in chosen]
        listed = [(i, entry) for i, entry in enumerate(self.document.value["deployments"]) if entry["name"] in names]
        places: list[tuple[str | int, ...]] = [(key,) for key in NOT_SERVED if self.document.value.get(key)]
        places += [("deployments", i, key) for i, entry in listed for key in NOT_SERVED if entry.get(key)]
        how = "is done by workers alone; take it out, or use `errata deploy` and a worker"
        if places:
            raise RecipeError([self.document.fault(place, how) for place in places])

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
    _check_file(document, value)
    declared = (value.get("definitions") or {}).get("work_pools") or {}
    deployments = [_parse_deployment(document, i, entry) for i, entry in enumerate(listed or ())]
    if document.faults:
        raise RecipeError(document.faults)
    return Deployments(file, declared, tuple(deployment for deployment in deployments if deployment), document)


def _check_file(document: Document, value: Mapping[str, Any]) -> None:
    """Check what stands beside the deployments; faults are added to the document's."""

    def fault(path: tuple[str | int, ...], message: str) -> None:
        document.faults.append(document.fault(path, message))

    checks.check_keys(value, checks.FILE_KEYS, (), fault)
    pools = (value.get("definitions") or {}).get("work_pools") or {}
    for name, pool in pools.items():
        if isinstance(pool, Mapping):
            checks.check_keys(pool, checks.DeclaredPool.model_fields, ("definitions", "work_pools", name), fault)
        checks.check_model(checks.DeclaredPool, pool, ("definitions", "work_pools", name), fault)


def _parse_deployment(document: Document, i: int, declared: dict[str, Any]) -> Deployment | None:
    """A deployment; its faults are added to the document's."""
    here, before = ("deployments", i), len(document.faults)

    def fault(path: tuple[str | int, ...], message: str) -> None:
        document.faults.append(document.fault((*here, *path), message))

    for key in ("name", "entrypoint"):
        if not isinstance(declared.get(key), str):
            fault((), f"'{key}' is missing; add it")
    flow = _load_flow(declared["entrypoint"], fault) if isinstance(declared.get("entrypoint"), str) else None
    pool = declared["work_pool"].get("name") if isinstance(declared.get("work_pool"), Mapping) else None
    if not isinstance(pool, str):
        fault(("work_pool",), "names no work pool; write {name: cpu}")
    checks.check_shape(declared, fault)
    listed = declared["schedules"] if isinstance(declared.get("schedules"), list) else []
    if declared.get("schedules") and not listed:
        fault(("schedules",), "expected a list")
    schedules = [checks.parse_schedule(entry, ("schedules", j), fault) for j, entry in enumerate(listed)]
    if flow:
        checks.check_parameters(flow, declared, (), fault)
        for j, entry in enumerate(listed):
            checks.check_parameters(flow, entry, ("schedules", j), fault)
    if flow and len(document.faults) == before:
        checks.check_complete(flow, declared, fault)
    if len(document.faults) > before:
        return None
    assert flow and pool
    shown = tuple(_show_schedule(entry) for entry in listed)
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


def _show_schedule(entry: Mapping[str, Any]) -> str:
    """A schedule as people write it."""
    words = [f"{key} {entry[key]}" for key in (*KINDS, "timezone") if key in entry]
    return " ".join([*words, *(["(not active)"] if str(entry.get("active", True)).lower() == "false" else [])])
