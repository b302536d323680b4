"""The signs of formulas in a text: what the tokens of arithmetic are where letters, powers, roots and words may be part of it.

`tasks.arithmetic.tokens` leaves out whatever could mean something else; here
each such token is given its meaning, or is `unread`, so that nothing of a
formula is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.plain_text import blank_settings
from tasks.arithmetic.tokens import Token, tokenize
from tasks.plain_unicode import normalize_unicode
from tasks.verify.answer_types.unit_names import canonicalize_unit
from tasks.verify.written_numbers import write_number_words

_DASHES = str.maketrans({"–": "-", "‑": "-", "‐": "-", "−": "-", "∙": "*", "⋅": "*", "•": " ", "∗": "*", "∶": ":"})
_RELATIONS = {
    "=": "=", "≈": "=", "≃": "=", "\\approx": "=", "\\simeq": "=", "<": "<", ">": ">", "≤": "<=", "≥": ">=", "≠": "!=", "\\lt": "<", "\\gt": ">",
    "\\le": "<=", "\\leq": "<=", "\\ge": ">=", "\\geq": ">=", "\\ne": "!=", "\\neq": "!=", "equals": "=", "equal": "=",
}  # fmt: skip
_OPERATORS = {"plus": "+", "minus": "-", "times": "*", "multiplied": "*", "divided": "/"}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_POWERS = {"squared": 2, "cubed": 3}
_STATING = frozenset(["is", "are", "gives", "makes", "leaves", "was", "get", "gets", "yields"])
"""Words that state a result, where a calculation is before them and a number behind."""
_ABOUT = frozenset(["about", "approximately", "roughly", "around", "exactly", "only"])
_ORDINALS = frozenset(["st", "nd", "rd", "th"])
_GREEK = frozenset(["alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "pi", "phi", "omega", "sigma"])
_SIGNS = {
    "^": ("power", "^"), "√": ("root", "√"), "\\sqrt": ("root", "√"), "sqrt": ("root", "√"), "(": ("open", "("), "[": ("open", "("),
    "{": ("open", "("), ")": ("close", ")"), "]": ("close", ")"), "}": ("close", ")"), "_": ("index", "_"), "\\frac": ("fraction", ""),
    "\\dfrac": ("fraction", ""), "\\tfrac": ("fraction", ""), "\\circ": ("degree", ""), "°": ("degree", ""), ",": ("comma", ","),
}  # fmt: skip
_CERTAIN = frozenset(["number", "op", "equals", "word"])
"""Kinds of tokens that mean what they say."""
_CLEAN = frozenset(".,:;<>|&?\"'[]{}—–-→⇒#~`*")
"""Marks that a formula may stand beside."""
_UNREAD = frozenset("|±∓∫∑∏∂∞")
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "log",
        "ln",
        "lg",
        "exp",
        "max",
        "min",
        "gcd",
        "lcm",
        "mod",
        "floor",
        "ceil",
        "arcsin",
        "arccos",
        "arctan",
    ]
)
_FUNCTIONS_AND_UNITS = frozenset(["min", "sec"])
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s?\{[a-z]{1,20}\*?\}(?:\{[a-z|]{1,10}\})?")
_BOLD = re.compile(r"(?<![\w)*])\*\*(?=\S)((?:[^*\n]|\*(?!\*)){1,200}?)(?<=\S)\*\*")
_ESCAPED = re.compile(r"\\(?=\*)|\\n(?![a-z])")
_ARROWS = frozenset(["\\rightarrow", "\\implies", "\\to", "\\longrightarrow", "\\iff", "\\therefore", "\\because"])
_GLUED = re.compile(r"(\d[\d,]*(?:\.\d+)?)(.?)")
_SENTENCE = re.compile(r"[^\n.;:?]*(?:[.;:?](?!\s)[^\n.;:?]*)*(?:[.;:?](?=\s)|\n|$)")
_RELATION = r"(?:[=<>≈≃≤≥≠]|\\(?:approx|simeq|leq?|geq?|neq?|[lg]t)(?![a-z]))"
_RELATED = re.compile(rf"{_RELATION}|\bequal")
_BEGINS = re.compile(rf"[\s&\\$]*{_RELATION}")
_ENDS = re.compile(rf"{_RELATION}[\s&\\$]*$")
_STATED = re.compile(r"\b(?:is|are|gives|makes|leaves|was|gets?|yields)\b")
_AMOUNT = re.compile(r"\d|half", re.IGNORECASE)
_OPERATION = re.compile(
    r"[-+*/×÷·%]|x(?![a-z])|\b(?:percent|plus|minus|times|multiplied|divided|of)\b|\\(?:times|cdot|div)", re.IGNORECASE
)
_LONGEST_REMARK = 12
_MEANING = _FUNCTIONS | _GREEK | _SIGNS.keys() | _RELATIONS.keys() | _SCALES.keys() | _POWERS.keys() | _ARROWS
"""Words that may be more than words."""
_SETTLED = frozenset(["number", "name", "operator", "open", "close", "power", "comma", "stop"])
"""Kinds of signs that no neighbour makes another."""
_IN_CONTEXT = frozenset(["by", "to", "percent", "of"]) | _ABOUT | _STATING
"""Words that a neighbour makes more than words."""
_LETTERS = re.compile(r"[^\W\d_]+")


def spell_formulas(text: str) -> str:
    """A text with its numbers in figures: those in words, in any script, Unicode's powers and fractions; without bold type."""
    text = _ESCAPED.sub(_unescape, normalize_unicode(text).translate(_DASHES))
    text = _BOLD.sub(r"\1", text)
    return write_number_words(text)


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[0].endswith("n") else ""


