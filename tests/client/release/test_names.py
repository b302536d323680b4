"""Names of releases, and the ranges in them."""

from __future__ import annotations

import re

import pytest
from errata import ErrataError
from errata.release.names import Range, parse_name, parse_version, sort_versions
from hypothesis import given
from hypothesis import strategies as st

numbers = st.integers(0, 12)
versions = st.builds("{}.{}.{}".format, numbers, numbers, numbers)


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        ("^1.2.3", "1.2.3 1.2.4 1.9.0", "1.2.2 2.0.0 0.9.9"),
        ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0"),
        ("^1", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0"),
        ("^0.1", "0.1.0 0.1.9", "0.2.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.9", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.9", "2.0.0"),
        ("=1.2", "1.2.0 1.2.9", "1.3.0 1.1.9"),
        (">=1.2", "1.2.0 9.0.0", "1.1.9"),
        (">1.2", "1.3.0", "1.2.0 1.2.9"),
        (">1.2.3", "1.2.4", "1.2.3"),
        ("<2", "1.9.9 0.0.0", "2.0.0"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        (">=1.0,<2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        (">=1.0, <2, >=1.5", "1.5.0", "1.4.9 2.0.0"),
    ],
)
def test_a_range_holds_these_versions(spec: str, inside: str, outside: str) -> None:
    result = parse_name(f"tiny@{spec}").range
    assert result is not None
    assert [part for part in inside.split() if part not in result] == []
    assert [part for part in outside.split() if part in result] == []


@given(versions, versions)
def test_a_caret_never_crosses_a_promise(base: str, other: str) -> None:
    result = parse_name(f"tiny@^{base}").range
    assert result is not None
    low, number = parse_version(base), parse_version(other)
    first = next((i for i in range(3) if low[i]), 2)
    assert (other in result) == (number >= low and number[: first + 1] == low[: first + 1])


@given(st.lists(versions))
def test_versions_are_ordered_by_number(texts: list[str]) -> None:
    assert [parse_version(version) for version in sort_versions(texts)] == sorted(parse_version(text) for text in texts)


@given(versions, versions, versions)
def test_both_is_the_intersection(a: str, b: str, text: str) -> None:
    first, second = Range(parse_version(a)), Range(high=parse_version(b))
    assert (text in first.both(second)) == (text in first and text in second)


@pytest.mark.parametrize("name", ["tiny", "tiny@1.2.3", "tiny@^1.2", "tiny@stable", f"tiny@1.2.3#sha256:{'ab' * 32}"])
def test_a_name_is_shown_as_it_was_asked(name: str) -> None:
    assert str(parse_name(name)) == name


def test_the_three_kinds_are_told_apart() -> None:
    assert (parse_name("tiny@1.2.3").exact, parse_name("tiny@1.2.3").tag, parse_name("tiny@1.2.3").range) == (
        "1.2.3",
        None,
        None,
    )
    assert (parse_name("tiny@v1").exact, parse_name("tiny@v1").tag, parse_name("tiny@v1").range) == (None, "v1", None)
    assert parse_name("tiny@~1").tag is None and parse_name("tiny").tag is None
    assert parse_name(f"tiny@1.2.3#sha256:{'ab' * 32}").digest == "ab" * 32


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_told(text: str) -> None:
    result = ""
    try:
        assert re.match(r"[a-z0-9]", parse_name(text).corpus)
    except ErrataError as error:
        result = str(error)
    assert "\n" not in result and len(result) < 400
