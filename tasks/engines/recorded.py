"""The recorded engine: answers that a file of generations holds. Nothing is asked, so what is missing is an error."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.engine import Engine, Spent
from schemas.recipe.models import Recorded
from schemas.request import Completion, EngineError, Finish, Reply, Request, Role
from tasks.engines.token_statistics import TokenProbabilities, TokenStatistics, describe_tokens
from tasks.llm.channels import is_unfinished_thought, split_channels

LONGEST_LINE = 8 * 2**20
"""Bytes of a line, at most."""
_LONGEST_SHOWN = 80


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Turn(_Model):
    """One message of a line."""

    role: Role
    content: str


class RecordedAnswer(_Model):
    """One recorded answer: which request it belongs to, by id or by content, and what came back."""

    request: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    messages: list[Turn] | None = None
    prompt: str | None = None
    prefix: str = ""
    sample: int = Field(0, ge=0)
    text: str
    thinking: str = ""
    finish: Finish = "stop"
    tokens: int | None = Field(None, ge=0, lt=2**31)
    prompt_tokens: int | None = Field(None, ge=0, lt=2**31)
    thinking_tokens: int | None = Field(None, ge=0, lt=2**31)
    logprob: float | None = Field(None, le=0)
    token_logprobs: list[Annotated[float, Field(le=0)]] | None = Field(None, max_length=1_000_000)
    self_certainty: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one_name(self) -> RecordedAnswer:
        names = [name for name in ("request", "messages", "prompt") if getattr(self, name) is not None]
        if len(names) != 1:
            raise ValueError(
                f"expected one of `request`, `messages` and `prompt`, found {' and '.join(names) or 'none'}"
            )
        return self

    @property
    def key(self) -> bytes:
        """What its request is found by."""
        if self.request is not None:
            return bytes.fromhex(self.request)
        if self.prompt is not None:
            return _content_key([("user", self.prompt)], self.prefix, self.sample)
        return _content_key([(turn.role, turn.content) for turn in self.messages or ()], self.prefix, self.sample)


def _content_key(messages: Sequence[tuple[str, str]], prefix: str, sample: int) -> bytes:
    content = json.dumps([messages, prefix, sample]).encode()
    return hashlib.blake2b(content, digest_size=16, person=b"content").digest()


def _keys(request: Request) -> tuple[bytes, bytes]:
    """What a request's line is found by: its id, else its content."""
    messages = [(message.role, message.content) for message in request.messages]
    return bytes.fromhex(request.id), _content_key(messages, request.prefix, request.sample)


