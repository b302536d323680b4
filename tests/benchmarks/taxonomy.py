"""How well a taxonomy that starts empty recovers the true kinds of mistakes: `python -m tests.benchmarks.taxonomy`.

On the mistakes of Abacus on whose first wrong step the labellers agree (the
table `agreed` of a built catalog/recipes/abacus.yaml), whose true kinds are known:

- what rules find, then what Abacus says (as a judge before, or asked in the
  rounds); and Abacus alone. No model here can decide on merges: rules do.
- a scripted classifier on the same mistakes, which calls each kind by one of
  four names, errs, slips in its spelling and makes names up; its names as they
  come, merged by rules, and merged by a scripted decider that errs as well.

The adjusted Rand index compares the labels of all mistakes with the true
kinds, whatever types are called; those left undecided are a part of their own.
Exits non-zero where rules and Abacus come below 0.8.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from flows.metrics.evaluate import find_rows
from schemas.model_id import ModelId
from schemas.recipe.models import Abacus
from schemas.recipe.taxonomy import normalize_name
from schemas.request import Completion, Reply, Request
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.task import CLASSIFY
from tasks.engines.abacus.engine import AbacusEngine
from tasks.evaluation.clustering import compute_adjusted_rand
from tasks.llm.prompt_guard import mark
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

LEAST = 0.8
NAMED = {"abacus": ModelId("abacus", "shipped"), "scripted": ModelId("scripted", ""), "decider": ModelId("decider", "")}
WORDS = {
    "calculation": ("calculation", "arithmetic error", "computation mistake", "miscalculated result"),
    "wrong operand": ("wrong operand", "another number used", "swapped quantity", "incorrect operand"),
    "misread quantity": ("misread quantity", "misquoted number", "given number misread", "problem figure altered"),
    "miscopied result": ("miscopied result", "earlier result altered", "copying slip", "transcription of result"),
    "wrong operation": ("wrong operation", "operator mix-up", "adds instead of subtracts", "incorrect operation"),
    "missing step": ("missing step", "skipped calculation", "left out a step", "omitted step"),
    "extra step": ("extra step", "superfluous calculation", "needless step", "did too much"),
    "unit": ("unit", "unit mix-up", "counts another thing", "wrong noun"),
    "final answer": ("final answer", "answer not the result", "reported wrong total", "ending does not match"),
}
MEANS = {
    "calculation": "the result of the calculation is not what its numbers come to",
    "wrong operand": "one known number stands in the place of some other",
    "misread quantity": "what the question gives was read with changed digits",
    "miscopied result": "a value from before is carried on with changed digits",
    "wrong operation": "plus, minus, times or divided by was confused",
    "missing step": "something needed has not been worked out yet",
    "extra step": "something nobody asked for is worked out",
    "unit": "the count is fine but of another sort of thing",
    "final answer": "the last line reports something else than was found",
}
OF = {normalize_name(name): kind for kind, names in WORDS.items() for name in names}
Say = Callable[[Request], str]


def corrupted(name: str, chance: Random) -> str:
    """A name with two letters changed round."""
    at = chance.randrange(1, len(name) - 2)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


class Scripted:
    """A classifier that knows the true kind, and errs: in kind, in its words, in its spelling, and in its form."""

    def __init__(self, kinds: Mapping[str, str], seed: int) -> None:
        self.kinds, self.seed = kinds, seed

    def word(self, sign: str) -> tuple[str, str]:
        """What it calls the mistake with a mark, and what it means by that."""
        chance = Random(f"{self.seed} {sign}")
        kind = self.kinds[sign] if chance.random() > 0.08 else chance.choice(sorted(WORDS))
        name = chance.choices(WORDS[kind], (4, 2, 1, 1))[0]
        luck = chance.random()
        if luck < 0.04:
            return (
                f"{chance.choice(['odd', 'strange', 'curious'])} {chance.choice(['leap', 'claim', 'turn', 'guess'])} {chance.randrange(1000)}",
                "hard to say",
            )
        return (corrupted(name, chance) if luck < 0.12 else name), MEANS[kind]

    def __call__(self, request: Request) -> str:
        text = "\n".join(message.content for message in request.messages)
        (sign,) = set(re.findall(r"<problem-([0-9a-f]{16})>", text))
        chance = Random(f"{self.seed} {request.id}")
        if chance.random() < 0.03:
            return "It is hard to say what went wrong here."
        name, meaning = self.word(sign)
        listed = [line[2:].partition(": ")[0] for line in text.split("\n") if line.startswith("- ")]
        mine = [item for item in listed if OF.get(normalize_name(item), "?") == OF.get(normalize_name(name))] or [
            item for item in listed if item == name
        ]
        if mine:
            return json.dumps({"cause": "", "type": chance.choice(mine)})
        if "propose a new kind" not in text:
            return json.dumps({"cause": "", "type": "other" if "other" in listed else name})
        return json.dumps({"cause": "", "type": "new", "name": name, "definition": meaning})

    def decide(self, request: Request) -> str:
        """Whether two names are of one kind, and where a rare one belongs; wrong one time in twenty."""
        text = "\n".join(message.content for message in request.messages)
        chance = Random(f"{self.seed} {request.id}")
        kinds = [meant(body) for body in re.findall(r"<kind-[0-9a-f]{16}>\n(.*?)\n</kind-", text, re.DOTALL)]
        if '"same"' in text:
            same = kinds[0] is not None and kinds[0] == kinds[1]
            return json.dumps({"same": same != (chance.random() < 0.05)})
        listed = [line[2:].partition(": ")[0] for line in text.split("\n") if line.startswith("- ")]
        under = [item for item in listed if kinds[0] is not None and meant(item) == kinds[0]]
        return json.dumps({"type": under[0] if under else "none"})


def meant(text: str) -> str | None:
    """The kind that a name with its definition is of; None of a made-up one."""
    name, _, meaning = text.partition(": ")
    return OF.get(normalize_name(name)) or next((kind for kind, item in MEANS.items() if item == meaning.strip()), None)


def typed(
    rows: pl.DataFrame, given: dict[str, Any], answer: Callable[[Sequence[Request]], Iterator[Reply]]
) -> tuple[pl.DataFrame, int]:
    """The mistakes as `classify` types them, and how many requests that took (each asked once, as by the ledger)."""
    rules = ClassifyParameters.model_validate({"rules": False, **given})
    conversation = CLASSIFY.ask(rows, rules, NAMED)
    known: dict[str, Reply] = {}
    try:
        requests = next(conversation)
        while True:
            fresh = {request.id: request for request in requests if request.id not in known}
            known |= {reply.request: reply for reply in answer(list(fresh.values()))}
            requests = conversation.send({request.id: known[request.id] for request in requests})
    except StopIteration as end:
        kept: pl.DataFrame = end.value.kept
        return kept, len(known)


def scripted(value: Scripted) -> Callable[[Sequence[Request]], Iterator[Reply]]:
    """The script as an engine."""

    def answer(requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            result = value.decide(request) if request.model == "decider" else value(request)
            yield Completion(request.id, result, "stop", request.sampling.max_tokens, 1, 1, None, "scripted", 0.0)

    return answer


def index(truth: Sequence[str], texts: Sequence[str | None]) -> float:
    """The adjusted Rand index of labels against the truth."""
    return compute_adjusted_rand(Counter((item, other or "undecided") for item, other in zip(truth, texts))) or 0.0


def measured(rows: pl.DataFrame, truth: Sequence[str], table: Table) -> float:
    """Fill the table; the figure of rules and Abacus."""
    signs = [
        mark(
            {**row, "steps": row["steps"][: row["first_error"] + 1], "text": None, "reference": None}
            | ({"reference": row["reference"]} if "reference" in row else {})
        )
        for row in rows.iter_rows(named=True)
    ]
    engine = AbacusEngine(Abacus(engine="abacus"))
    asked = {"models": ["abacus"], "max_tokens": 600, "dynamic": {"prompt": "abacus-judge"}}
    ways: list[tuple[str, dict[str, Any], Any]] = [
        ("rules, then Abacus' judgement", {"rules": True, "judged_in": "words", "dynamic": {}}, engine.answer),
        ("rules, then Abacus asked", {"rules": True, **asked}, engine.answer),
        ("Abacus' judgement alone", {"judged_in": "words", "dynamic": {}}, engine.answer),
        ("Abacus asked, alone", asked, engine.answer),
    ]
    result = Scripted(dict(zip(signs, truth)), 1)
    raw = [normalize_name(result.word(sign)[0]) for sign in signs]
    names = {"models": ["scripted"], "dynamic": {}}
    ways += [
        ("scripted, merged by rules", names, scripted(result)),
        ("scripted, merged by a scripted decider", {**names, "dynamic": {"decider": "decider"}}, scripted(result)),
    ]
    figure = 0.0
    for name, given, answer in ways:
        if name == "scripted, merged by rules":
            table.add_row("scripted: names as they come", str(len(set(raw))), "0", "100.0", f"{index(truth, raw):.3f}")
        outcome, requests = typed(rows, given, answer)
        error_types = outcome["error_type"].to_list()
        share = 100 * sum(label is not None for label in error_types) / len(error_types)
        value = index(truth, error_types)
        table.add_row(name, str(len({*error_types} - {None})), f"{requests:,}", f"{share:.1f}", f"{value:.3f}")
        figure = value if name == ways[0][0] else figure
    engine.close()
    return figure


def main() -> int:
    """Measure and print; 1 where the figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="store", help="where catalog/recipes/abacus.yaml was built (make corpus)")
    given = parser.parse_args()
    agreed = find_rows("catalog/recipes/abacus.yaml:agreed", None, given.store)
    some = [record.value for record in agreed.records() if record.value is not None]
    pairs = [
        (row, kind)
        for row in some
        if row["first_error"] >= 0 and (kind := find_truth(load_program(row["program"]), row["steps"]).kind)
    ]
    truth = [kind for _, kind in pairs]
    console = Console(width=120)
    table = Table(
        title=f"{len(pairs):,} mistakes of {len(set(truth))} true kinds, from an empty taxonomy", title_justify="left"
    )
    table.add_column("who names them", no_wrap=True)
    for head in ("types", "requests", "typed, %", "adjusted Rand index"):
        table.add_column(head, justify="right", no_wrap=True)
    figure = measured(pl.DataFrame([row for row, _ in pairs], infer_schema_length=None), truth, table)
    console.print(table)
    console.print(
        f"{'met   ' if figure >= LEAST else 'MISSED'}  rules and Abacus: adjusted Rand index >= {LEAST}: {figure:.3f}"
    )
    return int(figure < LEAST)


if __name__ == "__main__":
    sys.exit(main())
