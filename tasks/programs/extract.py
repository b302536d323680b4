"""The program in a completion, and the tests that it is run against."""

from __future__ import annotations

import re

_FENCED = re.compile(
    r"^[ \t]*```[ \t]*(?:python|python3|py)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)
_CALLED = re.compile(r"^check\(", re.MULTILINE)


def extract_program(text: str, question: str = "") -> str | None:
    """The program in a completion: its last fenced block, or the whole of a text without fences.

    Args:
        text: The completion.
        question: The problem; where it is the beginning of a program (as HumanEval's prompts are) whose function
            the completion does not define, the program goes on from it.

    Returns:
        The program; None where a fence is open, or there is nothing.

    """
    blocks: list[str] = _FENCED.findall(text)
    if len(_FENCE.findall(text)) != 2 * len(blocks):
        return None
    program = blocks[-1] if blocks else text
    if not program.strip():
        return None
    begun = _FUNCTION.findall(question)
    if begun and begun[-1] not in _FUNCTION.findall(program):
        return f"{question.rstrip()}\n{program}"
    return program


def complete_tests(tests: str, question: str) -> str:
    """The tests; where they define HumanEval's `check` and do not call it, with the call for the function that the question begins."""
    names = _FUNCTION.findall(question)
    if "check" not in _FUNCTION.findall(tests) or _CALLED.search(tests) or not names:
        return tests
    return f"{tests}\ncheck({names[-1]})"
