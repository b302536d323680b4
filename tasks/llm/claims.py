r"""What a reply claims about the first wrong step, form by form.

All forms count from 1, as the fences number the steps: Abacus' line ("First
error: 3, calculation"), a line for each step ("3. wrong: …"), JSON, sentences
("The first error is in step 3", "Step 3 is wrong"), `\boxed{3}`, and a reply
that is nothing but the number. None is `none`, `no
error`, null or -1. Every pattern is bounded, and takes time in proportion to
the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tasks.llm.lenient_json import find_field, find_objects
from tasks.llm.quoted_text import Material

NO_STEP = 0
"""Stands for the claim that no step is wrong; a 0 in a reply is none of the steps: see `number`."""
_ZERO = -2
_LARGEST = 10**9
_NONE_WORDS = frozenset(
    {"none", "no", "null", "nil", "n/a", "no error", "no errors", "no mistake", "no mistakes", "no step", "-1"}
)
_KEYS = frozenset({"firsterror", "firstwrongstep", "firsterrorstep", "firstincorrectstep", "firstmistake"})
_STEP = re.compile(r"(?:step|paragraph)?\s{0,4}#?\s{0,4}(-?\d{1,9})(?:\.0{1,4})?")
_FIRST = (
    r"\bfirst (?:error|mistake|flaw|(?:wrong|incorrect|erroneous|false|faulty) (?:step|paragraph)|"
    r"step (?:that|which) is (?:wrong|incorrect))\b"
)
_LEADS = (
    r"(?:[\s:=,(\[\"']|\b(?:is|was|lies|occurs|occurred|appears|happens|comes|arises|made|found|located|can|be|seen|"
    r"to|in|at|on|with|the|it)\b)"
)
_VALUE = r"(?:none|null|n/a|no (?:error|mistake)s?|-1)\b"
_LINE = re.compile(
    rf"{_FIRST}\s{{0,4}}(?:(?:is|was|in|at)\b|[:=])?\s{{0,4}}(?:({_VALUE})|(?:step |paragraph )?#?(-?\d{{1,9}})(?![\w%/]|\.\d))"
    r"(?=[\s\"')\]}]{0,4}(?:$|[.,;:(—–\n]|- ?[a-z]))(?:[ ]{0,4},[ ]{0,4}((?:[\w'-]{1,30} ?){1,3})$)?",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCES = (
    re.compile(rf"{_FIRST}{_LEADS}{{0,24}}\b(?:step|paragraph) ?#?(\d{{1,9}})", re.IGNORECASE),
    re.compile(
        rf"\b(?:step|paragraph) ?#?(\d{{1,9}}) (?:is|contains|has|makes|introduces|holds) (?:where )?(?:the )?{_FIRST}",
        re.IGNORECASE,
    ),
)
_RIGHT = "(?:correct|right|valid|sound|fine|accurate|error-free)"
_WRONG = "(?:wrong|incorrect|erroneous|false|invalid|faulty)"
_NO_ERROR = re.compile(
    rf"\b(?:all (?:of )?(?:(?:the|its|these|those|given|\d{{1,4}}) ){{0,3}}steps (?:are|were|look|seem|appear)(?: all| to be)?"
    rf"(?: \w{{1,20}}ly)? {_RIGHT}"
    rf"|every (?:single )?step is(?: \w{{1,20}}ly)? {_RIGHT}"
    r"|(?:there (?:is|are)|has|have|contains?|finds?|found|see) no (?:errors?|mistakes?|(?:wrong|incorrect) steps?)"
    rf"|no steps? (?:is|are) {_WRONG}|none of the steps (?:is|are) {_WRONG}"
    r"|no (?:errors?|mistakes?) (?:(?:is|are|was|were) )?(?:found|present|made)"
    rf"|the (?:whole |entire )?solution is(?: \w{{1,20}}ly)? {_RIGHT})\b",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"\W{0,3}(?:so far|yet|(?:except|until|up|but|before|apart|other|save|besides|through|till|unless|if|when|in|at|after)\b"
    r"(?! (?:the|this|his|her|its) (?:whole |entire |given )?(?:solution|reasoning|work)))",
    re.IGNORECASE,
)
_WRONG_STEP = re.compile(
    rf"\bstep ?#?(\d{{1,9}}) (?:(?:is|was|looks)(?: \w{{1,20}}ly| also)? {_WRONG}\b"
    r"|(?:contains|has|makes|introduces) an? (?:\w{1,20} ){0,2}(?:error|mistake)\b"
    r"|(?:incorrectly|wrongly|mistakenly|erroneously) \w)"
    r"|(?<!\bno )\b(?:error|mistake)(?: (?:is|lies|occurs|was made))? in step ?#?(\d{1,9})\b",
    re.IGNORECASE,
)
_RIGHT_STEP = re.compile(rf"\bstep ?#?(\d{{1,9}}) (?:is|was|looks)(?: \w{{1,20}}ly| also)? {_RIGHT}\b", re.IGNORECASE)
_STEP_RANGE = re.compile(
    rf"\bsteps? #?(\d{{1,4}}) ?(?:to|through|till|and|-|–) ?#?(\d{{1,4}})(?: of (?:the|this|his|her) \w{{1,20}})? (?:are|is|were|look)(?: all)?"
    rf"(?: \w{{1,20}}ly)? (?:({_RIGHT})|{_WRONG})\b",
    re.IGNORECASE,
)
_VERDICT_LINE = re.compile(
    r"^[ >#•-]{0,8}(?:step )?#?(\d{1,4}) {0,2}[.:)\]–—-]{0,2} ?(?:\1[.,:)]? )?[–—:-]{0,2} ?(?:(?:this|the) step is )?[<(\"']?"
    r"(?:(right|correct|valid)|(?:wrong|incorrect|invalid))(?:[>)\"']| ?(?:$|(?=[.,:;(\[–—-]))|(?= (?:because|since|as|and|but|in|the)\b))"
    r"[ .,:;–—-]{0,4}(.{0,2000})$",
    re.IGNORECASE | re.MULTILINE,
)
_SUPPOSED = re.compile(r"\b(?:not|if|when|whether|unless|or|cannot)\b|n't\b", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed ?\{ ?(?:\\text\{ ?)?(?:step )?(none|-?\d{1,9}) ?\}", re.IGNORECASE)
_LOOSE = re.compile(r"[\"']first_error[\"']\s{0,40}:\s{0,40}(\"[^\"\n]{0,40}\"|-?\d{1,9}|null\b|none\b)", re.IGNORECASE)
_BARE = re.compile(r"[\s*`\"'.(\[{]*([\w/# -]{1,20}?)[\s*`\"'.)\]}]*")


@dataclass(frozen=True)
class Claim:
    """One claim of a reply about the first error."""

    step: int | None
    """The step, counted from 1; NO_STEP where it says that none is wrong; None where its words mean neither."""
    kind: str = ""
    reason: str = ""
    only_if_fitting: bool = False
    """Whether it may be something else, such as the problem's answer in a box."""


