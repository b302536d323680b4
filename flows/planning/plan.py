"""The plan: what a recipe needs, what of it exists already, and in which order the rest is made."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from errata import ErrataError

from catalog import taxonomies
from catalog.publish.publish import read_published
from catalog.sources import Source, find
from catalog.storage import Store
from catalog.tables import Manifest, TableFolder, compute_fingerprint
from flows.planning import engines
from flows.planning.side_inputs import LocatedSideInput, locate_side_input
from schemas.contract import Contract
from schemas.recipe.changes import Models, with_models
from schemas.recipe.changes import with_version as change_version
from schemas.recipe.document import Document, Fault, RecipeError
from schemas.recipe.gates import Precision
from schemas.recipe.models import Model
from schemas.recipe.reader import Recipe, Table, read
from schemas.task import ModelId, Parameters
from tasks import TASKS

DATA = "${data}"


@dataclass(frozen=True)
class AskedModel:
    """A model that a table asks: its name in the recipe, its declaration, and how requests name it."""

    name: str
    """Its name in the recipe."""
    named: ModelId
    """How requests name it."""
    model: Model
    """Its declaration."""


@dataclass(frozen=True)
class TableJob:
    """One table to be made: a reference that is small, can be pickled, and says all that making it needs."""

    name: str
    """The table's name in the recipe."""
    store: str
    """The store's URL."""
    task: str
    fingerprint: str
    parameters: Parameters
    contract: Contract
    input_contract: Contract
    """The contract of its inputs."""
    inputs: tuple[tuple[str, str], ...]
    """Task and fingerprint of each input table."""
    sources: tuple[Source, ...]
    """The files it reads."""
    corpus: str
    models: tuple[AskedModel, ...] = ()
    """The models it asks."""
    side_inputs: tuple[LocatedSideInput, ...] = ()
    """What it is held against."""
    input_names: tuple[str, ...] = ()
    """The names by which the task knows the input tables, which are joined by key; empty where they follow each other."""

    def folder(self) -> TableFolder:
        """Where the table lies."""
        return TableFolder(Store(self.store), self.task, self.fingerprint)

    def lineage(self) -> list[str]:
        """What it is made from, as its fingerprint and manifest know it."""
        models = [f"model {asked.named.model} {asked.named.revision}" for asked in self.models]
        sources = [f"{source.name} {source.digest}" for source in self.sources]
        others = [line for found in self.side_inputs for line in found.lineage()]
        return sources + [print_ for _, print_ in self.inputs] + models + others


@dataclass(frozen=True)
class Plan:
    """What a recipe needs in a store: a job for each table, inputs first, and which of the tables are there."""

    recipe: Recipe
    store: str
    jobs: tuple[TableJob, ...]
    """The tables, inputs first; the release is last."""
    done: dict[str, Manifest]
    """The manifests of the tables that exist, by name."""
    published: dict[str, Any] | None
    """The manifest of the release with this version, if there is one."""

    @property
    def release(self) -> TableJob:
        """The last step."""
        return self.jobs[-1]

    @property
    def finished(self) -> bool:
        """Whether the release of this recipe is already there."""
        return self.published is not None and self.published["fingerprint"] == self.release.fingerprint

    def topological_generations(self) -> list[list[TableJob]]:
        """The tables still to be made, in generations: those of one do not need each other, and only those before them."""
        depth: dict[str, int] = {}
        for work, table in zip(self.jobs, self.recipe.tables):
            depth[work.name] = 1 + max((depth[name] for name in table.inputs), default=-1)
        missing = [work for work in self.jobs[:-1] if work.name not in self.done]
        levels = sorted({depth[work.name] for work in missing})
        return [[work for work in missing if depth[work.name] == level] for level in levels]


def make_plan(recipe: str, data: str | None, store: str, models: Models | None = None) -> Plan:
    """Read a recipe, fingerprint its tables and see which exist; raise `RecipeError` or `SourceError`.

    `models` gives models of the recipe other weights: all that they answer, and
    all that follows from it, has other fingerprints then.
    """
    path = Path(recipe)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        known = ", ".join(sorted(str(one) for one in path.parent.glob("*.yaml"))) or "none"
        raise RecipeError([Fault(recipe, 1, "", f"cannot be read ({reason}); recipes there: {known}")]) from None
    found = _read(text, recipe)
    if models:
        found = _read(with_models(text, recipe, models), recipe)
    place = Store(store)
    works: dict[str, TableJob] = {}
    for table in found.tables:
        works[table.name] = _make_job(table, works, found, data, store)
    done = {name: manifest for name, work in works.items() if (manifest := _folder(place, work).read_manifest())}
    return Plan(found, store, tuple(works.values()), done, read_published(place, found.corpus, found.version))


def _read(text: str, recipe: str) -> Recipe:
    return read(text, recipe, TASKS, lambda name: taxonomies.find(name, Path(recipe).parent))


