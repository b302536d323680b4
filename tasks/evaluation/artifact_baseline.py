"""Giveaways: how well a simple classifier tells wrong solutions from right ones by how they look, without any reasoning.

Linear classifiers on lengths and counts of characters, and on character
n-grams, each trained on half of the problems and tried on the other: an area
under the curve of 0.5 is chance.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST, FEWEST = 2_000, 40
"""Solutions that are looked at, at most; with fewer of either sort than the second nothing can be said."""
_LONGEST, _BUCKETS, _LONGEST_RUN = 4_000, 4_096, 3
_PRIME = np.uint64(0x100000001B3)
_PENALTY = 1.0


@dataclass(frozen=True)
class ArtifactBaseline:
    """What gives wrong solutions away: areas under the curve, 0.5 is chance."""

    rows: int
    """Solutions that were looked at."""
    looks: float
    """By lengths and counts of signs."""
    ngrams: float
    """By runs of one to three characters."""
    error: float
    """The standard error of both where nothing gives them away."""


def measure_artifacts(rows: Iterable[tuple[str, bool, str]]) -> ArtifactBaseline | None:
    """How far texts tell that they are wrong, of rows of text, whether it is, and problem; None of too few of either sort."""
    chosen = nsmallest(MOST, ((zlib.crc32(problem.encode()), problem, text, wrong) for text, wrong, problem in rows))
    labels = np.array([wrong for *_, wrong in chosen])
    folds = np.array([mark >> 7 & 1 for mark, *_ in chosen])
    sizes = [int((labels[folds == fold] == sort).sum()) for fold in (0, 1) for sort in (False, True)]
    if min(sizes) < FEWEST // 2:
        return None
    bad, good = int(labels.sum()), int((~labels).sum())
    texts = [text[:_LONGEST] for _, _, text, _ in chosen]
    looks, ngrams = (_crossed(features, labels, folds) for features in (_looks(texts), _ngrams(texts)))
    return ArtifactBaseline(len(texts), looks, ngrams, float(np.sqrt((good + bad + 1) / (12 * good * bad))))


def _looks(texts: Sequence[str]) -> Floats:
    """Lengths, and how often each sort of character occurs."""
    rows = []
    for text in texts:
        words, lines = re.findall(r"[^\W\d_]+", text), text.split("\n")
        counts = [text.count(sign) for sign in "+-*/=.,#()[]{}\\$%:;!?'\"×÷ "]
        sizes = [len(text), len(words), len(lines), max(map(len, lines)), len(lines[-1])]
        rows.append([*sizes, sum(map(str.isupper, text)), sum(map(str.isdigit, text)), *counts])
    return np.array(rows, np.float64)


def _ngrams(texts: Sequence[str]) -> Floats:
    """How often each run of characters occurs, by hashes; logarithms of counts."""
    counts = np.zeros((len(texts), _BUCKETS))
    for row, text in zip(counts, texts):
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
        for size in range(1, _LONGEST_RUN + 1):
            runs = np.full(max(0, len(codes) - size + 1), size, np.uint64)
            for k in range(size):
                runs = (runs ^ codes[k : k + len(runs)]) * _PRIME
            row += np.bincount((runs >> np.uint64(40)) % np.uint64(_BUCKETS), minlength=_BUCKETS)
    return np.log1p(counts)


def _crossed(features: Floats, labels: NDArray[np.bool_], folds: NDArray[np.int64]) -> float:
    """The mean area under the curve of the two halves, each judged by what the other taught."""
    return sum(_judged(features, labels, folds != fold, folds == fold) for fold in (0, 1)) / 2


def _judged(features: Floats, labels: NDArray[np.bool_], known: NDArray[np.bool_], new: NDArray[np.bool_]) -> float:
    """The area under the curve on new rows of ridge regression on known ones (in its dual form: rows are few)."""
    mean, spread = features[known].mean(0), features[known].std(0)
    scaled = (features - mean) / np.where(spread > 0, spread, 1) * (spread > 0) / np.sqrt(features.shape[1])
    target = labels[known] - labels[known].mean()
    products = scaled[known] @ scaled[known].T
    weights = scaled[known].T @ np.linalg.solve(products + _PENALTY * np.eye(len(products)), target)
    return compute_auc(scaled[new] @ weights, labels[new])


def compute_auc(scores: Floats, labels: NDArray[np.bool_]) -> float:
    """The share of pairs of a wrong and a right one in which the wrong one has the higher score; ties count half."""
    from scipy.stats import rankdata  # a second to import: only who asks pays for it

    bad = int(labels.sum())
    return float((rankdata(scores)[labels].sum() - bad * (bad + 1) / 2) / (bad * (len(labels) - bad)))
