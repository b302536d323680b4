"""Answers that a completion marks: boxes, final lines, phrases, the key of a JSON answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from tasks.llm.lenient_json import find_objects
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.truncation import TAIL, cut_own_question

BOXES = 16
"""How many `\\boxed{` are looked into, from the end."""
GAP = 80
"""Characters between two boxes that are one answer."""
_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_FINAL_LINE = re.compile(
    r"^[ \t]*(?:[-*•✅☑✓>]\s+)?[#*_ ]{0,8}(?:(?-i:A)(?=[*_]{0,2}[ \t]*:)|Ans|Answer|Final Answer|Final|Final Result|The answer|The final answer)[*_]{0,2}[ \t]*[:=][*_]{0,2}[ \t]*(\S[^\n]{0,400})",
    re.MULTILINE | re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[ \t#*_]*(?:Final[ \t]+)?(?:Answer|Result)[ \t*_]*:?[ \t*_]*\n\s*(\S[^\n]{0,400})", re.MULTILINE | re.IGNORECASE
)
"""A heading, with the answer in the next line."""
_TAGGED = re.compile(r"<answer>\s*((?:(?!</answer>)[^\n]){1,400}?)\s*</answer>", re.IGNORECASE)
_NOT_BUT = re.compile(
    r"\banswer (?:is not|isn['’]t) [^\n.]{1,60}?,? but (?:rather |instead )?(\S[^\n]{0,200})", re.IGNORECASE
)
_FOREIGN = re.compile(
    r"(?:答案|答え|解答|答|正解|\bAntwort|\bErgebnis|\brespuesta|\brésultat|\bréponse|\bresposta|\bresultado|\bответ|정답|답|الجواب|الإجابة|उत्तर|\brisposta|\bantwoord)"
    r"(?:\s+(?:final|finale|correcta|correcte|correta|richtige))?\s*(?:\b(?:ist|lautet|es|est|é|è|is)\b\s*[:：]?|[:：]|是\s*[:：]?|为\s*[:：]?|は|은|는|هو\s*:?|هي\s*:?|है\s*:?)\s*(\S[^\n。]{0,400})",
    re.IGNORECASE,
)
"""Answers behind the phrases of other languages."""
_FOREIGN_WORDS = ("antwort", "ergebnis", "respuesta", "resposta", "resultado", "risposta", "antwoord")
"""Those of them that are plain ASCII."""
_JSON_ANSWER = re.compile(r"[\"'](?:final_)?answer[\"']\s*:")
_HINDI = re.compile(r"उत्तर\s+([-−$\d\u0966-\u096f\\(][^\n।]{0,200}?)\s+है")
"""The verb stands last: "the answer 42 is"."""
_KEYED = re.compile(
    r"^[^\w\n]{0,8}answer[\\\"'`*_]{1,8}[ \t]*:[ \t]*(\{[^{}]{0,400}\}|\[[^\[\]]{0,400}\]|\S[^\n]{0,400})", re.MULTILINE
)
"""The key of a JSON answer that is broken, or holds more than a text or a number."""
_PHRASE = re.compile(
    r"\banswer(?:\s+to\s+(?:the|this)\s+(?:question|problem))?\s*(?:is\b(?!n['’]t)|=|:|would be|will be|must be|should be)(?:\s*:)?\s*((?:\$\$|\\\[)\s*[^\n]{1,400}|\S[^\n]{0,400})",
    re.IGNORECASE,
)
_BLANK = re.compile(r"answer[\\\"'`*_]{1,8}\s*:\s*[\\\"']{1,2}[\s_?.]*[\\\"']{1,2}\s*(?:[},]|$)")
MARK = re.compile(r"####|\\boxed|\banswer\b[\\\"'`*_]{0,8}\s*(?:is\b|=|:)", re.IGNORECASE)
BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
CORRECTED = re.compile(
    r"\b(?:no,? wait|wait|hold on|correction|on second thought|scratch that|i made a mistake|let me correct|my mistake)\b",
    re.IGNORECASE,
)
_CHECKED = re.compile(
    r"(?:\\(?:text|textbf|mathrm)\s*\{)?\s*(?:correct|verified|checked|true|yes|done|proved|proven|qed|q\.e\.d\.?|ok|\\checkmark|✓|\\blacksquare)\s*[.!]?\s*\}?",
    re.IGNORECASE,
)
"""What a box holds that closes a check, and no answer."""
_BETWEEN = re.compile(
    r"(?:[\s$.]|\\[)\]]|\\q?quad\b|\\[,;: ])*(?:,?\s*\\text\s*\{\s*,?\s*(?:(?:for|in) part \(?[a-z]\)? )?,?\s*(?:and|or)\s*\}|,?\s*(?:and|or|und|et|y|oder|ou)\b|[,;、，]"
    r"|\\q?quad\b)(?:[\s$]|\\[(\[]|\\q?quad\b|\\[,;: ])*(?:[a-zA-Z](?:_\{?\d\}?)?\s*=\s*)?[\s$]*"
)
"""What may stand between two boxes that are one answer."""
_NAMED = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z](?:_\{?\w{1,3}\}?)?\s*=\s*\$?\s*$")
"""What says before a box whose value it is."""
_HEADED = re.compile(
    r"(?:step|part|case|example|method|conclusion|solution|explanation|problem|question|for|check|verification|verify|summary|note|let)\b|.*:$",
    re.IGNORECASE,
)
"""What stands behind #### where it is a heading of Markdown."""
EMPTY = re.compile(r"(?:[^\w∞]|_)*|x{1,3}|\?+|n/?a|none provided|your answer.*", re.IGNORECASE | re.DOTALL)


