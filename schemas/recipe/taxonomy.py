"""Taxonomies: the kinds of mistakes, as a versioned document that a recipe names and a classifier is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from schemas.recipe.document import CoreResolver, Document, Fault, Path, RecipeError

NAME = r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"
TYPE = r"^[^\W_](?:[^\n\r|`<>]{0,78}[^\s|`<>])?$"
VERSION = r"^(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})$"
RESERVED = frozenset({"none", "new", "null", "undecided", "n/a", "n a", "unknown"})
"""What a classifier says where it names no type."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Example(_Part):
    """A mistake of a type, made up by us."""

    problem: str = Field(min_length=1, max_length=1_000, description="The problem, in short.")
    step: str = Field(min_length=1, max_length=1_000, description="The wrong step.")
    why: str = Field(min_length=1, max_length=1_000, description="What is wrong in it.")


class Type(_Part):
    """One kind of mistake."""

    definition: str = Field(min_length=1, max_length=1_000, description="What belongs to it, in a sentence.")
    example: Example | None = Field(None, description="A mistake of this kind; headings need none.")
    parent: str | None = Field(None, description="The wider type that it belongs to.")
    heading: bool = Field(False, description="It only holds others together: no mistake is labelled with it.")
    also: list[str] = Field([], max_length=1_000, description="Other names of it, such as those in the source's data.")


class Change(_Part):
    """One thing that happened to the types while the taxonomy was made."""

    round: int = Field(ge=0, description="The round in which it happened, from 1; 0 before the first.")
    change: str = Field(
        pattern="^(?:candidate|new|merge|fold)$",
        description="candidate (somebody proposed it), new (it became a type), merge (it is another's name) or fold (it was "
        "too rare, and counts as another).",
    )
    type: str = Field(description="The type that came, or that is no more.")
    into: str | None = Field(None, description="The type that took it in.")
    rows: int = Field(0, ge=0, description="The answers that named it by then.")
    by: str = Field("", description="Who or what decided, and on what grounds.")


class Round(_Part):
    """One round of the rounds that made the taxonomy; known + proposed + undecided are the answers."""

    round: int = Field(ge=1, description="Its number, from 1.")
    rows: int = Field(ge=0, description="The mistakes that were asked about.")
    known: int = Field(ge=0, description="Answers that named a type there was.")
    proposed: int = Field(ge=0, description="Answers that proposed a new one.")
    undecided: int = Field(ge=0, description="Answers that could not be read, or named neither.")
    types: int = Field(ge=0, description="The types there were after it.")


class Taxonomy(_Part):
    """Kinds of mistakes with what they mean, how they hang together, and what other taxonomies call them."""

    taxonomy: str = Field(pattern=NAME, description="Its name: lower-case letters, digits, - and _.")
    version: str = Field(pattern=VERSION, description="MAJOR.MINOR.PATCH.")
    title: str = Field(min_length=1, description="A line for people.")
    source: str = Field("", description="Whose idea it is, with where to read of it; definitions are in our words.")
    types: dict[str, Type] = Field(min_length=1, max_length=200, description="The types, by name.")
    from_: dict[str, dict[str, str]] = Field(
        {},
        alias="from",
        description="By other taxonomies' names: which type of ours each of their types is, if one is.",
    )
    history: list[Change] = Field([], description="How it came to its types, where rounds of classifying made it.")
    rounds: list[Round] = Field([], description="Those rounds, with what was answered.")

    @property
    def id(self) -> str:
        """Name and version, as rows bear it."""
        return f"{self.taxonomy}@{self.version}"

    def labels(self) -> tuple[str, ...]:
        """The types that mistakes can be labelled with, in the order of the document."""
        return tuple(name for name, entry in self.types.items() if not entry.heading)

    def named(self, text: str) -> str | None:
        """The type that a text names, whatever its case and by any of its names; None where it names none."""
        wanted = normalize_name(text)
        for name in self.labels():
            if wanted in (normalize_name(name), *map(normalize_name, self.types[name].also)):
                return name
        return None

    def translated(self, other: str, name: str) -> str | None:
        """The type of ours that a type of another taxonomy (by its name) is; its own types are themselves."""
        if other == self.taxonomy:
            return self.named(name)
        return self.from_.get(other, {}).get(name)


def normalize_name(name: str) -> str:
    """A type's name as names are compared: letters and digits in lower case, a space between words.

    Two forms of one letter are the same (Unicode's NFKC), and what is not seen is not there.

    Returns:
        The name in that form; names are the same type where this is the same.

    """
    if not name.isascii():
        seen = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
        name = unicodedata.normalize("NFKC", seen.casefold())
    return " ".join("".join(char if char.isalnum() else " " for char in name.casefold()).split())


