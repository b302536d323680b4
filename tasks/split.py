"""`split`: cuts a rationale into steps, and records the rule that cut it.

No character but white space is lost: the steps, joined, are the rationale.
"""

from __future__ import annotations

import re
from typing import Literal

import polars as pl
from pydantic import Field

from schemas.columns.gold import GOLD_COLUMNS
from schemas.columns.problems import STEP_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.task import Outcome, Parameters, PerRow

Rule = Literal["auto", "numbered", "blank lines", "lines", "sentences", "whole"]

_NUMBERED = re.compile(r"^[ \t]*(?:#{1,6}[ \t]*)?(?:[*_]{1,2})?(?:(?:step|q)[ \t]*)?(\d{1,3})[.):]", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"^[ \t]*(?:[*_#]{1,6}[ \t]*)?(?:therefore|thus|hence|so,|in total|in conclusion|(?:the |so the )?(?:final )?answer\b)",
    re.IGNORECASE,
)
_ANSWER_LINE = re.compile(r"^\s*(?:####.*|[*_]{0,2}(?:A|Answer)[*_]{0,2}\s*:.{0,60})$")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|vs|etc|approx|e\.g|i\.e|a\.m|p\.m|ft|lb|oz|eq|fig)|(?<![=+*/-] )(?-i:\b[A-Z])|^\s*\d{1,3})\.$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]*”’]*(?=\s+[\"'(\[*“‘]*[A-Z0-9$\\])")


class SplitParameters(Parameters):
    """Parameters of `split`."""

    rule: Rule = Field("auto", description="How to cut; auto takes the first rule that gives two steps or more.")
    most: int = Field(256, ge=1, le=10_000, description="Steps of a solution; one with more is rejected.")


def split_numbered(text: str) -> list[str]:
    """Steps that begin with 1, 2, 3, … at the start of a line ("1.", "Step 1:", "Q1."); a conclusion is a step."""
    steps: list[list[str]] = [[]]
    expected = 1
    for line in text.split("\n"):
        match = _NUMBERED.match(line)
        begins = match is not None and int(match[1]) == expected
        concludes = expected > 1 and _CONCLUSION.match(line) is not None
        if (begins and expected > 1) or concludes:
            steps.append([])
        expected += begins
        steps[-1].append(line)
    return _joined(steps) if expected > 2 else []


def split_paragraphs(text: str) -> list[str]:
    """Paragraphs."""
    return [part for part in re.split(r"\n[ \t]*\n\s*", text) if part.strip()]


def split_lines(text: str) -> list[str]:
    """Lines; one that only gives the answer ("#### 18") belongs to the step before."""
    steps: list[list[str]] = []
    for line in text.split("\n"):
        if not steps or (line.strip() and not _ANSWER_LINE.match(line)):
            steps.append([])
        steps[-1].append(line)
    return _joined(steps)


def split_sentences(text: str) -> list[str]:
    """Sentences; a full stop ends none after an abbreviation, an initial or the number of a list's item."""
    steps, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(start, match.end() - 12) : match.end()]):
            steps.append(text[start : match.end()])
            start = match.end()
    return [step for step in (*steps, text[start:]) if step.strip()]


def _joined(steps: list[list[str]]) -> list[str]:
    texts = ("\n".join(step) for step in steps)
    return [text for text in texts if text.strip()]


RULES = {
    "numbered": split_numbered,
    "blank lines": split_paragraphs,
    "lines": split_lines,
    "sentences": split_sentences,
}


def split_steps(text: str, rule: Rule = "auto") -> tuple[list[str], str]:
    """The steps of a text, stripped, and the rule that cut them ("whole" where none gives two)."""
    for name, cut in RULES.items() if rule == "auto" else [(rule, RULES[rule])] if rule in RULES else []:
        steps = [step.strip() for step in cut(text)]
        if len(steps) > 1:
            return steps, name
    return [text.strip()], "whole"


def split_solutions(part: pl.DataFrame, parameters: SplitParameters) -> Outcome:
    """Adds `steps` and `step_rule`; rejects solutions of too many steps.

    Args:
        part: Solutions with their `rationale`.
        parameters: How many steps are too many.

    Returns:
        The solutions with their steps, a list of texts, and the rule that parted them.

    """
    cut = [split_steps(text, parameters.rule) for text in part["rationale"].to_list()]
    steps = pl.Series("steps", [texts for texts, _ in cut], dtype=pl.List(pl.String))
    rule = pl.Series("step_rule", [name for _, name in cut], dtype=pl.String)
    fits = steps.list.len() <= parameters.most
    many = part.filter(~fits).with_columns(
        pl.lit("too many steps").alias(REASON.name),
        (steps.filter(~fits).list.len().cast(pl.String) + f" steps, at most {parameters.most}").alias(DETAIL.name),
    )
    return Outcome(part.with_columns(steps, rule).filter(fits), many)


def _with_steps(_: SplitParameters, contract: Contract) -> Contract:
    return contract.without(*GOLD_COLUMNS).having(*STEP_COLUMNS)  # gold is of steps cut otherwise


SPLIT = PerRow(
    name="split",
    summary="Cuts rationales into steps: numbered steps, blank lines, lines or sentences; records which.",
    version="1",
    parameters=SplitParameters,
    needs=("rationale",),
    makes=_with_steps,
    run=split_solutions,
)
