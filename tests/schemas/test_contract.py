import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import problems
from schemas.contract import Column, Contract, ContractError, make_rejected_contract
from schemas.frames import check, keeps_contract, to_arrow_schema, to_markdown, to_polars_schema

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
    return pl.DataFrame(list(rows), schema=to_polars_schema(CONTRACT))


def test_columns_without_a_key_are_checked_too() -> None:
    added = Contract("added", "", CONTRACT.columns[1:], "none")
    check(frame(ROW, ROW).drop("id"), added, "here")
    with pytest.raises(ContractError, match="share"):
        check(frame({**ROW, "share": 2.0}).drop("id"), added, "here")


def test_a_sound_table_passes() -> None:
    check(frame(ROW, {**ROW, "id": "b", "kind": None}), CONTRACT, "here")
    check(frame(), CONTRACT, "here")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "A1"}, "id: expected text like [a-z]+, found 'A1' in row 1"),
        ({"id": None}, "id: expected a value, found null in row 1"),
        ({"kind": "huge"}, "kind: expected one of big, small, found 'huge' in row 1 (id b)"),
        ({"count": -1}, "count: expected at least 0, found -1 in row 1 (id b)"),
        ({"count": 10}, "count: expected at most 9, found 10 in row 1 (id b)"),
        ({"share": 1.5}, "share: expected at most 1, found 1.5 in row 1 (id b)"),
        ({"known": None}, "known: expected a value, found null in row 1 (id b)"),
        ({"parts": []}, "parts: expected a length of at least 1, found [] in row 1 (id b)"),
        ({"parts": ["x", None]}, "parts: expected a list without nulls, found ['x', None] in row 1 (id b)"),
        ({"parts": ["x" * 200, None]}, f"parts: expected a list without nulls, found ['{'x' * 78} in row 1 (id b)"),
    ],
)  # fmt: skip
def test_a_value_that_breaks_the_contract_is_named(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(ContractError, match=f"^{re.escape(f'unit 3: {fault}')}$"):
        check(frame(ROW, {**ROW, "id": "b", **change}, {**ROW, "id": "c"}), CONTRACT, "unit 3")


def test_all_that_is_broken_is_listed_once_a_rule() -> None:
    rows = [{**ROW, "id": id, "count": 10, "share": None} for id in ("a", "b", "c")]
    with pytest.raises(ContractError) as error:
        check(frame(ROW, *rows), CONTRACT, "unit 3")
    assert str(error.value).split("\n") == [
        "unit 3: id: expected a value of no other row, found 'a' in row 0 and 1 more",
        "unit 3: count: expected at most 9, found 10 in row 1 (id a) and 2 more",
        "unit 3: share: expected a value, found null in row 1 (id a) and 2 more",
    ]


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


def faults_of(column: Column, value: Any) -> set[str]:
    """What a value breaks of its column, worked out without Polars; NaN is above all numbers there."""
    if value is None:
        return set() if column.nullable else {"a value"}
    faults = set()
    low, high = column.at_least, column.at_most
    numbers = value if column.kind in ("integers", "numbers") else [value]
    what = "items of " if isinstance(value, list) else ""
    if column.kind in ("strings", "booleans"):
        faults |= {"a list without nulls"} if None in value else set()
        faults |= {f"a length of at least {low}"} if low is not None and len(value) < low else set()
    elif column.kind in ("integer", "number", "integers", "numbers"):
        numbers = [number for number in numbers if number is not None]
        faults |= {f"{what}at least {low}"} if low is not None and any(number < low for number in numbers) else set()
        faults |= {f"{what}at most {high}"} if high is not None and any(not n <= high for n in numbers) else set()
    faults |= {f"one of {', '.join(column.one_of)}"} if column.one_of and value not in column.one_of else set()
    faults |= {f"text like {column.pattern}"} if column.pattern and not re.fullmatch(column.pattern, value) else set()
    return faults


@given(ROWS, st.sets(st.sampled_from(EVERY_KIND.names()), max_size=2))
def test_exactly_what_breaks_the_contract_is_told(rows: list[dict[str, Any]], odd: set[str]) -> None:
    """Rows that are fine but for some columns, so that what breaks is not always several things at once."""
    near = [{**FINE, "id": "abcdefgh"[i], **{name: row[name] for name in odd}} for i, row in enumerate(rows)]
    for some in (rows, near):
        table = pl.DataFrame(some, schema=to_polars_schema(EVERY_KIND))
        expected = {(c.name, fault) for c in EVERY_KIND.columns for row in some for fault in faults_of(c, row[c.name])}
        ids = [row["id"] for row in some]
        expected |= {("id", "a value of no other row")} if len(set(ids)) < len(ids) else set()
        assert keeps_contract(table, EVERY_KIND) == (not expected)
        try:
            check(table, EVERY_KIND, "here")
            values: set[Any] = set()
        except ContractError as error:
            lines = [re.match(r"here: (\w+): expected (.+?), found ", line) for line in str(error).split("\n")]
            values = {line.groups() for line in lines if line}
        assert values == expected


@pytest.mark.parametrize(
    ("broken", "faults"),
    [
        (frame(ROW).drop("kind", "known"), ["kind: the column is missing", "known: the column is missing"]),
        (frame(ROW).with_columns(more=1), ["more: the contract 'things' has no such column"]),
        (frame(ROW).cast({"count": pl.Int32}), ["count: expected the type Int64, found Int32"]),
        (frame(ROW).select("known", "id", "kind", "count", "share", "parts"),
         ["expected the columns in the order id, kind, count, share, known, parts, found known, id, kind, count, share, parts"]),
    ],
)  # fmt: skip
def test_columns_missing_added_in_other_order_or_type_are_refused(broken: pl.DataFrame, faults: list[str]) -> None:
    with pytest.raises(ContractError) as error:
        check(broken, CONTRACT, "unit 3")
    assert str(error.value).split("\n") == [f"unit 3: {fault}" for fault in faults]


@pytest.mark.parametrize("contract", [*ALL, CONTRACT], ids=lambda contract: str(len(contract.columns)))
def test_polars_and_arrow_agree_on_every_contract(contract: Contract) -> None:
    empty = pl.DataFrame(schema=to_polars_schema(contract)).to_arrow()
    assert empty.schema.names == to_arrow_schema(contract).names
    assert empty.cast(to_arrow_schema(contract)).schema.equals(to_arrow_schema(contract))


@pytest.mark.parametrize("contract", ALL, ids=lambda contract: str(len(contract.columns)))
def test_every_column_is_described_in_a_sentence_and_documented(contract: Contract) -> None:
    text = to_markdown(contract)
    for column in contract.columns:
        assert column.meaning.endswith(".")
        assert f"| `{column.name}` |" in text
        assert column.meaning in text


def test_rejected_rows_keep_their_columns_unchecked_and_gain_a_reason() -> None:
    assert make_rejected_contract(CONTRACT).names() == (*CONTRACT.names(), "reason", "detail")
    row = dict.fromkeys(CONTRACT.names())
    result = pl.DataFrame(
        [{**row, "reason": "odd", "detail": None}], schema=to_polars_schema(make_rejected_contract(CONTRACT))
    )
    check(result.with_columns(id=pl.lit("x")), make_rejected_contract(CONTRACT), "here")
