"""Synthetic solutions for `tests.benchmarks.scale`: as many as asked, the same whenever they are made, in files of JSON lines."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

FILES_OF = 250_000
"""Solutions of a file, at most; there are two files at least, so that both cores have one."""
OF_A_PROBLEM = 40
MODELS = 20
SAME, ALIKE, WRONG, SEEN = 10, 20, 5, 50
"""One solution in so many is another's text to the letter, alike but for a word, wrong; one question is in the test set."""

_CHANCE = random.Random(7)
_WORDS = [
    "".join(_CHANCE.choices("aeioulnrstmdpkbg", k=_CHANCE.choice((2, 3, 4, 4, 5, 6, 7, 8)))) for _ in range(20_000)
]
_PHRASES = [" ".join(_CHANCE.choices(_WORDS, k=5)) for _ in range(200_003)]
"""Runs of five words; two solutions share one by chance alone, and with it one shingle in sixty."""
_MASK = 2**64 - 1


def _phrases(number: int, count: int) -> list[str]:
    """Phrases that depend on a number alone."""
    results = []
    for _ in range(count):
        number = (number * 6364136223846793005 + 1442695040888963407) & _MASK
        results.append(_PHRASES[(number >> 33) % 200_003])
    return results


def _terms(problem: int) -> tuple[int, int]:
    return problem % 97 + 3, problem % 89 + 2


def question(problem: int) -> str:
    """The question of a problem: some 110 characters."""
    a, b = _terms(problem)
    result, two, three = _phrases(~problem & _MASK, 3)
    return f"{result.capitalize()} {a} {two} {b} {three}. How many are there?"


def solution(number: int) -> str:
    """The text of a solution: four steps, some 330 characters together."""
    base = number - 1 if number % SAME == 9 or number % ALIKE == 7 else number
    w = _phrases(base, 8)
    if number % ALIKE == 7:
        w[3] = w[3].replace(" ", " quite ", 1)
    a, b = _terms(number // OF_A_PROBLEM)
    c = base % 53 + 1
    result = a + b + (base % WRONG == 0)
    return (
        f"{w[0]} {w[1]} {a} + {b} = {a + b}.\n{w[2]} {w[3]} {a + b} + {c} = {a + b + c}.\n"
        f"{w[4]} {w[5]} {a + b + c} - {c} = {result}.\n{w[6]} {w[7]}, so the answer is {result}."
    )


def lines(numbers: range) -> Iterator[str]:
    """The records of some solutions."""
    for number in numbers:
        problem = number // OF_A_PROBLEM
        yield (
            f'{{"question": "{question(problem)}", "gold": "{sum(_terms(problem))}", "model": "model-{number % MODELS}", '
            f'"sample": {number % OF_A_PROBLEM}, "text": {json.dumps(solution(number))}}}\n'
        )


def write(folder: Path, rows: int) -> None:
    """The files of so many solutions, those that are not there yet, and the test set."""
    folder.mkdir(parents=True, exist_ok=True)
    size = min(FILES_OF, -(-rows // 2))
    for i, at in enumerate(range(0, rows, size)):
        _whole(folder / f"solutions-{i:03d}.jsonl", lines(range(at, min(at + size, rows))))
    seen = range(0, -(-rows // OF_A_PROBLEM), SEEN)
    _whole(folder / "tests.jsonl", (json.dumps({"question": question(problem)}) + "\n" for problem in seen))


def _whole(path: Path, records: Iterator[str]) -> None:
    if not path.exists():
        unfinished = path.with_suffix(".part")
        with open(unfinished, "w") as file:
            file.writelines(records)
        os.replace(unfinished, path)
