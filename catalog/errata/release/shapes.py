"""Shapes of JSON: what a value from outside must be, and where one is something else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

DEEPEST = 60
"""How deep values may lie in each other."""
LARGEST = 2**63
SHOWN = 60
"""Characters of a value in the message of an error."""


@dataclass(frozen=True)
class Scalar:
    """A value that holds no others."""

    words: str
    """What it is, in a message."""
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Each:
    """A mapping of any keys, whose values have one shape."""

    shape: Shape


@dataclass(frozen=True)
class OrNull:
    """A shape, or null."""

    shape: Shape


@dataclass(frozen=True)
class Dependent:
    """The shape of a key that says nothing without others beside it, which must be there then."""

    keys: tuple[str, ...]
    shape: Shape


Shape: TypeAlias = "Scalar | Each | OrNull | Dependent | list[Any] | tuple[Any, ...] | Mapping[str, Any]"
"""A scalar; a list of one shape (`[shape]`) or of so many (a tuple); or the shapes by key, a key with `?` may be absent."""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


ANY = Scalar("anything", lambda value: True)
TEXT = Scalar("text", lambda value: isinstance(value, str))
FLAG = Scalar("true or false", lambda value: isinstance(value, bool))
COUNT = Scalar("a whole number, 0 or more", lambda value: _is_whole(value) and value >= 0)
POSITIVE = Scalar("a whole number above 0", lambda value: _is_whole(value) and value > 0)
NUMBER = Scalar("a number", lambda value: _is_whole(value) or isinstance(value, float))
_STEP = r"[A-Za-z0-9][A-Za-z0-9._=-]{0,199}"
_PATH = re.compile(rf"{_STEP}(?:/{_STEP}){{0,7}}")
PATH = Scalar(
    "a path below it, of plain names", lambda value: isinstance(value, str) and _PATH.fullmatch(value) is not None
)
PLAIN = Scalar("text or a number", lambda value: isinstance(value, str | int | float))


def find_faults(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Where a value is not of a shape.

    Args:
        value: As `json.loads` gives it.
        shape: What it must be.
        path: Where it lies: keys and positions with points between.

    Yields:
        A sentence each: the place, what was found and what was expected.

    """
    if isinstance(shape, Dependent):
        yield from find_faults(value, shape.shape, path)
    elif isinstance(shape, OrNull):
        yield from () if value is None else find_faults(value, shape.shape, path)
    elif isinstance(shape, Scalar):
        if not shape.fits(value):
            yield _describe(path, value, shape.words)
    elif isinstance(shape, list):
        yield from _find_in_list(value, shape[0], path)
    elif isinstance(shape, tuple):
        if not isinstance(value, list) or len(value) != len(shape):
            yield _describe(path, value, f"a list of {len(shape)}")
        else:
            for at, part in enumerate(shape):
                yield from find_faults(value[at], part, f"{path}.{at}")
    elif not isinstance(value, dict):
        yield _describe(path, value, "a mapping")
    elif isinstance(shape, Each):
        for key, part in value.items():
            yield from find_faults(part, shape.shape, _join(path, key))
    else:
        yield from _find_in_fields(value, shape, path)


def _find_in_list(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield _describe(path, value, "a list")
        return
    for at, part in enumerate(value):
        yield from find_faults(part, shape, f"{path}.{at}")


def _find_in_fields(value: Mapping[str, Any], shape: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, part in shape.items():
        key = name.removesuffix("?")
        if key in value:
            beside = part.keys if isinstance(part, Dependent) else ()
            yield from (f"its `{_join(path, name)}` is missing" for name in beside if name not in value)
            yield from find_faults(value[key], part, _join(path, key))
        elif key == name:
            yield f"its `{_join(path, key)}` is missing"


def find_unfit(value: Any) -> Iterator[str]:
    """Where a value holds what cannot be shown or counted with, wherever it lies: half a character, infinity, a depth without end."""
    stack: list[tuple[Any, str, int]] = [(value, "", 0)]
    while stack:
        here, path, depth = stack.pop()
        if depth > DEEPEST:
            yield f"its `{path[:SHOWN]}` lies more than {DEEPEST} deep"
        elif isinstance(here, dict):
            stack += [(part, _join(path, key), depth + 1) for key, part in here.items()]
            stack += [(key, _join(path, key), DEEPEST) for key in here]
        elif isinstance(here, list):
            stack += [(part, f"{path}.{at}", depth + 1) for at, part in enumerate(here)]
        elif isinstance(here, float) and not math.isfinite(here):
            yield _describe(path, here, "a finite number")
        elif isinstance(here, int) and abs(here) >= LARGEST:
            yield _describe(path, f"{here:.0e}" if abs(here) < 10**300 else "huge", "a number of 64 bits")
        elif isinstance(here, str) and any("\ud800" <= letter <= "\udfff" for letter in here):
            yield f"its `{_join('', ascii(path)[1:-1])}` holds half a character (a surrogate)"


def _join(path: str, key: str) -> str:
    key = key if len(key) <= SHOWN else f"{key[:SHOWN]}…"
    return f"{path}.{key}" if path else key


def _describe(path: str, value: Any, expected: str) -> str:
    if value is None or isinstance(value, bool) or value in ([], {}):
        found = json.dumps(value)
    else:
        found = "[…]" if isinstance(value, list) else "{…}" if isinstance(value, dict) else ascii(value)[:SHOWN]
    return f"its `{path}` is {found}, expected {expected}"
