"""What files of a user's own are: of a known format, or problems, solutions or both by the names and values of their fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from errata import ErrataError

from catalog.declarations import FORMATS
from catalog.digests import NoDigests
from catalog.records.read import read_first
from catalog.sources import Source, SourceError, find_sources
from catalog.storage import Store
from schemas.reading import FileReading
from schemas.recipe.format import FileFormat
from tasks.sources.field_mapping import find_value, list_fields

RECORDS = 50
"""Records of a file that are looked at."""
SHORT = 200
"""Characters that an answer has at most, and a question seldom less than a word of."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "problem", "prompt", "query", "instruction", "input", "problemtext", "questiontext", "q"),
    "answer": ("answer", "gold", "goldanswer", "groundtruth", "target", "expectedanswer", "finalanswer", "referenceanswer", "expected", "label", "ans", "a"),
    "text": ("completion", "response", "output", "generation", "modeloutput", "modelsolution", "modelresponse", "prediction", "solution", "text", "generatedtext", "t"),
    "steps": ("steps", "modelsteps", "solutionsteps"),
    "model": ("model", "modelname", "generator", "modelid", "engine"),
    "sample": ("sample", "sampleid", "sampleindex", "sampleidx", "trial", "attempt", "run"),
    "id": ("id", "problemid", "questionid", "qid", "pid", "uid", "taskid", "docid", "key", "index"),
    "set": ("set", "dataset", "source", "subset", "benchmark", "category"),
    "reference": ("referencesolution", "reference", "rationale", "solution", "explanation"),
    "options": ("options", "choices"),
}  # fmt: skip
"""By column how fields that hold it are often called, without signs and in lower case, the likeliest first."""
READINGS: tuple[Mapping[str, Any], ...] = (
    {}, {"csv": {"delimiter": ";"}}, {"csv": {"delimiter": "|"}}, {"csv": {"delimiter": "\t"}}, {"encoding": "utf-16"},
)  # fmt: skip
"""Ways in which files are written, the commonest first."""
Ask = Callable[[str, Sequence[str], str], str]
"""Asks which of some fields a column is, given the likeliest."""


@dataclass
class GuessedFile:
    """A file, and what it seems to hold."""

    place: str
    """As a recipe beside it names it."""
    records: Sequence[Mapping[str, Any]]
    format: FileFormat | None = None
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By column the fields that may be it, the likeliest first; without a format."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How its records are read, where its name does not say it."""

    @property
    def judged_by(self) -> str | None:
        """What its solutions are judged by where they are programs; None where they are none, or that is not known."""
        return self.format.judged_by if self.format else None

    @property
    def has_problems(self) -> bool:
        """Whether it has questions with their answers."""
        return self.format is None and bool(self.candidates.get("question") and self.candidates.get("answer"))

    @property
    def has_solutions(self) -> bool:
        """Whether it has what models wrote."""
        return self.format is not None or bool(self.candidates.get("text") or self.candidates.get("steps"))


def look_at(place: str) -> GuessedFile:
    """Look at a file's first records: is it of a known format, and if not, which field may be what.

    Args:
        place: A path, folder, archive or URL.

    Returns:
        The file.

    Raises:
        SourceError: It cannot be read, or no record of it can.

    """
    reading, records = _read_somehow(place)
    if (format_ := _find_format(place, records)) is not None:
        named = format_.fields.get("id")
        return GuessedFile(place, records, format_, {"id": [named]} if isinstance(named, str) else {})
    if not records:
        raise SourceError(
            f"{place}: none of its first records can be read; `errata formats` lists what is known by name"
        )
    return GuessedFile(place, records, None, find_candidates(records), reading)


def _read_somehow(place: str) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """The first records of a file, and how they are read: as its name says, or else by the first way that works."""
    faults: list[SourceError] = []
    for reading in READINGS:
        try:
            if records := _read_records(place, FileReading.model_validate(reading)):
                return reading, records
        except SourceError as error:
            faults.append(error)
    if len(faults) == len(READINGS):
        raise faults[0]
    return {}, ()


def _read_records(place: str, reading: FileReading) -> list[Mapping[str, Any]]:
    """The first records of a file that can be read."""
    sources = _find_sources(place, reading)[:3]
    return [record.value for source in sources for record in read_first(source, RECORDS) if record.value is not None]


def _find_sources(place: str, reading: FileReading) -> list[Source]:
    url = place if "://" in place else str(Path(place).absolute())
    return find_sources(url, place, NoDigests(Store("memory://errata-init")), reading)


