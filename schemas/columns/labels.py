"""The columns of labels: where judges and estimation say that a solution first goes wrong, and where they agree.

Every label is the 0-based index of the first wrong step, -1 where no step is
wrong, and null where it is undecided. Lists over judgements are in the order
of `judges`; lists over prefixes have one item a step, that of the prefix
through it.
"""

from __future__ import annotations

from schemas.columns.human import HUMAN_LABEL
from schemas.columns.pairs import LOCATE_LABEL
from schemas.contract import Column
from schemas.labels import Label, Votes

JUDGE_COLUMNS = (
    Column("judges", "strings", "Who gave each judgement: the model with its revision, and the number of its vote."),
    Column(
        "judge_labels",
        "integers",
        "Where each judgement places the first wrong step; -1 none, null undecided.",
        at_least=-1,
    ),
    Column(
        "judge_faults",
        "strings",
        "Why each judgement is undecided: unparsable, out of range, …; empty where it is not.",
    ),
    Column("judge_kinds", "strings", "What each judgement calls the error; empty where it does not say."),
    Column("judge_reasons", "strings", "Why each judgement thinks so, in its own words; empty where it does not say."),
    Column("judge_replies", "strings", "Each judgement as it came, verbatim."),
    Column(
        "judge_requests",
        "strings",
        "The ledger's key of each judgement; of one asked step by step those of all its steps, a space between.",
    ),
    Column(
        "judge_likelihoods",
        "numbers",
        "The probability of `right` after each step, where judges were asked for it: the mean over models, null where none has it.",
        at_least=0,
        at_most=1,
    ),
    Column("judge_tokens", "integer", "Tokens of all judgements.", at_least=0),
    Column(
        "judge_first_error",
        "integer",
        "The first wrong step that more than half of all judgements name; -1 none, null where there is no such majority.",
        nullable=True,
        at_least=-1,
    ),
    Column(
        "judge_undecided",
        "string",
        "Why the judges are undecided: no majority, or why their judgements are; null otherwise.",
        nullable=True,
    ),
    Column(
        "judge_kind",
        "string",
        "What most of the judgements that name that step call the error; null where none says.",
        nullable=True,
    ),
    Column(
        "judge_share",
        "number",
        "The share of all judgements that name that step.",
        nullable=True,
        at_least=0,
        at_most=1,
    ),
)
JUDGE_LABEL = Label(
    column="judge_first_error", kind="step", rank=2, undecided="judge_undecided", error="judge_kind", share="judge_share",
    votes=Votes("judges", "judge_labels", "judge_faults", "judge_kinds", "judge_reasons", "judge_replies"),
    replies="judges", tokens="judge_tokens",
)  # fmt: skip
ESTIMATE_COLUMNS = (
    Column(
        "estimate_first_error",
        "integer",
        "The first step through which no rollout succeeds; -1 none, null where it is undecided.",
        nullable=True,
        at_least=-1,
    ),
    Column("estimate_undecided", "string", "Why estimation is undecided; null otherwise.", nullable=True),
    Column("estimated_by", "string", "The method with its rollouts, and what a pilot measured."),
    Column("tried", "integers", "Rollouts from each prefix that were right or wrong.", at_least=0),
    Column("succeeded", "integers", "Rollouts from each prefix that came to the right answer.", at_least=0),
    Column("unclear", "integers", "Rollouts from each prefix that were undecided, cut off or refused.", at_least=0),
    Column(
        "hard",
        "integers",
        "Each prefix's hard label: 1 where a rollout from it or a later one succeeded, 0 where none did, null untested.",
        at_least=0,
        at_most=1,
    ),
    Column(
        "soft",
        "numbers",
        "The share of each prefix's rollouts that succeeded, of all that were asked for; null where its test was stopped at a "
        "success or too few were decided. That of the whole solution is its verdict.",
        at_least=0,
        at_most=1,
    ),
    Column("soft_low", "numbers", "The lower end of the share's 95 % interval (Wilson).", at_least=0, at_most=1),
    Column("soft_high", "numbers", "The upper end of the share's 95 % interval (Wilson).", at_least=0, at_most=1),
    Column(
        "start_tried",
        "integer",
        "Rollouts from the start of the problem that were right or wrong.",
        nullable=True,
        at_least=0,
    ),
    Column(
        "start_succeeded",
        "integer",
        "Rollouts from the start that came to the right answer.",
        nullable=True,
        at_least=0,
    ),
    Column(
        "reused",
        "integer",
        "Of the prefixes' rollouts, those that were asked for from the start and begin so.",
        at_least=0,
    ),
    Column("rollouts", "integer", "Rollouts that were asked for, those from the start among them.", at_least=0),
    Column("rollout_tokens", "integer", "Tokens of the rollouts that were asked for.", at_least=0),
)
ESTIMATE_LABEL = Label(
    column="estimate_first_error", kind="step", rank=1, undecided="estimate_undecided", method="estimated_by", values="soft",
    derived_from=(JUDGE_LABEL,), derived_by=("witness", "active"),
    rater="estimation", title="estimation by rollouts", replies="rollouts", tokens="rollout_tokens",
)  # fmt: skip
ACTIVE_COLUMN = Column(
    "estimate_probability",
    "number",
    "The probability of the likeliest first wrong step, given all evidence, when nothing more was asked; null where nothing "
    "could be.",
    nullable=True,
    at_least=0,
    at_most=1,
)
AGREE_COLUMNS = (
    Column(
        "first_error",
        "integer",
        "The 0-based index of the first wrong step on which the labellers agree, or -1.",
        at_least=-1,
    ),
    Column("labellers", "strings", "Who labelled the solution: judges, estimation, people."),
    Column("labels", "integers", "The first wrong step by each labeller; -1 none, null undecided.", at_least=-1),
    Column("agreement", "number", "The share of the labellers that name this step.", at_least=0, at_most=1),
    Column(
        "confidence",
        "number",
        "The share of the judgements that name this step, times (n + 1) / (n + 2) where estimation saw n rollouts through "
        "it fail (Laplace's rule of succession); by the posterior its probability.",
        at_least=0,
        at_most=1,
    ),
)
POSTERIOR_COLUMNS = (
    Column(
        "probability",
        "number",
        "The probability that this is the first wrong step (or that none is wrong), given all evidence.",
        at_least=0,
        at_most=1,
    ),
    Column(
        "posterior",
        "numbers",
        "The probability of each step to be the first wrong one; the last number is that of none.",
        at_least=0,
        at_most=1,
    ),
    Column(
        "carried_by",
        "strings",
        "The sorts of evidence, first that which speaks most for the label against the next likeliest.",
    ),
    Column(
        "carried",
        "numbers",
        "The log-likelihood ratio that each contributes, in nats; below 0 it speaks for the next likeliest.",
    ),
)
AGREE_LABEL = Label(
    column="first_error",
    kind="step",
    rank=3,
    probability="probability",
    evidence="carried_by",
    strength="carried",
    votes=Votes("labellers", "labels"),
    combines=(JUDGE_LABEL, ESTIMATE_LABEL, HUMAN_LABEL),
    derived_from=(LOCATE_LABEL,),
)
SEVERITIES = ("minor", "major")
CLASSIFY_COLUMNS = (
    Column("taxonomy", "string", "The taxonomy that the types are of, with its version."),
    Column("error_type", "string", "The type of the first wrong step's mistake; null where undecided.", nullable=True),
    Column("error_definition", "string", "What that type means, in the taxonomy's words.", nullable=True),
    Column(
        "type_undecided",
        "string",
        "Why the type is undecided: no majority, unparsable, no wrong step, …; null otherwise.",
        nullable=True,
    ),
    Column(
        "typed_by",
        "string",
        "Who decided: `rule: ` and which one, `models` by more than half of their votes, or `judge` by its kind; "
        "null where undecided.",
        nullable=True,
    ),
    Column(
        "error_severity",
        "string",
        "major: what follows, or the answer, is wrong because of it; minor: they are not; null where it is not known.",
        nullable=True,
        one_of=SEVERITIES,
    ),
    Column(
        "error_from",
        "integer",
        "The first wrong character in the first wrong step, from 0; null where it is not known, or not to the letter.",
        nullable=True,
        at_least=0,
    ),
    Column("error_to", "integer", "The character behind the last wrong one.", nullable=True, at_least=1),
    Column("error_cause", "string", "What is wrong, in a sentence; null where it is not known.", nullable=True),
    Column(
        "type_share",
        "number",
        "The share of all votes for this type; null where no model was asked.",
        nullable=True,
        at_least=0,
        at_most=1,
    ),
    Column("classifiers", "strings", "Who gave each vote: the model with its revision, and the number of its vote."),
    Column("classifier_types", "strings", "The type that each vote names; empty where it is undecided."),
    Column("classifier_faults", "strings", "Why each vote is undecided; empty where it is not."),
    Column("classifier_replies", "strings", "Each vote as it came, verbatim."),
    Column("classifier_requests", "strings", "The ledger's key of each vote."),
    Column("classifier_tokens", "integer", "Tokens of all votes.", at_least=0),
)
CLASSIFY_LABEL = Label(
    column="error_type", kind="type", rank=1, undecided="type_undecided", method="typed_by", cause="error_cause", share="type_share",
    votes=Votes("classifiers", "classifier_types", "classifier_faults", replies="classifier_replies"),
    replies="classifiers", tokens="classifier_tokens",
)  # fmt: skip
INJECT_COLUMNS = (
    Column("injected_at", "integer", "The step in which a mistake was made on purpose; -1 none.", at_least=-1),
    Column("injected_type", "string", "Its type; null where none was made.", nullable=True),
    Column(
        "injected_taxonomy", "string", "The taxonomy, with its version, of which it is.", pattern=r".+@\d+\.\d+\.\d+"
    ),
    Column(
        "injected_by",
        "string",
        "Who made it: `rule: ` and which edit, or the model with its revision; null where nobody did.",
        nullable=True,
    ),
    Column("injected_edit", "string", "What was replaced, and by what; null where nothing was.", nullable=True),
    Column("injected_cause", "string", "What is wrong, as the model that made it says; null elsewhere.", nullable=True),
    Column("injected_from", "string", "The right solution that it was made from.", pattern="[0-9a-f]{24}"),
    Column("injected_original", "strings", "The steps of that solution."),
)
