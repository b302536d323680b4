"""Columns in the width of a terminal: nothing is lost, nothing is wider."""

from __future__ import annotations

import textwrap

from errata.cli.columns import format_columns, measure_width, wrap_text
from hypothesis import example, given
from hypothesis import strategies as st

HEAD = ["table", "task", "in", "kept", "rejected"]
ROWS = [
    ["solutions", "generate", "5,000", "5,000", "0"],
    ["    undecided: several answers", "", "", "", "12"],
    ["生成された解答の表", "select", "5,000", "1,029", "3,971"],
]
LETTERS = st.text(st.sampled_from("abc -_生é\u0301"), min_size=1, max_size=60)


def test_what_fits_is_one_block() -> None:
    assert format_columns(HEAD, ROWS, 2, None) == format_columns(HEAD, ROWS, 2, 200)
    assert format_columns(HEAD, ROWS, 2, 80).count("─  ─") == 4


def test_a_long_name_is_wrapped_and_its_numbers_stand_in_the_first_line() -> None:
    assert format_columns(["name", "n"], [["a name of several words", "12"]], 1, 20).splitlines()[2:] == [
        "a name of         12", "  several words",
    ]  # fmt: skip


def test_columns_that_do_not_fit_follow_below_with_the_first_again() -> None:
    blocks = format_columns(HEAD, ROWS, 2, 40).split("\n\n")
    assert len(blocks) == 2
    assert [block.split()[0] for block in blocks] == ["table", "table"]
    assert "3,971" in blocks[1] and "5,000" in blocks[0]


@given(st.lists(st.tuples(LETTERS, st.integers(0, 10**9)), min_size=1, max_size=5), st.integers(40, 120))
@example([("__________\u0301\u0301生生生\u0301", 100)], 40)
def test_no_line_is_wider_and_no_word_lost(rows: list[tuple[str, int]], width: int) -> None:
    columns = format_columns(["name", *"abcdef"], [[name, *([f"{n:,}"] * 6)] for name, n in rows], 1, width)
    assert all(measure_width(line) <= width for line in columns.splitlines())
    for name, n in rows:
        assert f"{n:,}" in columns
        kept = "".join(c for c in columns if not c.isspace())
        assert all(c in kept for c in name if not c.isspace())


@given(LETTERS, st.integers(4, 80))
def test_wrapped_text_is_the_text(text: str, width: int) -> None:
    lines = wrap_text(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(measure_width(line) <= width for line in lines)


@given(
    st.lists(st.sampled_from(["a", "生", "e\u0301", "生\u0301\u0301", " "]), min_size=1, max_size=40),
    st.integers(4, 20),
)
def test_a_mark_stays_on_its_letter(letters: list[str], width: int) -> None:
    text = "a" + "".join(letters).replace(" \u0301", " ")
    assert not any(line.strip().startswith("\u0301") for line in wrap_text(text, width))


@given(st.text(st.sampled_from("abc -_\t\n"), min_size=1, max_size=60), st.integers(4, 80))
def test_plain_text_is_wrapped_as_by_textwrap(text: str, width: int) -> None:
    text = text.strip()
    assert wrap_text(text, width, hang=0) in ([text], textwrap.wrap(text, width))
