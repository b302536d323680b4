"""Servers that ignore settings without a word, known by how they sign their list of models.

Taken from the servers' documentation (November 2026), and for llama.cpp from
running it. A server that is not known is sent everything, and believed.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from schemas.request import Request

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
}
"""By `owned_by` in the list of models."""


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
    return owner[:_LONGEST] if isinstance(owner, str) and owner.isprintable() else ""


def find_ignored(owner: str, request: Request) -> tuple[Server, list[str]] | None:
    """The settings of a request that its server is known to ignore; None where there are none."""
    server = SERVERS.get(owner)
    settings: Set[str] = request.further.keys()
    ignored = sorted(server.ignores & settings) if server else []
    return (server, ignored) if server and ignored else None
