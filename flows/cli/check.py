"""`errata check`: what the verifier reads in a gold answer and in a completion, and what it says of the two."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from errata.cli.exit_codes import DONE
from errata.cli.text import strip_controls
from errata.cli.verb import Verb
from errata.errors import ErrataError


def read_pairs(options: Namespace) -> Iterator[dict[str, Any]]:
    """The pairs of the command: the one that it names, or those of a file of JSON lines."""
    if options.file is None:
        if options.gold is None or options.answer is None:
            raise ErrataError("`errata check` takes GOLD and ANSWER, or --file FILE")
        yield {"gold": options.gold, "completion": options.answer, "question": options.question}
        return
    with sys.stdin if options.file == "-" else open(options.file, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                pair = json.loads(line)
                yield {"question": "", **pair, "gold": str(pair["gold"]), "completion": str(pair["completion"])}
            except (ValueError, KeyError, TypeError):
                raise ErrataError(f"{options.file}:{number}: no JSON object with `gold` and `completion`") from None


def run_check(options: Namespace) -> int:
    """`errata check`."""
    from tasks.verify.check import check_answer

    for pair in read_pairs(options):
        check = check_answer(pair["gold"], pair["completion"], str(pair["question"] or ""), pair.get("options"))
        if options.file is None and check.extracted is None:  # a bare answer
            check = check_answer(pair["gold"], pair["completion"], options.question, stated=pair["completion"])
        if options.json:
            print(json.dumps({**({"id": pair["id"]} if "id" in pair else {}), **asdict(check)}, ensure_ascii=False))
            continue
        extracted = f"{check.extracted!r} (by {check.extracted_by})" if check.extracted else "none"
        shown = (
            f"gold         {pair['gold']}\n  read as    {check.gold_reading}\nanswer       {extracted}\n  read as    {check.answer_reading}\n"
            f"rule         {check.rule or 'none'}\nmath-verify  {check.second_opinion or 'not asked'}\n"
            f"verdict      {check.verdict}" + (f" ({check.undecided})" if check.undecided else "")
        )
        print(strip_controls(shown))
    return DONE


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of `errata check`."""
    parser.add_argument("gold", nargs="?", metavar="GOLD", help="the gold answer, plain or LaTeX")
    parser.add_argument("answer", nargs="?", metavar="ANSWER", help="what the model wrote, whole or only its answer")
    parser.add_argument(
        "--question", default="", metavar="TEXT", help="the problem, by which units and percent are told"
    )
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="JSON lines with gold, completion and maybe question and options; - reads standard input",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON line for each pair")


CHECK = Verb(
    "check",
    "Show what the verifier reads in a gold answer and in a model's, and its verdict.",
    ("errata check '1/2' 'The answer is 0.5.'", "errata check --file pairs.jsonl --json"),
    run_check,
    add_arguments,
    has_store=False,
)

VERBS = (CHECK,)
