"""The program in a completion, and the tests that it is run against."""

from __future__ import annotations

import re

_FENCE = "```"
_PYTHON = ("python", "python3", "py")
_FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)
_CALLED = re.compile(r"^check\(", re.MULTILINE)


def extract_program(text: str, question: str = "") -> str | None:
    """The program in a completion: its last block fenced as Python, else its last fenced block, or the whole of a text without fences.

    Args:
        text: The completion.
        question: The problem; where it is the beginning of a program (as HumanEval's prompts are) whose function
            the completion does not define, the program goes on from it.

    Returns:
        The program; None where a fence is open, the only blocks are in other languages, or there is nothing.

    """
    blocks = _list_blocks(text)
    if blocks is None:
        return None
    python = [block for language, block in blocks if language in _PYTHON]
    bare = [block for language, block in blocks if not language]
    program = next(reversed(python or bare), "") if blocks else text
    if not program.strip():
        return None
    begun = _FUNCTION.findall(question)
    if begun and begun[-1] not in _FUNCTION.findall(program):
        return f"{question.rstrip()}\n{program}"
    return program


def _list_blocks(text: str) -> list[tuple[str, str]] | None:
    """The language and the text of each fenced block; None where a fence is open, or one begins within another."""
    blocks: list[tuple[str, str]] = []
    language: str | None = None
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        mark = line.strip()
        if not mark.startswith(_FENCE):
            lines.append(line)
        elif language is None:
            language, lines = mark.removeprefix(_FENCE).strip().lower(), []
        elif mark == _FENCE:
            blocks.append((language, "".join(lines)))
            language = None
        else:
            return None
    return blocks if language is None else None


def complete_tests(tests: str, question: str) -> str:
    """The tests; where they define HumanEval's `check` and do not call it, with the call for the function that the question begins."""
    names = _FUNCTION.findall(question)
    if "check" not in _FUNCTION.findall(tests) or _CALLED.search(tests) or not names:
        return tests
    return f"{tests}\ncheck({names[-1]})"
