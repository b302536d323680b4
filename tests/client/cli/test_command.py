"""The `errata` command, in this process; in one of its own where pipes and encodings matter."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from errata import NotFound
from errata.cli import command
from errata.cli.command import OF_APPLICATION, main
from errata.cli.command import VERBS as CLIENT
from errata.cli.exit_codes import DONE, FAILED, MISSING, WRONG

from flows.cli import VERBS as APPLICATION
from schemas.recipe.document import Fault, RecipeError
from schemas.request import EngineError
from tests.client.conftest import MALFORMED, flip, put, row, splits
from tests.command import Run, run_here

ALL = [row for rows in splits("0.10.0").values() for row in rows]
VERBS = [verb.name for verb in (*CLIENT, *APPLICATION)]


@pytest.fixture
def run(disk: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, on the store on disk."""
    monkeypatch.setenv("ERRATA_STORE", disk)
    return lambda *arguments: run_here(capsys, *arguments)


def lines(text: str) -> list[dict[str, Any]]:
    """The rows in JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def harmless(text: str) -> bool:
    """Whether nothing in it can steer a terminal."""
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples_and_exit_codes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    examples, codes = out.split("examples:\n")[1].split("exit codes:")
    assert all(f"{line} ".startswith(f"  errata {verb} ") for line in examples.strip("\n").split("\n"))
    assert codes.startswith(" 0 done, 1 failed, 2 ")


def test_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("    ") and line[4:5].isalpha()] == VERBS


def test_the_client_knows_the_names_of_the_applications_verbs() -> None:
    assert tuple(verb.name for verb in APPLICATION) == OF_APPLICATION
    assert len(set(VERBS)) == len(VERBS) == 39


def test_without_the_application_the_help_says_which_verbs_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    shown = [line.split()[0] for line in out.splitlines() if line.startswith("    ") and line[4:5].isalpha()]
    assert shown == [verb.name for verb in CLIENT]
    assert out.endswith(f"{', '.join(OF_APPLICATION)}:\nthese need the application and run in a checkout of Errata.\n")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (RecipeError([Fault("r.yaml", 3, "version", "is no version")]), 2, "r.yaml:3: version: is no version\n"),
        (EngineError("model\x1b[2J: no answer"), 1, "model\ufffd[2J: no answer\n"),
        (NotFound("no corpus"), 3, "errata: no corpus\n"),
        (PermissionError(13, "Permission denied"), 1, "errata: [Errno 13] Permission denied\n"),
        (KeyboardInterrupt(), 130, "errata: interrupted; start it again to go on\n"),
    ],
)
def test_an_error_that_people_can_mend_is_a_line_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, shown: str
) -> None:
    assert command.run_verb(failing(error)) == code
    assert capsys.readouterr() == ("", shown)


def test_all_errors_are_raised_where_they_are_asked_for() -> None:
    with pytest.raises(ZeroDivisionError):
        command.run_verb(failing(ZeroDivisionError(), verbose=True))
    with pytest.raises(EngineError):
        command.run_verb(failing(EngineError("no answer"), verbose=True))


def failing(error: BaseException, verbose: bool = False) -> Namespace:
    """The arguments of a verb that ends in an error."""

    def run(_: Namespace) -> int:
        raise error

    return Namespace(run=run, verbose=verbose)


JOINED = "errata: splits train, test are joined; name one with --split\n"


def test_list_shows_every_release(run: Run) -> None:
    result = run("list")
    assert (result.code, result.err) == (DONE, "")
    assert [line.split()[:2] for line in result.out.splitlines()[2:]] == [
        ["other@1.0.0", "6"], ["tiny@0.9.0", "5"], ["tiny@0.10.0", "6"],
    ]  # fmt: skip


def test_list_of_an_empty_store_says_so(run: Run, tmp_path: Path) -> None:
    assert run("list", "--store", str(tmp_path)) == (DONE, "", "no release in this store\n")


def test_list_shows_the_others_where_one_is_damaged(run: Run, newest: Path) -> None:
    (newest / "manifest.json").write_text("{")
    result = run("list")
    assert result.code == FAILED
    assert [line.split()[0] for line in result.out.splitlines()[2:]] == ["other@1.0.0", "tiny@0.9.0"]
    assert "0.10.0/manifest.json: not the JSON it should be" in result.err


def test_show_has_splits_funnel_counts_and_examples(run: Run, newest: Path) -> None:
    result = run("show", "tiny", "--examples", "3")
    assert (result.code, result.err) == (DONE, "")
    head, by_split, funnel, counts, *examples = result.out.split("\n\n")
    assert head == f"tiny@0.10.0  Mistakes, tiny: with a colon\n{newest}"
    assert [line.split() for line in by_split.splitlines()[2:]] == [
        ["mistakes", "train", "4"], ["mistakes", "test", "2"], ["questions", "train", "4"], ["questions", "test", "2"],
    ]  # fmt: skip
    assert funnel.splitlines()[2].split() == ["read", "load", "12", "9", "3"]
    assert [line.split() for line in counts.splitlines()] == [
        ["mistakes"], ["model", "gsm8k", "svamp", "all"], ["─────", "─────", "─────", "───"],
        ["gpt-4", "1", "2", "3"], ["llama", "2", "1", "3"], ["all", "3", "3", "6"],
    ]  # fmt: skip
    assert len(examples) == 3
    assert "What is 2 + 2?" in examples[2] and "gold 4, found none" in examples[2]


@pytest.mark.parametrize(("asked", "shown"), [("0", 0), ("-1", 0), ("1", 1), ("99", 6)])
def test_show_has_as_many_examples_as_asked_for(run: Run, asked: str, shown: int) -> None:
    assert run("show", "tiny", "--examples", asked).out.count("What is") == shown


@pytest.mark.parametrize("columns", ["1", "5", "40", "10000"])
def test_show_fits_any_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = run("show", "tiny")
    assert result.code == DONE
    width = min(100, max(40, int(columns)))
    assert all(len(line) <= width for line in result.out.splitlines()[3:])


def test_show_json_is_the_manifest(run: Run, newest: Path) -> None:
    result = run("show", "tiny", "--json")
    assert json.loads(result.out) == json.loads((newest / "manifest.json").read_text())


def test_a_models_text_cannot_steer_the_terminal(run: Run) -> None:
    result = run("show", "tiny", "--examples", "6")
    assert "red" in result.out and "back" in result.out
    assert harmless(result.out)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["list"], "Mistakes, tiny: with a colon\ufffd"),
        (["show", "tiny", "--examples", "0"], "model\ufffd"),
        (["show", "tiny", "--json"], "model\\u001b"),
        (["verify", "tiny"], "extra\ufffd"),
    ],
)
def test_a_releases_names_cannot_steer_the_terminal(run: Run, newest: Path, command: list[str], shown: str) -> None:
    steer = "\x1b[2J\x07\u202e\x9b2J\x7f\r"
    manifest = json.loads((newest / "manifest.json").read_text())
    manifest["recipe"]["title"] += steer
    manifest["funnel"] = [{**step, "table": steer, "task": steer, "reasons": {steer: 1}} for step in manifest["funnel"]]
    manifest["counts"]["mistakes"] = [{"split": steer, "set": f"set{steer}", "model": f"model{steer}", "rows": 1}]
    for file in manifest["files"][:-1]:
        file["split"] += steer
    (newest / "manifest.json").write_text(json.dumps(manifest))
    (newest / f"extra{steer}").touch()
    result = run(*command)
    assert shown in result.out + result.err
    assert harmless(result.out + result.err)


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ([], ALL),
        (["--limit", "2"], ALL[:2]),
        (["--limit", "0"], []),
        (["--limit", "-3"], []),
        (["--limit", "99"], ALL),
        (["--split", "test"], ALL[4:]),
        (["--split", "test", "--limit", "1"], ALL[4:5]),
        (["--view", "questions", "--limit", "1"], [{name: ALL[0][name] for name in ("problem_id", "question")}]),
        (["--format", "jsonl"], ALL),
    ],
)
def test_load_writes_json_lines(run: Run, options: list[str], rows: list[dict[str, Any]]) -> None:
    result = run("load", "tiny", *options)
    assert (result.code, result.err) == (DONE, "" if "--split" in options else JOINED)
    assert lines(result.out) == rows


def test_load_of_a_version_writes_its_rows(run: Run) -> None:
    assert lines(run("load", "tiny@0.9.0", "--split", "train").out) == splits("0.9.0")["train"]


def test_load_takes_a_slice_of_a_split(run: Run) -> None:
    assert lines(run("load", "tiny", "--split", "train[1:3]").out) == ALL[1:3]
    assert lines(run("load", "tiny", "--split", "train[50%:]", "--limit", "1").out) == ALL[2:3]


def as_csv(row: dict[str, Any]) -> dict[str, str]:
    """A row as CSV holds it."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value or ""
        for name, value in row.items()
    }


