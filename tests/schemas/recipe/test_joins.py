"""Contracts of joined rows, and columns that cannot be one."""

from schemas.contract import Column, Contract
from schemas.recipe.joins import NamedInput, find_join_faults, join_contracts
from schemas.task import Input

KEY, TEXT = Column("id", "string", "Key."), Column("text", "string", "Text.")


def contract(*columns: Column, key: str = "id") -> Contract:
    return Contract("t", "", (KEY, TEXT, *columns), key)


ONE, OTHER = Column("one", "integer", "One."), Column("other", "integers", "Other.")


def faults(value: Contract, other: Contract) -> list[tuple[str, str]]:
    inputs = [NamedInput(Input("a", ("one",)), "x", value), NamedInput(Input("b", ("other",)), "y", other)]
    return list(find_join_faults("join", inputs))


def test_columns_of_joined_rows_are_those_of_the_first_and_what_others_add() -> None:
    joined = join_contracts([contract(ONE), contract(OTHER)])
    assert joined.names() == ("id", "text", "one", "other")
    assert joined.key == "id"
    assert faults(contract(ONE), contract(OTHER)) == []


def test_a_column_of_two_types_is_told() -> None:
    text = "column 'n' is integer in 'x' and string in 'y'; make both from the same table"
    columns = Column("n", "integer", "N."), Column("n", "string", "N.")
    assert faults(contract(ONE, columns[0]), contract(OTHER, columns[1])) == [("b", text)]


def test_another_meaning_is_no_other_column() -> None:
    columns = Column("n", "integer", "N."), Column("n", "integer", "Numbers.", nullable=True)
    assert faults(contract(ONE, columns[0]), contract(OTHER, columns[1])) == []


def test_what_an_input_is_there_for_is_in_it_alone() -> None:
    (fault,) = faults(contract(ONE), contract(ONE, OTHER))
    assert fault[0] == "b" and "both have 'one'" in fault[1]


def test_tables_of_other_keys_are_not_joined() -> None:
    assert faults(contract(ONE), contract(OTHER, key="text"))[0] == (
        "b", "table 'x' has the key 'id' and 'y' 'text'; join tables that are made from the same rows",
    )  # fmt: skip
