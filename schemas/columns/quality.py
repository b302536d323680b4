"""The columns that `quality`, `consistency`, `label-errors` and `decontaminate` add: each says its source and unit."""

from __future__ import annotations

from schemas.contract import Column


def _share(name: str, meaning: str) -> Column:
    return Column(name, "number", meaning, nullable=True, at_least=0, at_most=1)


QUALITY_COLUMNS = (
    Column("characters", "integer", "Characters (Unicode code points) of the rationale.", at_least=0),
    Column("words", "integer", "Words, numbers and signs of arithmetic in the rationale.", at_least=0),
    Column("question_words", "integer", "The same of the question.", at_least=0),
    Column("step_count", "integer", "Steps of the rationale; null before it is split.", nullable=True, at_least=1),
    Column(
        "compression",
        "number",
        "Bytes of the rationale packed by zlib, for each byte of its UTF-8; low where it repeats itself, null if empty.",
        nullable=True,
        at_least=0,
    ),
    _share("repeated", "The share of its runs of four words that stood in it before (after Gopher, 2112.11446)."),
    _share("distinct_words", "The share of its words that are different ones (type-token ratio); null without words."),
    _share("odd_characters", "The share of control, unassigned, private, unseen and replacement characters."),
    _share("foreign_letters", "The share of its letters that are not Latin; null without letters."),
    _share("english", "The share of its words that are among the commonest of English; near 0 in other languages."),
    _share("digits", "The share of its characters that are digits."),
    Column(
        "mean_logprob",
        "number",
        "Log-probability of a token on average (natural logarithm, at temperature 1); null where none was asked for or given.",
        nullable=True,
        at_most=0.001,
    ),
    Column("perplexity", "number", "exp(-mean_logprob); null where that is.", nullable=True, at_least=0.999),
)
CONSISTENCY_COLUMNS = (
    Column("answers", "integer", "The problem's solutions in this table whose answer was found.", at_least=0),
    _share("answer_share", "The share of those that have this row's answer; null where it has none."),
    Column("majority_answer", "string", "The answer most of them have; null where none has one.", nullable=True),
    _share("majority_share", "The share of them that have it; null where none has one."),
    _share(
        "perplexity_consistency",
        "RPC (2502.00511): the sum of exp(mean log-probability) over the different solutions with this row's answer, as a "
        "share of that over all; null without answer or where a log-probability is missing.",
    ),
)
LABEL_COLUMNS = (
    Column(
        "label_error",
        "boolean",
        "Whether the label is probably wrong, by confident learning (1911.00068); null where no other labeller says anything.",
        nullable=True,
    ),
    Column(
        "likely_label",
        "string",
        "The likeliest label, given those of the others; null where they say nothing.",
        nullable=True,
    ),
    _share("label_quality", "The probability of the label, given those of the others; null where they say nothing."),
)
CONTAMINATION_COLUMN = Column(
    "contamination",
    "string",
    "In which test set it may stand, and what speaks for it: a hit that is doubtful, for review; null where there is none.",
    nullable=True,
)
