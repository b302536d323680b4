"""`deduplicate`: one of the rows that repeat each other stays, and the others name it."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.task import TaskError
from tasks.dedup.deduplicate import DEDUPLICATE, DeduplicateParameters
from tasks.dedup.release_index import index
from tests.tasks.dedup.letters import make_embedding

Row = tuple[str, str, str]
WORDS = [
    "she",
    "buys",
    "some",
    "apples",
    "and",
    "then",
    "gives",
    "away",
    "of",
    "them",
    "to",
    "her",
    "friend",
    "before",
    "counting",
    "what",
    "is",
    "left",
    "in",
    "the",
    "box",
    "now",
]


def table(rows: Sequence[Row | tuple[str, str, str, str | None]]) -> pl.DataFrame:
    """Rows of key, problem, text and, where there is a fourth, the answer; else all have the same one."""
    answered = [(*row, "7")[:4] for row in rows]
    schema = dict.fromkeys(("solution_id", "problem_id", "rationale", "extracted"), pl.String)
    return pl.DataFrame(answered, schema=schema, orient="row")


LETTERS = "letters"
"""The folder that is said to hold an embedding."""


def list_rejected(
    parts: Sequence[pl.DataFrame], beside: Sequence[Any] = (), **parameters: Any
) -> dict[str, tuple[str, str]]:
    """Reason and detail of each row that is rejected."""
    if parameters.get("embedding") == LETTERS:
        beside = [*beside, make_embedding()]
    with tempfile.TemporaryDirectory() as folder:
        results = DEDUPLICATE.run(list(parts), beside, DeduplicateParameters(**parameters), Path(folder))
        return {key: (reason, detail) for frame in results for key, reason, detail in frame.iter_rows()}


def decided(rows: Sequence[Row], parts: int = 1, **parameters: Any) -> dict[str, str]:
    """The keys that are rejected, each with the one it names."""
    size = max(1, -(-len(rows) // parts))
    result = list_rejected([table(rows[at : at + size]) for at in range(0, len(rows), size)], **parameters)
    return {key: re.sub("^.* (?:as|to) ", "", detail) for key, (_, detail) in result.items()}


def text(seed: int, length: int = 60) -> list[str]:
    chance = random.Random(seed)
    return [chance.choice(WORDS) + "".join(chance.choices("abcdefghij", k=2)) for _ in range(length)]


def changed(words: list[str], *places: int) -> str:
    return " ".join("else" if i in places else word for i, word in enumerate(words))


def jaccard(value: str, other: str, length: int = 5) -> float:
    a, b = (
        {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
        for words in (value.split(), other.split())
    )
    return len(a & b) / len(a | b)


def test_the_smallest_id_stays_and_the_others_name_it() -> None:
    rows = [("b", "p", "same"), ("c", "p", "same"), ("a", "p", "same"), ("d", "p", "other")]
    assert decided(rows) == {"b": "a", "c": "a"}


def test_case_white_space_and_unicode_form_make_no_other_text() -> None:
    texts = [
        "So 5 cafés.",
        "so  5\ncafe\u0301s. ",
        "ＳＯ ５ CAFÉS.",
        "So 5 cafes.",
        "So 6 cafés.",
        "So\u200b 5 ca\u00adfés.",
    ]
    assert decided([(str(i), "p", text) for i, text in enumerate(texts)]) == {"1": "0", "2": "0", "5": "0"}


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("3 × 4 = 12 — done", "3 * 4 = 12 - done"),
        ("\ufeffPaul has\u2060 3 apples", "paul has 3 apples"),
        ("𝟑 + 𝟒 = 𝟕 apples", "3 + 4 = 7 apples"),
        ("ﬁve ﬂowers and straße", "five flowers and strasse"),
        ("don’t “guess” it", 'don\'t "guess" it'),
        ("He\u0301 a\u0300 la\u0323", "hé à lạ"),
        ("3\u00a0+\u20094\u3000= 7", "3 + 4 = 7"),
    ],
)
@pytest.mark.parametrize("by", ["exact", "near"])
def test_unusual_unicode_hides_no_duplicate(value: str, other: str, by: str) -> None:
    assert decided([("a", "p", value), ("b", "p", other), ("c", "p", "nothing alike")], by=by) == {"b": "a"}


def test_scripts_without_spaces_are_compared_by_their_characters() -> None:
    result = "小明有三个苹果他又买了五个苹果现在他一共有八个苹果然后他吃了一个"
    assert decided(
        [("a", "p", result), ("b", "p", result.replace("吃", "丢")), ("c", "p", result[::-1])],
        by="near",
        similarity=0.6,
    ) == {"b": "a"}


def test_solutions_of_two_problems_repeat_each_other_only_where_all_rows_are_in_scope() -> None:
    rows = [("a", "p", "same"), ("b", "q", "same")]
    for by in ("exact", "near", "semantic"):
        assert decided(rows, by=by, embedding=LETTERS) == {}
        assert decided(rows, by=by, embedding=LETTERS, scope="all") == {"b": "a"}


def test_problem_and_text_are_not_mixed_up() -> None:
    assert decided([("a", "p", "qsame"), ("b", "pq", "same")]) == {}


def test_the_same_path_in_other_words() -> None:
    rows = [
        ("a", "p", "She has 3 apples + 4 apples = 7 apples. Then 7 × 2 = 14."),
        ("b", "p", "First 3 + 4 = $7.00; doubling gives 7*2=14 in all"),
        ("c", "p", "First 3 + 4 = 8; doubling gives 8*2=16 in all"),
        ("d", "p", "There are none."),
        ("e", "p", "No equation here either."),
        ("f", "q", "3+4=7, so 7*2=14"),
    ]
    result = list_rejected([table(rows)], by="path")
    assert result == {"b": ("same equations", "the same equations as a")}
    assert set(decided(rows, by="path", scope="all")) == {"b", "f"}


def test_in_the_scope_of_a_path_like_texts_with_other_equations_stay() -> None:
    words = text(1)
    rows = [("a", "p", f"{' '.join(words)} 3 + 4 = 7"), ("b", "p", f"{' '.join(words)} 3 + 4 = 8")]
    alike: dict[str, Any] = {"embedding": LETTERS, "cosine": 0.5, "by": "semantic", "across_answers": True}
    assert decided(rows, by="near") == decided(rows, **alike) == {}
    rows[1] = ("b", "p", f"3 + 4 = 7 {' '.join(words)}")
    assert decided(rows, **alike) == decided(rows, scope="path", **alike) == {"b": "a"}


def test_the_similarity_told_is_that_of_the_shingles() -> None:
    words = text(2)
    result, other, third = " ".join(words), changed(words, 30), changed(words, 10, 20, 30, 40, 50)
    assert jaccard(result, other) > 0.8 > jaccard(result, third)
    outcome = list_rejected([table([("a", "p", result), ("b", "p", other), ("c", "p", third)])], by="near")
    assert outcome == {"b": ("near duplicate", f"similarity {jaccard(result, other):.2f} to a")}


def test_linked_clusters_are_transitive() -> None:
    words = text(3)
    rows = [(f"{i:02d}", "p", changed(words, *range(5, 5 + 5 * i, 5))) for i in range(9)]
    assert jaccard(rows[0][2], rows[8][2]) < 0.4
    result = decided(rows, by="near", clusters="linked")
    assert result == {f"{i:02d}": "00" for i in range(1, 9)}
    assert decided([row for row in rows if row[0] not in result], by="near", clusters="linked") == {}


def test_in_a_star_each_row_is_itself_like_the_one_that_stays() -> None:
    words = text(3)
    rows = [(f"{i:02d}", "p", changed(words, *range(5, 5 + 5 * i, 5))) for i in range(9)]
    result = decided(rows, by="near")
    assert 0 < len(result) < 8
    texts = {key: words for key, _, words in rows}
    assert all(jaccard(texts[key], texts[keeper]) >= 0.8 for key, keeper in result.items())
    stay = sorted(texts.keys() - result)
    assert all(jaccard(texts[a], texts[b]) < 0.8 for a in stay for b in stay if a < b)


def test_planted_pairs_are_found_and_no_others() -> None:
    chance = random.Random(4)
    rows: list[Row] = []
    pairs = set()
    for i in range(3000):
        words = text(1000 + i, chance.randrange(40, 120))
        rows.append((f"{i:05d}a", "p", " ".join(words)))
        other = changed(words, *chance.sample(range(len(words)), chance.randrange(1, 4)))
        if jaccard(rows[-1][2], other) >= 0.8:
            pairs.add((f"{i:05d}b", f"{i:05d}a"))
        rows.append((f"{i:05d}b", "p", other))
    items = set(decided(rows, by="near", scope="all").items())
    assert items <= pairs
    assert len(items) >= 0.99 * len(pairs) > 1000


@pytest.mark.parametrize("by", ["exact", "path", "near", "semantic"])
def test_texts_without_words_and_of_one_word(by: str) -> None:
    rows = [(str(i), "p", item) for i, item in enumerate(["", "?!", " ", "one", "One.", "two", "…", "one two"])]
    result = decided(rows, by=by, embedding=LETTERS)
    expected: dict[str, dict[str, str]] = {
        "exact": {"2": "0"}, "path": {}, "near": {"4": "3"}, "semantic": {},
    }  # fmt: skip
    if by == "semantic":
        assert not {"0", "2"} & result.keys()
    else:
        assert result == expected[by]


def test_the_row_that_is_preferred_stays() -> None:
    rows = table([("a", "p", "same"), ("b", "p", "same"), ("c", "p", "same"), ("d", "p", "same")]).with_columns(
        pl.Series("confidence", [0.2, 0.9, None, 0.9]), pl.Series("judge", [None, None, "x", "y"])
    )

    def stays(rows: pl.DataFrame, **parameters: Any) -> set[str]:
        return {detail.split()[-1] for _, detail in list_rejected([rows], **parameters).values()}

    assert stays(rows.drop("judge"), prefer="confidence") == {"b"}
    ordered = rows.select("solution_id", "problem_id", "rationale", "judge", "confidence")
    assert stays(ordered, prefer=["judge", "confidence"]) == {"d"}
    assert stays(rows.drop("judge", "confidence")) == {"a"}


@pytest.mark.slow
def test_a_million_rows_that_are_the_same_take_time_in_proportion() -> None:
    text = "She has 3 apples and eats 2 of them all at once."
    parts = (table([(f"{i}-{j}", "p", text) for j in range(10_000)]) for i in range(100))
    with tempfile.TemporaryDirectory() as folder:
        parameters = DeduplicateParameters(by=["exact", "near"])
        assert sum(frame.height for frame in DEDUPLICATE.run(parts, [], parameters, Path(folder))) == 999_999


def test_many_rows_in_one_bucket_are_held_against_leaders() -> None:
    words = text(5, 400)
    rows = [(f"{i:05d}", "p", changed(words, i % 390 + 1)) for i in range(3000)]
    result = decided(rows, by="near")
    assert len(result) == 2999
    assert set(result.values()) == {"00000"}


def test_what_a_release_holds_is_rejected_and_named() -> None:
    words = text(6)
    released = index(
        table(
            [
                ("r1", "p", " ".join(words)),
                ("r2", "p", "the same"),
                ("r3", "p", "1 + 2 = 3 pens"),
                ("r2b", "p", "THE same"),
            ]
        )
    )
    rows = [
        ("a", "p", changed(words, 7)), ("b", "p", "The  same"), ("r2", "p", "the same"), ("c", "q", "the same"),
        ("d", "p", "so 1+2=3"), ("e", "p", "new"),
    ]  # fmt: skip
    result = list_rejected([table(rows)], [[released]], by=["exact", "path", "near"], releases="mwpes@1.0.0")
    assert result == {
        "a": ("in an earlier release: near duplicate", f"similarity {jaccard(rows[0][2], ' '.join(words)):.2f} to r1 of mwpes@1.0.0"),
        "b": ("in an earlier release: duplicate", "the same text as r2 of mwpes@1.0.0"),
        "r2": ("in an earlier release: duplicate", "the same text as r2 of mwpes@1.0.0"),
        "d": ("in an earlier release: same equations", "the same equations as r3 of mwpes@1.0.0"),
    }  # fmt: skip


def test_the_index_of_an_earlier_version_is_refused() -> None:
    released = index(table([("r1", "p", "the same")])).drop("answer", "figures")
    with pytest.raises(TaskError) as refused:
        list_rejected([table([("a", "p", "same")])], [[released]], releases="mwpes@1.0.0")
    assert str(refused.value) == (
        "releases: the index of mwpes@1.0.0 lacks answer, figures, by which solutions are compared now; release it again, or leave it out"
    )


def test_a_real_embedding_finds_the_same_in_other_words() -> None:
    rows = [
        ("a", "p", "Tom has 12 apples and he buys 5 more, so that he has 18 now."),
        ("b", "p", "After buying 5 more apples Tom, who had 12, has 18 now."),
        ("c", "p", "The train travels 12 miles in 5 more minutes and arrives at 18."),
        ("d", "p", "After buying 5 more apples Tom, who had 13, has 18 now."),
    ]
    assert decided(rows, by="semantic", embedding="wordllama", cosine=0.85) == {"b": "a"}


def test_no_rows_give_no_decision() -> None:
    assert decided([], by=["exact", "path", "near", "semantic"], embedding=LETTERS) == {}
    assert list_rejected([table([])], by=["exact", "path", "near", "semantic"], embedding=LETTERS) == {}


def test_the_same_meaning_in_another_order() -> None:
    result = "Tom has 12 apples and he buys 5 more apples. He has 17 apples now."
    other = "He has 17 apples now. Tom has 12 apples and he buys 5 more apples."
    third = "Sara sells 12 books to 17 friends and 5 more candles each day."
    rows = [("a", "p", result), ("b", "p", other), ("c", "p", third), ("d", "p", other.replace("12", "13"))]
    assert decided(rows, by="near") == {}
    assert list_rejected([table(rows)], by="semantic", embedding="abacus")["b"][0] == "same meaning"
    assert decided(rows, by="semantic", embedding="abacus") == {"b": "a"}


def test_an_embedding_that_does_not_know_the_words_is_refused() -> None:
    rows = [("a", "p", "The train travels 45 miles northwards"), ("b", "p", "45 miles are travelled")]
    with pytest.raises(TaskError) as refused:
        list_rejected([table(rows)], by="semantic", embedding="abacus")
    assert str(refused.value) == (
        "embedding: abacus does not know the texts: 60% of their tokens are unknown to it, and 5% may be; "
        "name another one, or leave semantic out"
    )


def test_an_embedding_for_which_unrelated_texts_are_alike_is_refused() -> None:
    rows = [
        (f"{i:03d}", f"p{i}", f"The {chr(97 + i % 26)} of {i}: " + "in all of them there is one letter")
        for i in range(120)
    ]
    with pytest.raises(
        TaskError, match=r"does not tell the texts apart: of 119 pairs of texts of different problems \d+% have"
    ):
        list_rejected([table(rows)], by="semantic", embedding=LETTERS, scope="all")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"by": "semantic"}, "needs an embedding and none is named"),
        ({"unit": "characters", "by": "near", "releases": "a@1.0.0"}, "holds hashes of words"),
        ({"releases": "mwpes"}, "expected a release and its version"),
        ({"by": []}, "at least 1 item"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DeduplicateParameters(**parameters)


NEAR = text(7, 30)
TEXTS = [
    "same",
    "SAME ",
    "other",
    "third",
    "",
    *(changed(NEAR, i) for i in range(8, 20)),
    "3+4=7",
    "3 + 4 = 7 so",
    "12 apples",
    "apples 12",
]
ROWS = st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from(TEXTS)), min_size=1, max_size=16).map(
    lambda pairs: [(f"{i:02d}", problem, text) for i, (problem, text) in enumerate(pairs)]
)
BY = st.lists(st.sampled_from(["exact", "mistake", "path", "near", "semantic"]), min_size=1, max_size=4, unique=True)


@settings(deadline=None, max_examples=60)
@given(ROWS, BY, st.sampled_from(["problem", "path", "all"]), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_decision_is_the_same_in_any_order_and_parts_and_nothing_is_left_to_decide(
    rows: list[Row], by: list[str], scope: str, parts: int, chance: random.Random
) -> None:
    given: dict[str, Any] = {"by": by, "scope": scope, "embedding": LETTERS, "similarity": 0.7}
    result = decided(rows, **given)
    assert decided(chance.sample(rows, len(rows)), parts, **given) == result
    stay = [row for row in rows if row[0] not in result]
    assert decided(stay, **given) == {}
    assert set(result.values()) <= {row[0] for row in stay}
