"""Several values: sets, tuples, lists of tuples, roots with ±, values by their names, sequences with dots."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import (
    ALIKE,
    PARTS,
    UNKNOWN,
    AnswerType,
    Finding,
    combine_findings,
    is_balanced,
    is_closed_by_last,
    split_outside,
)
from tasks.verify.answer_types.formulas import (
    DOTS,
    NAME,
    Formula,
    compare_formulas,
    list_alternatives,
    read_formula,
    tidy_name,
)

_AND = re.compile(
    r"\s*,?\s*(?:\u27e8\s*,?\s*(?:and|or)\s*,?\s*\u27e9|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z]))\s*|\s*;\s*"
)
_ANGLED = re.compile(r"\\langle(?![a-z])(.*)\\rangle")
_GROUPS = re.compile(r"\s*;\s*|\s*,?\s*(?:\u27e8\s*,?\s*or\s*,?\s*\u27e9|(?<![a-zA-Z\\])or(?![a-zA-Z]))\s*")
"""What parts one group of values from the next."""
_LEAD = re.compile(r"^\u27e8?\s*(?:both|either|the (?:solutions?|roots?|values?|numbers?) (?:is|are))\s*\u27e9?\s+")


@dataclass(frozen=True)
class Collection:
    """Several values."""

    parts: tuple[Part, ...]
    form: str
    """`list`, `set`, or the brackets of a tuple."""
    name: str = ""
    """The name whose value it is."""

    @property
    def ordered(self) -> bool:
        """Whether the order of its parts counts."""
        return self.form not in ("list", "set") or any(
            isinstance(part, Formula) and part.tree == DOTS for part in self.parts
        )


Part = Formula | Collection


def _are_thousands(parts: list[str]) -> bool:
    """Whether commas between parts separate thousands."""
    return bool(re.fullmatch(r"[-+$€£¥₹\s]*\d{1,3}", parts[0])) and all(
        re.fullmatch(r"\d{3}(?:\.\d+)?(?:\D.{0,20})?", part) for part in parts[1:]
    )


def read_collection(text: str) -> Collection | None:
    """Several values; None where it is a single one."""
    value = _read(text, outside=True)
    return value if isinstance(value, Collection) else None


def _read(text: str, outside: bool = False) -> Part:
    text = _LEAD.sub("", text.strip(), count=1).strip()
    if grouped := _read_groups(text):
        return grouped
    name = ""
    sides = split_outside(text, "=")
    if len(sides) == 2 and NAME.match(sides[0].strip()) and not is_unbracketed_list(sides[1]):
        name, inner = tidy_name(sides[0]), sides[1].strip()
    else:
        inner = text
    if match := re.match(r"^(\([a-zA-Z](?:\s*,\s*[a-zA-Z])+\)|[a-zA-Z])\s*(?:\\in(?![a-z]))\s*(?=\\lbrace)", inner):
        name, inner = match[1], inner[match.end() :]
    if bracketed := _read_bracketed(inner):
        return Collection(_name_parts(bracketed.parts, name), bracketed.form, name)
    parts = [text] if name else _split_parts(text)
    if len(parts) > 1:
        if not outside:
            raise UnreadableFormula(text)
        return Collection(_read_parts(parts), "list")
    if inner.startswith("'") or inner.startswith('"'):
        inner = inner.strip("'\"")
    formula = read_formula(text)
    trees = list_alternatives(formula.tree)
    if len(trees) > 1:
        return Collection(
            tuple(Formula(tree, formula.name, formula.of, formula.unit) for tree in trees), "list", formula.name
        )
    return formula


def _name_parts(parts: tuple[Part, ...], name: str) -> tuple[Part, ...]:
    """The parts of a tuple with the names that stand before it: of `(p, q) = (3, 2)`."""
    names = name[1:-1].split(",") if name.startswith("(") else []
    if len(names) != len(parts):
        return parts
    return tuple(replace(part, name=own) if isinstance(part, Formula) else part for part, own in zip(parts, names))


def _read_groups(text: str) -> Collection | None:
    """`x = 1, y = 2 or x = 2, y = 1`: a tuple for each time that the same names are given values."""
    groups = [split_outside(group) for group in _split_at(_GROUPS, text)]
    if len(groups) < 2 or any(len(group) < 2 for group in groups):
        return None
    tuples = []
    for group in groups:
        parts = _read_parts([part.strip() for part in group])
        names = [part.name for part in parts if isinstance(part, Formula) and part.name]
        if len(names) != len(parts) or len(set(names)) < len(names):
            return None
        tuples.append(Collection(parts, "()"))
    return Collection(tuple(tuples), "list") if len({frozenset(_list_names(part)) for part in tuples}) == 1 else None


def _split_at(pattern: re.Pattern[str], text: str) -> list[str]:
    """A text cut at what a pattern finds outside of brackets."""
    parts, begun = [], 0
    for match in pattern.finditer(text):
        before = text[: match.start()]
        if sum(before.count(sign) for sign in "([{") == sum(before.count(sign) for sign in ")]}"):
            parts.append(text[begun : match.start()])
            begun = match.end()
    return [*parts, text[begun:]]


def is_unbracketed_list(text: str) -> bool:
    """Whether commas or words part what stands behind an equals sign, outside of brackets."""
    return len(_split_parts(text)) > 1


def _split_parts(text: str) -> list[str]:
    parts: list[str] = []
    for piece in _split_at(_AND, text):
        cut = split_outside(piece)
        parts += [piece] if len(cut) > 1 and _are_thousands([cut[0].strip(), *cut[1:]]) else cut
    return [part.strip() for part in parts if part.strip()]


def _read_bracketed(text: str) -> Collection | None:
    """A set or tuple in brackets; None for a value, or several things in brackets."""
    if angled := _ANGLED.fullmatch(text):
        return Collection(_read_parts([part.strip() for part in split_outside(angled[1])]), "()")
    if text.startswith("\\lbrace") and text.endswith("\\rbrace") and text.count("\\lbrace") == 1:
        members = text[len("\\lbrace") : -len("\\rbrace")].strip()
        if re.search(r"\||:|\\mid", members):
            raise UnreadableFormula(text)
        return Collection(_read_parts(_split_parts(members)), "set") if members else None
    if len(text) > 2 and text[0] in "([{" and text[-1] in ")]}" and is_closed_by_last(text) and is_balanced(text[1:-1]):
        inside = split_outside(text[1:-1], ";")
        if len(inside) > 1:
            inside = [re.sub(r"(?<=\d),(?=\d)", ".", part) for part in inside]
        else:
            inside = split_outside(text[1:-1])
        if len(inside) > 1:
            stripped = [part.strip().strip("'\"") for part in inside]
            if text[0] == "[" and any("'" in part or '"' in part for part in inside):
                return Collection(_read_parts(stripped), "list")
            return Collection(_read_parts(stripped), "set" if text[0] == "{" else text[0] + text[-1])
        if text[0] == "{" and re.fullmatch(r"\{[^{}]*\}", text):
            return Collection((read_formula(text[1:-1]),), "set")
    return None


def _read_parts(parts: list[str]) -> tuple[Part, ...]:
    if not 0 < len(parts) <= PARTS or not all(parts):
        raise UnreadableFormula("parts of a collection")
    read: list[Part] = []
    for part in parts:
        if part == "\\dots":
            read.append(Formula(DOTS))
            continue
        value = _read(part)
        if isinstance(value, Collection) and value.form == "list":
            read += value.parts  # the two of a ±
        else:
            read.append(value)
    return tuple(read)


def compare_elements(gold: Part, answer: Part) -> str:
    """equal, different, or why it is neither."""
    if isinstance(gold, Formula) and isinstance(answer, Formula):
        if gold.name and answer.name and gold.name != answer.name and not gold.of:
            return "other letter" if compare_formulas(gold, answer) == "equal" else compare_formulas(gold, answer)
        return compare_formulas(gold, answer)
    if isinstance(gold, Collection) and isinstance(answer, Collection):
        return compare_collections(gold, answer).result
    return "different"


def compare_collections(gold: Collection, answer: Collection) -> Finding:
    """In order where both say so, by their names where all have one, else in any order."""
    names = [_list_names(collection) for collection in (gold, answer)]
    if (
        names[0]
        and names[1]
        and len(set(names[0])) == len(names[0])
        and len(set(names[1])) == len(names[1])
        and set(names[0]) == set(names[1])
    ):
        by_name = {part.name: part for part in answer.parts if isinstance(part, Formula)}
        results = [compare_elements(part, by_name[part.name]) for part in gold.parts if isinstance(part, Formula)]
        return combine_findings(results, "set")
    if _has_dots(gold) != _has_dots(answer):
        return Finding("sequence unclear", "set")
    if gold.ordered and answer.ordered:
        return _compare_in_order(gold, answer)
    if gold.ordered != answer.ordered:
        return _compare_unclear_order(gold, answer, names)
    return _compare_in_any_order(gold, answer)


def _list_names(collection: Collection) -> list[str]:
    """The names of all its parts; empty where one has none."""
    names = [part.name for part in collection.parts if isinstance(part, Formula) and part.name]
    return names if len(names) == len(collection.parts) else []


def _has_dots(collection: Collection) -> bool:
    return any(isinstance(part, Formula) and part.tree == DOTS for part in collection.parts)


def _list_before_dots(collection: Collection) -> list[Part]:
    """What a sequence begins with."""
    dots = [at for at, part in enumerate(collection.parts) if isinstance(part, Formula) and part.tree == DOTS]
    return list(collection.parts[: dots[0]] if dots else collection.parts)


def _compare_in_order(gold: Collection, answer: Collection) -> Finding:
    if _has_dots(gold) or _has_dots(answer):
        if gold.parts == answer.parts:
            return Finding("equal", "tuple", True)
        heads = [_list_before_dots(collection) for collection in (gold, answer)]
        if any(compare_elements(a, b) == "different" for a, b in zip(*heads)):
            return Finding("different", "tuple", True)
        return Finding("sequence unclear", "tuple")
    if len(gold.parts) != len(answer.parts):
        return Finding("different", "tuple", True)
    finding = combine_findings([compare_elements(a, b) for a, b in zip(gold.parts, answer.parts)], "tuple")
    if finding.result == "equal" and gold.form != answer.form:
        # (1, 2) and [1, 2] may be lists in two dresses, or an open and a closed interval
        return Finding("brackets differ", "tuple") if len(gold.parts) == 2 else finding
    return finding


def _compare_unclear_order(gold: Collection, answer: Collection, names: list[list[str]]) -> Finding:
    """A tuple beside a list: right in the tuple's order, undecided in another."""
    if len(gold.parts) == len(answer.parts):
        finding = combine_findings([compare_elements(a, b) for a, b in zip(gold.parts, answer.parts)], "tuple")
        if finding.result == "equal":
            return finding
    finding = _compare_in_any_order(gold, answer)
    if finding.result == "equal":
        return Finding("order unclear", "tuple")
    return finding


def _compare_in_any_order(gold: Collection, answer: Collection) -> Finding:
    """Each of either has its like in the other; of lists as often."""
    results = []
    for parts, others in ((gold.parts, answer.parts), (answer.parts, gold.parts)):
        for part in parts:
            replies = {
                compare_elements(part, other) if parts is gold.parts else compare_elements(other, part)
                for other in others
            }
            if "equal" in replies:
                continue
            doubts = replies - {"different"}
            results.append(
                next((reply for reply in sorted(doubts) if reply not in (ALIKE, UNKNOWN)), min(doubts))
                if doubts
                else "different"
            )
    tuples = all(isinstance(part, Collection) for part in gold.parts)  # solutions, which are as often no others
    if not results and len(gold.parts) != len(answer.parts) and "set" not in (gold.form, answer.form) and not tuples:
        return Finding("different", "set", False)
    return combine_findings(results, "set")


COLLECTION = AnswerType("collection", "set", read_collection, compare_collections)
