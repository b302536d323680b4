"""`revise`: has a model revise solutions after feedback, turn by turn, and keeps what helps.

Sources: Recursive Introspection (arXiv 2407.18219, rewards 1, 0 and -1, rows kept
by all, better, best, success), AutoMathCritique (arXiv 2411.16579, critiques kept
by how often revisions after them are right), Feedback Friction (arXiv
2506.11930, warming and earlier answers), MAgICoRe (arXiv 2409.12147, only where
solutions do not agree, with scores of steps for reviewer and refiner).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from schemas.columns.corrections import CARRIED
from schemas.columns.problems import COMPLETION_COLUMNS, PROGRAM, SOLUTION_ID, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.columns.turns import STEP_SCORES, TURN_COLUMNS, TURNS
from schemas.contract import Contract
from schemas.frames import reject_rows, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, Outcome
from tasks.conditions import evaluate_condition
from tasks.corrections.feedback import (
    NO_REFERENCE,
    AttemptFeedback,
    describe_run,
    leaks_answer,
    read_critiques,
    request_critiques,
    write_feedback,
)
from tasks.corrections.revise_parameters import ReviseParameters, check_parameters
from tasks.corrections.segments import make_segment
from tasks.corrections.step_scores import NO_SCORES, read_scores, request_scores
from tasks.generate import find_fault
from tasks.llm import prompts
from tasks.llm.channels import split_channels
from tasks.llm.judge_reply import NONE
from tasks.llm.question import format_question
from tasks.llm.sampling import describe_sampling
from tasks.sources.content_ids import digest, identify_solution
from tasks.split import split_steps
from tasks.verify.math_verify.pool import compared
from tasks.verify.task import VERSION as VERIFIER
from tasks.verify.task import judge_rows

Row = dict[str, Any]
Round = Generator[Sequence[Request], Mapping[str, Reply], None]
"""Yields the requests of one round, and is sent their replies."""
NO_ANSWER = "no answer"
"""Why a verdict is undecided where no answer is found."""
NOT_RUN = {"verdict": "undecided", "undecided": "its program was not run"}
HOTTEST = 5.0
"""No request has a higher temperature."""


@dataclass
class Chain:
    """A first attempt and its revisions."""

    row: Row
    """The table's row."""
    attempts: list[Row]
    """What is known of each attempt, the first one's first."""
    messages: list[tuple[Message, ...]]
    """The conversation behind each attempt, without the attempt itself."""
    feedback: AttemptFeedback = field(default_factory=AttemptFeedback)
    """What its last attempt's critics say."""
    end: tuple[str, str | None] | None = None
    """Why there are no more attempts, where there are none."""

    @property
    def last(self) -> Row:
        """The attempt that is to be revised."""
        return self.attempts[-1]


def find_reward(verdict: str, undecided: str | None) -> float | None:
    """1, 0 or, where no answer is found, -1; None where it is undecided otherwise: a checker's failure is no mistake."""
    return {"right": 1.0, "wrong": 0.0}.get(verdict, -1.0 if undecided == NO_ANSWER else None)


def revise_solutions(part: pl.DataFrame, rules: ReviseParameters, names: Mapping[str, ModelId]) -> Conversation:
    """Attempts in their turns, a row each.

    Args:
        part: Solutions with their steps and verdicts.
        rules: Who revises after what feedback, how often, and what is kept.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round: for critiques of attempts, then for the revisions after them, turn by turn.

    Returns:
        The attempts that are kept; a solution is rejected once for each turn that it has no attempt of, or whose attempt is not kept.

    """
    meets = evaluate_condition(part, rules.when, "when").fill_null(False) if rules.when else [True] * part.height
    chains = [_begin_chain(row, meet, rules) for row, meet in zip(part.iter_rows(named=True), meets, strict=True)]
    for turn in range(1, rules.turns + 1):
        for chain in chains:
            chain.end = chain.end or _find_end(chain, rules)
        if rules.scorer and (open_ := [chain for chain in chains if not chain.end]):
            yield from _score_steps(open_, rules.scorer, names)
        if rules.critics and (open_ := [chain for chain in chains if not chain.end]):
            yield from _hear_critics(open_, rules, names)
        if open_ := [chain for chain in chains if not chain.end]:
            yield from _take_turn(open_, turn, rules, names)
    return _gather(part, chains, rules)


