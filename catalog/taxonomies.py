"""Taxonomies as they lie in the catalog: found by name (and version), or by a path beside a recipe."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from catalog.confinement import Confinement
from schemas.recipe.document import CHARACTERS
from schemas.recipe.taxonomy import Taxonomy, parse_taxonomy

FOLDER = Path(__file__).parent / "taxonomies"


def list_taxonomies() -> list[str]:
    """The taxonomies that ship with Errata."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=64)
def find_shipped(name: str) -> Taxonomy:
    """A taxonomy that ships with Errata, by its name; its mappings speak of types that exist."""
    path = FOLDER / f"{name}.yaml"
    return parse_taxonomy(path.read_text("utf-8"), f"taxonomies/{path.name}")


def find_taxonomy(reference: str, folder: Path, confinement: Confinement | None = None) -> Taxonomy:
    """The taxonomy that a recipe in a folder means.

    Args:
        reference: A name (`lemma`), one with its version (`lemma@1.0.0`), or a YAML file.
        folder: Where the recipe lies.
        confinement: Where its files must lie, if a recipe names it.

    Returns:
        The taxonomy.

    Raises:
        ValueError: There is no such taxonomy, or only another version of it.
        RecipeError: The file has faults.

    """
    if reference.endswith((".yaml", ".yml")):
        if confinement:
            confinement.add_path(str(folder / reference), reference)
        return _read(folder / reference)
    name, _, version = reference.partition("@")
    if name not in list_taxonomies():
        near = get_close_matches(name, list_taxonomies(), n=1)
        hint = (
            f"did you mean '{near[0]}'?" if near else f"there are {', '.join(list_taxonomies())}, or name a YAML file"
        )
        raise ValueError(f"unknown taxonomy {name[:60]!r}; {hint}")
    taxonomy = find_shipped(name)
    if version not in ("", taxonomy.version):
        raise ValueError(
            f"taxonomy '{name}' is here in version {taxonomy.version}, not {version[:20]}; write {taxonomy.id}, or keep the "
            "other version in a YAML file beside the recipe"
        )
    return taxonomy


def _read(path: Path) -> Taxonomy:
    try:
        with path.open("rb") as file:
            text = file.read(CHARACTERS + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"taxonomy {path}: cannot be read ({reason})") from None
    taxonomy = parse_taxonomy(text, str(path))
    for other, pairs in taxonomy.from_.items():
        if other in list_taxonomies() and (
            odd := [theirs for theirs in pairs if theirs not in find_shipped(other).types]
        ):
            raise ValueError(f"taxonomy {path}: from.{other}: '{odd[0]}' is no type of '{other}'")
    return taxonomy
