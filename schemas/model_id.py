"""How requests name a model: what all of its requests share, from its declaration in the recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.request import AS_USUAL, FURTHER, Message, Options, Request, Sampling, describe_settings


@dataclass(frozen=True)
class ModelId:
    """A model as requests name it."""

    model: str
    revision: str
    options: Options = AS_USUAL
    """How it is asked, where that is not as usual."""
    system: str = field(default="", compare=False)
    """What it is told before each conversation."""
    sampling: Sampling = field(default=Sampling(0), compare=False)
    """Its own further sampling: in force where a task says nothing."""

    @staticmethod
    def of(request: Request) -> ModelId:
        """The model that a request is to, as it compares with those of a plan."""
        return ModelId(request.model, request.revision, replace(request.options, endpoint=""))

    def ask(self, messages: tuple[Message, ...], sampling: Sampling, sample: int = 0, prefix: str = "") -> Request:
        """A request to it, with what its declaration adds to every one.

        Args:
            messages: The conversation.
            sampling: As the task has it; what it leaves open is the model's own.
            sample: The number of the sample.
            prefix: How the answer begins.

        Returns:
            The request: all that its answer depends on.

        """
        mine = self.sampling
        open_ = {name: getattr(mine, name) for name in FURTHER if getattr(sampling, name) is None}
        stop = tuple(dict.fromkeys((*sampling.stop, *mine.stop)))
        ids = tuple(dict.fromkeys((*sampling.stop_token_ids, *mine.stop_token_ids)))
        complete = replace(sampling, stop=stop, stop_token_ids=ids, **open_)
        return Request(self.model, self.revision, self._tell(messages), complete, sample, prefix, options=self.options)

    def _tell(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The conversation behind what the model is always told."""
        if not self.system:
            return messages
        if messages and messages[0].role == "system":
            return (Message("system", f"{self.system}\n\n{messages[0].content}"), *messages[1:])
        return (Message("system", self.system), *messages)

    @property
    def identity(self) -> str:
        """All that its answers depend on, as fingerprints know it."""
        settings = self.list_set()
        return " ".join([self.model, self.revision, *([json.dumps(settings, sort_keys=True)] if settings else [])])

    def list_set(self) -> dict[str, Any]:
        """What its declaration sets that changes its answers, by name; empty where nothing."""
        own = {"stop": list(self.sampling.stop)} if self.sampling.stop else {}
        system = {"system": self.system} if self.system else {}
        return system | own | self.sampling.list_further() | self.options.list_set()

    def describe(self) -> str:
        """Its name as tables write it, and how it is asked where its declaration says so."""
        settings = self.list_set()
        omitted = [f"{name} server's default" for name in self.options.omit if name in ("temperature", "top_p")]
        return ", ".join([str(self), *omitted, *describe_settings(settings)])

    def __str__(self) -> str:
        """`model@revision`, or the model alone where it has none, as tables and reports write it."""
        return f"{self.model}@{self.revision}" if self.revision else self.model
