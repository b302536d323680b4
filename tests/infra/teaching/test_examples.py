"""What a training job makes of rows: only what is to be learnt has weight."""

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tokenizers import Tokenizer

from infra.teaching import examples
from infra.teaching.examples import Example
from tasks.synthetic.lessons import SOLVE

TOKENIZER = Path(__file__).parents[3] / "tasks/engines/abacus/weights/tokenizer.json"
QUESTION = "Hana starts with 38 apples. How many apples does Hana have?"
WRONG = "1. 38 + 2 = 41 apples\n"
TURN = "Wait, that step does not hold.\n"
RIGHT = "1. 38 + 2 = 40 apples\n#### 40"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_str(examples.add_words(TOKENIZER.read_text("utf-8"), [TURN]))


def learned(tokenizer: Tokenizer, example: Example) -> str:
    """The text of the tokens that have weight."""
    pieces = [str(tokenizer.id_to_token(token)) for token, weight in zip(example.tokens, example.weights) if weight]
    return "".join(pieces)


def test_the_prompt_is_that_of_the_lessons() -> None:
    assert SOLVE.format(question=QUESTION) == examples.SOLVE + QUESTION


def test_words_are_added_behind_those_that_are_there() -> None:
    old, text = Tokenizer.from_file(str(TOKENIZER)), TOKENIZER.read_text("utf-8")
    new = Tokenizer.from_str(examples.add_words(text, [TURN, TURN]))
    assert "<unk>" in old.encode(TURN).tokens and "<unk>" not in new.encode(TURN).tokens
    assert new.encode(WRONG).ids == old.encode(WRONG).ids
    assert sorted(new.get_vocab().values()) == list(range(new.get_vocab_size()))


def test_of_a_completion_the_whole_and_its_end_are_learnt(tokenizer: Tokenizer) -> None:
    row = {"prompt": [{"content": QUESTION}], "completion": [{"content": RIGHT}]}
    assert learned(tokenizer, examples.read_completion(tokenizer, row)) == RIGHT + "<|end|>"


def test_the_wrong_step_of_a_correction_is_context(tokenizer: Tokenizer) -> None:
    answer = WRONG + TURN + RIGHT
    learn = [{"message": 1, "from": len(WRONG), "to": len(answer), "weight": 1.0}]
    row = {"messages": [{"content": QUESTION}, {"content": answer}], "learn": learn}
    example = examples.read_correction(tokenizer, row)
    assert learned(tokenizer, example) == TURN + RIGHT + "<|end|>"
    assert tokenizer.token_to_id(" 41") in example.tokens


def test_an_end_that_is_not_to_be_learnt_has_no_weight(tokenizer: Tokenizer) -> None:
    example = examples.encode_answer(tokenizer, QUESTION, WRONG + TURN, [(0, len(WRONG), 0.5)])
    assert learned(tokenizer, example) == WRONG
    assert set(example.weights) == {0.0, 0.5}


@pytest.mark.parametrize(
    ("row", "chosen", "rejected"),
    [
        ({"prompt": f"{QUESTION}\n", "chosen": RIGHT, "rejected": WRONG.strip()}, f"{RIGHT}<|end|>", f"{WRONG.strip()}<|end|>"),
        ({"prompt": f"{QUESTION}\n{WRONG}", "chosen": "2. 1 + 2 = 3 apples", "rejected": "2. 1 + 2 = 4 apples", "pair_id": "a"}, "2. 1 + 2 = 3 apples", "2. 1 + 2 = 4 apples"),
    ],
)  # fmt: skip
def test_of_a_pair_the_beginning_is_context(
    tokenizer: Tokenizer, row: dict[str, Any], chosen: str, rejected: str
) -> None:
    pair = examples.read_preference(tokenizer, row)
    assert (learned(tokenizer, pair.chosen), learned(tokenizer, pair.rejected)) == (chosen, rejected)
    assert len(pair.chosen.tokens) == len(pair.chosen.weights)


def test_each_step_is_labelled_at_its_last_token(tokenizer: Tokenizer) -> None:
    row = {
        "prompt": QUESTION,
        "completions": ["1. 38 + 2 = 40 apples", "2. 40 + 1 = 42 apples"],
        "labels": [True, False],
    }
    example = examples.read_stepwise(tokenizer, row)
    places = [place for place, _ in example.labels]
    assert [label for _, label in example.labels] == [1.0, 0.0]
    assert [tokenizer.id_to_token(example.tokens[place]) for place in places] == ["\n", "\n"]
    assert places[1] == len(example.tokens) - 1


def test_batches_keep_to_the_tokens_and_take_sources_in_turn() -> None:
    short, long = Example((1,) * 3, (1.0,) * 3), Example((2,) * 5, (1.0,) * 5)
    batches = list(islice(examples.make_batches([[short], [long]], 16, Random(1)), 20))
    assert all(sum(len(example.tokens) for example in batch) <= 16 for batch in batches)
    sequence = [example.tokens[0] for batch in batches for example in batch]
    assert sequence == [1, 2] * (len(sequence) // 2) + [1] * (len(sequence) % 2)


def test_every_row_comes_before_any_comes_again() -> None:
    rows = list(islice(examples.draw_endlessly(range(5), Random(1)), 10))
    assert sorted(rows[:5]) == sorted(rows[5:]) == list(range(5)) and rows[:5] != rows[5:]


def test_a_view_without_a_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="ask for more --problems"):
        next(examples.draw_endlessly([], Random(1)))
