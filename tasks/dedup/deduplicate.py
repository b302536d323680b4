"""`deduplicate`: keeps one of the solutions that repeat each other, in this table or in an earlier release.

Solutions are connected where their text is the same, their path is (the
sequence of their equations), their shingles are as alike as asked, or their
embeddings are. Of each connected component one row stays, and the others name
it. What is found depends on the rows alone, not on their order or their parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

import polars as pl
from pydantic import AfterValidator, Field, field_serializer, model_validator

from schemas.contract import Contract
from schemas.task import Files, OneOrMore, Parameters, Records, Rows, SideInput, TaskError, WholeTable
from tasks.dedup.duplicates import DuplicateRules, Repeats
from tasks.dedup.embeddings import FILES, SHIPPED, Embedding, EmbeddingError
from tasks.sources.content_ids import digest

ABACUS = "abacus"
KEPT_RELEASE = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?@\d{1,9}\.\d{1,9}\.\d{1,9}"


def check_release_name(name: str) -> str:
    """The name, if it is that of one version: which is the newest changes, and tables must not."""
    if not re.fullmatch(KEPT_RELEASE, name):
        raise ValueError(f"expected a release and its version, as in corpus@1.2.3, found {name[:60]!r}")
    return name


Release = Annotated[str, AfterValidator(check_release_name)]


class DeduplicateParameters(Parameters):
    """Parameters of `deduplicate`."""

    by: OneOrMore[Literal["exact", "path", "near", "semantic"]] = Field(
        ["exact"],
        min_length=1,
        description="What makes two solutions repeat each other, one or several: the same text, the same equations, like shingles, like embeddings.",
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
        description="Of semantic: `abacus`, or a folder with tokenizer.json and model.safetensors that holds a vector for each token.",
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
        """The one that ships by its content, too: another one makes another table."""
        if embedding != ABACUS:
            return embedding
        return f"{ABACUS} {digest(*((SHIPPED / name).read_bytes().hex() for name in FILES))}"

    @model_validator(mode="after")
    def _fits(self) -> DeduplicateParameters:
        if "semantic" in self.by and not self.embedding:
            raise ValueError(
                "`by: semantic` needs an embedding and none is named; add `embedding: abacus` (it ships with Errata and "
                "knows the words of its own world) or a folder, or leave semantic out"
            )
        if self.releases and (self.unit != "words" or "semantic" in self.by):
            raise ValueError(
                "the index of a release holds hashes of words, so `releases` goes with unit words, and not with semantic"
            )
        return self


def _side_inputs(parameters: DeduplicateParameters) -> Sequence[SideInput]:
    indexes = [SideInput(name, release=name, kind="index") for name in parameters.releases]
    if parameters.embedding and parameters.embedding != ABACUS:
        files = tuple(f"{parameters.embedding.rstrip('/')}/{name}" for name in FILES)
        return [*indexes, SideInput("embedding", files, kind="bytes")]
    return indexes


def _reads(parameters: DeduplicateParameters, _: Contract) -> Sequence[str]:
    return ("problem_id", "rationale", *parameters.prefer)


def _check(parameters: DeduplicateParameters, contract: Contract) -> list[str]:
    """What is wrong with the columns that the parameters name."""
    kinds = {column.name: column.kind for column in contract.columns}
    faults = []
    for name in parameters.prefer:
        if name not in kinds:
            faults.append(f"prefer: the table has no column '{name}'; there are {', '.join(kinds)}")
        elif kinds[name] in ("strings", "integers", "numbers"):
            faults.append(f"prefer: column '{name}' holds lists; name one of numbers, texts or yes and no")
    return faults


def _embedding(parameters: DeduplicateParameters, beside: Sequence[Rows | Records | Files]) -> Embedding | None:
    if "semantic" not in parameters.by or parameters.embedding is None:
        return None
    if parameters.embedding == ABACUS:
        return Embedding(*((SHIPPED / name).read_bytes() for name in FILES))
    try:
        return Embedding(*cast(Files, beside[-1]))
    except EmbeddingError as error:
        raise TaskError(
            f"embedding: {parameters.embedding}: {error}; name a folder with {' and '.join(FILES)}"
        ) from None


def deduplicate(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: DeduplicateParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject, with the reason and the row (and release) they repeat.

    Args:
        table: The key and the texts that are compared, part by part.
        beside: The indexes of earlier releases, part by part; last the files of an embedding, where one is asked for.
        parameters: What counts as alike.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key`, `reason` and `detail`.

    """
    rules = DuplicateRules(
        tuple(parameters.by), parameters.scope, parameters.similarity, parameters.shingle, parameters.unit,
        _embedding(parameters, beside), parameters.cosine,
    )  # fmt: skip
    repeats = Repeats(folder, rules, len(parameters.prefer))
    for name, index in zip(parameters.releases, beside):
        for rows in cast(Rows, index):
            repeats.add_index(name, rows)
    for part in table:
        repeats.add(part)
    yield from repeats.reject()


DEDUPLICATE = WholeTable(
    name="deduplicate",
    summary="Keeps one of the solutions that repeat each other (the same text, equations, shingles or meaning), here or in earlier releases; the others name the one that stays.",
    version="2",
    parameters=DeduplicateParameters,
    needs=("solution_id", "problem_id", "rationale"),
    check=_check,
    reads=_reads,
    side_inputs=_side_inputs,
    run=deduplicate,
    rejects="duplicates",
)
