from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from schemas.columns import problems
from schemas.contract import Column, Contract, ContractError, rejected
from schemas.frames import arrow_schema, check, markdown, pandera_schema, polars_schema, sound

CONTRACT = Contract(
    "things",
    "A thing a row.",
    (
        Column("id", "string", "Its id.", pattern="[a-z]+"),
        Column("kind", "string", "Its kind.", nullable=True, one_of=("big", "small")),
        Column("count", "integer", "How many.", at_least=0, at_most=9),
        Column("share", "number", "What share.", at_least=0, at_most=1),
        Column("known", "boolean", "Whether it is known."),
        Column("parts", "strings", "Its parts.", at_least=1),
    ),
    key="id",
)
ROW: dict[str, Any] = {"id": "a", "kind": "big", "count": 1, "share": 0.5, "known": True, "parts": ["x"]}
ALL = (
    problems.PROBLEMS,
    problems.SOLUTIONS,
    problems.RECORDS,
    problems.SOLUTIONS.having(*problems.STEP_COLUMNS, *problems.VERDICT_COLUMNS),
)


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(CONTRACT))


def test_columns_without_a_key_are_checked_too() -> None:
    added = Contract("added", "", CONTRACT.columns[1:], "none")
    check(frame(ROW, ROW).drop("id"), added, "here")
    with pytest.raises(ContractError, match="share"):
        check(frame({**ROW, "share": 2.0}).drop("id"), added, "here")


def test_a_sound_table_passes() -> None:
    check(frame(ROW, {**ROW, "id": "b", "kind": None}), CONTRACT, "here")
    check(frame(), CONTRACT, "here")


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"id": "A1"}, "id"), ({"id": None}, "id"), ({"kind": "huge"}, "kind"), ({"count": -1}, "count"), ({"count": 10}, "count"),
        ({"share": 1.5}, "share"), ({"known": None}, "known"), ({"parts": []}, "parts"), ({"parts": ["x", None]}, "parts"),
    ],
)  # fmt: skip
def test_a_value_that_breaks_the_contract_is_named(change: dict[str, Any], column: str) -> None:
    with pytest.raises(ContractError, match=rf"^unit 3: {column}: breaks .* of contract 'things' in 1 row"):
        check(frame({**ROW, **change}), CONTRACT, "unit 3")


EVERY_KIND = CONTRACT.having(
    Column("numbers", "integers", "Numbers in bounds.", nullable=True, at_least=0, at_most=5),
    Column("shares", "numbers", "Numbers without bounds."),
    Column("flags", "booleans", "Flags.", nullable=True),
    Column("maybe", "number", "A number or none.", nullable=True, at_most=3),
    Column("word", "string", "A word or none.", nullable=True, pattern="a|bc"),
)
MAYBE = st.none() | st.sampled_from(["a", "bc", "abc", "big", "a\n", ""])
NUMBER = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 3.0, float("nan"), float("inf")])
WHOLE_NUMBER = st.none() | st.integers(-1, 10)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": MAYBE, "kind": MAYBE, "count": WHOLE_NUMBER, "share": NUMBER, "known": st.sampled_from([True, None]),
            "parts": st.none() | st.lists(MAYBE, max_size=2), "numbers": st.none() | st.lists(WHOLE_NUMBER, max_size=2),
            "shares": st.none() | st.lists(NUMBER, max_size=2), "flags": st.none() | st.lists(st.sampled_from([True, None]), max_size=2),
            "maybe": NUMBER, "word": MAYBE,
        }
    ),
    max_size=3,
)  # fmt: skip
FINE = {**ROW, "numbers": [1, None], "shares": [0.5, None], "flags": [True], "maybe": None, "word": "bc"}


@given(ROWS, st.sets(st.sampled_from(EVERY_KIND.names()), max_size=2))
def test_what_passes_quickly_is_what_pandera_passes(rows: list[dict[str, Any]], odd: set[str]) -> None:
    """Rows that are fine but for some columns, so that what breaks is not always several things at once."""
    near = [{**FINE, "id": "abcdefgh"[i], **{name: row[name] for name in odd}} for i, row in enumerate(rows)]
    for some in (rows, near):
        table = pl.DataFrame(some, schema=polars_schema(EVERY_KIND))
        try:
            with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
                pandera_schema(EVERY_KIND).validate(table, lazy=True)
            passes = True
        except SchemaErrors:
            passes = False
        assert sound(table, EVERY_KIND) == passes


def test_a_key_that_comes_twice_is_named() -> None:
    with pytest.raises(ContractError, match=r"unit 3: id: .* first: a, a"):
        check(frame(ROW, ROW), CONTRACT, "unit 3")


@pytest.mark.parametrize(
    "broken",
    [frame(ROW).drop("kind"), frame(ROW).with_columns(more=1), frame(ROW).select(reversed(CONTRACT.names())), frame(ROW).cast({"count": pl.Int32})],
)  # fmt: skip
def test_columns_missing_added_in_other_order_or_type_are_refused(broken: pl.DataFrame) -> None:
    with pytest.raises(ContractError):
        check(broken, CONTRACT, "unit 3")


@pytest.mark.parametrize("contract", [*ALL, CONTRACT], ids=lambda contract: str(len(contract.columns)))
def test_polars_and_arrow_agree_on_every_contract(contract: Contract) -> None:
    empty = pl.DataFrame(schema=polars_schema(contract)).to_arrow()
    assert empty.schema.names == arrow_schema(contract).names
    assert empty.cast(arrow_schema(contract)).schema.equals(arrow_schema(contract))


@pytest.mark.parametrize("contract", ALL, ids=lambda contract: str(len(contract.columns)))
def test_every_column_is_described_in_a_sentence_and_documented(contract: Contract) -> None:
    text = markdown(contract)
    for column in contract.columns:
        assert column.meaning.endswith(".")
        assert f"| `{column.name}` |" in text
        assert column.meaning in text


def test_rejected_rows_keep_their_columns_unchecked_and_gain_a_reason() -> None:
    assert rejected(CONTRACT).names() == (*CONTRACT.names(), "reason", "detail")
    row = dict.fromkeys(CONTRACT.names())
    found = pl.DataFrame([{**row, "reason": "odd", "detail": None}], schema=polars_schema(rejected(CONTRACT)))
    check(found.with_columns(id=pl.lit("x")), rejected(CONTRACT), "here")
