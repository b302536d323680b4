"""Tables made by asking models: the conversations about all partitions go on side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.running.commit import commit_outcome
from flows.running.engine_pool import EnginePool
from flows.running.fit import fit_parameters
from flows.running.inference import Dispatcher
from flows.running.kinds.kind import Kind
from flows.running.partitions import Partition, PartitionBatch, read_partition
from flows.running.pilot import forecast_asking
from flows.running.sample import PILOT, Forecast, PilotSample
from flows.running.watcher import Watcher
from schemas.request import Failure, Reply, Request
from schemas.task import Asking, Conversation, Outcome, Parameters

WINDOW = 50_000
"""Requests of partitions that are carried on at once, about: they and their replies are held in memory."""


@dataclass
class _OpenConversation:
    """The conversation about one partition."""

    partition: Partition
    rows: int
    conversation: Conversation
    requests: Sequence[Request]
    failed: int = 0
    """Requests that failed for good."""


class AskingKind(Kind[Asking[Any]]):
    """The task is a generator of requests; an engine gets those of all partitions at once."""

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
            conversations: list[_OpenConversation] = []
            waiting = list(reversed(partitions))
            while conversations or waiting:
                while waiting and sum(len(conversation.requests) for conversation in conversations) < WINDOW:
                    conversations += self._begin(parameters, waiting.pop(), watcher)
                replies = dispatcher.answer(
                    [request for conversation in conversations for request in conversation.requests]
                )
                conversations = [
                    conversation for conversation in conversations if not self._continue(conversation, replies, watcher)
                ]

    def _begin(self, parameters: Parameters, partition: Partition, watcher: Watcher) -> Iterator[_OpenConversation]:
        """The conversation about a partition, after its first requests; none where it asks nothing."""
        rows = read_partition(self.job, partition)
        names = {asked.name: asked.named for asked in self.job.models}
        conversation = self.task.ask(rows, parameters, names)
        opened = _OpenConversation(partition, self.count_rows(partition), conversation, ())
        if not self._advance(opened, None, watcher):
            yield opened

    def _continue(self, conversation: _OpenConversation, replies: Mapping[str, Reply], watcher: Watcher) -> bool:
        """Go on with a conversation; whether that was its end."""
        return self._advance(
            conversation, {request.id: replies[request.id] for request in conversation.requests}, watcher
        )

    def _advance(self, conversation: _OpenConversation, replies: Mapping[str, Reply] | None, watcher: Watcher) -> bool:
        conversation.failed += sum(isinstance(reply, Failure) for reply in (replies or {}).values())
        with self.naming_table():
            try:
                conversation.requests = (
                    next(conversation.conversation) if replies is None else conversation.conversation.send(replies)
                )
            except StopIteration as end:
                outcome: Outcome = end.value
                commit_outcome(self.job, conversation.partition, conversation.rows, outcome, conversation.failed)
                watcher.advance(self.job.name, conversation.rows, None)
                return True
        return False

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
