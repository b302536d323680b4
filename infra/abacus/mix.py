"""Weights between two checkpoints of Abacus: `python -m infra.abacus.mix FOLDER_BEFORE FOLDER_AFTER --share 0.8 --out DIR`.

What a short course adds is mostly kept, and what it unsettled comes back: WiSE-FT
(Wortsman et al. 2022, arXiv 2109.01903, section 3), whose share of the weights
after fine-tuning is `--share`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy
from safetensors.numpy import load_file, save_file

FILE = "model.safetensors"


def mix_weights(
    before: Mapping[str, numpy.ndarray], after: Mapping[str, numpy.ndarray], share: float
) -> dict[str, numpy.ndarray]:
    """Weights on the line from one checkpoint to another that has learnt more words behind the same ones.

    Args:
        before: Weights by name.
        after: Weights of the same shapes, but that a matrix may have more rows, which stay as they are.
        share: How far to go, 0 to 1.

    Returns:
        The weights, with the shapes of those after.

    """
    mixed = {}
    for name, weights in after.items():
        mixed[name] = weights.copy()
        rows = len(before[name])
        mixed[name][:rows] = (1 - share) * before[name] + share * weights[:rows]
    return mixed


def main() -> None:
    """Mix two folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a folder with a checkpoint")
    parser.add_argument("after", type=Path, help="the folder of one that a course made of it")
    parser.add_argument("--share", type=float, default=0.8, help="of the weights after the course, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    given = parser.parse_args()
    if not 0 <= given.share <= 1:
        parser.error(f"--share is {given.share}, not from 0 to 1")
    mixed = mix_weights(load_file(given.before / FILE), load_file(given.after / FILE), given.share)
    shutil.copytree(given.after, given.out, dirs_exist_ok=True)
    save_file(mixed, given.out / FILE, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