def read_signs(text: str) -> list[Token]:
    """The signs of a text as `spell_formulas` leaves it, in order."""
    text = _blank_prose(text)
    tokens, plain = tokenize(text), blank_settings(text)
    lines = "\n" in plain
    signs: list[Token] = []
    skipped = 0
    for i, token in enumerate(tokens):
        if token.start < skipped:
            continue
        newline = lines and "\n" in plain[signs[-1].end if signs else 0 : token.start]
        if token.kind == "number" or (
            token.kind == "word" and token.value not in _MEANING and token.end - token.start > 1
        ):
            signs.append(token._replace(breaks=True) if newline else token)
            continue
        certain = token.kind in _CERTAIN or (token.kind == "other" and token.value in _CLEAN)
        for kind, value, start, end in _interpret(tokens, i, plain):
            newline = lines and "\n" in plain[signs[-1].end if signs else 0 : start]
            plainly = certain and (token.kind != "word" or kind == "word")
            signs.append(Token(kind, value, start, end, token.percent, token.currency, newline, plainly))
            skipped = max(skipped, end)
    return _read_words(_drop_remarks(signs))


def _drop_remarks(signs: Sequence[Token]) -> list[Token]:
    """Signs without words in brackets: the (my share) of 30 (my share) + 10."""
    kept: list[Token] = []
    at = 0
    while at < len(signs):
        if signs[at].kind != "open":
            kept.append(signs[at])
            at += 1
            continue
        end = at
        if at + 1 < len(signs) and signs[at + 1].kind == "word":
            end = at + 1
            while (
                end < len(signs)
                and end - at <= _LONGEST_REMARK
                and signs[end].kind in ("word", "number", "comma", "stop")
            ):
                end += 1
            end = end + 1 if end < len(signs) and signs[end].kind == "close" else at
        if kept and not all(sign.certain for sign in signs[at:end]):
            kept[-1] = kept[-1]._replace(certain=False)
        if end == at:
            kept.append(signs[at])
            end += 1
        at = end
    return kept


def _blank_prose(text: str) -> str:
    """A text with blanks for the sentences that state nothing: most of a solution is prose, and to read it takes time."""
    sentences = _SENTENCE.findall(text)
    needed = [False] * len(sentences)
    for i, sentence in enumerate(sentences):
        related = _RELATED.search(sentence)
        if not related and not (_STATED.search(sentence) and _calculates(sentence)):
            continue
        needed[i] = True
        if related and _BEGINS.match(sentence):
            needed[_find_neighbour(sentences, i, -1)] = True
        if related and _ENDS.search(sentence):
            needed[_find_neighbour(sentences, i, 1)] = True
    return "".join(
        sentence if need else " " * (len(sentence) - 1) + sentence[-1:] for sentence, need in zip(sentences, needed)
    )


