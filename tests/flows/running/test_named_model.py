"""The recipes of recorded corpora with a model named: types are found by it, in rounds or from keywords; needs ERRATA_DATA."""

from __future__ import annotations

import gzip
import json
import os
import re
from itertools import islice
from pathlib import Path

import pytest

from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tests.command import ROOT
from tests.faulty_server import Act, Asked, FaultyServer, completion
from tests.flows.running.test_table import read

DATA = os.environ.get("ERRATA_DATA")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with recorded generations"),
]
FILES = ("zeroeval/gsm.jsonl.gz", "faithful-cot/generations.jsonl.gz", "gsm8k/example_model_solutions.jsonl.gz")
CAUSES = ("It reads the question wrongly.", "It adds up wrongly.")


def answer(asked: Asked) -> Act:
    """A model that knows two kinds of mistakes: the first step is always wrong, and its length says which."""
    text = "\n".join(str(message["content"]) for message in asked.body["messages"])
    schema = json.dumps(asked.body.get("response_format") or {})
    kind = len(asked.text.partition("<step-1")[2].partition("</step")[0]) % 2
    if "<cause-" in text:
        return completion(json.dumps({"keywords": [("reads the question", "adds up")["adds up" in asked.text]]}))
    if "<keywords-" in text:
        return completion("misread: reads the question\nwrong sum: adds up")
    if '\\"same\\"' in schema or '"same"' in text:
        return completion(json.dumps({"why": "They differ.", "same": False}))
    if count := re.search(r"Judge the steps 1 to (\d+)", asked.text):
        return completion("\n".join(f"{i}. {'right' if i > 1 else 'wrong: odd'}" for i in range(1, int(count[1]) + 1)))
    if '"name"' in text:
        return completion(
            json.dumps(
                {"cause": CAUSES[kind], "type": "new", "name": ("misread", "wrong sum")[kind], "definition": "D."}
            )
        )
    known = re.findall(r"^- (.+?): ", text, re.MULTILINE)
    chosen = next((name for name in known if name in ("misread", "wrong sum")[kind : kind + 1]), known[0])
    return completion(json.dumps({"cause": CAUSES[kind], "span": "", "severity": "major", "type": chosen}))


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The first records of each file, in a folder like the whole."""
    for name in FILES:
        place = tmp_path / "data" / name
        place.parent.mkdir(parents=True)
        with gzip.open(Path(str(DATA)) / name, "rt") as lines, gzip.open(place, "wt") as few:
            few.writelines(islice(lines, 200))
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["mwpes", "cot_error_set"])
def test_a_model_that_is_named_finds_the_types(name: str, few: Path, tmp_path: Path) -> None:
    text = (ROOT / "catalog/recipes" / f"{name}.yaml").read_text("utf-8")
    recipe = tmp_path / f"{name}.yaml"
    with FaultyServer(answer) as server:
        # what gates ask of is the whole corpus
        recipe.write_text(
            re.sub(r"(?s)\ngates:.*?(?=\nwith:|\Z)", "\n", text).replace("http://localhost:8000/v1", server.url)
        )
        store = f"file://{tmp_path}/store"
        plan = materialize(make_plan(str(recipe), str(few), store, {"typist": {"model": "script"}}))
        asked = len(server.asked)
        again = make_plan(str(recipe), str(few), store, {"typist": {"model": "script"}})
        assert materialize(again).done.keys() >= {"typed"} and len(server.asked) == asked > 20
    jobs = {job.name: job for job in plan.jobs}
    assert {"judged", "agreed", "typed"} <= jobs.keys()
    mistakes = read(jobs["mistakes"])
    assert {"misread", "wrong sum"} <= set(mistakes["error_type"].drop_nulls())
    assert mistakes["taxonomy"].unique().to_list()[0].startswith(name)
    for done in plan.done.values():
        assert done.receipt.rows_in == done.receipt.rows_kept() + done.receipt.rows_rejected()
    if name == "cot_error_set":
        assert set(read(jobs["explained"])["error_cause"].drop_nulls()) >= set(CAUSES)
        assert set(read(jobs["cot-error-set"])["error_type"].drop_nulls()) <= {"misread", "wrong sum"}
