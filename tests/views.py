"""Views as a recipe names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.confinement import Confinement
from catalog.declarations import find_declarations
from tasks.views.task import ViewParameters


def take_view(format: str, **parameters: Any) -> ViewParameters:
    """The parameters of `view` with a format by its name."""
    return ViewParameters.model_validate(
        {"format": format, **parameters}, context=dict(find_declarations(Path(), Confinement("", trusted=True)))
    )