def find_boxed(text: str) -> str | None:
    r"""What the last closed `\boxed{…}` holds."""
    boxes = find_boxes(text)
    return boxes[-1][0] if boxes else None


def find_boxes(text: str) -> list[tuple[str, int, int, int]]:
    """The closed boxes, in order: what each holds, where that begins, and where the box itself begins and ends."""
    boxes: list[tuple[str, int, int, int]] = []
    for match in list(BOXED.finditer(text))[: -BOXES - 1 : -1]:
        depth = 1
        for i in range(match.end(), min(len(text), match.end() + 2000)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                while boxes and boxes[-1][2] < i:  # a box in a box is part of it
                    boxes.pop()
                boxes.append((text[match.end() : i].strip(), match.end(), match.start(), i + 1))
                break
    return boxes[::-1]


def find_box(text: str, kind: AnswerKind) -> tuple[str, int] | None:
    """What the last box holds, or the last that are one answer, and where that begins; a box that closes a check is none."""
    boxes = find_boxes(text)
    while len(boxes) > 1 and kind != "yes or no" and (_CHECKED.fullmatch(boxes[-1][0]) or not boxes[-1][0]):
        boxes.pop()
    if not boxes:
        return None
    first = len(boxes) - 1
    while (
        first
        and boxes[first][2] - boxes[first - 1][3] <= GAP
        and _BETWEEN.fullmatch(text, boxes[first - 1][3], boxes[first][2])
    ):
        first -= 1
    if first < len(boxes) - 1:
        begun = boxes[first][2]
        if named := _NAMED.search(text, max(0, begun - 20), begun):
            begun = named.start()
        return text[begun : boxes[-1][3]], begun
    return boxes[-1][0], boxes[-1][1]


def _cut_sentence(text: str) -> str:
    """A text up to the end of its first sentence, without Markdown's stars."""
    end = re.search(r"(?<!\bRs)(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bNo)[.!?](?:\s|$)|\n", text)
    return (text[: end.start()] if end else text).replace("**", "").strip().rstrip(".").strip()


def _find_overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches from left to right, also of a mark within what another marks: "Final answer: The answer is 18"."""
    match = pattern.search(text)
    while match:
        yield match
        match = pattern.search(text, match.start(1))


def _find_last(pattern: re.Pattern[str], text: str, kind: AnswerKind) -> re.Match[str] | None:
    """The last match that gives an answer: not one that puts the question again, or says what the answer is not."""
    last = None
    for match in _find_overlapping(pattern, text):
        empty = kind == "number" and not re.search(r"\d", match[1]) and text[match.end() :].strip()
        denied = kind == "number" and re.match(r"not\s+[-−$]?\d", match[1], re.IGNORECASE)
        if pattern is _HEADING and len(match[1].split()) > 5:
            continue
        if pattern is _HASHES and not _is_bare(match, text, kind):
            continue
        if not match[1].rstrip().endswith("?") and not empty and not denied:
            last = match
    return last


def find_marked(text: str, kind: AnswerKind) -> Extraction | None:
    """The marked answer that stands last: "#### 18", "Answer: 18", "the answer is 18"."""
    rules: tuple[tuple[str, re.Pattern[str]], ...] = (
        ("hashes", _HASHES), ("final line", _FINAL_LINE), ("final line", _HEADING), ("final line", _TAGGED), ("phrase", _PHRASE),
        ("phrase", _NOT_BUT), ("phrase", _FOREIGN), ("phrase", _HINDI),
    )  # fmt: skip
    if text.isascii() and not any(word in text.casefold() for word in _FOREIGN_WORDS):
        rules = rules[:-2]  # to look for theirs would take most of the time
    marks = [(match.start(1), name, match[1]) for name, rule in rules if (match := _find_last(rule, text, kind))]
    if not marks:
        return None
    at, name, answer = max(marks)
    if opened := re.match(r"(\$\$|\\\[)\s*", text[at:]):
        closed = text.find("$$" if opened[1] == "$$" else "\\]", at + opened.end(), at + 500)
        if closed > 0:
            return Extraction(text[at + opened.end() : closed].strip(), name, near=at)
    answer = answer.strip() if name == "hashes" else _cut_sentence(answer)
    turn = CORRECTED.search(answer)
    if turn and re.search(r"\d", answer[: turn.start()]) and re.search(r"\d", answer[turn.end() :]):
        return Extraction(answer[turn.end() :].strip(" ,.:-"), "corrected", near=at + turn.end())
    return Extraction(answer, name, near=at)


def _is_bare(match: re.Match[str], text: str, kind: AnswerKind) -> bool:
    """Whether what stands behind #### is an answer, and no heading."""
    if _HEADED.match(match[1].strip().strip("*")) and not re.fullmatch(
        r"(?:solution|conclusion)?\s*:?\s*[-$\d][^a-z]*", match[1].strip(), re.IGNORECASE
    ):
        return False
    return kind != "number" or bool(re.search(r"\d", match[1])) or not text[match.end() :].strip()


def find_keyed(text: str, kind: AnswerKind) -> Extraction | None:
    """What stands behind the key of a JSON answer that no parser takes; of several texts or numbers all."""
    match = _find_last(_KEYED, cut_own_question(text, MARK)[-TAIL:], kind)
    answer = match[1].strip().rstrip("}`,").strip().strip("\\\"'`*] ") if match else ""
    if match is None or EMPTY.fullmatch(answer):
        return None
    return Extraction(answer, "final line", near=text.rfind(answer))


def find_json_answer(text: str) -> str | None:
    """What a JSON object gives as its answer: a text, a number, several, or a value with its unit."""
    if not _JSON_ANSWER.search(text):
        return None
    objects = [value for value in find_objects(text[-TAIL:]) if value.keys() & {"answer", "final_answer"}]
    answer = objects[-1].get("final_answer", objects[-1].get("answer")) if objects else None
    if isinstance(answer, dict):
        answer = (
            f"{answer.get('value', '')} {answer.get('unit', '')}".strip()
            if answer.keys() <= {"value", "unit"}
            else None
        )
    if isinstance(answer, list):
        answer = ", ".join(map(str, answer)) if all(isinstance(part, str | int | Decimal) for part in answer) else None
    return str(answer) if isinstance(answer, str | int | Decimal) and str(answer).strip() else None


def has_blank_answer(text: str) -> bool:
    """Whether the answer's key has a blank behind it, so that no number of the reasoning is the answer."""
    return bool(_BLANK.search(cut_own_question(text, MARK)[-TAIL:]))
