"""The plan: what a recipe needs, what of it exists already, and in which order the rest is made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from errata import ErrataError
from errata.storage import locate_store

from catalog.confinement import Confinement, OutsideError
from catalog.digests import Digests, NoDigests
from catalog.publish.publish import read_published
from catalog.sources import PLAIN, Source, find_sources
from catalog.storage import Store
from catalog.store_format import check_format
from catalog.tables import Manifest, TableFolder, compute_fingerprint
from flows.planning.asked_models import AskedModel, locate_models
from flows.planning.recipe_file import limit_checking, open_recipe
from flows.planning.side_inputs import LocatedSideInput, locate_side_input
from flows.planning.weights import find_misfits
from schemas.contract import Contract
from schemas.reading import FileReading
from schemas.recipe.changes import Models
from schemas.recipe.document import RecipeError
from schemas.recipe.gates import Precision
from schemas.recipe.recipe import FAILURES, Recipe, Table
from schemas.task import FromRecords, Parameters
from schemas.time_limit import stop_clock

DATA = "${data}"
JOINED = 10_000
"""The rows of a preview that records are joined to, at most."""


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
    failures: float = FAILURES
    """The share of its requests that may fail for good."""
    retry_failed_before: float = 0.0
    """Requests that failed for good before this time (seconds since 1970) are asked again."""
    retried: int = 0
    """How often that was done for tables that were complete, and that this one stands for."""
    most: int = 0
    """The rows that a preview makes of files or numbers at most; 0: all."""
    ledger: str = ""
    """The store whose ledger is asked; empty: that of the table."""

    def folder(self) -> TableFolder:
        """Where the table lies."""
        return TableFolder(Store(self.store), self.task, self.fingerprint)

    def lineage(self) -> list[str]:
        """What it is made from, as its fingerprint and manifest know it."""
        models = [f"model {asked.named.identity}" for asked in self.models]
        sources = [f"{source.name} {source.identity}" for source in self.sources]
        others = [line for side_input in self.side_inputs for line in side_input.lineage()]
        retried = [f"retry {self.retried}"] if self.retried else []
        return sources + [print_ for _, print_ in self.inputs] + models + others + retried


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
    files: tuple[str, ...] = ()
    """What is read for it, as the recipe names it: sources, what they are held against, weights, views and the like."""
    data: str | None = None
    """The folder that `${data}` stood for."""
    trust: bool = False
    """Whether the recipe might name files anywhere."""

    @property
    def flags(self) -> str:
        """What another command has to be given to find the same files and the same store, with a space before each."""
        data = self.data if self.data != os.environ.get("ERRATA_DATA") else None
        store = self.store if self.store != locate_store(None) else None
        given = [f" {option} {shlex.quote(value)}" for option, value in (("--data", data), ("--store", store)) if value]
        return "".join(given) + (" --trust" if self.trust else "")

    @property
    def release(self) -> TableJob:
        """The last step."""
        return self.jobs[-1]

    @property
    def finished(self) -> bool:
        """Whether the release of this recipe is already there."""
        return self.published is not None and self.published["fingerprint"] == self.release.fingerprint

    def with_rows(self, most: int, store: str) -> Plan:
        """The same plan, for a few rows of its sources in a store of their own; requests meet the ledger of this one.

        Args:
            most: The rows that a table is made of at most, where it has no input.
            store: An empty store, as fingerprints do not tell its tables from whole ones.

        Returns:
            A plan of which nothing is done.

        """
        joined = self._list_joined()
        jobs = tuple(
            replace(job, most=max(most, JOINED) if job.name in joined else most, store=store, ledger=job.store)
            for job in self.jobs
        )
        return replace(self, store=store, jobs=jobs, done={}, published=None)

    def _list_joined(self) -> set[str]:
        """The tables that records are joined to, and what those are made from: a few of each would seldom meet."""
        tables = {table.name: table for table in self.recipe.tables}
        waiting = [name for table in tables.values() if isinstance(table.task, FromRecords) for name in table.inputs]
        joined = set[str]()
        while waiting:
            name = waiting.pop()
            joined.add(name)
            waiting += tables[name].inputs
        return joined

    def retrying_failed(self, before: float) -> Plan:
        """The same plan, in which requests that failed for good before a time (seconds since 1970) are asked again."""
        return replace(self, jobs=tuple(replace(job, retry_failed_before=before) for job in self.jobs))

    def reopen_failed(self, at: float) -> dict[str, int]:
        """Have others stand for the complete tables that lack answers, once it is planned anew; complete tables stay as they are.

        Args:
            at: Now, in seconds since 1970.

        Returns:
            How many requests of each of them had failed for good.

        """
        failed = {name: manifest.receipt.failed for name, manifest in self.done.items() if manifest.receipt.failed}
        for job in self.jobs:
            if job.name in failed:
                job.folder().retry(at)
        return failed

    def topological_generations(self) -> list[list[TableJob]]:
        """The tables still to be made, in generations: those of one do not need each other, and only those before them."""
        depth: dict[str, int] = {}
        for work, table in zip(self.jobs, self.recipe.tables):
            depth[work.name] = 1 + max((depth[name] for name in table.inputs), default=-1)
        missing = [work for work in self.jobs[:-1] if work.name not in self.done]
        levels = sorted({depth[work.name] for work in missing})
        return [[work for work in missing if depth[work.name] == level] for level in levels]


@dataclass
class _Locator:
    """Finds what a recipe names: files and releases, as they are now."""

    recipe: Recipe
    data: str | None
    store: str
    digests: Digests
    confinement: Confinement
    located: dict[tuple[str, str], list[Source]] = field(default_factory=dict)
    """The files of each location, which several tables may name."""

    def sources(self, table: Table) -> tuple[Source, ...]:
        """The files that a table is read from; of a release, the gold that gates hold labels against."""
        if table.task.publishes:
            gates = [declared.gate for declared in self.recipe.gates or ()]
            places = dict.fromkeys(gate.gold for gate in gates if isinstance(gate, Precision) and gate.gold)
        else:
            places = dict.fromkeys(table.task.locations(table.parameters))
        reading = table.task.reading(table.parameters)
        return tuple(source for place in places for source in self.find(place, table, reading))

    def side_inputs(self, table: Table) -> tuple[LocatedSideInput, ...]:
        """What is read beside a table's inputs."""
        wanted = table.task.side_inputs(table.parameters)
        try:
            return tuple(locate_side_input(each, self.store, lambda place: self.find(place, table)) for each in wanted)
        except ErrataError as error:
            raise RecipeError([self.recipe.fault(("tables", table.name), str(error))]) from None

    def find(self, place: str, table: Table, reading: FileReading = PLAIN) -> list[Source]:
        """The files at a location: below `--data`, or beside the recipe."""
        known = (place, reading.model_dump_json())
        if known not in self.located:
            name = place.removeprefix(f"{DATA}/")
            try:
                where = self._resolve(place, table)
                self.located[known] = find_sources(where, name, self.digests, reading, self.confinement)
            except OutsideError as error:
                raise RecipeError([self.recipe.fault(("tables", table.name), str(error))]) from None
        return self.located[known]

    def _resolve(self, place: str, table: Table) -> str:
        if place.startswith(f"{DATA}/"):
            if not self.data:
                message = f"begins with {DATA} and no data folder was given; add --data DIR or set ERRATA_DATA"
                raise RecipeError([self.recipe.fault(("tables", table.name, "files"), message)])
            return f"{self.data.rstrip('/')}/{place[len(DATA) + 1 :]}"
        if "://" in place or os.path.isabs(place):
            return place
        return str(Path(self.recipe.file).parent / place)


