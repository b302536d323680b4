"""`search`: grows a tree for each question, whose states are gone on from by a model.

Sources: OmegaPRM (arXiv 2406.06592); AlphaMath (2405.03553), MCTS-DPO
(2405.00451) and ReST-MCTS* (2406.03816).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from schemas.columns.nodes import TREE_COLUMNS
from schemas.contract import Contract
from schemas.frames import Why, reject_rows, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Reply, Request, Sampling, replace_surrogates
from schemas.task import Asking, Conversation, Outcome
from tasks.corrections.bare_steps import strip_answer
from tasks.llm import prompts
from tasks.llm.channels import find_thoughts
from tasks.llm.question import format_question
from tasks.llm.sampling import describe_sampling
from tasks.localize.rollout_counts import START, Search
from tasks.localize.rollout_rounds import run_searches
from tasks.localize.rollouts import judge_rollouts, list_prefixes
from tasks.search.mcts import StepSearch
from tasks.search.omegaprm import HalvingSearch
from tasks.search.parameters import Method, SearchParameters, check_search
from tasks.search.tree import DEEPEST, SearchRollout, SearchTree, State
from tasks.split import split_continuation
from tasks.verify.task import VERSION as VERIFIER

METHODS: dict[Method, type[HalvingSearch] | type[StepSearch]] = {"omegaprm": HalvingSearch, "mcts": StepSearch}
Asked = tuple[SearchTree, str, Request]


def search_problems(part: pl.DataFrame, rules: SearchParameters, names: Mapping[str, ModelId]) -> Conversation:
    """A tree for each problem.

    Args:
        part: Problems with their gold answers, one a row.
        rules: The model, the method, and how often it searches.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round, for all problems whose search goes on: from states that nothing was asked from before.

    Returns:
        The trees; problems without an answer, and with `prefilter` those that are always or never solved, are rejected.

    """
    model, sampling = names[rules.model], Sampling(rules.max_tokens, rules.temperature, rules.top_p, tuple(rules.stop))
    searches = [
        METHODS[rules.method](_open_tree(row, rules), rules) if row["answer"] else None
        for row in part.iter_rows(named=True)
    ]

    def request(tree: SearchTree, prefix: str) -> Request:
        state = tree.by_prefix[prefix]
        state.asked += 1
        return model.ask(tree.messages, sampling, state.asked - 1, prefix)

    def count(asked: Sequence[Asked], replies: Mapping[str, Reply]) -> None:
        _count_replies(asked, replies, rules.answers)

    yield from run_searches(((search.tree, _search(search, rules)) for search in searches if search), request, count)
    sample = model.ask(prompts.fill(rules.prompt, {"question": ""}), sampling)
    how = f"{describe_sampling(sample, model)}, prompt {prompts.name_prompt(rules.prompt)}, {rules.method}"
    by = {"model": str(ModelId(sample.model, sample.revision)), "sampling": how}
    return _gather(part, searches, rules, by)


def _open_tree(row: Mapping[str, Any], rules: SearchParameters) -> SearchTree:
    return SearchTree(row, prompts.fill(rules.prompt, {"question": format_question(row["question"], row["options"])}))


def _search(search: HalvingSearch | StepSearch, rules: SearchParameters) -> Search:
    """The first rollouts, and the searches after them where the problem is not left out."""
    yield {START: rules.first}
    if _find_fault(search.tree, rules) is None:
        yield from search.run()


def _find_fault(tree: SearchTree, rules: SearchParameters) -> Why | None:
    """Why a problem is not searched: reason and detail; None where it is."""
    root = tree.root
    if not root.tried:
        thoughtful = sum(rollout.is_thoughtful for rollout in root.rollouts)
        more = f"; {thoughtful} of {root.unclear} have thoughts, which are not searched" if thoughtful else ""
        return "no rollout is decided", f"{root.unclear} undecided, cut off or refused{more}"
    if rules.prefilter and root.succeeded in (0, root.tried):
        return "always solved" if root.succeeded else "never solved", f"{root.succeeded} of {root.tried} rollouts"
    return None


def _count_replies(asked: Sequence[Asked], replies: Mapping[str, Reply], answers: str) -> None:
    """Verify a round's rollouts, all at once, and count each for the state that it was asked from."""
    answered = [(tree, tree.by_prefix[prefix], replies[request.id]) for tree, prefix, request in asked]
    verdicts = judge_rollouts([(tree.values, state.prefix, reply) for tree, state, reply in answered], answers)
    for (tree, state, reply), right in zip(answered, verdicts, strict=True):
        tree.tokens += reply.tokens if isinstance(reply, Completion) else 0
        tree.record(state, read_rollout(state, reply, right))


