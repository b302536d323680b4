"""What vLLM's distributions are like, token by token: recorded where it draws, since no output of its holds a whole vocabulary.

Loaded by path by the worker, beside vLLM; it imports nothing of ours. What is
recorded is a logits processor's, of the interface that vLLM documents, which
changes no logit; a request that says nothing in its `extra_args` is passed by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ARGUMENT = "errata_records"
"""The extra argument under which a request gives its number."""
TOLERANCE = 1e-3
"""By how much the likeliest token's log-probability may differ from vLLM's own, both being of the same logits in float32."""


class Records:
    """The distributions of requests under way: of each token the mean log-probability over the vocabulary, and the highest."""

    def __init__(self) -> None:
        self.vocabulary = 0
        self._values: dict[str, dict[int, tuple[Any, int]]] = {}

    def add(self, number: str, place: int, values: Any, row: int) -> None:
        """Note the token at a place of an answer; one that is drawn again (after a preemption) takes the place of the first."""
        self._values.setdefault(number, {})[place] = (values, row)

    def forget(self, number: str) -> None:
        """A request is not under way any more."""
        self._values.pop(number, None)

    def take(self, number: str, highest: Sequence[float]) -> list[float] | None:
        """The means of a finished request's tokens.

        Args:
            number: The request's number.
            highest: The log-probability of the likeliest token at each place, as vLLM says it.

        Returns:
            One for each place; None where one is missing, or is of another distribution than the token was drawn from.

        """
        places = self._values.pop(number, {})
        if not all(place in places for place in range(len(highest))):
            return None
        pairs = [places[place] for place in range(len(highest))]
        means, tops = ([float(values[row][column]) for values, row in pairs] for column in (0, 1))
        fits = all(abs(top - own) <= TOLERANCE for top, own in zip(tops, highest))
        return means if fits else None


def make_processor(records: Records) -> type:
    """The logits processor, as vLLM takes it: a class."""
    import torch
    from vllm.v1.sample.logits_processor import LogitsProcessor

    class Recorder(LogitsProcessor):  # type: ignore[misc]
        """Notes what the distributions of some requests are like."""

        def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
            self.pins = is_pin_memory and str(device) != "cpu"
            self.rows: dict[int, tuple[str, list[int]]] = {}
            """By the row of the batch the request's number and its tokens so far, which vLLM adds to."""

        def is_argmax_invariant(self) -> bool:
            # those that are run behind the temperature, and not at all for greedy requests
            return False

        def update_state(self, batch_update: Any) -> None:
            if batch_update is None:
                return
            for row in batch_update.removed:
                self.rows.pop(row, None)
            for row, parameters, _, tokens in batch_update.added:
                number = (parameters.extra_args or {}).get(ARGUMENT)
                self._place(row, None if number is None else (number, tokens))
            for source, target, direction in batch_update.moved:
                moved, other = self.rows.pop(source, None), self.rows.pop(target, None)
                self._place(target, moved)
                if direction.name == "SWAP":
                    self._place(source, other)

        def _place(self, row: int, request: tuple[str, list[int]] | None) -> None:
            self.rows.pop(row, None)
            if request:
                self.rows[row] = request

        def apply(self, logits: Any) -> Any:
            if not self.rows:
                return logits
            total = torch.logsumexp(logits, -1)
            values = torch.stack((torch.mean(logits, -1) - total, torch.amax(logits, -1) - total), -1)
            if self.pins:  # the GPU goes on meanwhile; it is there before the tokens of this step are
                values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)
            records.vocabulary = logits.shape[-1]
            for row, (number, tokens) in self.rows.items():
                records.add(number, len(tokens), values, row)
            return logits

    return Recorder
