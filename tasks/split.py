"""`split`: cuts a rationale into steps, and records the rule that cut it.

No character but white space is lost: the steps, joined, are the rationale.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from itertools import pairwise
from typing import Literal

import polars as pl
from pydantic import Field

from schemas.columns.gold import GOLD_COLUMNS
from schemas.columns.problems import STEP_COLUMNS
from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import Outcome, Parameters, PerRow

Rule = Literal["auto", "numbered", "blank lines", "lines", "sentences", "whole"]

_ITEM = re.compile(
    r"([ \t]*)(?:#{1,6}[ \t]*)?[*_]{0,2}(?:(step|q)[ \t]*)?(\d{1,5})(?:([.):])(?!\d)|(?=[*_]{0,2}[ \t]*(?:[-–—(]|$)))",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"^[ \t]*(?:[*_#]{1,6}[ \t]*)?(?:therefore|thus|hence|so,|in total|in conclusion|(?:the |so the )?(?:final )?answer\b)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"[ \t]*```")
_FORMULA = re.compile(r"[ \t]+|\\\[|\$\$|\\begin\{|[-*•] |\|")
ANSWER_LINE = re.compile(r"^\s*(?:####.*|[*_]{0,2}(?:A|Answer)[*_]{0,2}\s*:.{0,60})$")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|vs|etc|approx|e\.g|i\.e|a\.m|p\.m|ft|lb|oz|eq|fig)|(?<![=+*/-] )(?-i:\b[A-Z])|^\s*\d{1,3})\.$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]*”’]*(?=\s+[\"'(\[*“‘]*[A-Z0-9$\\])")


ADDED = to_polars_schema(Contract("steps", "", STEP_COLUMNS, ""))


class SplitParameters(Parameters):
    """Parameters of `split`."""

    rule: Rule = Field("auto", description="How to cut; auto takes the first rule that gives two steps or more.")
    of: Literal["auto", "text", "thinking", "both"] = Field(
        "auto",
        description="What is cut: the text, the thinking, or the thinking and then the text; auto takes the text, or the "
        "thinking where the text has no two steps.",
    )
    most: int = Field(5_000, ge=1, le=100_000, description="Steps of a solution; one with more is rejected.")


def split_numbered(text: str) -> list[str]:
    """Steps that begin with 1, 2, 3, … at the start of a line ("1.", "Step 1:", "Q1."); a conclusion is a step.

    Where the numbers begin anew, as behind a plan, its items are steps like
    those of the work. What stands before the first item, and paragraphs behind
    the last one of a list, are steps of their own.

    Returns:
        The steps; none where no list has two items.

    """
    lines = text.split("\n")
    code = _find_code(lines)
    items = _number_items(lines, code)
    if max(items.values(), default=0) < 2:
        return []
    first = min(items)
    starts = {i for i, line in enumerate(lines) if i > first and i not in code and _CONCLUSION.match(line)}
    bounds = [*sorted(starts | items.keys() | {0}), len(lines)]
    pieces = [(items.get(start, 0), _parts_of(lines[start:end])) for start, end in pairwise(bounds)]
    # in a list whose items hold paragraphs themselves, those behind the last one belong to it
    steps: list[str] = []
    spread = False
    for (number, parts), (follower, _) in pairwise([*pieces, (0, [])]):
        last = follower != number + 1
        spread = number > 0 and ((spread and number > 1) or (len(parts) > 1 and not last))
        steps += ["\n".join(parts)] if number and (spread or not last) else parts
    return [step for step in steps if step.strip()]


def _number_items(lines: Sequence[str], code: Container[int]) -> dict[int, int]:
    """The lines that begin an item of a numbered list, with its number; no line of code does."""
    items: dict[int, int] = {}
    lists: dict[str, tuple[int, int]] = {}  # by how numbers are written: the next one, and the list's indentation
    latest = ""
    for i, line in enumerate(lines):
        match = None if i in code else _ITEM.match(line)
        if match is None or not (match[2] or match[4]):
            continue
        style, number, indent = (match[2] or match[4]).casefold(), int(match[3]), len(match[1])
        expected, own = lists.get(style, (1, indent))
        anew = number == 1 and (expected > 2 or style != latest)
        if (number == expected or anew) and indent <= own + 1:
            items[i], lists[style], latest = number, (number + 1, indent if anew else own), style
    return items


def _find_code(lines: Sequence[str]) -> set[int]:
    """The lines between two fences of code."""
    fences = [i for i, line in enumerate(lines) if _FENCE.match(line)]
    return {i for start, end in zip(fences[::2], fences[1::2]) for i in range(start, end)}


def _parts_of(lines: Sequence[str]) -> list[str]:
    """Paragraphs; a formula, a list, code and an answer belong to the one that they follow, and all does that follows a colon."""
    code = _find_code(lines)
    parts: list[list[str]] = [[]]
    blank, lead = False, ""
    for i, line in enumerate(lines):
        apart = (
            blank
            and i not in code
            and not (lead.endswith((":", ":**")) or _FORMULA.match(line) or ANSWER_LINE.match(line))
        )
        if line.strip() and apart and lead:
            parts.append([])
        parts[-1].append(line)
        blank = not line.strip()
        lead = line.rstrip() or lead
    return ["\n".join(part) for part in parts]


def split_paragraphs(text: str) -> list[str]:
    """Paragraphs."""
    return [part for part in re.split(r"\n[ \t]*\n\s*", text) if part.strip()]


def split_lines(text: str) -> list[str]:
    """Lines; one that only gives the answer ("#### 18") belongs to the step before."""
    steps: list[list[str]] = []
    for line in text.split("\n"):
        if not steps or (line.strip() and not ANSWER_LINE.match(line)):
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


def split_continuation(before: Sequence[str], rule: str | None, whole: str, behind: str) -> tuple[list[str], str]:
    """The steps behind a beginning, by the rule that cut it where that cuts the whole in the same places.

    Args:
        before: The steps of the beginning.
        rule: The rule that cut it; None where that is not known.
        whole: The beginning and what follows.
        behind: What follows alone.

    Returns:
        The steps, none where nothing follows, and the rule.

    """
    # a solution of one step was cut by no rule; what goes on from its beginning may have several
    steps, cut = split_steps(whole, rule if rule and rule != "whole" else "auto")  # type: ignore[arg-type]
    if steps[: len(before)] != list(before):
        steps, cut = split_steps(behind)
        return [step for step in steps if step], cut
    return steps[len(before) :], cut


def has_several_steps(step: str, rule: str) -> bool:
    """Whether a step holds more than one by the rule that cut its solution; of numbered steps, whether a further number begins a line."""
    if rule in ("numbered", "auto", "whole"):
        items = (_ITEM.match(line) for line in step.split("\n")[1:])
        return any(item is not None and bool(item[2] or item[4]) and len(item[1]) < 2 for item in items)
    return len([piece for piece in RULES[rule](step) if piece.strip()]) > 1


def split_solutions(part: pl.DataFrame, parameters: SplitParameters) -> Outcome:
    """Adds `steps`, `step_rule` and `steps_of`; rejects solutions of too many steps, or without the channel that is to be cut.

    Args:
        part: Solutions with their `rationale`, and maybe their `thinking`.
        parameters: How many steps are too many, and which channel is cut.

    Returns:
        The solutions with their steps, a list of texts, the rule that parted them, and the channel that they are of.

    """
    thinking = part["thinking"].to_list() if "thinking" in part.columns else [None] * len(part)
    cut = [
        split_channel(text, thoughts or "", parameters) for text, thoughts in zip(part["rationale"].to_list(), thinking)
    ]
    added = pl.DataFrame(cut, schema=ADDED, orient="row")
    count = added["steps"].list.len()
    reason = (
        pl.when(count == 0).then(pl.lit("no thinking")).when(count > parameters.most).then(pl.lit("too many steps"))
    )
    detail = pl.when(count > 0).then(pl.format("{} steps, at most {}; raise `most`", count, pl.lit(parameters.most)))
    fits = (count > 0) & (count <= parameters.most)
    dropped = part.with_columns(reason.alias(REASON.name), detail.alias(DETAIL.name)).filter(~fits)
    return Outcome(part.drop(ADDED, strict=False).hstack(added).filter(fits), dropped)


def split_channel(text: str, thinking: str, parameters: SplitParameters) -> tuple[list[str], str, str]:
    """The steps of the channel that is to be cut, the rule, and the channel; no step where there is no such channel."""
    if parameters.of == "thinking":
        return (*(split_steps(thinking, parameters.rule) if thinking else ([], "whole")), "thinking")
    steps, rule = split_steps(text, parameters.rule)
    if not thinking or parameters.of == "text":
        return steps, rule, "text"
    thoughts, thought_rule = split_steps(thinking, parameters.rule)
    if parameters.of == "both":
        return [*thoughts, *(step for step in steps if step)], thought_rule, "both"
    of_text = len(steps) > 1 or (len(thoughts) < 2 and text.strip())
    return (steps, rule, "text") if of_text else (thoughts, thought_rule, "thinking")


def _with_steps(_: SplitParameters, contract: Contract) -> Contract:
    return contract.without(*GOLD_COLUMNS).having(*STEP_COLUMNS)  # gold is of steps cut otherwise


SPLIT = PerRow(
    name="split",
    summary="Cuts rationales, or thoughts, into steps: numbered steps, blank lines, lines or sentences; records which.",
    version="3",
    parameters=SplitParameters,
    needs=("rationale",),
    makes=_with_steps,
    run=split_solutions,
)