def _begin_chain(row: Row, meets: bool, rules: ReviseParameters) -> Chain:
    """A chain with its first attempt; it ends there where the solution does not meet the condition."""
    unasked = () if rules.scorer else ("scorer",)
    how = rules.model_dump_json(exclude={"turns", "keep", "helps", "when", *unasked})
    chain_id = digest("chain", row[SOLUTION_ID.name], how)
    known = {column.name for column in (SOLUTION_ID, *COMPLETION_COLUMNS, *STEP_COLUMNS, *VERDICT_COLUMNS)}
    attempt = {name: row.get(name) for name in (*known, "request_id", "tokens", "logprob")}
    attempt |= {column.name: None for column in TURN_COLUMNS}
    attempt |= {STEP_SCORES.name: []}
    attempt |= {
        "turn_id": digest("turn", chain_id, "0", row[SOLUTION_ID.name]),
        "chain_id": chain_id,
        "turn": 0,
        "steps_before": [],
    }
    attempt |= {"reward": find_reward(row["verdict"], row["undecided"])}
    asked = prompts.fill(rules.prompt, {"question": format_question(row["question"], row["options"])})
    attempt["segments"] = _make_segments(asked, attempt, [])
    return Chain(row, [attempt], [asked], end=None if meets else ("not revised: the condition is not met", None))


def _find_end(chain: Chain, rules: ReviseParameters) -> tuple[str, str | None] | None:
    """Why an attempt is not revised; None where it is."""
    last = chain.last
    if rules.stop == "right" and last["verdict"] == "right":
        return "the attempt before is right", None
    if rules.feedback == "verdict" and last["verdict"] == "undecided":
        return "the verdict is undecided", last["undecided"]
    if rules.feedback == "reference" and not chain.row["reference"]:
        return NO_REFERENCE, None
    if rules.feedback == "run" and not describe_run(chain.row):
        return "running it said nothing", None
    return None


def _score_steps(chains: Sequence[Chain], scorer: str, names: Mapping[str, ModelId]) -> Round:
    """Asks the scorer about each step of the last attempt of each chain; one without a single score ends there."""
    asks = [request_scores(_show(chain), scorer, names) for chain in chains]
    replies = yield list({request.id: request for requests in asks for request in requests}.values())
    for chain, requests in zip(chains, asks, strict=True):
        scores = read_scores(requests, replies)
        chain.feedback = AttemptFeedback(scores=scores)
        if all(score is None for score in scores):
            chain.end = (NO_SCORES, None)


def _hear_critics(chains: Sequence[Chain], rules: ReviseParameters, names: Mapping[str, ModelId]) -> Round:
    """Asks critics of the last attempt of each chain; one whose critique cannot be read ends there."""
    asks = [request_critiques(_show(chain), rules, names, chain.feedback.scores) for chain in chains]
    replies = yield list({request.id: request for requests in asks for request in requests}.values())
    who = [str(names[critic]) for critic in rules.critics]
    for chain, requests in zip(chains, asks, strict=True):
        scores = chain.feedback.scores
        chain.feedback = replace(read_critiques(_show(chain), requests, replies, who), scores=scores)
        critique = chain.feedback.critique
        assert critique is not None
        if critique.first_error is None and not critique.text:
            chain.end = ("no critique", critique.fault)
        elif rules.stop == "content" and critique.first_error == NONE:
            chain.end = ("critics find nothing wrong", None)


def _show(chain: Chain) -> Row:
    """The last attempt with its problem, as critics see it."""
    return {**chain.row, **{name: chain.last[name] for name in ("text", "steps", "verdict")}, "thoughts": None}


def _take_turn(chains: Sequence[Chain], turn: int, rules: ReviseParameters, names: Mapping[str, ModelId]) -> Round:
    """Asks for the revisions of a turn, and adds the one that goes on to each chain."""
    actor = names[rules.actor]
    temperature = min(HOTTEST, rules.temperature + rules.warmer * (turn - 1)) if rules.temperature else 0.0
    sampling = Sampling(rules.max_tokens, temperature, rules.top_p, tuple(rules.stop_texts))
    conversations = [_continue_conversation(chain, rules) for chain in chains]
    # an attempt that says the same as the one before is not asked about by the same request
    samples = range((turn - 1) * rules.samples, turn * rules.samples)
    asks = [[actor.ask(messages, sampling, sample) for sample in samples] for messages in conversations]
    replies = yield list({request.id: request for requests in asks for request in requests}.values())
    revisions = _read_revisions(chains, asks, replies, rules, actor)
    for chain, messages, came in zip(chains, conversations, revisions, strict=True):
        faults = [fault for fault in came if isinstance(fault, tuple)]
        attempts = [attempt for attempt in came if isinstance(attempt, dict)]
        if not attempts:
            chain.end = faults[0]
            continue
        attempt = _choose(chain, attempts, turn, rules)
        attempt["segments"] = _make_segments(messages, attempt, chain.attempts)
        chain.attempts.append(attempt)
        chain.messages.append(messages)


