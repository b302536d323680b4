"""Measures decontamination: `python -m tests.benchmarks.contamination --data DIR`, the folder of recorded generations and gold.

GSM8K's test items are changed by rule, and by hand, and looked for; its training
set, pairs of texts that share stock phrases, and the problems of MATH must not
be rejected. Every row of the training set that is rejected is printed with what
a reader said of it; one that nobody read counts as false. Exits with 1 where a
figure is missed. `--embedding` is the task's, and adds its rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import polars as pl

from schemas.task import Record
from tasks.dedup.decontaminate import DECONTAMINATE, DecontaminateParameters
from tasks.dedup.embedding_sources import list_side_inputs
from tests.benchmarks.contamination_cases import CONTENTS, FRAMES, PARAPHRASES, READ, READ_MATH, STOCK_PAIRS
from tests.benchmarks.contamination_changes import list_changes

PART = 4096
WANTED = {
    "nothing but letter case and punctuation": 0.99,
    "numbers": 0.99,
    "numbers, in a prompt": 0.99,
    "names and numbers": 0.95,
    "names and numbers, in a prompt": 0.95,
    "digits to words and words to digits": 0.99,
    "names, numbers and units": 0.95,
}
FALSE = 0.003
"""The share of the training set that may be rejected without being in the test set."""
Hits = dict[int, dict[str, Any]]


def read_field(path: Path, field: str) -> list[str]:
    """A field of all records of a file of JSON lines, packed."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)[field] for line in lines]


def find_hits(texts: Sequence[str], items: Sequence[str], **parameters: Any) -> tuple[Hits, float]:
    """What is found of texts in a test set, by the number of the text, and the processor's seconds.

    Args:
        texts: The rows.
        items: The test set.
        parameters: Those of the task that are not as usual.

    Returns:
        Rows as the task yields them, with `item`, the number of the item, and the time.

    """
    table = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "question": list(texts)})
    given = DecontaminateParameters.model_validate({"against": [{"name": "test", "files": ["t"]}], **parameters})
    files = [Path(name).read_bytes() for side in list_side_inputs(given.embedding) for name in side.files]
    records = [[Record(f"t:{i}", {"question": text}) for i, text in enumerate(items)]]
    parts = [table[at : at + PART] for at in range(0, table.height, PART)]
    with tempfile.TemporaryDirectory() as folder:
        begun = process_time()
        found = pl.concat(DECONTAMINATE.run(parts, [records, files], given, Path(folder)))
        seconds = process_time() - begun
    hits = {}
    for row in found.iter_rows(named=True):
        place = re.search(r": t:(\d+): ", row["detail"] or row["contamination"])
        assert place
        hits[int(row["key"])] = {**row, "item": int(place[1])}
    return hits, seconds


def measure_changes(tests: list[str], train: list[str]) -> int:
    """Print how many changed items are found; the number of figures that are missed."""
    print("| changed | rejected | for their own item | kept as doubtful | wanted |\n|---|---|---|---|---|")
    missed = 0
    for name, texts in list_changes(tests, train).items():
        hits, _ = find_hits(texts, tests, masks=["numbers", "names", *(["units"] if "units" in name else [])])
        sure = {i: hit["item"] for i, hit in hits.items() if hit["reason"]}
        own = sum(tests[i] == tests[item] for i, item in sure.items()) / len(texts)
        print(
            f"| {name} | {len(sure) / len(texts):.4f} | {own:.4f} | {(len(hits) - len(sure)) / len(texts):.4f} | {WANTED[name]} |"
        )
        missed += own < WANTED[name]
    measure_paraphrases("by hand, in other words", tests, train)
    return missed


def measure_paraphrases(name: str, tests: list[str], train: list[str], **parameters: Any) -> None:
    """Print how many paraphrases are found, for their own item, and how many training rows are taken for some."""
    lines = sorted(PARAPHRASES)
    hits, _ = find_hits([PARAPHRASES[line] for line in lines], tests, **parameters)
    own = [hit for i, hit in hits.items() if hit["item"] == lines[i] - 1]
    sure = sum(bool(hit["reason"]) for hit in own)
    print(f"| {name} ({len(lines)}) | | {sure / len(lines):.4f} | {(len(own) - sure) / len(lines):.4f} | |")
    if parameters:
        hits, _ = find_hits(train, tests, **parameters)
        sure = sum(bool(hit["reason"]) for hit in hits.values())
        print(f"| GSM8K's training set with it ({len(train):,}) | {sure} rows | | {len(hits) - sure} rows | |")


