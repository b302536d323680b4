"""What the pages show: their blocks of code, the commands in them, and what comes out; one reader for every test of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/examples").rglob("README.md")),
    ROOT / "infra/README.md",
    ROOT / "tests/benchmarks/README.md",
    ROOT / ".github/CONTRIBUTING.md",
]
FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,.]*|–")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    """From the root of the repository."""
    line: int
    language: str
    text: str
    """Without the indentation of the fence."""

    @property
    def key(self) -> tuple[str, str]:
        """By what a list of blocks knows it."""
        return self.page, self.text.partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line to be typed, and what the page says comes out."""

    block: Block
    text: str
    """Without the comment behind it."""
    shown: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """By what a list of commands knows it: of a script by its first line."""
        return self.block.page, self.text.partition("\n")[0]


@cache
def list_blocks(page: Path) -> tuple[Block, ...]:
    """The blocks of a page, in its order."""
    text, name = page.read_text("utf-8"), page.relative_to(ROOT).as_posix()
    return tuple(
        Block(name, text.count("\n", 0, match.start()) + 1, match[2], textwrap.dedent(match[3]))
        for match in FENCE.finditer(text)
    )


def list_all(*languages: str) -> list[Block]:
    """The blocks of all pages, or those in one of the languages."""
    blocks = (block for page in PAGES for block in list_blocks(page))
    return [block for block in blocks if not languages or block.language in languages]


def list_commands(block: Block) -> Iterator[Command]:
    """The commands of a block: its lines behind `$`, or all lines of a script."""
    lines = block.text.splitlines() if block.language in {"bash", "console"} else []
    if block.language == "bash":
        yield from [Command(block, block.text)] if block.text.startswith("#!") else [Command(block, v) for v in lines]
        return
    for number, line in enumerate(lines):
        if line.startswith("$ "):
            shown = takewhile(lambda value: not value.startswith("$ "), lines[number + 1 :])
            yield Command(block, re.split(r"\s+# ", line[2:])[0].rstrip(), tuple(shown))


def list_all_commands() -> list[Command]:
    return [command for block in list_all("console", "bash") for command in list_commands(block)]


def follow(lines: tuple[str, ...], output: str, loose: bool = False) -> str | None:
    """The first of the lines that does not come in the output, in this order.

    Args:
        lines: What is shown; `…` stands for anything.
        output: What came out.
        loose: Whether other numbers, and columns of another width, are the same.
    """
    place, output = 0, blur(output) if loose else output
    for line in filter(None, lines):
        words = (blur(line) if loose else line).rstrip().split("…")
        match = re.compile(".*?".join(map(re.escape, words))).search(output, place)
        if match is None:
            return line
        place = match.end()
    return None


def blur(text: str) -> str:
    """A text without its numbers, rules, lines and the width of its columns, on which it depends what names are cut to."""
    return re.sub(r"[\s─]+", " ", NUMBER.sub("0", re.sub(r"\S*…\S*", "…", text))).strip()


@cache
def read_groups() -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/snippets.yaml").read_text("utf-8"))
    return result


@cache
def read_reasons() -> dict[tuple[str, str], str]:
    """Why what is shown is not executed, by the keys of commands and blocks."""
    return {
        (page, text): group["reason"]
        for group in read_groups()
        if "reason" in group
        for page, texts in group.items()
        if page != "reason"
        for text in texts
    }


def read_awaited() -> dict[tuple[str, str], str]:
    """What is awaited of commands that go on until they are stopped, by their keys."""
    return read_additions("goes-on")


def read_shortened() -> dict[tuple[str, str], str]:
    """The options by which commands that run for minutes are shortened, by their keys; the tier `slow` executes them."""
    return read_additions("slow")


@cache
def read_additions(kind: str) -> dict[tuple[str, str], str]:
    """What stands with commands of a kind, by their keys."""
    return {
        (page, text): addition
        for group in read_groups()
        for page, texts in group.get(kind, {}).items()
        for text, addition in texts.items()
    }
