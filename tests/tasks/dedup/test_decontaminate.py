"""`decontaminate`: what stands in a test set is rejected with the evidence, and nothing else is."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from safetensors.numpy import save
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from schemas.task import Record, TaskError
from tasks.dedup import ngram_overlap
from tasks.dedup.decontaminate import DECONTAMINATE, DecontaminateParameters
from tasks.dedup.token_hashes import hash_words, normalize_texts

ITEM = "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May; how many in all?"
OTHER = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?"


def records(texts: Sequence[str]) -> list[list[Record]]:
    return [[Record(f"test.jsonl:{i}", {"question": text}) for i, text in enumerate(texts, 1)]]


def find_hits(texts: Sequence[str], tests: Any, **parameters: Any) -> list[dict[str, Any]]:
    """The rows that the task yields, by the number of the text."""
    part = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "question": texts},
        schema_overrides={"question": pl.String, "id": pl.String},
    )
    given = DecontaminateParameters(**{"against": [{"name": "gsm", "files": "test.jsonl"}], **parameters})
    with tempfile.TemporaryDirectory() as folder:
        frames = list(DECONTAMINATE.run([part[:2], part[2:]], [tests], given, Path(folder)))
    return [row for frame in frames for row in frame.iter_rows(named=True)]


def list_rejected(texts: Sequence[str], tests: Any, **parameters: Any) -> dict[str, tuple[str, str]]:
    """Reason and detail of each text that is rejected, by its number."""
    rows = find_hits(texts, tests, **{"masks": [], **parameters})
    return {row["key"]: (row["reason"], row["detail"]) for row in rows if row["reason"]}


def list_doubtful(texts: Sequence[str], tests: Any, **parameters: Any) -> dict[str, str]:
    """What is said of each text of which it is doubtful, by its number."""
    return {row["key"]: row["contamination"] for row in find_hits(texts, tests, **parameters) if not row["reason"]}


def test_the_same_question_is_found_in_another_dress() -> None:
    got = list_rejected(["Something else.", ITEM.upper().replace(" ", "  "), ""], records([OTHER, ITEM, ""]))
    assert got == {"1": ("in test set gsm: the same text", "question: test.jsonl:2: the same text")}


def test_a_question_in_other_words_round_it_is_found_with_share_and_span() -> None:
    part = " ".join(ITEM.split()[:16])
    got = list_rejected(
        [f"Please solve this for me today: {part} cookies instead", "Unlike all."], records([OTHER, ITEM])
    )
    assert got == {
        "0": (
            "in test set gsm: n-grams",
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


CHANGED = [
    ("numbers and signs", "Natalia sold clips to −1,250.5 of her friends in April and then she sold half as many clips in May; how many in all?"),
    ("the comma behind a number", ITEM.replace("48", "48,").replace("half", "0.5")),
    ("numbers in words", ITEM.replace("48", "twenty-one")),
    ("a number and a half", ITEM.replace("48", "3 1/2")),
    ("a percentage", ITEM.replace("half as many", "25 as many")),
    ("names", ITEM.replace("Natalia", "José Maria").replace("April", "June").replace("May", "July")),
    ("a title", ITEM.replace("Natalia", "Mrs. van Oak").replace("van ", "")),
    ("in a prompt", f"You are helpful.\n\nQuestion: {ITEM.replace('48', '7').replace('Natalia', 'Lin')}\nThink step by step."),
]  # fmt: skip


@pytest.mark.parametrize(("what", "text"), CHANGED, ids=[what for what, _ in CHANGED])
def test_a_question_with_other_numbers_and_names_is_found(what: str, text: str) -> None:
    ((reason, detail),) = list_rejected([text], records([OTHER, ITEM]), masks=["numbers", "names"]).values()
    assert reason == "in test set gsm: numbers and names changed" or what in ("the comma behind a number",)
    assert "test.jsonl:2: " in detail


def test_what_was_changed_is_said_with_share_and_span() -> None:
    text = ITEM.replace("48", "1,250.5").replace("Natalia", "Priya Rao")
    strict = [{"ngram": 13, "coverage": 1.0}]
    assert list_rejected([text], records([ITEM]), rules=strict) == {}
    got = list_rejected([text], records([ITEM]), rules=strict, masks=["numbers", "names"])
    assert got == {
        "0": (
            "in test set gsm: numbers and names changed",
            "question: test.jsonl:1: but for its numbers and names 100% of its 24 words by 8-grams, the longest run here "
            "words 1-24: “@ sold clips to # of her friends in @ and then she sold # as many clips in @ how many in all”",
        )
    }


def test_units_are_masked_where_wanted() -> None:
    item = "A tank holds 40 gallons of fuel and a pump that leaks fills it with 3 gallons in 2 hours; when does it overflow?"
    text = item.replace("40 gallons", "500 liters").replace("3 gallons", "9 liters").replace("hours", "minutes")
    assert list_rejected([text], records([item]), masks=["numbers", "names"]) == {}
    assert list_rejected([text], records([item]), masks=["numbers", "names", "units"]).keys() == {"0"}


def test_what_is_not_said_to_be_changed_must_be_the_same() -> None:
    names = ITEM.replace("Natalia", "Priya").replace("April", "June").replace("May", "July").replace("clips", "Clips")
    strict = [{"ngram": 13, "coverage": 1.0}]
    numbers = ITEM.replace("48", "17").replace("half", "twice")
    tests = records([ITEM])
    assert list_rejected([numbers], tests, rules=strict, masks=["numbers"]).keys() == {"0"}
    assert list_rejected([numbers], tests, rules=strict, masks=["names"]) == {}
    assert list_rejected([ITEM.replace("Natalia", "Priya")], tests, rules=strict, masks=["names"]).keys() == {"0"}
    assert list_rejected([names], tests, rules=strict, masks=["numbers"]) == {}


def test_punctuation_makes_no_other_text() -> None:
    text = "**A robe** takes 2 bolts of blue fiber, and half that much white fiber... How many bolts - in total - does it take"
    item = OTHER.replace("fiber and", "fiber; and")
    assert list_rejected([text.replace(" - ", " ")], records([item]), rules=[]).keys() == {"0"}
    assert list_rejected(["Find 3 - 8."], records(["Find 3 + 8."]), rules=[]) == {}


def test_every_row_with_the_text_is_rejected_in_any_part() -> None:
    assert list_rejected([ITEM, "a", ITEM, ITEM.lower(), "b"], records([ITEM])).keys() == {"0", "2", "3"}


def test_short_items_are_found_as_wholes_and_as_sentences() -> None:
    texts = [
        "What is 2 + 2?", "He asks: what is 2+2? I do not know that one", "Question: What is 2 + 2?\nAnswer:",
        "What is 2 + 2 + 5?", "What is 2 - 2?", "So what is 2 + 2 to you?",
    ]  # fmt: skip
    got = list_rejected(texts, records(["What is 2 + 2?"]))
    assert {key: reason for key, (reason, _) in got.items()} == {
        "0": "in test set gsm: the same text", "1": "in test set gsm: a sentence", "2": "in test set gsm: a sentence"
    }  # fmt: skip
    assert got["2"][1] == "question: test.jsonl:1: all of it is a sentence here"
    assert list_rejected(["Hint. Let x = 4. Find 3x! Now."], records(["Let x = 4. Find 3x."])).keys() == {"0"}


STOCK_PAIRS = [
    ("Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q.",
     "Find the degree for the given field extension Q(sqrt(5) + sqrt(7), i) over Q(i)."),
    ("Find all real values of $x$ that satisfy $x^2 - 5x < 6$. Express your answer in interval notation.",
     "Find all real values of $x$ that satisfy $x(x+1) > 12$. Express your answer in interval notation."),
    ("Which of the following is the most likely explanation for the rise in the price of copper?",
     "Which of the following is the most likely explanation for the colour of the second flower?"),
    ("According to the passage, the author would most likely agree with which of the following statements about whaling?",
     "According to the passage, the author would most likely agree with which of the following statements about parks?"),
    ("A patient presents to the emergency department with sudden chest pain. Which of the following is the most likely diagnosis?",
     "A patient presents to the emergency department with a swollen ankle. Which of the following is the most likely diagnosis?"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "text"), STOCK_PAIRS)
@pytest.mark.parametrize(
    "rules", [[{"ngram": 8, "coverage": 0.5}], [{"ngram": 8, "coverage": 0.5}, {"ngram": 13, "coverage": 0.0}]]
)
def test_stock_phrases_with_another_content_are_not_rejected(item: str, text: str, rules: list[Any]) -> None:
    hits = find_hits([text, f"Please answer.\n\n{item}\n\nLet us think."], records([OTHER, item]), rules=rules)
    assert [row["key"] for row in hits if row["reason"]] == ["1"]


def test_what_is_doubtful_is_kept_with_the_evidence() -> None:
    item, text = STOCK_PAIRS[0]
    assert list_doubtful([OTHER, text], records([item])) == {
        "1": "in test set gsm: n-grams; question: test.jsonl:1: 59% of its 17 words by 8-grams, the longest run here words "
        "1-10: “find the degree for the given field extension q sqrt”"
    }
    assert list_doubtful(["Which of the following is true?"], records(["Which of the following is true?"])) == {
        "0": "in test set gsm: the same text; question: test.jsonl:1: the same text, which is made of stock phrases"
    }


BAKERY = "Mara bakes 14 rye loaves and 9 wheat loaves each morning, and sells them for $3.50 at the harbour. What does she earn?"
REWORDED = "At $3.50 a loaf, what is earned at the harbour where Mara sells, every morning, fourteen loaves of rye and nine of wheat?"


def test_a_paraphrase_with_the_numbers_and_the_words_is_found_without_a_model() -> None:
    ((reason, detail),) = list_rejected([REWORDED], records([ITEM, BAKERY, OTHER])).values()
    assert reason == "in test set gsm: other words"
    assert re.fullmatch(r"question: test.jsonl:2: all of its numbers, and \d\d% of its words by their weight", detail)
    assert find_hits([REWORDED], records([ITEM, BAKERY]), paraphrases=False) == []


def test_a_paraphrase_must_have_all_numbers() -> None:
    tests = records([ITEM, BAKERY, OTHER])
    assert find_hits([REWORDED.replace("nine", "eleven")], tests) == []
    assert find_hits(["Mara counts 14 goats and 9 sheep on fields of 3.50 acres beside a river"], tests) == []


def test_what_is_said_with_two_numbers_is_doubtful_however_alike() -> None:
    item = BAKERY.replace(" and 9 wheat loaves", "")
    text = REWORDED.replace(" and nine of wheat", "")
    assert [key for key, said in list_doubtful([text], records([item])).items() if ": other words; " in said] == ["0"]


def write_embedding(words: Sequence[Sequence[str]]) -> list[bytes]:
    """An embedding in which the words of a group are the same, and those of different groups have nothing in common."""
    vocabulary = {word: i for i, word in enumerate(word for group in words for word in group)}
    vectors = np.repeat(np.eye(len(words), dtype=np.float32), [len(group) for group in words], axis=0)
    tokenizer = Tokenizer(WordLevel({**vocabulary, "[UNK]": len(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    table = np.concatenate([vectors, np.zeros((1, len(words)), np.float32)])
    return [tokenizer.to_str().encode(), save({"embeddings": table})]


def test_what_means_the_same_is_found_by_an_embedding() -> None:
    item = "Mara bakes 14 rye and 9 wheat; what must she earn?"
    german = "Mara backt 14 Roggen und 9 Weizen; was muss sie verdienen, Stein?"
    groups = ["mara", "bakes backt", "rye roggen", "wheat weizen", "and und", "what was", "must muss", "she sie", "earn verdienen", "ship river stone stein", "14", "9 8", ";", ",", "?"]  # fmt: skip
    files = write_embedding([group.split() for group in groups])
    texts = [german, german.replace("9", "8"), "ship, river, stone, 14 and 9"]
    part = pl.DataFrame({"id": ["a", "b", "c"], "question": texts})

    def find(cosine: float) -> dict[str, tuple[str | None, str | None]]:
        given = DecontaminateParameters.model_validate(
            {"against": [{"name": "gsm", "files": ["t"]}], "embedding": "folder", "cosine": cosine}
        )
        with tempfile.TemporaryDirectory() as folder:
            (frame,) = DECONTAMINATE.run([part], [records([item]), files], given, Path(folder))
        return {row["key"]: (row["detail"], row["contamination"]) for row in frame.iter_rows(named=True)}

    assert find(0.75).keys() == {"a"}
    evidence = "question: test.jsonl:1: all of its numbers, and a cosine of 0.83"
    assert find(0.75)["a"] == (None, f"in test set gsm: same meaning; {evidence}")
    assert find(0.6) == {
        "a": (evidence, None), "b": (None, "in test set gsm: same meaning; question: test.jsonl:1: a cosine of 0.83")
    }  # fmt: skip


def test_an_embedding_that_does_not_know_the_texts_is_refused() -> None:
    part = pl.DataFrame({"id": ["a"], "question": ["Was verdient sie mit dem Schiff auf dem Fluss?"]})
    known = [[word] for word in dict.fromkeys(re.findall(r"\w+|[;?]", ITEM.lower()))]
    given = DecontaminateParameters.model_validate({"against": [{"name": "g", "files": ["t"]}], "embedding": "folder"})
    expected = (
        r"embedding: does not know the texts: \d\d% of their tokens are unknown to it, .*; name one of their language"
    )
    with tempfile.TemporaryDirectory() as folder, pytest.raises(TaskError, match=expected):
        list(DECONTAMINATE.run([part], [records([ITEM]), write_embedding(known)], given, Path(folder)))


def test_an_embedding_that_cannot_be_read_is_told() -> None:
    part = pl.DataFrame({"id": ["a"], "question": ["x"]})
    given = DecontaminateParameters.model_validate({"against": [{"name": "g", "files": ["t"]}], "embedding": "folder"})
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(
            TaskError, match=r"embedding: folder: .*; name a folder with tokenizer.json and model.safetensors"
        ),
    ):
        list(DECONTAMINATE.run([part], [records([ITEM]), [b"{}", b"no"]], given, Path(folder)))


def test_stock_phrases_are_given_or_found(monkeypatch: pytest.MonkeyPatch) -> None:
    phrase = "On the old harbour wall the fishermen count their baskets of silver herring; "
    kinds = ["a boat", "a gull", "a crab", "a rope", "an anchor", "a lamp"]
    items = [f"{phrase} how heavy is {kind} if it costs {i} coins at the market?" for i, kind in enumerate(kinds)]
    text = f"{phrase} who was the first of them to come home?"
    assert list_doubtful([text], records(items[:1])).keys() == {"0"}
    assert list_doubtful([text], records(items[:1]), phrases=phrase) == {}
    assert list_doubtful([text], records(items)).keys() == {"0"}
    monkeypatch.setattr(ngram_overlap, "STOCK", 5)
    assert list_doubtful([text], records(items)) == {}
    assert list_rejected([items[0]], records(items)).keys() == {"0"}


def test_an_item_in_many_dresses_is_no_stock_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test set with each problem under forty names, or forty times, is one with few problems."""
    monkeypatch.setattr(ngram_overlap, "STOCK", 5)
    items = [ITEM.replace("Natalia", f"Ann{chr(97 + i)}").replace("48", str(i)) for i in range(20)] + [ITEM] * 20
    text = f"Please solve: {ITEM.replace('Natalia', 'Priya').replace('48', '99')}"
    assert list_rejected([text], records(items), masks=["numbers", "names"]).keys() == {"0"}


