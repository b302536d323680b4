"""`deduplicate`: keeps one of the solutions that repeat each other, in this table or in an earlier release.

Solutions repeat each other where they make the same mistake, their text is the
same, their calculations are, their shingles are as alike as asked, or their
embeddings are; never where their answers differ. One row of those stays, and
the others name it. What is found depends on the rows alone, not on their order
or their parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

import polars as pl
from pydantic import AfterValidator, Field, field_serializer, model_validator

from schemas.contract import Contract
from schemas.task import Files, OneOrMore, Parameters, Records, Rows, SideInput, TaskError
from schemas.whole_table import Aggregate, Cut, WholeTable
from tasks.dedup.answers import UNREAD, list_compared, number_equal
from tasks.dedup.duplicates import EXTRACTED, DuplicateRules, OldIndexError, Repeats
from tasks.dedup.embedding_sources import (
    PACKAGED,
    EmbeddingNotInstalled,
    list_side_inputs,
    name_content,
    open_embedding,
)
from tasks.dedup.embeddings import Embedding, EmbeddingError, refuse_strange, simplify_texts
from tasks.dedup.mistakes import LOCATED
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.text_sample import draw_sample
from tasks.dedup.token_hashes import U64, normalize_texts

KEPT_RELEASE = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?@\d{1,9}\.\d{1,9}\.\d{1,9}"


def check_release_name(name: str) -> str:
    """The name, if it is that of one version: which is the newest changes, and tables must not."""
    if not re.fullmatch(KEPT_RELEASE, name):
        raise ValueError(f"expected a release and its version, as in corpus@1.2.3, found {name[:60]!r}")
    return name


Release = Annotated[str, AfterValidator(check_release_name)]


class DeduplicateParameters(Parameters):
    """Parameters of `deduplicate`."""

    by: OneOrMore[Literal["exact", "mistake", "path", "near", "semantic"]] = Field(
        ["exact"],
        min_length=1,
        description="What makes two solutions repeat each other, one or several: the same text, the same mistake (calculations in any order, and the first wrong one), the same equations in order, like shingles, like embeddings.",
    )
    across_answers: bool = Field(
        False,
        description="Whether solutions with different answers, or with answers that were not read, can repeat each other, too.",
    )
    clusters: Literal["star", "linked"] = Field(
        "star",
        description="Whether each row that is rejected is like the one that stays itself (star), or like it through others, too (linked).",
    )
    scope: Literal["problem", "path", "all"] = Field(
        "problem",
        description="Which can repeat each other: solutions of one problem, those of them with the same equations, or any two rows.",
    )
    similarity: float = Field(
        0.8, ge=0.3, le=1, description="Of near: the Jaccard similarity of two sets of shingles, at least."
    )
    shingle: int = Field(5, ge=1, le=50, description="Of near: units in a shingle; with characters 9 or so.")
    unit: Literal["words", "characters"] = Field("words", description="Of near: what shingles are made of.")
    embedding: str | None = Field(
        None,
        description="Of semantic: `wordllama` (a package of its own), `abacus`, or a folder with tokenizer.json and model.safetensors that holds a vector for each token.",
    )
    cosine: float = Field(0.95, ge=0.5, le=1, description="Of semantic: the cosine of two embeddings, at least.")
    prefer: OneOrMore[str] = Field(
        [],
        description="Columns that choose the row that stays: the higher number, yes before no, a text before none; then the smallest id.",
    )
    releases: OneOrMore[Release] = Field(
        [], description="Earlier releases (corpus@1.2.3): what repeats one of their solutions does not stay."
    )

    @field_serializer("embedding")
    def _by_content(self, embedding: str | None) -> str | None:
        """Those that are named without a folder by their content, too: another one makes another table."""
        return embedding and name_content(embedding)

    @model_validator(mode="after")
    def _fits(self) -> DeduplicateParameters:
        if "semantic" in self.by and not self.embedding:
            raise ValueError(
                "`by: semantic` needs an embedding and none is named; add `embedding: wordllama` (a package: `uv sync --group "
                "semantic`), `abacus` (it ships with Errata and knows the words of its own world) or a folder, or leave semantic out"
            )
        if self.embedding in PACKAGED:
            try:
                name_content(self.embedding)
            except EmbeddingNotInstalled as error:
                raise ValueError(str(error)) from None
        if self.releases and (self.unit != "words" or "semantic" in self.by):
            raise ValueError(
                "the index of a release holds hashes of words, so `releases` goes with unit words, and not with semantic"
            )
        return self


def _side_inputs(parameters: DeduplicateParameters) -> Sequence[SideInput]:
    indexes = [SideInput(name, release=name, kind="index") for name in parameters.releases]
    return [*indexes, *list_side_inputs(parameters.embedding)]


def _reads(parameters: DeduplicateParameters, contract: Contract) -> Sequence[str]:
    names = set(contract.names())
    located = LOCATED if "mistake" in parameters.by and names.issuperset(LOCATED) else ()
    answer = (EXTRACTED,) if EXTRACTED in names and not parameters.across_answers else ()
    return tuple(dict.fromkeys(("problem_id", "rationale", *answer, *located, *parameters.prefer)))


def _compares_answers(parameters: DeduplicateParameters) -> bool:
    """Whether answers of the whole table are compared with each other."""
    return parameters.scope == "all" and not parameters.across_answers


def _list_aggregates(parameters: DeduplicateParameters) -> list[Aggregate[DeduplicateParameters]]:
    """Answers of the whole table that are compared, and texts by which an embedding is tried."""
    return [_ANSWERS] * _compares_answers(parameters) + [_SAMPLE] * ("semantic" in parameters.by)


def _list_answers(table: Rows, _: DeduplicateParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return _first_answers(part[EXTRACTED] for part in table if EXTRACTED in part.columns)


def _first_answers(some: Iterable[pl.Series]) -> pl.DataFrame:
    compared: list[str] = []
    for answers in some:
        compared = list_compared(pl.concat([pl.Series(compared, dtype=pl.String), answers]))
    return pl.DataFrame({"answer": compared}, schema={"answer": pl.String})


def _sample_texts(table: Rows, _: DeduplicateParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return draw_sample(part.select(simplify_texts(part["rationale"]), problem="problem_id") for part in table)


_ANSWERS = Aggregate(_list_answers, lambda answers, _, __: _first_answers(frame["answer"] for frame in answers))
_SAMPLE = Aggregate(_sample_texts, lambda samples, _, __: draw_sample(samples))


def _cut(parameters: DeduplicateParameters) -> Cut[DeduplicateParameters] | None:
    """By problem; with the scope of all rows by their answers, or texts; None where that will not do."""
    if parameters.scope != "all":
        return Cut(lambda rows, _, __: hash_texts(rows["problem_id"]))
    if _compares_answers(parameters):
        return Cut(_number_answers)
    # across answers two rows may be connected by their equations to a third, and that by its words to a fourth: no part of
    # the table can be decided by itself, unless texts alone count
    return (
        Cut(lambda rows, _, __: hash_texts(normalize_texts(rows["rationale"]))) if parameters.by == ["exact"] else None
    )


def _number_answers(rows: pl.DataFrame, _: DeduplicateParameters, known: Sequence[pl.DataFrame]) -> U64:
    """A number for each row, the same where answers are; where they are not read, where texts are."""
    answers = (
        rows[EXTRACTED] if EXTRACTED in rows.columns else pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    )
    numbers = number_equal(answers, known[0]["answer"].to_list())
    unread = numbers == UNREAD
    numbers[unread] = hash_texts(normalize_texts(rows["rationale"].filter(pl.Series(unread))))
    return numbers


def _check(parameters: DeduplicateParameters, contract: Contract) -> list[str]:
    """What is wrong with the columns that the parameters name, or need."""
    kinds = {column.name: column.kind for column in contract.columns}
    faults = []
    inexact = [name for name in parameters.by if name != "exact"]
    if inexact and EXTRACTED not in kinds and not parameters.across_answers:
        faults.append(
            f"by: {', '.join(inexact)} keeps solutions apart whose answers differ, and the table has no column '{EXTRACTED}'; "
            "put it behind a verify, or say `across_answers: true`"
        )
    for name in parameters.prefer:
        if name not in kinds:
            faults.append(f"prefer: the table has no column '{name}'; there are {', '.join(kinds)}")
        elif kinds[name] in ("strings", "integers", "numbers"):
            faults.append(f"prefer: column '{name}' holds lists; name one of numbers, texts or yes and no")
    return faults


def _embedding(parameters: DeduplicateParameters, beside: Sequence[Rows | Records | Files]) -> Embedding | None:
    """The embedding, which was tried on texts of the table: what lies beside it, with them as the last."""
    if "semantic" not in parameters.by or parameters.embedding is None:
        return None
    files = beside[len(parameters.releases)] if list_side_inputs(parameters.embedding) else ()
    embedding = open_embedding(parameters.embedding, cast(Files, files))
    for sample in cast(Rows, beside[-1]):
        refuse_strange(embedding, sample, parameters.cosine)
    return embedding


def deduplicate(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: DeduplicateParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject, with the reason and the row (and release) they repeat.

    Args:
        table: The key and the texts that are compared, part by part.
        beside: The indexes of earlier releases, part by part; the files of an embedding, where one is asked for; the aggregates.
        parameters: What counts as alike.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key`, `reason` and `detail`.

    """
    try:
        embedding = _embedding(parameters, beside)
        rules = DuplicateRules(
            tuple(parameters.by), parameters.scope, parameters.similarity, parameters.shingle, parameters.unit,
            embedding, parameters.cosine, tuple(parameters.prefer), parameters.across_answers, parameters.clusters,
        )  # fmt: skip
        repeats = Repeats(folder, rules, compared=_read_compared(parameters, beside))
        for name, index in zip(parameters.releases, beside):
            for rows in cast(Rows, index):
                repeats.add_index(name, rows)
        for part in table:
            repeats.add(part)
        yield from repeats.reject()
    except OldIndexError as error:
        raise TaskError(
            f"releases: {error}, by which solutions are compared now; release it again, or leave it out"
        ) from None
    except EmbeddingError as error:
        raise TaskError(f"embedding: {parameters.embedding} {error}; name another one, or leave semantic out") from None


def _read_compared(parameters: DeduplicateParameters, beside: Sequence[Rows | Records | Files]) -> list[str] | None:
    """The answers of the whole table that are compared, from the first aggregate; None where they are those of a problem."""
    if not _compares_answers(parameters):
        return None
    (frame,) = cast(Rows, beside[-len(_list_aggregates(parameters))])
    return frame["answer"].to_list()


DEDUPLICATE = WholeTable(
    name="deduplicate",
    summary="Keeps one of the solutions that repeat each other (the same mistake, text, equations, shingles or meaning, never with another answer), here or in earlier releases; the others name the one that stays.",
    version="7",
    parameters=DeduplicateParameters,
    needs=("solution_id", "problem_id", "rationale"),
    check=_check,
    aggregates=_list_aggregates,
    cut=_cut,
    reads=_reads,
    side_inputs=_side_inputs,
    decide=deduplicate,
    rejects="duplicates",
)
