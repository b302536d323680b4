"""What a test runs on the head of a cluster: `python -m tests.ray.drive tables RECIPE STORE PLACE`, or `fail PLACE`; prints JSON."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog.sources import SourceError
from catalog.storage import Store
from flows.planning.plan import make_plan
from flows.running import compaction, process_pool, run_plan
from flows.running.ray_connection import connect
from flows.running.ray_node import describe_code
from flows.running.ray_replicas import RayReplicas, RayWorker
from flows.running.run_plan import materialize
from flows.running.unit_executor import ProcessError, Unit
from flows.running.units_on import describe_place, open_unit_executor
from flows.running.watcher import NOBODY, Watcher
from schemas.recipe.models import VLLM, Abacus
from schemas.request import Completion, EngineError, Message, Request, Sampling
from tasks.engines.abacus.engine import AbacusEngine
from tasks.engines.abacus.replicas import AbacusReplicas
from tasks.engines.replicas.engine import ReplicatedEngine
from tasks.engines.vllm.engine import VLLMEngine
from tests.ray.cluster import GPUS, HEAD
from tests.tasks.engines.vllm.opening import FAKE


class Diary(Watcher):
    """Takes down the rows that units were at."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def advance(self, table: str, rows: int, share: float | None) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows
        print(f"at work on {table}", file=sys.stderr, flush=True)


def make_tables(recipe: str, store: str, place: str) -> dict[str, Any]:
    """Make the tables of a recipe, all of whose units run in other processes, also those that put files together."""
    process_pool.ROWS = 1
    for module in (compaction, run_plan):
        vars(module)["MANY"] = 1
    plan, diary = make_plan(recipe, None, store), Diary()
    where = describe_place(place, plan)
    units, reached = open_unit_executor(place, plan)
    done = materialize(reached, watcher=diary, units=units).done
    kept = {name: table.receipt.rows_kept() for name, table in done.items()}
    return {"rows": diary.rows, "kept": kept, "where": where, "files": list_files(store)}


def list_files(store: str) -> dict[str, str]:
    """The SHA-256 of each file of the tables of a store, by its path."""
    place = Store(store)
    paths = [str(path)[len(place.root) + 1 :] for path in place.fs.find(place.full("tables"))]
    return {path: hashlib.sha256(place.read(path)).hexdigest() for path in paths}


def raise_error(_: Watcher) -> None:
    """A unit that fails."""
    try:
        raise OSError(28, "No space left on device")
    except OSError as error:
        raise SourceError("a.jsonl: cannot be read") from error


class Unreadable:
    """What arrives nowhere, as of a commit that a node does not have."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return importlib.import_module, ("of.another.commit",)


def fail(recipe: str, store: str, place: str) -> dict[str, Any]:
    """Run a unit that fails, and one that cannot be read, and say what comes of it."""
    from tests.ray import drive  # by the name that nodes know it by

    units, _ = open_unit_executor(place, make_plan(recipe, None, store))
    said: dict[str, Any] = {}
    with closing(units):
        try:
            units.run([Unit("t, unit 0", drive.raise_error, ())], NOBODY)
        except SourceError as error:
            said = {"error": str(error), "cause": repr(error.__cause__), "notes": "".join(error.__notes__)}
        try:
            units.run([Unit("t, unit 1", drive.raise_error, (drive.Unreadable(),))], NOBODY)
        except ProcessError as error:
            said["unread"] = str(error)
    return said


def ask(text: str, sample: int = 0, tokens: int = 40) -> Request:
    """A request to any model."""
    return Request("m", "", (Message("user", text),), Sampling(tokens), sample)


def open_replicas(place: str) -> RayReplicas:
    """Where replicas run on a cluster."""
    return RayReplicas(connect(place), place, describe_code())


def list_places(engine: ReplicatedEngine) -> list[str]:
    """The nodes of an engine's replicas."""
    processes = [replica.process for replica in engine.replicas]
    return sorted(process.node for process in processes if isinstance(process, RayWorker))


def answer(checkpoint: str, place: str, killed: str = "nobody") -> dict[str, Any]:
    """Ask Abacus, here or by two replicas; in the midst of it a replica is killed, or whoever reads this is told to kill a node."""
    model = Abacus(engine="abacus", checkpoint=checkpoint, replicas=2)
    engine = AbacusEngine(model) if place == "local" else AbacusReplicas(model, host=open_replicas(place))
    with closing(engine):
        replies = engine.answer([ask(f"{i} + {i % 7} =", sample) for i in range(200) for sample in range(2)])
        came = [next(replies)]
        if isinstance(engine, AbacusReplicas):
            engine.load()
        places = list_places(engine) if isinstance(engine, AbacusReplicas) else []
        came += [next(replies) for _ in range(20)]
        if killed == "replica":
            assert isinstance(engine, AbacusReplicas)
            processes = [replica.process for replica in engine.replicas]
            # on this node, whose processes are seen here
            seen = [process.pid for process in processes if isinstance(process, RayWorker) and process.node == HEAD]
            os.kill(seen[0], signal.SIGKILL)
        elif killed == "node":
            print("now", flush=True)
        came += replies
    answers = {reply.request: repr(replace(reply, at=0.0)) for reply in came if isinstance(reply, Completion)}
    return {"answers": answers, "count": len(came), "places": places, "name": engine.name}


def answer_like_vllm(place: str) -> dict[str, Any]:
    """Ask replicas of a stand-in for vLLM, which say what GPUs they see; then ask for more than there is place for."""
    host = open_replicas(place)
    model = VLLM(engine="vllm", model="fake", context=200, tensor_parallel=GPUS)
    with closing(VLLMEngine(model, worker=FAKE, host=host)) as engine:
        engine.load()
        places = list_places(engine)
        replies = list(engine.answer([ask("options", number, 2000) for number in range(40)]))
        texts = [json.loads(reply.text) for reply in replies if isinstance(reply, Completion)]
    problem = ""
    try:
        VLLMEngine(model.model_copy(update={"tensor_parallel": GPUS + 1}), worker=FAKE, host=host)
    except EngineError as error:
        problem = str(error)
    return {"places": places, "gpus": [text["CUDA_VISIBLE_DEVICES"] for text in texts], "problem": problem}


VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "tables": make_tables, "fail": fail, "answers": answer, "vllm": answer_like_vllm,
}  # fmt: skip


def main(what: str, *arguments: str) -> None:
    """Do it, and print what came of it; an error that people can mend is one line."""
    try:
        value = VERBS[what](*arguments)
    except Exception as error:
        value = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(value))


if __name__ == "__main__":
    assert Path("flows").is_dir(), "run it in the root of the repository"
    main(*sys.argv[1:])
