"""What a recipe touches: the files that it reads, the models it asks, and where, with which keys and by which programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from flows.planning.engines import describe_replicas
from flows.planning.plan import Plan
from schemas.recipe.models import VLLM, LlamaCpp, Model, OpenAI, Python
from schemas.request import EngineError
from tasks.engines.configuration import name_host

HUB = "huggingface.co"
"""Where weights and data sets are fetched that are named without a place, unless HF_ENDPOINT says otherwise."""
MOST = 8
"""Of each kind, as people are shown."""


def list_touched(plan: Plan) -> Mapping[str, list[str]]:
    """What a build of a plan reads, asks and runs, whether or not it is done already.

    Returns:
        By kind (files, models, hosts, keys, programs) what there is of it, each once.

    """
    models = {asked.name: asked.model for job in plan.jobs for asked in job.models}
    kinds = {
        "files": plan.files,
        "models": (f"{name}: {_describe_model(model)}" for name, model in models.items()),
        "hosts": (host for host in (*map(_find_host, models.values()), *map(_find_file_host, plan.files)) if host),
        "keys": (
            f"{model.key} → {name_host(model.url)}" for model in models.values() if isinstance(model, OpenAI) and model.key
        ),
        "programs": (program for model in models.values() for program in _list_programs(model)),
    }  # fmt: skip
    return {kind: list(dict.fromkeys(values)) for kind, values in kinds.items()}


def format_touched(touched: Mapping[str, Iterable[str]]) -> str:
    """A line for each kind of what a recipe touches."""
    lines = []
    for kind, values in touched.items():
        shown = list(values)
        more = f", … and {len(shown) - MOST:,} more" if len(shown) > MOST else ""
        lines.append(f"{kind:9} {', '.join(shown[:MOST]) or 'none'}{more}")
    return "\n".join(lines)


def _describe_model(model: Model) -> str:
    name, replicas = getattr(model, "model", None), describe_replicas(model)
    words = ", ".join([model.engine, replicas] if replicas else [model.engine])
    return f"{name} ({words})" if name else words


def _find_host(model: Model) -> str | None:
    if isinstance(model, OpenAI):
        return name_host(model.url).removeprefix("http://")
    return _locate_hub() if isinstance(model, VLLM) and "model" not in model.paths() else None


def _locate_hub() -> str:
    return urlsplit(os.environ.get("HF_ENDPOINT", "")).hostname or HUB


def _find_file_host(file: str) -> str | None:
    if file.startswith("hf://") and not file.startswith("hf:///"):
        return _locate_hub()
    return urlsplit(file).hostname if "://" in file and not file.startswith("file:") else None


def _list_programs(model: Model) -> list[str]:
    """The programs that a model runs; none where this process or an endpoint answers."""
    if isinstance(model, VLLM):
        from tasks.engines.vllm.engine import find_python

        return [f"{find_python()} (vllm)"]
    if isinstance(model, Python):
        return [f"{sys.executable} (python, in a sandbox)"]
    return _list_llama_servers() if isinstance(model, LlamaCpp) else []


def _list_llama_servers() -> list[str]:
    from tasks.engines.llama.server import find_program

    try:
        return [f"{' '.join(find_program().command)} (llama)"]
    except EngineError:
        return []  # a build says why
