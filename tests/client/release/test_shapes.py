"""Shapes of JSON: what fits, and what is said of what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from errata.release.shapes import (
    ANY,
    COUNT,
    FLAG,
    NUMBER,
    TEXT,
    Dependent,
    Each,
    OrNull,
    Shape,
    find_faults,
    find_unfit,
)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (1, COUNT),
        (0.5, NUMBER),
        (None, OrNull(TEXT)),
        ([1, 2], [COUNT]),
        ([1, "a"], (COUNT, TEXT)),
        ({"a": 1, "other": None}, {"a": COUNT, "b?": TEXT}),
        ({"x": [], "y": [True]}, Each([FLAG])),
        ({"deep": [{}]}, ANY),
        ({"a": 1, "b": 2}, {"a?": Dependent(("b",), COUNT), "b?": COUNT}),
        ({"b": 2}, {"a?": Dependent(("b",), COUNT), "b?": COUNT}),
    ],
)
def test_what_fits_has_no_fault(value: Any, shape: Shape) -> None:
    assert list(find_faults(value, shape)) == []


@pytest.mark.parametrize(
    ("value", "shape", "fault"),
    [
        ({"a": True}, {"a": COUNT}, "its `a` is true, expected a whole number, 0 or more"),
        ({"a": -1}, {"a": COUNT}, "its `a` is -1, expected a whole number, 0 or more"),
        ({}, {"a": COUNT}, "its `a` is missing"),
        ({"a": None}, {"a?": TEXT}, "its `a` is null, expected text"),
        ({"a": {}}, {"a": [TEXT]}, "its `a` is {}, expected a list"),
        ({"a": [{"b": [1]}]}, {"a": [{"b": (COUNT, COUNT)}]}, "its `a.0.b` is […], expected a list of 2"),
        ({"x": {"a": 1}}, {"x": {"a?": Dependent(("b",), COUNT), "b?": COUNT}}, "its `x.b` is missing"),
        ({"a": -1, "b": 2}, {"a?": Dependent(("b",), COUNT)}, "its `a` is -1, expected a whole number, 0 or more"),
        ({"a": {"k" * 90: 1}}, {"a": Each(TEXT)}, f"its `a.{'k' * 60}…` is 1, expected text"),
    ],
)
def test_a_fault_names_place_find_and_wish(value: Any, shape: Shape, fault: str) -> None:
    assert list(find_faults(value, shape)) == [fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": ["\\ud800"]}', "its `a.0` holds half a character (a surrogate)"),
        ('{"\\udc00": 1}', "its `\\udc00` holds half a character (a surrogate)"),
        ('{"a": NaN}', "its `a` is nan, expected a finite number"),
        ('{"a": 1e999}', "its `a` is inf, expected a finite number"),
        ('{"a": 99999999999999999999}', "its `a` is '1e+20', expected a number of 64 bits"),
        ("[" * 100 + "]" * 100, "lies more than 60 deep"),
    ],
)
def test_what_nobody_can_show_or_count_is_at_fault(text: str, fault: str) -> None:
    (found,) = find_unfit(json.loads(text))
    assert fault in found
