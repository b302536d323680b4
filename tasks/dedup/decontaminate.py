"""`decontaminate`: rejects rows whose question (or other text) stands in a test set.

Token coverage by n-grams is that of Tülu 3 (arXiv 2411.15124, section 3.2): a
test item counts as seen where n-grams that it shares with one row cover half of
its words. There n is 8; 13-grams of which a single one is enough are GPT-3's. Of
texts behind masks, in which numbers and names are all the same, most must be
shared; and what is shared must say which item it is. What is doubtful is kept,
with the evidence, for whoever reviews it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from schemas.columns.quality import CONTAMINATION_COLUMN
from schemas.contract import Contract
from schemas.task import Files, OneOrMore, Parameters, Records, Rows, SideInput, TaskError
from schemas.whole_table import Aggregate, Cut, WholeTable
from tasks.dedup.bitmap import Bitmap
from tasks.dedup.deduplicate import Release
from tasks.dedup.embedding_sources import (
    PACKAGED,
    EmbeddingNotInstalled,
    list_side_inputs,
    name_content,
    open_embedding,
)
from tasks.dedup.masking import Mask
from tasks.dedup.ngram_overlap import Overlap, list_distinct_texts, split_batches
from tasks.dedup.text_sample import draw_sample
from tasks.dedup.text_traits import NGrams, TraitReader
from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.values import FieldError, read_text

LONGEST = 1_000_000
TEXTS = 2_048
"""Texts that are looked at together."""


class TestSet(BaseModel):
    """A test set, and what of it the rows are held against."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: str = Field(min_length=1, max_length=60, description="What it is called in reasons and counts.")
    files: OneOrMore[str] = Field([], description="Its files, as `load` takes them.")
    release: Release | None = Field(None, description="Or a release, corpus@1.2.3.")
    view: str | None = Field(None, description="The release's view; else its first.")
    split: str | None = Field(None, description="The view's split; else all.")
    text: FieldOf = Field(FieldRule(path="question"), description="The field with the text.")

    @model_validator(mode="after")
    def _one_place(self) -> TestSet:
        if bool(self.files) == bool(self.release):
            raise ValueError(
                f"test set '{self.name}' is named by `files` or by `release`, found {'both' if self.files else 'neither'}"
            )
        return self


class OverlapRule(BaseModel):
    """How much of a test item must stand in a row."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    ngram: int = Field(8, ge=2, le=100, description="Words of an n-gram.")
    coverage: float = Field(
        0.5, ge=0, le=1, description="The share of the item's words in shared n-grams, at least; 0: one is enough."
    )


class DecontaminateParameters(Parameters):
    """Parameters of `decontaminate`."""

    against: list[TestSet] = Field(
        min_length=1, description="The test sets: name, files or release (view, split), text."
    )
    columns: OneOrMore[str] = Field(["question"], min_length=1, description="The columns that are looked for in them.")
    rules: list[OverlapRule] = Field(
        [OverlapRule(ngram=8, coverage=0.5)],
        description="What is too much: ngram and coverage, several if one is to be enough.",
    )
    masks: list[Mask] = Field(
        ["numbers", "names"],
        description="What may be changed in a test item that is still seen: numbers, names, units; none: [].",
    )
    paraphrases: bool = Field(
        True,
        description="Whether a text with all numbers of a test item and most of its words is looked for, in any order.",
    )
    embedding: str | None = Field(
        None,
        description="What means the same is looked for, too: `wordllama`, `abacus`, or a folder with tokenizer.json and "
        "model.safetensors that holds a vector for each token.",
    )
    cosine: float = Field(
        0.8,
        ge=0.3,
        le=1,
        description="Of embedding: the cosine at least where all numbers are the same, too; without them half as far from 1.",
    )
    phrases: OneOrMore[str] = Field(
        [],
        description="Stock phrases that do not count, beside the usual ones and those that many items of the test sets have.",
    )

    @field_serializer("embedding")
    def _by_content(self, embedding: str | None) -> str | None:
        """Those that are named without a folder by their content, too: another one makes another table."""
        return embedding and name_content(embedding)

    @model_validator(mode="after")
    def _installed(self) -> DecontaminateParameters:
        if self.embedding in PACKAGED:
            try:
                name_content(self.embedding)
            except EmbeddingNotInstalled as error:
                raise ValueError(str(error)) from None
        return self


def _check(parameters: DecontaminateParameters, contract: Contract) -> list[str]:
    kinds = {column.name: column.kind for column in contract.columns}
    faults = [
        f"columns: the table has no column '{name}' with text; there are {', '.join(k for k in kinds if kinds[k] == 'string')}"
        for name in parameters.columns
        if kinds.get(name) != "string"
    ]
    if parameters.embedding and not parameters.paraphrases:
        faults.append("embedding: it is for paraphrases, which are not looked for; leave `paraphrases: false` out")
    names = [test.name for test in parameters.against]
    return faults + [
        f"against: two test sets are called '{name}'" for name in sorted({n for n in names if names.count(n) > 1})
    ]


def _side_inputs(parameters: DecontaminateParameters) -> Sequence[SideInput]:
    tests = [
        SideInput(test.name, tuple(test.files), test.release or "", test.view, test.split)
        for test in parameters.against
    ]
    return [*tests, *list_side_inputs(parameters.embedding)]


def decontaminate(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: DecontaminateParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject, and those to review, each with the test set, the kind of hit and the evidence.

    Args:
        table: The key and the texts that are compared, part by part.
        beside: The records of each test set, some thousands at a time; the files of an embedding, where one is named; what all
            texts can be found by, and texts by which an embedding is tried.
        parameters: What counts as alike.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key`, `reason` and `detail`, both null in rows of which it is doubtful: they have `contamination`.

    """
    *others, bitmaps, samples = cast(Sequence[Rows], beside) if parameters.embedding else (*beside, [])
    marked = Bitmap()
    for frame in cast(Rows, bitmaps):
        marked.add_frame(frame)
    embedding = open_embedding(parameters.embedding, cast(Files, others[-1])) if parameters.embedding else None
    overlap = Overlap(
        folder,
        _read_rules(parameters),
        marked,
        parameters.phrases,
        parameters.paraphrases,
        embedding,
        parameters.cosine,
    )
    for sample in cast(Rows, samples):
        overlap.try_embedding(sample["text"])
    for test, records in zip(parameters.against, others):
        _keep_test_set(overlap, test, cast(Records, records))
    overlap.close()
    for part in table:
        frames = [_find_hits(overlap, part, column) for column in parameters.columns]
        yield (
            pl.concat(frames)
            .sort("sure", descending=True, maintain_order=True)
            .unique("key", keep="first", maintain_order=True)
            .drop("sure")
        )


