"""Conditions: SQL expressions over the columns of a row, as a stranger may write them; parsed by DuckDB, judged by what they are made of, computed within limits.

What a condition may hold is listed, so that what it costs is bounded by the rows it is asked of and what it says depends on
nothing but them: no subquery, no lambda, no function that makes long texts of short ones, tells the time or draws numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from threading import Timer
from typing import Any

import duckdb
import polars as pl

from schemas.contract import Contract
from schemas.frames import to_polars_schema
from schemas.recipe.wording import advise, show_value
from schemas.task import TaskError

LONGEST = 10_000
"""Characters of a condition."""
MOST = 2_000
"""Parts that a condition is made of."""
DEEPEST = 100
"""Levels of parts within parts."""
SECONDS = 300.0
"""That computing a condition on the rows of one part may take."""
SECONDS_OF_A_CHECK = 10.0
"""That computing it on no row may take, which is what its constants cost."""
MEMORY = "2GB"
"""Of the database that computes it."""

FUNCTIONS = frozenset([
    "+", "-", "*", "/", "//", "%", "&", "|", "<<", ">>", "||", "~~", "!~~", "~~*", "!~~*", "~~~", "->>", "like_escape",
    "not_like_escape", "ilike_escape", "not_ilike_escape", "abs", "ceil", "ceiling", "exp", "floor", "greatest", "if", "ifnull",
    "isfinite", "isinf", "isnan", "least", "ln", "log", "log10", "log2", "mod", "nullif", "pow", "power", "round", "sign",
    "sqrt", "trunc", "ascii", "concat", "concat_ws", "contains", "ends_with", "instr", "lcase", "left", "len", "length",
    "lower", "ltrim", "md5", "ord", "position", "prefix", "regexp_extract", "regexp_full_match", "regexp_matches", "reverse",
    "right", "rtrim", "sha256", "split_part", "starts_with", "string_split", "str_split", "strlen", "strpos", "substr",
    "substring", "suffix", "trim", "ucase", "unicode", "upper", "array_contains", "array_extract", "array_has", "array_has_all",
    "array_has_any", "array_length", "array_position", "array_slice", "json_array_length", "json_extract_string", "json_valid",
    "list_avg", "list_contains", "list_count", "list_distinct", "list_element", "list_extract", "list_has", "list_has_all",
    "list_has_any", "list_max", "list_min", "list_position", "list_slice", "list_sort", "list_sum", "list_unique", "list_value",
    "row", "struct_extract",
])  # fmt: skip
"""Functions and operators that a condition may call: each gives the same for the same arguments, and no more than they hold."""
TYPES = frozenset([
    "bigint", "bool", "boolean", "char", "decimal", "double", "float", "float4", "float8", "hugeint", "int", "int1", "int2",
    "int4", "int8", "integer", "json", "list", "numeric", "real", "smallint", "string", "text", "tinyint", "ubigint",
    "uhugeint", "uinteger", "usmallint", "utinyint", "varchar",
])  # fmt: skip
"""Types that a value may be cast to; times are none, as they depend on a zone."""
_CLASSES = frozenset(
    ("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "CASE", "CAST", "TYPE", "FUNCTION")
)
_REFUSED = {
    "SUBQUERY": "a subquery",
    "LAMBDA": "a lambda, or a key of a JSON text by `->`; write `->>`",
    "WINDOW": "a window over other rows",
    "STAR": "`*`, which is no column",
    "PARAMETER": "a parameter",
    "COLLATE": "COLLATE; write lower()",
}
# a name nobody guesses: a condition that looked at the other rows of its part would depend on the layout
_ROWS = "rows_of_one_part_a1b2c3"


@cache
def _open_database() -> duckdb.DuckDBPyConnection:
    """A database in memory that reads no file, loads no extension and spills nothing, whatever a condition says."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute(
        "SET autoload_known_extensions = false; SET temp_directory = ''; SET enable_external_access = false; "
        f"SET memory_limit = '{MEMORY}'; SET lock_configuration = true"
    )
    return connection


