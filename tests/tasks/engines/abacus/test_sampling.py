import numpy as np
import pytest

from tasks.engines.abacus.sampling import DRIFT, Draws, choose, gumbel, log_probability, round_logprob


def draws(rows: int, temperature: float = 1.0, top_p: float = 1.0) -> Draws:
    return Draws(np.arange(rows, dtype=np.uint64), np.full(rows, temperature), np.full(rows, top_p))


def shares(logits: np.ndarray, temperature: float, top_p: float) -> np.ndarray:
    rows = 40_000
    chosen, _ = choose(np.tile(logits, (rows, 1)), draws(rows, temperature, top_p), 3, 0)
    return np.bincount(chosen, minlength=len(logits)) / rows


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_by_their_probability(temperature: float) -> None:
    logits = np.array([2.0, 1.0, 0.0, -1.0, 2.5])
    expected = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    assert np.abs(shares(logits, temperature, 1.0) - expected).max() < 0.01


def test_only_the_likeliest_are_drawn_from() -> None:
    probability = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    expected = np.array([0, 0.4, 0, 0.3, 0]) / 0.7
    assert np.abs(shares(np.log(probability), 1.0, 0.6) - expected).max() < 0.01
    assert shares(np.log(probability), 1.0, 0.0)[1] == 1


def test_places_and_seeds_are_independent() -> None:
    seeds = np.arange(2000, dtype=np.uint64)
    noise = np.stack([gumbel(seeds, place, 30) for place in range(3)])
    for a, b in ((noise[0], noise[1]), (noise[0, 1:], noise[0, :-1]), (noise[:, :, 1:], noise[:, :, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=0.02) and noise.var() == pytest.approx(
        np.pi**2 / 6, abs=0.05
    )


def test_greedy_takes_the_likeliest_whatever_the_seed() -> None:
    chosen, sure = choose(np.array([[0.0, 3.0, 1.0]] * 50), draws(50, temperature=0.0, top_p=0.3), 0, 1e-3)
    assert set(chosen) == {1} and sure.all()


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.5])
def test_what_is_sure_survives_any_error_within_the_margin(temperature: float, top_p: float) -> None:
    random = np.random.default_rng(5)
    rows, margin = 4000, 0.02
    logits = random.normal(0, 1.5, (rows, 40))
    chosen, sure = choose(logits, draws(rows, temperature, top_p), 1, margin)
    assert 0.3 < sure.mean() < 1
    flips = 0
    for _ in range(5):
        again, _ = choose(
            logits + random.uniform(-0.45, 0.45, logits.shape) * margin, draws(rows, temperature, top_p), 1, 0
        )
        assert (again == chosen)[sure].all()
        flips += int((again != chosen).sum())
    assert flips, "the margin was never tried"


def test_log_probabilities_are_those_at_temperature_one() -> None:
    logits = np.array([[1.0, 2.0, 3.0], [1000.0, 0.0, 0.0]])
    expected = [2 - np.log(np.exp([1, 2, 3]).sum()), 0.0]
    assert np.allclose(log_probability(logits, np.array([1, 0])), expected)


def test_what_an_error_of_float32_could_round_otherwise_is_not_sure() -> None:
    assert round_logprob(-3.14159) == (-3.14, True)
    assert round_logprob(0.0) == (0.0, True)
    for exact in (-1.23499, -1.23501, -0.00501):
        assert not round_logprob(exact)[1]
    drawn = np.random.default_rng(0).uniform(-50, 0, 2000)
    for item in drawn:
        rounded, sure = round_logprob(float(item))
        assert rounded == pytest.approx(item, abs=0.005001)
        if sure:
            assert {round_logprob(float(item + error))[0] for error in (-DRIFT * 0.99, DRIFT * 0.99)} == {rounded}
    assert 0.02 < np.mean([not round_logprob(float(entry))[1] for entry in drawn]) < 0.06
