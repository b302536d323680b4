"""Engines by the models a recipe declares."""

from __future__ import annotations

import os
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from errata.cache import find_root

from catalog.confinement import Confinement
from catalog.digests import Digests
from catalog.model_files import PACKAGES, find_package, locate_model_file
from catalog.sources import find_sources
from schemas.engine import Engine, LoggedEngine, Spent
from schemas.model_id import ModelId
from schemas.recipe.models import VLLM, Abacus, LlamaCpp, Model, Python, World
from schemas.request import EngineError
from tasks.engines.llama.gguf import WITHOUT_TEMPLATE, read_model_file
from tasks.engines.replicas.host import ReplicaHost

LOGS = "logs"
"""The folder of the cache where the programs of engines leave what they print."""
DIGITS = 16
"""Of a file's SHA-256, as requests bear them."""


def locate_model(
    model: Model, recipe: str, confinement: Confinement | None = None, named: Collection[str] = ()
) -> Model:  # fmt: skip
    """The model with paths as they are from here: a recipe's are beside it, and those of named weights where they are kept.

    Args:
        model: The declaration.
        recipe: The recipe's file.
        confinement: Where what it names must lie.
        named: The fields that are the user's own words, which may name any place.

    Returns:
        The declaration with other paths.

    Raises:
        OutsideError: A file or folder lies where the recipe may not read.

    """
    if isinstance(model, LlamaCpp) and not model.paths():
        return model.model_copy(update={"model": str(locate_model_file(find_package(model.model)))})
    beside = Path(recipe).parent
    located = {field: path if os.path.isabs(path) else str(beside / path) for field, path in model.paths().items()}
    if confinement:
        for field, path in model.paths().items():
            if field not in named:
                confinement.add_path(located[field], path)
    return model.model_copy(update=located)


def identify_model(model: Model, declared: Model, digests: Digests | None = None) -> ModelId:
    """How requests name a model: the engine is not part of it.

    Args:
        model: The declaration, its paths as they are from here.
        declared: The declaration as the recipe has it.
        digests: The digests that are remembered, of weights that are hashed.

    Returns:
        The name, with the revision, the options and all else that its answers depend on.

    """
    if isinstance(model, Abacus):
        from tasks.engines.abacus.engine import read_revision

        return ModelId("abacus", read_revision(model.checkpoint))
    if isinstance(declared, Python):
        from tasks.engines.python.engine import describe_revision

        return ModelId("python", describe_revision(declared))
    if isinstance(declared, World):
        from tasks.engines.world.engine import identify_teacher

        return identify_teacher(declared)
    assert not isinstance(declared, Abacus | Python)
    name, revision = declared.model, declared.variant if isinstance(declared, VLLM) else declared.revision
    if isinstance(declared, LlamaCpp):
        name, revision = _identify_weights(model, declared, digests)
    return ModelId(name, revision, declared.make_options(), system=declared.system, sampling=declared.make_sampling())


def _identify_weights(model: Model, declared: LlamaCpp, digests: Digests | None) -> tuple[str, str]:
    """A GGUF file is known by its name and its SHA-256, wherever it lies; that of named weights is known without it."""
    assert isinstance(model, LlamaCpp)
    if declared.paths():
        if not read_model_file(model.model).has_chat_template and declared.api == "chat":
            raise EngineError(f"{declared.model}: {WITHOUT_TEMPLATE}")
        digest = find_sources(model.model, declared.model, digests)[0].digest
    else:
        digest = find_package(declared.model).sha256
    if not digest.startswith(declared.revision):
        raise EngineError(
            f"{declared.model}: its SHA-256 is {digest}, and `revision` says that it begins with {declared.revision}; "
            "name the right file, or change `revision`"
        )
    return Path(declared.model).stem if declared.paths() else declared.model, digest[:DIGITS]


def open_engine(model: Model, spent: Spent, host: ReplicaHost | None = None) -> Engine:
    """The engine that answers for a model.

    Args:
        model: The declaration, its paths as they are from here.
        spent: Gives the tokens and the money that the ledger knows of.
        host: Other machines that replicas run on; this one unless given.

    Returns:
        An engine, to be closed by whoever opened it.

    Raises:
        EngineError: It cannot answer as it is.

    """
    if isinstance(model, LlamaCpp) and not os.path.exists(model.model):
        raise EngineError(f"{model.model}: the weights are not there; {_advise_on_weights(model)}")
    hosted = {"host": host} if host and isinstance(model, VLLM | Abacus) else {}
    engine: Engine = import_module(f"tasks.engines.{model.engine}").open_engine(model, spent, **hosted)
    if isinstance(engine, LoggedEngine):
        engine.logs = find_root() / LOGS
    return engine


def count_replicas(model: Model, host: ReplicaHost | None = None) -> int:
    """How many copies of a model there will be, on this machine or others; raises `EngineError` where there are too few GPUs for them."""
    if isinstance(model, VLLM):
        from tasks.engines.vllm.gpus import list_gpu_groups

        return len(list_gpu_groups(model, host))
    if isinstance(model, Abacus):
        from tasks.engines.abacus.replicas import count_replicas

        return count_replicas(model, host)
    return 1


def describe_replicas(model: Model, host: ReplicaHost | None = None) -> str:
    """How many copies of a model there will be, in words: "4 replicas"; empty where there is one, or there is no place for them."""
    try:
        replicas = count_replicas(model, host)
    except EngineError:  # a build says why
        return ""
    return f"{replicas} replicas" if replicas > 1 else ""


def measure_room(model: Model, host: ReplicaHost | None = None) -> dict[str, float]:
    """What a model takes of what a build's models share, as `Declaration.room` has it, with all replicas; elsewhere a GPU is taken whole."""
    if isinstance(model, VLLM) and host and host.count_gpus():
        return {f"gpu {number}": 1.0 for number in range(count_replicas(model, host) * model.count_gpus_of_replica())}
    if isinstance(model, VLLM) and model.replicas == "auto":
        return model.model_copy(update={"replicas": count_replicas(model)}).room()
    return model.room()


def _advise_on_weights(model: LlamaCpp) -> str:
    names = [name for name, package in PACKAGES.items() if str(locate_model_file(package)) == model.model]
    return f"errata models fetch {names[0]}" if names else "check `model`"
