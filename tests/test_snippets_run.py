"""What the pages show is run as it stands, page by page, in their order; what they say comes out does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tasks.engines.python.sandbox import find_fault
from tests.command import run_here
from tests.snippet_going_on import keep_going
from tests.snippet_scenes import Scene, prepare, set_scene
from tests.snippets import (
    PAGES,
    ROOT,
    Block,
    Command,
    follow,
    list_all_commands,
    list_blocks,
    list_commands,
    read_awaited,
    read_reasons,
    read_shortened,
)  # fmt: skip

REDUCED = {"docs/evaluation.md"}
"""Pages whose outputs are of recipes that run here on fewer problems: other numbers come out."""


def list_runs(page: Path) -> list[Block]:
    """The blocks of a page that are run, and the files that they need."""
    return [block for block in list_blocks(page) if runs(block)]


def runs(block: Block) -> bool:
    if block.language in {"console", "bash"}:
        return any(is_run(command) for command in list_commands(block))
    return (block.language == "python" or is_file(block)) and block.key not in read_reasons()


def is_run(command: Command) -> bool:
    """Whether a command is run with its page."""
    return command.key not in read_reasons() and command.key not in read_shortened()


def is_file(block: Block) -> bool:
    """Whether a block is a file of one's own, whose name is its first line."""
    return block.language == "yaml" and block.text.startswith("# ") and block.key[1].endswith(".yaml")


RUN = [page for page in PAGES if list_runs(page)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all pages need, made once."""
    folder = tmp_path_factory.mktemp("base")
    prepare(folder)
    return folder


@pytest.mark.build
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_works_as_it_stands(
    page: Path,
    base: Path,
    environment: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene = set_scene(page.relative_to(ROOT).as_posix(), base, tmp_path, environment)
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "BROWSER", "ERRATA_CACHE"):
        monkeypatch.setenv(name, scene.variables[name])
    blocks = list_runs(page)
    assert blocks
    with scene.served:
        for block in blocks:
            if is_file(block):
                (scene.folder / block.key[1].removeprefix("# ")).write_text(block.text, "utf-8")
            elif block.language == "python":
                execute(scene, block, [sys.executable, "-c", scene.fill_in(block.text)])
            else:
                run_commands(scene, block, capsys)


@pytest.mark.slow
@pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")  # programs run in the sandbox
@pytest.mark.parametrize(
    "command", [c for c in list_all_commands() if c.key in read_shortened()], ids=lambda command: command.text
)
def test_what_runs_for_minutes_works_as_it_stands_on_less(
    command: Command, environment: Mapping[str, str], tmp_path: Path
) -> None:
    scene = set_scene(command.block.page, None, tmp_path, environment)
    text = f"{command.text.removeprefix('.venv/bin/')} {read_shortened()[command.key]}"  # the last of two options is in force
    assert execute(scene, command, ["bash", "-c", text])


DATA = os.environ.get("ERRATA_DATA", "")


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with published gold")
def test_the_example_of_published_gold_works_as_it_stands(environment: Mapping[str, str], tmp_path: Path) -> None:
    scene = set_scene("docs/labels.md", None, tmp_path, environment)
    shutil.copy(Path(DATA) / "bigbench-mistake/multistep_arithmetic.jsonl.gz", tmp_path)
    program, shown = (block for block in list_blocks(ROOT / "docs/labels.md") if "guesses.jsonl" in block.text)
    execute(scene, program, [sys.executable, "-c", program.text])
    (command,) = list_commands(shown)
    output = execute(scene, command, ["bash", "-c", command.text])
    assert follow(command.shown, output) is None, output


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with recorded generations")
@pytest.mark.parametrize("page", ["docs/real-data.md", "docs/corrections.md"])
def test_what_is_built_of_recorded_generations_can_be_planned(
    page: str, environment: Mapping[str, str], tmp_path: Path
) -> None:
    scene = set_scene(page, None, tmp_path, environment)
    (tmp_path / "catalog").symlink_to(ROOT / "catalog")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    scene.words["DIR"] = DATA
    commands = [
        command
        for block in list_blocks(ROOT / page)
        for command in list_commands(block)
        if "--data DIR" in command.text
    ]
    for command in commands:
        text = scene.fill_in(command.text).replace("errata build", "errata plan")
        assert execute(scene, command, ["bash", "-c", text])


PLAIN = re.compile(r"(?:\.venv/bin/)?errata (?!build|deploy)([^|&>{}~$]+)")
"""Commands that need no shell and no Prefect: they run in this process, which has imported what they need."""


EXPORT = re.compile(r"export (\w+)=(\S+)")


def run_commands(scene: Scene, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands of a block; what goes on until it is stopped goes on to its end."""
    with ExitStack() as going_on:
        for command in list_commands(block):
            text = scene.fill_in(command.text)
            if not is_run(command):
                continue
            if command.key in read_awaited():
                awaited = scene.fill_in(read_awaited()[command.key])
                text = text.removesuffix("&").rstrip()
                going_on.enter_context(keep_going(text, awaited, scene.folder, scene.variables))
            elif exported := EXPORT.fullmatch(text):
                scene.variables[exported[1]] = exported[2]
            else:
                run_command(scene, command, text, capsys)
            scene.behind.get(command.text, lambda: None)()


def run_command(scene: Scene, command: Command, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command; what its page shows comes out."""
    block = command.block
    if plain := PLAIN.fullmatch(text):
        result = run_here(capsys, *shlex.split(plain[1]))
        assert result.code == 0, f"{block}: {text}: exit code {result.code}\n{result.out}\n{result.err}"
        output = result.out
    else:
        output = execute(scene, command, ["bash", "-c", text])
    missing = follow(command.shown, output, block.page in REDUCED)
    assert missing is None, f"{block}: {command.text}: {missing!r} is not in\n{output}"


def execute(scene: Scene, what: Block | Command, words: list[str]) -> str:
    """Run a command where a page's scene is; what it wrote."""
    result = subprocess.run(
        words, cwd=scene.folder, env=scene.variables, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    is_pipe = words[0] == "bash" and "|" in words[-1]  # whose exit code is the last program's
    assert result.returncode == 0 and (result.stdout or not is_pipe), (
        f"{what}: exit code {result.returncode}\n{result.stdout}\n{result.stderr}"
    )
    return result.stdout