def test_load_writes_csv(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    assert run("load", "tiny", "--output", str(file)) == (DONE, "", JOINED)
    with file.open(encoding="utf-8", newline="") as opened:
        assert list(csv.DictReader(opened)) == [as_csv(row) for row in ALL]


def test_load_writes_csv_to_standard_output(disk: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["load", "tiny", "--store", disk, "--format", "csv", "--limit", "3"]) == DONE
    text = io.StringIO(capsysbinary.readouterr().out.decode(), newline="")
    assert list(csv.DictReader(text)) == [as_csv(row) for row in ALL[:3]]


def test_load_writes_parquet(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    assert run("load", "tiny", "--split", "train", "--output", str(file)) == (DONE, "", "")
    assert pq.read_table(file).to_pylist() == ALL[:4]


def test_load_writes_parquet_to_standard_output(disk: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["load", "tiny", "--store", disk, "--format", "parquet"]) == DONE
    assert pq.read_table(io.BytesIO(capsysbinary.readouterr().out)).to_pylist() == ALL


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("rows.jsonl", [], b'{"problem_id"'),
        ("rows", [], b'{"problem_id"'),
        ("rows.CSV", [], b"problem_id,set"),
        ("rows.txt", ["--format", "csv"], b"problem_id,set"),
        ("rows.csv", ["--format", "parquet"], b"PAR1"),
    ],
)
def test_the_format_is_by_the_outputs_name(
    run: Run, tmp_path: Path, name: str, options: list[str], begins: bytes
) -> None:
    place = tmp_path / "out"
    place.mkdir()
    assert run("load", "tiny", *options, "--output", str(place / name)).code == DONE
    assert (place / name).read_bytes().startswith(begins)
    assert [path.name for path in place.iterdir()] == [name]


