"""Other weights, or another version, put into the text of a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.recipe.changes import with_models, with_parameters, with_version
from schemas.recipe.document import Document, RecipeError
from tests import golden

ERRORS = Path(__file__).parent / "changes-errors.txt"
TEXT = """\
corpus: c
version: 0.1.0  # the first
models:
  small: {engine: vllm, model: ours/small}
  large:
    # the one that costs
    engine: openai
    model: "gpt"
    revision: a
  empty:
    engine: vllm
    model: x
    revision:
  own: {engine: abacus}
  same: &same {engine: vllm, model: y}
  also: *same
"""
BAD = {
    "no such model": {"smal": {"revision": "b"}},
    "no such parameter": {"small": {"revison": "b"}},
    "none of this engine": {"own": {"revision": "b"}},
    "not a mapping": {"small": "b"},
    "empty": {"small": {"model": ""}},
    "a number": {"small": {"revision": 3}},
    "an alias": {"also": {"revision": "b"}},
}


def test_a_change_is_made_there_and_nowhere_else() -> None:
    changed = with_models(
        Document(TEXT, "r.yaml"), {"small": {"revision": "1e5"}, "large": {"revision": "b", "model": "é"}}
    )
    assert changed == TEXT.replace("{engine: vllm, model: ours/small}", '{revision: "1e5", engine: vllm, model: ours/small}').replace('"gpt"', '"é"').replace("revision: a\n", 'revision: "b"\n')  # fmt: skip
    assert with_version(Document(TEXT, "r.yaml"), "1.2.3") == TEXT.replace("0.1.0", "1.2.3")


@given(st.text(min_size=1))
def test_any_text_is_read_back_as_it_was_given(value: str) -> None:
    for name, key in (
        ("small", "revision"),
        ("large", "revision"),
        ("empty", "revision"),
        ("own", "checkpoint"),
        ("large", "model"),
    ):
        before, after = (
            yaml.safe_load(TEXT),
            yaml.safe_load(with_models(Document(TEXT, "r.yaml"), {name: {key: value}})),
        )
        before["models"][name][key] = value
        assert after == before


def test_a_folder_has_no_revision() -> None:
    changed = with_models(Document(TEXT, "r.yaml"), {"large": {"model": "/folder", "revision": ""}})
    assert yaml.safe_load(changed)["models"]["large"] == {"engine": "openai", "model": "/folder", "revision": ""}


def test_what_cannot_be_changed_is_told() -> None:
    texts = []
    for name, changes in BAD.items():
        with pytest.raises(RecipeError) as caught:
            with_models(Document(TEXT, "r.yaml"), changes)  # type: ignore[arg-type]
        texts.append(f"{name}\n    {caught.value}")
    golden.check(ERRORS, "\n".join(texts) + "\n")


def test_parameters_of_a_table_are_changed_there_and_nowhere_else() -> None:
    text = "tables:\n  one:  # a table\n    task: judge\n    form: json   # as ever\n  two: {task: judge, votes: 3}\n"
    changed = with_parameters(Document(text, "r.yaml"), "one", {"form": "steps", "votes": 5, "prompt": None})
    assert changed == text.replace("form: json", 'form: "steps"').replace(
        "    task", "    prompt: null\n    votes: 5\n    task", 1
    )
    assert yaml.safe_load(changed)["tables"]["one"] == {"task": "judge", "form": "steps", "votes": 5, "prompt": None}
    changed = with_parameters(Document(text, "r.yaml"), "two", {"votes": 1, "temperature": 0.0})
    assert changed == text.replace("{task: judge, votes: 3}", "{temperature: 0.0, task: judge, votes: 1}")