def measure_train(tests: list[str], train: list[str]) -> int:
    """Print what is rejected of the training set, with its reading; 1 where too much of it is false."""
    hits, seconds = find_hits(train, tests)
    sure = {i: hit for i, hit in sorted(hits.items()) if hit["reason"]}
    print(f"\nGSM8K's training set: {len(sure)} of {len(train):,} rejected, {len(hits) - len(sure)} kept as doubtful")
    false = 0
    for i, hit in sure.items():
        reading = READ.get((i + 1, hit["item"] + 1), "not read, so false")
        false += not reading.startswith("same")
        print(f"- train {i + 1}, test {hit['item'] + 1}: {reading}; {hit['detail'].split(': ', 2)[2]}")
    _, plain = find_hits(train, tests, masks=[])
    print(
        f"false {false / len(train):.4f} (wanted {FALSE}); {seconds / plain:.2f} times the processor's time of plain n-grams"
    )
    return int(false > FALSE * len(train))


def measure_stock(math: list[str], other: list[str]) -> int:
    """Print what is rejected for stock phrases alone; the number of figures that are missed."""
    missed = 0
    lines: list[str] = []
    print("\n| stock phrases with another content | rejected | of these false | kept as doubtful |\n|---|---|---|---|")
    both = [{"ngram": 8, "coverage": 0.5}, {"ngram": 13, "coverage": 0.0}]
    frames = [[frame.format(content) for content in CONTENTS.split(",")] for frame in FRAMES]
    framed = [text for texts in frames for text in texts[::2]], [text for texts in frames for text in texts[1::2]]
    pairs = [text for _, text in STOCK_PAIRS], [item for item, _ in STOCK_PAIRS]
    different = [text for text in other if text not in set(math)]
    for name, (texts, items), rules, held in (
        ("pairs of exam questions", pairs, both[:1], True),
        ("pairs, one 13-gram is enough", pairs, both, True),
        ("frames, each in thirty items of the set", framed, both, True),
        ("MATH level 5 beside other problems of MATH", (different, math), both[:1], True),
        ("the same, one 13-gram is enough", (different, math), both, False),
    ):
        hits, _ = find_hits(texts, items, rules=rules)
        sure = {i: hit for i, hit in sorted(hits.items()) if hit["reason"]}
        false = {i: hit for i, hit in sure.items() if "same" not in READ_MATH.get(hit["item"] + 1, "")}
        print(f"| {name} ({len(texts)}) | {len(sure)} | {len(false)} | {len(hits) - len(sure)} |")
        missed += held and len(false) > FALSE * len(texts)
        if texts is different and held:
            lines += [
                f"- MATH test {hit['item'] + 1}: {READ_MATH.get(hit['item'] + 1, 'not read, so false')}; {hit['detail'].split(': ', 2)[2]}"
                for hit in sure.values()
            ]
    print("\n".join(["", *lines]))
    return missed


def main() -> int:
    """Print the tables; the number of figures that are missed decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of recorded generations and published gold")
    parser.add_argument(
        "--embedding", help="wordllama, or the folder of an embedding, with which paraphrases are looked for, too"
    )
    given = parser.parse_args()
    data = given.data
    tests, train = (read_field(data / f"gsm8k/{name}.jsonl.gz", "question") for name in ("test", "train"))
    math = read_field(data / "math500/test.jsonl.gz", "problem")
    other = list(dict.fromkeys(read_field(data / "zeroeval/math-l5.jsonl.gz", "problem")))
    missed = measure_changes(tests, train)
    if given.embedding:
        measure_paraphrases("the same with an embedding", tests, train, embedding=given.embedding)
    missed += measure_train(tests, train) + measure_stock(math, other)
    print(f"\n{missed} figures missed" if missed else "\nno figure missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
