r"""Formulas as models write them, LaTeX or plain, read into trees; nothing is evaluated here.

A tree is a tuple: its kind, then its parts. `("number", Fraction)`,
`("letter", name)`, `("constant", "pi")`, `("sum", a, b)`, `("times", a, b)`,
`("over", a, b)`, `("power", a, b)`, `("minus", a)`, `("factorial", a)`,
`("apply", name, a, …)`, `("either", a, b)` for a ± b, and
`("series", letter, low, high, a)`, likewise `product` and `integral`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tasks.verify.algebra.tokens import CONSTANTS, FUNCTIONS, GREEK, UnreadableFormula, tokenize

Tree = tuple[Any, ...]

DEPTH = 40
"""How deep a formula may nest."""


class _FormulaReader:
    """Recursive descent over tokens, bounded in depth."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise UnreadableFormula("it breaks off")
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise UnreadableFormula(f"no {token}")

    def read_whole(self) -> Tree:
        tree = self.sum()
        if self.peek():
            raise UnreadableFormula(self.peek())
        return tree

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadableFormula("nested too deep")
        tree = self.product()
        while self.peek() in ("+", "-", "\\pm", "\\mp"):
            sign = self.take()
            right = self.product()
            if sign in ("\\pm", "\\mp"):
                tree = ("either", ("sum", tree, right), ("sum", tree, ("minus", right)))
            else:
                tree = ("sum", tree, right if sign == "+" else ("minus", right))
        self.depth -= 1
        return tree

    def product(self) -> Tree:
        tree = self.signed()
        while True:
            token = self.peek()
            if token in ("*", "\\cdot", "\\times", "\\ast"):
                self.take()
                tree = ("times", tree, self.signed())
            elif token in ("/", "\\div"):
                self.take()
                tree = ("over", tree, self.signed())
            elif self.starts(token):
                tree = self.juxtaposed(tree)
            else:
                return tree

    def juxtaposed(self, left: Tree) -> Tree:
        """Two factors side by side; a whole number before a fraction is a mixed number."""
        before, token = self.tokens[self.at - 1], self.peek()
        if token[0].isdigit() and (before[0].isdigit() or before == "!"):
            return self.mixed(left)
        right = self.power()
        whole = left[0] == "number" and left[1].denominator == 1 and left[1] > 0 and before.isdigit()
        if token == "\\frac" and whole and right[0] == "over" and right[1][0] == right[2][0] == "number":
            return ("sum", left, right)
        return ("times", left, right)

    def mixed(self, left: Tree) -> Tree:
        """`2 1/2`."""
        top = self.take()
        if not (left[0] == "number" and top.isdigit() and self.peek() == "/"):
            raise UnreadableFormula("two numbers side by side")
        self.take()
        bottom = self.take()
        if not bottom.isdigit() or int(bottom) == 0:
            raise UnreadableFormula("two numbers side by side")
        return ("sum", left, ("over", ("number", Fraction(top)), ("number", Fraction(bottom))))

    def starts(self, token: str) -> bool:
        """Whether a token can begin a factor."""
        if token == "|":
            return self.bars == 0
        return bool(token) and (
            token[0].isalnum() or token[0] == "." or token in "({[" or (token[0] == "\\" and _is_name(token[1:]))
        )

    def signed(self) -> Tree:
        token = self.peek()
        if token in ("-", "+", "\\pm", "\\mp"):
            self.depth += 1
            if self.depth > DEPTH:
                raise UnreadableFormula("nested too deep")
            self.take()
            tree = self.signed()
            # -2 1/2 is minus two and a half
            while self.starts(self.peek()):
                tree = self.juxtaposed(tree)
            self.depth -= 1
            if token in ("\\pm", "\\mp"):
                return ("either", tree, ("minus", tree))
            return tree if token == "+" else ("minus", tree)
        return self.power()

    def power(self) -> Tree:
        tree = self.marked(self.atom())
        if self.peek() == "^":
            self.take()
            if self.peek() == "\\circ":
                self.take()
                return self.marked(("degrees", tree))
            self.depth += 1
            if self.depth > DEPTH:
                raise UnreadableFormula("nested too deep")
            exponent = self.group() if self.peek() == "{" else self.raised()
            self.depth -= 1
            if exponent == ("circle",):
                return self.marked(("degrees", tree))
            return self.marked(("power", tree, exponent))
        return tree

    def raised(self) -> Tree:
        """An exponent without braces: in LaTeX one sign, in plain text a signed factor."""
        if self.peek() in ("-", "+"):
            sign = self.take()
            tree = self.raised()
            return ("minus", tree) if sign == "-" else tree
        return self.power()

    def marked(self, tree: Tree) -> Tree:
        """A factor with the signs behind it: `!`, `%`, degrees."""
        while self.peek() in ("!", "%", "\\degree"):
            mark = self.take()
            if mark == "!":
                tree = ("factorial", tree)
            elif mark == "%":
                tree = ("over", tree, ("number", Fraction(100)))
            else:
                tree = ("degrees", tree)
        return tree

    def group(self) -> Tree:
        """What stands in braces."""
        self.expect("{")
        if self.peek() == "\\circ":
            self.take()
            self.expect("}")
            return ("circle",)
        tree = self.sum()
        self.expect("}")
        return tree

    def argument(self, apart: bool = False) -> Tree:
        r"""An argument of a command: braces, or one sign; digits are taken apart for `\frac12`."""
        if self.peek() == "{":
            return self.group()
        token = self.peek()
        if apart and token.isdigit() and len(token) > 1:
            # \frac12: each digit is an argument
            self.tokens = [*self.tokens[: self.at], token[0], token[1:], *self.tokens[self.at + 1 :]]
        return self.atom()

    def atom(self) -> Tree:
        token = self.take()
        if token[0].isdigit() or token[0] == ".":
            return ("number", Fraction(token.replace(",", "").rstrip(".")))
        if token in ("(", "[", "{"):
            tree = self.sum()
            self.expect({"(": ")", "[": "]", "{": "}"}[token])
            return tree
        if token == "|":
            self.bars += 1
            tree = self.sum()
            self.expect("|")
            self.bars -= 1
            return ("apply", "abs", tree)
        if token[0] == "\\":
            return self.command(token[1:])
        if token.isalpha():
            return self.letter(token)
        raise UnreadableFormula(token)

    def letter(self, name: str) -> Tree:
        if name == "e":
            return ("constant", "e")
        if name == "i":
            return ("constant", "i")
        if self.peek() == "_":
            self.take()
            if self.peek() == "{":
                self.take()
                index = []
                while self.peek() != "}":
                    index.append(self.take())
                self.take()
                return ("letter", f"{name}_{''.join(index)}")
            return ("letter", f"{name}_{self.take()}")
        return ("letter", name)

    def command(self, name: str) -> Tree:
        if name in CONSTANTS:
            return ("constant", CONSTANTS[name])
        if name in GREEK:
            return self.letter(name)
        if name == "frac":
            top = self.argument(apart=True)
            return ("over", top, self.argument(apart=True))
        if name == "binom":
            top = self.argument()
            return ("apply", "binom", top, self.argument())
        if name == "overline":
            raise UnreadableFormula("overline")
        if name == "sqrt":
            return self.root()
        if name in ("lfloor", "lceil"):
            tree = self.sum()
            self.expect(f"\\r{name[1:]}")
            return ("apply", "floor" if name == "lfloor" else "ceil", tree)
        if name in ("sum", "prod"):
            return self.series("series" if name == "sum" else "product")
        if name == "int":
            return self.integral()
        if name in FUNCTIONS:
            return self.function(name)
        raise UnreadableFormula(f"\\{name}")

    def series(self, kind: str) -> Tree:
        """A sum or product over a letter; all factors behind it belong to it."""
        self.expect("_")
        self.expect("{")
        letter = self.take()
        self.expect("=")
        low = self.sum()
        self.expect("}")
        self.expect("^")
        high = self.argument()
        if not letter.isalpha():
            raise UnreadableFormula(letter)
        return (kind, letter, low, high, self.bind(letter, self.product()))

    def bind(self, letter: str, tree: Tree) -> Tree:
        """A tree in which i and e count as letters, where they are what a sum runs over."""
        if tree == ("constant", letter):
            return ("letter", letter)
        return tuple(self.bind(letter, part) if isinstance(part, tuple) else part for part in tree)

    def integral(self) -> Tree:
        """A definite integral, up to its `dx`."""
        self.expect("_")
        low = self.argument()
        self.expect("^")
        high = self.argument()
        depth, end = 0, self.at
        while end + 1 < len(self.tokens) and (depth or self.tokens[end] != "d"):
            depth += (self.tokens[end] in "([{") - (self.tokens[end] in ")]}")
            end += 1
        if end + 1 >= len(self.tokens) or not self.tokens[end + 1].isalpha():
            raise UnreadableFormula("an integral without its letter")
        body = _FormulaReader(self.tokens[self.at : end]).read_whole() if end > self.at else ("number", Fraction(1))
        letter = self.tokens[end + 1]
        self.at = end + 2
        return ("integral", letter, low, high, body)

    def root(self) -> Tree:
        if self.peek() == "[":
            self.take()
            degree = self.sum()
            self.expect("]")
        else:
            degree = ("number", Fraction(2))
        return ("apply", "root", self.argument(), degree)

    def function(self, name: str) -> Tree:
        base: Tree | None = None
        power: Tree | None = None
        for _ in range(2):
            if self.peek() == "_":
                self.take()
                base = self.argument()
            elif self.peek() == "^":
                self.take()
                power = self.argument()
        if self.peek() == "(":
            self.take()
            inside = [self.sum()]
            while self.peek() == ",":
                self.take()
                inside.append(self.sum())
            self.expect(")")
        else:
            inside = [self.power()]
            while name not in ("log", "ln", "lg") and self.starts(self.peek()) and self.peek()[1:] not in FUNCTIONS:
                inside = [("times", inside[0], self.power())]
        if base is not None:
            if name != "log":
                raise UnreadableFormula(f"{name}_")
            inside.append(base)
        tree: Tree = ("apply", name, *inside)
        if power is not None:
            if power == ("minus", ("number", Fraction(1))):
                raise UnreadableFormula("an inverse")
            tree = ("power", tree, power)
        return tree


def _is_name(name: str) -> bool:
    return (
        name in FUNCTIONS
        or name in CONSTANTS
        or name in GREEK
        or name in ("frac", "binom", "lfloor", "lceil", "sum", "prod", "int")
    )


@lru_cache(maxsize=65_536)
def parse_formula(text: str) -> Tree:
    """The tree of a tidy text (see `tidy`); raises `Unreadable`."""
    tokens = tokenize(text)
    if not tokens:
        raise UnreadableFormula("empty")
    try:
        return _FormulaReader(tokens).read_whole()
    except (IndexError, ValueError) as error:
        raise UnreadableFormula(str(error)) from None
    except RecursionError:
        raise UnreadableFormula("nested too deep") from None