def make_plan(
    recipe: str, data: str | None, store: str, models: Models | None = None, rehash: bool = False, hash_sources: bool = True,
    trust: bool = False,
) -> Plan:  # fmt: skip
    """Read a recipe, fingerprint its tables and see which exist: once for each command, which hands the plan on.

    Args:
        recipe: The YAML file.
        data: The folder that `${data}` stands for in it.
        store: Where the tables lie; it remembers the digests of sources, too.
        models: Other weights of the recipe's models: all that they answer, and all that follows from it, has other
            fingerprints then.
        rehash: Whether sources are read and hashed though the store remembers them.
        hash_sources: Whether they are hashed at all; a preview does without, and its fingerprints say nothing.
        trust: Whether it may name files anywhere, and not only in its own folder and that of data.

    Returns:
        The plan.

    Raises:
        RecipeError: The recipe is wrong.
        SourceError: A file that it names is not there or cannot be read.
        StoreError: The store's tables are of another format.

    """
    return limit_checking(recipe, lambda: _make_plan(recipe, data, store, models, rehash, hash_sources, trust))


def _make_plan(
    recipe: str, data: str | None, store: str, models: Models | None, rehash: bool, hash_sources: bool, trust: bool
) -> Plan:
    confinement = Confinement(str(Path(recipe).parent), data, trust)
    parsed = open_recipe(recipe, models, confinement)
    place = Store(store)
    check_format(place)
    digests = Digests(place, rehash)
    with stop_clock():  # weights may be of many gigabytes
        asked = locate_models(parsed, confinement, models or {}, digests)
    locator = _Locator(parsed, data, store, digests if hash_sources else NoDigests(place), confinement)
    works: dict[str, TableJob] = {}
    for table in parsed.tables:
        sources, side_inputs = locator.sources(table), locator.side_inputs(table)
        works[table.name] = _make_job(table, works, parsed, store, sources, side_inputs, asked)
    _check_weights(parsed, works.values())
    done = {name: manifest for name, work in works.items() if (manifest := _open_folder(place, work).read_manifest())}
    published = read_published(place, parsed.corpus, parsed.version)
    return Plan(parsed, store, tuple(works.values()), done, published, tuple(confinement.files), data, trust)