def _calculates(sentence: str) -> bool:
    """Whether an operation stands between two numbers; one pattern for all three would try every pair of them."""
    first = _AMOUNT.search(sentence)
    operation = _OPERATION.search(sentence, first.end()) if first else None
    return operation is not None and any(char.isdecimal() for char in sentence[operation.end() :])


def _find_neighbour(sentences: Sequence[str], at: int, step: int) -> int:
    """The next sentence in a direction that is not blank; the one itself at the end."""
    other = at + step
    while 0 < other < len(sentences) - 1 and not sentences[other].strip():
        other += step
    return min(max(other, 0), len(sentences) - 1)


Piece = tuple[str, Fraction | str, int, int]


def _interpret(tokens: Sequence[Token], at: int, text: str) -> list[Piece]:
    """What a token means in a formula."""
    kind, value, start, end = tokens[at][:4]
    written = text[start:end]
    if written.startswith("\\") and (match := _ENVIRONMENT.match(text, start)):
        return [("stop", match[0], start, match.end())]
    if written == "!" and re.match(r"\s*(?:$|\n|[A-Z])", text[end:]):
        return [("stop", "!", start, end)]
    if written == "!":
        return [("factorial", "!", start, end)]
    if kind == "number":
        return [("number", value, start, end)]
    if kind == "equals":
        arrow = text[end : end + 1] == ">" or text[max(0, start - 1) : start] == "="
        before = text[max(0, start - 1) : start]
        return [] if before in ("<", ">", "!", ":") else [("stop" if arrow else "relation", "=", start, end)]
    if written == "&":
        return []
    if kind == "op" and value not in ("(", ")"):
        return [("operator", value, start, end)]
    if isinstance(value, Fraction):
        return [("unread", written, start, end)]
    if kind == "odd" and written[:1].isdigit():
        return _split_glued(start, end, text)
    if written in ("<", ">") and text[end : end + 1] == "=":
        return [("relation", f"{written}=", start, end + 1)]
    key = value if value in _SIGNS or value in _RELATIONS else written
    if key in _RELATIONS:
        return [("relation", _RELATIONS[key], start, end)]
    if key in _SIGNS:
        sign, meaning = _SIGNS[key]
        return [(sign, meaning, start, end)]
    if written in _UNREAD:
        return [("unread", written, start, end)]
    if kind in ("odd", "x", "word"):
        before, after = text[max(0, start - 1) : start], text[end : end + 4].lstrip(" ")[:1]
        article = kind == "word" and (
            len(written) > 1 or (before not in tuple("+*/^({") and after not in tuple("_^=+*/)}<>"))
        )
        return _interpret_word("word" if article or before in ("'", "’") else "odd", written, start, end)
    return [("stop", written, start, end)]


def _interpret_word(kind: str, written: str, start: int, end: int) -> list[Piece]:
    word = written.lower()
    if word in _FUNCTIONS:
        return [("unread", word, start, end)]
    if word in _OPERATORS and kind != "word":
        return [("operator", _OPERATORS[word], start, end)]
    if word in _SCALES:
        return [("scale", word, start, end)]
    if word in _POWERS:
        return [("power", "^", start, start), ("number", Fraction(_POWERS[word]), start, end)]
    if word.lstrip("\\") in _GREEK:
        return [("name", word.lstrip("\\"), start, end)]
    if len(word) == 1 and word.isalpha() and kind != "word":
        return [("name", word, start, end)]
    if word in _ARROWS:
        return [("stop", word, start, end)]
    if kind == "odd" and word.startswith("\\"):
        return [("unread", word, start, end)]
    return [("word", word, start, end)]


