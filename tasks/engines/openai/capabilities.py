"""What an endpoint was found to take and to keep: found out once, remembered while its engine is open, and said in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from schemas.request import EngineError, Request
from tasks.engines.openai.body import ALIAS, FORMS, N, choose_form
from tasks.engines.openai.chat import SCHEMA, Answer, FailedExchange, Outcome, Refusal, parse_json
from tasks.engines.openai.http_errors import REFUSED
from tasks.engines.openai.servers import SERVERS, find_hottest, find_ignored
from tasks.llm.channels import split_channels

_LOG = logging.getLogger(__name__)
ENOUGH = 8
"""Answers that are no JSON though they were to be, from which on it is said, where they are the more."""
_AFTER = 2
"""Attempts after which an error inside the endpoint is taken for its way to refuse a form of JSON."""
_NEEDED = (
    "which this table's numbers are made of: ask an endpoint that gives them, run the model by `engine: vllm` or `engine: llama`, or "
    "leave out what needs them (`statistics`, `p-true`)"
)
_SNAPSHOT = re.compile(r"[-@:](\d[\w.-]*|latest)")


class Capabilities:
    """What the endpoint of one model takes. `where` names both, as errors do."""

    def __init__(self, where: str, answers_as: str | None = None) -> None:
        self.without: frozenset[str] = frozenset()
        """Fields, and forms of JSON, that it does not take."""
        self._where = where
        self._answers_as = answers_as
        self._held = self._free = 0
        self._short = False
        self._gives_logprobs = False

    def find_weaker(
        self, outcome: Outcome, group: Sequence[Request], without: frozenset[str], attempt: int
    ) -> set[str]:
        """What else to leave out, where it may be why there was no answer.

        Args:
            outcome: What came.
            group: What was asked: samples of one request.
            without: What was left out.
            attempt: The number of the attempt, from 1.

        Returns:
            Fields or forms of JSON; none where leaving out more is of no use.

        Raises:
            EngineError: It takes no `logprobs`, and they are what was asked for.

        """
        form = choose_form(group[0], without)
        if isinstance(outcome, FailedExchange):
            return {form} if form and outcome.status == 500 and attempt >= _AFTER else set()
        if not isinstance(outcome, Refusal) or outcome.reason != REFUSED:
            return set()
        named = set(outcome.named) - {SCHEMA} - without
        if "logprobs" in named and (group[0].statistics or group[0].choices):
            raise EngineError(f"{self._where}: takes no `logprobs` ({outcome.detail}), {_NEEDED}")
        if len(group) > 1 and N not in without and _names(outcome, N):
            named.add(N)
        if group[0].sampling.repetition_penalty is not None and _names(outcome, ALIAS):
            named |= {ALIAS} - without
        if form and (
            SCHEMA in outcome.named or (not outcome.named and not named and not self.find_setting(outcome, group[0]))
        ):
            named.add(form)
        return named

    def learn(self, without: frozenset[str]) -> None:
        """Remember what was left out when it helped."""
        for name in sorted(without - self.without):
            instead = {
                "max_tokens": "; it is sent `max_completion_tokens`",
                "seed": "; it draws by chance, and no other build draws the same",
                N: "; each sample is asked for alone",
                FORMS[0]: "; it is asked for `json_object`, and answers are read with care",
                FORMS[1]: "; it is asked without a form, and answers are read with care",
            }.get(name, "")
            field = f"response_format: {name}" if name in FORMS else name
            _LOG.warning("%s: takes no `%s`%s", self._where, field, instead)
        self.without |= without

    def find_setting(self, refusal: Refusal, request: Request) -> str | None:
        """The setting of a recipe that a refusal names as what the endpoint does not take."""
        own = {**request.sampling.list_further(), **request.options.list_fields()}
        settings = [
            *own,
            "temperature",
            "top_p",
            "stop",
            *(["chat_template_kwargs"] if request.options.template else []),
        ]
        return next((name for name in settings if _names(refusal, name)), None)

    def check_ignored(self, owner: str, request: Request) -> None:
        """Raise `EngineError` where the server is known to ignore a setting of the recipe without a word, or to lower it."""
        if (known := find_ignored(owner, request)) is not None:
            server, ignored = known
            names = " and ".join(f"`{name}`" for name in ignored)
            raise EngineError(f"{self._where}: is {server.name}, which ignores {names} without a word; {server.advice}")
        if (hottest := find_hottest(owner, request)) is not None:
            raise EngineError(
                f"{self._where}: is {SERVERS[owner].name}, which takes every `temperature` above {hottest:g} for {hottest:g} "
                f"without a word, and the recipe has {request.sampling.temperature:g}; lower it"
            )

    def check_setting(self, refusal: Refusal, request: Request) -> None:
        """Raise `EngineError` where the endpoint refuses a setting of the recipe, as it would for every request."""
        if refusal.reason != REFUSED or (name := self.find_setting(refusal, request)) is None:
            return
        advice = {
            "chat_template_kwargs": "take `template` out of the model's declaration",
            "temperature": "list it in the model's `omit`, which leaves it to the endpoint, or give another value",
            "top_p": "list it in the model's `omit`, which leaves it to the endpoint, or give another value",
        }.get(name, "take it out of the recipe, which leaves it to the endpoint, or ask an endpoint that has it")
        raise EngineError(f"{self._where}: does not take `{name}` as the recipe sets it ({refusal.detail}); {advice}")

    def check_answer(self, request: Request, answer: Answer) -> None:
        """See whether an answer is what was asked for; raises `EngineError` where another model gave it, or it lacks what was needed."""
        self._check_name(request.model, answer.model)
        self._gives_logprobs = self._gives_logprobs or answer.logprobs is not None
        if (request.statistics or request.choices) and answer.text and not self._gives_logprobs:
            raise EngineError(
                f"{self._where}: ignores `logprobs`: its answers come without log-probabilities, {_NEEDED}"
            )
        if answer.finish == "length" and answer.usage and answer.usage.tokens < request.sampling.max_tokens:
            self._say_short(answer.usage.tokens, request.sampling.max_tokens)
        if answer.finish == "stop" and (form := choose_form(request, self.without)) is not None:
            self._count_form(form, split_channels(answer.text).text)

    def _check_name(self, asked: str, answered: str) -> None:
        if answered and not is_same_model(answered, self._answers_as or asked):
            raise EngineError(
                f"{self._where}: answered as '{answered}': tables would bear the name of a model that was not asked; "
                f"load '{asked}' there, or set `model: {answered}`, or `answers_as: {answered}` where both are the same"
            )

    def _say_short(self, tokens: int, limit: int) -> None:
        if not self._short:
            _LOG.warning(
                "%s: cut an answer off at %d tokens where %d were allowed: its own limit, or the end of its context; such "
                "answers are rejected as truncated. Raise it there, or lower `max_tokens` to compare like with like",
                self._where, tokens, limit,
            )  # fmt: skip
        self._short = True

    def _count_form(self, form: str, text: str) -> None:
        """Count whether an answer is the JSON that it was to be; say so where most are not."""
        try:
            held = isinstance(parse_json(text.encode("utf-8", "surrogatepass")), dict)
        except ValueError:
            held = False
        self._held += held
        self._free += not held
        if not held and self._free >= ENOUGH > self._free - 1 and self._free > self._held:
            _LOG.warning(
                "%s: ignores `response_format: %s`: %d of %d answers are no JSON; they are read with care, and those that "
                "cannot be read are undecided. Choose a server that keeps to schemas, or expect fewer usable answers",
                self._where, form, self._free, self._free + self._held,
            )  # fmt: skip


def _names(refusal: Refusal, name: str) -> bool:
    """Whether a refusal names a field; one whose name is a word only where it stands in quotes, or as OpenAI names it."""
    if refusal.parameter == name:
        return True
    quoted = rf"[\"'`]{re.escape(name)}[\"'`]|argument supplied: {re.escape(name)}(?!\w)"
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)" if "_" in name else quoted, refusal.detail))


def is_same_model(answered: str, asked: str) -> bool:
    """Whether two names are of the same model: but for folder, `.gguf`, case, and the date or tag of a snapshot.

    Args:
        answered: The name that an endpoint gives in its answer.
        asked: The name that it was asked by.

    Returns:
        Such as True for `gpt-4.1-2025-04-14` and `gpt-4.1`.

    """
    names = [re.split(r"[/\\]", name.lower())[-1].removesuffix(".gguf") for name in (answered, asked)]
    short, long = sorted(names, key=len)
    return long.startswith(short) and (long == short or _SNAPSHOT.fullmatch(long[len(short) :]) is not None)