def _check_weights(recipe: Recipe, jobs: Iterable[TableJob]) -> None:
    """Raise `RecipeError` where a table asks something of a model that its weights, which are at hand, do not hold."""
    faults = dict.fromkeys(
        fault
        for job in jobs
        for fault in find_misfits(recipe, job.name, job.parameters, {asked.name: asked.model for asked in job.models})
    )
    if faults:
        raise RecipeError(list(faults))


def with_version(plan: Plan, version: str) -> Plan:
    """The same plan under another version: its tables are the same, its release is another."""
    recipe = plan.recipe.with_version(version)
    works = {work.name: work for work in plan.jobs[:-1]}
    release = _make_job(recipe.tables[-1], works, recipe, plan.store, plan.release.sources)
    published = read_published(Store(plan.store), recipe.corpus, version)
    return replace(plan, recipe=recipe, jobs=(*plan.jobs[:-1], release), published=published)


def _open_folder(store: Store, work: TableJob) -> TableFolder:
    return TableFolder(store, work.task, work.fingerprint)


def _make_job(
    table: Table, works: dict[str, TableJob], recipe: Recipe, store: str, sources: tuple[Source, ...],
    side_inputs: tuple[LocatedSideInput, ...] = (), asked: Mapping[str, AskedModel] | None = None,
) -> TableJob:  # fmt: skip
    inputs = tuple((works[name].task, works[name].fingerprint) for name in table.inputs)
    parameters = table.parameters.model_dump(mode="json", by_alias=True)
    if table.task.locations(table.parameters):
        # where the files lie does not change the rows; their names and contents do
        parameters.pop("files", None)
        (parameters.get("join") or {}).pop("files", None)
    if table.task.publishes:
        parameters |= {"views": list(table.inputs), "seed": recipe.seed, "head": _describe_corpus(recipe)}
        if beside := _unreleased_fingerprints(table, works, recipe):
            parameters["beside"] = beside
        if recipe.gates is not None:
            parameters["gates"] = [gate.list_parameters() for gate in recipe.gates]
    if table.input_names:
        parameters["from"] = list(table.input_names)
    if table.task.asks_models:
        # requests name a model by what it is, not by what the recipe calls it
        parameters["models"] = len(table.task.models(table.parameters))
        parameters.pop("model", None)
    models = tuple((asked or {})[name] for name in dict.fromkeys(table.task.models(table.parameters)))
    work = TableJob(
        table.name, store, table.task.name, "", table.parameters, table.contract, table.input_contract, inputs, sources,
        recipe.corpus, models, side_inputs, table.input_names, table.failures,
    )  # fmt: skip
    work = _fingerprint(work, table, parameters)
    while table.task.asks_models and (at := work.folder().read_retried()) is not None:
        work = _fingerprint(replace(work, retried=work.retried + 1, retry_failed_before=at), table, parameters)
    return work


def _fingerprint(work: TableJob, table: Table, parameters: dict[str, Any]) -> TableJob:
    return replace(
        work, fingerprint=compute_fingerprint(table.task.name, table.task.version, parameters, work.lineage())
    )


def _unreleased_fingerprints(release: Table, works: dict[str, TableJob], recipe: Recipe) -> list[str]:
    """The tables that no view is made from: the release tells of them, in its funnel and of its labels."""
    inputs = {table.name: table.inputs for table in recipe.tables}
    seen, waiting = set[str](), list(release.inputs)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting += [other for other in inputs[name] if other not in seen]
    return [work.fingerprint for name, work in works.items() if name not in seen]


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
