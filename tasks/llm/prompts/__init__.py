"""Prompts: templates in files beside this one, each a conversation.

A line `[system]`, `[user]` or `[assistant]` begins a turn; a template without
any is one turn of the user's. `{question}` and other names in braces that the
task fills in are replaced; other braces stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, cast

from pydantic import BeforeValidator

from schemas.request import Message, Role

FOLDER = Path(__file__).parent
VERSIONS: Mapping[str, int] = {
    "classify": 2,
    "discover": 2,
    "inject": 4,
    "is-true": 2,
    "judge": 2,
    "keywords": 2,
    "same-kind": 2,
    "solve": 2,
}
"""The versions of our prompts, raised with their texts; 1 where none is given."""
_TURN = re.compile(r"^\[(system|user|assistant)\]\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z_]+)\}")


def list_prompts() -> list[str]:
    """The prompts that ship with Errata."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def find_template(given: object) -> str:
    """The text of a template: of a prompt of ours by its name, or of one written out; raise ValueError for neither."""
    if not isinstance(given, str):
        raise ValueError(f"expected a prompt's name or text, found {given!r}")
    if "{" in given:
        return given
    if given not in list_prompts():
        raise ValueError(
            f"unknown prompt {given[:60]!r}; there are {', '.join(list_prompts())}, or write one with {{question}}"
        )
    return (FOLDER / f"{given}.txt").read_text("utf-8").removesuffix("\n")


Template = Annotated[str, BeforeValidator(find_template)]
"""A parameter that takes the name of a prompt, or its text; its text is its value, and part of a fingerprint."""


def name_prompt(text: str) -> str:
    """The name of a prompt by its text, with its version from the second on; or `own` for one written in a recipe."""
    name = next((prompt for prompt in list_prompts() if find_template(prompt) == text), "own")
    version = VERSIONS.get(name, 1)
    return f"{name} {version}" if version > 1 else name


@lru_cache(maxsize=64)
def _turns(text: str) -> tuple[tuple[Role, str], ...]:
    parts = _TURN.split(text)
    if len(parts) == 1:
        return (("user", text),)
    return tuple((cast(Role, role), turn.strip("\n")) for role, turn in zip(parts[1::2], parts[2::2]))


def fill(text: str, fields: Mapping[str, str]) -> tuple[Message, ...]:
    """The conversation of a template with its fields replaced, each once: what a value says is never a field."""
    return tuple(
        Message(role, _FIELD.sub(lambda match: fields.get(match[1], match[0]), turn)) for role, turn in _turns(text)
    )


def list_fields(text: str) -> set[str]:
    """The names in braces of a template."""
    return set(_FIELD.findall(text))
