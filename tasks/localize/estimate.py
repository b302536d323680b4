"""`estimate`: finds the first wrong step by rollouts from a solution's prefixes.

Sources: Math-Shepherd (arXiv 2312.08935), OmegaPRM (arXiv 2406.06592), and for
the consensus of judge and rollouts Lessons of Developing PRMs (arXiv 2501.07301).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator

from schemas.columns.labels import ESTIMATE_COLUMNS, ESTIMATE_LABEL, TREE_COLUMN
from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.request import Reply, Request, Sampling
from schemas.task import Asking, Conversation, ModelId, Outcome, Parameters
from tasks.evaluation.score import wilson
from tasks.llm import prompts
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.read_channels import Reads, find_obstacle
from tasks.llm.sampling import MaxTokens, Stop, Temperature, TopP
from tasks.localize import omegaprm_tree, search
from tasks.localize.rollout_budget import Prior, RolloutRule, Seen, fit_prior
from tasks.localize.rollout_counts import START, RolloutTally, Search
from tasks.localize.rollout_rounds import Asker, Row, run_searches
from tasks.localize.rollouts import list_channel_prefixes
from tasks.verify.task import VERSION as VERIFIER
from tasks.verify.task import Answers

Method = Literal["every-step", "sequential", "binary", "witness", "tree"]
HARDLY = "the completer hardly ever succeeds from before the step"
"""Why a step through which no rollout succeeds is not called wrong."""
PILOT_ROLLOUTS = 8
"""Rollouts from each prefix that the pilot of `auto` asks for."""


class TreeParameters(Parameters):
    """OmegaPRM's tree search; names and values are the paper's (section 3.3), but for the number of searches."""

    searches: int = Field(
        16, ge=1, le=1000, description="Searches of each solution's tree; the paper makes 100 a problem."
    )
    alpha: float = Field(0.5, gt=0, lt=1, description="How much Q favours states that are nearly always solved.")
    beta: float = Field(0.9, gt=0, lt=1, description="How much Q disfavours long rollouts.")
    length: int = Field(500, ge=1, description="Words of a rollout that count as long.")
    exploration: float = Field(0.125, ge=0, description="The weight of U.")


class EstimateParameters(Parameters):
    """Parameters of `estimate`."""

    model: str = Field(description="The completer, by its name under `models:`.")
    method: Method = Field(
        "sequential",
        description="every-step tests all prefixes, sequential up to the first failure, binary by halves, witness only around "
        "the judges' step (needs `judge` before it), tree as OmegaPRM.",
    )
    rollouts: int | Literal["auto"] = Field(
        8,
        description="Decided rollouts of a prefix before it counts as a failure; auto (witness only) measures how many suffice.",
    )
    label: Literal["hard", "soft"] = Field(
        "hard",
        description="hard leaves a prefix at its first success, so that no share can be told from it; soft gives each tested "
        "prefix all its rollouts.",
    )
    prompt: Template = Field("solve", validate_default=True, description="The prompt that the completer goes on from.")
    temperature: Temperature = Field(1.0, gt=0, description="Of the rollouts.")
    top_p: TopP = 1.0
    max_tokens: MaxTokens = Field(1024, description="Tokens of a rollout; one cut off there is unclear.")
    stop: Stop = Field([], description="Texts that end a rollout.")
    of: Reads = None
    answers: Answers = Field("auto", description="What sort of answer the problems ask for, as in `verify`.")
    reuse: bool = Field(
        True, description="Count rollouts from the start of the problem for the prefixes that they begin with, too."
    )
    precision: float = Field(
        0.98,
        gt=0.5,
        lt=1,
        description="With auto: how many of the labels that judges and rollouts share are to be right.",
    )
    pilot: int = Field(
        64, ge=8, le=10_000, description="With auto: rows of each part that are tested more to measure p and q."
    )
    tree: TreeParameters = Field(TreeParameters(), description="Of the method tree.")

    @field_validator("rollouts")
    @classmethod
    def _bounded(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 1000:
            raise ValueError("expected 1 to 1000 rollouts, or auto")
        return value


def estimate(part: pl.DataFrame, rules: EstimateParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Adds the estimate's columns to each solution; rejects nothing: what cannot be estimated is undecided.

    Args:
        part: Solutions with their steps and gold answers; for `witness` with a judge's label.
        rules: The model, the method, and the number of rollouts.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round, for all rows that still need rollouts.

    Returns:
        All rows with the rollouts of each prefix that was tested, and the label: a step counted from 0, -1 for none, null where it is undecided.

    """
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, tuple(rules.stop))
    asker = Asker(names[rules.model], sampling, rules.answers, rules.reuse)
    rows = _rows(part, rules)
    prior = (yield from _pilot(rows.values(), rules, asker)) if rules.rollouts == "auto" else None
    rule = prior.rule(rules.precision) if prior else None
    searched = {i: row for i, row in rows.items() if not row.tally.right or rules.label == "soft"}
    trees = {
        i: omegaprm_tree.Tree(row.tally, _tree_rules(rules)) for i, row in searched.items() if rules.method == "tree"
    }
    methods = ((row, trees[i].search if trees else partial(_search, row, rules, rule)) for i, row in searched.items())
    soft, sound = rules.label == "soft", _count_sound(rules)
    yield from run_searches(
        ((row, search.search_soundly(row.tally, method, sound, soft)) for row, method in methods), asker
    )
    how = _how(rules, prior, rule)
    added = [_columns(values, rows.get(i), how, rules) for i, values in enumerate(part.iter_rows(named=True))]
    if rules.method == "tree":
        for i, columns in enumerate(added):
            columns[TREE_COLUMN.name] = trees[i].describe() if i in trees else []
    schema = to_polars_schema(Contract("estimates", "", _added(rules), ""))
    return Outcome(part.drop(schema, strict=False).hstack(pl.DataFrame(added, schema=schema)), part.clear())


