"""The asking of models: requests meet the ledger first, then the engine of their model, and every reply is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count
from threading import Lock, Thread
from typing import Any

from catalog.ledger import Ledger
from catalog.ledger.leases import Leases
from catalog.storage import Store
from flows.planning.asked_models import AskedModel
from flows.planning.plan import TableJob
from flows.planning.recipe_file import WITHOUT_CONTINUATION
from flows.running.engine_pool import EnginePool
from flows.running.failures import FailureShare
from flows.running.in_flight import SharedRequests
from flows.running.watcher import NOBODY, Watcher
from schemas.engine import ProbedEngine
from schemas.model_id import ModelId
from schemas.request import EngineError, Failure, Reply, Request
from tasks.llm.continuation import Continuation, ProbeFault, make_probes, read_probes, take_continuation

Deliver = Callable[[Mapping[str, Reply]], object]
"""Is handed replies as they come, by their requests' ids, on any thread."""
News = tuple[int, int]
"""How often other tables of the build, and other builds, may have written to the ledger."""


class Dispatcher:
    """Where the requests of one table come in and replies go out; may be used by several threads.

    Args:
        work: The table.
        engines: The engines of the build, which its tables share.

    """

    def __init__(self, work: TableJob, engines: EnginePool, watcher: Watcher = NOBODY) -> None:
        self.work, self.watcher = work, watcher
        self.engines = engines
        ended = engines.in_flight.count_ended(self)  # before the ledger is read
        self.ledger = Ledger(Store(work.ledger or work.store))
        self.writer = self.ledger.writer(work.corpus, work.name)
        self.leases = Leases(self.ledger.store)
        self._read: News = (ended, self.leases.news)
        """What others may have written when the ledger was last read."""
        self._reading, self._probing = Lock(), Lock()
        self.models = {asked.named: asked for asked in work.models}
        self.failures = FailureShare(work)
        self.error: BaseException | None = None
        """Why the table cannot be made, the first reason of several."""
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
        replies: dict[str, Reply] = {}
        self.answer_each(requests, replies.update)
        return replies

    def answer_each(self, requests: Iterable[Request], deliver: Deliver) -> None:
        """As `answer`, but each reply is delivered as soon as it is there, and may be in the ledger only after `flush`."""
        wanted = {request.id: request for request in requests}

        def take(replies: Mapping[str, Reply]) -> None:
            for id_ in replies:
                wanted.pop(id_, None)
            deliver(replies)

        read = self._read
        known = self.find_known(list(wanted.values()))
        if not any(request.options.endpoint for request in wanted.values()):  # a probe is no request of the table's
            self.failures.expect(len(wanted), known.values())
        self.watcher.asked(self.work.name, len(wanted), len(known))
        take(known)
        while wanted:
            with self.engines.in_flight.claim(list(wanted.values()), self) as claim:

                def keep(replies: Mapping[str, Reply], claim: SharedRequests = claim) -> None:
                    claim.replies.update(replies)
                    take(replies)

                keep(self._find_again(claim.requests, read))
                rest = [request for request in claim.requests if request.id in wanted]
                others = self._ask_leased(rest, read, keep) if rest else frozenset()
            self._wait_for_builds(others)
            for other, shared in claim.others.items():
                with self.engines.waiting(self.use):
                    answered = other.wait(shared, lambda: self.engines.has_ended(self.use))
                self.watcher.asked(self.work.name, 0, len(answered))
                self.failures.expect(0, answered.values())
                take(answered)
            if wanted:
                self._check_need("another table was asking the same")

    def flush(self) -> None:
        """Have in the ledger all that was delivered until now."""
        self.writer.flush()

    def give_up(self, error: BaseException | None) -> None:
        """Take no more replies: the table cannot be made, because of this."""
        self.error = self.error or error
        self.engines.give_up(self.use)

    def find_known(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """The replies that the ledger has, but for failures that are to be tried again."""
        known = self.ledger.find(requests)
        return {id_: reply for id_, reply in known.items() if not self._is_retried(reply)}

    def _ask_leased(self, requests: Sequence[Request], read: News, keep: Deliver) -> frozenset[int]:
        """Ask what no other build is asking, and keep the replies; the leases of those that ask the rest."""
        with self.leases.take(requests) as lease:
            known = self._find_again(lease.requests, read)
            keep(known)
            if mine := [request for request in lease.requests if request.id not in known]:
                self._ask_models(mine, keep)
        return lease.others

    def _wait_for_builds(self, leases: frozenset[int]) -> None:
        """Wait until other builds have been answered what this one needs, too; it is in the ledger then."""
        if not leases:
            return
        self.watcher.waits(self.work.name, "another build is asking the same")
        with self.engines.waiting(self.use):
            self.leases.wait(leases, lambda: self.engines.has_ended(self.use))
        self.watcher.waits(self.work.name, None)
        self._check_need("another build is asking the same")

    def _check_need(self, meanwhile: str) -> None:
        """Raise `EngineError` where no reply is needed any more."""
        if self.engines.has_ended(self.use):
            raise EngineError(f"{self.work.name}: {meanwhile}, and this one has ended; build again")

    def _find_again(self, requests: Sequence[Request], read: News) -> dict[str, Reply]:
        """What others have brought into the ledger since it was as it was `read` before."""
        if not requests or self._read_news() == read:
            return {}
        known = self.find_known(requests)
        self.watcher.asked(self.work.name, 0, len(known))
        self.failures.expect(0, known.values())
        return known

    def _read_news(self) -> News:
        """Read the ledger, where others may have written since; how often they may have until now."""
        with self._reading:
            news = (self.engines.in_flight.count_ended(self), self.leases.news)
            if news != self._read:
                self.ledger.refresh()
                self._read = news
            return news

    def _ask_models(self, requests: Sequence[Request], keep: Deliver) -> None:
        """Ask all models side by side, each on a thread that waits until its engine has room and answers."""
        by_model: dict[ModelId, list[Request]] = {}
        for request in requests:
            by_model.setdefault(ModelId.of(request), []).append(request)
        errors: list[BaseException] = []

        def ask(asked: AskedModel, group: Sequence[Request]) -> None:
            try:
                continuation = self._find_continuation(asked, group)
                self._ask_model(asked, group, continuation, keep)
            except BaseException as error:  # raised by the thread that waits
                errors.append(error)
                self.give_up(error)

        threads = [
            Thread(target=ask, args=(self.models[named], group), daemon=True) for named, group in by_model.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.flush()
        if errors:
            raise self.error or errors[0]

    def _find_continuation(self, asked: AskedModel, requests: Sequence[Request]) -> Continuation:
        """What becomes of the beginnings of answers; raises `EngineError` where an endpoint begins anew."""
        probing = any(request.options.endpoint for request in requests)
        exact = asked.named.options.api == "completions" or not any(request.prefix for request in requests)
        if probing or exact:
            return "exactly"
        with self._probing:
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
        self, asked: AskedModel, requests: Sequence[Request], continuation: Continuation, keep: Deliver
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
                keep({reply.request: self._record_reply(asked, engine.name, request, continued)})
                if self.use.failed:
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
