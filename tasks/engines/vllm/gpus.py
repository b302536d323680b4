"""GPUs of this machine, and the groups of them that replicas of a model have for themselves."""

from __future__ import annotations

import os
import subprocess
from functools import cache

from schemas.recipe.models import VLLM
from schemas.request import EngineError
from tasks.engines.replicas.host import ReplicaHost

VISIBLE = "CUDA_VISIBLE_DEVICES"
SECONDS = 30.0
"""For nvidia-smi to list the GPUs."""


def list_gpus() -> list[str]:
    """The GPUs that programs may use here, as CUDA_VISIBLE_DEVICES names them; none where there are none."""
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return [str(number) for number in range(_count_gpus())]
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return names[: names.index("-1")] if "-1" in names else names


@cache
def _count_gpus() -> int:
    command = ["nvidia-smi", "--list-gpus"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in run.stdout.splitlines()) if run.returncode == 0 else 0


def list_gpu_groups(model: VLLM, host: ReplicaHost | None = None) -> list[str | None]:
    """Share the GPUs out among the replicas of a model.

    Args:
        model: Its declaration.
        host: Other machines that they run on; this one unless given.

    Returns:
        The GPUs of each replica, as CUDA_VISIBLE_DEVICES names them; None leaves it to vLLM, as there is one replica or no GPU, or
        to the other machine.

    Raises:
        EngineError: There are fewer GPUs than the replicas need.

    """
    size = model.count_gpus_of_replica()
    if host is not None:
        return [None] * _count_hosted(model, size, host)
    names = [str(number) for number in model.gpus] or list_gpus()
    wanted = max(1, len(names) // size) if model.replicas == "auto" else model.replicas
    if wanted == 1:
        return [",".join(names) if model.gpus else None]
    if not names:
        return [None] * wanted
    if len(names) < wanted * size:
        raise EngineError(
            f"model {model.model!r} (vllm): `replicas` {wanted} of {size} GPU{'s' if size > 1 else ''} each need {wanted * size}, and "
            f"there {'are' if len(names) > 1 else 'is'} {len(names)}; lower `replicas`, or have it counted by `replicas: auto`"
        )
    return [",".join(names[i * size : (i + 1) * size]) for i in range(wanted)]


def _count_hosted(model: VLLM, size: int, host: ReplicaHost) -> int:
    """How many replicas there will be on other machines; without any GPU as many as are asked for, since vLLM runs on processors too."""
    if model.gpus:
        raise EngineError(
            f"model {model.model!r} (vllm): `gpus` are numbers of one machine, and its replicas run on {host.name}, which chooses "
            "GPUs by itself; take `gpus` out"
        )
    there = host.count_gpus()
    places = host.count_places(size) if there else 0
    if model.replicas == "auto" and (places or not there):
        return max(1, places)
    wanted = 1 if model.replicas == "auto" else model.replicas
    if there and places < wanted:
        raise EngineError(
            f"model {model.model!r} (vllm): {wanted} replica{'s' if wanted > 1 else ''} of {size} GPUs on one machine each have no place "
            f"on {host.name}, whose {there} GPUs are enough for {places}; lower `replicas` or `tensor_parallel`, or start more nodes"
        )
    return wanted