def _rows(part: pl.DataFrame, rules: EstimateParameters) -> dict[int, Row]:
    """The solutions with a verdict, by their number in the part."""
    rows = {}
    for i, values in enumerate(part.iter_rows(named=True)):
        if values["verdict"] == "undecided" or find_obstacle(values, rules.of):
            continue
        question = format_question(values["question"], values["options"])
        tally = RolloutTally(list_channel_prefixes(values, rules.of), values["verdict"] == "right")
        rows[i] = Row(values, prompts.fill(rules.prompt, {"question": question}), tally)
    return rows


def _count_sound(rules: EstimateParameters) -> int:
    """Decided rollouts from before a step that say whether failures behind it mean anything."""
    return PILOT_ROLLOUTS if rules.rollouts == "auto" else rules.rollouts


def _search(row: Row, rules: EstimateParameters, rule: RolloutRule | None) -> Search:
    assert isinstance(rules.rollouts, int) or rule is not None
    if rules.method == "witness":
        before, through = rule or (int(rules.rollouts), int(rules.rollouts))
        return search.search_witness(row.tally, row.values["judge_first_error"], before, through)
    return search.METHODS[rules.method](row.tally, int(rules.rollouts), rules.label == "soft")


def _tree_rules(rules: EstimateParameters) -> omegaprm_tree.TreeRules:
    assert isinstance(rules.rollouts, int)
    return omegaprm_tree.TreeRules(rules.rollouts, **rules.tree.model_dump())


def _pilot(
    rows: Iterable[Row], rules: EstimateParameters, asker: Asker
) -> Generator[Sequence[Request], Mapping[str, Reply], Prior]:
    """What the first wrong rows whose judge names a middle step tell of p, q and the judge; the ledger answers them again."""
    pilot = []
    for row in rows:
        judged = row.values["judge_first_error"]
        if not row.tally.right and judged is not None and 0 < judged < len(row.tally.prefixes) - 1:
            around = [row.tally.prefixes[judged - 1], row.tally.prefixes[judged], row.tally.prefixes[-1]]
            pilot.append(Row(row.values, row.messages, RolloutTally(around, False), spent=row.spent))
        if len(pilot) == rules.pilot:
            break
    yield from run_searches(((row, search.search_every_step(row.tally, PILOT_ROLLOUTS, True)) for row in pilot), asker)
    counts = [
        [Seen(row.tally.count(p, True), row.tally.count(p, False)) for p in row.tally.prefixes[:2]] for row in pilot
    ]
    spent = [tokens for row in pilot for tokens in row.spent.values()]
    before = [(row.values.get("judge_tokens") or 0) + (row.values.get("tokens") or 0) for row in pilot]
    sunk = sum(before) / len(pilot) / max(1.0, sum(spent) / len(spent)) if spent else 0.0
    return fit_prior([(before, through) for before, through in counts], sunk)


def _how(rules: EstimateParameters, prior: Prior | None, rule: RolloutRule | None) -> str:
    """How the labels were made, for people."""
    if rule is not None:
        return (
            f"{rules.method} for precision {rules.precision:g}: {rule.before} before, {rule.through} through; {prior}"
        )
    return f"{rules.method}, {rules.rollouts} rollouts, {rules.label} label"


