"""The asking of models: requests meet the ledger first, then the engine of their model, and every reply is kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from threading import Thread
from typing import Any

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import engines
from flows.planning.plan import AskedModel, TableJob
from flows.running import progress
from schemas.request import Engine, EngineError, Failure, Reply, Request
from schemas.task import ModelId


class Dispatcher:
    """Where the requests of one table come in and replies go out. Engines are opened when first needed."""

    def __init__(self, work: TableJob) -> None:
        self.work = work
        self.ledger = Ledger(Store(work.store))
        self.writer = self.ledger.writer(work.corpus, work.name)
        self.models = {asked.named: asked for asked in work.models}
        self.engines: dict[ModelId, tuple[AskedModel, Engine]] = {}

    def __enter__(self) -> Dispatcher:
        self.writer.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for _, engine in self.engines.values():
            engine.close()
        self.writer.__exit__(*error)

    def answer(self, requests: Iterable[Request]) -> dict[str, Reply]:
        """A reply to each request: from the ledger, or asked for now. What comes is in the ledger before it is returned."""
        wanted = {request.id: request for request in requests}
        known = self.ledger.find(list(wanted.values()))
        missing = [request for id_, request in wanted.items() if id_ not in known]
        progress.watcher.asked(self.work.name, len(wanted), len(known))
        replies: dict[str, Reply] = {**known}
        if missing:
            replies |= self._ask_models(missing)
        return replies

    def _ask_models(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """Ask models: those that compute here one after the other, all others beside them."""
        by_model: dict[ModelId, list[Request]] = {}
        for request in requests:
            by_model.setdefault(ModelId.of(request), []).append(request)
        pairs = [(self.models[named], group) for named, group in by_model.items()]
        local = [pair for pair in pairs if pair[0].model.is_local]
        jobs = [local, *([pair] for pair in pairs if not pair[0].model.is_local)]
        replies: dict[str, Reply] = {}
        errors: list[BaseException] = []
        threads = [Thread(target=self._run_job, args=(job, replies, errors), daemon=True) for job in jobs if job]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.writer.flush()
        if errors:
            raise errors[0]
        return replies

    def _open_engine(self, asked: AskedModel) -> Engine:
        """A model's engine; of those that compute here only one is open, so that it has the memory."""
        if asked.named not in self.engines:
            if asked.model.is_local:
                for name in [name for name, (other, _) in self.engines.items() if other.model.is_local]:
                    self.engines.pop(name)[1].close()
            self.engines[asked.named] = asked, engines.open_engine(asked.model, lambda: self._sum_spent(asked))
        return self.engines[asked.named][1]

    def _run_job(
        self,
        job: Sequence[tuple[AskedModel, Sequence[Request]]],
        replies: dict[str, Reply],
        errors: list[BaseException],
    ) -> None:
        try:
            for asked, requests in job:
                self._ask_model(asked, requests, replies, lambda: bool(errors))
        except BaseException as error:  # raised by the thread that waits
            errors.append(error)

    def _ask_model(
        self, asked: AskedModel, requests: Sequence[Request], results: dict[str, Reply], stopped: Callable[[], bool]
    ) -> None:
        """Ask one model, until all is answered or something else went wrong."""
        by_id = {request.id: request for request in requests}
        with closing(_iterate_replies(self._open_engine(asked).answer(requests))) as replies:
            for reply in replies:
                request = by_id.pop(reply.request, None)
                if request is None:
                    raise EngineError(f"model '{asked.name}': a reply came to {reply.request}, which was not asked")
                results[reply.request] = self._record_reply(asked, request, reply)
                if stopped():
                    return
        if by_id:
            raise EngineError(
                f"model '{asked.name}': {len(by_id)} of {len(requests)} requests got no reply; build again"
            )

    def _record_reply(self, asked: AskedModel, request: Request, reply: Reply) -> Reply:
        if isinstance(reply, Failure):
            return reply
        price = asked.model.price
        if price and reply.price is None:
            reply = replace(reply, price=price.of(reply.prompt_tokens, reply.tokens))
        stored = self.writer.append(request, reply)
        progress.watcher.answered(self.work.name, reply.tokens)
        return stored

    def _sum_spent(self, asked: AskedModel) -> tuple[int, float]:
        """Tokens and money that this corpus has spent on a model before."""
        return self.ledger.spent_on(self.work.corpus, asked.named.model, asked.named.revision)


def _iterate_replies(replies: Iterator[Reply]) -> Generator[Reply, None, None]:
    """Replies as something that can be closed, which tells the engine to stop."""
    yield from replies