def _split_glued(start: int, end: int, text: str) -> list[Piece]:
    """A number with what stands at it without a space: 2x, 5^, 3rd, 4km."""
    match = _GLUED.match(text, start, end)
    letters = _LETTERS.match(text, end - 1)
    if match is None:
        return [("unread", text[start:end], start, end)]
    number: Piece = ("number", Fraction(match[1].replace(",", "").rstrip(".") or 0), start, match.end(1))
    if letters is None:
        sign = _SIGNS.get(match[2], ("unread", match[2]))
        return [number, (sign[0], sign[1], match.start(2), end)] if match[2] else [("unread", match[1], start, end)]
    word = letters[0].lower()
    if word == "x" and re.match(r"\s?\d", text[letters.end() : letters.end() + 2]):
        return [number, ("operator", "*", letters.start(), letters.end())]
    if len(word) == 1:
        return [number, ("name", word, letters.start(), letters.end())]
    known = word in _ORDINALS or canonicalize_unit(word) is not None or len(word) > 3
    return [number, ("word" if known else "unread", word, letters.start(), letters.end())]


def _read_words(signs: Sequence[Token]) -> list[Token]:
    """Signs with what only their neighbours tell: `of` and `is` between numbers, `by`, scales, words that say nothing."""
    settled: list[Token] = []
    for i, sign in enumerate(signs):
        if sign.kind in _SETTLED or (sign.kind == "word" and sign.value not in _IN_CONTEXT):
            settled.append(sign)
            continue
        before = settled[-1] if settled else None
        after = signs[i + 1] if i + 1 < len(signs) else None
        begins = after is not None and after.kind in ("number", "name", "open", "root", "fraction")
        if sign.kind == "scale":
            if before is not None and before.kind == "number":
                assert isinstance(before.value, Fraction)
                value = before.value * _SCALES[str(sign.value)]
                settled[-1] = before._replace(value=value, end=sign.end, certain=False)
                continue
            sign = sign._replace(kind="word")
        elif (
            (sign.kind == "word" and sign.value == "by" and before is not None and before.value in ("*", "/"))
            or (sign.kind == "word" and sign.value == "to" and before is not None and before.kind == "relation")
            or (
                sign.kind == "word"
                and sign.value in _ABOUT
                and before is not None
                and before.kind in ("relation", "operator")
            )
        ):
            assert before is not None
            settled[-1] = before._replace(certain=before.certain and sign.certain)
            continue
        elif (
            sign.value in _FUNCTIONS_AND_UNITS
            and before is not None
            and before.kind in ("number", "word")
            and not begins
        ):
            sign = sign._replace(kind="word", certain=True)
        elif sign.kind == "word" and sign.value == "percent" and before is not None and before.kind == "number":
            assert isinstance(before.value, Fraction)
            settled[-1] = before._replace(value=before.value / 100, end=sign.end, certain=False)
            continue
        elif sign.kind == "word" and sign.value == "of" and begins and before is not None:
            if _ends_share(settled):
                sign = sign._replace(kind="operator", value="*", certain=False)
            elif before.value == "half":
                settled[-1] = before._replace(kind="number", value=Fraction(1, 2), certain=False)
                sign = sign._replace(kind="operator", value="*", certain=False)
        elif sign.kind == "word" and sign.value in _STATING and begins and _ends_calculation(settled):
            sign = sign._replace(kind="relation", value="=", certain=False)
        elif (
            sign.kind == "relation"
            and before is not None
            and before.kind == "word"
            and before.value == "is"
            and len(settled) > 1
        ):
            settled.pop()  # "is equal to"
        settled.append(sign)
    return settled


def _ends_share(signs: Sequence[Token]) -> bool:
    """Whether signs end with a share: 0.2, 1/4."""
    if not isinstance(signs[-1].value, Fraction):
        return False
    return signs[-1].value.denominator > 1 or (len(signs) > 2 and signs[-2].value == "/" and signs[-3].kind == "number")


def _ends_calculation(signs: Sequence[Token]) -> bool:
    """Whether signs end with a calculation, and at most two words of a unit behind it."""
    at = len(signs)
    while at and signs[at - 1].kind == "word" and len(signs) - at < 2:
        at -= 1
    if not at or signs[at - 1].kind not in ("number", "close", "name"):
        return False
    for sign in reversed(signs[max(0, at - 8) : at]):
        if sign.kind == "operator":
            return True
        if sign.kind in ("relation", "stop", "comma"):
            return False
    return False
