"""`evidence`: recorded evidence of where solutions first go wrong: rollouts' counts and judges' replies, through a field mapping.

What others have measured is labelled as what is measured here: the replies are
read by the reader of task `judge`, and the columns are those of `judge` and
`estimate` as far as they are about counts and votes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from schemas.columns.labels import ESTIMATE_COLUMNS, ESTIMATE_LABEL, JUDGE_COLUMNS, JUDGE_LABEL
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS, VERDICTS
from schemas.contract import Contract
from schemas.task import FromRecords, Outcome, Record
from tasks.llm.judge_reply import collect_material, read_judgement
from tasks.llm.voting import find_majority
from tasks.sources.content_ids import identify_solution
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.load import LoadParameters, map_problem, map_records
from tasks.sources.values import FieldError, read_text, read_texts

NOT_COUNTED = "not counted"
COUNTS = ("tried", "succeeded", "unclear")
LONGEST = 1_000
"""Steps of a solution, rollouts of a prefix, and replies of a judge, at most."""
_WITHOUT_COUNTS = frozenset({"hard", "soft", "soft_low", "soft_high", "reused", "rollouts", "rollout_tokens"})
_WITHOUT_VOTES = frozenset({"judge_kind", "judge_requests", "judge_likelihoods", "judge_tokens"})
ESTIMATED = tuple(column for column in ESTIMATE_COLUMNS if column.name not in _WITHOUT_COUNTS)
JUDGED = tuple(column for column in JUDGE_COLUMNS if column.name not in _WITHOUT_VOTES)


class EvidenceParameters(LoadParameters):
    """Parameters of `evidence`."""

    model: FieldOf = Field(FieldRule(value="unknown"), description="The model that wrote the solution.")
    steps: FieldOf = Field(description="The solution's steps, a list.")
    verdict: FieldOf = Field(description="Whether its answer is `right`, `wrong` or `undecided`.")
    tried: FieldOf = Field(
        FieldRule(path="tried", optional=True), description="Decided rollouts from each prefix, a list."
    )
    succeeded: FieldOf = Field(
        FieldRule(path="succeeded", optional=True), description="Those of them that came to the right answer, a list."
    )
    unclear: FieldOf = Field(
        FieldRule(path="unclear", optional=True), description="Rollouts from each prefix that were not decided, a list."
    )
    judges: dict[str, FieldOf] = Field(
        {},
        max_length=20,
        description="By the name of a judge, or of a form of the question: the list of its replies, as they came.",
    )


def map_evidence(record: Mapping[str, Any], rules: EvidenceParameters) -> dict[str, Any]:
    """The columns of a record; `FieldError` where it has none."""
    row = map_problem(record, rules, None)
    steps = read_texts(rules.steps.take(record, None), "steps", rules.longest)
    if not steps or len(steps) > LONGEST:
        raise FieldError("no steps" if not steps else "too many steps", f"steps: {len(steps or ())}")
    verdict = read_text(rules.verdict.take(record, None), "verdict", rules.longest)
    if verdict not in VERDICTS:
        raise FieldError("not a verdict", f"{verdict[:40]!r}, expected {', '.join(VERDICTS)}")
    model, text = read_text(rules.model.take(record, None), "model", rules.longest), "\n".join(steps)
    row |= {
        "solution_id": identify_solution(row["problem_id"], model, "recorded", 0, text),
        "model": model, "sampling": "recorded", "sample": 0, "text": text, "rationale": text, "stated": None,
        "steps": steps, "verdict": verdict,
    }  # fmt: skip
    return row | _count_rollouts(record, rules, row) | _read_judgements(record, rules, row)


def _count_rollouts(record: Mapping[str, Any], rules: EvidenceParameters, row: Mapping[str, Any]) -> dict[str, Any]:
    """The counts, and the label that they give: the first step through which, and through all later ones, no rollout succeeds."""
    counts = {name: _read_counts(getattr(rules, name).take(record, None), name, row["steps"]) for name in COUNTS}
    if any(s > n for s, n in zip(counts["succeeded"], counts["tried"])):
        raise FieldError("contradictory", "more rollouts succeeded than were tried")
    following = max((at + 1 for at, n in enumerate(counts["succeeded"]) if n), default=0)
    label = -1 if row["verdict"] == "right" else following if following < len(row["steps"]) else None
    if label is not None and label >= 0 and not counts["tried"][label]:
        label = None
    how = f"recorded, at most {max(counts['tried'])} rollouts"
    undecided = None if label is not None else NOT_COUNTED
    return {"estimate_first_error": label, "estimate_undecided": undecided, "estimated_by": how, **counts}


def _read_counts(value: Any, name: str, steps: Sequence[str]) -> list[int]:
    """A count for each step; none at all are zeros."""
    if value is None:
        return [0] * len(steps)
    if not isinstance(value, list) or len(value) != len(steps):
        kind = f"{len(value)} numbers" if isinstance(value, list) else f"a {type(value).__name__}"
        raise FieldError("wrong type", f"{name} is {kind}, expected one for each of {len(steps)} steps")
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= LONGEST for n in value):
        raise FieldError("wrong type", f"{name} holds something else than whole numbers from 0 to {LONGEST:,}")
    return value


def _read_judgements(record: Mapping[str, Any], rules: EvidenceParameters, row: Mapping[str, Any]) -> dict[str, Any]:
    """The votes that replies are."""
    material = collect_material(row)
    names, replies = [], []
    for judge, rule in rules.judges.items():
        texts = read_texts(rule.take(record, None), judge, rules.longest) or []
        if len(texts) > LONGEST:
            raise FieldError("too many replies", f"{judge}: {len(texts)}, at most {LONGEST:,} are read")
        names += [f"{judge} #{number}" for number in range(len(texts))]
        replies += texts
    judgements = [read_judgement(text, len(row["steps"]), material) for text in replies]
    labels, faults = [judgement.label for judgement in judgements], [judgement.fault for judgement in judgements]
    together = find_majority(labels, faults)
    return {
        "judges": names, "judge_labels": labels, "judge_faults": faults,
        "judge_kinds": [judgement.kind for judgement in judgements],
        "judge_reasons": [judgement.reason for judgement in judgements], "judge_replies": replies,
        "judge_first_error": together.label, "judge_undecided": together.undecided, "judge_share": together.share,
    }  # fmt: skip


def _makes(_: EvidenceParameters, __: Contract) -> Contract:
    return SOLUTIONS.having(STEP_COLUMNS[0], VERDICT_COLUMNS[0], *ESTIMATED, *JUDGED)


def read_evidence(records: Sequence[Record], parameters: EvidenceParameters) -> Outcome:
    """Solutions with the evidence that records hold.

    Args:
        records: Records of one source in its order, those that could not be read among them.
        parameters: Which fields hold the problem, the solution's steps, the counts and the replies.

    Returns:
        A solution for each record; what has none as a record, with the reason.

    """
    contract = _makes(parameters, SOLUTIONS)
    return map_records(records, parameters, lambda record, _: map_evidence(record, parameters), contract)


EVIDENCE_TASK = FromRecords(
    name="evidence",
    summary="Reads recorded evidence of first wrong steps, rollouts' counts and judges' replies, from files through a field mapping.",
    version="3",
    parameters=EvidenceParameters,
    makes=_makes,
    locations=lambda parameters: parameters.files,
    rows_per_record=lambda _, __: 1,
    run=read_evidence,
    labels=(JUDGE_LABEL, ESTIMATE_LABEL),
)
