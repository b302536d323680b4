"""The contracts of Errata's tables, and the columns that stages add to them."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.labels import Label

ID = "[0-9a-f]{24}"

PROBLEM_COLUMNS = (
    Column("problem_id", "string", "Hash of the question's normalised words and options.", pattern=ID),
    Column("set", "string", "The problem set it comes from."),
    Column("question", "string", "The problem as it was put to the model."),
    Column("options", "strings", "The choices of a multiple-choice problem, in order; null for others.", nullable=True),
    Column("answer", "string", "The gold answer (of multiple choice: the letter); empty where its source says none."),
    Column("reference", "string", "A right solution written by the set's authors; null where none.", nullable=True),
)
ORIGINAL_ID = Column("original_id", "string", "The problem's id in the file it was read from.")
SOURCE = Column("source", "string", "The record it was read from: file and line (or row), counted from 1.")

PROBLEMS = Contract("problems", "One problem a row.", (*PROBLEM_COLUMNS, SOURCE), key="problem_id")

PROGRAM = Column("program", "string", "The calculations that lead to the answer, with their operands and units; JSON.")

SOLUTION_ID = Column("solution_id", "string", "Hash of problem, model, sampling, sample number and text.", pattern=ID)
THINKING_COLUMNS = (
    Column(
        "thinking",
        "string",
        "What the model thought before it answered, without the marks round it; null where it has no such channel.",
        nullable=True,
    ),
    Column(
        "thinking_tokens",
        "integer",
        "Tokens of the thoughts; null where nobody counted them.",
        nullable=True,
        at_least=0,
    ),
    Column(
        "thinking_finished",
        "boolean",
        "Whether the thoughts came to their end; null where there are none.",
        nullable=True,
    ),
)
COMPLETION_COLUMNS = (
    Column("model", "string", "The model that wrote the solution, with its revision where known."),
    Column(
        "sampling",
        "string",
        "How it was asked and sampled: strategy and parameters, as recorded. What a generated row does not name was left to the server's own default.",
    ),
    Column("sample", "integer", "The number of the sample among those of one model and sampling.", at_least=0),
    Column("text", "string", "The completion, verbatim, without the thoughts before it."),
    Column("rationale", "string", "The reasoning in the completion: the text without any JSON around it."),
    *THINKING_COLUMNS,
    Column("stated", "string", "The answer a JSON completion states in a field of its own, or null.", nullable=True),
)
SOLUTIONS = Contract(
    "solutions",
    "One solution of one model a row, with its problem.",
    (SOLUTION_ID, *PROBLEM_COLUMNS, *COMPLETION_COLUMNS, SOURCE),
    key="solution_id",
)
ASKED_COLUMNS = (
    Column("request_id", "string", "The ledger's key of the completion.", pattern="[0-9a-f]{32}"),
    Column("tokens", "integer", "Tokens of the completion.", at_least=0),
    Column(
        "logprob",
        "number",
        "Summed log-probability of its tokens at temperature 1 (natural logarithm), or null.",
        nullable=True,
        at_most=0.001,
    ),
)

RECORDS = Contract(
    "records",
    "One record of a source a row, before it is understood.",
    (
        Column("source", "string", "File and line (or row), counted from 1."),
        Column("raw", "string", "The record's text, cut at 10,000 characters.", nullable=True),
    ),
    key="source",
)

STEP_RULES = ("numbered", "blank lines", "lines", "sentences", "whole", "given")
STEP_COLUMNS = (
    Column("steps", "strings", "The rationale's steps, in order.", at_least=1),
    Column("step_rule", "string", "The rule that cut the rationale into steps.", one_of=STEP_RULES),
    Column(
        "steps_of",
        "string",
        "The channel that the steps are of; null (which is the text) where it is not recorded.",
        nullable=True,
        one_of=("text", "thinking", "both"),
    ),
)

VERDICTS = ("right", "wrong", "undecided")
EXTRACTION_RULES = (
    "stated", "boxed", "hashes", "final line", "phrase", "corrected", "bold", "choice", "opening", "last date", "last number", "span", "denial",
)  # fmt: skip
COMPARISON_RULES = (
    "numeric", "fraction", "percent", "unit", "sum", "time", "date", "choice", "yes or no", "text", "base", "interval", "set", "tuple", "matrix",
    "equation", "relation", "family", "antiderivative", "ratio", "cases", "congruence", "amounts", "expression", "denial", "absent",
)  # fmt: skip
VERDICT_COLUMNS = (
    Column("verdict", "string", "Whether the extracted answer equals the gold one.", one_of=VERDICTS),
    Column(
        "undecided",
        "string",
        "Why the verdict is undecided: no answer, unparsable, timed out, …; null otherwise.",
        nullable=True,
    ),
    Column("extracted", "string", "The final answer found in the completion, verbatim; null if none.", nullable=True),
    Column("extracted_by", "string", "The rule that found it.", nullable=True, one_of=EXTRACTION_RULES),
    Column(
        "extracted_from",
        "integer",
        "Its first character in what was read (`text`, or `thinking`), from 0; null where it does not stand there.",
        nullable=True,
        at_least=0,
    ),
    Column("extracted_to", "integer", "The character behind its last.", nullable=True, at_least=0),
    Column("compared_by", "string", "The rule that compared it with gold.", nullable=True, one_of=COMPARISON_RULES),
    Column(
        "second_opinion",
        "string",
        "What math-verify said (equal, different, or why neither); null where exact arithmetic had settled it.",
        nullable=True,
    ),
)
VERDICT_LABEL = Label(column="verdict", kind="verdict", undecided="undecided", method="extracted_by")
