"""The stages that `tests.benchmarks.prompts` measures: their rows, their prompts, and what a usable reply is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from catalog import taxonomies
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Reply, Request, Sampling
from schemas.task import Outcome
from tasks.classify.induction.keywords import make_schema as make_keyword_schema
from tasks.classify.induction.keywords import parse_keywords
from tasks.classify.induction.open_reply import parse_proposal
from tasks.classify.parameters import ClassifyParameters
from tasks.classify.reply import read_final_text
from tasks.classify.requests import fill_prompt, make_schema
from tasks.classify.task import CLASSIFY
from tasks.generate import GENERATE, GenerateParameters
from tasks.inject.parameters import InjectParameters
from tasks.inject.task import INJECT, NO_PLACE
from tasks.llm import prompts
from tasks.llm.judge_reply import collect_material, parse_judgement
from tasks.llm.lenient_json import find_objects
from tasks.llm.prompt_guard import fence_text, fill_fields
from tasks.localize.judge import JUDGE
from tasks.localize.judge_parameters import FORMS, JudgeParameters
from tasks.split import split_steps
from tasks.verify import check_answer
from tasks.verify.extract import MARKED

SOLVED = to_polars_schema(SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS))
EARLIER = Path(__file__).parent / "earlier_prompts"
TAXONOMY = "verify-then-generate"
Names = Mapping[str, ModelId]
Talk = Generator[Sequence[Request], Mapping[str, Reply], Any]


@dataclass
class Tally:
    """What became of the replies to one prompt."""

    of: int = 0
    """Rows asked about."""
    usable: int = 0
    known: int = 0
    """Rows of which is known what would be right."""
    right: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def add(self, fault: str | None, right: bool | None = None) -> None:
        """Count a row: why its reply cannot be used (nothing where it can), and whether it is right, where that is known."""
        self.of += 1
        self.usable += not fault
        self.known += right is not None
        self.right += right is True and not fault
        if fault:
            self.faults[fault] = self.faults.get(fault, 0) + 1


@dataclass(frozen=True)
class Stage:
    """A use of prompts that is measured."""

    name: str
    load: Callable[[Path, int], pl.DataFrame]
    """So many rows of the data."""
    variants: Mapping[str, Any]
    """What is measured against each other: parameters of `ask` by their names."""
    ask: Callable[[pl.DataFrame, Any, Names], Talk]
    count: Callable[[Any, Tally], None]
    """Counts what `ask` made of the rows."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of gzipped JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_earlier(name: str) -> str:
    """A prompt as it was: in its first version, or in that which its name says."""
    return (EARLIER / f"{name}.txt").read_text("utf-8").removesuffix("\n")


