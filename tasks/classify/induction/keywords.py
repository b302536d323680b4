"""Types from keywords, as CoTErrorSet found its own: keywords of each mistake's cause, sorted into categories by a model.

A keyword counts only where it stands in the cause, and a category only for
keywords that it was asked about; what no category takes is asked about again,
and what is left in the end leaves its mistake undecided.

Source: Tong et al. 2024, Can LLMs Learn from Previous Mistakes?, section 3.2.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence

from schemas.model_id import ModelId
from schemas.recipe.taxonomy import normalize_name
from schemas.request import Reply, Request, Sampling
from tasks.classify.induction.merge import merge_names
from tasks.classify.induction.open_reply import Proposal, name_of, tidy_line
from tasks.classify.induction.state import Growth
from tasks.classify.reply import read_final_text
from tasks.classify.requests import Row, list_types, name_model
from tasks.llm import prompts
from tasks.llm.lenient_json import find_objects
from tasks.llm.prompt_guard import strip_marks
from tasks.llm.quoted_text import Material

AT_ONCE = 60
"""Keywords of a request."""
MOST, LONGEST, MOST_WORDS = 5, 60, 6
"""Keywords of a cause, and the characters and words of one."""
EXAMPLES = 8
"""Keywords that define a category."""
MOST_PHRASES, LONGEST_PHRASE = 200, 3
"""Phrases of a cause that a schema offers as keywords, and the words of one."""
PLAIN = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "for",
        "from",
        "had",
        "has",
        "have",
        "if",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "so",
        "that",
        "the",
        "then",
        "there",
        "this",
        "to",
        "was",
        "were",
        "which",
        "with",
    ]
)
"""Words that begin and end no keyword."""
TOKENS = 2_048
LONGEST_CAUSE = 2_000
NO_CAUSE, NO_KEYWORD, NO_CATEGORY = "no cause", "no keyword", "no category"
_LINE = re.compile(r"^[\s*\-#\d.)\[]{0,12}([^:\n\]]{1,100}?)[\]*\s]{0,4}:\s{0,4}(.{1,4000})$")
Talk = Generator[Sequence[Request], Mapping[str, Reply], None]


def grow(growth: Growth, rows: Sequence[Row], causes: str, rounds: int, decider: ModelId) -> Talk:
    """Let a taxonomy grow from the causes of mistakes: one round of keywords, then rounds of sorting them."""
    keywords = yield from _extract_keywords(rows, causes, decider)
    waiting = sorted({word for words in keywords.values() for word in words})
    counts = Counter(word for words in keywords.values() for word in words)
    waiting.sort(key=lambda word: (-counts[word], word))
    sorted_: dict[str, str] = {}
    for _ in range(rounds):
        before = len(waiting)
        sorted_ |= yield from _sort_keywords(growth, waiting, decider)
        waiting = [word for word in waiting if word not in sorted_]
        growth.count_answers(_propose_categories(rows, keywords, causes, sorted_, name_model(decider)), len(rows))
        yield from merge_names(growth, decider)
        growth.promote()
        if not waiting or len(waiting) == before:
            break  # nothing is left, or nothing more is taken


def _extract_keywords(
    rows: Sequence[Row], causes: str, model: ModelId
) -> Generator[Sequence[Request], Mapping[str, Reply], dict[str, list[str]]]:
    """The keywords of each row's cause, by the row's id."""
    requests = {
        row["solution_id"]: _request_keywords(cause, model) for row in rows if (cause := read_cause(row, causes))
    }
    replies: Mapping[str, Reply] = (yield list(requests.values())) if requests else {}
    by_id = {row["solution_id"]: row for row in rows}
    return {
        id_: parse_keywords(replies[request.id], read_cause(by_id[id_], causes)) for id_, request in requests.items()
    }


def read_cause(row: Row, causes: str) -> str:
    """A mistake's cause in words: the column's text, or of several texts the first that is not empty."""
    value = row.get(causes) or ""
    texts = [value] if isinstance(value, str) else value
    return next((text.strip()[:LONGEST_CAUSE] for text in texts if text and text.strip()), "")


def parse_keywords(reply: Reply, cause: str) -> list[str]:
    """The keywords in a reply that stand in the cause; the first of those that are spelt alike."""
    text, _ = read_final_text(reply)
    given = [
        word
        for record in find_objects(text)
        for key, value in record.items()
        if normalize_name(key) == "keywords"
        for word in _split_list(value)
    ]
    material = Material([cause])
    tidied = [tidy_line(word)[: LONGEST + 1] for word in given[: 4 * MOST]]
    accepted = {
        normalize_name(word): word for word in reversed(tidied)
        if 0 < len(word) <= LONGEST and len(word.split()) <= MOST_WORDS and normalize_name(word) and material.contains(word)
    }  # fmt: skip
    return list(dict.fromkeys(normalize_name(word) for word in tidied if normalize_name(word) in accepted))[:MOST]


def _split_list(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(",")
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _sort_keywords(
    growth: Growth, words: Sequence[str], model: ModelId
) -> Generator[Sequence[Request], Mapping[str, Reply], dict[str, str]]:
    """The category of each keyword that some reply put into exactly one."""
    lots = [words[at : at + AT_ONCE] for at in range(0, len(words), AT_ONCE)]
    requests = [(lot, _request_categories(growth, lot, model)) for lot in lots]
    replies: Mapping[str, Reply] = (yield [request for _, request in requests]) if requests else {}
    categories: dict[str, str] = {}
    for lot, request in requests:
        categories |= parse_categories(replies[request.id], lot)
    return categories


def parse_categories(reply: Reply, words: Sequence[str]) -> dict[str, str]:
    """Which category a reply puts each keyword into; not those it puts into two, nor words it was not asked about."""
    text, _ = read_final_text(reply)
    keys, taken = set(words), dict[str, set[str]]()
    for line in text.split("\n")[: 4 * AT_ONCE]:
        if (match := _LINE.match(line)) and (name := name_of(match[1])):
            for word in match[2].split(","):
                if (key := normalize_name(word)) in keys:
                    taken.setdefault(key, set()).add(name)
    return {
        word: min(names) for word, names in taken.items() if len({normalize_name(name) for name in names}) == 1
    }  # fmt: skip


def _propose_categories(
    rows: Sequence[Row], keywords: Mapping[str, Sequence[str]], causes: str, sorted_: Mapping[str, str], who: str
) -> dict[tuple[str, str], Proposal]:
    """The type proposed for each mistake by its keywords: the category of most of them, the largest of several."""
    members: dict[str, Counter[str]] = {}
    for group in keywords.values():
        for word in group:
            if word in sorted_:
                members.setdefault(normalize_name(sorted_[word]), Counter())[word] += 1
    answers = {}
    for row in rows:
        words = keywords.get(row["solution_id"], [])
        names = [sorted_[word] for word in words if word in sorted_]
        if not names:
            fault = NO_CATEGORY if words else NO_KEYWORD if read_cause(row, causes) else NO_CAUSE
            answers[row["solution_id"], who] = Proposal(fault=fault)
            continue
        counts = Counter(map(normalize_name, names))
        name = max(names, key=lambda candidate: (counts[normalize_name(candidate)], -names.index(candidate)))
        commonest = sorted(members[normalize_name(name)].items(), key=lambda pair: (-pair[1], pair[0]))[:EXAMPLES]
        definition = f"Such as: {', '.join(word for word, _ in commonest)}."
        answers[row["solution_id"], who] = Proposal(name=name, definition=definition)
    return answers


def _request_keywords(cause: str, model: ModelId) -> Request:
    mark = hashlib.blake2b(cause.encode(), digest_size=8).hexdigest()
    fields = {"mark": mark, "cause": strip_marks(cause, mark)}
    sampling = Sampling(256, 0.0, 1.0, (), make_schema(cause))
    return model.ask(prompts.fill(prompts.find_template("keywords"), fields), sampling)


def make_schema(cause: str) -> str:
    """The JSON schema of the keywords of a cause: at least one, and only what stands in it, where that are not too many phrases."""
    phrases = list_phrases(cause)
    item = {"type": "string", "enum": phrases} if phrases else {"type": "string", "maxLength": LONGEST}
    keywords = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST}
    return json.dumps(
        {
            "type": "object",
            "properties": {"keywords": keywords},
            "required": ["keywords"],
            "additionalProperties": False,
        }
    )


def list_phrases(cause: str) -> list[str]:
    """The phrases of a cause that may be its keywords: up to three words of a clause, none of them a number.

    Args:
        cause: The description of a mistake.

    Returns:
        The phrases, the shortest first; none where they are more than a schema may have.

    """
    clauses = [clause.split() for clause in re.split(r"[^\w\s'’-]+|\d\S*", cause)]
    phrases = dict.fromkeys(
        " ".join(words[at : at + length])
        for length in range(1, LONGEST_PHRASE + 1)
        for words in clauses
        for at in range(len(words) - length + 1)
        if not {words[at].lower(), words[at + length - 1].lower()} & PLAIN
    )
    fitting = [phrase for phrase in phrases if len(phrase) <= LONGEST and normalize_name(phrase)]
    return fitting if len(fitting) <= MOST_PHRASES else []


def _request_categories(growth: Growth, lot: Sequence[str], model: ModelId) -> Request:
    mark = hashlib.blake2b(json.dumps(lot).encode(), digest_size=8).hexdigest()
    fields = {
        "mark": mark,
        "keywords": strip_marks("\n".join(lot), mark),
        "types": list_types(growth.make_taxonomy(), mark),
    }
    return model.ask(prompts.fill(prompts.find_template("categories"), fields), Sampling(TOKENS, 0.0))
