"""`decontaminate`: what stands in a test set is rejected with the evidence, and nothing else is."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.task import Record, TaskError
from tasks.dedup import ngram_overlap
from tasks.dedup.decontaminate import DECONTAMINATE, DecontaminateParameters
from tasks.dedup.token_hashes import hash_words, normalize_texts

ITEM = "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May; how many in all?"
OTHER = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?"


def records(texts: Sequence[str]) -> list[list[Record]]:
    return [[Record(f"test.jsonl:{i}", {"question": text}) for i, text in enumerate(texts, 1)]]


def list_rejected(texts: Sequence[str], tests: Any, **parameters: Any) -> dict[str, tuple[str, str]]:
    """Reason and detail of each text that is rejected, by its number."""
    part = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "question": texts},
        schema_overrides={"question": pl.String, "id": pl.String},
    )
    given = DecontaminateParameters(**{"against": [{"name": "gsm", "files": "test.jsonl"}], **parameters})
    with tempfile.TemporaryDirectory() as folder:
        frames = list(DECONTAMINATE.run([part[:2], part[2:]], [tests], given, Path(folder)))
    return {key: (reason, detail) for frame in frames for key, reason, detail in frame.iter_rows()}


def test_the_same_question_is_found_in_another_dress() -> None:
    got = list_rejected(["Something else.", ITEM.upper().replace(" ", "  "), ""], records([OTHER, ITEM, ""]))
    assert got == {"1": ("in test set gsm", "question: test.jsonl:2: the same text")}


def test_a_question_in_other_words_round_it_is_found_with_share_and_span() -> None:
    part = " ".join(ITEM.split()[:16])
    got = list_rejected(
        [f"Please solve this for me today: {part} cookies instead", "Unlike all."], records([OTHER, ITEM])
    )
    assert got == {
        "0": (
            "in test set gsm",
            "question: test.jsonl:2: 67% of its 24 words by 8-grams, the longest run here words 7-22: "
            "“natalia sold clips to 48 of her friends in april and then she sold half as”",
        )
    }


def test_the_thresholds_are_those_of_the_recipe() -> None:
    nine = "x y z " + " ".join(ITEM.split()[:9]) + " p q r"
    assert list_rejected([nine], records([ITEM])) == {}
    assert "0" in list_rejected([nine], records([ITEM]), rules=[{"ngram": 8, "coverage": 0.375}])
    assert list_rejected([nine], records([ITEM]), rules=[{"ngram": 8, "coverage": 0.38}]) == {}
    thirteen = "x y z " + " ".join(ITEM.split()[:13]) + " p q r"
    rules = [{"ngram": 13, "coverage": 0.0}]
    assert list_rejected([thirteen, nine], records([ITEM]), rules=rules).keys() == {"0"}
    assert list_rejected([ITEM], records([ITEM]), rules=[]).keys() == {"0"}


def test_coverage_counts_the_words_of_one_item_and_each_once() -> None:
    words_ = ITEM.replace(";", "").replace("?", "").split()
    halves = " ".join(words_[:10]) + " or also " + " ".join(words_[13:])
    detail = list_rejected([halves], records([ITEM]))["0"][1]
    assert f"{21 / 24:.0%} of its 24 words" in detail
    twice = " ".join(words_[:9] * 3)
    assert list_rejected([twice], records([ITEM])) == {}


def test_a_question_that_differs_in_its_numbers_alone_is_found_where_wanted() -> None:
    other = ITEM.replace("48", "1,250.5")
    rules = [{"ngram": 13, "coverage": 1.0}]
    assert list_rejected([other], records([ITEM]), rules=rules) == {}
    got = list_rejected([other], records([ITEM]), rules=rules, template=True)
    assert got == {"0": ("in test set gsm", "question: test.jsonl:1: the same text but for its numbers")}


def test_every_row_with_the_text_is_rejected_in_any_part() -> None:
    assert list_rejected([ITEM, "a", ITEM, ITEM.lower(), "b"], records([ITEM])).keys() == {"0", "2", "3"}


def test_short_items_are_found_only_whole() -> None:
    assert list_rejected(
        ["What is 2 + 2?", "He asks: what is 2 + 2? I do not know that one"],
        records(["what is 2+2?", "What is 2 + 2?"]),
    ).keys() == {"0"}


def test_what_many_items_have_in_common_finds_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_overlap, "COMMON", 5)
    phrase = "how many of them does he have left in total now"
    tests = records([f"{phrase} {i}" for i in range(20)] + [f"{phrase} if he eats three of the red ones"])
    assert list_rejected([f"So {phrase}"], tests, rules=[{"ngram": 8, "coverage": 0.5}]) == {}
    detail = list_rejected([f"So {phrase} if he eats three of the red ones or"], tests)["0"][1]
    assert "test.jsonl:21: 100% of its 19 words" in detail


def test_columns_are_looked_at_one_after_the_other() -> None:
    part = pl.DataFrame({"id": ["a", "b"], "question": ["x", "y"], "rationale": [ITEM, "z"]})
    given = DecontaminateParameters.model_validate(
        {"against": [{"name": "gsm", "files": ["t"]}], "columns": ["question", "rationale"]}
    )
    with tempfile.TemporaryDirectory() as folder:
        (frame,) = DECONTAMINATE.run([part], [records([ITEM])], given, Path(folder))
    assert frame.rows() == [("a", "in test set gsm", "rationale: test.jsonl:1: the same text")]


def test_a_test_set_larger_than_the_corpus_is_gone_through_once() -> None:
    chance = random.Random(1)
    vocabulary = [f"w{i}" for i in range(2000)]

    class Large:
        passes = 0

        def __iter__(self) -> Iterator[list[Record]]:
            self.passes += 1
            for batch in range(60):
                yield [
                    Record(f"t:{batch}-{i}", {"question": " ".join(chance.choices(vocabulary, k=30))})
                    for i in range(1000)
                ] + ([Record("t:hit", {"question": ITEM})] if batch == 40 else [])

    large = Large()
    assert list_rejected(["none", ITEM], large) == {"1": ("in test set gsm", "question: t:hit: the same text")}
    assert large.passes == 1


def test_the_words_quoted_are_those_that_are_hashed() -> None:
    texts = pl.Series(
        ["So 5 cafés cost $3.50 — ok?", "小明有3个 ab", "don’t 3×4=12 x^2 | a_b", "", "🙂🙂 ok", "Ωmega ½"]
    )
    spelled = [len(ngram_overlap._WORD.findall(text)) for text in normalize_texts(texts).to_list()]
    assert spelled == hash_words(texts).counts().tolist()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record("t.jsonl:3", {"problem": "x"}), r"against: gsm, t.jsonl:3: missing field: 'question'; name the field .*there are problem"),
        (Record("t.jsonl:4", None, "{", ("not JSON", "Expecting value")), r"gsm, t.jsonl:4: not JSON \(Expecting value\)"),
    ],
)  # fmt: skip
def test_a_test_item_that_cannot_be_read_is_an_error(record: Record, expected: str) -> None:
    with pytest.raises(TaskError, match=expected):
        list_rejected(["x"], [[record]])


@pytest.mark.parametrize(
    ("against", "expected"),
    [
        ({"name": "a"}, "named by `files` or by `release`, found neither"),
        ({"name": "a", "files": "x", "release": "c@1.0.0"}, "found both"),
        ({"name": "a", "release": "c"}, "expected a release and its version"),
    ],
)
def test_a_test_set_is_somewhere(against: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        DecontaminateParameters(against=[against])  # type: ignore[list-item]
