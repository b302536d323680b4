"""The small files of `imports`: each comes in whole, or says in one line what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from catalog.declarations import find_declarations
from catalog.records.read import read_batches
from catalog.sources import SourceError, find_sources
from flows.running.record_lookup import RecordLookup
from schemas.reading import select_reading
from schemas.recipe.recipe import NO_ROWS
from schemas.task import Outcome, Record
from tasks.sources.import_ import IMPORT, ImportParameters

PLACE = Path(os.environ.get("ERRATA_DATA", "")) / "imports"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not (PLACE / "array.json").exists(), reason="ERRATA_DATA names no folder with imports"),
]
PLAIN = {"question": "q", "answer": "a", "text": "t"}
# by file: the mapping, the rows that it stands for, those kept, and the reasons of the others
FILES: list[tuple[str, dict[str, Any], int, int, set[str]]] = [
    *((name, PLAIN, 3, 3, set()) for name in (
        "array.json", "bom.jsonl", "crlf.jsonl", "plain.arrow", "plain.jsonl.bz2", "plain.jsonl.xz", "plain.zip", "pretty.jsonl", "odd.parquet",
    )),
    ("latin1.jsonl", PLAIN, 3, 2, {"not UTF-8"}), ("latin1.jsonl", {**PLAIN, "encoding": "latin-1"}, 3, 3, set()),
    ("utf16.jsonl", {**PLAIN, "encoding": "utf-16"}, 3, 3, set()), ("semi.csv", {**PLAIN, "csv": {"delimiter": ";", "decimal": ","}}, 1, 1, set()),
    ("quoted.csv", PLAIN, 1, 1, set()), ("trace.jsonl.gz", PLAIN, 1, 1, set()), ("odd.jsonl", PLAIN, 10, 6, {"wrong type", "missing field", "empty completion"}),
    ("batch_output.jsonl", {"format": "openai-batch", "join": {"files": "batch_input.jsonl"}}, 7, 5, {"cut off at its length", "request failed"}),
    ("lmeval", {"format": "lm-eval"}, 12, 12, set()), ("lmeval_repeats.jsonl", {"format": "lm-eval"}, 9, 9, set()), ("log.eval", {"format": "inspect"}, 1, 1, set()),
    ("math_shepherd.jsonl", {"format": "math-shepherd"}, 1, 1, set()), ("openr1.jsonl", {"format": "openr1"}, 5, 5, set()),
    ("output-rs0.jsonl", {"format": "nemo-skills"}, 3, 3, set()), ("output-rs0.jsonl", {"format": "nemo-skills", "stated": "reward"}, 3, 0, {"not a number"}),
    ("processbench.json", {"format": "processbench"}, 3, 3, set()), ("processbench.jsonl", {"format": "processbench"}, 3, 3, set()),
    ("sharegpt.jsonl", {"format": "sharegpt"}, 3, 3, set()),
]  # fmt: skip


def read(name: str, parameters: ImportParameters) -> list[Record]:
    sources = find_sources(str(PLACE / name), name, reading=select_reading(parameters))
    return [record for source in sources for batch, _ in read_batches(source) for record in batch]


def imported(name: str, given: dict[str, Any]) -> tuple[Outcome, int]:
    context = dict(find_declarations(PLACE))
    parameters = ImportParameters.model_validate({"files": name, **given}, context=context)
    records = read(name, parameters)
    for join in IMPORT.joins(parameters, NO_ROWS):
        with RecordLookup(join) as lookup:
            for file in parameters.join.files if parameters.join else ():
                lookup.add(record.value or {} for record in read(file, ImportParameters(files=[file], text="t")))  # type: ignore[arg-type]
            records = lookup.attach(records)
    return IMPORT.run(records, parameters), sum(IMPORT.rows_per_record(record, parameters) for record in records)


@pytest.mark.parametrize(("name", "given", "rows", "kept", "why"), FILES)
def test_every_file_comes_in_whole_or_says_why_not(
    name: str, given: dict[str, Any], rows: int, kept: int, why: set[str]
) -> None:
    result, rows_in = imported(name, given)
    assert (rows_in, result.kept.height, set(result.rejected["reason"])) == (rows, kept, why)
    assert result.kept.height + result.rejected.height == rows_in


@pytest.mark.parametrize(
    ("name", "message"), [("utf16.jsonl", "say `encoding: utf-16`"), ("semi.csv", "say `csv: {delimiter: ';'}`")]
)
def test_a_file_that_cannot_be_read_as_it_is_says_what_to_do(name: str, message: str) -> None:
    with pytest.raises(SourceError) as error:
        imported(name, PLAIN)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_models_of_lm_eval_are_those_of_the_folders() -> None:
    kept = imported("lmeval", {"format": "lm-eval"})[0].kept
    assert set(kept["model"]) == {"Qwen/Qwen2.5-1.5B", "meta-llama/Llama-3.2-1B"}
    assert set(kept["answer"]) == {"72", "3", "20"}
