"""Feedback on attempts: what critics are asked, how several critiques become one, and what the reviser is told.

Sources: AutoMathCritique (arXiv 2411.16579) for the form of critiques;
MultiCritique (arXiv 2410.15287) for merging by source, where what one critic
alone says is dropped; Feedback Friction (arXiv 2506.11930) for critics who see
the right solution, and for naming earlier answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.model_id import ModelId
from schemas.request import Message, Reply, Request, Sampling
from tasks.corrections.revise_parameters import ReviseParameters, find_feedback_prompt
from tasks.corrections.step_scores import Scores, describe_scores
from tasks.llm import prompts
from tasks.llm.critique_reply import Critique, parse_critique
from tasks.llm.judge_reply import NONE, collect_material
from tasks.llm.prompt_guard import fill_fields, strip_marks
from tasks.llm.prompt_guard import mark as make_mark
from tasks.llm.quoted_text import normalize_words

LEAST = 2
"""Critics who must say the same of a step."""
LONGEST_VALUE = 2_000
"""Characters that are told of a wrong value."""
DISAGREEING = "critics do not agree on a step"
NO_REFERENCE = "no reference"


@dataclass(frozen=True)
class AttemptFeedback:
    """What a reviser is told of an attempt beside a sentence of ours."""

    critic: str | None = None
    critique: Critique | None = None
    scores: Scores = ()
    """What the scorer says of each step, where one is asked."""


def request_critiques(
    row: Mapping[str, Any], rules: ReviseParameters, names: Mapping[str, ModelId], scores: Scores = ()
) -> list[Request]:
    """What critics are asked of an attempt, one request each; they see the scores of its steps, where there are any."""
    fields = fill_fields(row, (), rules.feedback == "reference")
    fields |= {"count": str(len(row["steps"])), "verdict": describe_scores(scores)}
    sampling = Sampling(rules.critique_tokens, rules.critique_temperature)
    messages = prompts.fill(rules.critique_prompt, fields)
    return [names[critic].ask(messages, sampling) for critic in rules.critics]


def read_critiques(
    row: Mapping[str, Any], requests: Sequence[Request], replies: Mapping[str, Reply], names: Sequence[str]
) -> AttemptFeedback:
    """What critics say of an attempt: one alone, or what several agree on."""
    material = collect_material(row)
    critiques = [parse_critique(replies[request.id], len(row["steps"]), material) for request in requests]
    if len(critiques) == 1:
        return AttemptFeedback(names[0], critiques[0])
    return AttemptFeedback(", ".join(names), merge_critiques(list(zip(names, critiques, strict=True)), row["steps"]))


def merge_critiques(critiques: Sequence[tuple[str, Critique]], steps: Sequence[str]) -> Critique:
    """One critique of several, each point with who makes it; what fewer than two say is dropped.

    Args:
        critiques: Who says what.
        steps: The steps of the attempt.

    Returns:
        The critique, in the form of each; undecided where no two agree.

    """
    votes = Counter(critique.first_error for _, critique in critiques if critique.first_error is not None)
    (step, most), (_, next_most) = [*votes.most_common(2), (NONE, 0), (NONE, 0)][:2]
    if most < LEAST or most == next_most:
        return Critique("", None, DISAGREEING)
    sources = [(name, critique) for name, critique in critiques if critique.first_error == step]
    lines = []
    for i, text in enumerate(steps if step == NONE else steps[: step + 1]):
        word = "Wrong" if i == step else "Correct"
        lines += [f"Step sentence: {' '.join(text.split())}", f"Correctness of the step: {word}"]
    who = "; ".join(f"{name}: {critique.why}" if critique.why else name for name, critique in sources)
    lines.append(f"Explanation: {who}")
    lines.append(f"Correctness of the final answer: {'Correct' if step == NONE else 'Wrong'}")
    return Critique("\n".join(lines), step, "", who)


def describe_run(row: Mapping[str, Any]) -> str:
    """What running an attempt came to: the interpreter's words, or a wrong value; empty where it says nothing of a fault."""
    words = "\n".join(str(row[name]) for name in ("error_type", "traceback") if row.get(name))
    if words or row["verdict"] != "wrong" or not row.get("ran"):
        return words
    return f"It ended without an exception, and came to what is wrong:\n{str(row['extracted'])[:LONGEST_VALUE]}"


def leaks_answer(critique: str, row: Mapping[str, Any]) -> bool:
    """Whether a critique has the gold answer, which neither the problem nor the attempt has."""
    answer = normalize_words(row["answer"])
    shown = normalize_words(f"{row['question']} {row['text']}")
    return bool(answer.strip()) and answer in normalize_words(critique) and answer not in shown


def write_feedback(
    row: Mapping[str, Any], rules: ReviseParameters, feedback: AttemptFeedback, earlier: Sequence[str]
) -> tuple[Message, ...]:
    """The turn that asks for a revision."""
    sign = make_mark(row)
    listed = "; ".join(strip_marks(answer, sign) for answer in dict.fromkeys(earlier))
    known = f"These answers were given before and are wrong: {listed}." if listed else ""
    fields = {
        "mark": sign,
        "verdict": row["verdict"],
        "critique": strip_marks(feedback.critique.text if feedback.critique else describe_run(row), sign),
        "earlier": "\n".join(filter(None, [describe_scores(feedback.scores), known])),
    }
    return prompts.fill(find_feedback_prompt(rules.feedback), fields)
