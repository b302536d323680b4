"""Gold of published data sets, whole; needs the folder that ERRATA_DATA names."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from flows.metrics.evaluate import find_rows, read_gold, read_rules
from tasks.evaluation.gold import GoldRules
from tasks.evaluation.score import NONE, Gold

DATA = os.environ.get("ERRATA_DATA")
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with published gold")]


def read(file: str, format: str, given: GoldRules | None = None) -> list[Gold]:
    """The gold of a file, none of whose rows may be rejected."""
    result, rejected = read_gold([find_rows(f"{DATA}/{file}", None, "store")], format, given or read_rules(format))
    assert rejected == []
    assert all(row.steps is not None and NONE <= row.first_error < row.steps for row in result)
    return result


def test_mr_ben() -> None:
    rows = read("mr-ben/math.jsonl.gz", "mr-ben")
    first = Counter(row.first_error for row in rows)
    assert (len(rows), first[NONE], first[0], first[1], first[2], first[10]) == (708, 122, 129, 135, 121, 1)
    assert Counter(row.set for row in rows) == {"high_school_math": 513, "college_math": 195}
    assert rows[0].id == "855fe031-17d9-482d-b10f-a2646a14786f/Claude2"


def test_verify_then_generate() -> None:
    rows = read("verify-then-generate/dataset.jsonl.gz", "verify-then-generate")
    first = Counter(row.first_error for row in rows)
    assert first == {0: 43, 1: 49, 2: 49, 3: 37, 4: 14, 5: 3, 6: 2, 8: 1}
    assert (len(rows), rows[0].id) == (198, "dataset.jsonl.gz:1")


@pytest.mark.parametrize(("file", "none", "first"), [("multistep_arithmetic", 62, 76), ("word_sorting", 34, 71)])
def test_bigbench_mistake(file: str, none: int, first: int) -> None:
    rows = read(f"bigbench-mistake/{file}.jsonl.gz", "bigbench-mistake")
    seen = Counter(row.first_error for row in rows)
    assert (len(rows), seen[NONE], seen[0], seen[1]) == (300, none, 0, first)
    assert {row.set for row in rows} == {file}


def test_prmbench_through_a_mapping_of_ones_own(tmp_path: Path) -> None:
    mapping = tmp_path / "prmbench.yaml"
    mapping.write_text(
        "id: [idx, classification]\nfirst_error: error_steps.0\nbase: 1\nsteps: modified_process\nset: classification\n"
    )
    where = find_rows(f"{DATA}/prmbench/*.jsonl.gz", None, "store")
    result, rejected = read_gold([where], str(mapping), read_rules(str(mapping)))
    assert (len(result), Counter(row.set for row in result)["circular"]) == (398, 50)
    # two rows name steps past their solution's end
    assert [item.reason for item in rejected] == ["out of range"] * 2
    assert all(item.source.partition(":")[0].endswith(".jsonl.gz") for item in rejected)
