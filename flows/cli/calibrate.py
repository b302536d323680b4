"""`errata calibrate`: which form of a judge a model answers best, and the recipe with it."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from errata import ErrataError
from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_json, add_recipe

if TYPE_CHECKING:
    from flows.calibration.trials import Trial, TrialResult
    from flows.planning.plan import Plan, TableJob
    from tasks.evaluation.score import Share

FORMS = ("steps", "critique", "json", "likelihood", "pairwise")


def run_calibrate(options: Namespace) -> int:
    """`errata calibrate`."""
    from flows.calibration.selftest import choose_rows, find_known_rows, load_gold_file
    from flows.calibration.trials import choose_best, list_trials, run_trial
    from flows.planning.plan import make_plan
    from flows.running.engine_pool import EnginePool
    from flows.running.inference import Dispatcher
    from tasks.localize.judge_parameters import JudgeParameters

    store = locate_store(options.store)
    plan = make_plan(options.recipe, options.data, store, trust=options.trust)
    job = find_judge(plan, options.model, options.table)
    assert isinstance(job.parameters, JudgeParameters)
    complete = all(name in plan.done for table in plan.recipe.tables if table.name == job.name for name in table.inputs)
    if options.gold:
        source, rows = load_gold_file(options.gold, options.format, options.data, store, options.trust)
    else:
        source, rows = find_known_rows(job, complete)
    rows = choose_rows(rows, options.rows)
    parameters = job.parameters.model_copy(update={"models": [options.model]})
    names = {asked.name: asked.named for asked in job.models}
    has_reference = "reference" in rows.columns and not rows["reference"].null_count()
    columns = [name for name in rows.columns if name != "reference" or has_reference]
    results = []
    with EnginePool() as engines, Dispatcher(job, engines) as dispatcher:
        for trial in list_trials(parameters, options.forms, options.votes, columns):
            results.append(run_trial(trial, rows, parameters, names, dispatcher.answer))
            print(f"{trial.name}: rightness {results[-1].rightness:.0%}", file=sys.stderr)
    best = choose_best(results)
    print(json.dumps(_as_json(source, rows.height, results, best), indent=1) if options.json else _format(source, rows.height, results, best))  # fmt: skip
    if best is not results[0] and not options.dry_run:
        write_trial(plan, job.name, best.trial)
        print(f"written to {options.recipe}: tables.{job.name}: {_describe(best.trial)}", file=sys.stderr)
    return DONE


def find_judge(plan: Plan, model: str, table: str | None) -> TableJob:
    """The table whose judge is to be calibrated: the one of the recipe that asks the model, or the one that is named."""
    from tasks.localize.judge_parameters import JudgeParameters

    all_ = [job for job in plan.jobs if isinstance(job.parameters, JudgeParameters)]
    judges = [job for job in all_ if table in (None, job.name) and model in (asked.name for asked in job.models)]
    if not judges:
        there = [f"{job.name} ({', '.join(asked.name for asked in job.models)})" for job in all_]
        what = f"no table '{table}' that has '{model}' judge" if table else f"no table has model '{model}' judge"
        raise ErrataError(f"{plan.recipe.corpus}: {what}; there are {', '.join(there) or 'no tables of `judge`'}")
    if len(judges) > 1:
        names = ", ".join(job.name for job in judges)
        raise ErrataError(f"{plan.recipe.corpus}: several tables have model '{model}' judge ({names}); name one with --table")  # fmt: skip
    return judges[0]


def write_trial(plan: Plan, table: str, trial: Trial) -> None:
    """Writes what a trial changes into the recipe's file, and nothing else of it."""
    from schemas.recipe.changes import with_parameters
    from schemas.recipe.document import Document

    with open(plan.recipe.file, encoding="utf-8") as file:
        document = Document(file.read(), plan.recipe.file)
    given = document.value["tables"][table]
    changes = {key: value for key, value in trial.changes.items() if value is not None or key in given}
    written = f"{plan.recipe.file}.calibrated"
    with open(written, "w", encoding="utf-8") as file:
        file.write(with_parameters(document, table, changes))
    os.replace(written, plan.recipe.file)


