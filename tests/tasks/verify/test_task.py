"""`verify`: a verdict for each solution, and the shipped sample judged as its authors labelled it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.records.read import read_batches
from catalog.sources import find_sources
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import check
from schemas.recipe.reader import read_recipe
from schemas.task import Record
from tasks import TASKS
from tasks.sources.import_ import IMPORT
from tasks.split import SPLIT, SplitParameters
from tasks.verify.judgement import Compare
from tasks.verify.task import VERIFY, VerifyParameters, judge_rows

CATALOG = Path(__file__).parents[3] / "catalog" / "recipes"
ROW: dict[str, Any] = {"answer": "18", "options": None, "rationale": "", "stated": None, "text": "", "question": ""}
AUTO = VerifyParameters(answers="auto")


def never(gold: str, answer: str) -> str:
    raise AssertionError(f"{gold} and {answer} need no worker")


FRAME: dict[str, Any] = {**dict.fromkeys(ROW, pl.String), "options": pl.List(pl.String)}


def verdict(row: dict[str, Any], answers: str, compare: Compare) -> dict[str, Any]:
    return judge_rows(pl.DataFrame([row], schema=FRAME), answers, compare).row(0, named=True)


def judged(**changed: Any) -> dict[str, Any]:
    row = {**ROW, **changed}
    return verdict({**row, "text": changed.get("text", row["rationale"])}, "auto", never)


def test_a_verdict_tells_how_it_was_found() -> None:
    assert judged(rationale="9 + 9 = 18\n#### 18") == {
        "verdict": "right",
        "undecided": None,
        "extracted": "18",
        "extracted_by": "hashes",
        "extracted_from": 16,
        "extracted_to": 18,
        "compared_by": "numeric",
        "second_opinion": None,
    }


def test_no_answer_is_undecided_and_nothing_is_compared() -> None:
    assert judged(rationale="We have no idea at all.") == {
        "verdict": "undecided",
        "undecided": "no answer",
        "extracted": None,
        "extracted_by": None,
        "extracted_from": None,
        "extracted_to": None,
        "compared_by": None,
        "second_opinion": None,
    }


def test_the_whole_text_is_searched_where_the_rationale_gives_no_answer() -> None:
    assert judged(rationale="We add 9 and 9", text="We add 9 and 9\n#### 17")["verdict"] == "wrong"
    assert judged(rationale="So #### 18", text="So #### 18\nThe answer is 17.", stated="18")["extracted_by"] == "stated"


def test_a_completion_that_breaks_off_says_so() -> None:
    for text in ("9 + 9 is then the", '{"reasoning": "She has $50 - $3', "The sum is 5 * 38 *", r"So \boxed{1"):
        result = judged(rationale=text)
        assert (result["verdict"], result["undecided"], result["extracted"]) == ("undecided", "breaks off", None)


def test_a_question_of_its_own_that_a_model_goes_on_with_is_not_ours() -> None:
    goes_on = "So it is 18.\n#### 18\n\n## Question:\n\nHow many more?\n#### 17"
    assert judged(rationale=goes_on)["verdict"] == "right"
    assert judged(rationale="Question: how many?\n#### 18")["verdict"] == "right"


def test_a_blank_answer_is_none_whatever_the_reasoning_ends_with() -> None:
    text = '{"reasoning": "We get 12 at first.", "answer": " "}'
    assert judged(rationale="We get 12 at first.", text=text)["undecided"] == "no answer"


def test_an_answer_of_several_fields_is_read_as_a_whole() -> None:
    text = '{\n"reasoning": "Then 4 and 6 are left.",\n"answer": {\n"blue": 4,\n"red": 6\n}\n}'
    result = judged(
        answer="10", rationale="Then 4 and 6 are left.", text=text, question="How many red and blue boxes are left?"
    )
    assert (result["verdict"], result["compared_by"]) == ("right", "sum")


def test_a_doubt_at_the_end_makes_no_mistake_of_a_result_shortly_before() -> None:
    doubt = "Now there are 13 - 3 = {}. We cannot determine how many roses she cut."
    assert judged(answer="10", rationale=doubt.format(10))["undecided"] == "several answers"
    assert judged(answer="11", rationale=doubt.format(10))["compared_by"] == "denial"


def test_words_behind_a_json_answer_that_come_to_gold_after_all_make_no_mistake_of_it() -> None:
    text = '```json\n{\n"reasoning": "So 17.",\n"answer": "17"\n}\n```\n\nThat was too low. It is **18**.'
    assert judged(rationale="So 17.", stated="17", text=text)["undecided"] == "several answers"
    assert judged(answer="19", rationale="So 17.", stated="17", text=text)["verdict"] == "wrong"


def test_the_sort_of_answer_can_be_told_by_the_recipe() -> None:
    row = {**ROW, "answer": "18", "rationale": "The answer is 18.0."}
    assert verdict(row, "number", never)["verdict"] == "right"
    assert verdict({**row, "answer": "18.5"}, "text", never)["compared_by"] == "text"


@pytest.mark.parametrize(
    "reply", ["timed out", "died", "too large", "comparison failed", "unparsable", "gold unparsable"]
)
def test_a_row_never_becomes_a_mistake_because_a_checker_failed(reply: str) -> None:
    # a nested root that exact arithmetic leaves open
    row = {**ROW, "answer": r"1+\sqrt{3}", "stated": r"\sqrt{4+2\sqrt{3}}"}
    result = verdict(row, "auto", lambda *_: reply)
    assert (result["verdict"], result["undecided"], result["second_opinion"]) == ("undecided", reply, reply)


def test_a_second_opinion_is_asked_only_where_nothing_is_proved() -> None:
    row = {**ROW, "answer": r"1+\sqrt{3}", "stated": r"\sqrt{4+2\sqrt{3}}"}
    assert verdict(row, "auto", lambda *_: "equal")["verdict"] == "right"
    assert verdict({**row, "stated": r"\sqrt{3}+1"}, "auto", never)["verdict"] == "right"
    assert verdict({**row, "stated": r"1-\sqrt{3}"}, "auto", never)["verdict"] == "wrong"


def test_where_the_checkers_disagree_nothing_is_decided() -> None:
    row = {**ROW, "answer": "x^2 + y = 3", "stated": "x^2 = 3 + y"}
    result = verdict(row, "auto", lambda *_: "equal")
    assert (result["undecided"], result["second_opinion"]) == ("checkers disagree", "equal")
    assert verdict(row, "auto", lambda *_: "different")["verdict"] == "wrong"


def test_equal_pairs_are_compared_once() -> None:
    asked = []

    def compare(gold: str, answer: str) -> str:
        asked.append(answer)
        return "equal"

    row = {**ROW, "answer": r"1+\sqrt{3}", "stated": r"\sqrt{4+2\sqrt{3}}"}
    rows = judge_rows(pl.DataFrame([row, {**row, "text": "b"}, row], schema=FRAME), "auto", compare)
    assert rows["verdict"].to_list() == ["right"] * 3
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("text", "stated", "span"),
    [
        ("First 18. So she has 18 eggs.", None, (21, 23)), (r"18, so \boxed{18}.", None, (14, 16)),
        ('{"answer": "18"}', "18", (12, 14)), ('{"answer": "1\\u0038"}', "18", None),
        ("The answer is 18. Wait, it is 20.", None, (30, 32)),
    ],
)  # fmt: skip
def test_the_span_is_where_the_answer_stands(text: str, stated: str | None, span: tuple[int, int] | None) -> None:
    result = judged(rationale=text, stated=stated)
    assert (result["extracted_from"], result["extracted_to"]) == (span or (None, None))
    assert span is None or text[span[0] : span[1]] == result["extracted"]


def test_an_amount_that_stands_nowhere_in_the_completion_was_not_found() -> None:
    several = judged(answer="1190", rationale="The answer is 17 packs of A and 8 packs of B.")
    assert (several["verdict"], several["compared_by"]) == ("wrong", "absent")
    assert (
        judged(answer="119", rationale="119 each. The answer is 17 of A and 8 of B.")["undecided"] == "several answers"
    )
    assert judged(answer="25", rationale="The answer is 17 of A and 8 of B.")["undecided"] == "several answers"
    assert judged(answer="113", rationale="The answer is 1 hour and 53 minutes.")["verdict"] == "right"


def sample() -> tuple[list[Record], pl.DataFrame, pl.DataFrame]:
    """The sample's records, and of them the solutions with steps and verdicts and the rejected rows."""
    file = CATALOG / "sample.yaml"
    recipe = read_recipe(file.read_text(encoding="utf-8"), str(file), TASKS)
    (table,) = (table for table in recipe.tables if table.name == "generations")
    (source,) = find_sources(str(CATALOG / "sample" / "generations.jsonl"), "sample/generations.jsonl")
    records = [record for batch, _ in read_batches(source) for record in batch]
    result = IMPORT.run(records, table.parameters)  # type: ignore[arg-type]
    cut = SPLIT.run(result.kept, SplitParameters(rule="auto", most=256))
    return records, VERIFY.run(cut.kept, AUTO).kept, result.rejected