class _Dumper(yaml.SafeDumper):
    """Quotes what a document would be read as another type; the lines of releases are broken as PyYAML breaks them."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: each value is written where it stands."""
        return True


_Dumper.yaml_implicit_resolvers = CoreResolver.patterns


def write_taxonomy(taxonomy: Taxonomy) -> str:
    """A taxonomy as the YAML that `parse` reads."""
    value = taxonomy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def parse_taxonomy(text: str, file: str) -> Taxonomy:
    """The taxonomy that a YAML text declares.

    Args:
        text: The YAML.
        file: Where it stands, for errors.

    Returns:
        The taxonomy.

    Raises:
        RecipeError: One line for each fault, with file, line and key.

    """
    document = Document(text, file)
    faults = list(document.faults)
    if not isinstance(document.value, dict):
        where = "expected a mapping that begins with `taxonomy:`, found no keys"
        raise RecipeError(faults or [Fault(file, 1, "", where)])
    taxonomy = None
    try:
        taxonomy = Taxonomy.model_validate(document.value)
    except ValidationError as error:
        faults += [
            document.fault(_place(detail["loc"]), _describe_error(dict(detail)))
            for detail in error.errors(include_url=False)
        ]
    faults += [document.fault(path, message) for path, message in _find_faults(document.value)]
    if faults or taxonomy is None:
        raise RecipeError(faults)
    return taxonomy


def _place(location: tuple[int | str, ...]) -> Path:
    return tuple(step for step in location if step != "[key]")


def _describe_error(detail: dict[str, Any]) -> str:
    """One fault of pydantic's in words."""
    kind = detail["type"]
    if kind == "missing":
        return "is missing; add it"
    if kind == "extra_forbidden":
        return "unknown key; see README.md for what a taxonomy holds"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, found {str(detail['input'])[:60]!r}"


def _find_faults(value: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong between the parts of a document, as far as they have the form of a taxonomy's."""
    declared = value.get("types")
    types: dict[str, Any] = declared if isinstance(declared, dict) else {}
    seen: dict[str, str] = {}
    for name, entry in types.items():
        here: Path = ("types", name)
        if not re.match(TYPE, name) or normalize_name(name) in RESERVED:
            yield here, "is no name for a type; give one line of at most 80 characters, without |, `, < and >"
        body = entry if isinstance(entry, dict) else {}
        also = body.get("also")
        for alias in [name, *(also if isinstance(also, list) else [])]:
            if isinstance(alias, str) and (other := seen.setdefault(normalize_name(alias), name)) != name:
                yield here, f"'{alias}' is also a name of '{other}'; tell them apart"
        yield from ((here, message) for message in _find_parent_faults(name, types))
        if not body.get("heading") and "example" not in body and not value.get("history"):
            yield here, "has no example; add one with `problem`, `step` and `why`"
    maps = value.get("from")
    for other, pairs in maps.items() if isinstance(maps, dict) else ():
        for theirs, ours in pairs.items() if isinstance(pairs, dict) else ():
            if isinstance(ours, str) and (ours not in types or _is_heading(types[ours])):
                yield ("from", other, theirs), f"'{ours}' is no type of this taxonomy that rows can have"


def _is_heading(body: Any) -> bool:
    return isinstance(body, dict) and body.get("heading") is True


def _find_parent_faults(name: str, types: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a type's parents."""
    path = [name]
    while isinstance(entry := types.get(path[-1]), dict) and entry.get("parent") is not None:
        parent = entry["parent"]
        if parent not in types:
            if len(path) == 1:
                yield f"its parent '{parent}' is no type of this taxonomy; add it, or leave `parent` out"
            return
        if parent in path:
            if parent == name:
                yield f"is its own ancestor ({' → '.join([*path, parent])}); break the circle"
            return
        path.append(parent)


Find = Callable[[str], Taxonomy]
"""Finds a taxonomy by what a recipe calls it; raises ValueError where there is none."""


def _resolve_taxonomy(value: object, info: ValidationInfo) -> object:
    """A taxonomy named in a recipe, as the recipe's reader finds it."""
    if not isinstance(value, str):
        return value
    find: Find | None = (info.context or {}).get("taxonomies")
    if find is None:
        raise ValueError(f"taxonomy {value[:60]!r} cannot be looked up here; give the taxonomy itself")
    return find(value)


Named = Annotated[Taxonomy, BeforeValidator(_resolve_taxonomy, json_schema_input_type=str | Taxonomy)]
"""A parameter that takes the name of a taxonomy; its value, and part of a fingerprint, is the taxonomy whole."""