def _continue_conversation(chain: Chain, rules: ReviseParameters) -> tuple[Message, ...]:
    """The conversation that a revision is asked for in, with as much of what was before as the actor sees."""
    earlier = [
        attempt["extracted"] for attempt in chain.attempts if attempt["verdict"] == "wrong" and attempt["extracted"]
    ]
    turn = write_feedback(_show(chain), rules, chain.feedback, earlier if rules.name_earlier else [])
    if rules.history == "none":
        *head, asked = chain.messages[0]
        joined = "\n\n".join([asked.content, *(message.content for message in turn)])
        return (*head, Message("user", joined))
    before = chain.messages[0] if rules.history == "last" else chain.messages[-1]
    return (*before, Message("assistant", chain.last["text"]), *turn)


def _read_revisions(
    chains: Sequence[Chain],
    asks: Sequence[Sequence[Request]],
    replies: Mapping[str, Reply],
    rules: ReviseParameters,
    actor: ModelId,
) -> list[list[Row | tuple[str, str]]]:
    """Each chain's revisions with their verdicts, or why a reply is none."""
    came: list[list[Row | tuple[str, str]]] = []
    written: list[tuple[Row, Row]] = []
    for chain, requests in zip(chains, asks, strict=True):
        came.append([])
        for request in requests:
            reply = replies[request.id]
            fault = find_fault(reply, rules.max_tokens)
            came[-1].append(fault or _read_revision(chain, request, reply, actor))
            if fault is None:
                written.append((came[-1][-1], chain.row))  # type: ignore[arg-type]
    texts = [
        {**{name: attempt[name] for name in ("text", "rationale", "stated")}, **{name: row[name] for name in ("answer", "options", "question")}}
        for attempt, row in written
    ]  # fmt: skip
    schema = {name: pl.String() for name in ("text", "rationale", "stated", "answer", "question")}
    frame = pl.DataFrame(texts, schema={**schema, "options": pl.List(pl.String)}, strict=False)
    verdicts: list[Row]
    if rules.feedback == "run":  # what a program comes to is not to be read in it: the task `run` says that
        verdicts = [dict.fromkeys(column.name for column in VERDICT_COLUMNS) | NOT_RUN] * frame.height
    else:
        verdicts = judge_rows(frame, rules.answers, compared).to_dicts()
    for (attempt, _), verdict in zip(written, verdicts, strict=True):
        attempt |= verdict
        attempt["reward"] = find_reward(verdict["verdict"], verdict["undecided"])
    return came


def _read_revision(chain: Chain, request: Request, reply: Reply, actor: ModelId) -> Row:
    """A revision as a solution, its verdict aside."""
    assert isinstance(reply, Completion)
    channels = split_channels(replace_surrogates(reply.text), apart=replace_surrogates(reply.thinking))
    text, thinking = channels.text, channels.thinking or None
    steps, rule = split_steps(text)
    how = f"{describe_sampling(request, actor)}, revision of {chain.last['solution_id']}"
    model = str(ModelId(request.model, request.revision))
    return {
        "solution_id": identify_solution(chain.row["problem_id"], model, how, request.sample, text, thinking),
        "model": model, "sampling": how, "sample": request.sample, "text": text, "rationale": text, "stated": None,
        "thinking": thinking, "thinking_tokens": reply.thinking_tokens if thinking else None,
        "thinking_finished": channels.is_finished and reply.thinking_finished if thinking else None,
        "steps": steps, "step_rule": rule, "steps_of": None, "request_id": request.id, "tokens": reply.tokens,
        "logprob": reply.known_logprob,
    }  # fmt: skip


def _choose(chain: Chain, attempts: Sequence[Row], turn: int, rules: ReviseParameters) -> Row:
    """The revision that the chain goes on from: a right one if there is any, else the first; with what came of all."""
    last, feedback = chain.last, chain.feedback
    chosen = next((attempt for attempt in attempts if attempt["verdict"] == "right"), attempts[0])
    known = [attempt for attempt in attempts if attempt["reward"] is not None]
    other = next(
        (attempt for attempt in known if chosen["reward"] is not None and attempt["reward"] != chosen["reward"]), None
    )
    critique = feedback.critique
    text = critique.text if critique else describe_run(chain.row) if rules.feedback == "run" else None
    return {
        **chosen, "turn_id": digest("turn", last["chain_id"], str(turn), chosen["solution_id"]), "chain_id": last["chain_id"], "turn": turn,
        "parent_id": last["turn_id"], "feedback_kind": rules.feedback, "critic": feedback.critic, "critique": text,
        "critique_first_error": critique.first_error if critique else None,
        "critique_fault": (critique.fault or None) if critique else None,
        "critique_leaks": leaks_answer(critique.text, _show(chain)) if critique else None,
        "helped": sum(attempt["reward"] == 1 for attempt in known), "helped_of": len(known),
        "answer_before": last["extracted"], "verdict_before": last["verdict"], "text_before": last["text"],
        "steps_before": last["steps"], "other_text": other["text"] if other else None,
        "other_reward": other["reward"] if other else None, STEP_SCORES.name: list(feedback.scores),
    }  # fmt: skip


