"""The asking of models: requests meet the ledger first, then the engine of their model, and every reply is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count
from threading import Thread
from typing import Any

from catalog.ledger import Ledger
from catalog.ledger.leases import Leases
from catalog.storage import Store
from flows.planning.asked_models import AskedModel
from flows.planning.plan import TableJob
from flows.planning.recipe_file import WITHOUT_CONTINUATION
from flows.running.engine_pool import EnginePool
from flows.running.failures import FailureShare
from flows.running.watcher import NOBODY, Watcher
from schemas.engine import ProbedEngine
from schemas.model_id import ModelId
from schemas.request import EngineError, Failure, Reply, Request
from tasks.llm.continuation import Continuation, ProbeFault, make_probes, read_probes, take_continuation


class Dispatcher:
    """Where the requests of one table come in and replies go out.

    Args:
        work: The table.
        engines: The engines of the build, which its tables share.

    """

    def __init__(self, work: TableJob, engines: EnginePool, watcher: Watcher = NOBODY) -> None:
        self.work, self.watcher = work, watcher
        self.engines = engines
        self._ended = engines.in_flight.ended
        """Claims that had ended when the ledger was last read."""
        self.ledger = Ledger(Store(work.ledger or work.store))
        self.writer = self.ledger.writer(work.corpus, work.name)
        self.leases = Leases(self.ledger.store)
        self.models = {asked.named: asked for asked in work.models}
        self.failures = FailureShare(work)
        self._continuations: dict[ModelId, Continuation] = {}
        self._end = ExitStack()

    def __enter__(self) -> Dispatcher:
        with ExitStack() as end:
            end.enter_context(self.writer)
            self.use = end.enter_context(self.engines.asking(self.work))
            self._end = end.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._end.__exit__(*error)

    def answer(self, requests: Iterable[Request]) -> dict[str, Reply]:
        """A reply to each request: from the ledger, or asked for now. What comes is in the ledger before it is returned."""
        wanted = {request.id: request for request in requests}
        replies = self.find_known(list(wanted.values()))
        if not any(request.options.endpoint for request in wanted.values()):  # a probe is no request of the table's
            self.failures.expect(len(wanted), replies.values())
        self.watcher.asked(self.work.name, len(wanted), len(replies))
        while missing := [request for id_, request in wanted.items() if id_ not in replies]:
            with self.engines.in_flight.claim(missing) as claim:
                claim.replies = self._find_again(claim.requests)
                rest = [request for request in claim.requests if request.id not in claim.replies]
                others = self._ask_leased(rest, claim.replies) if rest else frozenset()
            self._ended += 1  # what this table brought it knows
            replies |= claim.replies
            self._wait_for_builds(others)
            for other, shared in claim.others.items():
                with self.engines.waiting(self.use):
                    answered = other.wait(shared)
                self.watcher.asked(self.work.name, 0, len(answered))
                self.failures.expect(0, answered.values())
                replies |= answered
        return replies

    def find_known(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """The replies that the ledger has, but for failures that are to be tried again."""
        known = self.ledger.find(requests)
        return {id_: reply for id_, reply in known.items() if not self._is_retried(reply)}

    def _ask_leased(self, requests: Sequence[Request], replies: dict[str, Reply]) -> frozenset[int]:
        """Ask what no other build is asking, and put the replies among the others; the leases of those that ask the rest."""
        with self.leases.take(requests) as lease:
            mine = lease.requests
            if mine and not lease.is_current:
                replies |= self._look_up(mine)
                mine = [request for request in mine if request.id not in replies]
            if mine:
                replies |= self._ask_models(mine)
        return lease.others

    def _wait_for_builds(self, leases: frozenset[int]) -> None:
        """Wait until other builds have been answered what this one needs, too; it is in the ledger then."""
        if not leases:
            return
        self.watcher.waits(self.work.name, "another build is asking the same")
        with self.engines.waiting(self.use):
            self.leases.wait(leases, lambda: self.engines.has_ended(self.use))
        self.watcher.waits(self.work.name, None)
        if self.engines.has_ended(self.use):
            raise EngineError(
                f"{self.work.name}: another build is asking the same, and this one has ended; build again"
            )

    def _find_again(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """What other tables of the build have brought into the ledger since this one looked last."""
        ended = self.engines.in_flight.ended
        if ended == self._ended or not requests:
            return {}
        self._ended = ended
        return self._look_up(requests)

    def _look_up(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """The replies that the ledger has by now."""
        self.ledger.refresh()
        known = self.find_known(requests)
        self.watcher.asked(self.work.name, 0, len(known))
        self.failures.expect(0, known.values())
        return known

    def _ask_models(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """Ask all models side by side, each on a thread that waits until its engine has room and answers."""
        by_model: dict[ModelId, list[Request]] = {}
        for request in requests:
            by_model.setdefault(ModelId.of(request), []).append(request)
        replies: dict[str, Reply] = {}
        errors: list[BaseException] = []

        def ask(asked: AskedModel, group: Sequence[Request]) -> None:
            try:
                continuation = self._find_continuation(asked, group)
                self._ask_model(asked, group, continuation, replies, lambda: bool(errors))
            except BaseException as error:  # raised by the thread that waits
                errors.append(error)
                self.engines.give_up(self.use)

        threads = [
            Thread(target=ask, args=(self.models[named], group), daemon=True) for named, group in by_model.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.writer.flush()
        if errors:
            raise errors[0]
        return replies

    def _find_continuation(self, asked: AskedModel, requests: Sequence[Request]) -> Continuation:
        """What becomes of the beginnings of answers; raises `EngineError` where an endpoint begins anew."""
        probing = any(request.options.endpoint for request in requests)
        exact = asked.named.options.api == "completions" or not any(request.prefix for request in requests)
        if probing or exact:
            return "exactly"
        if asked.named not in self._continuations:
            self._continuations[asked.named] = self._probe(asked)
        return self._continuations[asked.named]

    def _probe(self, asked: AskedModel) -> Continuation:
        with self.engines.lease(self.use, asked, lambda: self._sum_spent(asked)) as engine:
            if not isinstance(engine, ProbedEngine):
                return "exactly"
            server = engine.find_server()
        for attempt in count():
            probes = make_probes(asked.named, server, attempt)
            known = self.ledger.find(probes)
            is_new = len(known) < len(probes)
            continuation = read_probes(probes, self.answer(probes) if is_new else known)
            if not isinstance(continuation, ProbeFault):
                return continuation
            if is_new:  # else it was so in an earlier build, and may have been mended since
                break
        raise EngineError(
            f"model '{asked.name}' ({server}): does not go on with the beginning of an answer: {continuation}. Table "
            f"'{self.work.name}' needs that: run the model by `engine: vllm` or `engine: llama`, ask a server that has text completions by "
            f"`api: completions`, or one that knows `continue_final_message`{WITHOUT_CONTINUATION}"
        )

    def _ask_model(
        self,
        asked: AskedModel,
        requests: Sequence[Request],
        continuation: Continuation,
        results: dict[str, Reply],
        stopped: Callable[[], bool],
    ) -> None:
        """Ask one model, until all is answered or something else went wrong."""
        by_id = {request.id: request for request in requests}
        with (
            self.engines.lease(self.use, asked, lambda: self._sum_spent(asked), requests) as engine,
            closing(_iterate_replies(engine.answer(requests))) as replies,
        ):
            for reply in replies:
                request = by_id.pop(reply.request, None)
                if request is None:
                    raise EngineError(f"model '{asked.name}': a reply came to {reply.request}, which was not asked")
                continued = take_continuation(request, reply, continuation)
                results[reply.request] = self._record_reply(asked, engine.name, request, continued)
                if stopped():
                    return
        if by_id:
            raise EngineError(
                f"model '{asked.name}': {len(by_id)} of {len(requests)} requests got no reply; build again"
            )

    def _is_retried(self, reply: Reply) -> bool:
        """Whether the ledger's reply is a failure that is to be tried again."""
        return isinstance(reply, Failure) and reply.at < self.work.retry_failed_before

    def _record_reply(self, asked: AskedModel, engine: str, request: Request, reply: Reply) -> Reply:
        if isinstance(reply, Failure):
            limit = request.sampling.max_tokens
            reply = replace(reply, limit=limit, engine=reply.engine or engine, at=reply.at or time.time())
            failure = self.writer.append(request, reply)
            self.watcher.answered(self.work.name, reply.tokens)
            if not request.options.endpoint:
                self.failures.expect(0, [failure])
            return failure
        price = asked.model.price
        if price and reply.price is None:
            reply = replace(reply, price=price.of(reply.prompt_tokens, reply.tokens))
        stored = self.writer.append(request, reply)
        self.watcher.answered(self.work.name, reply.tokens)
        return stored

    def _sum_spent(self, asked: AskedModel) -> tuple[int, float]:
        """Tokens and money that this corpus has spent on a model before."""
        return self.ledger.spent_on(self.work.corpus, asked.named.model, asked.named.revision)


def _iterate_replies(replies: Iterator[Reply]) -> Generator[Reply, None, None]:
    """Replies as something that can be closed, which tells the engine to stop."""
    yield from replies
