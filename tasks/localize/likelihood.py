"""Likelihoods: how probable a judge finds the word "right" after each step, one token each.

One token for each step costs little, and says how sure the judge is, which no
reply in words does. Uesato et al. 2022 and Lightman et al. 2023 train models to
say as much; here any model is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from schemas.request import Completion, Reply
from tasks.llm.judge_reply import NONE, UNPARSABLE, StepJudgement

_RIGHT, _WRONG = ("right", "correct", "yes", "true"), ("wrong", "incorrect", "no", "false")


def read_word(reply: Reply) -> bool | None:
    """Whether a reply of one token says "right" or begins to; None where it says neither."""
    word = reply.text.strip(" \t\n*_\"'`.([<").casefold() if isinstance(reply, Completion) else ""
    right, wrong = (any(name.startswith(word) for name in names) for names in (_RIGHT, _WRONG))
    return right if word and right != wrong else None


def compute_probability(reply: Reply) -> float | None:
    """The probability of "right", 0 to 1, or what "wrong" has left of it; None of another word, or where it is not known."""
    right = read_word(reply)
    if right is None or not isinstance(reply, Completion) or reply.known_logprob is None:
        return None
    probability = min(1.0, exp(reply.known_logprob))
    return probability if right else 1 - probability


def judge_by_likelihoods(replies: Sequence[Reply], is_wrong: bool) -> StepJudgement:
    """The first step that is called wrong; of a solution that is known to be wrong at least the likeliest.

    Args:
        replies: What was answered after each step.
        is_wrong: Whether the judge was told that the solution is wrong.

    Returns:
        A label, or why there is none.

    """
    words = [read_word(reply) for reply in replies]
    at = next((i for i, word in enumerate(words) if not word), None)
    if at is not None:
        reply = replies[at]
        fault = UNPARSABLE if isinstance(reply, Completion) else reply.reason
        return StepJudgement(None, fault) if words[at] is None else StepJudgement(at)
    shares = [compute_probability(reply) for reply in replies]
    known = [share for share in shares if share is not None]
    if is_wrong and len(known) == len(shares):
        return StepJudgement(shares.index(min(known)))
    return StepJudgement(NONE)


def format_likelihoods(replies: Sequence[Reply]) -> str:
    """The replies as a line for each step, as people read them: `2. wrong (right: 0.31)`."""
    lines = []
    for number, reply in enumerate(replies, 1):
        share = compute_probability(reply)
        text = reply.text.strip()[:40] if isinstance(reply, Completion) else reply.reason
        lines.append(f"{number}. {text}" + ("" if share is None else f" (right: {share:.3f})"))
    return "\n".join(lines)


def average_likelihoods(votes: Sequence[Sequence[Reply]]) -> list[float | None]:
    """The mean over votes of each step's probability of "right"; None where no vote has one."""
    shares = [[compute_probability(reply) for reply in step] for step in zip(*votes)]
    known = [[share for share in step if share is not None] for step in shares]
    return [sum(step) / len(step) if step else None for step in known]