def parse_step_number(value: Any) -> int | None:
    """The step that a value names, counted from 1; NO_STEP for none, below 0 or too large for what no step can be."""
    if value is None:
        return NO_STEP
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _step(int(value)) if -_LARGEST < value < _LARGEST and value % 1 == 0 else None
    text = value.strip().casefold() if isinstance(value, str) and len(value) < 100 else ""
    if text in _NONE_WORDS:
        return NO_STEP
    match = _STEP.fullmatch(text)
    return _step(int(match[1])) if match else None


def _step(value: int) -> int:
    return NO_STEP if value == -1 else _ZERO if value == 0 else value


def find_json_claims(text: str, material: Material) -> Iterator[Claim]:
    """The claims of JSON objects, nested ones too; of JSON that is broken the pair of key and value."""
    pairs = [pair for value in find_objects(text) for pair in _nested(value, 3)]
    for key, value, record in pairs:
        if not material.contains(f"{key} {value}"):
            yield Claim(parse_step_number(value), _text(record.get("kind")), _text(record.get("reason")))
    if not pairs:
        for match in _LOOSE.finditer(text):
            if not material.contains(match[0]):
                kind, reason = find_field(text, "kind"), find_field(text, "reason")
                yield Claim(parse_step_number(match[1].strip('"')), _text(kind), _text(reason))


