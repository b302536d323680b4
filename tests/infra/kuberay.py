"""The fields of a RayCluster (ray.io/v1) as KubeRay documents them, and a strict reading of a manifest by them.

KubeRay's own schema is not in a package index, so this is written by hand, from the API of version 1.4. What is in a
pod's template is Kubernetes' own and is checked by its schemas (`test_tools`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

START = {"*": str}
GROUP = {"serviceType": str, "headService": dict, "enableIngress": bool, "rayStartParams!": START, "template!": dict}
WORKERS = {
    "groupName!": str, "replicas": int, "minReplicas!": int, "maxReplicas!": int, "numOfHosts": int, "suspend": bool,
    "idleTimeoutSeconds": int, "rayStartParams!": START, "template!": dict, "scaleStrategy": dict,
}  # fmt: skip
SPEC = {
    "headGroupSpec!": GROUP, "workerGroupSpecs": [WORKERS], "rayVersion": str, "enableInTreeAutoscaling": bool,
    "autoscalerOptions": dict, "headServiceAnnotations": START, "suspend": bool, "managedBy": str, "gcsFaultToleranceOptions": dict,
}  # fmt: skip
"""Fields and their types; those with `!` must be there."""


def check_cluster(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with the manifest of a cluster."""
    if (document.get("apiVersion"), document.get("kind")) != ("ray.io/v1", "RayCluster"):
        return ["expected a RayCluster of ray.io/v1"]
    return _check(document.get("spec"), SPEC, "spec")


def _check(value: Any, shape: Any, place: str) -> list[str]:
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place}: expected a list"]
        return [fault for i, item in enumerate(value) for fault in _check(item, shape[0], f"{place}[{i}]")]
    if not isinstance(shape, dict):
        wrong = not isinstance(value, shape) or (shape is int and isinstance(value, bool))
        return [f"{place}: {value!r} is no {shape.__name__}"] if wrong else []
    if not isinstance(value, Mapping):
        return [f"{place}: expected a mapping"]
    fields = {name.rstrip("!"): inner for name, inner in shape.items()}
    missing = [f"{place}: '{name[:-1]}' is missing" for name in shape if name.endswith("!") and name[:-1] not in value]
    unknown = [f"{place}: no field '{name}'" for name in value if name not in fields and "*" not in fields]
    inner = [(name, item, fields.get(name, fields.get("*"))) for name, item in value.items()]
    return [
        *missing,
        *unknown,
        *(fault for name, item, kind in inner if kind for fault in _check(item, kind, f"{place}.{name}")),
    ]
