"""The reading of a judge's reply: a label, or why it is undecided; never eval, never a guess.

What a reply repeats of the solution counts for nothing, and so does what
contradicts itself: a solution may hold verdicts of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from schemas.request import Completion, Reply, replace_surrogates
from tasks.llm.channels import split_channels
from tasks.llm.claims import (
    NO_STEP,
    Claim,
    StepVerdicts,
    find_bare_claim,
    find_json_claims,
    find_verdict_lines,
    find_verdict_sentences,
    find_worded_claims,
)
from tasks.llm.quoted_text import Material

NONE = -1
"""The label of a solution without a wrong step."""
LONGEST_READ = 20_000
"""Characters of a reply, its thoughts left out; a longer one is not read."""
LONGEST_KEPT = 100_000
"""Characters of a reply that are kept."""
LONGEST_KIND = 80
"""Characters of what an error is called."""
_LONGEST_REASON = 2_000
_NO_KIND = frozenset({"", "none", "null", "nil", "n/a", "no", "no error", "-", "correct"})
UNPARSABLE, OUT_OF_RANGE, CUT_OFF, EMPTY = "unparsable", "out of range", "cut off", "empty"
CONTRADICTORY, REPEATED, TOO_LONG = "contradictory", "repeats the solution", "too long"
DESCRIBED, UNFINISHED = "says none and describes an error", "not all steps judged"


@dataclass(frozen=True)
class StepJudgement:
    """The judgement of one reply."""

    label: int | None
    """The first wrong step, counted from 0, NONE, or None where it is undecided."""
    fault: str = ""
    """Why it is undecided, in few words; empty where it is not."""
    kind: str = ""
    reason: str = ""


def collect_material(row: Mapping[str, Any]) -> Material:
    """What a judge sees of a row, whole and in pieces."""
    texts = (row["question"], row.get("text"), "\n".join(row["steps"]), row.get("reference"), row.get("thoughts"))
    return Material(text for text in (*texts, *(row["options"] or ()), *row["steps"]) if text)


def parse_judgement(reply: Reply, steps: int, material: Material, kinds: Sequence[str]) -> StepJudgement:
    """The judgement of a reply on a solution of so many steps."""
    if not isinstance(reply, Completion):
        return StepJudgement(None, reply.reason)
    if reply.finish == "length" or not reply.thinking_finished:
        return StepJudgement(None, CUT_OFF)
    return read_judgement(reply.text, steps, material, kinds)


def read_judgement(text: str, steps: int, material: Material, kinds: Sequence[str] = ()) -> StepJudgement:
    """The judgement of a text on a solution of so many steps; a kind that is none of `kinds` (if there are any) is left out."""
    channels = split_channels(text)
    final = channels.text
    if not channels.is_finished:
        return StepJudgement(None, CUT_OFF)
    if not final.strip():
        return StepJudgement(None, EMPTY)
    if len(final) > LONGEST_READ:
        return StepJudgement(None, TOO_LONG)
    own = material.without(final)
    lines, plain = find_verdict_lines(_plain(own), material)
    sentences = find_verdict_sentences(plain, material)
    claims = [*find_json_claims(own, material), *find_worded_claims(plain, material)]
    claims += _claim_by_verdicts(lines, sentences, steps, beside=any(_counts(claim, steps) for claim in claims))
    claims = claims or list(find_bare_claim(own, material))
    if not claims:
        if lines.right | sentences.right:
            return StepJudgement(None, UNFINISHED)
        return StepJudgement(None, REPEATED if own != final or material.equals(final) else UNPARSABLE)
    return _weighed(claims, sentences.wrong, steps, kinds)


def _claim_by_verdicts(lines: StepVerdicts, sentences: StepVerdicts, steps: int, beside: bool) -> list[Claim]:
    """What verdicts on single steps come to: the first wrong one, or none where each step is called right.

    Sentences count only where nothing else is claimed: beside a claim they are
    held against it.

    Args:
        lines: The verdicts of lines.
        sentences: The verdicts of sentences.
        steps: How many steps the solution has.
        beside: Whether the reply claims something else.

    Returns:
        One claim, or none.

    """
    verdicts = lines if lines.right | lines.wrong or beside else sentences
    if verdicts.wrong & verdicts.right:
        return [Claim(None)]
    if verdicts.wrong:
        step = min(verdicts.wrong)
        return [Claim(step, reason=verdicts.reasons.get(step, ""))]
    return [Claim(NO_STEP)] if verdicts.right >= set(range(1, steps + 1)) else []


def _plain(text: str) -> str:
    """A text without emphasis, its white space single, for sentences to be found in."""
    text = unicodedata.normalize("NFKC", text).replace("*", "").replace("`", "")
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _weighed(claims: Sequence[Claim], wrong: Set[int], steps: int, kinds: Sequence[str]) -> StepJudgement:
    """The judgement that a reply's claims make together."""
    firm = [claim for claim in claims if not claim.only_if_fitting]
    labels = {claim.step for claim in firm} or {claim.step for claim in claims}
    labels |= {claim.step for claim in claims if _counts(claim, steps)}
    named = [claim.kind for claim in claims if claim.kind.strip().casefold() not in _NO_KIND]
    if None in labels:
        return StepJudgement(None, UNPARSABLE)
    if len(labels) > 1:
        return StepJudgement(None, DESCRIBED if claims[0].step == NO_STEP and len(labels) == 2 else CONTRADICTORY)
    (step,) = labels
    assert step is not None
    if step == NO_STEP and (named or wrong):
        return StepJudgement(None, DESCRIBED)
    if any(wrong_step < step for wrong_step in wrong):
        return StepJudgement(None, CONTRADICTORY)
    if not NO_STEP <= step <= steps:
        return StepJudgement(None, OUT_OF_RANGE)
    reason = next((claim.reason for claim in reversed(claims) if claim.reason), "")
    return StepJudgement(
        step - 1 if step else NONE, "", _kind(named, kinds), replace_surrogates(reason[:_LONGEST_REASON])
    )


def _counts(claim: Claim, steps: int) -> bool:
    """Whether a claim is about the steps: one that may be something else only where it can be a step's number."""
    return not claim.only_if_fitting or (claim.step is not None and NO_STEP <= claim.step <= steps)


def _kind(named: Sequence[str], kinds: Sequence[str]) -> str:
    if not named:
        return ""
    kind = " ".join(replace_surrogates(named[-1]).split())[:LONGEST_KIND]
    return next((name for name in kinds if name.casefold() == kind.casefold()), "") if kinds else kind


def keep_reply(reply: Reply) -> str:
    """A reply as it came, as far as it is kept; of one that was refused what was found."""
    return replace_surrogates((reply.text if isinstance(reply, Completion) else reply.detail)[:LONGEST_KEPT])
