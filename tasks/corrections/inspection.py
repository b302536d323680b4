"""What an inspector says of corrections: whether they hold, and what their writer is told where they do not.

Source: SuperCorrect (arXiv 2410.09008), whose inspector compares a correction with the problem and the right solution. Here a
verifier reads every one, and a model, if one is named, those that it finds nothing in.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.model_id import ModelId
from schemas.request import Reply, Request
from tasks.arithmetic.equations import find_equations
from tasks.classify.rules import blank_step_number
from tasks.corrections.feedback import leaks_answer, read_critiques, request_critiques
from tasks.corrections.revise_parameters import ReviseParameters
from tasks.corrections.splice import judge_texts
from tasks.llm.judge_reply import NONE
from tasks.verify.task import Answers

Row = Mapping[str, Any]
WRONG_ANSWER = "It does not come to the right answer."
NO_ANSWER = "No final answer can be read from it: the last line is #### and the answer alone."


@dataclass(frozen=True)
class Inspection:
    """What is said of a corrected solution."""

    verdict: Literal["right", "wrong", "undecided"]
    first_error: int | None = None
    """The first wrong step of the whole, from 0; None where it is right, or that is not known."""
    why: str = ""
    """What its writer is told, which never has the gold answer."""


def verify_corrections(rows: Sequence[Row], answers: Answers) -> list[Inspection]:
    """Whether corrected solutions come to the right answer by calculations that hold.

    Args:
        rows: Solutions as they are corrected: `text`, `steps`, `number` of the corrected step, and the problem's columns.
        answers: What sort of answer the problems ask for.

    Returns:
        What is said of each.

    """
    verdicts = judge_texts(rows, answers)
    return [_verify(row, verdict["verdict"]) for row, verdict in zip(rows, verdicts, strict=True)]


def _verify(row: Row, verdict: str) -> Inspection:
    for i in range(row["number"], len(row["steps"])):
        step = blank_step_number(row["steps"][i])
        for equation in find_equations(step):
            if equation.holds is False:
                written = step[equation.start : equation.end].strip()
                return Inspection("wrong", i, f"This calculation does not hold: {written}")
    if verdict == "right":
        return Inspection("right")
    return Inspection("wrong", None, WRONG_ANSWER) if verdict == "wrong" else Inspection("undecided", None, NO_ANSWER)


def ask_inspector(
    rows: Sequence[Row], inspections: Sequence[Inspection], inspector: str, tokens: int, names: Mapping[str, ModelId]
) -> Generator[Sequence[Request], Mapping[str, Reply], list[Inspection]]:
    """Has a model, shown the right solution where there is one, read what a verifier finds no wrong step in.

    Args:
        rows: Solutions as they are corrected.
        inspections: What the verifier says of each.
        inspector: The model's name in the recipe.
        tokens: Tokens of what it says.
        names: How requests name each model.

    Yields:
        The one round of requests.

    Returns:
        What is said of each; right is what both find right.

    """
    rules = ReviseParameters(actor=inspector, critics=[inspector], feedback="reference", critique_tokens=tokens)
    open_ = {i: request_critiques(rows[i], rules, names) for i, each in enumerate(inspections) if _is_open(each)}
    replies = yield list({request.id: request for requests in open_.values() for request in requests}.values())
    results = list(inspections)
    for i, requests in open_.items():
        critique = read_critiques(rows[i], requests, replies, [inspector]).critique
        assert critique is not None
        results[i] = _join(inspections[i], critique.first_error, critique.text, rows[i])
    return results


def _is_open(inspection: Inspection) -> bool:
    """Whether a model can say more: of what is right for all a verifier sees, and of what is wrong it knows not where."""
    return inspection.verdict == "right" or (inspection.verdict == "wrong" and inspection.first_error is None)


def _join(inspection: Inspection, step: int | None, text: str, row: Row) -> Inspection:
    if step is None:
        return inspection if inspection.verdict == "wrong" else Inspection("undecided", None, "It cannot be checked.")
    if step == NONE:
        return inspection
    return Inspection("wrong", step, WRONG_ANSWER if leaks_answer(text, row) else text)
