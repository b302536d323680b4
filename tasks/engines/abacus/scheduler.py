"""Continuous batching: requests join as others end, and each is answered as soon as it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.request import Completion, Finish, Request
from tasks.engines.abacus.checkpoint import Checkpoint
from tasks.engines.abacus.kv_cache import Cohort, advance_cohorts
from tasks.engines.abacus.llama import Llama
from tasks.engines.abacus.sampling import (
    MARGIN,
    Draws,
    choose,
    compute_log_probabilities,
    log_probability,
    round_logprob,
)
from tasks.engines.token_statistics import TokenProbabilities, TokenStatistics, describe_tokens

ROWS = 128
"""Completions under way at once, at most."""
TOKENS = 65_536
"""Tokens whose keys and values are held at once, at most; one takes 5 KB in the shipped checkpoint."""


@dataclass(frozen=True)
class SharedPrompt:
    """Requests that share one prompt."""

    prompt: Sequence[int]
    requests: Sequence[Request]


Take = Callable[[int, int], list[SharedPrompt]]
"""Gives what is to be begun next: at most so many requests, and so many tokens; nothing when all is under way."""


@dataclass(frozen=True)
class Networks:
    """What all threads share."""

    checkpoint: Checkpoint
    quick: Llama
    exact: Llama
    """The same in float64, for choices that are too close."""
    name: str


class Group:
    """A cohort with what is asked of each row and what it has answered so far."""

    def __init__(self, networks: Networks, begun: Sequence[SharedPrompt]) -> None:
        self.networks = networks
        positions = networks.checkpoint.shape.positions
        copies = [len(asked.requests) for asked in begun]
        self.cohort = Cohort(networks.quick, [asked.prompt for asked in begun], copies)
        self.asked = [(request, asked.prompt) for asked in begun for request in asked.requests]
        sampling = [request.sampling for request, _ in self.asked]
        self.limit = np.array([min(s.max_tokens, positions - len(p)) for s, (_, p) in zip(sampling, self.asked)])
        self.draws = Draws(
            np.array([request.seed for request, _ in self.asked], np.uint64),
            np.array([setting.temperature for setting in sampling], np.float64),
            np.array([setting.top_p for setting in sampling], np.float64),
        )
        self.stopping = np.array([bool(setting.stop) for setting in sampling])
        self.text = ["" for _ in sampling]
        self.tokens = np.zeros((len(sampling), int(self.limit.max()) + 1), np.intp)
        self.logprob = np.zeros(len(sampling))

    def __len__(self) -> int:
        return len(self.asked)

    def last(self) -> NDArray[np.intp]:
        """The token of each row that has not gone through the network yet."""
        return self.tokens[:, self.cohort.made]

    def advance(self) -> Iterator[Completion]:
        """Choose a token for each row; the completions of the rows that end by it, which leave."""
        place = self.cohort.made
        chosen, gained = self._chosen(place)
        ended = np.isin(chosen, self.networks.checkpoint.ends)
        full = ~ended & (self.limit == place)
        going = ~ended & ~full
        self.tokens[:, place] = chosen
        self.logprob[going] += gained[going]
        stopped = {row: cut for row in _places(self.stopping & going) if (cut := self._stopped(row)) is not None}
        for row in _places(ended | full):
            yield self._completion(row, "stop" if ended[row] else "length", place, self._text(row, place))
        for row, text in stopped.items():
            yield self._completion(row, "stop", place + 1, text)
        going[list(stopped)] = False
        if not going.all():
            self._leave(~going)

    def _chosen(self, place: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        logits = self.cohort.logits.astype(np.float64)
        chosen, sure = choose(logits, self.draws, place, MARGIN)
        for row in _places(~sure):
            sequence = np.array([*self.asked[row][1], *self.tokens[row, :place]], np.intp)
            logits[row] = self.networks.exact.read(sequence[None], np.array([len(sequence)]))[0]
            chosen[row] = choose(logits[row : row + 1], self.draws.of([row]), place, 0)[0][0]
        return chosen, log_probability(logits, chosen)

    def _stopped(self, row: int) -> str | None:
        """The text before the first stop text, if there is one now."""
        piece = self.networks.checkpoint.pieces[self.tokens[row, self.cohort.made]]
        text = self.text[row] = self.text[row] + piece
        stops = self.asked[row][0].sampling.stop
        places = (text.find(stop, max(0, len(text) - len(piece) - len(stop))) for stop in stops)
        cuts = [at for at in places if at >= 0]
        return text[: min(cuts)] if cuts else None

    def _text(self, row: int, length: int) -> str:
        pieces = self.networks.checkpoint.pieces
        return "".join(pieces[token] for token in self.tokens[row, :length])

    def _completion(self, row: int, finish: Finish, length: int, text: str) -> Completion:
        request, prompt = self.asked[row]
        return Completion(
            request=request.id, text=text, finish=finish, limit=request.sampling.max_tokens,
            prompt_tokens=len(prompt), tokens=length, logprob=self._logprob(row, length),
            engine=self.networks.name, at=time.time(), **self._describe_tokens(row, length, text),
        )  # fmt: skip

    def _logprob(self, row: int, length: int) -> float:
        """The answer's log-probability, rounded; from float64 where float32's error could turn the rounding."""
        rounded, sure = round_logprob(float(self.logprob[row]))
        if sure:
            return rounded
        answer = self.tokens[row, :length]
        return round_logprob(float(log_probability(self._read_exactly(row, length)[:-1], answer).sum()))[0]

    def _read_exactly(self, row: int, length: int) -> NDArray[np.float64]:
        """Logits (length + 1, vocabulary) in float64 at each token of the answer, and behind its last."""
        prompt, exact = self.asked[row][1], self.networks.exact
        sequence = np.array([*prompt, *self.tokens[row, :length]], np.intp)[None]
        return exact.logits(exact.through(sequence)[0, len(prompt) - 1 :])

    def _describe_tokens(self, row: int, length: int, text: str) -> TokenStatistics:
        """What is asked of the answer's tokens, from float64: in float32 its last digits would depend on the batch."""
        request = self.asked[row][0]
        if not (request.statistics or request.choices):
            return {}
        probabilities = compute_log_probabilities(self._read_exactly(row, length))
        first = zip(self.networks.checkpoint.pieces, probabilities[0].tolist())
        own = probabilities[np.arange(length), self.tokens[row, :length]].tolist()
        means = probabilities[:-1].mean(-1).tolist()
        return describe_tokens(request, text, TokenProbabilities(own, means, probabilities.shape[1], first))

    def _leave(self, ended: NDArray[np.bool_]) -> None:
        holes, movers, rows = self.cohort.leave(ended)
        for of_rows in (self.limit, self.stopping, self.tokens, self.logprob, *vars(self.draws).values()):
            of_rows[holes] = of_rows[movers]
        for hole, mover in zip(holes, movers):
            self.asked[hole], self.text[hole] = self.asked[mover], self.text[mover]
        self.limit, self.stopping = self.limit[:rows], self.stopping[:rows]
        self.tokens, self.logprob, self.draws = self.tokens[:rows], self.logprob[:rows], self.draws.of(slice(rows))
        del self.asked[rows:], self.text[rows:]


def _places(rows: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.flatnonzero(rows)]


def generate_completions(networks: Networks, take: Take, rows: int) -> Iterator[Completion | None]:
    """Answer what `take` gives, up to so many rows at once; None after each step, where one may stop."""
    groups: list[Group] = []
    while True:
        free = rows - sum(map(len, groups))
        # few large cohorts rather than many small ones: a quarter of the rows is let go first
        begun = take(free, free * (TOKENS // rows)) if free * 4 >= rows else []
        if begun:
            groups.append(Group(networks, begun))
            yield from groups[-1].advance()
        elif not groups:
            return
        groups = [group for group in groups if len(group)]
        if groups:
            advance_cohorts(networks.quick, [group.cohort for group in groups], [group.last() for group in groups])
        for group in groups:
            yield from group.advance()
        groups = [group for group in groups if len(group)]
        yield None
