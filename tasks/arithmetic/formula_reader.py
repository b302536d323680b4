"""The grammar of formulas: what signs say together, as a tree; of one formula as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.expressions import Tree
from tasks.arithmetic.tokens import Token

DEPTH = 24
UNIT_WORDS = 4
"""Words of a unit behind a number: "dollars for each child"."""
_NO_UNIT = frozenset(
    [
        "or",
        "and",
        "so",
        "then",
        "but",
        "if",
        "is",
        "are",
        "which",
        "that",
        "thus",
        "hence",
        "therefore",
        "when",
        "since",
        "because",
    ]
)


class UnreadFormula(ValueError):
    """Signs are no formula, or none that can be read whole."""


class FormulaReader:
    """Recursive descent over signs, bounded in depth."""

    def __init__(self, signs: Sequence[Token], at: int, end: int) -> None:
        self.signs, self.at, self.end = signs, at, end
        self.depth = 0

    def peek(self) -> Token | None:
        """The next sign, if there is one before the end."""
        return self.signs[self.at] if self.at < self.end else None

    def kind(self) -> str:
        """The next sign's kind."""
        sign = self.peek()
        return sign.kind if sign else ""

    def read(self) -> Tree:
        """A formula from here on, as far as it goes."""
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadFormula("nested too deep")
        terms = [(self._take_sign(), self._read_product())]
        while (sign := self._find_operator("+-")) is not None:
            terms.append((sign, self._read_product()))
        self.depth -= 1
        return _negate(terms[0]) if len(terms) == 1 else ("sum", *terms)

    def _take_sign(self) -> int:
        """The sign that a formula begins with."""
        sign = 1
        while (item := self.peek()) is not None and item.kind == "operator" and item.value in ("+", "-"):
            sign = -sign if item.value == "-" else sign
            self.at += 1
        return sign

    def _find_operator(self, wanted: str) -> int | None:
        """1 or -1 of the operator that comes next, behind the words of a unit; None where another or none comes."""
        at = self.at
        while at < self.end and self.signs[at].kind == "word" and at - self.at <= UNIT_WORDS:
            if self.signs[at].value in _NO_UNIT:
                return None
            at += 1
        if at >= self.end - 1 or self.signs[at].kind != "operator" or str(self.signs[at].value) not in wanted:
            return None
        if (
            self.signs[at].breaks
            and str(self.signs[at].value) in "-*"
            and self.signs[at + 1].start > self.signs[at].end
        ):
            return None  # a bullet
        if not _begins_operand(self.signs[at + 1]) and self.signs[at + 1].value != "-":
            return None  # a dash before words
        value = self.signs[at].value
        self.at = at + 1
        return 1 if value in ("+", "*") else -1

    def _read_product(self) -> Tree:
        factors = [(1, self._read_signed())]
        while True:
            operator = self._find_operator("*/")
            if operator is not None:
                factors.append((operator, self._read_signed()))
            elif self._stands_beside():
                factors.append((1, self._read_power()))
            else:
                return factors[0][1] if len(factors) == 1 else ("product", *factors)

    def _stands_beside(self) -> bool:
        """Whether a factor follows without a sign: 2x, 3(4 + 1), x√2."""
        sign, before = self.peek(), self.signs[self.at - 1]
        if sign is None or sign.breaks or sign.kind not in ("name", "open", "root", "fraction"):
            return False
        close = sign.start == before.end or (before.kind == "close" and sign.kind == "open")
        return close or (sign.kind in ("name", "root", "fraction") and before.kind in ("number", "name", "close"))

    def _read_signed(self) -> Tree:
        return _negate((self._take_sign(), self._read_power()))

    def _read_power(self) -> Tree:
        tree = self._read_operand()
        while self.kind() == "power":
            self.at += 1
            if self.kind() == "degree":
                self.at += 1
                continue
            if self.kind() == "open" and self.at + 2 < self.end and self.signs[self.at + 1].kind == "degree":
                self.at += 3
                continue
            tree = ("power", tree, self._read_exponent())
        while self.kind() in ("degree", "factorial"):
            tree = ("factorial", tree) if self.kind() == "factorial" else tree
            self.at += 1
        return tree

    def _read_exponent(self) -> Tree:
        negative = self._take_sign() < 0
        tree = self._read_operand()
        return ("sum", (-1, tree)) if negative else tree

    def _read_operand(self) -> Tree:
        sign = self.peek()
        if sign is None:
            raise UnreadFormula("it breaks off")
        self.at += 1
        if sign.kind == "number":
            return ("number", sign.value)
        if sign.kind == "name":
            return ("name", f"{sign.value}{self._read_index()}")
        if sign.kind == "open":
            return self._read_bracketed()
        if sign.kind == "root":
            return self._read_root()
        if sign.kind == "fraction":
            over, under = self._read_group(), self._read_group()
            return ("product", (1, over), (-1, under))
        raise UnreadFormula(str(sign.value))

    def _read_group(self) -> Tree:
        if self.kind() != "open":
            raise UnreadFormula("no bracket")
        self.at += 1
        return self._read_bracketed()

    def _read_bracketed(self) -> Tree:
        """What stands before the closing bracket, which is taken too."""
        tree = self.read()
        words = 0
        while self.kind() == "word" and words <= UNIT_WORDS:
            self.at, words = self.at + 1, words + 1
        if self.kind() != "close":
            raise UnreadFormula("an open bracket")
        self.at += 1
        return tree

    def _read_root(self) -> Tree:
        degree: Tree = ("number", Fraction(2))
        if self.kind() == "open" and self._closes_before_group():
            degree = self._read_group()
        return ("root", degree, self._read_operand())

    def _closes_before_group(self) -> bool:
        r"""Whether a bracket is the degree of a root: that of \sqrt[3]{8}."""
        depth = 0
        for at in range(self.at, self.end):
            depth += (self.signs[at].kind == "open") - (self.signs[at].kind == "close")
            if depth == 0:
                after = self.signs[at + 1] if at + 1 < self.end else None
                return (
                    at == self.at + 2
                    and after is not None
                    and after.kind == "open"
                    and after.start == self.signs[at].end
                )
        return False

    def _read_index(self) -> str:
        """An index behind a name: the _1 of x_1, that of x_{12}."""
        if self.kind() != "index":
            return ""
        self.at += 1
        opened = self.kind() == "open"
        self.at += opened
        parts = []
        while (sign := self.peek()) is not None and sign.kind in ("number", "name", "word"):
            parts.append(str(sign.value))
            self.at += 1
            if not opened:
                break
        if not parts or (opened and self.kind() != "close"):
            raise UnreadFormula("an index")
        self.at += opened
        return "_" + "".join(parts)


def _negate(term: tuple[int, Tree]) -> Tree:
    """A formula with the sign before it."""
    sign, tree = term
    if sign > 0:
        return tree
    return ("number", -tree[1]) if tree[0] == "number" else ("sum", (-1, tree))


def _begins_operand(sign: Token) -> bool:
    return sign.kind in ("number", "name", "open", "root", "fraction")