def _nested(value: Any, depth: int) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each pair about the first error, with the object that holds it."""
    if isinstance(value, dict):
        for key, item in value.items():
            if re.sub(r"[^a-z]", "", key[:40].casefold()) in _KEYS:
                yield key, item, value
            elif depth:
                yield from _nested(item, depth - 1)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def find_worded_claims(text: str, material: Material) -> Iterator[Claim]:
    """The claims of lines and sentences."""
    for match in _LINE.finditer(text):
        if not material.contains(match[0]):
            yield Claim(parse_step_number(match[1] or match[2]), (match[3] or "").strip())
    for pattern in _SENTENCES:
        for match in pattern.finditer(text):
            if not (_supposed(text, match) or material.contains(match[0])):
                yield Claim(parse_step_number(match[1]))
    for match in _NO_ERROR.finditer(text):
        if not (_supposed(text, match) or _LIMITED.match(text, match.end()) or material.contains(match[0])):
            yield Claim(NO_STEP)
    for match in _BOXED.finditer(text):
        if not material.contains(match[0]):
            # the steps are shown from 1 on, so that a box with 0 is none of them; beside words it may be an answer
            yield Claim(NO_STEP if match[1] == "0" else parse_step_number(match[1]), only_if_fitting=True)


def find_bare_claim(text: str, material: Material) -> Iterator[Claim]:
    """The claim of a reply that is nothing but a number or none."""
    match = _BARE.fullmatch(text) if len(text) < 100 else None
    if (
        match
        and not material.equals(text)
        and (step := parse_step_number(match[1].strip("- ") if match[1] != "-1" else "-1")) is not None
    ):
        yield Claim(step)


@dataclass(frozen=True)
class StepVerdicts:
    """What a reply says of single steps, counted from 1, without saying which is the first wrong one."""

    right: frozenset[int] = frozenset()
    wrong: frozenset[int] = frozenset()
    reasons: Mapping[int, str] = field(default_factory=dict)
    """What follows the verdict on its line, by the step."""


def find_verdict_lines(text: str, material: Material) -> tuple[StepVerdicts, str]:
    """The verdicts of lines such as `3. wrong: 7 * 2 is 14`, and the text without these lines."""
    lines = [match for match in _VERDICT_LINE.finditer(text) if not material.contains(match[0])]
    right = frozenset(int(match[1]) for match in lines if match[2])
    wrong = {int(match[1]): match[3] for match in reversed(lines) if not match[2]}
    rest = _VERDICT_LINE.sub(lambda match: match[0] if material.contains(match[0]) else "", text)
    return StepVerdicts(right, frozenset(wrong), wrong), rest


def find_verdict_sentences(text: str, material: Material) -> StepVerdicts:
    """The verdicts of sentences such as `Step 3 is wrong`, or `Steps 1 to 4 are right`."""
    wrong, right = (
        frozenset(
            int(match[1] or match[match.lastindex or 1])
            for match in pattern.finditer(text)
            if not (_supposed(text, match) or material.contains(match[0]))
        )
        for pattern in (_WRONG_STEP, _RIGHT_STEP)
    )
    for match in _STEP_RANGE.finditer(text):
        if not (_supposed(text, match) or material.contains(match[0])):
            steps = frozenset(range(int(match[1]), int(match[2]) + 1))
            right, wrong = (right | steps, wrong) if match[3] else (right, wrong | steps)
    return StepVerdicts(right, wrong)


def _supposed(text: str, match: re.Match[str]) -> bool:
    """Whether what goes before takes a sentence back."""
    return _SUPPOSED.search(text, max(0, match.start() - 16), match.start()) is not None
