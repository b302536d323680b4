"""`errata evaluate`: labels of the first wrong step beside gold, verdicts before and after, scores beside verdicts."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_data, add_json, add_trust

if TYPE_CHECKING:
    from flows.metrics.evaluate import RowsAt


def run_evaluate(options: Namespace) -> int:
    """`errata evaluate`."""
    from flows.metrics.evaluate import evaluate, find_rows
    from flows.metrics.scores import as_json, format_scores
    from flows.metrics.transitions import has_transitions
    from tasks.evaluation.labels import Columns

    store = locate_store(options.store)
    labels = [find_rows(name, options.data, store, options.trust) for name in options.labels]
    if options.score:
        return _evaluate_scores(labels, options)
    paired = options.before or options.after
    if paired or (not options.gold and all(has_transitions(place.columns()) for place in labels)):
        return _evaluate_transitions(labels, options)
    by_name = dict(zip(options.labels, labels))
    named = dict.fromkeys(options.gold) or options.labels[:1]
    gold = [by_name.get(name) or find_rows(name, options.data, store, options.trust) for name in named]
    id = tuple(name for name in options.id.split(",") if name)
    result = evaluate(
        labels, gold, options.format, Columns(id, tuple(options.label), options.labeller), options.base, options.by
    )
    print(json.dumps(as_json(result), indent=1, ensure_ascii=False) if options.json else format_scores(result))
    return DONE


def _evaluate_transitions(places: list[RowsAt], options: Namespace) -> int:
    """What became of verdicts: of turns of a revision, of two models, or of two columns."""
    from flows.metrics.transition_tables import describe_transitions, format_transitions
    from flows.metrics.transitions import evaluate_transitions

    table = evaluate_transitions(places, options.before, options.after)
    described = json.dumps(describe_transitions(table), indent=1, ensure_ascii=False) if options.json else None
    print(described or format_transitions(table))
    return DONE


def _evaluate_scores(places: list[RowsAt], options: Namespace) -> int:
    """Columns of scores beside verdicts."""
    from flows.metrics.score_columns import describe_scores, evaluate_scores, format_score_columns

    table = evaluate_scores(places, options.score, options.verdict)
    described = json.dumps(describe_scores(table), indent=1, ensure_ascii=False) if options.json else None
    print(described or format_score_columns(table))
    return DONE


def _add_evaluate(parser: ArgumentParser) -> None:
    place = "a file (JSON lines, JSON, CSV, Parquet), RECIPE.yaml:TABLE of a build, or a release (NAME@VERSION:VIEW)"
    help = f"what to evaluate: {place}; several are taken together"
    parser.add_argument("labels", metavar="LABELS", nargs="+", help=help)
    help = "where the gold lies, likewise; may be repeated (default: in the rows of LABELS)"
    parser.add_argument("--gold", action="append", default=[], metavar="GOLD", help=help)
    formats = "processbench, mr-ben, verify-then-generate, bigbench-mistake, injected, a YAML file with a field mapping, or truth"
    help = f"how the gold is written: {formats}, which works out what is so in Abacus' world (default)"
    parser.add_argument("--format", default="truth", metavar="FORMAT", help=help)
    help = "a column of labels: the first wrong step counted from 0, -1 for none, null where undecided; may be repeated (default: first_error, prediction, and all that end in _first_error)"
    parser.add_argument("--label", action="append", default=[], metavar="COLUMN", help=help)
    help = "the column of LABELS that holds gold's ids; several with commas (default: as gold calls it, id, solution_id, source)"
    parser.add_argument("--id", default="", metavar="COLUMN", help=help)
    help = "the column that tells labellers apart, where each has rows of its own (default: labeller, if there is one)"
    parser.add_argument("--labeller", metavar="COLUMN", help=help)
    help = "the number of the first step in LABELS (default: 0, refused where the labels look counted from 1)"
    parser.add_argument("--base", type=int, choices=[0, 1], help=help)
    help = "what rows are grouped by (default: set)"
    parser.add_argument("--by", choices=["set", "length"], default="set", help=help)
    help = "a column of verdicts (right, wrong, undecided, or true, false, null) before a change or a revision; with --after. Tables of `revise` and `compare` need neither"
    parser.add_argument("--before", metavar="COLUMN", help=help)
    parser.add_argument("--after", metavar="COLUMN", help="the column of verdicts after it")
    help = "a column of scores, the higher the surer the answer is right (probabilities, log-probabilities, self-certainty), beside verdicts; may be repeated"
    parser.add_argument("--score", action="append", default=[], metavar="COLUMN", help=help)
    help = "the column of verdicts that scores are held against (default: verdict)"
    parser.add_argument("--verdict", default="verdict", metavar="COLUMN", help=help)
    add_json(parser)
    add_data(parser)
    add_trust(parser)


EVALUATE = Verb(
    "evaluate",
    "Compare labels of the first wrong step with gold, verdicts before and after, or scores with verdicts.",
    (
        "errata evaluate labels.jsonl --gold catalog/recipes/abacus.yaml:steps --format truth",
        "errata evaluate labels.jsonl --gold gsm8k.json --format processbench",
        "errata evaluate labels.parquet --gold prmbench.jsonl --format mapping.yaml",
        "errata evaluate old-and-new.jsonl --before old_right --after new_right",
        "errata evaluate catalog/recipes/correction_bench.yaml:{unprompted,told,criticized}",
        "errata evaluate catalog/recipes/checkpoints.yaml:compared",
        "errata evaluate answers.parquet --score p_true --score self_certainty",
        "errata evaluate catalog/recipes/evidence.yaml:{posterior,today} --gold catalog/recipes/evidence.yaml:known --data FOLDER",
    ),
    run_evaluate,
    _add_evaluate,
    """What is compared is seen by the columns:

  labels of the first wrong step with --gold
      exact locations and their F1 (ProcessBench), retention, precision,
      distances; labellers as detectors at three levels (Hard2Verify), as critics
      (CriticBench, VISCO), as verifiers (their ceiling), by set and by type of
      mistake (ReaLMistake); how sure they are (ECE, Brier, AUROC), what they cost
  turns of `revise`, flips of `compare`, or two columns (--before, --after)
      what was kept, fixed and broken: accuracies, CL, CS and RSS, negative flips;
      self-, cross- and iterative critique (RealCritic); critics beside verdicts
  scores with verdicts (--score)
      AUROC, Brier score, expected calibration error
""",
)

VERBS = (EVALUATE,)
