"""The campaign itself: each loss is seen where there is one, a failure says how it is tried again, and a short run of all loses nothing."""

from __future__ import annotations

import base64
import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
import yaml

from tasks import TASKS
from tests.campaign import __main__ as campaign
from tests.campaign import asking, small_recipes
from tests.campaign.builder import TOKEN
from tests.campaign.clock import YEAR, find_library, jump, keep_jumping, make_environment, set_shift
from tests.campaign.figures import LOSSES, Figures, format_table
from tests.campaign.hostile import OUTPUTS
from tests.campaign.processes import list_processes_of, wait_for_end
from tests.campaign.releases import compare_releases, read_log
from tests.campaign.secrets_scan import KEY, find_secrets
from tests.campaign.zoo import AWAY, KINDS
from tests.client.conftest import put, splits
from tests.command import ROOT
from tests.faulty_server import Act, completion

MINUTES = float(os.environ.get("ERRATA_CAMPAIGN_MINUTES", "1"))


@pytest.mark.campaign
def test_a_campaign_loses_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.campaign",
        "--minutes",
        str(MINUTES),
        "--json",
        str(tmp_path / "figures.json"),
        "--folder",
        str(tmp_path / "kept"),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    parts = json.loads((tmp_path / "figures.json").read_text())["parts"]
    assert parts.keys() == campaign.PARTS.keys()
    assert all(part["tried"] or part["skipped"] for part in parts.values())
    assert not any(part["losses"][kind] for part in parts.values() for kind in LOSSES)


def test_there_are_fifty_kinds_of_misbehaviour_and_more() -> None:
    assert len(KINDS) + len(AWAY) >= 100 and len(OUTPUTS) >= 25
    acts = [kind("3 + 4 = 7\n#### 7") for kind in KINDS.values()]
    assert len({(act.content, act.status, act.how, str(act.headers)) for act in acts}) == len(acts), (
        "two kinds are the same"
    )


def test_small_recipes_have_every_task(tmp_path: Path) -> None:
    recipes = [yaml.safe_load(path.read_text("utf-8")) for path in small_recipes.write_recipes(tmp_path).values()]
    tasks = {table["task"] for recipe in recipes for table in recipe["tables"].values()}
    assert set(TASKS) - tasks == small_recipes.UNTRIED.keys(), "name the task in a recipe, or why it is in none"
    assert all(small_recipes.UNTRIED.values())


def test_every_part_at_its_least_and_a_failure_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
            figures = Figures(tried=1, survived=1 - number % 2)
            (folder / "evidence").write_text("x")
            if number % 2:
                figures.lose("lost rows", "two of ten", 2)
            elif number == 2:
                raise KeyError("x")
            return figures

        def close(self) -> None:
            closed.append(1)

    closed: list[int] = []
    monkeypatch.setattr(campaign, "PARTS", {"broken": lambda *_: Broken()})
    run = campaign.Campaign(tmp_path, 7, ["broken"])
    for number in range(3):
        run.try_step("broken", number)
    run.close()
    figures = run.figures["broken"]
    assert (figures.tried, figures.survived, figures.losses["lost rows"], figures.losses["other"], closed) == (
        3,
        1,
        2,
        1,
        [1],
    )
    assert run.kept == [f"python -m tests.campaign broken --seed 7 --step {number}" for number in (1, 2)]
    assert not (tmp_path / "broken-0").exists() and (tmp_path / "broken-1" / "evidence").exists()
    assert (tmp_path / "broken-1" / "failures.txt").read_text() == f"{run.kept[0]}\nlost rows: two of ten\n"
    assert "| broken | 3 | 1 | 2 | 0 | 0 | 0 | 0 | 0 | 1 |" in format_table(run.figures)


def test_a_part_that_cannot_be_tried_here_is_skipped_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Skipped:
        def step(self, *_: object) -> Figures:
            return Figures(skipped="no room")

        def close(self) -> None: ...

    monkeypatch.setattr(campaign, "PARTS", {"skipped": lambda *_: Skipped()})
    run = campaign.Campaign(tmp_path, 0, ["skipped"])
    run.run(60, lambda _: None)
    assert "| skipped | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | no room |" in format_table(run.figures)


def test_lost_rows_and_other_bytes_are_seen(tmp_path: Path) -> None:
    for name in ("sound", "other"):
        put(str(tmp_path / name), "tiny", "1.0.0", splits("0.9.0" if name == "sound" else "0.10.0"))
    release = Path("releases", "tiny", "1.0.0")
    figures = Figures()
    compare_releases(figures, tmp_path / "sound" / release, tmp_path / "sound" / release, "same")
    assert not figures.failures
    compare_releases(figures, tmp_path / "sound" / release, tmp_path / "other" / release, "other")
    assert figures.losses["lost rows"] == 2, "a row of each of its two views"
    compare_releases(figures, tmp_path / "sound" / release, tmp_path / "none", "none")
    (tmp_path / "sound" / release / "README.md").write_text("x")
    put(str(tmp_path / "again"), "tiny", "1.0.0", splits("0.9.0"))
    compare_releases(figures, tmp_path / "again" / release, tmp_path / "sound" / release, "edited")
    assert figures.losses["other"] == 1 and "README.md" in figures.failures[-1]


