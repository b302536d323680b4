"""What tokens' probabilities come to, beside the papers' formulas worked out by hand."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns.certainty import STATISTIC_COLUMNS
from schemas.request import Completion, Message, Request, Sampling, Statistic
from tasks.engines.token_statistics import (
    TokenProbabilities,
    add_up_choices,
    compute_min_k,
    compute_self_certainty,
    compute_zlib_ratio,
    describe_tokens,
)

REQUEST = Request("m", "", (Message("user", "2 + 2?"),), Sampling(16), choices=("A", "B"))
DISTRIBUTIONS = st.integers(2, 12).flatmap(
    lambda size: st.lists(st.lists(st.floats(-20, 20), min_size=size, max_size=size), min_size=1, max_size=9)
)


@given(DISTRIBUTIONS)
def test_self_certainty_is_the_mean_divergence_of_a_uniform_distribution(logits: list[list[float]]) -> None:
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    vocabulary = shares.shape[1]
    divergence = [sum(1 / vocabulary * math.log(1 / vocabulary / p) for p in row) for row in shares]
    value = compute_self_certainty(np.log(shares).mean(-1).tolist(), vocabulary)
    assert value == pytest.approx(np.mean(divergence), abs=1e-9)
    assert value >= -1e-9


def test_min_k_is_the_mean_of_the_unlikeliest_fifth_and_one_token_at_least() -> None:
    assert compute_min_k([-1.0, -9.0, -2.0, -3.0, -4.0, -5.0, -0.5, 0.0, -7.0, -0.1]) == -8.0
    assert compute_min_k([-1.0, -3.0]) == -3.0
    assert math.isnan(compute_min_k([]))


def test_zlibs_ratio_is_of_bytes_and_of_tokens() -> None:
    assert compute_zlib_ratio([-1.0, -3.0], "ab" * 500) == pytest.approx(2.0 / 19, rel=0.2)
    assert compute_zlib_ratio([-1.0], "ab" * 500) > 10 * compute_zlib_ratio([-1.0], "".join(map(chr, range(300, 900))))


def test_choices_are_found_whatever_white_space_is_about_them() -> None:
    logprobs = add_up_choices(REQUEST, [("A", math.log(0.25)), (" A", math.log(0.25)), ("Answer", math.log(0.3))])
    assert logprobs[0] == pytest.approx(math.log(0.5)) and logprobs[1:] == (-math.inf,)
    assert add_up_choices(REQUEST, [("A", math.nan), ("B", -math.inf)]) == () == add_up_choices(REQUEST, [])


def test_choices_are_shared_among_each_other() -> None:
    def share(*logprobs: float) -> dict[str, float]:
        completion = Completion(REQUEST.id, "A", "stop", 16, 9, 1, None, "e", 0.0, choice_logprobs=logprobs)
        return {**completion.compute_choice_shares(REQUEST)}

    assert share(math.log(0.5), -math.inf) == {"A": 1.0, "B": 0.0} and share() == {}
    assert share(-math.inf, -math.inf) == {}, "neither is among the likeliest"
    assert share(math.log(0.3), math.log(0.1))["A"] == pytest.approx(0.75)


def test_every_statistic_is_a_field_of_completions_and_a_column() -> None:
    names = get_args(Statistic)
    assert set(names) == set(STATISTIC_COLUMNS) == {column.name for column in STATISTIC_COLUMNS.values()}
    request = Request("m", "", (), Sampling(1), statistics=names)
    values = describe_tokens(request, "ab", TokenProbabilities([-0.1, -2.0], [-5.0, -6.0], 100))
    assert set(values) == set(names) < set(Completion.__dataclass_fields__)
    assert values["token_logprobs"][0] == pytest.approx(-0.1, abs=1e-4) and values["token_logprobs"][0] != -0.1
    plain = Request("m", "", (), Sampling(1), logprobs=True)
    assert describe_tokens(plain, "ab", TokenProbabilities([-0.1])) == {}
