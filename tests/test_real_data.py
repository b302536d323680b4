"""The recipes `mwpes` and `cot_error_set` on the real recorded generations; needs the folder that ERRATA_DATA names."""

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest

from catalog.storage import Store
from catalog.tables import TableFolder
from tests.command import ROOT, errata

DATA = os.environ.get("ERRATA_DATA")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with recorded generations"),
]

VARIANTS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
FILE = "gsm8k/example_model_solutions.jsonl.gz"
# each was read, and is described in the README: we decide nothing where the authors say wrong
UNDECIDED = {
    f"{FILE}:4#175b_finetuning": "breaks off",
    f"{FILE}:38#175b_finetuning": "breaks off",
    f"{FILE}:454#6b_finetuning": "breaks off",
    f"{FILE}:595#175b_finetuning": "breaks off",
    f"{FILE}:743#6b_finetuning": "breaks off",
    f"{FILE}:740#175b_finetuning": "not fully read",
    f"{FILE}:358#175b_finetuning": "other unit",
    f"{FILE}:358#175b_verification": "other unit",
}


def built(corpus: str, place: Path, prefect_url: str) -> Path:
    """The store in which a recipe of the catalog was built."""
    environment = {
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(place / "home"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
    }
    recipe = str(ROOT / "catalog" / "recipes" / f"{corpus}.yaml")
    result = errata("build", recipe, "--data", str(DATA), "--store", str(place / "store"), environment=environment)
    assert result.returncode == 0, result.stderr
    return place / "store"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    return built("mwpes", tmp_path_factory.mktemp("mwpes"), prefect_url)


@pytest.fixture(scope="module")
def cot(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    return built("cot_error_set", tmp_path_factory.mktemp("cot"), prefect_url) / "releases/cot_error_set/0.1.0"


def table(store: Path, task: str) -> pl.DataFrame:
    """The whole rows of a table, most of whose columns lie with the tables that it was made from."""
    (place,) = (store / "tables").glob(f"{task}-*")
    folder = TableFolder(Store(str(store)), task, place.name.removeprefix(f"{task}-"))
    manifest = folder.read_manifest()
    assert manifest is not None
    return pl.concat([folder.read(part) for part in manifest.receipt.parts])


def test_every_recorded_generation_is_accounted_for(store: Path) -> None:
    manifest = json.loads((store / "releases/mwpes/0.2.0/manifest.json").read_text())
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
            labels |= {f"{FILE}:{number}#{item}": record[item]["is_correct"] for item in VARIANTS}
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


def in_two_splits(release: Path) -> set[str]:
    """The problems that are in two splits of any view."""
    seen: dict[str, set[str]] = {}
    for path in release.glob("*/*.parquet"):
        if path.parent.name != "index":
            for problem in set(pl.read_parquet(path, columns=["problem_id"])["problem_id"]):
                seen.setdefault(problem, set()).add(path.name)
    assert seen
    return {problem for problem, splits in seen.items() if len(splits) > 1}


def test_no_problem_is_in_two_splits(store: Path, cot: Path) -> None:
    assert in_two_splits(store / "releases/mwpes/0.2.0") == set()
    assert in_two_splits(cot) == set()


def test_what_arithmetic_proves_of_recorded_mistakes_is_typed_and_the_card_says_how_little_that_is(store: Path) -> None:
    rows = pl.read_parquet(store / "releases/mwpes/0.2.0/mwpes/*.parquet")
    typed = rows.filter(pl.col("error_type").is_not_null())
    assert 0.05 * rows.height < typed.height < 0.15 * rows.height
    assert typed.select("first_error", "wrong_step", "definition", "cause").null_count().row(0) == (0, 0, 0, 0)
    assert set(typed["typed_by"].str.slice(0, 6)) == {"rule: "}
    card = (store / "releases/mwpes/0.2.0/README.md").read_text()
    section = card.split("## Columns of `mwpes`")[1].split("##")[0]
    for column in ("first_error", "wrong_step", "error_type", "definition", "cause", "typed_by"):
        (line,) = [line for line in section.splitlines() if line.startswith(f"| `{column}` |")]
        assert 5 < int(line.split(" | ")[3].removesuffix(" %")) < 20, line
    assert "`classifier_types`" in card.split("**Not filled** in any row")[1].splitlines()[0]


def test_right_rationales_stand_beside_wrong_ones_of_three_sets(cot: Path) -> None:
    rows = pl.read_parquet(cot / "cot-error-set/*.parquet")
    assert set(rows["set"]) == {"GSM8K", "AQuA", "StrategyQA"} and rows.height > 9_000
    assert set(rows["right_from"]) == {"other model", "reference"}
    assert rows.filter(pl.col("right_rationale") == pl.col("wrong_rationale")).height == 0
    tuning = pl.read_parquet(cot / "mistake-tuning/*.parquet")
    marks = tuning.select(pl.col("text").str.extract(r"\n(\[(?:IN)?CORRECT RATIONALE\])\n")).to_series()
    assert marks.eq(pl.Series(["[INCORRECT RATIONALE]", "[CORRECT RATIONALE]"])[tuning["label"].cast(pl.UInt32)]).all()
    assert tuning["text"].str.count_matches(r"CORRECT RATIONALE\]").eq(1).all()
