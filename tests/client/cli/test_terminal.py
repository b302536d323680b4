"""No character of data steers a terminal, in any verb; files and pipes get what there is."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from errata import ErrataError
from errata.cli import command, text
from errata.cli.command import main
from errata.cli.terminal import LONGEST_LINE, escape_output

from tests.client.conftest import put, row

HOSTILE = "a\x1b]0;b\x07\x9b31m\u202egnp\u2066.exe\u200b\x85\u2028\rz"


class Terminal(io.TextIOWrapper):
    """A terminal that remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", newline="")

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal for the rest of a test; pytest would take one of a fixture away."""
    result = Terminal()
    monkeypatch.setattr(sys, "stdout", result)
    monkeypatch.setattr(sys, "stderr", result)
    return result


def harmless(shown: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in shown)


@pytest.fixture
def store(tmp_path: Path) -> str:
    put(str(tmp_path / "store"), "tiny", "1.0.0", {"train": [{**row(1, "train"), "question": HOSTILE}]})
    return str(tmp_path / "store")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rows_are_shown_with_their_codes_and_written_as_they_are(
    store: str, form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = open_terminal(monkeypatch)
    assert main(["load", "tiny", "--store", store, "--format", form, "--limit", "5"]) == 0
    assert (
        harmless(terminal.shown.replace("\r\n", "\n"))
        and "\\u202egnp" in terminal.shown
        and "\\u009b" in terminal.shown
    )
    assert main(["load", "tiny", "--store", store, "--format", form, "--output", str(tmp_path / "rows")]) == 0
    assert "\u202egnp" in (tmp_path / "rows").read_text("utf-8")


def test_parquet_is_not_shown(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    assert main(["load", "tiny", "--store", store, "--format", "parquet"]) == 2
    assert "name a file with --output" in terminal.shown


def test_whatever_a_verb_prints_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with escape_output():
        print("\x1b[1mours\x1b[0m", "\x9b31m\u202e\u2067\ud800\x1b]0;x\x07\x08")
        sys.stderr.writelines(["\u202e\n"])
    assert terminal.shown == "\x1b[1mours\x1b[0m \\u009b31m\\u202e\\u2067\\ud800\\u001b]0;x\\u0007\\u0008\n\\u202e\n"
    assert sys.stdout is terminal


def test_errors_are_harmless_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    text.print_error(ErrataError(f"{HOSTILE}\n{'x' * 10_000}"))
    assert harmless(terminal.shown)
    assert max(map(len, terminal.shown.splitlines())) < LONGEST_LINE + 40
    assert "… (8,000 characters more)" in terminal.shown


def test_an_error_of_the_application_is_short(store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = open_terminal(monkeypatch)
    recipe = tmp_path / "r.yaml"
    recipe.write_text("corpus: c\n'\u202e" + "k" * 50_000 + "': 1\n")
    assert command.main(["lint", str(recipe)]) == 2
    assert harmless(terminal.shown)
    assert max(map(len, terminal.shown.splitlines())) < LONGEST_LINE + 40