def with_version(plan: Plan, version: str) -> Plan:
    """The same plan under another version: its tables are the same, its release is another."""
    recipe = replace(plan.recipe, version=version, text=change_version(plan.recipe.text, plan.recipe.file, version))
    works = {work.name: work for work in plan.jobs[:-1]}
    works[recipe.tables[-1].name] = _make_job(recipe.tables[-1], works, recipe, None, plan.store)
    there = read_published(Store(plan.store), recipe.corpus, version)
    return replace(plan, recipe=recipe, jobs=tuple(works.values()), published=there)


def _folder(store: Store, work: TableJob) -> TableFolder:
    return TableFolder(store, work.task, work.fingerprint)


def _make_job(table: Table, works: dict[str, TableJob], recipe: Recipe, data: str | None, store: str) -> TableJob:
    inputs = tuple((works[name].task, works[name].fingerprint) for name in table.inputs)
    sources: tuple[Source, ...] = ()
    parameters = table.parameters.model_dump(mode="json", by_alias=True)
    if locations := table.task.locations(table.parameters):
        sources = tuple(one for place in locations for one in _find(place, table, recipe, data))
        # where the files lie does not change the rows; their names and contents do
        parameters.pop("files", None)
    if table.task.publishes:
        parameters |= {"views": list(table.inputs), "seed": recipe.seed, "head": _describe_corpus(recipe)}
        if beside := _unreleased_fingerprints(table, works, recipe):
            parameters["beside"] = beside
        if recipe.gates is not None:
            parameters["gates"] = [gate.told() for gate in recipe.gates]
            sources = _find_gold(table, recipe, data)
    if table.input_names:
        parameters["from"] = list(table.input_names)
    if table.task.asks_models:
        # requests name a model by what it is, not by what the recipe calls it
        parameters["models"] = len(table.task.models(table.parameters))
        parameters.pop("model", None)
    work = TableJob(
        table.name, store, table.task.name, "", table.parameters, table.contract, table.input_contract, inputs, sources,
        recipe.corpus, _locate_models(table, recipe), _locate_side_inputs(table, recipe, data, store), table.input_names,
    )  # fmt: skip
    return replace(
        work, fingerprint=compute_fingerprint(table.task.name, table.task.version, parameters, work.lineage())
    )


def _find_gold(release: Table, recipe: Recipe, data: str | None) -> tuple[Source, ...]:
    """The files of gold that the recipe's gates hold labels against."""
    gates = [one.gate for one in recipe.gates or ()]
    places = dict.fromkeys(gate.gold for gate in gates if isinstance(gate, Precision) and gate.gold)
    return tuple(one for place in places for one in _find(place, release, recipe, data))


def _locate_side_inputs(table: Table, recipe: Recipe, data: str | None, store: str) -> tuple[LocatedSideInput, ...]:
    """What a table is held against, as it is now."""
    wanted = table.task.side_inputs(table.parameters)
    try:
        return tuple(locate_side_input(one, store, lambda place: _find(place, table, recipe, data)) for one in wanted)
    except ErrataError as error:
        where = Document(recipe.text, recipe.file).fault(("tables", table.name), "")
        raise RecipeError([Fault(where.file, where.line, where.key, str(error))]) from None


def _unreleased_fingerprints(release: Table, works: dict[str, TableJob], recipe: Recipe) -> list[str]:
    """The tables that no view is made from: the release tells of them, in its funnel and of its labels."""
    inputs = {table.name: table.inputs for table in recipe.tables}
    seen, waiting = set[str](), list(release.inputs)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting += [one for one in inputs[name] if one not in seen]
    return [work.fingerprint for name, work in works.items() if name not in seen]


def _locate_models(table: Table, recipe: Recipe) -> tuple[AskedModel, ...]:
    """The models a table asks, as they are from here."""
    declared = {name: recipe.models[name] for name in table.task.models(table.parameters)}
    located = {name: engines.locate_model(model, recipe.file) for name, model in declared.items()}
    return tuple(
        AskedModel(name, engines.identify_model(located[name], model), located[name])
        for name, model in declared.items()
    )


def _describe_corpus(recipe: Recipe) -> list[Any]:
    """What a release says of itself: it is part of what is published."""
    sources = [source.model_dump() for source in recipe.sources]
    return [
        recipe.corpus,
        recipe.version,
        recipe.title,
        recipe.description,
        recipe.license,
        sources,
        *([recipe.quality] if recipe.quality else []),
    ]


def _find(place: str, table: Table, recipe: Recipe, data: str | None) -> list[Source]:
    """The sources that a location of a recipe names: below `--data`, or beside the recipe."""
    if place.startswith(f"{DATA}/"):
        if not data:
            where = Document(recipe.text, recipe.file).fault(("tables", table.name, "files"), "")
            message = f"begins with {DATA} and no data folder was given; add --data DIR or set ERRATA_DATA"
            raise RecipeError([Fault(where.file, where.line, where.key, message)])
        name = place[len(DATA) + 1 :]
        return find(f"{data.rstrip('/')}/{name}", name)
    if "://" in place or os.path.isabs(place):
        return find(place, place)
    return find(str(Path(recipe.file).parent / place), place)
