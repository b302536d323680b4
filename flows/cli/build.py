"""`errata build` and `errata plan`."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from errata import ErrataError
from errata.cli import text
from errata.cli.exit_codes import DONE, REFUSED
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_json, add_models, add_on, add_recipe, add_rehash, parse_count

if TYPE_CHECKING:
    from flows.planning.plan import Plan
    from flows.running.sample import Forecast
    from schemas.recipe.changes import Models

ASKED = ("table", "model", "requests", "known", "prompt_tokens", "tokens", "cost")
"""What scripts learn of a forecast."""


def run_build(options: Namespace) -> int:
    """`errata build`."""
    from flows.cli.flow_run import end_when_interrupted

    end_when_interrupted()
    from flows.planning.first_records import check_mappings
    from flows.planning.plan import make_plan
    from flows.planning.versioning import find_matching_release
    from flows.running.units_on import choose_place

    choose_place(options.on)  # a wrong one is refused before anything is read
    changes, auto = parse_changes(options.model), options.version == "auto"

    def make() -> Plan:
        return make_plan(
            options.recipe, options.data, locate_store(options.store), changes, options.rehash, trust=options.trust
        )

    plan = _retry_failed(make(), make) if options.retry_failed else make()
    plan = (find_matching_release(plan) if auto else None) or plan
    for doubt in [] if plan.finished else check_mappings(plan, only_certain=True):
        print(text.strip_controls(f"warning: {doubt.fault}"), file=sys.stderr)
    return build(
        plan, verbose=options.verbose, plain=options.plain, models=changes, auto=auto, on=options.on
    )  # fmt: skip


def _retry_failed(plan: Plan, make: Callable[[], Plan]) -> Plan:
    """The plan in which what failed for good is asked again, also for tables that were complete without it."""
    from catalog.storage import Store

    now = time.time()
    Store(plan.store).check_writable()
    for name, count in plan.reopen_failed(now).items():
        print(f"table '{name}' is made anew: {count:,} of its requests had failed for good, and are asked again")
    return make().retrying_failed(now)


def build(
    plan: Plan, *, verbose: bool, plain: bool, models: Models | None = None, auto: bool = False, on: str | None = None
) -> int:  # fmt: skip
    """Make a plan's tables and release them; `auto` lets what differs number the release, `on` says where units run."""
    from catalog.storage import Store
    from flows.cli.flow_run import run_flow
    from flows.running.ray_connection import connect
    from flows.running.units_on import LOCAL, choose_place

    began = time.monotonic()
    if plan.finished:
        assert plan.published is not None
        print(text.format_funnel(plan.published["funnel"]))
        name = f"{plan.recipe.corpus} {plan.recipe.version}"
        print(f"\n{name} is released already, nothing to do: {_link_release(plan)}")
        return DONE
    Store(plan.store).check_writable()
    if (place := choose_place(on)) != LOCAL:
        connect(place)  # before Prefect starts, which takes a while
    plan = run_flow(plan, verbose=verbose, plain=plain, publish=True, models=models, auto=auto, on=on)
    _print_released(plan, time.monotonic() - began)
    return DONE


def _link_release(plan: Plan) -> str:
    from catalog.publish.publish import locate_release
    from catalog.storage import Store

    return Store(plan.store).link(locate_release(plan.recipe.corpus, plan.recipe.version))


def _print_released(plan: Plan, seconds: float) -> None:
    """What was released, and warnings of its gates."""
    from flows.gates.result import format_result
    from flows.running.shortfall import list_shortfalls

    manifest = plan.published
    assert manifest is not None
    print(f"\n{text.format_funnel(manifest['funnel'])}\n")
    for line in list_shortfalls(plan, {}):
        print(text.strip_controls(f"warning: {line}"), file=sys.stderr)
    for gate in manifest["gates"]:
        if gate["passed"] is False:
            print(text.strip_controls(f"warning: {format_result(gate)}"), file=sys.stderr)
    link = _link_release(plan)
    print(
        f"released {plan.recipe.corpus} {plan.recipe.version}: {count_released(manifest)} in {seconds:.0f} s\nrelease  {link}\n"
        f"card     {link}/README.md\nreport   {link}/report.html"
    )


def count_released(manifest: Mapping[str, Any]) -> str:
    """How many rows a release has of its first view, and in all where there are more."""
    rows: dict[str, int] = dict.fromkeys(manifest["views"], 0)
    for file in manifest["files"]:
        if "view" in file:
            rows[file["view"]] += file["rows"]
    first, *others = rows
    more = f", {sum(rows.values()):,} with those of {len(others)} more views" if others else ""
    return f"{rows[first]:,} rows of {first}{more}"


