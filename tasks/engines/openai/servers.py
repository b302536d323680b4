"""Servers that ignore settings without a word, known by how they sign their list of models.

Taken from the servers' documentation (November 2026), and for llama.cpp from
running it. A server that is not known is sent everything, and believed.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from schemas.request import FURTHER, Request

_LONGEST = 40
_UNKNOWN_TO_MOST = frozenset({"stop_token_ids"})


@dataclass(frozen=True)
class Server:
    """A kind of server."""

    name: str
    ignores: frozenset[str]
    """Settings that it takes and that change nothing there."""
    advice: str
    """Where they can be set instead."""
    hottest: float | None = None
    """The temperature that it takes all above for."""


SERVERS = {
    "llamacpp": Server("llama.cpp", _UNKNOWN_TO_MOST, "give the tokens' texts in `stop`"),
    "me": Server("llama_cpp.server", _UNKNOWN_TO_MOST | {"template"}, "use llama.cpp's own server, or `engine: llama`"),
    "library": Server(
        "Ollama",
        _UNKNOWN_TO_MOST | {"top_k", "min_p", "repetition_penalty", "template"},
        "set it in the model's Modelfile (`PARAMETER …`) and leave it out here",
    ),
    "organization_owner": Server(
        "LM Studio",
        _UNKNOWN_TO_MOST | {"min_p", "template"},
        "set it in the model's defaults there and leave it out here",
    ),
    "anthropic": Server(
        "Anthropic's compatible endpoint",
        frozenset(FURTHER) | {"template"},
        "it has no such setting; take it out of the recipe",
        hottest=1.0,
    ),
}
"""By `owned_by` in the list of models, or by their host."""
HOSTS = {"api.anthropic.com": "anthropic"}
"""Servers that sign no list of models, by where they are."""


def read_owner(models: Any, model: str) -> str:
    """Who signs a list of models, as far as it is one: `owned_by` of the model, or of the first.

    Args:
        models: The JSON of `GET /models`.
        model: The model's name.

    Returns:
        A word; empty where there is none.

    """
    entries = models.get("data") if isinstance(models, dict) else None
    listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    named = [entry for entry in listed if entry.get("id") == model] or listed
    owner = named[0].get("owned_by") if named else None
    if owner is None and named and named[0].get("type") == "model" and "display_name" in named[0]:
        return "anthropic"  # whose list is signed by its shape
    return owner[:_LONGEST] if isinstance(owner, str) and owner.isprintable() else ""


def find_hottest(owner: str, request: Request) -> float | None:
    """The temperature that a server takes a request's higher one for; None where it takes it as it is."""
    hottest = SERVERS[owner].hottest if owner in SERVERS else None
    is_sent = "temperature" not in request.options.omit
    return hottest if hottest is not None and is_sent and request.sampling.temperature > hottest else None


def find_ignored(owner: str, request: Request) -> tuple[Server, list[str]] | None:
    """The settings of a request that its server is known to ignore; None where there are none."""
    server = SERVERS.get(owner)
    settings: Set[str] = request.further.keys()
    ignored = sorted(server.ignores & settings) if server else []
    return (server, ignored) if server and ignored else None
