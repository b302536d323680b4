"""Documents beside a recipe that it names: read whole, or refused with a line for each fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.recipe.document import Document, Fault, RecipeError
from schemas.recipe.wording import describe_error

Finders = Mapping[str, Callable[[str], Any]]
"""What finds a declaration by the name, or file, that a recipe gives it; raises ValueError where there is none."""
T = TypeVar("T", bound=BaseModel)


def parse_declaration(model: type[T], key: str, text: str, file: str) -> T:
    """The declaration of a YAML text.

    Args:
        model: What is declared.
        key: The key that such a document begins with.
        text: The YAML.
        file: Where it stands, for errors.

    Returns:
        The declaration.

    Raises:
        RecipeError: One line for each fault, with file, line and key.

    """
    document = Document(text, file)
    if not isinstance(document.value, dict):
        where = f"expected a mapping that begins with `{key}:`, found no keys"
        raise RecipeError(list(document.faults) or [Fault(file, 1, "", where)])
    try:
        declaration = model.model_validate(document.value)
    except ValidationError as error:
        found = [
            document.fault(detail["loc"], _describe(dict(detail), model)) for detail in error.errors(include_url=False)
        ]
        raise RecipeError([*document.faults, *found]) from None
    if document.faults:
        raise RecipeError(list(document.faults))
    return declaration


def _describe(detail: dict[str, Any], model: type[BaseModel]) -> str:
    return "is missing; add it" if detail["type"] == "missing" else describe_error(detail, model)
