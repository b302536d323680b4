"""Recipes: a corpus declared in YAML, checked whole before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.contract import Contract
from schemas.recipe.declaration import Finders
from schemas.recipe.document import MOST_FAULTS, Document, Fault, Path, RecipeError
from schemas.recipe.expectations import EXPECTATIONS
from schemas.recipe.gates import MEASURES, About, Declared, Gate
from schemas.recipe.joins import NamedInput, find_join_faults, join_contracts
from schemas.recipe.optional_models import choose_tables
from schemas.recipe.recipe import FAILURES, NAME, NO_ROWS, Head, Recipe, Table
from schemas.recipe.wording import advise, describe_error, join_expectations, list_names, show_value, strip_branches
from schemas.task import Parameters, Task

Tasks = Mapping[str, Task[Any]]
MOST_TABLES = 300
"""Of a recipe; the catalog's have some thirty."""


def read_recipe(text: str, file: str, tasks: Tasks, declarations: Finders | None = None) -> Recipe:
    """Read and check a recipe, before anything of it runs.

    Args:
        text: The recipe's YAML.
        file: Where it stands, for errors.
        tasks: The tasks that tables may name.
        declarations: By what it is for (`taxonomies`, `views`) what finds a declaration by the name that a table gives it.

    Returns:
        The recipe, its tables in an order in which each follows its inputs.

    Raises:
        RecipeError: One line for each fault, with file, line and key.

    """
    document = Document(text, file)
    if document.faults and document.value is None:
        raise RecipeError(document.faults)
    if not isinstance(document.value, dict):
        raise RecipeError([Fault(file, 1, "", "expected a mapping that begins with `corpus:`, found no keys")])
    return _RecipeReader(document, tasks, declarations or {}).recipe()


