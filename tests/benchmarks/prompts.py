"""Prompts as they ship beside those before them, asked of a real model: `python -m tests.benchmarks.prompts URL NAME`.

URL is an OpenAI-compatible endpoint (up to /v1), NAME the model's; a GGUF file
in place of URL is asked by the engine `llama`. With `--replies FILE` each
request is kept there with its reply, as a line of JSON. Each prompt
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
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.engine import Engine
from schemas.model_id import ModelId
from schemas.recipe.models import LlamaCpp, OpenAI
from schemas.request import Completion, Reply, Request
from tasks.engines.llama.engine import LlamaEngine
from tasks.engines.openai.engine import OpenAIEngine
from tasks.evaluation.score import wilson
from tasks.llm.judge_reply import collect_material, read_judgement
from tests.benchmarks.prompt_stages import STAGES, Stage, Talk, Tally, read_rows


def ask(engine: Engine, talk: Talk, tally: Tally, kept: Path | None = None) -> Any:
    """Carries a conversation on to its end, each request answered; returns what it made."""
    try:
        requests: Sequence[Request] = next(talk)
        while True:
            asked, replies = {request.id: request for request in requests}, dict[str, Reply]()
            for reply in engine.answer(list(requests)):
                replies[reply.request] = reply
                if kept:
                    keep_reply(kept, asked[reply.request], reply)
            for request in requests:
                count_reply(replies[request.id], tally)
            requests = talk.send(replies)
    except StopIteration as end:
        return end.value


def count_reply(reply: Reply, tally: Tally) -> None:
    """Its tokens."""
    tally.requests += 1
    if isinstance(reply, Completion):
        tally.tokens += reply.tokens
        tally.prompt_tokens += reply.prompt_tokens


def keep_reply(path: Path, request: Request, reply: Reply) -> None:
    """Appends a request and its reply to a file."""
    answer = reply.text if isinstance(reply, Completion) else f"{reply.reason}: {reply.detail}"
    with path.open("a", encoding="utf-8") as file:
        file.write(
            json.dumps({"prompt": request.messages[-1].content, "prefix": request.prefix, "reply": answer}) + "\n"
        )


def open_engine(url: str, name: str, concurrency: int) -> LlamaEngine | OpenAIEngine:
    """What answers: an endpoint, or llama.cpp with a GGUF file."""
    if url.endswith(".gguf"):
        return LlamaEngine(LlamaCpp(engine="llama", model=url))
    return OpenAIEngine(OpenAI(engine="openai", model=name, url=url, concurrency=concurrency, timeout=600))


def measure(engine: Engine, stage: Stage, options: argparse.Namespace) -> Iterator[list[str]]:
    """The lines of a stage: each of its prompts (or those that are named) about the same rows."""
    part = stage.load(options.data, options.skip + options.rows)[options.skip :]
    names = {"m": ModelId(options.model, "")}
    for name, parameters in stage.variants.items():
        if options.prompt and name not in options.prompt:
            continue
        tally = Tally()
        stage.count(ask(engine, stage.ask(part, parameters, names), tally, options.replies), tally)
        yield [stage.name, name, *format_tally(tally)]


def format_tally(tally: Tally) -> list[str]:
    """Shares with their intervals, and tokens of a row."""
    return [
        format_share(tally.usable, tally.of),
        format_share(tally.right, tally.known) if tally.known else "",
        f"{tally.tokens / max(1, tally.of):,.0f}",
        f"{tally.prompt_tokens / max(1, tally.of):,.0f}",
        format_faults(tally.faults),
    ]


def format_faults(faults: Mapping[str, int]) -> str:
    """The most frequent faults with their numbers."""
    most = sorted(faults.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return ", ".join(f"{fault} {count}" for fault, count in most)


def format_share(count: int, of: int) -> str:
    """A share of a number, with its 95 % interval."""
    low, high = wilson(count, of)
    return f"{count}/{of} {count / max(1, of):.0%} ({low:.0%}-{high:.0%})"


def count_recorded(data: Path) -> Iterator[list[str]]:
    """What the recorded replies of a 1.5B model in four forms come to, by today's reading of them."""
    rows = read_rows(data / "labels-qwen" / "gsm8k.jsonl.gz")
    for form in ("json_replies", "judge_A", "judge_C", "judge_D"):
        tally = Tally()
        named = exact = 0
        for row in rows:
            seen = {"question": row["question"], "options": None, "steps": row["steps"], "reference": row["reference"]}
            material = collect_material(seen if form == "judge_C" else seen | {"reference": None})
            for text in row[form]:
                judgement = read_judgement(text, len(row["steps"]), material)
                tally.add(judgement.fault)
                if judgement.label is not None and judgement.label >= 0 <= row["label"]:
                    named += 1
                    exact += judgement.label == row["label"]
        yield [
            "judge",
            form,
            format_share(tally.usable, tally.of),
            format_share(exact, named),
            "",
            "",
            format_faults(tally.faults),
        ]


def main(arguments: Sequence[str]) -> int:
    """Asks a model and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", nargs="?", help="an OpenAI-compatible endpoint, up to /v1, or a GGUF file")
    parser.add_argument("model", nargs="?", default="model", help="the model's name there")
    parser.add_argument("--rows", type=int, default=12, help="rows of each stage (default: 12)")
    parser.add_argument("--concurrency", type=int, default=2, help="requests at once of an endpoint (default: 2)")
    parser.add_argument("--skip", type=int, default=0, help="rows before them that are left out (default: 0)")
    parser.add_argument("--stage", action="append", choices=[stage.name for stage in STAGES])
    parser.add_argument("--prompt", action="append", default=[], help="only this prompt of a stage; may be repeated")
    parser.add_argument("--replies", type=Path, help="append each request with its reply to this file")
    parser.add_argument("--data", type=Path, default=os.environ.get("ERRATA_DATA"))
    parser.add_argument("--recorded", action="store_true", help="ask nothing: count what recorded replies come to")
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("--data: name the folder of recorded solutions, or set ERRATA_DATA")
    table = Table(title="" if options.recorded else f"{options.model}, greedy, {options.rows} rows")
    for column in ("stage", "prompt", "usable", "right", "tokens", "prompt tokens", "most frequent faults"):
        table.add_column(column)
    if options.recorded:
        for line in count_recorded(options.data):
            table.add_row(*line)
    else:
        engine = open_engine(options.url, options.model, options.concurrency)
        for stage in STAGES:
            if not options.stage or stage.name in options.stage:
                for line in measure(engine, stage, options):
                    print(*line, sep=" | ", file=sys.stderr, flush=True)
                    table.add_row(*line)
        engine.close()
    Console(width=200).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
