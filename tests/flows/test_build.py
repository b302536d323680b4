import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pytest

from catalog.parts import ParquetFile
from catalog.storage import Store
from catalog.tables import TableFolder
from tests import golden
from tests.command import ROOT, SAMPLE, errata, files_of

FUNNEL = Path(__file__).parent / "sample-funnel.txt"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    """A store with the release of the sample."""
    place = tmp_path_factory.mktemp("built")
    environment = {
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(place / "home"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
    }
    result = errata("build", str(SAMPLE), "--store", str(place / "store"), environment=environment)
    assert result.returncode == 0, result.stderr
    assert "released sample 0.1.0: 90 rows" in result.stdout
    return place / "store"


def test_the_funnel_accounts_for_every_recorded_generation(built: Path, environment: dict[str, str]) -> None:
    manifest = json.loads((built / "releases/sample/0.1.0/manifest.json").read_text())
    lines = (SAMPLE.parent / "sample" / "generations.jsonl").read_text().count("\n")
    assert manifest["funnel"][0]["rows_in"] == lines
    for step in manifest["funnel"]:
        assert step["kept"] + step["rejected"] == step["rows_in"]
        assert sum(step["reasons"].values()) == step["rejected"]
    for before, after in zip(manifest["funnel"], manifest["funnel"][1:]):
        assert after["rows_in"] == before["kept"]
    shown = errata("show", "sample", "--store", str(built), "--examples", "1", environment=environment).stdout
    golden.check(FUNNEL, shown.replace(str(built), "STORE"))


def test_rejected_rows_lie_beside_the_table_and_their_reasons_can_be_counted(built: Path) -> None:
    import polars as pl

    (place,) = (built / "tables").glob("select-*")
    manifest = json.loads((place / "manifest.json").read_text())
    rejected = pl.read_parquet(place / "rejected" / "*.parquet")
    assert dict(rejected["reason"].value_counts().iter_rows()) == manifest["receipt"]["reasons"]
    assert {"solution_id", "reason", "detail"} <= set(rejected.columns)
    folder = TableFolder(Store(str(built)), *place.name.rsplit("-", 1))
    whole = pl.concat([folder.read(ParquetFile.of(part)) for part in manifest["receipt"]["rejected"]])
    assert whole["solution_id"].sort().equals(rejected["solution_id"].sort()), "other columns are read where they lie"
    assert {"question", "steps", "verdict", "reason", "detail"} <= set(whole.columns)


def test_datasets_reads_the_release_folder(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = datasets.load_dataset(str(built / "releases/sample/0.1.0"), cache_dir=str(tmp_path))
    assert sum(dataset.num_rows.values()) == 90
    problems = [set(split["problem_id"]) for split in dataset.values()]
    assert len(problems) == 2
    assert not problems[0] & problems[1]
    assert set(dataset["train"]["verdict"]) == {"wrong"}


def test_a_build_with_nothing_to_do_starts_no_prefect(built: Path, environment: dict[str, str]) -> None:
    before = files_of(built)
    result = errata(
        "build",
        str(SAMPLE),
        "--store",
        str(built),
        environment={**environment, "PREFECT_API_URL": "http://127.0.0.1:1/api"},
    )
    assert "sample 0.1.0 is released already, nothing to do" in result.stdout
    assert result.returncode == 0
    assert files_of(built) == before
    code = f"import sys; from errata.cli import main; main(['build', {str(SAMPLE)!r}, '--store', {str(built)!r}]); assert 'prefect' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT / "catalog", capture_output=True)


COUNTING = """
import os
from fsspec.implementations.local import LocalFileSystem
original = LocalFileSystem._open
def counted(self, path, *given, **named):
    if path.endswith("generations.jsonl"):
        with open(os.environ["OPENED"], "a") as file:
            file.write("x")
    return original(self, path, *given, **named)
LocalFileSystem._open = counted
"""


def test_a_build_hashes_probes_and_reads_each_source_once_and_a_second_one_not_at_all(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "sitecustomize.py").write_text(COUNTING)  # in every process of the build
    paths = os.pathsep.join([str(tmp_path / "python"), str(ROOT / "catalog"), str(ROOT)])
    opened = tmp_path / "opened"
    shutil.copytree(SAMPLE.parent / "sample", tmp_path / "sample")
    shutil.copy(SAMPLE, tmp_path / "sample.yaml")
    time.sleep(2.1)  # what has just been written is not trusted to its times
    command = [
        sys.executable,
        "-m",
        "errata.cli",
        "build",
        str(tmp_path / "sample.yaml"),
        "--store",
        str(tmp_path / "s"),
    ]
    for more, reads in (([], 3), ([], 0), (["--rehash"], 1)):
        opened.write_text("")
        subprocess.run(
            [*command, *more],
            env={**environment, "PYTHONPATH": paths, "OPENED": str(opened)},
            check=True,
            capture_output=True,
        )
        assert len(opened.read_text()) == reads


def test_the_same_recipe_elsewhere_gives_the_same_bytes(
    built: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(SAMPLE.parent / "sample", tmp_path / "elsewhere" / "sample")
    recipe = tmp_path / "elsewhere" / "sample.yaml"
    shutil.copy(SAMPLE, recipe)
    result = errata(
        "build", "sample.yaml", "--store", "file://" + str(tmp_path / "s"), environment=environment, cwd=recipe.parent
    )
    assert result.returncode == 0, result.stderr
    assert files_of(tmp_path / "s" / "releases") == files_of(built / "releases")


def test_a_version_with_other_content_is_refused_before_any_work(
    built: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "s")
    shutil.copytree(SAMPLE.parent / "sample", tmp_path / "sample")
    recipe = tmp_path / "sample.yaml"
    recipe.write_text(SAMPLE.read_text().replace("seed: 1", "seed: 2"))
    shutil.rmtree(tmp_path / "s" / "digests", ignore_errors=True)
    before = files_of(tmp_path / "s")
    result = errata("build", str(recipe), "--store", str(tmp_path / "s"), environment=environment)
    assert result.returncode == 4
    assert "version 0.1.0 is published with other content" in result.stderr
    assert "raise `version` in the recipe" in result.stderr
    assert "Traceback" not in result.stderr
    assert {name: data for name, data in files_of(tmp_path / "s").items() if not name.startswith("digests/")} == before
    plan = errata("plan", str(recipe), "--store", str(tmp_path / "s"), environment=environment)
    assert plan.returncode == 4
    recipe.write_text(recipe.read_text().replace("version: 0.1.0", "version: 0.2.0"))
    again = errata("build", str(recipe), "--store", str(tmp_path / "s"), environment=environment)
    assert again.returncode == 0
    assert "0 of 6 tables to make" in again.stderr


def test_a_changed_stage_makes_only_what_follows_from_it(
    built: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(SAMPLE.parent / "sample", tmp_path / "sample")
    recipe = tmp_path / "sample.yaml"
    recipe.write_text(SAMPLE.read_text().replace("verdict = 'wrong'", "verdict <> 'right'").replace("0.1.0", "0.2.0"))
    plan = errata("plan", str(recipe), "--store", str(built), environment=environment).stdout
    states = {line.split()[0]: "exists" in line for line in plan.partition("───\n")[2].split("\n")[:6]}
    assert states == {
        "generations": True,
        "trusted": True,
        "steps": True,
        "verified": True,
        "wrong": False,
        "mistakes": False,
    }
    assert "would make 2 of 6 tables and release what is left as sample 0.2.0" in plan


def test_the_release_holds_no_path_of_this_machine(built: Path) -> None:
    for path, data in files_of(built / "releases").items():
        assert str(ROOT).encode() not in data, path
        assert str(built).encode() not in data, path
