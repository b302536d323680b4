"""Segments: a conversation in pieces, each with whose it is, what it is, and whether a model is to learn to write it.

Neighbouring segments of one role are one message: their texts, joined with
nothing between them, are that message to the letter.
"""

from __future__ import annotations

from schemas.contract import Column

ROLES = ("system", "user", "assistant", "tool")
KINDS = ("question", "attempt", "wrong", "transition", "critique", "revision", "observation", "feedback", "answer")
SEGMENT = (
    Column("role", "string", "Whose message it is of.", one_of=ROLES),
    Column("kind", "string", "What it is there.", one_of=KINDS),
    Column("text", "string", "What it says."),
    Column("learn", "boolean", "Whether a model is to learn to write it; what is not to be learnt is context."),
    Column("weight", "number", "How much it counts in the loss, where it is learnt.", at_least=0),
    Column("by", "string", "Who wrote it: a model with its revision, `reference`, or `errata` for words of our own."),
    Column("of", "string", "The solution that it is of; null where it is of none.", nullable=True),
)
SEGMENTS = Column("segments", "records", "The conversation in pieces, in their order.", fields=SEGMENT)
