r"""The signs of a formula: numbers, `\commands`, names of functions, letters, operators."""

from __future__ import annotations

import re

TOKENS = 400
"""Of how many signs a formula may consist."""
SIGNS = 4
"""Of ± in a formula, which doubles with each."""
DIGITS = 1000
"""Digits of a number."""

FUNCTIONS = frozenset([
    "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log",
    "ln", "lg", "exp", "abs", "floor", "ceil", "gcd", "lcm", "max", "min",
])  # fmt: skip
CONSTANTS = {"pi": "pi", "infty": "infinity", "inf": "infinity", "infinity": "infinity"}
GREEK = frozenset([
    "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "varphi",
    "omega", "psi",
])  # fmt: skip
_NUMBER = (
    r"\d+(?:\.\d+)?[eE][-+]?\d{1,3}(?![\w.])|\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+\.\d+|\.\d+|\d+\.?(?!\d)|\d+"
)
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|\\([a-zA-Z]+)|([a-zA-Z]+)|(\*\*|[-+*/^!%()\[\]{{}}|_,=]))")


class UnreadableFormula(ValueError):
    """A text that is no formula this module can read."""


def tokenize(text: str) -> list[str]:
    r"""The signs of a tidy text: numbers, `\commands`, words, operators."""
    tokens: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or len(tokens) > TOKENS:
            raise UnreadableFormula(text[at : at + 20])
        at = match.end()
        number, command, word, sign = match.groups()
        if number and len(number) > DIGITS:
            raise UnreadableFormula("a number too long")
        if word:
            tokens += _split_word(word)
        else:
            tokens.append(f"\\{command}" if command else (number or sign).replace("**", "^"))
    if sum(token in ("\\pm", "\\mp") for token in tokens) > SIGNS:
        raise UnreadableFormula("too many ±")
    return tokens


def _split_word(word: str) -> list[str]:
    """A word as a function's or constant's name, or as letters that are multiplied."""
    low = word.casefold()
    if low in FUNCTIONS or low in CONSTANTS:
        return [f"\\{low}"]
    if (
        len(word) <= 3
        and not (len(word) > 1 and re.search(r"(?i)o|(.)\1", word))
        and not (
            len(word) == 3
            and re.fullmatch(
                r"(?i)and|the|are|for|not|sum|all|any|nan|yes|has|was|per|two|one|six|ten|day|can|how|let|why|use", word
            )
        )
    ):
        if re.fullmatch(r"(?i)or|is|of|no|to|in|on|at|be|by|so|if|we|an|as|it|he|do|my|us|up|go", word):
            raise UnreadableFormula(word)
        return list(word)
    for name in ("pi", "sqrt", "sin", "cos", "tan", "log", "ln"):  # xsin, 2pi comes apart by its digit already
        if low.startswith(name) and len(word) - len(name) == 1:
            return [f"\\{name}", word[-1]]
    raise UnreadableFormula(word)
