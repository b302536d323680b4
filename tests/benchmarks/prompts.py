"""Prompts as they ship beside those before them, asked of a real model: `python -m tests.benchmarks.prompts URL NAME`.

URL is an OpenAI-compatible endpoint (up to /v1), NAME the model's. Each prompt
is asked about the same rows, greedily, by the task that uses it: the share of
replies that can be used, with Wilson's interval, the share that is right where
that is known, and the tokens of a reply. The rows are those of `--data`
(default: $ERRATA_DATA): recorded solutions with human labels, problems, and
mistakes that teachers sorted. `tests/benchmarks/earlier_prompts` has the
prompts as they were. With `--recorded` nothing is asked: what recorded
replies of a 1.5B model come to is counted, form by form.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.recipe.models import OpenAI
from schemas.request import Completion, Engine, Reply, Request
from schemas.task import ModelId, Outcome
from tasks.engines.openai.engine import OpenAIEngine
from tasks.evaluation.score import wilson
from tests.benchmarks import prompt_stages

EARLIER = Path(__file__).parent / "earlier_prompts"
SHIPPED = "as shipped"


@dataclass
class Tally:
    """What became of the replies to one prompt."""

    usable: int = 0
    of: int = 0
    right: int = 0
    known: int = 0
    """Usable replies of which is known whether they are right."""
    tokens: int = 0
    prompt_tokens: int = 0
    requests: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def ask(engine: Engine, conversation: Any, tally: Tally) -> Outcome:
    """Carries a task's conversation on to its end, each request answered."""
    try:
        requests: Sequence[Request] = next(conversation)
        while True:
            replies: Mapping[str, Reply] = {reply.request: reply for reply in engine.answer(list(requests))}
            for reply in replies.values():
                tally.requests += 1
                if isinstance(reply, Completion):
                    tally.tokens += reply.tokens
                    tally.prompt_tokens += reply.prompt_tokens
            requests = conversation.send(replies)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def measure(engine: Engine, model: ModelId, stage: prompt_stages.Stage, rows: int, data: Path) -> Iterator[list[str]]:
    """The lines of a stage: each of its prompts about the same rows."""
    part = stage.load(data, rows)
    for name, parameters in stage.variants(EARLIER):
        tally = Tally()
        outcome = ask(engine, stage.task.ask(part, parameters, {"m": model}), tally)
        stage.count(outcome, tally)
        yield [stage.name, name, *format_tally(tally)]


def format_tally(tally: Tally) -> list[str]:
    """Shares with their intervals, and tokens of a row."""
    most = sorted(tally.faults.items(), key=lambda pair: (-pair[1], pair[0]))[:2]
    return [
        format_share(tally.usable, tally.of),
        format_share(tally.right, tally.known) if tally.known else "",
        f"{tally.tokens / max(1, tally.of):,.0f}",
        f"{tally.prompt_tokens / max(1, tally.of):,.0f}",
        ", ".join(f"{fault} {count}" for fault, count in most),
    ]


def format_share(count: int, of: int) -> str:
    """A share of a number, with its 95 % interval."""
    low, high = wilson(count, of)
    return f"{count}/{of} {count / max(1, of):.0%} ({low:.0%}-{high:.0%})"


def main(arguments: Sequence[str]) -> int:
    """Asks a model and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", nargs="?", help="an OpenAI-compatible endpoint, up to /v1")
    parser.add_argument("model", nargs="?", default="model", help="the model's name there")
    parser.add_argument("--rows", type=int, default=12, help="rows of each stage (default: 12)")
    parser.add_argument("--stage", action="append", choices=[stage.name for stage in prompt_stages.STAGES])
    parser.add_argument("--data", type=Path, default=os.environ.get("ERRATA_DATA"))
    parser.add_argument("--recorded", action="store_true", help="ask nothing: count what recorded replies come to")
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("--data: name the folder of recorded solutions, or set ERRATA_DATA")
    table = Table(title="" if options.recorded else f"{options.model}, greedy, {options.rows} rows")
    for column in (
        "stage",
        "prompt",
        "usable",
        "right of the usable",
        "tokens",
        "prompt tokens",
        "most frequent faults",
    ):
        table.add_column(column)
    if options.recorded:
        for line in prompt_stages.count_recorded(options.data, format_share):
            table.add_row(*line)
    else:
        engine = OpenAIEngine(OpenAI(engine="openai", model=options.model, url=options.url, concurrency=2, timeout=600))
        for stage in prompt_stages.STAGES:
            if not options.stage or stage.name in options.stage:
                for line in measure(engine, ModelId(options.model, ""), stage, options.rows, options.data):
                    print(*line, sep=" | ", file=sys.stderr, flush=True)
                    table.add_row(*line)
        engine.close()
    Console(width=200).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