def parse_changes(texts: Sequence[str]) -> Models:
    """Changes of models as they are given on a command line: `small.revision=989aa79`."""
    changes: dict[str, dict[str, str]] = {}
    for change in texts:
        name, dot, rest = change.partition(".")
        key, sign, value = rest.partition("=")
        if not (name and dot and key and sign):
            raise ErrataError(
                f"--model {change[:80]!r}: expected NAME.revision=VALUE, NAME being a model of the recipe"
            )
        changes.setdefault(name, {})[key] = value
    return changes


def run_plan(options: Namespace) -> int:
    """`errata plan`."""
    from catalog.storage import Store
    from flows.planning.first_records import check_mappings
    from flows.planning.plan import make_plan
    from flows.planning.touches import format_touched, list_touched
    from flows.running.forecast import forecast_plan
    from flows.running.losses import refuse_empty
    from flows.running.units_on import choose_place, describe_place

    choose_place(options.on)
    plan = make_plan(
        options.recipe,
        options.data,
        locate_store(options.store),
        parse_changes(options.model),
        options.rehash,
        trust=options.trust,
    )
    touched = list_touched(plan)
    if weakness := Store(plan.store).find_weakness():
        print(text.strip_controls(f"warning: {weakness}"), file=sys.stderr)
    if not options.json:
        print(text.strip_controls(format_touched(touched)) + "\n", flush=True)
    place = describe_place(options.on, plan) if plan.published is None else None
    if plan.published is None:
        check_mappings(plan)
    forecasts, missing = forecast_plan(plan, options.pilot) if plan.published is None else ([], [])
    if options.json:
        print(json.dumps(_describe_plan(plan, touched, forecasts, missing), indent=1, ensure_ascii=False))
        return REFUSED if plan.published is not None and not plan.finished else DONE
    print(text.format_table(["table", "task", "from", "fingerprint", "state", "rows"], _list_tables(plan), left=5))
    for line in _list_failed(plan):
        print(line)
    name = f"{plan.recipe.corpus} {plan.recipe.version}"
    if plan.finished:
        print(f"\n{name} is released; a build would do nothing")
    elif plan.published is not None:
        print(f"\n{name} is released with other content; a build would be refused: raise `version` in the recipe")
        return REFUSED
    else:
        if forecasts:
            print(_show_forecasts(forecasts))
        for line in (*_list_left_open(plan), *_list_unrunnable(plan), *([place] if place else [])):
            print(text.strip_controls(line))
        for line in missing:
            print(text.strip_controls(f"warning: {line}"))
        refuse_empty(plan, plan.done)
        waiting = sum(len(wave) for wave in plan.topological_generations())
        held = ", if its gates hold" if plan.recipe.gates is not None else ""
        print(f"\na build would make {waiting} of {len(plan.jobs) - 1} tables and release what is left as {name}{held}")
    return DONE


def _describe_plan(
    plan: Plan, touched: Mapping[str, Sequence[str]], forecasts: Sequence[Forecast], missing: Sequence[str]
) -> dict[str, Any]:  # fmt: skip
    """A plan for scripts."""
    tables = []
    for job, table in zip(plan.jobs[:-1], plan.recipe.tables):
        manifest = plan.done.get(job.name)
        kept = manifest.receipt.rows_kept() if manifest else None
        made_from = {"inputs": list(table.inputs), "files": [source.name for source in job.sources]}
        tables.append({"table": job.name, "task": job.task, **made_from, "fingerprint": job.fingerprint, "rows": kept})
    return {
        "corpus": plan.recipe.corpus,
        "version": plan.recipe.version,
        "released": plan.finished,
        "refused": plan.published is not None and not plan.finished,
        "touches": touched,
        "tables": tables,
        "unrunnable": _list_unrunnable(plan),
        "missing": list(missing),
        "asks": [{name: getattr(forecast, name) for name in ASKED} for forecast in forecasts],
    }


def _list_tables(plan: Plan) -> list[list[object]]:
    rows: list[list[object]] = []
    for job, table in zip(plan.jobs[:-1], plan.recipe.tables):
        manifest = plan.done.get(job.name)
        inputs = [f"{name}: {of}" for name, of in zip(table.input_names, table.inputs)] or table.inputs
        made_from = ", ".join(inputs or [source.name for source in job.sources])
        made_from = made_from if len(made_from) <= 44 else made_from[:43] + "…"
        state = "exists" if manifest else "to make"
        kept = manifest.receipt.rows_kept() if manifest else "?"
        rows.append([job.name, job.task, made_from, job.fingerprint[:8], state, kept])
    return rows


