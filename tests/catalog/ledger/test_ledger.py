import io
import json
import math
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ledger import Ledger, segments
from catalog.ledger.segments import SCHEMA, Segment
from catalog.storage import Store, StoreError
from schemas.request import Completion, Failure, Message, Request, Sampling
from tests.catalog.ledger.rows import answer, request


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "file" else f"memory://{uuid.uuid4().hex}/store")


def fill(store: Store, requests: list[Request], count: int = 256, **values: object) -> None:
    with Ledger(store).writer("corpus", "table", count=count, seconds=1e6) as writer:
        for item in requests:
            writer.append(item, replace(answer(item), **values))  # type: ignore[arg-type]


def test_what_was_answered_is_found_and_nothing_else(store: Store) -> None:
    asked = [request(i, sample) for i in range(100) for sample in range(3)]
    answers = {
        entry.id: answer(entry, f"answer {i} é\x00", price=None if i % 2 else 0.5) for i, entry in enumerate(asked)
    }
    with Ledger(store).writer("corpus", "table", count=32) as writer:
        for item in asked:
            assert writer.append(item, answers[item.id]) == answers[item.id]
    ledger = Ledger(store)
    assert ledger.find([*asked, *(request(i, 3) for i in range(100))]) == answers
    assert ledger.find([request("new"), asked[5], asked[5]]) == {asked[5].id: answers[asked[5].id]}
    assert ledger.find([]) == {}


def test_an_empty_store_has_an_empty_ledger(store: Store) -> None:
    ledger = Ledger(store)
    assert (ledger.find([request(1)]), ledger.spent(), ledger.compact(), len(ledger)) == ({}, [], 0, 0)


def test_more_samples_ask_only_for_the_new(store: Store) -> None:
    fill(store, [request(i, sample) for i in range(20) for sample in range(4)])
    more = [request(i, sample) for i in range(20) for sample in range(6)]
    result = Ledger(store).find(more)
    assert {item.sample for item in more if item.id not in result} == {4, 5}
    assert len(result) == 80


def test_a_raised_limit_asks_only_for_the_truncated_and_a_lowered_one_for_the_longer(store: Store) -> None:
    tokens = {"short": 10, "long": 90, "cut": 100}
    ledger = Ledger(store)
    with ledger.writer("corpus", "table") as writer:
        for name, many in tokens.items():
            writer.append(request(name), answer(request(name), tokens=many))

    def find_answered(limit: int) -> set[str]:
        asked = {request(name, limit=limit).id: name for name in tokens}
        return {asked[id_] for id_ in ledger.find([request(name, limit=limit) for name in tokens])}

    assert find_answered(100) == {"short", "long", "cut"}
    assert find_answered(200) == {"short", "long"}
    assert find_answered(50) == {"short"}
    with ledger.writer("corpus", "table") as writer:
        writer.append(request("cut", limit=200), answer(request("cut", limit=200), tokens=150))
    assert find_answered(200) == {"short", "long", "cut"}
    assert find_answered(100) == {"short", "long", "cut"}, "the truncated answer is still that of its own limit"
    assert find_answered(160) == {"short", "long", "cut"}


def test_of_two_answers_the_first_written_stays_whatever_comes_later(store: Store) -> None:
    asked = request("twice")
    for text in ("first", "second", "third"):
        fill(store, [asked], text=text, at=-float(len(text)))
    for _ in range(2):
        reply = Ledger(store).find([asked])[asked.id]
        assert isinstance(reply, Completion) and reply.text == "first"
        Ledger(store).compact()
    assert len(Ledger(store)) == 3


def test_what_others_write_is_found_after_a_refresh(store: Store) -> None:
    ledger = Ledger(store)
    fill(store, [request(1)])
    assert not ledger.find([request(1)])
    ledger.refresh()
    assert ledger.find([request(1)])


def test_a_row_says_all_that_makes_the_request(store: Store) -> None:
    asked = request("with \ud800 half a character", 5)
    fill(store, [asked])
    (row,) = [
        row for name in store.names("ledger") for row in pl.read_parquet(store.read(f"ledger/{name}")).iter_rows(named=True)
    ]  # fmt: skip
    prompt = json.loads(row["prompt"])
    sampling = Sampling(row["limit"], row["temperature"], row["top_p"], tuple(json.loads(row["stop"])))
    messages = tuple(Message(*message) for message in prompt["messages"])
    again = Request(row["model"], row["revision"], messages, sampling, row["sample"], prompt["prefix"])
    assert again == asked
    assert again.id == row["request"]
    assert (row["corpus"], row["table"]) == ("corpus", "table")


def test_half_a_character_in_an_answer_is_stored_as_the_writer_says(store: Store) -> None:
    ledger = Ledger(store)
    with ledger.writer("corpus", "table") as writer:
        stored = writer.append(request(1), answer(request(1), "a\ud800b😀"))
    assert stored.text == "a\ufffdb😀"
    assert ledger.find([request(1)]) == {stored.request: stored}