def read_rollout(state: State, reply: Reply, right: bool | None) -> SearchRollout:
    """A completion with its own steps; what is undecided, or has thoughts before its text, has none that are searched."""
    if not isinstance(reply, Completion):
        return SearchRollout(None, reply.request)
    text = replace_surrogates(reply.text)
    if reply.thinking or find_thoughts(text).spans:
        return SearchRollout(None, reply.request, is_thoughtful=True)
    if right is None:
        return SearchRollout(None, reply.request)
    whole = state.prefix + text
    own, rule = split_continuation(state.steps, state.rule if state.steps else None, whole, text)
    # an answer alone belongs to the step before: the solution has ended there
    steps = [step for step in own if step] if own and strip_answer(own[0]) else []
    prefixes = list_prefixes(whole, [*state.steps, *steps])[len(state.steps) :]
    return SearchRollout(right, reply.request, tuple(steps), tuple(prefixes), rule, text)


def _gather(
    part: pl.DataFrame,
    searches: Sequence[HalvingSearch | StepSearch | None],
    rules: SearchParameters,
    by: Mapping[str, str],
) -> Outcome:
    """The trees of the problems that have one, and the others with the reason."""
    why = [_find_fault(search.tree, rules) if search else ("no gold answer", None) for search in searches]
    added = [{**_describe(search), **by} for search, reason in zip(searches, why) if search and not reason]
    schema = to_polars_schema(Contract("trees", "", TREE_COLUMNS, ""))
    trees = part.filter([reason is None for reason in why]).drop(schema, strict=False)
    return Outcome(trees.hstack(pl.DataFrame(added, schema=schema)), reject_rows(part, why))


def _describe(search: HalvingSearch | StepSearch) -> dict[str, Any]:
    """The columns of a tree."""
    tree, root = search.tree, search.tree.root
    decided = [rollout for rollout in root.rollouts if rollout.right is not None]
    asked = sum(len(state.rollouts) for state in tree.states.values())
    return {
        "responses": [rollout.text for rollout in decided], "correct": [rollout.right for rollout in decided],
        "right_rate": root.q, "tree": json.dumps(describe_tree(tree), ensure_ascii=False),
        "searches": search.searched, "rollouts": asked, "rollout_tokens": tree.tokens,
        "nodes": list(_list_nodes(search)),
    }  # fmt: skip


def _list_nodes(search: HalvingSearch | StepSearch) -> Iterator[dict[str, Any]]:
    """The states but the problem itself, each behind those that it goes on from."""
    states = sorted(search.tree.list_nodes(), key=lambda state: len(state.steps))
    numbers: dict[State, int] = {state: i for i, state in enumerate(states)}
    for state in states:
        parent = next(search.tree.list_ancestors(state))
        quality, bonus = search.describe(state)
        yield {
            "parent": numbers.get(parent), "steps": list(state.steps[len(parent.steps) :]), "is_end": state.is_end,
            "verdict": _tell_verdict(state) if state.is_end else None, "text": state.prefix if state.is_end else None, "step_rule": state.rule,
            "tried": state.tried, "succeeded": state.succeeded, "unclear": state.unclear, "visits": state.visits, "quality": quality,
            "bonus": bonus, "value": state.value, "steps_left": state.steps_left, "request_id": state.request,
        }  # fmt: skip


def _tell_verdict(end: State) -> str:
    """What a solution that ends comes to: all rollouts that end so read the same."""
    return "right" if end.succeeded else "wrong" if end.tried else "undecided"


def describe_tree(tree: SearchTree) -> dict[str, Any]:
    """The tree as OmegaPRM has it: nodes of text, value and children, the problem itself first."""
    question = format_question(tree.values["question"], tree.values["options"])
    nested: dict[State, dict[str, Any]] = {tree.root: {"text": question, "mc_value": tree.root.q, "children": []}}
    for state in sorted(tree.list_nodes(), key=lambda state: len(state.steps)):
        parent = next(tree.list_ancestors(state))
        text = "\n".join(state.steps[len(parent.steps) :])
        nested[state] = {"text": text, "mc_value": state.q, "children": []}
        nested[parent]["children"].append(nested[state])
    return nested[tree.root]


def _bound_tokens(rules: SearchParameters, rows: pl.DataFrame, times: float) -> dict[str, float]:
    """Tokens that the trees ask for at most: a search by halves tests a state for each time that the deepest rollout can be halved."""
    states = rules.searches * (1 if rules.method == "mcts" else DEEPEST.bit_length())
    return {rules.model: rows.height * times * (rules.first + states * rules.rollouts) * rules.max_tokens}


def _makes(_: SearchParameters, given: Contract) -> Contract:
    trees = Contract("trees", "One question a row, with the tree that was searched.", given.columns, "problem_id")
    return trees.having(*TREE_COLUMNS)


SEARCH = Asking(
    name="search",
    summary="Grows a tree of beginnings of solutions for each question, with rollouts from each: OmegaPRM's search, or MCTS by next steps.",
    version=f"1 verify {VERIFIER}",
    parameters=SearchParameters,
    needs=("problem_id", "question", "options", "answer"),
    makes=_makes,
    check=check_search,
    models=lambda rules: [rules.model],
    ask=search_problems,
    rows_per_row=lambda _: 1,
    continues=lambda rules: [rules.model],
    bound=_bound_tokens,
)