def test_a_traceback_is_seen(tmp_path: Path) -> None:
    figures = Figures()
    (tmp_path / "log").write_text("Traceback (most recent call last):\n  …\nKeyError: 'x'\n")
    read_log(figures, tmp_path / "log", "a build")
    assert figures.failures == ["tracebacks: a build: KeyError: 'x'"]


def test_a_key_is_seen_wherever_it_is_packed(tmp_path: Path) -> None:
    pl.DataFrame({"a": [f"Bearer {KEY}"] * 100}).write_parquet(tmp_path / "a.parquet", compression="zstd")
    pl.DataFrame({"a": ["nothing"]}).write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.json").write_text(json.dumps({"key": KEY}).replace("/", "\\/"))
    (tmp_path / "d.txt").write_bytes(base64.b64encode(KEY.encode()))
    (tmp_path / "e.txt").write_text(KEY[:12])
    write_torn_key(tmp_path / "f.db")
    assert [Path(path).name for path in find_secrets(tmp_path)] == ["a.parquet", "c.json", "d.txt", "f.db"]


def write_torn_key(path: Path) -> None:
    """Write a database in which the border of a page lies within the key."""
    for behind in range(4000, 5000, 8):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE log (message TEXT)")
            database.execute("INSERT INTO log VALUES (?)", ("x" * 5000 + KEY + "y" * behind,))
            database.commit()
        if KEY.encode() not in path.read_bytes():
            return
    raise AssertionError("no page ends within the key")


@pytest.mark.kill
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_process_that_stays_is_seen() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=-3).pid, flush=True); input()"
    environment = {**os.environ, TOKEN: "this test"}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as build:
        assert build.stdout is not None
        stays = int(build.stdout.readline())
        processes = list_processes_of(build.pid)
        build.kill()
    left = wait_for_end(processes, 0.2)
    os.kill(stays, 9)
    assert left == [f"{stays} sleep 600 "]


def test_clocks_jump_the_same_way_for_a_seed() -> None:
    def read(seed: str) -> list[int]:
        clock = jump(seed)
        return [round(clock() / 60) for _ in range(300)]

    times = read("a")
    assert max(times) - min(times) > 60 and sum(abs(x - y) for x, y in zip(times, read("a"))) < 300


@pytest.mark.skipif(not find_library(), reason="no libfaketime that works; `pip install libfaketime`")
def test_the_clocks_of_other_processes_jump_and_durations_do_not(tmp_path: Path) -> None:
    library = find_library()
    assert library
    file = tmp_path / "clock"
    set_shift(file, 0.0)
    code = """
import time
begin, times = time.monotonic(), set()
while len(times) < 3 and time.monotonic() < begin + 60:
    time.sleep(0.02)
    times.add(round((time.time() - time.monotonic()) / 60))
print(len(times), max(times) - min(times))
"""
    with keep_jumping(file, "a"):
        result = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **make_environment(library, file)}, capture_output=True, text=True, check=True
        )  # fmt: skip
    count, span = map(int, result.stdout.split())
    assert count == 3 and 1 <= span < 12 * YEAR / 60


def try_answer(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Act) -> Figures:
    """The figures of a build in which every second question is answered so."""
    folder.mkdir()
    monkeypatch.setattr(asking, "KINDS", {"x": lambda _: answer})
    endpoints = asking.Endpoints(folder)
    try:
        (folder / "trial").mkdir()
        return endpoints.step(folder / "trial", 0, random.Random(0))
    finally:
        endpoints.close()


def test_a_fabricated_mistake_and_a_key_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = try_answer(tmp_path / "wrong", monkeypatch, completion("3 + 4 = 8\n#### 8"))
    assert figures.losses["fabricated mistakes"] == 3 and not figures.survived
    figures = try_answer(tmp_path / "refused", monkeypatch, Act(b"no", 500))
    assert figures.failures == [] and figures.survived == 1
    monkeypatch.setattr(asking, "find_secrets", lambda folder: [str(folder / "log")])
    assert try_answer(tmp_path / "leak", monkeypatch, Act(b"no", 500)).losses["secrets"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["outputs", "crowd"])
def test_a_part_loses_nothing(part: str, tmp_path: Path) -> None:
    run = campaign.Campaign(tmp_path, 1, [part])
    try:
        run.try_step(part, 0)
    finally:
        run.close()
    assert run.figures[part].failures == []
