"""Tables made by asking models: the conversations about all partitions go on side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from catalog.parts import GROUP_ROWS
from flows.running.commit import commit_outcome
from flows.running.engine_pool import EnginePool
from flows.running.fit import fit_parameters
from flows.running.inference import Dispatcher
from flows.running.kinds.kind import Kind, name_table
from flows.running.partitions import InputRows, Partition, PartitionBatch, list_file_partitions, read_partition
from flows.running.pilot import forecast_asking
from flows.running.rounds import Rounds
from flows.running.sample import PILOT, Forecast, PilotSample
from flows.running.watcher import Watcher
from schemas.request import Failure, Reply, Request
from schemas.task import Asking, Conversation, Outcome, Parameters

WINDOW = 50_000
"""Requests of partitions that are carried on at once, about: they and their replies are held in memory."""


@dataclass
class _OpenConversation:
    """The conversation about one partition."""

    inputs: InputRows
    rows: int
    conversation: Conversation
    failed: int = 0
    """Requests that failed for good."""


class AskingKind(Kind[Asking[Any]]):
    """The task is a generator of requests; an engine gets those of all partitions at once."""

    @cached_property
    def partitions(self) -> list[Partition]:
        """Row groups: the requests about one and their replies are held in memory."""
        return list_file_partitions(self.job, GROUP_ROWS)

    def count_rows(self, partition: Partition) -> int:
        """As many for each row of the file as the task makes of one."""
        return super().count_rows(partition) * self.task.rows_per_row(self.job.parameters)

    def batch(self, pending: Sequence[Partition]) -> list[PartitionBatch]:
        """All together: they share engines."""
        return [PartitionBatch(pending)] if pending else []

    def run(self, partitions: Sequence[Partition], watcher: Watcher, engines: EnginePool) -> None:
        """Carry on the conversations about partitions to their ends; each is committed as it ends."""
        with Dispatcher(self.job, engines, watcher) as dispatcher:
            parameters = fit_parameters(self.job, dispatcher.answer)
            rounds: Rounds[_OpenConversation] = Rounds(dispatcher)
            waiting = list(reversed(partitions))
            with rounds:
                while rounds or waiting:
                    while waiting and rounds.requests < WINDOW:
                        for conversation, requests in self._begin(parameters, waiting.pop(), watcher):
                            rounds.ask(conversation, requests)
                    for conversation, replies in rounds.take() if rounds else ():
                        if (further := self._advance(conversation, replies, watcher)) is not None:
                            rounds.ask(conversation, further)

    def _begin(
        self, parameters: Parameters, partition: Partition, watcher: Watcher
    ) -> Iterator[tuple[_OpenConversation, Sequence[Request]]]:
        """The conversation about a partition, with its first requests; none where it asks nothing."""
        rows = read_partition(self.job, partition)
        names = {asked.name: asked.named for asked in self.job.models}
        conversation = self.task.ask(rows, parameters, names)
        opened = _OpenConversation(InputRows(partition, rows), self.count_rows(partition), conversation)
        if (requests := self._advance(opened, None, watcher)) is not None:
            yield opened, requests

    def _advance(
        self, conversation: _OpenConversation, replies: Mapping[str, Reply] | None, watcher: Watcher
    ) -> Sequence[Request] | None:
        """Go on with a conversation; its next requests, None where that was its end."""
        conversation.failed += sum(isinstance(reply, Failure) for reply in (replies or {}).values())
        with name_table(self.job):
            try:
                return next(conversation.conversation) if replies is None else conversation.conversation.send(replies)
            except StopIteration as end:
                outcome: Outcome = end.value
                commit_outcome(self.job, conversation.inputs, conversation.rows, outcome, conversation.failed)
                watcher.advance(self.job.name, conversation.rows, None)
                return None

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """Nothing is known of the rows before models are asked."""
        return None

    def forecast(
        self, inputs: PilotSample | None, pilot: int | None, engines: EnginePool
    ) -> tuple[PilotSample | None, list[Forecast]]:
        """With a pilot the rows that it made, and what the whole table would ask."""
        if inputs is None:
            return None, []
        embedded = all(asked.model.engine == "abacus" for asked in self.job.models)
        size = pilot if pilot is not None else PILOT if embedded else 0
        return forecast_asking(self.job, self.task, inputs, size, engines)