def make_solutions(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows with the columns of solutions, and `gold`; what is not given is plain."""
    full = []
    for i, row in enumerate(rows):
        text = row.get("text") or "\n".join(row.get("steps") or [])
        plain: dict[str, Any] = dict.fromkeys(SOLVED) | {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}"}
        plain |= {"set": "s", "model": "m", "sampling": "greedy", "sample": 0, "source": f"f:{i}", "step_rule": "lines"}
        plain |= {"text": text, "rationale": text, "answer": "", "extracted_by": ""}
        full.append(plain | {name: value for name, value in row.items() if name in SOLVED})
    more = {name: [row.get(name) for row in rows] for name in ("gold", "first_error", "cause")}
    return pl.DataFrame(full, schema=SOLVED).hstack(pl.DataFrame(more, strict=False))


def _load_generations(data: Path, most: int, *, right: bool) -> pl.DataFrame:
    """Solutions of different problems by a 1.5B model; only right ones where they are to be made wrong."""
    chosen: dict[str, dict[str, Any]] = {}
    for row in read_rows(data / "qwen-gsm8k" / "generations.jsonl.gz"):
        if len(chosen) == most:
            break
        judged = check_answer(row["answer"], row["text"])
        if row["question"] not in chosen and (not right or judged.verdict == "right"):
            verdict = {"verdict": judged.verdict, "extracted_by": judged.extracted_by}
            chosen[row["question"]] = row | verdict | {"steps": split_steps(row["text"])[0], "gold": row["answer"]}
    return make_solutions(list(chosen.values()))


def _load_problems(data: Path, most: int) -> pl.DataFrame:
    problems = _load_generations(data, most, right=False)
    return problems.select("problem_id", "set", "question", "options", "answer", "reference", "gold")


def _load_right(data: Path, most: int) -> pl.DataFrame:
    return _load_generations(data, most, right=True)


def _load_labelled(data: Path, most: int) -> pl.DataFrame:
    """Solutions with human labels: two wrong ones for each right one."""
    rows = [row | {"gold": row["label"]} for row in read_rows(data / "labels-qwen" / "gsm8k.jsonl.gz")]
    rows = [row for row in rows if (row["verdict"] == "wrong") == (row["label"] >= 0)]
    wrong = [row for row in rows if row["label"] >= 0][: (2 * most + 2) // 3]
    return make_solutions([*wrong, *[row for row in rows if row["label"] < 0][: most - len(wrong)]])


def _load_described(data: Path, most: int) -> pl.DataFrame:
    """Mistakes that teachers described."""
    return _load_mistakes(data, most, described=True)


def _load_mistakes(data: Path, most: int, *, described: bool = False) -> pl.DataFrame:
    """Mistakes that teachers sorted; many of them, or all that are wanted, with a description."""
    rows = read_rows(next((data / "verify-then-generate").glob("*.jsonl.gz")))
    types = taxonomies.find_shipped(TAXONOMY)
    chosen = [
        {
            "question": row["problem"], "steps": row["student_incorrect_solution"], "first_error": row["incorrect_index"],
            "gold": types.named(row["error_category"]), "cause": row["error_description"],
        }
        for row in rows
        if types.named(row["error_category"]) and (row["error_description"] or not described)
    ]  # fmt: skip
    return make_solutions(chosen[:: max(1, len(chosen) // most)][:most])


# ---- what tasks make of the replies


def _count_solutions(outcome: Any, tally: Tally) -> None:
    """A solution is usable where it has steps and marks its answer; right by its answer."""
    for row in outcome.kept.to_dicts():
        judged = check_answer(row["gold"], row["text"])
        steps, _ = split_steps(row["text"])
        if len(steps) < 2:
            fault = "one step"
        elif judged.extracted_by not in MARKED:
            fault = f"answer by {judged.extracted_by or 'none'}"
        else:
            fault = ""
        tally.add(fault, judged.verdict == "right")
    for reason in outcome.rejected["reason"].to_list():
        tally.add(reason, right=False)


def ask_judges(part: pl.DataFrame, parameters: JudgeParameters | str, names: Names) -> Talk:
    """The first wrong step of each row by the task; or by a prompt of the first version, with the schema that went with it."""
    if isinstance(parameters, JudgeParameters):
        outcome: Outcome = yield from JUDGE.ask(part, parameters, names)
        return [(row["judge_faults"][0], row["judge_labels"][0], row["gold"]) for row in outcome.kept.to_dicts()]
    rows = part.to_dicts()
    step = {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["none"]}]}
    properties = {"reason": {"type": "string"}, "kind": {"type": "string"}, "first_error": step}
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    sampling = Sampling(300, 0.0, 1.0, (), json.dumps(schema))
    asks = [names["m"].ask(prompts.fill(parameters, fill_fields(row, (), False)), sampling) for row in rows]
    replies = yield asks
    judgements = [
        parse_judgement(replies[ask.id], len(row["steps"]), collect_material(row), ()) for row, ask in zip(rows, asks)
    ]
    return [(judgement.fault, judgement.label, row["gold"]) for judgement, row in zip(judgements, rows)]


def _count_judgements(outcome: Any, tally: Tally) -> None:
    for fault, label, gold in outcome:
        tally.add(fault, label == gold if gold >= 0 else None)


def _count_injections(outcome: Any, tally: Tally) -> None:
    for _ in range(outcome.kept.height):
        tally.add("")
    for reason in outcome.rejected["reason"].to_list():
        if reason != NO_PLACE:  # nothing was asked about it
            tally.add(reason)


def _count_types(outcome: Any, tally: Tally) -> None:
    for row in outcome.kept.to_dicts():
        tally.add(row["type_undecided"], row["error_type"] == row["gold"])


# ---- what has no task of its own


def ask_for_proposals(part: pl.DataFrame, prompt: str, names: Names) -> Talk:
    """The first round of an induction: each mistake is given a kind, known or new."""
    rows = part.to_dicts()
    sampling = Sampling(700, 0.0, 1.0, (), make_schema(prompt, None, True))
    asks = [names["m"].ask(fill_prompt(prompt, row, None, False), sampling) for row in rows]
    replies = yield asks
    return [
        parse_proposal(replies[ask.id], row["first_error"], collect_material(row), None, False).fault
        for row, ask in zip(rows, asks)
    ]


def ask_for_keywords(part: pl.DataFrame, way: tuple[str, bool], names: Names) -> Talk:
    """The keywords of each mistake's description, by a prompt; they are among the phrases of the description, or free."""
    prompt, held = way
    items = {"type": "string"} if prompt == read_earlier("keywords") else {"type": "string", "maxLength": 60}
    schema = {"type": "object", "properties": {"keywords": {"type": "array", "items": items, "maxItems": 5}}}
    free = json.dumps(schema | {"required": ["keywords"]})
    causes = part["cause"].to_list()
    asks = [
        names["m"].ask(
            prompts.fill(prompt, {"mark": "9f3c", "cause": cause}),
            Sampling(256, 0.0, 1.0, (), make_keyword_schema(cause) if held else free),
        )
        for cause in causes
    ]
    replies = yield asks
    return ["" if parse_keywords(replies[ask.id], cause) else "no keyword" for ask, cause in zip(asks, causes)]


PAIRS = [
    ("calculation error", "The arithmetic is wrong.", "arithmetic mistake", "A sum or product is worked out wrongly.", True),
    ("wrong unit", "A quantity has another unit than it should.", "unit confusion", "Units are mixed up.", True),
    ("missing step", "A step that is needed is left out.", "skipped step", "Something that must be done is not done.", True),
    ("misread question", "The question is understood otherwise.", "misunderstanding", "What is asked is read wrongly.", True),
    ("sign error", "Plus and minus are mixed up.", "wrong sign", "A number has the other sign.", True),
    ("rounding error", "A number is rounded wrongly.", "incorrect rounding", "Rounding goes the wrong way.", True),
    ("calculation error", "The arithmetic is wrong.", "misread question", "What is asked is read wrongly.", False),
    ("wrong unit", "A quantity has another unit than it should.", "missing step", "A needed step is left out.", False),
    ("sign error", "Plus and minus are mixed up.", "wrong formula", "A formula is used that does not apply.", False),
    ("rounding error", "A number is rounded wrongly.", "copied wrongly", "A number is another than before.", False),
    ("double counting", "Something is counted twice.", "wrong operation", "Numbers are added instead of multiplied.", False),
    ("wrong factual knowledge", "A fact is wrong.", "unfinished solution", "The answer is not reached.", False),
    ("off by one", "Something is counted once too often or too seldom.", "fencepost error", "A count is one too large or too small.", True),
    ("invented number", "A number is used that the problem does not have.", "hallucinated quantity", "A figure is made up.", True),
    ("wrong formula", "A formula is used that does not apply.", "inapplicable formula", "The rule applied does not fit the case.", True),
    ("copied wrongly", "A number is another than before.", "transcription error", "A figure is written down otherwise than it stood.", True),
    ("unfinished solution", "The answer is not reached.", "stops too early", "The solution ends before what is asked is worked out.", True),
    ("wrong operation", "Numbers are added instead of multiplied.", "incorrect operator", "Another operation is used than is needed.", True),
    ("off by one", "Something is counted once too often or too seldom.", "wrong unit", "A quantity has another unit than it should.", False),
    ("invented number", "A number is used that the problem does not have.", "calculation error", "The arithmetic is wrong.", False),
    ("wrong formula", "A formula is used that does not apply.", "rounding error", "A number is rounded wrongly.", False),
    ("misread question", "What is asked is read wrongly.", "sign error", "Plus and minus are mixed up.", False),
    ("double counting", "Something is counted twice.", "skipped step", "Something that must be done is not done.", False),
    ("wrong factual knowledge", "A fact is wrong.", "copied wrongly", "A number is another than before.", False),
]  # fmt: skip
"""Names of kinds of mistakes with their definitions, and whether they mean the same."""


def ask_whether_same(part: pl.DataFrame, prompt: str, names: Names) -> Talk:
    """Pairs of names, of which is known whether they are one."""
    same = {"same": {"type": "boolean"}}
    why = {} if prompt == read_earlier("same-kind") else {"why": {"type": "string", "maxLength": 300}}
    schema = {"type": "object", "properties": why | same, "required": [*why, *same], "additionalProperties": False}
    sampling = Sampling(256, 0.0, 1.0, (), json.dumps(schema))
    asks = []
    for name, definition, other, meaning, _ in PAIRS[: part.height]:
        texts = {"one": f"{name}: {definition}", "other": f"{other}: {meaning}"}
        fields = {key: fence_text("kind", text, "9f3c") for key, text in texts.items()} | {"mark": "9f3c"}
        asks.append(names["m"].ask(prompts.fill(prompt, fields), sampling))
    replies = yield asks
    outcomes = []
    for ask, (*_, truth) in zip(asks, PAIRS):
        values = [record["same"] for record in find_objects(read_final_text(replies[ask.id])[0]) if "same" in record]
        outcomes.append(("" if values else "unparsable", bool(values) and values[0] is truth))
    return outcomes


def _count_faults(outcome: Any, tally: Tally) -> None:
    for fault in outcome:
        tally.add(fault)


def _count_pairs(outcome: Any, tally: Tally) -> None:
    for fault, right in outcome:
        tally.add(fault, right)


def _judge(**more: Any) -> JudgeParameters:
    return JudgeParameters.model_validate({"models": ["m"], "max_tokens": 300, **more})


def _solve(prompt: str) -> GenerateParameters:
    greedy = {"temperature": 0.0}
    return GenerateParameters.model_validate(
        {"models": ["m"], "prompt": prompt, "sampling": [greedy], "max_tokens": 500}
    )


def _classify(prompt: str) -> ClassifyParameters:
    given = {"taxonomy": taxonomies.find_shipped(TAXONOMY), "rules": False, "models": ["m"], "prompt": prompt}
    return ClassifyParameters.model_validate(given | {"max_tokens": 500})


def _inject(prompt: str) -> InjectParameters:
    given = {"taxonomy": taxonomies.find_shipped("rise"), "models": ["m"], "prompt": prompt}
    return InjectParameters.model_validate(given | {"temperature": 0.0, "attempts": 1, "max_tokens": 300})


KEYWORDS = {
    "version 1, free": (read_earlier("keywords"), False),
    "version 2, free": (prompts.find_template("keywords"), False),
    "version 2, among the phrases": (prompts.find_template("keywords"), True),
}
FIRST, SECOND, THIRD, FOURTH = (f"version {number}" for number in range(1, 5))
STAGES = (
    Stage(
        "solve", _load_problems, {FIRST: _solve(read_earlier("solve")), SECOND: _solve("solve")}, GENERATE.ask, _count_solutions,
    ),
    Stage(
        "judge",
        _load_labelled,
        {"json, version 1": read_earlier("judge")}
        | {form: _judge(form=form) for form in FORMS}
        | {f"{form}, sees the verdict": _judge(form=form, sees=["verdict"]) for form in ("steps", "json")},
        ask_judges,
        _count_judgements,
    ),
    Stage("inject", _load_right, {THIRD: _inject(read_earlier("inject-3")), FOURTH: _inject("inject")}, INJECT.ask, _count_injections),
    Stage(
        "classify", _load_mistakes, {FIRST: _classify(read_earlier("classify")), SECOND: _classify("classify")}, CLASSIFY.ask, _count_types,
    ),
    Stage(
        "discover", _load_mistakes, {FIRST: read_earlier("discover"), SECOND: prompts.find_template("discover")}, ask_for_proposals, _count_faults,
    ),
    Stage(
        "keywords", _load_described, KEYWORDS, ask_for_keywords, _count_faults,
    ),
    Stage(
        "same-kind", _load_mistakes, {FIRST: read_earlier("same-kind"), SECOND: prompts.find_template("same-kind")}, ask_whether_same, _count_pairs,
    ),
)  # fmt: skip
