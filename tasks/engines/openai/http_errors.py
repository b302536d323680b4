"""What an endpoint means by a status other than 200: try again, not this request, or not at all."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from tasks.engines.openai.chat import (
    CONTENT_FILTER,
    SCHEMA,
    FailedExchange,
    Outcome,
    Refusal,
    find_error,
    parse_json,
    read_error,
)

LONGEST_WAIT = 900.0
"""Seconds that a build waits because an endpoint asks for it; longer, and it ends."""
TOO_LONG = "longer than the context"
REFUSED = "refused by the endpoint"
TEMPLATE = "refused by the chat template"

_CONTEXT = re.compile(
    r"context[ _](length|size|window)|maximum (context|model length)|longer than the max|max_new_tokens|"
    r"(prompt|input|request)\w* (is |are )?too (long|large)",
    re.I,
)
_NO_TEMPLATE = re.compile(
    r"(must provide|not define|without|has no|no default) (a )?chat.?template\b(?!_kwargs)|chat.?template is (no longer allowed|not set)",
    re.I,
)
_TEMPLATE = re.compile(
    r"jinja|(apply|render|in)\w* (the )?chat.?template\b(?!_kwargs)|roles must alternate|system role (is )?not supported",
    re.I,
)
_FILTER = re.compile(r"content_(filter|policy)", re.I)
_QUOTA = re.compile(r"insufficient_quota")  # the texts beside it are also those of limits per minute
_OPTIONAL = {
    "max_tokens": re.compile(r"max_completion_tokens"),
    "continue_final_message": re.compile(r"continue_final_message"),
    "add_generation_prompt": re.compile(r"add_generation_prompt"),
    "seed": re.compile(r"\bseed\b", re.I),
    "logprobs": re.compile(r"logprob", re.I),
    SCHEMA: re.compile(r"response_format|json_?schema|structured.?output|guided|grammar", re.I),
}
_BUSY = (429, 502, 503, 504)
"""Of the endpoint, whatever is asked."""
_CONVERSATIONS = (
    "choose a model that was trained on conversations, start the server with a chat template, or declare `api: completions`, "
    "which asks for a text to be gone on with"
)
_SLOWER = "set `per_minute` or lower `concurrency`, or build again later"
_LATER = "look into the endpoint's own log, and build again"


def classify_status(status: int, headers: Mapping[str, str], content: bytes, variable: str | None) -> Outcome:
    """What a status other than 200 means.

    Args:
        status: The status of the response.
        headers: Its headers, in which a time to wait may stand.
        content: Its body.
        variable: The environment variable that holds the key.

    Returns:
        Whether to ask again, and when; or why not. `problem` and `detail` may repeat anything that the body holds.

    """
    message = f"{_phrase(status)}: {read_error(content)}" if content.strip() else _phrase(status)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and any(
        pattern.search(message) for pattern in (_CONTEXT, _NO_TEMPLATE, _TEMPLATE)
    ):
        return _refusal(status, message, "")
    if status in (408, 425, 429) or status >= 500:
        return _later(status, headers, message)
    if status in (400, 413, 422):
        return _refusal(status, message, _parameter(content))
    if status in (401, 403):  # a 401 tends to repeat parts of the key
        return FailedExchange(_phrase(status) if status == 401 else message, advise_on_key(variable), again=False)
    return FailedExchange(message, _advice(status, headers), again=False)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _later(status: int, headers: Mapping[str, str], message: str) -> FailedExchange:
    if status == 429 and _QUOTA.search(message):
        return FailedExchange(message, "raise the account's quota at the provider; then build again", again=False)
    wait = retry_after(headers.get("retry-after", ""), datetime.now(UTC)) or 0.0
    if wait > LONGEST_WAIT:
        return FailedExchange(
            f"{message} (it wants to be left alone for {wait:.0f} s)", "build again after that", again=False
        )
    return FailedExchange(
        message, _SLOWER if status == 429 else _LATER, wait=wait, status=status, is_away=status in _BUSY
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds from now that a Retry-After header asks for: a number of seconds, or an HTTP date."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip(), re.ASCII):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def _parameter(content: bytes) -> str:
    """The parameter that the body of an error names as the one at fault."""
    try:
        error = find_error(parse_json(content))
    except ValueError:
        return ""
    return str(error.get("param") or "") if isinstance(error, dict) else ""


def _refusal(status: int, message: str, parameter: str) -> Outcome:
    if status == 413 or _CONTEXT.search(message):
        return Refusal(TOO_LONG, message)
    if _NO_TEMPLATE.search(message):
        return FailedExchange(message, _CONVERSATIONS, again=False)
    if _TEMPLATE.search(message):
        return Refusal(TEMPLATE, message)
    if _FILTER.search(message):
        return Refusal(CONTENT_FILTER, message)
    named = frozenset(name for name, pattern in _OPTIONAL.items() if pattern.search(message))
    if not named and parameter == "model":
        return FailedExchange(message, "the endpoint does not know this `model`; change it in the recipe", again=False)
    return Refusal(REFUSED, message, named=named, parameter=parameter)


def refuse_certificate(error: BaseException | None) -> FailedExchange | None:
    """Why not to ask again where a connection failed because of the endpoint's certificate; None where it failed otherwise."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    problem = f"a certificate that does not show it to be the endpoint ({error.verify_message}); nothing was sent"
    advice = "check `url`; where the endpoint is your own, name the file of its authority in SSL_CERT_FILE"
    return FailedExchange(problem, advice, again=False)


def hide_credentials(url: str) -> str:
    """A URL without user, password and query; a password may hold / and ? too."""
    return re.sub(r"[?#].*", "", re.sub(r"//.*@", "//", url))


def advise_on_key(variable: str | None) -> str:
    """What to do where the endpoint does not accept the key, or lack of one."""
    if variable is None:
        return "give `key` in the recipe the name of an environment variable, and set that to the endpoint's key"
    return f"set the environment variable {variable} to a key that this endpoint accepts for this model"


def _advice(status: int, headers: Mapping[str, str]) -> str:
    """What to do about a status that does not go away."""
    if status == 402:
        return "pay at the provider; then build again"
    if status in (404, 405, 410):
        return "check `model`, and that `url` is the endpoint up to /v1"
    if 300 <= status < 400:
        place = hide_credentials(headers.get("location", ""))
        return f"redirects are not followed: set `url` to where it points ({place or 'it does not say'})"
    return "check `url`, and what stands between here and there (a proxy?)"