class RecordedEngine:
    """Answers requests by the lines of a file, each at its id or at its content (whatever the sampling).

    The lines are those of `lines`, else of the file that the model names
    (UTF-8); without either, every request is missing. Only their places are
    held in memory. Raises `EngineError` for a file that cannot be read and
    for its first bad line.
    """

    name = "recorded 1"

    def __init__(self, model: Recorded, lines: Iterable[str] | None = None) -> None:
        self._model = model
        self._file = None if lines is None and model.file is None else self._opened(lines)
        self._places: dict[bytes, tuple[int, int]] = {}
        try:
            self._index()
        except BaseException:
            self.close()
            raise

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The reply to each request, in their order; `EngineError` before the first where any is missing."""
        missing = [request for request in requests if self._place(request) is None]
        if missing:
            raise EngineError(self._describe_missing(missing, len(requests)))
        for request in requests:
            yield self._completion(request)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _opened(self, lines: Iterable[str] | None) -> IO[bytes]:
        if lines is None:
            try:
                return Path(self._model.file or "").open("rb")
            except OSError as error:
                raise EngineError(f"{self._where}: cannot be read ({error.strerror}); check `file`") from None
        file = TemporaryFile()  # noqa: SIM115  (closed by `close`)
        file.writelines(line.rstrip("\n").encode("utf-8", "surrogatepass") + b"\n" for line in lines)
        file.seek(0)
        return file

    @property
    def _where(self) -> str:
        return self._model.file or "recorded lines"

    def _index(self) -> None:
        """Note where each request's line begins; the first bad line is an error."""
        number = offset = 0
        while self._file is not None and (raw := self._file.readline(LONGEST_LINE + 1)):
            number += 1
            if raw.strip():
                self._note(raw, offset, number)
            offset += len(raw)

    def _note(self, raw: bytes, offset: int, number: int) -> None:
        try:
            line = _read(raw)
        except ValueError as error:
            raise EngineError(f"{self._where}:{number}: {error}; mend or remove the line") from None
        known = self._places.setdefault(line.key, (offset, line.tokens or 0))
        if known[0] != offset:
            raise EngineError(
                f"{self._where}:{number}: answers the same request and sample as line {self._number(known[0])}; "
                "remove one of them, or give them different `sample`s"
            )

    def _number(self, offset: int) -> int:
        """The number of the line that begins at an offset."""
        assert self._file is not None
        self._file.seek(0)
        return self._file.read(offset).count(b"\n") + 1

    def _place(self, request: Request) -> int | None:
        """Where the request's line begins, if there is one, and it is not longer than was asked for."""
        for key in _keys(request):
            offset, tokens = self._places.get(key, (None, 0))
            if offset is not None:
                return offset if tokens <= request.sampling.max_tokens else None
        return None

    def _completion(self, request: Request) -> Completion:
        offset = self._place(request)
        assert self._file is not None and offset is not None
        self._file.seek(offset)
        try:
            line = _read(self._file.readline(LONGEST_LINE + 1))
        except ValueError as error:
            raise EngineError(f"{self._where}: changed while it was read ({error}); build again") from None
        price, prompt_tokens, tokens = self._model.price, line.prompt_tokens, line.tokens
        channels = split_channels(line.text, is_unfinished_thought(request.prefix), line.thinking)
        cost = None
        if price is not None and prompt_tokens is not None and tokens is not None:
            cost = price.of(prompt_tokens, tokens)
        return Completion(
            request=request.id,
            text=channels.text,
            finish=line.finish,
            limit=request.sampling.max_tokens,
            prompt_tokens=prompt_tokens or 0,
            tokens=tokens or 0,
            logprob=_find_logprob(request, line),
            engine=self.name,
            at=time.time(),
            price=cost,
            thinking=channels.thinking,
            thinking_tokens=line.thinking_tokens,
            thinking_finished=channels.is_finished,
            **_describe_tokens(request, line),
        )

    def _describe_missing(self, missing: Sequence[Request], asked: int) -> str:
        """What is missing and what to do."""
        place = self._model.file or ("the lines given" if self._file else "the ledger")
        first = missing[0]
        last = json.dumps(_short(first.messages[-1].content if first.messages else ""), ensure_ascii=False)
        longer = sum(any(key in self._places for key in _keys(request)) for request in missing)
        hint = f" ({longer:,} of them have one of more tokens than `max_tokens`)" if longer else ""
        if first.statistics or first.choices:
            hint += " (one that was asked without their tokens' probabilities is none)"
        add = "add their lines to it" if self._file else "build on a store that holds them, name a `file` of them"
        return (
            f"model '{self._model.model}' (recorded): {len(missing):,} of {asked:,} requests have no answer in "
            f"{place}{hint}; the first is sample {first.sample} of {last}, request {first.id}; "
            f"{add}, or declare the model with an engine that can be asked"
        )


def _find_logprob(request: Request, line: RecordedAnswer) -> float | None:
    """The answer's log-probability as it was recorded, or the sum of its tokens'; NaN where it is asked for and neither is there."""
    if line.logprob is None and line.token_logprobs:
        return math.fsum(line.token_logprobs)
    return math.nan if line.logprob is None and request.needs_logprobs else line.logprob


def _describe_tokens(request: Request, line: RecordedAnswer) -> TokenStatistics:
    values = describe_tokens(request, line.thinking + line.text, TokenProbabilities(line.token_logprobs))
    if "self_certainty" in request.statistics and line.self_certainty is not None:
        values["self_certainty"] = line.self_certainty
    return values


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _read(raw: bytes) -> RecordedAnswer:
    """A line; `ValueError` says what was found in its place."""
    if len(raw) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE:,} bytes")
    try:
        return RecordedAnswer.model_validate_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "missing":
            raise ValueError(f"`{place}` is missing")
        case "extra_forbidden":
            raise ValueError(f"`{place}` is unknown; there are {', '.join(RecordedAnswer.model_fields)}")
        case "value_error":
            raise ValueError(str(first["ctx"]["error"]))
        case "json_invalid":
            raise ValueError(f"not a line of JSON ({first['ctx']['error']})")
    value = _short(json.dumps(first["input"], ensure_ascii=True, default=str))
    raise ValueError(f"{f'`{place}`: ' if place else ''}{first['msg']}, found {value}")


def open_engine(model: Recorded, _: Spent) -> Engine:
    """The engine that answers for a model."""
    return RecordedEngine(model)
