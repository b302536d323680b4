"""Regular expressions of recipes take linear time, and are refused where RE2 has them not."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.patterns import compile_pattern


@pytest.mark.parametrize("expression", [r"^((a+)+)$", r"^(a|a)*$", r"(a*a*a*a*a*a*)b", r"(x+x+)+y"])
def test_no_expression_takes_longer_than_its_text(expression: str) -> None:
    began = time.process_time()
    compile_pattern(expression).search("a" * 100_000 + "!")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "expression", ["(", "a(?=b)", r"(a)\1", "a{100000}", "((a{1000}){1000}){1000}", "\udcff(", "(?<=a)b"]
)
def test_what_re2_has_not_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_pattern(expression)


@given(st.text("ab #\n1é\ud800", max_size=30))
def test_shipped_forms_of_expressions_find_what_those_of_python_do(text: str) -> None:
    clean = text.replace("\ud800", "\ufffd")
    for expression in (r"^# (.*)$", r"#\s*(.+?)\s*$", r"(\d+)", r"^(.*?)(?:\n# b.*)?$", r"([^/.]+)[^/]*$"):
        match = re.search(expression.replace("$", r"\Z"), clean, re.DOTALL)
        assert compile_pattern(expression).search(text) == ([match[0], *match.groups()] if match else None)
        found = [each[1] for each in re.finditer(expression.replace("$", r"\Z"), clean, re.DOTALL)]
        assert list(compile_pattern(expression).find_all(text)) == found
    assert compile_pattern(r"\s*\n\s*").split(text) == re.split(r"\s*\n\s*", clean)
