"""Words: names, short sentences."""

from __future__ import annotations

import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, split_words
from tasks.verify.answer_types.options import Option, compare_options, read_option, strip_signs
from tasks.verify.answer_types.yes_or_no import YES, find_yes_or_no
from tasks.verify.number import normalize_digits

_ARTICLES = ("the", "a", "an")
_SMALL = {*_ARTICLES, "on", "in", "at", "is", "it", "was", "to", "of"}
_FILLERS = frozenset([
    "it", "falls", "is", "was", "be", "will", "are", "on", "so", "therefore", "thus", "hence", "answer", "that", "this", "day",
])  # fmt: skip
"""Words of a sentence that say nothing beside an answer."""
_KINDS = frozenset([
    "similarity", "congruence", "theorem", "postulate", "criterion", "rule", "test", "law", "property", "axiom", "lemma", "principle",
    "method", "formula", "inequality", "number", "numbers", "shape", "function", "triangle", "direction",
])  # fmt: skip
"""Words that say of what kind the thing is that stands before them: "AA similarity", "even number"."""
_SIGNS = re.compile(
    r"[?@^_\ufffd\u2600-\u26ff]|\\(?!text|mathrm|mathbf|boxed|fbox|left|right|mbox|quad|[\s,;:!()\[\]{}$])[a-zA-Z]"
)
"""Signs that mean something which no words say."""


def read_words(text: str) -> tuple[str, ...] | None:
    """A text of words and whole numbers, without signs that mean something in a formula."""
    text = re.sub("[\u27e8\u27e9]", " ", text)
    text = re.sub(
        r"^\s*(?:it falls on|it is|it was|it's|they are|there are|there is|this is|that is)\s+",
        "",
        text,
        flags=re.IGNORECASE,
    )
    if not re.search(r"[^\W\d_]", text) or re.search(r"[\\^=<>+*/{}\[\]|~@#$&_\ufffd]|\d[a-zA-Z]|[a-zA-Z]\d", text):
        return None
    words = split_words(text)
    telling = [word for word in words if word not in _ARTICLES]
    words = telling if any(re.search(r"[^\W\d]", word) for word in telling) else words
    if len(words) > 8 or len(text) > 120:
        raise UnreadableFormula(text[:60])
    return tuple(words)


def compare_words(gold: tuple[str, ...], answer: tuple[str, ...]) -> Finding:
    """The same words; one that stands in the other decides nothing, unless only the word for its kind is left over."""
    if _strip_kind(gold, answer) == _strip_kind(answer, gold):
        return Finding("equal", "text", True)
    if set(gold) & set(answer) or len(gold) > 4 or len(answer) > 4:
        return Finding("several answers" if set(gold) <= set(answer) else UNKNOWN, "text")
    if any(word.isdigit() for word in (*gold, *answer)):
        return Finding(UNKNOWN, "text")
    return Finding("different", "text", True)


def _strip_kind(words: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Words without the last, where it only says of what kind the thing is, and the others do not say it."""
    return words[:-1] if len(words) == len(others) + 1 and words[-1] in _KINDS else words


def compare_texts(gold: str, answer: str) -> Finding:
    """Whether an answer in words says what gold does: an option, yes or no, names in any order, a short sentence."""
    options = _read_letter(gold), _read_letter(answer)
    if options[0] and options[1] and not _SIGNS.search(answer):
        return compare_options(options[0], options[1])
    if _SIGNS.search(answer) and not _SIGNS.search(gold):
        return Finding("not fully read", "text")
    gold_words, answer_words = _list_words(gold), _list_words(answer)
    if not answer_words:
        return Finding("unparsable", "text")
    if len(gold_words) == 1 and gold_words[0] in YES:
        return find_yes_or_no(YES[gold_words[0]], normalize_digits(answer))
    return _compare_sentences(gold, answer, gold_words, answer_words)


def _read_letter(text: str) -> Option | None:
    """The option a text names; also by its letter alone."""
    text = _strip_markup(text).strip(" .")
    return Option(text) if re.fullmatch("[A-J]", text) else read_option(text)


def _compare_sentences(gold: str, answer: str, gold_words: list[str], answer_words: list[str]) -> Finding:
    kindless = _strip_kind(tuple(gold_words), tuple(answer_words)), _strip_kind(tuple(answer_words), tuple(gold_words))
    if (
        kindless[0] == kindless[1]
        or _list_items(gold) == _list_items(answer)
        or gold_words == [word for word in answer_words if word not in _FILLERS]
    ):
        return Finding("equal", "text", True)
    if set(gold_words) & set(answer_words) or len(answer_words) > 6:
        return Finding("several answers" if set(gold_words) <= set(answer_words) else "unparsable", "text")
    # figures that are written otherwise ("5 million", "5,000,000") may be the same
    shapes = {re.sub(r"\d", "0", " ".join(words)) for words in (gold_words, answer_words)}
    if len(shapes) > 1 and any(re.search(r"\d", text) for text in (gold, answer)):
        return Finding("unparsable", "text")
    return Finding("different", "text", True)


def _strip_markup(text: str) -> str:
    return re.sub(r"[*$\\\s]+", " ", normalize_digits(text)).strip()


def _list_items(text: str) -> frozenset[str]:
    """The items of a list of names, in any order; of one name alone nothing that equals another."""
    items = frozenset(
        strip_signs(item) for item in re.split(r",|;|\band\b", normalize_digits(text)) if strip_signs(item)
    )
    return items if len(items) > 1 else frozenset([text])


def _list_words(text: str) -> list[str]:
    words = strip_signs(normalize_digits(text)).split()
    return [word for word in words if word not in _SMALL] or words


WORDS = AnswerType("text", "text", read_words, compare_words)
