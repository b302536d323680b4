"""What a checkpoint of Abacus makes of its own solutions: revised after feedback, corrected in a step, told right from wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.request import Completion, Message, Reply, Request, Sampling
from tasks.corrections.correct import TEXTS
from tasks.corrections.named_texts import read_texts
from tasks.engines.abacus.engine import AbacusEngine
from tasks.quality.p_true import FALSE, TRUE
from tasks.split import split_steps
from tasks.synthetic.correction_lessons import Feedback, ask_correction, ask_revision, ask_truth
from tasks.synthetic.critiques import write_critique
from tasks.synthetic.lessons import SOLVE
from tasks.synthetic.problems import Problem
from tasks.synthetic.solution import ANSWER
from tasks.synthetic.truth import Truth, find_truth

MARK = "0123456789abcdef"


@dataclass(frozen=True)
class Solved:
    """A solution and its truth."""

    problem: Problem
    text: str
    truth: Truth

    @property
    def answer(self) -> str:
        """The answer that it states; empty where it states none."""
        return self.text.rpartition(ANSWER)[2] if ANSWER in self.text else ""

    @property
    def is_right(self) -> bool:
        """Whether that is the problem's."""
        return self.answer == str(self.problem.answer)


def answer_requests(engine: AbacusEngine, requests: Sequence[Request]) -> list[Reply]:
    """The reply to each request, in their order; what is asked twice is answered once."""
    asked = {request.id: request for request in requests}
    replies = {reply.request: reply for reply in engine.answer(list(asked.values()))}
    return [replies[request.id] for request in requests]


def ask(
    engine: AbacusEngine, conversations: Sequence[tuple[Message, ...]], sampling: Sampling, samples: int = 1
) -> list[list[Reply]]:  # fmt: skip
    """The replies to each conversation."""
    requests = [
        Request("abacus", "", messages, sampling, sample) for messages in conversations for sample in range(samples)
    ]
    replies = answer_requests(engine, requests)
    return [replies[i : i + samples] for i in range(0, len(replies), samples)]


def revise_solutions(
    engine: AbacusEngine, solutions: Sequence[Solved], kind: Feedback, samples: int, whole: bool = True
) -> list[bool]:
    """Whether each revision is right, after a critique without a mistake where there is one.

    Args:
        engine: The checkpoint.
        solutions: First attempts.
        kind: What is said of them.
        samples: Revisions of each.
        whole: Whether the attempt is shown.

    Returns:
        A truth value for each solution and sample.

    """
    conversations = []
    for solution in solutions:
        asked = SOLVE.format(question=solution.problem.question)
        critique = write_critique(split_steps(solution.text)[0], solution.truth)
        turn = ask_revision(kind, solution.is_right, critique, [], MARK)
        shown = (Message("user", asked), Message("assistant", solution.text), turn)
        conversations.append(shown if whole else (Message("user", f"{asked}\n\n{turn.content}"),))
    replies = ask(engine, conversations, Sampling(600, 1.0), samples)
    return [
        isinstance(reply, Completion) and reply.text.endswith(f"{ANSWER}{solution.problem.answer}")
        for solution, group in zip(solutions, replies, strict=True)
        for reply in group
    ]


def mend_steps(engine: AbacusEngine, wrong: Sequence[Solved]) -> tuple[list[bool], list[bool]]:
    """Whether each greedy correction of a first wrong step can be read, and whether the solution is right with it."""
    stepped = [(solution, split_steps(solution.text)[0]) for solution in wrong]
    conversations = [
        ask_correction(solution.problem.question, steps, solution.truth.first_error) for solution, steps in stepped
    ]
    readable, right = [], []
    for (solution, steps), (reply,) in zip(stepped, ask(engine, conversations, Sampling(600, 0.0)), strict=True):
        texts = read_texts(reply, TEXTS, may_be_empty=("rest",))
        readable.append(not isinstance(texts, str))
        if isinstance(texts, str):
            right.append(False)
            continue
        before = steps[: solution.truth.first_error]
        whole = "\n".join([*before, texts["correction"], *([texts["rest"]] if texts["rest"] else [])])
        right.append(find_truth(solution.problem.program, split_steps(whole)[0]).first_error < 0)
    return readable, right


def rate_answers(engine: AbacusEngine, solutions: Sequence[Solved], drawn: int) -> list[float]:
    """How probable it is to each solution's answer that it is true.

    Args:
        engine: The checkpoint.
        solutions: Solutions with an answer.
        drawn: Answers that it draws itself and is shown beside.

    Returns:
        P(True): the probability of A beside that of B; 0.5 where there is neither.

    """
    asked = [(Message("user", SOLVE.format(question=solution.problem.question)),) for solution in solutions]
    others = ask(engine, asked, Sampling(600, 1.0), drawn) if drawn else [[]] * len(solutions)
    texts = [[reply.text for reply in group if isinstance(reply, Completion)] for group in others]
    answers = [[text.rpartition(ANSWER)[2] for text in group if ANSWER in text] for group in texts]
    conversations = [
        ask_truth(solution.problem.question, solution.answer, own)
        for solution, own in zip(solutions, answers, strict=True)
    ]
    requests = [Request("abacus", "", messages, Sampling(1, 0.0), choices=(TRUE, FALSE)) for messages in conversations]
    return [
        reply.compute_choice_shares(request).get(TRUE, 0.5) if isinstance(reply, Completion) else 0.5
        for request, reply in zip(requests, answer_requests(engine, requests), strict=True)
    ]
