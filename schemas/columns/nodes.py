"""The columns of search trees, one question a row, and of their nodes, one state a row."""

from __future__ import annotations

from dataclasses import replace

from schemas.columns.problems import ID, PROBLEM_COLUMNS, STEP_RULES, VERDICTS
from schemas.columns.values import RIGHT_RATE, VALUE_TREES
from schemas.contract import Column

_BY = (
    Column("model", "string", "The model that was asked, with its revision where known."),
    Column("sampling", "string", "How it was asked and sampled."),
)
_STATE = (
    Column("is_end", "boolean", "Whether the solution ends there."),
    Column("verdict", "string", "Whether it ends with the right answer; null where it does not end there.", nullable=True, one_of=VERDICTS),
    Column("text", "string", "The solution, verbatim, where it ends there; null elsewhere.", nullable=True),
    Column("step_rule", "string", "The rule that cut it into steps.", one_of=STEP_RULES),
    Column("tried", "integer", "Decided rollouts from there, and those from the state before that took its step.", at_least=0),
    Column("succeeded", "integer", "How many of these come to the right answer.", at_least=0),
    Column("unclear", "integer", "Further ones that are undecided, were cut off or refused.", at_least=0),
    Column("visits", "integer", "Searches that went through it (N).", at_least=0),
    Column("quality", "number", "What the search prefers it by (Q): of omegaprm that of its best wrong rollout left, null without one; of mcts its value.", nullable=True, at_least=0, at_most=1),
    Column("bonus", "number", "What sends searches where there were few (U).", at_least=0),
    Column("value", "number", "The share of all rollouts from there and from the states behind it that succeed (V); null where none was decided.", nullable=True, at_least=0, at_most=1),
    Column("steps_left", "integer", "The fewest steps behind it in which a rollout came to the right answer; null where none did.", nullable=True, at_least=0),
    Column("request_id", "string", "The ledger's key of the completion that first came through it.", pattern="[0-9a-f]{32}"),
)  # fmt: skip
TREE_COLUMNS = (
    *VALUE_TREES.columns[len(PROBLEM_COLUMNS) :],
    *_BY,
    Column("searches", "integer", "How often the tree was searched.", at_least=0),
    Column("rollouts", "integer", "Completions that were asked for.", at_least=1),
    Column("rollout_tokens", "integer", "Their tokens.", at_least=0),
    Column(
        "nodes", "records", "The states of the tree, each behind those that it goes on from.",
        fields=(
            Column("parent", "integer", "The number of the state before it in this list; null where that is the problem.", nullable=True, at_least=0),
            Column("steps", "strings", "Its steps since that.", at_least=1),
            *_STATE,
        ),
    ),
)  # fmt: skip
NODE_COLUMNS = (
    replace(RIGHT_RATE, meaning="The share of the rollouts from the problem itself that come to the right answer."),
    *_BY,
    Column("parent_id", "string", "The node that it goes on from; null where that is the problem.", nullable=True, pattern=ID),
    Column("depth", "integer", "The steps from the problem.", at_least=1),
    Column("steps_before", "strings", "The steps before the last."),
    Column("step", "string", "The last step."),
    *_STATE,
    Column("q", "number", "The share of its tries that succeed (MC).", at_least=0, at_most=1),
    Column("on_right_path", "boolean", "Whether a rollout from there, or from a state behind it, comes to the right answer."),
)  # fmt: skip
NODE_ID = Column("node_id", "string", "Hash of the problem, who was asked how, and the steps.", pattern=ID)
