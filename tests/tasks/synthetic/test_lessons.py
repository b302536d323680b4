import json
import re
from random import Random

import pytest

from tasks.engines.abacus.engine import SHIPPED
from tasks.synthetic.lessons import FIRST_ERROR, JOBS, PATTERN, Lesson, write_lesson
from tasks.synthetic.problems import choose_side
from tasks.synthetic.truth import KINDS

COMPARED = re.compile(r" (\S+) (\S+) (same|differ)")
WORDS = frozenset(json.loads((SHIPPED / "tokenizer.json").read_text())["model"]["vocab"])


def some(job: str, number: int = 150) -> list[tuple[Lesson, str]]:
    random = Random(job)
    lessons = [write_lesson(random, job) for _ in range(number)]
    return [(lesson, "".join(text for text, _ in lesson.answer)) for lesson in lessons]


@pytest.mark.parametrize("job", JOBS)
def test_the_shipped_checkpoint_knows_every_word(job: str) -> None:
    for item, answer in some(job):
        assert set(re.findall(PATTERN, item.prompt)) | set(re.findall(PATTERN, answer)) <= WORDS
        assert all(weight >= 0 for _, weight in item.answer) and any(weight > 0 for _, weight in item.answer)


@pytest.mark.parametrize("job", ["solve", "judge", "compare"])
def test_lessons_are_on_problems_for_training(job: str) -> None:
    for item, _ in some(job, 50):
        assert choose_side(item.prompt.split("\n")[1]) == "train"


def test_a_drill_calculates_right() -> None:
    for _, answer in some("drill"):
        for left, sign, right, result in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", answer):
            a, b = int(left), int(right)
            assert int(result) == {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign]


def test_a_judgement_compares_truly_and_concludes_from_it() -> None:
    conclusions = set()
    for _, answer in some("judge", 400):
        *lines, end = answer.split("\n")
        differing = []
        for number, line in enumerate(lines, 1):
            pairs = COMPARED.findall(line)
            assert line.startswith(f"{number}.") and pairs
            assert all((item == other) == (word == "same") for item, other, word in pairs)
            if any(word == "differ" for *_, word in pairs):
                differing.append(number)
        assert end.startswith(FIRST_ERROR)
        result = end.removeprefix(FIRST_ERROR)
        if result == "none":
            assert differing == []
        else:
            at, kind = result.split(", ")
            # an answer that is not the last result is a fault of the last step, and compared below it
            assert differing == [len(lines)] and int(at) in (len(lines), len(lines) - 1) and kind in KINDS
        conclusions.add(result.split(", ")[-1])
    assert {"none", "calculation", "misread quantity", "missing step"} <= conclusions


def test_comparing_is_learned_from_words_that_differ_as_often_as_not() -> None:
    words = []
    for item, answer in some("compare"):
        pairs = COMPARED.findall(answer)
        assert all((one_ == other) == (word == "same") for one_, other, word in pairs)
        words += [word for *_, word in pairs]
        for (before, weight), (verdict, _) in zip(item.answer, item.answer[2:]):
            if verdict in (" same", " differ"):
                assert weight == 0, f"{before!r} is made up and not learned"
    assert 0.3 < words.count("differ") / len(words) < 0.6


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("12. 127 + 5 = 132 apples\n", ["12", ".", " 127", " +", " 5", " =", " 132", " apples", "\n"]),
        (" 1234 999 1000", [" 1", "2", "3", "4", " 999", " 1", "0", "0", "0"]),
        ("$123 007 0", ["$", "1", "2", "3", " 0", "0", "7", " 0"]),
        ("#### 40", ["####", " 40"]),
        ("a  b?", ["a", "  ", "b", "?"]),
    ],
)
def test_numbers_below_a_thousand_are_one_token(text: str, tokens: list[str]) -> None:
    assert re.findall(PATTERN, text) == tokens
    assert "".join(tokens) == text
