"""The conversations of the method active: the search all over a table, and its rollouts and votes part by part."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.columns.gold import GOLD_STEP
from schemas.columns.labels import AGREE_LABEL
from schemas.model_id import ModelId
from schemas.request import Reply, Request, Sampling
from schemas.task import Rows
from tasks.llm.read_channels import show_channel
from tasks.localize.active.cases import open_case
from tasks.localize.active.outcome import SearchOutcome
from tasks.localize.active.search import Search
from tasks.localize.estimate_parameters import EstimateParameters, FittedEstimateParameters
from tasks.localize.judge import JUDGED_COLUMNS, JudgeVote, read_votes
from tasks.localize.posterior.evidence import COUNTS, START, list_columns
from tasks.localize.rollout_rounds import WINDOW, Asker, Row, count_rollouts, open_row, request_next

SEARCHED_COLUMNS = (
    "request_id", "judges", "judge_requests", "judge_tokens", *JUDGED_COLUMNS,
    *(name for name in list_columns(AGREE_LABEL.combines) if name not in (GOLD_STEP, *COUNTS, *START)),
)  # fmt: skip
"""What the search looks at, where the table has it, beside what all estimation does: of the truth nothing."""
Talk = Generator[Sequence[Request], Mapping[str, Reply], "dict[str, SearchedRow]"]


@dataclass(frozen=True)
class SearchedRow:
    """What was asked about a solution, and what it came to."""

    outcome: SearchOutcome
    cast: Sequence[JudgeVote]
    """Further votes."""


def open_asker(rules: EstimateParameters, names: Mapping[str, ModelId]) -> Asker:
    """How the completer is asked."""
    sampling = Sampling(rules.max_tokens, rules.temperature, rules.top_p, tuple(rules.stop))
    return Asker(names[rules.model], sampling, rules.answers, rules.reuse)


def search_table(
    parts: Rows, rules: EstimateParameters, names: Mapping[str, ModelId]
) -> Generator[Sequence[Request], Mapping[str, Reply], EstimateParameters]:
    """Search all over a table: its rows share the budget, and the rates.

    Args:
        parts: The table, part by part.
        rules: Until when, and how much at most.
        names: How requests name each model of the recipe.

    Yields:
        The requests of a round.

    Returns:
        The parameters, with what is to be asked about each solution; the ledger has the answers.

    """
    values = (values for part in parts for values in part.iter_rows(named=True))
    rows = [row for each in values if (row := open_row(each, rules.prompt, rules.of))]
    search = Search(rows, rules, names, open_asker(rules, names))
    yield from search.ask()
    outcomes = {case.row.values["solution_id"]: outcome for case, outcome in search.list_outcomes()}
    return FittedEstimateParameters(**rules.model_dump(), outcomes=outcomes, rounds=search.rounds)


def search_rows(rows: Sequence[Row], rules: EstimateParameters, names: Mapping[str, ModelId], asker: Asker) -> Talk:
    """What was asked about rows is asked again, of the ledger; about rows that no search has seen they are searched by themselves.

    Args:
        rows: Some rows of the table.
        rules: With the outcomes of the search all over the table, where there was one.
        names: How requests name each model of the recipe.
        asker: How the completer is asked.

    Yields:
        The requests of a round.

    Returns:
        What it came to, by solution.

    """
    known = rules.outcomes if isinstance(rules, FittedEstimateParameters) else {}
    result: dict[str, SearchedRow] = {}
    if others := [row for row in rows if row.values["solution_id"] not in known]:
        search = Search(others, rules, names, asker)
        yield from search.ask()
        result |= {
            case.row.values["solution_id"]: SearchedRow(outcome, case.cast) for case, outcome in search.list_outcomes()
        }
    searched = [(row, known[row.values["solution_id"]]) for row in rows if row.values["solution_id"] in known]
    for portion in _cut(searched):
        cases = [(open_case(row, _find_most(rules), rules.judge, names), outcome) for row, outcome in portion]
        rollouts = [
            (case.row, prefix, request_next(case.row, prefix, asker))
            for case, outcome in cases
            for prefix, number in zip(case.prefixes, outcome.rollouts)
            for _ in range(number)
        ]
        votes = [
            [vote for mine, number in zip(case.votes, outcome.votes) for vote in mine[:number]]
            for case, outcome in cases
        ]
        requests = [request for *_, request in rollouts]
        requests += [request for each in votes for vote in each for request in vote.requests]
        replies = (yield requests) if requests else {}
        count_rollouts(rollouts, replies, asker)
        for (case, outcome), each in zip(cases, votes):
            shown = show_channel(case.row.values, rules.judge.of if rules.judge else None)
            cast = read_votes(shown, each, replies, rules.judge) if rules.judge and each else []
            result[case.row.values["solution_id"]] = SearchedRow(outcome, cast)
    return result


def _find_most(rules: EstimateParameters) -> int:
    assert isinstance(rules.rollouts, int)
    return rules.rollouts


def _cut(rows: Sequence[tuple[Row, SearchOutcome]]) -> Iterator[Sequence[tuple[Row, SearchOutcome]]]:
    """Rows in portions of about as many requests as a round has."""
    portion: list[tuple[Row, SearchOutcome]] = []
    size = 0
    for row, outcome in rows:
        portion.append((row, outcome))
        size += sum(outcome.rollouts) + sum(outcome.votes)
        if size >= WINDOW:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