def _make_segments(messages: Sequence[Message], attempt: Row, before: Sequence[Row]) -> list[Row]:
    """The conversation as it was asked, and the attempt behind it, which alone may be learnt: where it is right."""
    shown = [each for each in before if any(m.role == "assistant" and m.content == each["text"] for m in messages)]
    segments, answered = [], 0
    for message in messages:
        if message.role == "assistant":
            each = shown[answered] if answered < len(shown) else None
            kind = "wrong" if each and each["verdict"] == "wrong" else "attempt"
            segments.append(make_segment("assistant", kind, message.content, each["model"] if each else "errata", of=each["solution_id"] if each else None))  # fmt: skip
            answered += 1
        else:
            segments.append(
                make_segment(message.role, "feedback" if answered else "question", message.content, "errata")
            )
    kind = ("wrong" if attempt["verdict"] == "wrong" else "revision") if before else "attempt"
    learn = attempt["verdict"] == "right"
    last = make_segment("assistant", kind, attempt["text"], attempt["model"], learn, attempt["solution_id"])
    return [*segments, last]


def _gather(part: pl.DataFrame, chains: Sequence[Chain], rules: ReviseParameters) -> Outcome:
    """The attempts that are kept, and the solutions once for each turn without one."""
    rows: list[Row] = []
    dropped: list[int] = []
    why: list[tuple[str, str | None]] = []
    for i, chain in enumerate(chains):
        carried = {column.name: chain.row[column.name] for column in CARRIED if column.name in chain.row}
        for turn in range(rules.turns + 1):
            there = turn < len(chain.attempts)
            reason = _find_drop(chain.attempts[: turn + 1], rules) if there else chain.end or ("no revision", None)
            if reason is None:
                rows.append(carried | chain.attempts[turn])
            else:
                dropped.append(i)
                why.append((reason[0], f"turn {turn}{f': {reason[1]}' if reason[1] else ''}"))
    schema = to_polars_schema(
        _make_contract(rules, Contract("", "", tuple(c for c in CARRIED if c.name in part.columns), ""))
    )
    frame = pl.DataFrame(rows, schema=schema) if rows else pl.DataFrame(schema=schema)
    return Outcome(frame, reject_rows(part[dropped], why))


def _find_drop(attempts: Sequence[Row], rules: ReviseParameters) -> tuple[str, str | None] | None:
    """Why the last of some attempts is not kept; None where it is. What is undecided is better than nothing, and nothing than it."""
    last, before = attempts[-1], [attempt["reward"] for attempt in attempts[:-1]]
    if rules.keep == "success":
        if last["reward"] != 1:
            return "not right", None
    elif rules.keep != "all" and before:
        against = before[-1:] if rules.keep == "better" else before
        known = [reward for reward in against if reward is not None]
        if last["reward"] is None or len(known) < len(against) or last["reward"] <= max(known):
            return f"not {'better than the attempt before' if rules.keep == 'better' else 'the best so far'}", None
    if before and rules.helps is not None and last["helped"] / max(1, last["helped_of"]) < rules.helps:
        return "the feedback helps too seldom", f"{last['helped']} of {last['helped_of']} revisions are right"
    return None


def _make_contract(rules: ReviseParameters, given: Contract) -> Contract:
    program = (PROGRAM,) if PROGRAM.name in given.names() else ()
    scores = (STEP_SCORES,) if rules.scorer else ()
    own = TURNS.columns
    return Contract(TURNS.name, TURNS.meaning, (own[0], *program, *own[1:], *scores), TURNS.key)


REVISE = Asking(
    name="revise",
    summary="Has a model revise solutions after feedback, in turns, and keeps attempts and critiques that help.",
    version=f"4 verify {VERIFIER}",
    parameters=ReviseParameters,
    needs=tuple(
        column.name
        for column in TURNS.columns
        if column not in (TURNS.columns[0], *TURN_COLUMNS) and column.name not in ("request_id", "tokens", "logprob")
    ),
    makes=_make_contract,
    check=check_parameters,
    models=ReviseParameters.list_models,
    prompts=ReviseParameters.list_prompts,
    ask=revise_solutions,
    rows_per_row=lambda rules: rules.turns + 1,
)