def test_nothing_but_the_columns_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_API_KEY", "sk-hunter2-hunter2")
    fill(Store(str(tmp_path)), [request(i) for i in range(5000)], count=5000)
    files = list((tmp_path / "ledger").iterdir())
    assert {".parquet"} <= {file.suffix for file in files} <= {".parquet", ".npy"}
    for file in files:
        assert b"hunter2" not in file.read_bytes() + file.name.encode()
    table = pq.read_table(next(file for file in files if file.suffix == ".parquet"))
    assert table.column_names == SCHEMA.names
    assert not table.schema.metadata
    assert "hunter2" not in str(table.to_pylist())


def test_alien_files_are_left_alone_and_listed(store: Store) -> None:
    fill(store, [request(1)])
    for name in ("notes.txt", "0.parquet", f"{'a' * 24}-{'0' * 16}-{'f' * 16}-0.parquet"):
        store.write(f"ledger/{name}", b"?")
    ledger = Ledger(store)
    assert ledger.ignored == ["0.parquet", f"{'a' * 24}-{'0' * 16}-{'f' * 16}-0.parquet", "notes.txt"]
    assert ledger.find([request(1)])
    assert store.exists("ledger/notes.txt")


@pytest.mark.parametrize("damage", ["torn", "empty", "text", "other rows", "other columns", "other places"])
def test_a_damaged_segment_says_which_and_what_to_do(damage: str, store: Store) -> None:
    fill(store, [request(i) for i in range(40)], count=20)
    result, other = (f"ledger/{name}" for name in store.names("ledger"))
    data = store.read(result)
    columns = pl.read_parquet(data)
    path = result
    if damage == "other places":
        path = other
        bad = data
    elif damage == "other rows":
        bad = segments._parquet(pq.read_table(io.BytesIO(data)).slice(0, 3))
    elif damage == "other columns":
        columns.drop("text").write_parquet(file := io.BytesIO())
        bad = file.getvalue()
    else:
        bad = {"torn": data[: len(data) // 2], "empty": b"", "text": b"PAR1 is not enough PAR1"}[damage]
    store.write(path, bad)
    with pytest.raises(StoreError, match=r"parquet: cannot be read as a segment .* move it away"):
        Ledger(store).find([request(i) for i in range(40)])


def test_without_its_places_file_or_with_a_damaged_one_a_segment_is_read_all_the_same(store: Store) -> None:
    asked = [request(i) for i in range(5000)]
    fill(store, asked, count=5000)
    (path,) = (f"ledger/{name}" for name in store.names("ledger") if name.endswith("npy"))
    places = np.load(io.BytesIO(store.read(path)))
    np.save(wrong := io.BytesIO(), places[::-1])
    for bad in (b"", b"\x93NUMPY but torn", wrong.getvalue()):
        store.write(path, bad)
        assert len(Ledger(store).find(asked[::100])) == 50
    store.fs.rm_file(store.full(path))
    assert len(Ledger(store).find(asked[::100])) == 50


def test_a_segment_is_known_by_its_name() -> None:
    segment = Segment("0" * 23 + "a", 3, 2**64 - 1, 17)
    assert Segment.named(segment.path.removeprefix("ledger/")) == segment
    assert Segment.named(segment.places.removeprefix("ledger/")) is None


def test_large_ledgers_with_places_in_the_upper_half_are_searched_right(store: Store) -> None:
    asked = [request(i, sample) for i in range(1500) for sample in range(4)]
    fill(store, asked, count=100)
    chance = random.Random(1)
    ledger = Ledger(store)
    assert ledger.compact() == 59
    for _ in range(20):
        some = chance.sample(asked, 50)
        new = [request(i, 7) for i in range(50)]
        assert set(ledger.find([*some, *new])) == {item.id for item in some}


def test_one_ledger_serves_many_threads(store: Store) -> None:
    fill(store, [request(i) for i in range(2000)], count=50)
    ledger = Ledger(store)
    with ThreadPoolExecutor(8) as threads:
        numbers = list(
            threads.map(lambda i: len(ledger.find([request(j) for j in range(i, i + 100)])), range(0, 2000, 100))
        )
    assert numbers == [100] * 20


def test_what_was_spent_is_summed_by_corpus_and_model(store: Store) -> None:
    ledger = Ledger(store)
    for corpus, model, price in (("a", "m1", 0.25), ("a", "m2", None), ("b", "m1", None)):
        with ledger.writer(corpus, "table", count=7) as writer:
            for i in range(20):
                asked = request((corpus, i), model=model)
                paid = price if i < 10 else None
                writer.append(asked, replace(answer(asked, tokens=100 if i < 3 else 10, price=paid), at=float(i)))
    result = {(item.corpus, item.model): item for item in ledger.spent()}
    assert list(result) == [("a", "m1"), ("a", "m2"), ("b", "m1")]
    outcome = result["a", "m1"]
    assert (outcome.requests, outcome.prompt_tokens, outcome.tokens, outcome.truncated) == (20, 140, 470, 3)
    assert (outcome.price, outcome.unpriced, outcome.first, outcome.last) == (2.5, 10, 0.0, 19.0)
    assert result["a", "m2"].price is None
    assert ledger.spent_on("a", "m1", "r1") == (610, 2.5)
    assert ledger.spent_on("a", "m1", "r2") == (0, 0.0)
    spent = ledger.spent()
    ledger.compact()
    assert Ledger(store).spent() == spent


def test_who_pays_twice_counts_twice(store: Store) -> None:
    for _ in range(2):
        fill(store, [request(1)], at=1.0)
    assert Ledger(store).spent()[0].requests == 2


def test_segments_of_older_versions_have_text_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    older = pa.schema([field for field in SCHEMA if field.name not in segments.ADDED])
    monkeypatch.setattr(segments, "SCHEMA", older)
    fill(store, [request(1)], text="<think>1</think>42")
    monkeypatch.undo()
    fill(store, [request(2)], thinking="hm", thinking_tokens=3, tool_calls="[]", estimated=True)
    for _ in range(2):
        replies = Ledger(store).find([request(1), request(2)])
        old, new = replies[request(1).id], replies[request(2).id]
        assert isinstance(old, Completion) and isinstance(new, Completion)
        assert (old.text, old.thinking, old.thinking_tokens) == ("<think>1</think>42", "", None)
        assert (old.thinking_finished, old.tool_calls, old.estimated) == (True, "", False)
        assert (old.self_certainty, old.token_logprobs, old.choice_logprobs) == (None, None, None)
        assert (new.thinking, new.thinking_tokens, new.tool_calls, new.estimated) == ("hm", 3, "[]", True)
        assert sum(account.requests for account in Ledger(store).spent()) == 2
        Ledger(store).compact()


def test_what_is_kept_of_tokens_is_read_as_it_was_written_and_asked_for_again_where_it_is_not_there(
    store: Store,
) -> None:
    asked = replace(request(1), statistics=("self_certainty", "token_logprobs"))
    fill(store, [request(1)])
    assert Ledger(store).find([asked]) == {} and Ledger(store).find([request(1)])
    statistics = {
        "self_certainty": 9.123456,
        "min_k20": -3.25,
        "zlib_ratio": 0.004,
        "token_logprobs": (-0.5, -3.25, 0.0),
    }
    with Ledger(store).writer("corpus", "table") as writer:
        stored = writer.append(asked, replace(answer(asked), **statistics))  # type: ignore[arg-type]
        choosing = replace(request(2), choices=("A", "B"))
        chosen = writer.append(choosing, replace(answer(choosing), choice_logprobs=(-0.25, -math.inf)))
    for _ in range(2):
        found = Ledger(store).find([asked, choosing])
        assert found == {asked.id: stored, choosing.id: chosen}
        again = found[asked.id]
        assert isinstance(again, Completion) and again.token_logprobs == (-0.5, -3.25, 0.0)
        plain = Ledger(store).find([request(1)])[asked.id]
        assert isinstance(plain, Completion) and plain.self_certainty is None, "who does not ask gets what was first"
        Ledger(store).compact()


def test_a_failure_is_found_until_there_is_a_completion_and_only_for_its_limit(store: Store) -> None:
    asked, longer = request(1), request(1, limit=200)
    failure = Failure(asked.id, "refused", "it \ud800 says", limit=100, prompt_tokens=7, engine="test 1", at=1.0)
    with Ledger(store).writer("corpus", "table") as writer:
        assert writer.append(asked, failure) == replace(failure, detail="it \ufffd says")
    assert Ledger(store).find([asked]) == {asked.id: replace(failure, detail="it \ufffd says")}
    assert Ledger(store).find([longer]) == {}
    fill(store, [asked])
    assert isinstance(Ledger(store).find([asked])[asked.id], Completion)


TEXTS = st.text(st.characters(codec=None) | st.sampled_from('"\\\n\x00\x7f\u2028\ud800é😀'), max_size=8)


@given(st.lists(TEXTS, max_size=3), TEXTS, st.sampled_from(["", '{"type": "é"}']), TEXTS, st.none() | st.integers(0, 9))
def test_a_prompt_is_the_json_that_it_always_was(
    contents: list[str], prefix: str, schema: str, choice: str, top_k: int | None
) -> None:
    """Places are hashes of it: what was paid for would not be found under another."""
    messages = tuple(Message("user", content) for content in contents)
    asked = Request(
        "m", "", messages, Sampling(9, schema=schema, top_k=top_k), 0, prefix, choices=(choice,) * len(prefix)
    )
    whole: dict[str, object] = {"messages": [["user", content] for content in contents], "prefix": prefix}
    whole |= ({"schema": schema} if schema else {}) | ({"settings": asked.further} if asked.further else {})
    text = json.dumps(whole, ensure_ascii=False)
    halves = any("\ud800" <= character <= "\udfff" for character in text)
    assert segments.prompt(asked) == (json.dumps(whole) if halves else text)