@dataclass(frozen=True)
class _Inputs:
    """The tables that a table is made from, and the names by which its task knows them, if it does."""

    tables: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class _RecipeReader:
    """Goes through a document and gathers its faults."""

    def __init__(self, document: Document, tasks: Tasks, declarations: Finders) -> None:
        self.document = document
        self.value = choose_tables(document)
        self.tasks = tasks
        self.declarations = declarations
        self.faults = list(document.faults)

    def recipe(self) -> Recipe:
        head = self._model(Head, self.value, ())
        raw = self.value.get("tables")
        raw = {name: table for name, table in raw.items() if isinstance(table, dict)} if isinstance(raw, dict) else {}
        models = self.value.get("models")
        self.models = models if isinstance(models, dict) else {}
        if len(raw) > MOST_TABLES:
            self._fault(
                ("tables",), f"there are {len(raw):,}, at most {MOST_TABLES} are made; make several corpora of them"
            )
            raise RecipeError(self.faults)
        for name in raw:
            self._name(("tables", name))
        for name in self.models:
            self._name(("models", name))
        parsed = {name: self._parse(name, table, raw) for name, table in raw.items()}
        order = self._order({name: entry[1].tables for name, entry in parsed.items()})
        tables = self._contracts(order, parsed)
        if raw:
            self._check_release(parsed)
        gates = self._gates({table.name: table for table in tables})
        if self.faults or not isinstance(head, Head):
            raise RecipeError(self.faults)
        return Recipe(
            self.document, head.corpus, head.version, head.title, head.description, head.license,
            tuple(head.sources), head.seed, head.models, tuple(tables), head.quality, gates,
            tuple(head.languages),
        )  # fmt: skip

    def _name(self, path: tuple[str, str]) -> None:
        if not re.fullmatch(NAME, path[1]):
            self._fault(path, f"a {path[0][:-1]}'s name has lower-case letters, digits, - and _, at most 64")

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(self.document.fault(path, message))

    def _parse(
        self, name: str, table: dict[str, Any], tables: Mapping[str, Any]
    ) -> tuple[Task[Any] | None, _Inputs, Parameters | None]:
        here: Path = ("tables", name)
        known = table.get("task")
        task = self.tasks.get(known) if isinstance(known, str) else None
        inputs = self._inputs(here, table.get("from"), tables, task)
        if known is None:
            self._fault(here, f"has no task; add `task:` and one of {list_names(self.tasks)}")
            return None, inputs, None
        if task is None:
            self._fault((*here, "task"), f"unknown task {show_value(known)}; {advise(str(known), self.tasks)}")
            return None, inputs, None
        if task.needs and table.get("from") is None:
            self._fault(here, f"task '{task.name}' works on a table; add `from:` and its name")
        if not task.needs and not task.takes and "from" in table:
            self._fault((*here, "from"), f"task '{task.name}' reads no table; remove `from`")
        self._check_failures((*here, "failures"), table.get("failures", FAILURES), task)
        values = {key: value for key, value in table.items() if key not in ("task", "from", "failures")}
        parameters = self._model(task.parameters, values, here)
        return task, inputs, parameters if isinstance(parameters, Parameters) else None

    def _check_failures(self, path: Path, share: Any, task: Task[Any]) -> None:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            self._fault(path, f"expected a share of the requests from 0 to 1, found {show_value(share)}")
        elif not task.asks_models and path[-1] in self.value["tables"][path[1]]:
            self._fault(path, f"task '{task.name}' asks no model; remove `failures`")

    def _inputs(self, here: Path, declared: Any, tables: Mapping[str, Any], task: Task[Any] | None) -> _Inputs:
        """The tables that `from` names, by name in the order of the task's inputs where it is a mapping."""
        if declared is None:
            return _Inputs()
        if isinstance(declared, dict):
            return self._named_inputs((*here, "from"), declared, tables, task)
        names = declared[:MOST_TABLES] if isinstance(declared, list) else [declared]
        inputs: list[str] = []
        for i, name in enumerate(names):
            self._input((*here, "from", i) if isinstance(declared, list) else (*here, "from"), name, tables, inputs)
        if not names:
            self._fault((*here, "from"), "names no table; give one or more")
        return _Inputs(tuple(inputs))

    def _input(self, path: Path, name: Any, tables: Mapping[str, Any], inputs: list[str]) -> None:
        """Add a table to those found, or a fault."""
        if not isinstance(name, str) or name not in tables:
            self._fault(path, f"unknown table {show_value(name)}; {advise(str(name), tables)}")
        elif name in inputs:
            self._fault(path, f"table '{name}' is named twice; keep one")
        else:
            inputs.append(name)

    def _named_inputs(
        self, here: Path, declared: dict[str, Any], tables: Mapping[str, Any], task: Task[Any] | None
    ) -> _Inputs:
        known = [entry.name for entry in task.inputs] if task else list(declared)
        if task and not known:
            self._fault(
                here, f"task '{task.name}' has no inputs of other names; give a table's name, or a list of them"
            )
            return _Inputs()
        for name in declared:
            if name not in known:
                self._fault((*here, name), f"unknown input '{name}'; {advise(name, known)}")
        missing = [name for name in known if name not in declared]
        if task and missing and set(declared) <= set(known):
            joined, lacking = " and ".join(known), " and ".join(f"`{name}:`" for name in missing)
            self._fault(here, f"task '{task.name}' joins {joined}; add {lacking} and the name of a table")
        inputs: list[str] = []
        for name in known:
            if name in declared:
                self._named_input((*here, name), declared[name], tables, inputs)
        return _Inputs(tuple(inputs), tuple(known)) if len(inputs) == len(known) else _Inputs()

    def _named_input(self, path: Path, name: Any, tables: Mapping[str, Any], inputs: list[str]) -> None:
        if isinstance(name, str):
            self._input(path, name, tables, inputs)
        else:
            self._fault(path, f"expected the name of one table, found {show_value(name)}")

    def _order(self, edges: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Table names, inputs first; those on a cycle are faults and left out."""
        done: list[str] = []
        cyclic: set[str] = set()

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in done:
                return
            if name in above:
                cycle = above[above.index(name) :]
                if not cyclic.intersection(cycle):
                    cyclic.update(cycle)
                    ring = " → ".join((*cycle, name))
                    self._fault(("tables", cycle[0], "from"), f"the tables need each other: {ring}; break the circle")
                return
            for other in edges[name]:
                visit(other, (*above, name))
            done.append(name)

        for name in edges:
            visit(name, ())
        return [name for name in done if name not in cyclic]

    def _contracts(self, order: list[str], parsed: Mapping[str, Any]) -> list[Table]:
        """The tables with their contracts, where the contracts of their inputs are known."""
        tables: dict[str, Table] = {}
        for name in order:
            task, inputs, parameters = parsed[name]
            ready = all(other in tables for other in inputs.tables)
            if task is None or not ready or (bool(task.needs) != bool(inputs.tables) and not task.takes):
                continue
            input_contract = self._input_contract(
                name, task, inputs, [tables[other].contract for other in inputs.tables]
            )
            if input_contract is None or parameters is None:
                continue
            self._check_models(name, task, parameters)
            for message in task.check(parameters, input_contract):
                key, _, rest = message.partition(": ")
                self._fault(("tables", name, *key.split(".")), rest)
            contract = task.makes(parameters, input_contract)
            share = self.value["tables"][name].get("failures", FAILURES)
            tables[name] = Table(name, task, inputs.tables, parameters, contract, input_contract, inputs.names, share)
        releases = [table for table in tables.values() if table.task.publishes]
        return [table for table in tables.values() if table not in releases] + releases

    def _input_contract(
        self, name: str, task: Task[Any], inputs: _Inputs, contracts: Sequence[Contract]
    ) -> Contract | None:
        """The contract of a table's input, None where what it is made from does not do."""
        here, before = ("tables", name, "from"), len(self.faults)
        if inputs.names:
            named = [NamedInput(*entry) for entry in zip(task.inputs, inputs.tables, contracts)]
            for input_name, message in find_join_faults(task.name, named):
                self._fault((*here, input_name), message)
            return join_contracts(contracts) if len(self.faults) == before else None
        if not task.publishes and any(contract.columns != contracts[0].columns for contract in contracts):
            names = ", ".join(f"'{other}'" for other in inputs.tables)
            example = ", ".join(f"{entry.name}: …" for entry in task.inputs)
            instead = f", or name them: `from: {{{example}}}`" if example else ""
            self._fault(here, f"tables {names} differ in their columns; join like with like{instead}")
            return None
        for other, contract in zip(inputs.tables, contracts):
            for column in task.needs or task.takes:
                if column not in contract.names():
                    message = f"table '{other}' has no column '{column}', which task '{task.name}' needs"
                    self._fault(here, f"{message}; put a task that makes it before")
        if len(self.faults) > before:
            return None
        return contracts[0] if contracts else NO_ROWS

    def _check_models(self, table: str, task: Task[Any], parameters: Parameters) -> None:
        """A fault for each model that a table asks and that the recipe does not declare."""
        for model in task.models(parameters):
            if model not in self.models:
                declared = self.document.value.get("models")
                left_open = isinstance(declared, dict) and model in declared
                name = f"name it (--model {model}.model=NAME), or put the table under `with:`"
                advice = (
                    name if left_open else advise(model, self.models) if self.models else "declare it under `models:`"
                )
                self._fault(("tables", table, "models"), f"unknown model '{model}'; {advice}")

    def _check_release(self, parsed: Mapping[str, Any]) -> None:
        ends = [name for name, entry in parsed.items() if (entry[0] and entry[0].publishes)]
        unknown = any(entry[0] is None for entry in parsed.values())
        if not ends and not unknown:
            self._fault(("tables",), "no table is made by task 'release'; add one, `from` what is to be released")
        for name in ends[1:]:
            self._fault(("tables", name), f"a recipe makes one release and '{ends[0]}' is one; list both in its `from`")
        for name, entry in parsed.items():
            for other in set(entry[1].tables) & set(ends):
                self._fault(("tables", name, "from"), f"'{other}' is the release; nothing is made from it")

    def _gates(self, tables: Mapping[str, Table]) -> tuple[Declared, ...] | None:
        raw = self.value.get("gates")
        if not isinstance(raw, list):
            return None
        about = {name: About(table.task, table.contract, self.tasks) for name, table in tables.items()}
        views = [name for table in tables.values() if table.task.publishes for name in table.inputs]
        about = {name: entry for name, entry in about.items() if not tables[name].task.publishes}
        gates = [self._gate(i, entry, about, views) for i, entry in enumerate(raw) if isinstance(entry, dict)]
        return tuple(gate for gate in gates if gate is not None)

    def _gate(self, i: int, raw: dict[str, Any], about: Mapping[str, About], views: list[str]) -> Declared | None:
        """One gate, with a fault for whatever is wrong with it."""
        here: Path = ("gates", i)
        known: Mapping[str, type[Gate]] = EXPECTATIONS if "expect" in raw else MEASURES
        kinds = [key for key in ("measure", "expect") if key in raw]
        if len(kinds) != 1:
            self._fault(here, "a gate has either `measure:` or `expect:` and a name; give one of them")
            return None
        name = str(raw[kinds[0]])
        name = f"expect_{name}" if kinds[0] == "expect" and not name.startswith("expect_") else name
        if name not in known:
            kind = "expectation" if kinds[0] == "expect" else "measure"
            self._fault((*here, kinds[0]), f"unknown {kind} {show_value(raw[kinds[0]])}; {advise(name, known)}")
            return None
        gate = self._model(known[name], {key: value for key, value in raw.items() if key != kinds[0]}, here)
        if not isinstance(gate, Gate):
            return None
        table = gate.table or (views[0] if len(views) == 1 else None)
        if table is None and not views:  # nothing is released, which is a fault already
            return None
        if table is None:
            self._fault(here, f"the release has several views; add `table:` and one of {list_names(views)}")
            return None
        if table not in about:
            self._fault((*here, "table"), f"unknown table {show_value(table)}; {advise(table, about)}")
            return None
        columns = about[table].contract.names()
        for column in gate.named():
            if column not in columns:
                key = next((key for key, value in raw.items() if value == column), "columns")
                self._fault((*here, key), f"table '{table}' has no column '{column}'; {advise(column, columns)}")
        for key, message in gate.faults(table, about, views):
            self._fault((*here, key) if key else here, message)
        return Declared(i, name, table, gate)

    def _model(self, model: type[BaseModel], value: Any, here: Path) -> BaseModel | None:
        try:
            return model.model_validate(value, context=dict(self.declarations))
        except ValidationError as error:
            messages: dict[Path, list[str]] = {}
            for detail in error.errors(include_url=False)[:MOST_FAULTS]:
                path: Path = (*here, *strip_branches(detail["loc"], value))
                if detail["type"] == "missing":
                    messages.setdefault(path[:-1] or path, []).append(f"'{path[-1]}' is missing; add it")
                else:
                    messages.setdefault(path, []).append(describe_error(dict(detail), model))
            for path, about in messages.items():
                for message in join_expectations(about):
                    self._fault(path, message)
            return None
