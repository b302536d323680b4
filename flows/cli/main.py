"""The verbs of the `errata` command that need the application."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from errata import ErrataError
from errata.cli import text
from errata.cli.arguments import DONE, FAILED, REFUSED, WRONG
from rich.console import Console

from catalog.ledger import Ledger
from catalog.publish.publish import PublishError, folder
from catalog.sources import SourceError
from catalog.storage import Store, StoreError
from flows.gates.result import GateError
from flows.gates.result import line as missed
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.planning.versioning import matching_release
from flows.running import progress
from schemas.contract import ContractError
from schemas.recipe.changes import Models
from schemas.recipe.document import RecipeError
from schemas.request import EngineError
from schemas.task import TaskError
from tasks.evaluation.fields import EvaluationError

SETTINGS = Path(__file__).parents[2] / "infra" / "prefect.env"


def _prefect_settings(verbose: bool) -> None:
    """Give Prefect our defaults; what the environment says already stands. Before Prefect is imported."""
    lines = [line for line in SETTINGS.read_text().splitlines() if line and not line.startswith("#")]
    for name, _, value in (line.partition("=") for line in lines):
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")


def build(
    recipe: str, data: str | None, store: str, *, verbose: bool, plain: bool, models: Sequence[str] = (), auto: bool = False
) -> int:  # fmt: skip
    """`errata build`; `models` are changes such as `small.revision=989aa79`, `auto` lets what differs number the release."""
    began = time.monotonic()
    try:
        changes = _changes(models)
        plan = _planned(recipe, data, store, changes, auto)
        link = Store(store).link(folder(plan.recipe.corpus, plan.recipe.version))
        if plan.finished:
            assert plan.published is not None
            print(text.funnel(plan.published["funnel"]))
            print(f"\n{plan.recipe.corpus} {plan.recipe.version} is released already, nothing to do: {link}")
            return DONE
        Store(store).check_writable()
        run(plan, recipe, data, store, verbose=verbose, plain=plain, publish=True, models=changes, auto=auto)
        plan = _planned(recipe, data, store, changes, auto)
        manifest = plan.published
        assert manifest is not None
        link = Store(store).link(folder(plan.recipe.corpus, plan.recipe.version))
    except Exception as error:
        return _told(error, verbose)
    print(f"\n{text.funnel(manifest['funnel'])}\n")
    for one in manifest["gates"]:
        if not one["passed"]:
            print(text.plain(f"warning: {missed(one)}"), file=sys.stderr)
    rows = sum(file.get("rows", 0) for file in manifest["files"])
    name = f"{plan.recipe.corpus} {plan.recipe.version}"
    print(
        f"released {name}: {rows:,} rows in {time.monotonic() - began:.0f} s\nrelease  {link}\ncard     {link}/README.md\n"
        f"report   {link}/report.html"
    )
    return DONE


def _planned(recipe: str, data: str | None, store: str, models: Models, auto: bool) -> Plan:
    """The plan, under the version that holds what it would release if one is to be found."""
    plan = planning.make_plan(recipe, data, store, models)
    return (matching_release(plan) if auto else None) or plan


def _changes(given: Sequence[str]) -> Models:
    """Changes of models as they are given on a command line."""
    changes: dict[str, dict[str, str]] = {}
    for one in given:
        name, dot, rest = one.partition(".")
        key, sign, value = rest.partition("=")
        if not (name and dot and key and sign):
            raise ErrataError(f"--model {one[:80]!r}: expected NAME.revision=VALUE, NAME being a model of the recipe")
        changes.setdefault(name, {})[key] = value
    return changes


def run(
    plan: Plan, recipe: str, data: str | None, store: str, *, verbose: bool, plain: bool, publish: bool,
    models: Models | None = None, auto: bool = False,
) -> None:  # fmt: skip
    """Run the flow, showing how far it is; without `publish` it stops when the tables are complete."""
    _prefect_settings(verbose)
    console = Console(stderr=True)
    waiting = sum(len(wave) for wave in plan.topological_generations())
    console.print(
        f"{plan.recipe.corpus} {plan.recipe.version}: {waiting} of {len(plan.jobs) - 1} tables to make; Prefect starts …",
        highlight=False,
    )
    from flows import build as flow

    if publish and not auto:
        flow.refuse_clash(plan)
    live = progress.LiveTable(console) if console.is_terminal and not plain and not verbose else None
    _end_at_once_when_interrupted(live)
    progress.set_watcher(live or progress.PlainLines(console))
    with live.progress if live else nullcontext():
        changes = {name: dict(given) for name, given in (models or {}).items()}
        flow.build(recipe, data, store, publish, changes or None, flow.AUTO if auto else None)


def _end_at_once_when_interrupted(live: progress.LiveTable | None) -> None:
    """Let Ctrl-C and SIGTERM end the process there and then.

    A build may be killed at any moment, so nothing has to be tidied up but its
    record in Prefect; waiting for the units at work while Prefect's server, which
    gets the signal too, goes away under them would only fill the screen.
    """
    from flows.observing import prefect_runs

    def end(number: int, _: object) -> None:
        if live:
            live.progress.stop()
        print("errata: interrupted; start it again to go on", file=sys.stderr, flush=True)
        prefect_runs.interrupted()
        os._exit(128 + number)

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)


def plan(recipe: str, data: str | None, store: str, pilot: int | None = None, models: Sequence[str] = ()) -> int:
    """`errata plan`; `models` are changes as for `build`."""
    try:
        found = planning.make_plan(recipe, data, store, _changes(models))
        goes = found.published is None
        spending = _spending(found, pilot) if goes else ""
    except Exception as error:
        return _told(error, verbose=False)
    rows: list[list[object]] = []
    for work, table in zip(found.jobs[:-1], found.recipe.tables):
        manifest = found.done.get(work.name)
        made_from = ", ".join(table.inputs) or ", ".join(source.name for source in work.sources)
        made_from = made_from if len(made_from) <= 44 else made_from[:43] + "…"
        state = "exists" if manifest else "to make"
        kept = manifest.receipt.rows_kept() if manifest else "?"
        rows.append([work.name, work.task, made_from, work.fingerprint[:8], state, kept])
    print(text.table(["table", "task", "from", "fingerprint", "state", "rows"], rows, left=5))
    name = f"{found.recipe.corpus} {found.recipe.version}"
    waiting = sum(len(wave) for wave in found.topological_generations())
    if found.finished:
        print(f"\n{name} is released; a build would do nothing")
    elif found.published is not None:
        print(f"\n{name} is released with other content; a build would be refused: raise `version` in the recipe")
        return REFUSED
    else:
        print(spending, end="")
        print(f"\na build would make {waiting} of {len(found.jobs) - 1} tables and release {name}")
    return DONE


def _spending(plan: Plan, pilot: int | None) -> str:
    """What the tables that ask models would ask and spend, as a table; nothing where none does."""
    from flows.planning.forecast import forecast_tables

    told = forecast_tables(plan, pilot)
    if not told:
        return ""
    head = ["to be asked", "model", "requests", "in ledger", "prompt tokens", "tokens"]
    priced = any(one.price for one in told)
    rows: list[list[object]] = []
    for one in told:
        amounts = [one.requests, one.known, one.prompt_tokens, one.tokens]
        shown = ["?" if amount is None else f"{amount:,.0f}" for amount in amounts]
        rows.append(
            [one.table, one.model, *shown, *(["" if one.cost is None else f"{one.cost:,.2f}"] if priced else [])]
        )
    lines = [
        text.table([*head, *(["price"] if priced else [])], rows, left=2),
        "prompt tokens and tokens are those still to come",
    ]
    if any(one.tokens is None for one in told):
        lines.append("? is not known: --pilot 64 asks about so many rows; what they answer is in the ledger then")
    return "\n" + "\n".join(lines) + "\n"


def ledger(store: str) -> int:
    """`errata ledger`."""
    from flows.metrics.spend import report

    try:
        print(report(Ledger(Store(store))))
    except StoreError as error:
        return _told(error, verbose=False)
    return DONE


def evaluate(given: Namespace, store: str) -> int:
    """`errata evaluate`."""
    from flows.metrics.evaluate import evaluate, place
    from flows.metrics.scores import as_json, report
    from tasks.evaluation.labels import Columns

    try:
        labels = [place(name, given.data, store) for name in given.labels]
        own = given.labels.index(given.gold) if given.gold in given.labels else None
        gold = place(given.gold, given.data, store) if given.gold and own is None else labels[own or 0]
        id = tuple(name for name in given.id.split(",") if name)
        columns = Columns(id, tuple(given.label), given.labeller)
        found = evaluate(labels, gold, given.format, columns, given.base, given.by)
    except Exception as error:
        return _told(error, verbose=False)
    print(json.dumps(as_json(found), indent=1, ensure_ascii=False) if given.json else report(found))
    return DONE


def browse(given: Namespace, store: str) -> int:
    """`errata browse`."""
    from flows.cli.browse import browse

    try:
        return browse(given, store)
    except Exception as error:
        return _told(error, verbose=False)


def report(given: Namespace, store: str) -> int:
    """`errata report`."""
    from flows.cli.report import report

    try:
        return report(given, store)
    except StoreError as error:
        return _told(error, verbose=False)


def owner(given: Namespace, store: str) -> int:
    """The verbs of who owns a store, such as `release`, `tag` and `yank`."""
    from flows.cli.maintain import VERBS

    try:
        return VERBS[given.verb](given, store)
    except Exception as error:
        return _told(error, verbose=False)


def scheduled(given: Namespace) -> int:
    """`errata deploy` and `errata serve`."""
    _prefect_settings(verbose=True)
    from flows.deploying import serve

    try:
        return (serve.deploy if given.verb == "deploy" else serve.serve)(given)
    except serve.NoServer as error:
        print(text.plain(error), file=sys.stderr)
        return FAILED
    except Exception as error:
        return _told(error, verbose=False)


def _unreachable(error: Exception) -> bool:
    """Whether Prefect could not reach its server, or start one."""
    told = ("Failed to reach API", "Timed out while attempting to connect", "Server must have been started")
    return isinstance(error, RuntimeError) and any(one in str(error) for one in told)


def _told(error: Exception, verbose: bool) -> int:
    """Print an error as lines without a traceback; the exit code for it. What nobody foresaw is raised again."""
    from flows.publishing.publish import NothingLeft
    from flows.running.partitions import AccountingError
    from flows.running.process_pool import ProcessError

    codes: list[tuple[type[Exception], int]] = [
        (RecipeError, WRONG), (SourceError, WRONG), (TaskError, WRONG), (PublishError, REFUSED), (EvaluationError, WRONG),
        (EngineError, FAILED), (StoreError, FAILED), (ContractError, FAILED), (AccountingError, FAILED), (NothingLeft, FAILED),
        (GateError, FAILED), (ProcessError, FAILED),
    ]  # fmt: skip
    if _unreachable(error) and not verbose:
        print(f"Prefect: {error}; start a server there (make server), or unset PREFECT_API_URL", file=sys.stderr)
        return FAILED
    known = [code for kind, code in codes if isinstance(error, kind)]
    if verbose or not known:
        raise error  # the client's own errors are told by the client
    print(text.plain(error), file=sys.stderr)
    return known[0]