@contextmanager
def _limit_time(seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own whose statements are interrupted after some seconds."""
    with _open_database().cursor() as connection:
        timer = Timer(seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            timer.join()  # else it may hold the connection when the interpreter ends, of which DuckDB prints dozens of lines


def find_condition_faults(where: str, contract: Contract) -> list[str]:
    """What is wrong with a condition over a table's columns.

    Args:
        where: The condition.
        contract: The contract of the table.

    Returns:
        What was found and what to do; nothing where it can be computed.

    """
    try:
        with _limit_time(SECONDS_OF_A_CHECK) as connection:
            reason = _find_refused(where, contract.names(), connection)
            if reason is None:
                _compute(pl.DataFrame(schema=to_polars_schema(contract)), where, connection)
    except duckdb.InterruptException:
        reason = f"it takes more than {SECONDS_OF_A_CHECK:g} s without any row; write it simpler"
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        hint = f", {lines[1]}" if len(lines) > 1 and lines[1].startswith("Candidate") else ""
        reason = f"DuckDB refuses the condition ({lines[0]}{hint}); mend it"
    return [reason] if reason else []


def evaluate_condition(part: pl.DataFrame, where: str, parameter: str) -> pl.Series:
    """For each row whether a condition is true, null where it is neither.

    Args:
        part: The rows.
        where: A condition in which `find_condition_faults` found nothing.
        parameter: What a recipe calls it, for errors.

    Returns:
        A boolean for each row.

    Raises:
        TaskError: DuckDB cannot compute it on these rows, or not within the limits.

    """
    try:
        with _limit_time(SECONDS) as connection:
            if reason := _find_refused(where, part.columns, connection):
                raise TaskError(f"{parameter}: {reason}")
            return _compute(part, where, connection)
    except duckdb.InterruptException:
        message = f"{parameter}: the condition takes more than {SECONDS:g} s for {part.height:,} rows; write it simpler"
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        message = f"{parameter}: DuckDB cannot compute the condition on the data ({reason}); mend it (TRY_CAST?)"
    raise TaskError(message) from None


def _compute(part: pl.DataFrame, where: str, connection: duckdb.DuckDBPyConnection) -> pl.Series:
    connection.register(_ROWS, part.to_arrow())
    table = connection.sql(f"SELECT CAST(({where}\n) AS BOOLEAN) AS holds FROM {_ROWS}").to_arrow_table()
    return pl.Series("holds", table.column("holds"), dtype=pl.Boolean)


def _find_refused(where: str, columns: Sequence[str], connection: duckdb.DuckDBPyConnection) -> str | None:
    """What of a condition is more than one expression of what is listed here; None where nothing is."""
    if len(where) > LONGEST:
        return f"has {len(where):,} characters, of which {LONGEST:,} are read; write it shorter"
    # a line break ends a comment, so that what stands behind the condition is always read
    text = f"SELECT ({where}\n)"
    ((parsed,),) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
    try:
        tree = json.loads(parsed)
    except RecursionError:
        return f"is nested deeper than {DEEPEST} levels; write it flatter"
    if tree["error"]:
        return f"DuckDB refuses the condition ({str(tree['error_message']).splitlines()[0]}); mend it"
    statements = tree["statements"]
    node = statements[0]["node"]
    if len(statements) != 1 or node["type"] != "SELECT_NODE" or len(node["select_list"]) != 1 or _has_clauses(node):
        return "is more than one condition; write one expression, and AND or OR between its parts"
    return _find_fault(node["select_list"][0], {name.casefold() for name in columns})


def _has_clauses(node: Mapping[str, Any]) -> bool:
    """Whether a statement has more than a list of what is selected."""
    clauses = ("where_clause", "having", "qualify", "sample", "modifiers", "group_expressions")
    return any(node.get(name) for name in clauses) or node["from_table"]["type"] != "EMPTY"


def _find_fault(root: Mapping[str, Any], columns: set[str]) -> str | None:
    """The first part of an expression that a condition may not hold."""
    waiting: list[tuple[Any, int]] = [(root, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, list):
            waiting += [(item, depth) for item in value]
        elif isinstance(value, dict) and "class" in value:
            count += 1
            if count > MOST or depth > DEEPEST:
                return f"is made of more than {MOST:,} parts, or nested deeper than {DEEPEST} levels; write it simpler"
            if fault := _find_part_fault(value, columns):
                return fault
            waiting += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, dict):
            waiting += [(child, depth) for child in value.values()]
    return None


def _find_part_fault(part: Mapping[str, Any], columns: set[str]) -> str | None:
    kind = part["class"]
    if kind == "COLUMN_REF":
        (name, *others) = part["column_names"]
        if not others and name.casefold() in columns:
            return None
        return f"the table has no column {show_value('.'.join((name, *others)))}; {advise(name, columns)}"
    if kind == "FUNCTION":
        name = part["function_name"].casefold()
        if name in FUNCTIONS and not _has_options(part):
            return None
        near = get_close_matches(name, FUNCTIONS, n=1)
        advice = f"did you mean '{near[0]}'?" if near else "docs/recipes.md lists them"
        return f"{show_value(part['function_name'])} is none of the functions of one row that a condition may call; {advice}"
    if kind == "TYPE" and part["type_name"].casefold() not in TYPES:
        return f"a value is cast to {part['type_name'][:60]}, which is none of text, number, truth and lists of these"
    return (
        None if kind in _CLASSES else f"holds {_REFUSED.get(kind, kind.lower())}; use columns and plain functions alone"
    )


def _has_options(part: Mapping[str, Any]) -> bool:
    """Whether a function is called as an aggregate: with a filter, an order or DISTINCT."""
    return bool(part.get("filter") or part.get("distinct") or (part.get("order_bys") or {}).get("orders"))
