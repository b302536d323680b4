"""The task `search`: one tree a question, no state asked from twice, and counts that are those of the replies."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl
import pytest

from schemas.columns.problems import PROBLEMS, SOLUTION_ID, SOLUTIONS
from schemas.request import Completion, Failure, Reply, Request
from tasks.generate import GENERATE, GenerateParameters
from tasks.localize import rollout_rounds
from tasks.search.parameters import SearchParameters
from tasks.search.search import SEARCH
from tests.tasks.search.scripted import NAMED, list_nodes, reply, search, table, write

METHODS = ("omegaprm", "mcts")
FEW: dict[str, Any] = {"first": 16, "searches": 12, "rollouts": 4}


def count_decided(replies: list[Reply], step: str = "") -> tuple[int, int]:
    """Of replies that begin with a step how many were decided, and how many of them are right."""
    texts = [r.text.strip() for r in replies if isinstance(r, Completion)]
    mine = [text for text in texts if not step or text.splitlines()[0] == step.splitlines()[0]]
    return len(mine), sum(text.endswith("7") for text in mine)


@pytest.mark.parametrize("method", METHODS)
def test_no_state_is_asked_from_twice(method: str) -> None:
    asked, outcome = search(table("one", "two", "three"), method=method, **FEW)
    assert len({request.id for request, _ in asked}) == len(asked) == outcome.kept["rollouts"].sum()
    counts = Counter((request.messages, request.prefix) for request, _ in asked)
    assert {count for (_, prefix), count in counts.items() if not prefix} == {FEW["first"]}
    assert {count for (_, prefix), count in counts.items() if prefix} == {FEW["rollouts"]}
    # a state is a beginning that reads the same, however it is spaced
    assert len({(messages, " ".join(prefix.split())) for messages, prefix in counts}) == len(counts)
    assert outcome.kept["rollout_tokens"].to_list() == (5 * outcome.kept["rollouts"]).to_list()


@pytest.mark.parametrize("method", METHODS)
def test_a_states_counts_are_those_of_the_replies(method: str) -> None:
    asked, outcome = search(table("one"), method=method, **FEW)
    by_prefix: dict[str, list[Reply]] = {}
    for request, came in asked:
        by_prefix.setdefault(request.prefix.strip(), []).append(came)
    nodes = list_nodes(outcome.kept)
    assert len(nodes) > 5
    for node in nodes:
        before = "\n".join(node["steps_before"])
        own = (0, 0) if node["is_end"] else count_decided(by_prefix.get(f"{before}\n{node['step']}".strip(), []))
        passed = count_decided(by_prefix.get(before, []), node["step"]) if method == "mcts" else (0, 0)
        assert (node["tried"], node["succeeded"]) == (own[0] + passed[0], own[1] + passed[1])
        assert node["q"] == node["succeeded"] / node["tried"]
        assert node["on_right_path"] == (node["steps_left"] is not None) >= (node["q"] > 0)
    assert outcome.kept["right_rate"].to_list() == [count_decided(by_prefix[""])[1] / FEW["first"]]


def test_the_visits_of_next_steps_add_up_to_those_of_the_step_before() -> None:
    _, outcome = search(table("one"), method="mcts", **FEW)
    nodes = list_nodes(outcome.kept)
    for node in nodes:
        behind = sum(other["visits"] for other in nodes if other["parent_id"] == node["node_id"])
        assert node["visits"] == behind + (node["visits"] > 0)
        assert node["visits"] == 0 if node["is_end"] else True
    first = sum(node["visits"] for node in nodes if node["parent_id"] is None)
    assert first == outcome.kept["searches"].item() == 12


def test_a_value_is_of_all_that_was_asked_behind_a_state() -> None:
    asked, outcome = search(table("one"), method="mcts", **FEW)
    for node in list_nodes(outcome.kept):
        through = "\n".join([*node["steps_before"], node["step"]])
        if not node["is_end"]:
            behind = [came for request, came in asked if request.prefix.strip().startswith(through)]
            passed = [came for request, came in asked if request.prefix.strip() == "\n".join(node["steps_before"])]
            total = [sum(pair) for pair in zip(count_decided(behind), count_decided(passed, node["step"]), strict=True)]
            assert node["value"] == total[1] / total[0]


def test_the_search_goes_where_answers_are_right() -> None:
    _, outcome = search(table(*map(str, range(6))), method="mcts", first=16, searches=12, rollouts=4, exploration=0.2)
    visits = {True: 0, False: 0}
    for node in list_nodes(outcome.kept):
        visits["x" not in "".join([*node["steps_before"], node["step"]])] += node["visits"]
    assert visits[True] > 3 * visits[False]


def test_the_first_rollouts_are_those_that_generate_asks_for() -> None:
    problems = table("one")
    generated = next(
        GENERATE.ask(problems, GenerateParameters.model_validate({"models": ["small"], "sampling": [{"samples": 16}]}), NAMED)
    )  # fmt: skip
    asked, _ = search(problems, **FEW)
    assert [request.id for request in generated] == [request.id for request, _ in asked[:16]]


def test_problems_that_are_always_or_never_solved_are_left_out() -> None:
    def say(request: Request) -> Reply:
        known = [answer for name, answer in (("EASY", 7), ("HARD", 8)) if name in request.messages[-1].content]
        return reply(request, f"1. a\n#### {known[0]}") if known else write(request)

    problems = table("EASY", "HARD", "one")
    asked, outcome = search(problems, say, **FEW)
    assert outcome.rejected.select("reason", "detail").rows() == [
        ("always solved", "16 of 16 rollouts"), ("never solved", "0 of 16 rollouts"),
    ]  # fmt: skip
    assert sum(request.prefix == "" for request, _ in asked) == 3 * 16
    _, outcome = search(problems, say, prefilter=False, method="mcts", **FEW)
    assert outcome.rejected.height == 0 and outcome.kept["right_rate"].to_list()[:2] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("say", "detail"),
    [
        (lambda request: Failure(request.id, "refused", "no", 1024), "16 undecided, cut off or refused"),
        (lambda request: reply(request, "1. a\n2.", "length"), "16 undecided, cut off or refused"),
        (
            lambda request: reply(request, "<think>7?</think>1. a\n#### 7"),
            "16 undecided, cut off or refused; 16 of 16 have thoughts, which are not searched",
        ),
    ],
)
def test_a_problem_of_which_no_rollout_is_decided_is_rejected(say: Any, detail: str) -> None:
    asked, outcome = search(table("one"), say, **FEW)
    assert outcome.rejected.select("reason", "detail").rows() == [("no rollout is decided", detail)]
    assert len(asked) == 16


def test_a_problem_without_an_answer_is_not_asked_about() -> None:
    asked, outcome = search(table("one", answer=""), **FEW)
    assert (asked, outcome.rejected["reason"].to_list()) == ([], ["no gold answer"])


@pytest.mark.parametrize("method", METHODS)
def test_what_is_cut_off_is_unclear_and_no_failure(method: str) -> None:
    def say(request: Request) -> Reply:
        came = write(request)
        assert isinstance(came, Completion)
        return reply(request, came.text, "length") if request.sample % 4 == 3 else came

    _, outcome = search(table("one"), say, method=method, **FEW)
    nodes = list_nodes(outcome.kept)
    assert outcome.kept["responses"].list.len().to_list() == [12]
    assert {node["unclear"] for node in nodes if node["visits"]} == {1}


@pytest.mark.parametrize("method", METHODS)
def test_a_tree_depends_on_no_other_and_not_on_what_fits_into_a_round(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = table("one", "two", "three", "four")
    _, together = search(problems, method=method, **FEW)
    monkeypatch.setattr(rollout_rounds, "WINDOW", 5)
    _, narrow = search(problems, method=method, **FEW)
    alone = [search(problems[i : i + 1], method=method, **FEW)[1].kept for i in range(problems.height)]
    assert together.kept.equals(narrow.kept) and together.kept.equals(pl.concat(alone))


def test_steps_that_read_the_same_are_one_state() -> None:
    def say(request: Request) -> Reply:
        came = write(request)
        assert isinstance(came, Completion)
        return reply(request, came.text.replace(". a", ".  A") if request.sample % 2 else came.text)

    _, outcome = search(table("one"), say, method="mcts", **FEW)
    firsts = [node["step"] for node in list_nodes(outcome.kept) if node["depth"] == 1]
    assert sorted(step.replace("  ", " ").lower() for step in firsts) == ["1. a", "1. b", "1. x"]


def test_an_answer_alone_is_no_step_of_its_own() -> None:
    def say(request: Request) -> Reply:
        came = write(request)
        assert isinstance(came, Completion)
        lines = len(request.prefix.splitlines())
        return reply(request, came.text.replace("\n####", "\n5. so\n####")) if lines < 4 else reply(request, "#### 7")

    _, outcome = search(table("one"), say, method="mcts", first=16, searches=100, rollouts=4)
    nodes = list_nodes(outcome.kept)
    done = [node for node in nodes if node["depth"] == 4 and node["visits"]]
    assert done and all(node["steps_left"] == 0 and node["succeeded"] >= 4 for node in done)
    assert not any(node["step"].startswith("####") for node in nodes)


def test_so_many_next_steps_become_states_as_are_wanted() -> None:
    _, outcome = search(table("one"), method="mcts", children=2, depth=2, **FEW)
    nodes = list_nodes(outcome.kept)
    assert max(Counter(node["parent_id"] for node in nodes).values()) == 2
    assert max(node["depth"] for node in nodes) == 3 and not any(node["visits"] for node in nodes if node["depth"] == 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_tree_is_nested_as_omegaprm_has_it(method: str) -> None:
    _, outcome = search(table("one"), method=method, **FEW)
    (row,) = outcome.kept.to_dicts()
    tree = json.loads(row["tree"])
    assert (tree["text"], tree["mc_value"]) == ("one", row["right_rate"])
    nested: list[tuple[str, float]] = []

    def collect(node: dict[str, Any], before: str) -> None:
        assert list(node) == ["text", "mc_value", "children"]
        for child in node["children"]:
            text = f"{before}\n{child['text']}".strip()
            nested.append((text, child["mc_value"]))
            collect(child, text)

    collect(tree, "")
    flat = [("\n".join([*node["steps_before"], node["step"]]), node["q"]) for node in list_nodes(outcome.kept)]
    assert sorted(nested) == sorted(flat)


def test_a_solution_that_ends_in_the_tree_has_its_text_and_verdict() -> None:
    _, outcome = search(table("one"), method="mcts", first=16, searches=100, rollouts=4)
    ends = [node for node in list_nodes(outcome.kept) if node["is_end"]]
    assert {node["verdict"] for node in ends} == {"right", "wrong"}
    for node in ends:
        assert (node["verdict"] == "right") == node["text"].endswith("7") == (node["q"] == 1)
        assert node["text"].splitlines()[-1] in node["step"]
    assert all(node["text"] is None for node in list_nodes(outcome.kept) if not node["is_end"])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"prompt": "Solve {x}."}, "prompt: has no {question}"),
        ({"depth": 3}, "depth: is of the method mcts alone; write `method: mcts`, or leave it out"),
        ({"method": "mcts", "alpha": 0.4}, "alpha: is of the method omegaprm alone"),
    ],
)
def test_parameters_that_do_not_go_together_are_faults(given: dict[str, Any], fault: str) -> None:
    faults = SEARCH.check(SearchParameters.model_validate({"model": "small", **given}), PROBLEMS)
    assert [text.startswith(fault) for text in faults] == [True]


def test_solutions_are_no_problems() -> None:
    (fault,) = SEARCH.check(SearchParameters(model="small"), SOLUTIONS)
    assert (
        fault
        == "from: grows one tree for each problem, but the table has solutions; take the problems that they are of"
    )
    assert SOLUTION_ID.name in SOLUTIONS.names()


def test_the_most_that_a_search_asks_is_known_beforehand() -> None:
    problems = table("one", "two")
    for method in METHODS:
        rules = SearchParameters.model_validate({"model": "small", "method": method, "max_tokens": 5, **FEW})
        asked, _ = search(problems, method=method, **FEW)
        assert len(asked) * 5 <= SEARCH.bound(rules, problems[:1], 2.0)["small"]
