"""`judge` without any model: what is asked, and what becomes of the replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import exp, nan
from typing import Any

import polars as pl
import pytest

from schemas.columns.labels import JUDGE_COLUMNS
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Reply, Request
from schemas.task import Outcome
from tasks.localize.judge import JUDGE
from tasks.localize.judge_parameters import FORMS, Form, JudgeParameters
from tests.conversations import ask_once

NAMES = {"a": ModelId("abacus", "r1"), "b": ModelId("big", "")}
GIVEN = SOLUTIONS.having(*STEP_COLUMNS)


def solutions(*steps: list[str]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for i, some in enumerate(steps):
        row: dict[str, Any] = {column.name: None for column in GIVEN.columns}
        row |= {"solution_id": f"{i:024x}", "problem_id": f"{i:024x}", "set": "s", "question": f"q{i}", "answer": "7"}
        row |= {"model": "m", "sampling": "greedy", "sample": 0, "source": f"f:{i}", "step_rule": "lines"}
        text = "\n".join(some)
        rows.append(row | {"text": text, "rationale": text, "steps": some, "reference": "3 + 4 = 7"})
    return pl.DataFrame(rows, schema=to_polars_schema(GIVEN))


def rules(**given: Any) -> JudgeParameters:
    return JudgeParameters.model_validate({"models": ["a"], **given})


def said(request: Request, text: str, finish: Any = "stop") -> Completion:
    return Completion(request.id, text, finish, request.sampling.max_tokens, 20, 9, -1.5, "fake 1", 0.0)


def run(
    part: pl.DataFrame, given: JudgeParameters, answer: Callable[[Request], Reply]
) -> tuple[list[Request], Outcome]:
    requests, outcome = ask_once(JUDGE, part, given, NAMES, answer)
    contract = JUDGE.makes(given, GIVEN)
    check(outcome.kept.select(contract.names()), contract, "judged")
    assert outcome.kept.height == part.height and outcome.rejected.height == 0
    return requests, outcome


def test_models_and_votes_are_multiplied_in_one_round() -> None:
    given = rules(models=["a", "b"], votes=3, temperature=1)
    requests, outcome = run(solutions(["x", "y"], ["z"]), given, lambda r: said(r, "First error: 1, sum"))
    assert len({request.id for request in requests}) == len(requests) == 12
    assert [(request.model, request.sample) for request in requests[:4]] == [
        ("abacus", 0),
        ("abacus", 1),
        ("abacus", 2),
        ("big", 0),
    ]
    (first, _) = outcome.kept.to_dicts()
    assert first["judges"] == ["abacus@r1 #0", "abacus@r1 #1", "abacus@r1 #2", "big #0", "big #1", "big #2"]
    assert first["judge_requests"] == [request.id for request in requests[:6]]
    assert (first["judge_first_error"], first["judge_kind"], first["judge_share"]) == (0, "sum", 1.0)
    assert (first["judge_tokens"], first["judge_undecided"]) == (54, None)


def test_what_most_say_counts_and_faults_are_kept() -> None:
    replies: list[Callable[[Request], Reply]] = [
        lambda r: said(r, '{"reason": "7", "kind": "unit", "first_error": 2}'),
        lambda r: said(r, "First error: 2, sum"),
        lambda r: said(r, "First error: 2, sum"),
        lambda r: said(r, "First error: 2", "length"),
        lambda r: Failure(r.id, "longer than the context", "9 tokens of 8"),
    ]
    given = rules(votes=5, temperature=1)
    _, outcome = run(solutions(["x", "y"]), given, lambda request: replies[request.sample](request))
    (row,) = outcome.kept.to_dicts()
    assert row["judge_labels"] == [1, 1, 1, None, None]
    assert row["judge_faults"] == ["", "", "", "cut off", "longer than the context"]
    assert row["judge_kinds"] == ["unit", "sum", "sum", "", ""]
    assert row["judge_reasons"] == ["7", "", "", "", ""]
    assert row["judge_replies"][3:] == ["First error: 2", "9 tokens of 8"]
    assert (row["judge_first_error"], row["judge_kind"], row["judge_share"]) == (1, "sum", 0.6)


def test_without_a_majority_it_is_undecided_and_says_why() -> None:
    texts = iter(["First error: 1", "First error: 2", "hm", "hm", "First error: none"] * 2)
    _, outcome = run(solutions(["x", "y"]), rules(votes=2, temperature=1), lambda r: said(r, next(texts)))
    assert outcome.kept.select("judge_first_error", "judge_undecided", "judge_kind", "judge_share").row(0) == (
        None,
        "no majority",
        None,
        None,
    )
    _, outcome = run(solutions(["x", "y"]), rules(votes=3, temperature=1), lambda r: said(r, next(texts)))
    assert outcome.kept["judge_undecided"].to_list() == ["unparsable"]


def test_a_reply_that_no_table_holds_is_kept_as_far_as_it_can_be() -> None:
    _, outcome = run(solutions(["x"]), rules(), lambda r: said(r, "\ud800" + "x" * 200_000))
    (reply,) = outcome.kept["judge_replies"].to_list()[0]
    assert reply == "\ufffd" + "x" * 99_999


def test_more_votes_keep_the_requests_of_fewer_and_more_tokens_their_ids() -> None:
    part = solutions(["x"])
    few, _ = run(part, rules(votes=2, temperature=1, max_tokens=9), lambda r: said(r, ""))
    more, _ = run(part, rules(votes=5, temperature=1, max_tokens=99), lambda r: said(r, ""))
    assert {request.id for request in few} < {request.id for request in more}


def test_judged_again_the_columns_are_those_of_the_last() -> None:
    part = solutions(["x"])
    _, first = run(part, rules(), lambda r: said(r, "First error: 1"))
    contract = JUDGE.makes(rules(), GIVEN)
    _, second = run(first.kept.select(contract.names()), rules(), lambda r: said(r, "First error: none"))
    assert second.kept["judge_first_error"].to_list() == [-1]


def test_the_reference_is_shown_where_it_is_asked_for_and_there() -> None:
    part = solutions(["x"])
    without, with_it = (
        run(part, rules(sees=sees), lambda r: said(r, ""))[0][0].messages[1].content for sees in ([], ["reference"])
    )
    assert "3 + 4 = 7" in with_it and "3 + 4 = 7" not in without and "<reference-" not in without
    part = part.with_columns(reference=pl.lit(None, dtype=pl.String))
    assert "<reference-" not in run(part, rules(sees=["reference"]), lambda r: said(r, ""))[0][0].messages[1].content


def test_kinds_and_options_reach_the_judge_and_the_schema() -> None:
    part = solutions(["x"]).with_columns(options=pl.Series([["red", "green"]]))
    (request,), _ = run(part, rules(form="json", kinds=["sum", "unit"]), lambda r: said(r, ""))
    assert "(one of: sum, unit)" in request.messages[0].content
    assert "q0\nA) red\nB) green\n" in request.messages[1].content
    schema = json.loads(request.sampling.schema)
    assert schema["properties"]["kind"]["enum"] == ["sum", "unit", "none"]
    assert list(schema["properties"]) == schema["required"] == ["reason", "kind", "first_error"]
    assert schema["properties"]["first_error"]["enum"] == ["1", "none"]
    assert schema["properties"]["reason"]["maxLength"] == 800
    (free,), _ = run(part, rules(form="json"), lambda r: said(r, ""))
    assert "(a few words of your own)" in free.messages[0].content
    (lines,), _ = run(part, rules(kinds=["sum", "unit"]), lambda r: said(r, ""))
    assert "which of these kinds of errors it is (sum, unit)" in lines.messages[1].content


@pytest.mark.parametrize(("tokens", "longest"), [(464, 800), (463, 798), (200, 272), (100, 80), (16, 80)])
def test_a_reason_leaves_room_for_what_follows_it(tokens: int, longest: int) -> None:
    (request,), _ = run(solutions(["x"]), rules(form="json", max_tokens=tokens), lambda r: said(r, ""))
    assert json.loads(request.sampling.schema)["properties"]["reason"]["maxLength"] == longest


def test_a_judge_who_knows_that_the_answer_is_wrong_is_not_offered_none() -> None:
    part = solutions(["x", "y"]).with_columns(verdict=pl.lit("wrong"))
    seeing, blind = rules(form="json", sees=["verdict"]), rules(form="json")
    (request,), outcome = run(part, seeing, lambda r: said(r, '{"reason": "", "kind": "none", "first_error": "none"}'))
    assert json.loads(request.sampling.schema)["properties"]["first_error"]["enum"] == ["1", "2"]
    assert '"none"' not in request.messages[0].content and "known to be wrong" in request.messages[1].content
    assert outcome.kept["judge_faults"].to_list() == [["finds no step of a wrong solution"]]
    (request,), outcome = run(part, blind, lambda r: said(r, '{"reason": "", "kind": "none", "first_error": "none"}'))
    assert json.loads(request.sampling.schema)["properties"]["first_error"]["enum"] == ["1", "2", "none"]
    assert "known to be" not in request.messages[1].content
    assert outcome.kept["judge_labels"].to_list() == [[-1]]
    right = part.with_columns(verdict=pl.lit("right"))
    (request,), outcome = run(right, rules(sees=["verdict"]), lambda r: said(r, "1. right\n2. right"))
    assert "known to be right" in request.messages[1].content and outcome.kept["judge_first_error"].to_list() == [-1]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_asks_and_is_read(form: Form) -> None:
    part = solutions(["3 + 4 = 8", "8 * 2 = 16"]).with_columns(verdict=pl.lit("wrong"))
    texts = {
        "steps": "1. wrong: 3 + 4 is 7\n2. right",
        "pairwise": "1. wrong: 3 + 4 is 7\n2. right",
        "critique": "Step 1 should be 7.\n\\boxed{1}",
        "json": '{"reason": "7", "kind": "sum", "first_error": "1"}',
        "likelihood": "wrong",
    }
    for sees in ([], ["verdict"], ["reference"], ["verdict", "reference"]):
        requests, outcome = run(part, rules(form=form, sees=sees), lambda r: said(r, texts[form]))
        assert outcome.kept["judge_first_error"].to_list() == [0]
        assert len(requests) == (2 if form == "likelihood" else 1)
        shown = requests[-1].messages[1].content
        assert "{" not in shown.replace("\\boxed{2}", "") and ("<reference-" in shown) == (
            form == "pairwise" or "reference" in sees
        )
        assert ("known to be wrong" in shown) == ("verdict" in sees)


def test_likelihoods_are_asked_step_by_step_one_token_each() -> None:
    words = {"x": ("right", -0.1), "y": ("Right", -0.2), "z": (" wrong", -0.3)}

    def answer(request: Request) -> Reply:
        shown = request.messages[1].content
        word, logprob = words[next(step for step in "zyx" if f"\n{step}\n" in shown)]
        return replace(said(request, word, "length"), logprob=logprob)

    part = solutions(["x", "y", "z"])
    requests, outcome = run(part, rules(form="likelihood"), answer)
    assert all(request.logprobs for request in requests)
    assert not any(request.logprobs for request in run(part, rules(), answer)[0]), "what is not read is not computed"
    assert [request.sampling.max_tokens for request in requests] == [1, 1, 1]
    assert "y" not in requests[0].messages[1].content.split("<solution-")[1].split("step-1>")[1]
    (row,) = outcome.kept.to_dicts()
    assert (row["judge_first_error"], row["judge_faults"]) == (2, [""])
    assert row["judge_likelihoods"] == pytest.approx([exp(-0.1), exp(-0.2), 1 - exp(-0.3)])
    assert row["judge_replies"] == ["1. right (right: 0.905)\n2. Right (right: 0.819)\n3. wrong (right: 0.259)"]
    assert row["judge_requests"] == [" ".join(request.id for request in requests)]
    words["z"] = ("right", -0.05)
    wrong = part.with_columns(verdict=pl.lit("wrong"))
    assert run(wrong, rules(form="likelihood"), answer)[1].kept["judge_first_error"].to_list() == [-1]
    kept = run(wrong, rules(form="likelihood", sees=["verdict"]), answer)[1].kept
    assert kept["judge_first_error"].to_list() == [1]  # the least likely of those that are called right
    words["y"] = ("Perhaps", -0.2)
    assert run(part, rules(form="likelihood"), answer)[1].kept["judge_faults"].to_list() == [["unparsable"]]


@pytest.mark.parametrize("unknown", [None, nan])
def test_without_log_probabilities_the_words_count(unknown: float | None) -> None:
    part = solutions(["x", "y"])
    answer = lambda r: replace(said(r, "wrong" if "\ny\n" in r.messages[1].content else "right"), logprob=unknown)  # noqa: E731
    (row,) = run(part, rules(form="likelihood"), answer)[1].kept.to_dicts()
    assert (row["judge_first_error"], row["judge_likelihoods"]) == (1, [None, None])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"prompt": "{steps}"}, "prompt: has no {question}; put it where the problem belongs"),
        ({"prompt": "{question}"}, "prompt: has no {steps}; put it where the numbered steps belong, or {solution} for the bare text"),
        ({"prompt": "{question} {solution}"}, "prompt: {solution} needs a column 'text', which the table has not; write {steps}"),
        ({"prompt": "{question} {steps}", "sees": ["reference"]}, "sees: the prompt has no {reference}; put it where the right solution belongs"),
        ({"sees": ["reference"]}, "sees: the table has no column 'reference'; judge without, in another form than pairwise"),
        ({"form": "pairwise"}, "form: the table has no column 'reference'; judge without, in another form than pairwise"),
        ({"sees": ["verdict"]}, "sees: the table has no column 'verdict'; put `verify` before"),
        ({"models": ["a", "a"]}, "models: names a model twice; keep one and raise `votes`"),
        ({"votes": 2}, "votes: temperature 0 gives the same judgement each time; raise `temperature`, or leave 1 vote"),
        ({"kinds": ["sum", "Sum"]}, "kinds: has a name twice; keep one"),
        ({"kinds": ["None"]}, "kinds: 'None' is no name; give one line of at most 80 characters, and not none"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_meant_are_faults(given: dict[str, Any], fault: str) -> None:
    bare = Contract("s", "", tuple(c for c in GIVEN.columns if c.name not in ("text", "reference")), "solution_id")
    there = JUDGE.check(rules(**given), bare)
    assert fault in there
    assert len(there) == (
        2 if "prompt: has no {question}" not in fault and given.get("prompt") == "{question} {steps}" else 1
    )


def test_one_thing_is_seen_once() -> None:
    assert JUDGE.check(rules(sees=["reference", "reference"]), GIVEN) == ["sees: names one thing twice; keep one"]


def test_likelihoods_need_steps_that_can_be_shown_one_after_the_other() -> None:
    fault = "prompt: the form likelihood shows the steps one after the other; put {steps} where they belong"
    assert JUDGE.check(rules(form="likelihood", prompt="{question} {solution}"), GIVEN) == [fault]


def test_every_column_is_made() -> None:
    assert JUDGE.makes(rules(), GIVEN).columns[-len(JUDGE_COLUMNS) :] == JUDGE_COLUMNS