def _list_names(place: str) -> list[str]:
    """The names by which a format may know a file or a folder: its own, and those of the files in it."""
    names = [place.rstrip("/").rpartition("/")[2]]
    with suppress(SourceError):
        names += [source.name.rpartition("/")[2] for source in _find_sources(place, FileReading())]
    return names


def _find_format(place: str, records: Sequence[Mapping[str, Any]]) -> FileFormat | None:
    """The format that a file is of: its records have what records of it are known by, several fields where its name does not fit."""
    found: list[tuple[bool, int, FileFormat]] = []
    names = _list_names(place)
    for format_ in FORMATS.shipped.values():
        is_named = any(fnmatch(name, pattern) for name in names for pattern in format_.files)
        rows = records
        if is_named:
            with suppress(SourceError):
                rows = _read_records(place, format_.read)
        known = rows and all(any(find_value(row, path) is not None for row in rows) for path in format_.known_by)
        if known and (is_named or len(format_.known_by) > 2):
            found.append((is_named, len(format_.known_by), format_))
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def find_candidates(records: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By column the fields of records that may be it, by their names and by the values that they hold."""
    fields = list_fields(records, depth=2)
    result: dict[str, list[str]] = {}
    for column, names in NAMES.items():
        ranked = [
            (_rank(path, names), path) for path in fields if _suits(column, [find_value(row, path) for row in records])
        ]
        result[column] = [path for rank, path in sorted(ranked, key=lambda entry: entry[0]) if rank < len(names)]
    # what a column has is no other's, unless it has nothing else
    for column, other in (("text", "reference"), ("question", "text"), ("answer", "text")):
        taken = result[column][:1]
        result[other] = [path for path in result[other] if path not in taken]
    return result


def _rank(path: str, names: Sequence[str]) -> int:
    plain = re.sub(r"[^a-z0-9]", "", path.rpartition(".")[2].lower())
    return names.index(plain) if plain in names else len(names)


def _suits(column: str, values: Sequence[Any]) -> bool:
    """Whether values can be those of a column."""
    present = [value for value in values if value is not None and value != ""]
    if not present:
        return False
    if column in ("steps", "options"):
        return all(isinstance(value, list) for value in present)
    if any(isinstance(value, dict | list) for value in present):
        return False
    texts = [str(value) for value in present]
    if column == "answer":
        return sum(len(text) <= SHORT for text in texts) * 2 > len(texts)
    if column == "sample":
        return all(text.isdecimal() for text in texts)
    if column in ("question", "text", "reference"):
        return any(not text.replace(".", "").isdecimal() for text in texts)
    return True


def choose_fields(file: GuessedFile, columns: Sequence[str], needed: Sequence[str], ask: Ask) -> dict[str, str]:
    """The field of each column; of those with several candidates the one that `ask` says.

    Args:
        file: The file.
        columns: What is looked for.
        needed: Those of them without which nothing can be made.
        ask: Is asked where it is not clear.

    Returns:
        Fields by column, as far as there are any.

    Raises:
        ErrataError: There is none for a column that is needed.

    """
    chosen: dict[str, str] = {}
    fields = list_fields(file.records, depth=2)
    for column in columns:
        candidates = [path for path in file.candidates.get(column, ()) if path not in chosen.values()]
        if not candidates and column in needed:
            answer = ask(f"{file.place}: which field is the {column}?", fields, "")
            if answer not in fields:
                there = ", ".join(fields[:20])
                raise ErrataError(
                    f"{file.place}: no field is known to be the {column}; rename one, or begin with `errata new sample`: there are {there}"
                )
            chosen[column] = answer
        elif len(candidates) > 1:
            chosen[column] = ask(f"{file.place}: which field is the {column}?", candidates, candidates[0])
        elif candidates:
            chosen[column] = candidates[0]
    return chosen


def find_key(problems: GuessedFile, solutions: GuessedFile) -> tuple[str, str] | None:
    """The fields by which solutions name their problems: those whose values are most often the same; None where none are."""
    best: tuple[float, str, str] = (0.0, "", "")
    for ours in problems.candidates.get("id", ()):
        known = {str(find_value(row, ours)) for row in problems.records}
        for theirs in solutions.candidates.get("id", ()):
            values = {str(find_value(row, theirs)) for row in solutions.records}
            share = len(values & known) / max(1, min(len(values), len(known)))
            best = max(best, (share, ours, theirs))
    return (best[1], best[2]) if best[0] > 0 else None
