"""Weights between two checkpoints, of which the later one knows more words."""

from __future__ import annotations

import numpy

from infra.abacus.mix import mix_weights


def test_weights_lie_between_and_rows_of_new_words_stay() -> None:
    before = {"embed": numpy.zeros((2, 2), numpy.float32), "norm": numpy.ones(3, numpy.float32)}
    after = {"embed": numpy.ones((3, 2), numpy.float32), "norm": numpy.full(3, 2, numpy.float32)}
    mixed = mix_weights(before, after, 0.75)
    assert mixed["embed"].tolist() == [[0.75, 0.75], [0.75, 0.75], [1, 1]]
    assert mixed["norm"].tolist() == [1.75] * 3
    assert all(weights.dtype == numpy.float32 for weights in mixed.values())
    assert after["embed"].min() == 1, "what was given is not changed"
