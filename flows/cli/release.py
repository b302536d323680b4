"""`errata release` and `errata gates`: the version of a build, and what its release must satisfy."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from errata.cli import text
from errata.cli.exit_codes import DONE, FAILED, REFUSED
from errata.cli.verb import Verb
from errata.compare import semver
from errata.compare.text import as_text
from errata.errors import ErrataError
from errata.release.names import EXACT, parse_version
from errata.storage import locate_store

from flows.cli.arguments import add_json, add_recipe
from flows.cli.build import build
from flows.cli.flow_run import run_flow

if TYPE_CHECKING:
    from flows.planning.plan import Plan
    from flows.planning.versioning import Comparison


def run_release(options: Namespace) -> int:
    """`errata release`: propose a version, or set and release it."""
    from flows.planning.plan import with_version
    from flows.planning.versioning import compare_with_release, find_latest_release, write_version

    store = locate_store(options.store)
    plan = _complete_tables(options, store)
    comparison = compare_with_release(plan, find_latest_release(plan))
    if not options.set:
        return _propose(options, plan, comparison)
    version = comparison.version if options.set == "auto" else options.set
    if not EXACT.fullmatch(version):
        raise ErrataError(f"--set {version[:40]!r}: expected auto or a version such as {comparison.version}")
    violation = _find_violation(comparison, version)
    if violation:
        print(f"{options.recipe}: version {violation}", file=sys.stderr)
        return REFUSED
    write_version(options.recipe, version)
    return build(with_version(plan, version), verbose=False, plain=False)


def _complete_tables(options: Namespace, store: str) -> Plan:
    """The plan of a recipe, all of its tables being made."""
    from flows.planning.plan import make_plan

    plan = make_plan(options.recipe, options.data, store, trust=options.trust)
    if plan.topological_generations():
        plan = run_flow(plan, verbose=False, plain=options.json, publish=False)
    return plan


def _find_violation(comparison: Comparison, version: str) -> str | None:
    """Why a version cannot follow the one before; None if it can."""
    if comparison.before is None or comparison.difference is None:
        return None
    if parse_version(version) <= parse_version(comparison.before):
        return f"{version} does not follow {comparison.before}, which is published; use {comparison.version}"
    return semver.find_violation(comparison.difference, comparison.before, version)


def _propose(options: Namespace, plan: Plan, comparison: Comparison) -> int:
    """Show a proposal; whether the recipe's own number is one that can be released."""
    version, difference = plan.recipe.version, comparison.difference
    violation = None if plan.finished else _find_violation(comparison, version)
    if options.json:
        shown = {
            "recipe": version,
            "before": comparison.before,
            "proposed": comparison.version,
            "step": semver.find_required_step(difference) if difference else None,
            "semver_violation": violation,
            "difference": difference.as_json() if difference else None,
        }
        print(json.dumps(shown, indent=1))
    elif difference is None:
        hint = f"{version} is as good as any (errata build {options.recipe}{plan.flags})"
        print(f"{plan.recipe.corpus}: nothing was released before; {hint}")
    else:
        print(as_text(difference))
        if plan.finished:
            print(f"\n{plan.recipe.corpus} {version} is released already, nothing to do")
        else:
            hint = "" if violation else f": errata build {options.recipe}{plan.flags}"
            print(f"\nproposed: {comparison.version}; the recipe says {version}{hint}")
    if violation and not options.json:
        print(f"{options.recipe}: version {violation}", file=sys.stderr)
    return REFUSED if violation else DONE


def run_gates(options: Namespace) -> int:
    """`errata gates`: what a release would have to satisfy, and whether it does."""
    from flows.gates.check import list_results
    from flows.gates.result import format_result

    plan = _complete_tables(options, locate_store(options.store))
    results = list_results(plan)
    missed = [result for result in results if result["passed"] is False]
    if options.json:
        print(json.dumps(results, indent=1, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size().columns
        print(
            text.format_gates(results, width) if plan.recipe.gates is not None else f"{options.recipe} has no `gates:`"
        )
        print(
            "".join(f"\n{text.strip_controls(format_result(result))}" for result in missed), end="\n" if missed else ""
        )
    return FAILED if any(result["severity"] == "fail" for result in missed) else DONE


def _add_release(parser: ArgumentParser) -> None:
    add_recipe(parser)
    help = "write this version into the recipe and release it; auto takes the proposed one"
    parser.add_argument("--set", metavar="VERSION", help=help)
    add_json(parser)


def _add_gates(parser: ArgumentParser) -> None:
    add_recipe(parser)
    add_json(parser)


RELEASE = Verb(
    "release",
    "Propose the version of a build, from what differs.",
    ("errata release catalog/recipes/mwpes.yaml", "errata release catalog/recipes/mwpes.yaml --set auto"),
    run_release,
    _add_release,
    "With --set, writes the number into the recipe and releases it.",
)
GATES = Verb(
    "gates",
    "Check what a recipe asks of a release, and release nothing.",
    ("errata gates catalog/recipes/abacus.yaml", "errata gates catalog/recipes/mwpes.yaml --data DIR --json"),
    run_gates,
    _add_gates,
    "Makes the tables that are not there; exit code 1 where a gate is missed.",
)

VERBS = (GATES, RELEASE)
