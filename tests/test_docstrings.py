"""Public docstrings: those of the client and of tasks say what goes in, what comes out and what can go wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import errata
import pytest

from tasks import TASKS

CLIENT = {
    name: getattr(errata, name) for name in errata.__all__ if inspect.isfunction(getattr(errata, name))
} | {f"Release.{name}": getattr(errata.Release, name) for name in ("files", "path", "open")}  # fmt: skip
RUNS = {name: getattr(task, "run", None) or getattr(task, "ask", None) for name, task in TASKS.items()}


def sections(function: Callable[..., Any]) -> dict[str, str]:
    """The sections of a docstring by their headings, in Google style."""
    text = inspect.getdoc(function) or ""
    parts = re.split(r"^(Args|Returns|Yields|Raises):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def undescribed(function: Callable[..., Any]) -> list[str]:
    """The parameters that a docstring does not speak of."""
    described = sections(function).get("Args", "")
    names = [name for name in inspect.signature(function).parameters if name != "self" and name.strip("_")]
    return [name for name in names if not re.search(rf"^ +{name}: \S", described, re.MULTILINE)]


@pytest.mark.parametrize("name", CLIENT)
def test_the_client_says_what_goes_in_and_comes_out(name: str) -> None:
    function = CLIENT[name]
    assert undescribed(function) == []
    assert "Returns" in sections(function)


def test_the_client_says_what_can_go_wrong() -> None:
    assert {name for name in CLIENT if "Raises" in sections(CLIENT[name])} >= {"load", "open_release", "releases"}


@pytest.mark.parametrize("name", RUNS)
def test_a_task_says_what_goes_in_and_comes_out(name: str) -> None:
    function = RUNS[name]
    assert function is not None
    assert undescribed(function) == []
    assert {"Returns", "Yields"} & set(sections(function))
