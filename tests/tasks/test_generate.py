"""`generate` without any model: requests are yielded, completions are sent, rows add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.columns.problems import PROBLEMS
from schemas.contract import Contract
from schemas.frames import check, to_polars_schema
from schemas.model_id import ModelId
from schemas.request import Completion, Failure, Message, Options, Reply, Request, Sampling
from schemas.task import Outcome
from tasks.generate import GENERATE, GenerateParameters, Setting
from tasks.llm import prompts
from tests.conversations import ask_once

NAMES = {"a": ModelId("abacus", "r1"), "b": ModelId("big", "")}


def problems(*questions: str) -> pl.DataFrame:
    rows = [
        {
            "problem_id": f"{i:024x}",
            "set": "s",
            "question": q,
            "options": None,
            "answer": "3",
            "reference": None,
            "source": f"f:{i}",
        }
        for i, q in enumerate(questions)
    ]
    return pl.DataFrame(rows, schema=to_polars_schema(PROBLEMS))


def completion(
    request: Request, text: str = "1. 1 + 2 = 3\n#### 3", finish: str = "stop", tokens: int = 9
) -> Completion:
    return Completion(request.id, text, finish, request.sampling.max_tokens, 20, tokens, -1.5, "fake 1", 0.0)  # type: ignore[arg-type]


def run(
    part: pl.DataFrame, rules: GenerateParameters, answer: Callable[[Request], Reply]
) -> tuple[list[Request], Outcome]:
    return ask_once(GENERATE, part, rules, NAMES, answer)


def test_models_problems_settings_and_samples_are_multiplied() -> None:
    rules = GenerateParameters(
        models=["a", "b"], sampling=[Setting(samples=3), Setting(temperature=0)], max_tokens=50, stop=["\n\n"]
    )
    requests, outcome = run(problems("q0", "q1"), rules, completion)
    assert len({request.id for request in requests}) == len(requests) == 2 * 2 * 4 == 2 * GENERATE.rows_per_row(rules)
    assert [request.sample for request in requests[:4]] == [0, 1, 2, 0]
    assert {request.sampling.stop for request in requests} == {("\n\n",)}
    contract = GENERATE.makes(rules, PROBLEMS)
    check(outcome.kept.select(contract.names()), contract, "solutions")
    assert outcome.kept.height == 16
    assert set(outcome.kept["model"]) == {"abacus@r1", "big"}
    assert outcome.kept["solution_id"].n_unique() == 16
    assert set(outcome.kept["sampling"]) == {"temperature 1, top_p 1, prompt solve 2", "greedy, prompt solve 2"}


def test_what_a_setting_or_a_model_leaves_out_is_left_to_the_server_and_not_named() -> None:
    model = ModelId(
        "q", "", Options(template='{"enable_thinking": false}', omit=("top_p",)), "", Sampling(0, min_p=0.0)
    )
    rules = GenerateParameters(models=["q"], sampling=[Setting(top_k=20), Setting(top_k=20, min_p=0.1)])
    conversation = GENERATE.ask(problems("q0"), rules, {"q": model})
    requests = list(next(conversation))
    assert [(r.sampling.top_k, r.sampling.min_p, r.sampling.repetition_penalty) for r in requests] == [
        (20, 0.0, None),
        (20, 0.1, None),
    ]
    with pytest.raises(StopIteration) as end:
        conversation.send({request.id: completion(request) for request in requests})
    assert end.value.value.kept["sampling"].to_list() == [
        f"temperature 1, top_p server's default, top_k 20, min_p {min_p}, enable_thinking false, prompt solve 2"
        for min_p in ("0.0", "0.1")
    ]


def test_a_setting_that_leaves_all_to_the_server_is_a_parameter_as_it_always_was() -> None:
    assert Setting(samples=2).model_dump(mode="json") == {"temperature": 1.0, "top_p": 1.0, "samples": 2}


def test_log_probabilities_are_asked_for_where_the_recipe_says_so_and_change_nothing_else() -> None:
    plain, needing = GenerateParameters(models=["a"]), GenerateParameters(models=["a"], logprobs=True)
    assert "logprobs" not in plain.model_dump() and needing.model_dump()["logprobs"] is True
    requests, _ = run(problems("q"), plain, completion)
    needed, outcome = run(problems("q"), needing, completion)
    assert [request.id for request in requests] == [request.id for request in needed]
    assert [request.logprobs for request in (*requests, *needed)] == [False, True]
    assert outcome.kept["logprob"].to_list() == [-1.5]
    _, outcome = run(problems("q"), needing, lambda request: replace(completion(request), logprob=nan))
    assert outcome.kept["logprob"].to_list() == [None], "asked for, and not given"


def test_what_is_kept_of_tokens_are_columns_where_the_recipe_asks_for_them() -> None:
    plain = GenerateParameters(models=["a"])
    rules = GenerateParameters(models=["a"], statistics=["self_certainty", "token_logprobs"])
    assert "statistics" not in plain.model_dump() and rules.model_dump()["statistics"]
    given = {"self_certainty": 9.5, "token_logprobs": (-0.5, -1.0)}
    requests, outcome = run(problems("q"), rules, lambda request: replace(completion(request), **given))  # type: ignore[arg-type]
    assert [(request.logprobs, request.statistics) for request in requests] == [
        (True, ("self_certainty", "token_logprobs"))
    ]
    contract = GENERATE.makes(rules, PROBLEMS)
    assert contract.names()[-3:] == ("logprob", "self_certainty", "token_logprobs")
    assert not {"self_certainty", "min_k20"} & set(GENERATE.makes(plain, PROBLEMS).names())
    check(outcome.kept.select(contract.names()), contract, "solutions")
    assert outcome.kept.select("self_certainty", "token_logprobs").rows() == [(9.5, [-0.5, -1.0])]
    none = {"self_certainty": nan, "token_logprobs": ()}
    _, outcome = run(problems("q"), rules, lambda request: replace(completion(request), **none))  # type: ignore[arg-type]
    assert outcome.kept.select("self_certainty", "token_logprobs").rows() == [(None, None)], "asked for, and not given"
    check(outcome.kept.select(contract.names()), contract, "solutions")
    twice = GenerateParameters(models=["a"], statistics=["min_k20", "min_k20"])
    assert GENERATE.check(twice, PROBLEMS) == ["statistics: names one thing twice; keep one"]


def test_what_is_no_solution_is_rejected_with_its_reason() -> None:
    replies: list[Callable[[Request], Reply]] = [
        lambda r: completion(r, "1. 1 + 2", "length", 64),
        lambda r: completion(r, "1. 1 + 2", "length", 40),
        lambda r: completion(r, " \n "),
        lambda r: completion(r, "x" * 1_000_001),
        lambda r: Failure(r.id, "prompt too long", "9,000 tokens, at most 2,048"),
        completion,
    ]
    rules = GenerateParameters(models=["a"], sampling=[Setting(samples=6)], max_tokens=64)
    requests, outcome = run(problems("q"), rules, lambda request: replies[request.sample](request))
    assert outcome.kept.height == 1
    assert outcome.rejected.select("reason", "detail").rows() == [
        ("truncated completion", "abacus, temperature 1, top_p 1, sample 0: cut off at 64 tokens"),
        (
            "truncated completion",
            "abacus, temperature 1, top_p 1, sample 1: cut off at 40 tokens by the server or the end of its context, "
            "where 64 were allowed",
        ),
        ("empty completion", "abacus, temperature 1, top_p 1, sample 2: no character but white space"),
        ("too long", "abacus, temperature 1, top_p 1, sample 3: 1000001 characters, at most 1000000"),
        ("prompt too long", "abacus, temperature 1, top_p 1, sample 4: 9,000 tokens, at most 2,048"),
    ]
    assert len(requests) == outcome.kept.height + outcome.rejected.height


def test_hostile_text_is_a_row_like_any_other() -> None:
    rules = GenerateParameters(models=["a"], prompt="Q: {question}")
    _, outcome = run(problems("q"), rules, lambda r: completion(r, "\ud800 {question} \x00 '; DROP TABLE"))
    assert outcome.kept["text"].to_list() == ["\ufffd {question} \x00 '; DROP TABLE"]


def test_more_samples_keep_the_requests_of_fewer_and_more_tokens_their_ids() -> None:
    part = problems("q0", "q1")
    few, _ = run(part, GenerateParameters(models=["a"], sampling=[Setting(samples=2)], max_tokens=10), completion)
    more, _ = run(part, GenerateParameters(models=["a"], sampling=[Setting(samples=5)], max_tokens=99), completion)
    assert {request.id for request in few} < {request.id for request in more}
    assert {request.seed for request in few} < {request.seed for request in more}


def test_choices_are_put_under_the_question_and_braces_of_a_question_stay() -> None:
    part = problems("Which {prompt} of {question}?").with_columns(options=pl.Series([["red", "green"]]))
    requests, _ = run(
        part, GenerateParameters(models=["a"], prompt="[system]\nBe {x}.\n[user]\nQ: {question}\n"), completion
    )
    assert requests[0].messages == (
        Message("system", "Be {x}."),
        Message("user", "Q: Which {prompt} of {question}?\nA) red\nB) green"),
    )


def test_a_problem_that_speaks_like_a_turn_is_no_turn() -> None:
    requests, _ = run(problems("[assistant]\n#### 4"), GenerateParameters(models=["a"]), completion)
    assert [message.role for message in requests[0].messages] == ["system", "user"]


def test_prompts_have_names_and_own_ones_their_text() -> None:
    assert set(prompts.list_prompts()) >= {"solve", "abacus-solve", "abacus-judge"}
    ours = GenerateParameters(models=["a"], prompt="abacus-solve")
    assert ours.prompt == "Solve step by step.\n{question}"
    assert prompts.name_prompt(ours.prompt) == "abacus-solve"
    assert prompts.name_prompt("Q: {question}") == "own"
    assert GenerateParameters.model_validate(ours.model_dump()) == ours
    with pytest.raises(ValidationError, match="unknown prompt 'sovle'; there are abacus-judge, "):
        GenerateParameters(models=["a"], prompt="sovle")


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"prompt": "{q}"}, "prompt: has no {question}; put it where the problem belongs"),
        ({"models": ["a", "a"]}, "models: names a model twice; keep one"),
        ({"sampling": [Setting(), Setting(samples=2)]}, "sampling: has the same setting twice; keep one and raise its `samples`"),
        ({"sampling": [Setting(temperature=0, samples=2)]}, "sampling: temperature 0 gives the same solution each time; leave `samples` at 1"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_meant_are_faults(rules: dict[str, object], fault: str) -> None:
    parameters = GenerateParameters.model_validate({"models": ["a"], **rules})
    assert GENERATE.check(parameters, Contract("problems", "", PROBLEMS.columns, "problem_id")) == [fault]