def test_what_many_items_have_in_common_finds_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_overlap, "COMMON", 5)
    phrase = "how many of them does he have left in total now"
    tests = records([f"{phrase} {i}" for i in range(10)] + [f"{phrase} if he eats three of the red ones"])
    assert list_rejected([f"So {phrase}"], tests, rules=[{"ngram": 8, "coverage": 0.5}]) == {}
    detail = list_rejected([f"So {phrase} if he eats three of the red ones or"], tests)["0"][1]
    assert "test.jsonl:11: 100% of its 19 words" in detail


def test_columns_are_looked_at_one_after_the_other() -> None:
    part = pl.DataFrame({"id": ["a", "b"], "question": ["x", "y"], "rationale": [ITEM, "z"]})
    given = DecontaminateParameters.model_validate(
        {"against": [{"name": "gsm", "files": ["t"]}], "columns": ["question", "rationale"]}
    )
    with tempfile.TemporaryDirectory() as folder:
        (frame,) = DECONTAMINATE.run([part], [records([ITEM])], given, Path(folder))
    assert frame.rows() == [("a", "in test set gsm: the same text", "rationale: test.jsonl:1: the same text", None)]


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
    assert list_rejected(["none", ITEM], large) == {
        "1": ("in test set gsm: the same text", "question: t:hit: the same text")
    }
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