def test_the_sample_is_judged_as_its_authors_labelled_it() -> None:
    records, verified, rejected = sample()
    values = dict(verified.select("source", "verdict").iter_rows()) | dict.fromkeys(rejected["source"], "undecided")
    expected = {record.source: record.value["expected"] for record in records if record.value}
    assert len(expected) == len(records) == 191
    assert {source: (values[source], item) for source, item in expected.items() if values[source] != item} == {}


def test_the_first_wrong_step_of_the_sample_is_one_of_its_steps() -> None:
    records, verified, _ = sample()
    first = {record.source: record.value["first_error"] for record in records if record.value}
    wrong = [
        (row["source"], row["steps"]) for row in verified.iter_rows(named=True) if (first[row["source"]] or -1) >= 0
    ]
    assert len(wrong) > 20
    assert [source for source, steps in wrong if first[source] >= len(steps)] == []


def test_verified_rows_keep_the_contract_and_all_of_their_columns() -> None:
    _, verified, _ = sample()
    contract = VERIFY.makes(AUTO, SOLUTIONS.having(*STEP_COLUMNS))
    assert contract.columns[-len(VERDICT_COLUMNS) :] == VERDICT_COLUMNS
    check(verified, contract, "test")


def test_verifying_again_changes_nothing_and_rejects_nothing() -> None:
    _, verified, _ = sample()
    again = VERIFY.run(verified, AUTO)
    assert again.kept.equals(verified)
    assert again.rejected.height == 0 and again.rejected.columns == verified.columns


def test_a_part_without_rows_gives_none() -> None:
    result = VERIFY.run(sample()[1].clear(), AUTO)
    assert result.kept.height == 0 and set(result.kept.columns) >= {column.name for column in VERDICT_COLUMNS}
