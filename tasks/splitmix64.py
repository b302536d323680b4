"""SplitMix64 over arrays: a hash of 64 bits whose every bit depends on every bit of the value.

Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (OOPSLA 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15
"""The generator's step: 2⁶⁴ by the golden ratio, odd."""


def mix_bits(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The generator's finish, which maps the values one to one."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