def _describe(trial: Trial) -> str:
    return ", ".join(f"{key}: {'null' if value is None else value}" for key, value in trial.changes.items())


def _format(source: str, rows: int, results: Sequence[TrialResult], best: TrialResult) -> str:
    lines: list[list[object]] = []
    for result in results:
        most = next(iter(result.faults.items()), None)
        fault = f"{most[0]} {most[1]}" if most else ""
        mark = "best" if result is best else ""
        shares = [_format_share(share) for share in (result.wrong, result.right, result.usable)]
        lines.append([result.trial.name, f"{result.rightness:.0%}", *shares, f"{result.tokens:,.0f}", fault, mark])
    head = ["asked", "rightness", "wrong, exact", "right, exact", "usable", "tokens", "most frequent fault", ""]
    return f"{rows} solutions: {source}\n\n{text.format_table(head, lines, left=2)}"


def _format_share(share: Share) -> str:
    interval = share.interval
    if interval is None or share.rate is None:
        return "–"
    return f"{share.hits}/{share.of} {share.rate:.0%} ({interval[0]:.0%}-{interval[1]:.0%})"


def _as_json(source: str, rows: int, results: Sequence[TrialResult], best: TrialResult) -> dict[str, Any]:
    def shown(result: TrialResult) -> dict[str, Any]:
        shares = {"wrong": result.wrong, "right": result.right, "usable": result.usable}
        counts = {
            name: {"hits": share.hits, "of": share.of, "interval": share.interval} for name, share in shares.items()
        }
        return {
            "asked": result.trial.name, "changes": dict(result.trial.changes), "rightness": result.rightness, **counts,
            "tokens": result.tokens, "undecided": dict(result.faults),
        }  # fmt: skip

    return {"rows": rows, "from": source, "trials": [shown(result) for result in results], "best": best.trial.name}


def _parse_forms(given: str) -> list[str]:
    forms = given.split(",")
    if unknown := [form for form in forms if form not in FORMS]:
        raise ArgumentTypeError(f"unknown form {unknown[0][:40]!r}; there are {', '.join(FORMS)}")
    return forms


def _parse_votes(given: str) -> list[int]:
    if not all(number.isdecimal() and 1 <= int(number) <= 100 for number in given.split(",")):
        raise ArgumentTypeError(f"expected numbers from 1 to 100 with commas, such as 1,5, found {given[:40]!r}")
    return [int(number) for number in given.split(",")]


def _add_calibrate(parser: ArgumentParser) -> None:
    add_recipe(parser)
    help = "the model that judges, by its name in the recipe"
    parser.add_argument("--model", metavar="M", required=True, help=help)
    help = "the table of `judge` that is meant, where several ask the model"
    parser.add_argument("--table", metavar="TABLE", help=help)
    help = "rows with labels of people, as `errata evaluate` takes them (default: the table's own gold, or mistakes that rules make)"
    parser.add_argument("--gold", metavar="FILE", help=help)
    help = "how that gold is written: processbench (default), mr-ben, verify-then-generate, or a YAML file with a field mapping"
    parser.add_argument("--format", default="processbench", metavar="FORMAT", help=help)
    parser.add_argument("--rows", type=int, default=60, metavar="N", help="solutions to ask about (default: 60)")
    parser.add_argument(
        "--forms", type=_parse_forms, default=list(FORMS), metavar="A,B", help="forms to try (default: all)"
    )
    parser.add_argument(
        "--votes", type=_parse_votes, default=[1, 5], metavar="N,M", help="numbers of votes to try (default: 1,5)"
    )
    parser.add_argument("--dry-run", action="store_true", help="leave the recipe as it is")
    add_json(parser)


CALIBRATE = Verb(
    "calibrate",
    "Find the form in which a model judges best, and write it into the recipe.",
    (
        "errata calibrate catalog/ours.yaml --model small",
        "errata calibrate catalog/ours.yaml --model small --gold gsm8k.json --rows 100 --dry-run",
        "errata calibrate catalog/ours.yaml --model small --forms steps,json --votes 1,3",
    ),
    run_calibrate,
    _add_calibrate,
    "Each form is asked about solutions whose first wrong step is known; every reply is in the ledger, and paid once.",
)

VERBS = (CALIBRATE,)