def test_an_output_is_replaced_only_by_a_whole_one(run: Run, newest: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("before")
    (newest / "mistakes" / "train-00000.parquet").unlink()
    assert run("load", "tiny", "--output", str(file)).code == FAILED
    assert file.read_text() == "before"


def test_verify_of_an_intact_release(run: Run) -> None:
    assert run("verify", "tiny") == (DONE, "tiny@0.10.0: 5 files, all as released\n", "")


def test_verify_names_every_fault(run: Run, newest: Path) -> None:
    flip(newest / "README.md")
    (newest / "mistakes" / "test-00000.parquet").unlink()
    (newest / "extra").touch()
    result = run("verify", "tiny")
    assert (result.code, result.out) == (FAILED, "tiny@0.10.0: 3 fault(s)\n")
    assert [line.removeprefix(f"{newest}/").split(" (")[0] for line in result.err.splitlines()] == [
        "mistakes/test-00000.parquet: is missing", "extra: is not in the manifest", "README.md: its bytes changed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        (["show", "tinny"], MISSING, "did you mean 'tiny'?"),
        (["verify", "tiny@9.9.9"], MISSING, "has no version 9.9.9"),
        (["load", "tiny", "--view", "steps"], MISSING, "has no view 'steps'"),
        (["load", "tiny", "--split", "dev"], MISSING, "has no split 'dev'"),
        (["load", "tiny", "--split", "\x1b[2J"], MISSING, "has no split '\ufffd[2J'"),
        (["list", "--store", "nosuch://x"], WRONG, "nosuch"),
        (["load", "tiny", "--output", "no/such/folder/rows.csv"], FAILED, "No such file or directory"),
        *((["load", name], WRONG, "names no") for name in MALFORMED if not name.startswith("-")),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(run: Run, command: list[str], code: int, expected: str) -> None:
    result = run(*command)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("errata: ") and result.err.count("\n") == 1
    assert expected in result.err


@pytest.mark.parametrize("content", ["{", '{"format": 2}'])
@pytest.mark.parametrize("verb", ["show", "load", "verify"])
def test_a_damaged_manifest_is_a_failure(run: Run, newest: Path, verb: str, content: str) -> None:
    (newest / "manifest.json").write_text(content)
    result = run(verb, "tiny")
    assert (result.code, result.out) == (FAILED, "")
    assert result.err.startswith("errata: ")


@pytest.mark.parametrize("arguments", [[], ["lst"], ["show"], ["load", "tiny", "--limit", "x"], ["list", "tiny"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == WRONG
    assert capsys.readouterr().err.startswith("usage: errata")


def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """The command as a process of its own, its standard output and error being pipes."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-m", "errata.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**kept, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("command", [["list"], ["show", "tiny"], ["load", "tiny"]])
def test_a_reader_that_is_gone_is_no_error(disk: str, command: list[str]) -> None:
    with start(*command, "--store", disk) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == DONE


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_reader_that_goes_midway_is_no_error(tmp_path: Path, form: str) -> None:
    put(str(tmp_path), "big", "1.0.0", {"train": [row(n, f"{n * 7919:064x}") for n in range(1, 4000)]})
    with start("load", "big", "--store", str(tmp_path), "--format", form) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == DONE


def test_a_terminal_without_unicode_shows_question_marks(disk: str) -> None:
    with start("list", "--store", disk, PYTHONIOENCODING="ascii") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (DONE, b"")
    assert b"tiny@0.10.0" in out and b"?" in out