def _list_left_open(plan: Plan) -> list[str]:
    """For each model behind an endpoint that is asked, what of sampling the recipe leaves to the server's own default."""
    declared = {asked.name: asked.model for job in plan.jobs for asked in job.models}
    left_open = {name: model.list_left_open() for name, model in declared.items()}
    return [f"model '{name}', server's default: {', '.join(open_)}" for name, open_ in left_open.items() if open_]


def _list_unrunnable(plan: Plan) -> list[str]:
    """For each table to be made that runs programs, why this machine runs none; nothing where it has a sandbox."""
    from schemas.recipe.models import Python

    tables = [
        job.name
        for job in plan.jobs
        if job.name not in plan.done and any(isinstance(asked.model, Python) for asked in job.models)
    ]
    if not tables:
        return []
    from tasks.engines.python.sandbox import find_fault

    fault = find_fault()
    return [f"table '{name}': {fault}; results that the store has need none" for name in tables] if fault else []


def _list_failed(plan: Plan) -> list[str]:
    """For each table that was made without answers to some of its requests, how many."""
    failed = {name: manifest.receipt.failed for name, manifest in plan.done.items() if manifest.receipt.failed}
    again = "`errata build --retry-failed` asks again"
    return [f"table '{name}': {count:,} requests failed for good; {again}" for name, count in failed.items()]


def _show_forecasts(forecasts: Sequence[Forecast]) -> str:
    """What the tables that ask models would ask and spend, as a table."""
    priced = any(forecast.price for forecast in forecasts)
    bounded = any(each.at_most is not None for each in forecasts)
    rows: list[list[object]] = []
    for each in forecasts:
        amounts = [each.requests, each.known, each.prompt_tokens, each.tokens]
        shown = ["?" if amount is None else f"{amount:,.0f}" for amount in amounts]
        if bounded:
            shown.append("" if each.at_most is None else f"{each.at_most:,.0f}")
        price = ["" if each.cost is None else f"{each.cost:,.2f}"] if priced else []
        rows.append([each.table, each.model, *shown, *price])
    head = ["to be asked", "model", "requests", "in ledger", "prompt tokens", "tokens"]
    head += [*(["at most"] if bounded else []), *(["price"] if priced else [])]
    lines = ["", text.format_table(head, rows, left=2), "prompt tokens and tokens are those still to come"]
    if bounded:
        lines.append(
            "at most: tokens of a whole table that chooses what to ask, whatever is answered; its own budget, where it has one"
        )
    if any(each.tokens is None for each in forecasts):
        lines.append("? is not known: --pilot 64 asks about so many rows; what they answer is in the ledger then")
    return "\n".join(lines)


def _add_build(parser: ArgumentParser) -> None:
    add_recipe(parser)
    add_models(parser)
    add_rehash(parser)
    help = "auto: the smallest valid bump, if anything differs (default: the recipe's own)"
    parser.add_argument("--version", choices=["auto"], help=help)
    help = "ask again what failed for good in earlier builds, also for tables that were complete without it"
    parser.add_argument("--retry-failed", action="store_true", help=help)
    add_on(parser)
    parser.add_argument("--verbose", action="store_true", help="show what Prefect logs")
    parser.add_argument("--plain", action="store_true", help="plain lines instead of the live table")


def _add_plan(parser: ArgumentParser) -> None:
    add_recipe(parser)
    add_models(parser)
    add_rehash(parser)
    help = (
        "rows to ask about, so that tokens can be forecast (default: 64 of the embedded model, else 0); paid but once"
    )
    parser.add_argument("--pilot", type=parse_count, metavar="N", help=help)
    add_on(parser)
    add_json(parser)


BUILD = Verb(
    "build",
    "Build a recipe's release.",
    (
        "errata build catalog/recipes/sample.yaml",
        "errata build catalog/recipes/mwpes.yaml --data DIR",
        "errata build catalog/ours.yaml --model small.revision=989aa79 --version auto",
    ),
    run_build,
    _add_build,
    "Tables that exist already are not made again: kill it at any moment and start it again.",
)
PLAN = Verb(
    "plan",
    "Show what a build would do.",
    ("errata plan catalog/recipes/sample.yaml", "errata plan catalog/recipes/mwpes.yaml --data DIR"),
    run_plan,
    _add_plan,
    "Says first which files, models, hosts, keys and programs the recipe touches; lists its tables, which exist already, and what would run and be asked of models.",
)

VERBS = (BUILD, PLAN)
