"""What is decided of a whole table is the same in one piece and in any number of pieces, for every task that must see it."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.sources import find_sources
from catalog.storage import Store
from catalog.tables import Manifest, PartitionCommit, TableFolder
from flows.planning.plan import TableJob
from flows.planning.side_inputs import locate_side_input
from flows.running import exchange
from flows.running.kinds import find_kind, partitioned
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.task import TaskError
from schemas.whole_table import WholeTable
from tasks import TASKS
from tasks.dedup.embeddings import FILES
from tests.flows.running.executors import UnitsHere, make_table
from tests.tasks.dedup.letters import make_embedding

TEXTS = ["So it is 7.", "so it is  7.", "3 + 4 = 7", "It makes 3+4=7 then", "4 + 3 = 7", "It is 8, they say, and no more than that.", "It is 8, they say, and no more than this."]  # fmt: skip
QUESTIONS = [
    "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May; how many in all?",
    "Tom sold clips to 31 of his friends in April and then he sold half as many clips in May; how many in all?",
    "A robe takes 2 bolts?",
    "How many are there?",
]
ANSWERS = ["7", "8", "x+1", "1+x", "(1, 2)", "( 1, 2 )", None]
COLUMNS = (
    Column("solution_id", "string", "I."), Column("problem_id", "string", "P."), Column("question", "string", "Q."),
    Column("rationale", "string", "R."), Column("extracted", "string", "E.", nullable=True), Column("verdict", "string", "V."),
    Column("model", "string", "M."), Column("set", "string", "S."), Column("source", "string", "S."), Column("steps", "strings", "S."),
    Column("first_error", "integer", "F.", nullable=True), Column("error_type", "string", "T.", nullable=True),
)  # fmt: skip
GIVEN = Contract("given", "", COLUMNS, "solution_id")
ROWS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from(TEXTS), st.sampled_from(ANSWERS), st.integers(1, 3),
        st.sampled_from([None, -1, 0, 1]), st.sampled_from([None, "slip", "unit"]),
    ),
    min_size=1, max_size=30,
)  # fmt: skip
Row = tuple[int, str, str | None, int, int | None, str | None]
CASES: dict[str, dict[str, Any]] = {
    "consistency": {},
    "label-errors": {"given": "verdict", "labels": ["error_type", "model"]},
    "commonest": {"most": 2},
    "balance": {},
    "take": {"want": {"rows": 3, "per": "error_type"}},
    "take all": {"want": {"rows": 5}},
    "take too few": {"want": {"rows": 50, "per": "verdict"}, "short": "fail"},
    "decontaminate": {"against": [{"name": "tests", "files": ["tests.jsonl"]}], "columns": ["question", "rationale"]},
    "decontaminate by meaning": {
        "against": [{"name": "tests", "files": ["tests.jsonl"]}], "embedding": "embedding", "cosine": 0.9
    },
    "truth": {"source": "file", "files": ["labels.jsonl"]},
    "deduplicate": {"by": ["exact", "mistake", "path", "near"], "scope": "problem"},
    "deduplicate all": {"by": ["exact", "mistake", "path", "near"], "scope": "all", "prefer": ["first_error"]},
    "deduplicate linked": {"by": ["exact", "near"], "scope": "all", "clusters": "linked"},
    "deduplicate texts": {"by": ["exact"], "scope": "all", "across_answers": True},
    "deduplicate meaning": {"by": ["exact", "semantic"], "scope": "all", "embedding": "embedding", "cosine": 0.9},
    "deduplicate meaning of a problem": {"by": ["semantic"], "scope": "problem", "embedding": "embedding", "cosine": 0.9},
}  # fmt: skip


def write_beside(folder: Path) -> None:
    """Test sets, labels and an embedding, as the cases name them."""
    items = [*QUESTIONS[1:3], "The bell in the tower rings 12 times, and then it rings 12 times more"]
    (folder / "tests.jsonl").write_text("".join(json.dumps({"question": item}) + "\n" for item in items))
    labels = [{"id": f"s{i:03d}", "steps": ["a", "b"], "label": i % 3 - 1} for i in range(0, 60, 2)]
    (folder / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    (folder / "embedding").mkdir()
    for name, data in zip(FILES, make_embedding()):
        (folder / "embedding" / name).write_bytes(data)


def make_rows(rows: Sequence[Row]) -> pl.DataFrame:
    values = [
        (
            f"s{i:03d}", f"{problem:08x}", QUESTIONS[problem % len(QUESTIONS)], text, answer, "wrong" if step else "right",
            f"m{steps}", "set", f"file:{i}", ["a", "b", "c"][:steps], step, kind,
        )
        for i, (problem, text, answer, steps, step, kind) in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(values, schema=to_polars_schema(GIVEN), orient="row")


def make_job(case: str, rows: Sequence[Row], folder: Path) -> TableJob:
    """A table of a case over the rows, which lie in parts of four."""
    task = TASKS[case.split()[0]]
    assert isinstance(task, WholeTable)
    given = {**CASES[case], **({"embedding": str(folder / "embedding")} if "embedding" in CASES[case] else {})}
    parameters = task.parameters.model_validate(given)
    assert task.check(parameters, GIVEN) == []
    store = f"memory://{uuid.uuid4().hex}"
    table, frame = TableFolder(Store(store), "given", "f"), make_rows(rows)
    parts = [table.write(f"parts/{at}.parquet", frame[at : at + 4]) for at in range(0, frame.height, 4)]
    table.complete(Manifest("f", "given", "1", {}, [], list(GIVEN.names()), PartitionCommit(frame.height, parts)))

    def find(place: str) -> list[Any]:
        return find_sources(str(folder / place), place)

    beside = tuple(locate_side_input(each, store, find) for each in task.side_inputs(parameters))
    contract = task.makes(parameters, GIVEN)
    return TableJob(
        "t", store, task.name, "g", parameters, contract, GIVEN, (("given", "f"),), (), "c", side_inputs=beside
    )


def make(case: str, rows: Sequence[Row], folder: Path, pieces: int) -> list[tuple[str, int, str]] | str:
    """Path, rows and digest of what the table keeps and rejects, or the error that it ends with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "ROWS_OF_A_SHARE", 1 if pieces > 1 else 1000)
        patch.setattr(exchange, "MOST_SHARES", pieces)
        patch.setattr(partitioned, "ROWS_OF_A_BATCH", 64 // pieces)
        job = make_job(case, rows, folder)
        try:
            find_kind(job).prepare(UnitsHere())
            sums = make_table(job).receipt
        except TaskError as error:
            return str(error)
    return [(file.path, file.rows, file.sha256) for file in (*sums.parts, *sums.rejected)]


def test_every_task_that_sees_a_whole_table_is_among_the_cases() -> None:
    tasks = {name for name, task in TASKS.items() if isinstance(task, WholeTable)}
    assert tasks == {case.split()[0] for case in CASES}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=5, deadline=None)
@given(rows=ROWS)
def test_any_number_of_pieces_decides_the_same(case: str, rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as place:
        write_beside(Path(place))
        whole, *others = (make(case, rows, Path(place), pieces) for pieces in (1, 2, 7, 64))
        assert all(other == whole for other in others)


@pytest.mark.parametrize("case", CASES)
def test_pieces_decide_something(case: str, tmp_path: Path) -> None:
    """The cases say something: rows are rejected or completed, but where they are to fail; no piece is like all others."""
    rows: list[Row] = [
        (
            i % 3 if i < 12 else 3, TEXTS[i % len(TEXTS)], ANSWERS[i % 3], 1 + i % 2, (None, -1, 0, 1)[i % 4],
            ("slip", "unit")[i % 2],
        )
        for i in range(40)
    ]  # fmt: skip
    write_beside(tmp_path)
    whole, pieces = (make(case, rows, tmp_path, count) for count in (1, 7))
    assert pieces == whole
    if isinstance(whole, str):
        assert whole.startswith("t: want: 30 of 50 rows of verdict 'right' are missing; ")
    elif not case.startswith(("label", "commonest", "truth", "consistency", "deduplicate meaning")):
        assert any("rejected" in path for path, _, _ in whole), case
