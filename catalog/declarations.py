"""Declarations as they lie in the catalog: found by name, or by a path beside a recipe."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from catalog import taxonomies
from catalog.confinement import Confinement
from schemas.recipe.declaration import Finders
from schemas.recipe.document import CHARACTERS
from schemas.recipe.format import parse_format
from schemas.recipe.view import parse_view

T = TypeVar("T")


class Declarations(Generic[T]):
    """The declarations of one kind that ship with Errata, a YAML file each.

    Args:
        folder: Where they lie, under this package; what they are called together.
        noun: What one of them is called.
        parse: Reads one from its text and the name of its file.

    """

    def __init__(self, folder: str, noun: str, parse: Callable[[str, str], T]) -> None:
        self.folder = Path(__file__).parent / folder
        self.noun, self.parse = noun, parse
        self._read_before: dict[str, T] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of those that ship with Errata, in the order of the alphabet."""
        return tuple(sorted(file.stem for file in self.folder.glob("*.yaml")))

    @property
    def shipped(self) -> dict[str, T]:
        """Those that ship with Errata, by their names."""
        return {name: self._open(name) for name in self.names}

    def _open(self, name: str) -> T:
        # a recipe names a few of them: the others are not read
        if name not in self._read_before:
            file = self.folder / f"{name}.yaml"
            self._read_before[name] = self.parse(file.read_text("utf-8"), f"{self.folder.name}/{file.name}")
        return self._read_before[name]

    def find(self, reference: str, folder: Path, confinement: Confinement | None = None) -> T:
        """The declaration that a recipe in a folder means.

        Args:
            reference: A name, or a YAML file.
            folder: Where the recipe lies.
            confinement: Where its files must lie, if a recipe names it.

        Returns:
            The declaration.

        Raises:
            ValueError: There is no such declaration, or it lies where the recipe may not read.
            RecipeError: The file has faults.

        """
        if reference.endswith((".yaml", ".yml")):
            if confinement:
                confinement.add_path(str(folder / reference), reference)
            return self._read(folder / reference)
        if reference not in self.names:
            near = get_close_matches(reference, self.names, n=1)
            there = f"there are {', '.join(self.names)}, or name a YAML file"
            hint = f"did you mean '{near[0]}'?" if near else there
            raise ValueError(f"unknown {self.noun} {reference[:60]!r}; {hint}")
        return self._open(reference)

    def _read(self, path: Path) -> T:
        try:
            with path.open("rb") as file:
                return self.parse(file.read(CHARACTERS + 1).decode("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ValueError(f"{self.noun} {path}: cannot be read ({reason}); check the path") from None


FORMATS = Declarations("formats", "format", parse_format)
VIEWS = Declarations("views", "view", parse_view)


def find_declarations(folder: Path, confinement: Confinement | None = None) -> Finders:
    """What finds the declarations that a recipe in a folder names: those that ship with Errata, and files beside it."""
    within = confinement or Confinement(str(folder))
    return {
        "taxonomies": lambda name: taxonomies.find_taxonomy(name, folder, within),
        "formats": lambda name: FORMATS.find(name, folder, within),
        "views": lambda name: VIEWS.find(name, folder, within),
    }