def _columns(values: Mapping[str, Any], row: Row | None, how: str, rules: EstimateParameters) -> dict[str, Any]:
    """The columns that are added to one solution; `row` is None where its verdict is undecided, or it is not read."""
    if row is None:
        empty = {name: [0] * len(values["steps"]) for name in ("tried", "succeeded", "unclear")}
        unknown = {name: [None] * len(values["steps"]) for name in ("hard", "soft", "soft_low", "soft_high")}
        counts = dict.fromkeys(("start_tried", "start_succeeded", "reused", "rollouts", "rollout_tokens"), 0)
        why_not = "verdict undecided" if values["verdict"] == "undecided" else find_obstacle(values, rules.of)
        nothing = {"estimate_first_error": None, "estimate_undecided": why_not, "estimated_by": how}
        return {**nothing, **empty, **unknown, **counts}
    tally = row.tally
    why = _find_reason(values, tally, rules)
    return {
        "estimate_first_error": tally.first_error if why is None else None,
        "estimate_undecided": why,
        "estimated_by": how,
        "tried": [tally.count_decided(prefix) for prefix in tally.prefixes],
        "succeeded": [tally.count(prefix, True) for prefix in tally.prefixes],
        "unclear": [tally.count(prefix, None) for prefix in tally.prefixes],
        "hard": tally.hard,
        **_share_columns(tally, rules),
        "start_tried": tally.count_decided(START),
        "start_succeeded": tally.count(START, True),
        "reused": sum(rollout.reused for prefix in tally.prefixes[:-1] for rollout in tally.rollouts.get(prefix, ())),
        "rollouts": len(row.spent),
        "rollout_tokens": sum(row.spent.values()),
    }


def _share_columns(tally: RolloutTally, rules: EstimateParameters) -> dict[str, list[float | None]]:
    """The share of each prefix's rollouts that succeeded, with Wilson's interval, where there is one."""
    # A count that was stopped at its first success is no share: of such tries only the first is an unbiased estimate
    # (Girshick, Mosteller and Savage, Ann. Math. Statist. 17, 1946). From the end of a solution nothing goes on: its
    # share is its verdict.
    shares: list[tuple[float | None, float | None, float | None]] = []
    for prefix in tally.prefixes[:-1]:
        tried, succeeded = tally.count_decided(prefix), tally.count(prefix, True)
        known = rules.label == "soft" and isinstance(rules.rollouts, int) and tried >= rules.rollouts
        shares.append((succeeded / tried, *wilson(succeeded, tried)) if known else (None, None, None))
    end = float(tally.right) if rules.label == "soft" else None
    shares.append((end, end, end))
    return {name: [share[i] for share in shares] for i, name in enumerate(("soft", "soft_low", "soft_high"))}


def _find_reason(values: Mapping[str, Any], tally: RolloutTally, rules: EstimateParameters) -> str | None:
    """Why there is no label; None where there is one."""
    if tally.right:
        return None
    if (before := tally.before_error) is not None:
        solves = tally.solves(before, _count_sound(rules))
        return None if solves else "rollouts undecided" if solves is None else HARDLY
    following = tally.prefixes[tally.reached + 1]
    if tally.count_all(following) > tally.count_decided(following):
        return "rollouts undecided"
    if rules.method != "witness":
        return "search ended before"
    judged = values.get("judge_first_error")
    if judged is None:
        return "judge undecided"
    if judged < 0:
        return "judge names no step"
    if tally.reached >= judged:
        return "a rollout through the judge's step succeeds"
    return "no rollout before the judge's step succeeds"


def _added(rules: EstimateParameters) -> tuple[Any, ...]:
    return (*ESTIMATE_COLUMNS, TREE_COLUMN) if rules.method == "tree" else ESTIMATE_COLUMNS


def _check(rules: EstimateParameters, given: Contract) -> list[str]:
    """Parameters that do not go together."""
    faults = []
    if "question" not in prompts.list_fields(rules.prompt):
        faults.append("prompt: has no {question}; put it where the problem belongs")
    if rules.method == "witness" and "judge_first_error" not in given.names():
        faults.append("method: witness needs the judges' labels; put `judge` before it, or take sequential")
    if rules.method == "witness" and rules.label == "soft":
        faults.append("label: witness gives hard labels only; take every-step for soft ones")
    if rules.method != "witness" and rules.rollouts == "auto":
        faults.append("rollouts: auto is for the method witness; give a number")
    return faults


ESTIMATE = Asking(
    name="estimate",
    summary="Finds the first wrong step by rollouts: every step, step after step, by halves, around the judges' step, or a tree.",
    version=f"3 verify {VERIFIER}",  # another verifier gives other labels
    parameters=EstimateParameters,
    needs=("question", "options", "answer", "rationale", "steps", "verdict"),
    makes=lambda rules, given: given.having(*_added(rules)),
    check=_check,
    models=lambda rules: [rules.model],
    ask=estimate,
    rows_per_row=lambda _: 1,
    continues=lambda _: True,
    labels=(ESTIMATE_LABEL,),
)