def _read_rules(parameters: DecontaminateParameters) -> TraitReader:
    """What texts are found by."""
    rules = tuple(NGrams(rule.ngram, rule.coverage) for rule in parameters.rules)
    return TraitReader(rules, tuple(parameters.masks))


def _mark_texts(table: Rows, parameters: DecontaminateParameters, _: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A bitmap of all that texts can be found by, as a frame."""
    traits, marked = _read_rules(parameters), Bitmap()
    for part in table:
        for column in parameters.columns:
            for texts in split_batches(list_distinct_texts(part, column)[0], TEXTS):
                for some in traits.read_traits(traits.read_layers(texts)):
                    marked.add(some.hashes)
    return marked.to_frame()


def _unite_marks(bitmaps: Rows, _: DecontaminateParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    marked = Bitmap()
    for frame in bitmaps:
        marked.add_frame(frame)
    return marked.to_frame()


def _sample_texts(table: Rows, parameters: DecontaminateParameters, _: Sequence[pl.DataFrame]) -> pl.DataFrame:
    columns = ((part, column) for part in table for column in parameters.columns)
    return draw_sample(part.select(text=pl.col(column).fill_null(""), problem=pl.lit("")) for part, column in columns)


_MARKS = Aggregate(_mark_texts, _unite_marks)
_SAMPLE = Aggregate(_sample_texts, lambda samples, _, __: draw_sample(samples))


def _keep_test_set(overlap: Overlap, test: TestSet, batches: Records) -> None:
    """Go through a test set; a record without text is an error, for what it hides would not be found."""
    for batch in batches:
        sources, texts = [], []
        for record in batch:
            if record.value is None:
                why, detail = record.fault or ("unreadable", "")
                raise TaskError(f"against: {test.name}, {record.source}: {why} ({detail}); mend the record")
            try:
                text = read_text(test.text.take(record.value, None), "text", LONGEST)
            except FieldError as error:
                fields = ", ".join(sorted(record.value)[:8])
                raise TaskError(
                    f"against: {test.name}, {record.source}: {error}; name the field with the text by `text:` "
                    f"(there are {fields})"
                ) from None
            sources.append(record.source)
            texts.append(text)
        for at in range(0, len(texts), TEXTS):
            piece = slice(at, at + TEXTS)
            overlap.keep(
                test.name, pl.Series(sources[piece], dtype=pl.String), pl.Series(texts[piece], dtype=pl.String)
            )


def _find_hits(overlap: Overlap, part: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows of a part whose column stands in a test set: rejected where that is sure, else with what is doubtful."""
    once, number = list_distinct_texts(part, column)
    hits = [
        overlap.hits(texts).with_columns(pl.col("text") + i * TEXTS)
        for i, texts in enumerate(split_batches(once, TEXTS))
    ]
    rows = pl.DataFrame({"key": part.to_series(0), "text": number.astype(np.int64)})
    if not hits:
        empty = pl.lit(None, pl.String)
        return rows.clear().select("key", reason=empty, detail=empty, contamination=empty, sure=pl.lit(True))
    reason = pl.format("in test set {}: {}", "name", "kind")
    detail = pl.format("{}: {}", pl.lit(column), "evidence")
    return rows.join(pl.concat(hits), on="text", maintain_order="left").select(
        "key",
        reason=pl.when("sure").then(reason),
        detail=pl.when("sure").then(detail),
        contamination=pl.when(~pl.col("sure")).then(reason + pl.lit("; ") + detail),
        sure="sure",
    )


def _make_contract(_: DecontaminateParameters, contract: Contract) -> Contract:
    """The input's contract, with what is doubtful."""
    return contract.having(CONTAMINATION_COLUMN)


DECONTAMINATE = WholeTable(
    name="decontaminate",
    summary="Rejects rows whose question stands in a test set: the same, in large part by n-grams, or with other numbers and "
    "names; marks those of which that is doubtful.",
    version="4",
    parameters=DecontaminateParameters,
    needs=("question",),
    makes=_make_contract,
    check=_check,
    reads=lambda parameters, _: parameters.columns,
    side_inputs=_side_inputs,
    aggregates=lambda parameters: [_MARKS, _SAMPLE] if parameters.embedding else [_MARKS],
    cut=lambda _: Cut(),
    decide=decontaminate,
    rejects="contamination",
)
