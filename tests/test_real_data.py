"""The recipe `mwpes` on the real recorded generations; needs the folder that ERRATA_DATA names."""

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest

from tests.command import ROOT, errata

DATA = os.environ.get("ERRATA_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with recorded generations")

VARIANTS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
FILE = "gsm8k/example_model_solutions.jsonl.gz"
# each was read, and is described in the README: we decide nothing where the authors say wrong
UNDECIDED = {
    f"{FILE}:4#175b_finetuning": "breaks off",
    f"{FILE}:38#175b_finetuning": "breaks off",
    f"{FILE}:454#6b_finetuning": "breaks off",
    f"{FILE}:595#175b_finetuning": "breaks off",
    f"{FILE}:743#6b_finetuning": "breaks off",
    f"{FILE}:387#6b_finetuning": "unparsable",
    f"{FILE}:740#175b_finetuning": "unparsable",
    f"{FILE}:358#175b_finetuning": "other unit",
    f"{FILE}:358#175b_verification": "other unit",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    place = tmp_path_factory.mktemp("mwpes")
    environment = {
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(place / "home"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
    }
    recipe = str(ROOT / "catalog" / "mwpes.yaml")
    found = errata("build", recipe, "--data", str(DATA), "--store", str(place / "store"), environment=environment)
    assert found.returncode == 0, found.stderr
    return place / "store"


def table(store: Path, task: str) -> pl.DataFrame:
    (place,) = (store / "tables").glob(f"{task}-*")
    manifest = json.loads((place / "manifest.json").read_text())
    return pl.concat([pl.read_parquet(place / part["path"]) for part in manifest["receipt"]["parts"]])


def test_every_recorded_generation_is_accounted_for(store: Path) -> None:
    manifest = json.loads((store / "releases/mwpes/0.1.0/manifest.json").read_text())
    steps = {step["table"]: step for step in manifest["funnel"]}
    outside = steps["faithful"]["reasons"]["outside the recipe"]
    imported = sum(steps[name]["rows_in"] for name in ("zeroeval", "faithful", "finetuned"))
    assert imported - outside == 43_294 + 33_400 + 4_172 == 80_866
    assert steps["generations"]["rows_in"] == 80_866 - steps["faithful"]["reasons"]["duplicate id"]
    for step in steps.values():
        assert step["rows_in"] == step["kept"] + step["rejected"]
        assert step["rejected"] == sum(step["reasons"].values())
    models = {count["model"] for count in manifest["counts"]["mistakes"]}
    assert len(models) == 50
    assert {count["set"] for count in manifest["counts"]["mistakes"]} == {
        "GSM8K",
        "SVAMP",
        "MultiArith",
        "ASDiv",
        "AQuA",
    }


def test_our_verdicts_contradict_none_of_the_authors(store: Path) -> None:
    labels: dict[str, bool] = {}
    with gzip.open(Path(str(DATA)) / FILE, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            record = json.loads(line)
            labels |= {f"{FILE}:{number}#{one}": record[one]["is_correct"] for one in VARIANTS}
    verified = table(store, "verify").filter(pl.col("source").is_in(list(labels)))
    assert verified.height == len(labels) == 4_172
    contradicted, undecided = set(), {}
    for source, verdict, why in verified.select("source", "verdict", "undecided").iter_rows():
        if verdict == "undecided":
            undecided[source] = why
        elif (verdict == "right") != labels[source]:
            contradicted.add(source)
    assert not contradicted
    assert undecided == UNDECIDED
    assert not any(labels[source] for source in UNDECIDED)


def test_no_problem_is_in_two_splits(store: Path) -> None:
    place = store / "releases/mwpes/0.1.0/mistakes"
    problems = {path.name: set(pl.read_parquet(path)["problem_id"]) for path in place.glob("*.parquet")}
    assert sum(map(len, problems.values())) == len(set.union(*problems.values()))
