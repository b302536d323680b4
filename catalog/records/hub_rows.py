"""The rows of a data set on the Hub, or of a local folder of its form, as `datasets` reads them: its own files, and nothing that its card points to elsewhere."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

import yaml

from catalog.hub import open_file, raise_os_errors
from catalog.records.record import make_record
from catalog.sources import Source, SourceError, split_hub_url
from schemas.task import Record

READERS = ("arrow", "csv", "json", "parquet", "text", "webdataset", "xml")
"""Of those of `datasets`, what reads rows of text from the files and nothing else."""
CARDS = ("README.md", ".huggingface.yaml")
"""The files of a data set in which `datasets` looks for which other files it is made of."""
LARGEST_CARD = 16 * 2**20
"""Bytes of one that are read."""


def read_hub_rows(source: Source) -> Iterator[tuple[Record, float]]:
    """The rows of one split in order, with the share of them read so far."""
    import datasets

    repository, revision, config, split = split_hub_url(source.url, source.name)
    # with its protocol, so that no folder of the same name beside the user is taken for it
    place = repository if repository.startswith("/") else f"hf://datasets/{repository}"
    try:
        _check_cards(place, revision, source.name)
        builder = datasets.load_dataset_builder(place, config, revision=revision)
        _check_files(builder, place, source.name)
        rows = builder.as_streaming_dataset(split=split)
        if rows.features is not None:
            rows = rows.decode(False)  # pictures and sounds would be opened by a path that the row names
        total = (rows.info.splits or {}).get(split)
        expected = total.num_examples if total and total.num_examples else 0
        for number, row in enumerate(rows, 1):
            record = make_record(f"{source.name}:{number}", row, source.reading.record_limit)
            yield record, min(1.0, number / expected) if expected else 0.5
    except SourceError:
        raise
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise SourceError(
            f"{source.name}: `datasets` cannot load it ({reason}); check name, revision and split"
        ) from None


def _check_cards(place: str, revision: str | None, name: str) -> None:
    """Raise `SourceError` where a card names files elsewhere: `datasets` would look for them."""
    for card in CARDS:
        path = f"{place}@{revision}/{card}" if revision else f"{place}/{card}"
        try:
            with raise_os_errors(), open_file(path) as file:
                text = file.read(LARGEST_CARD).decode("utf-8", "replace")
        except FileNotFoundError:
            continue
        head = text.split("\n---", 1)[0].removeprefix("---") if card.endswith(".md") else text
        try:
            declared = yaml.safe_load(head)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise SourceError(f"{name}: its {card} is not YAML; mend it") from None
        configs = declared.get("configs") if isinstance(declared, dict) else None
        for text in _list_texts(configs):
            if text.startswith(("/", "~")) or ":" in text or ".." in text.split("/"):
                _refuse(name, text, card)


def _list_texts(value: Any) -> Iterator[str]:
    """All texts within a value of YAML, each value once: aliases may repeat it a million times."""
    waiting, seen = [value], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | dict) and id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value


def _check_files(builder: Any, place: str, name: str) -> None:
    """Raise `SourceError` where a data set is made of other files than its own, or is read by what opens others."""
    reader = type(builder).__module__.rpartition(".")[2]
    if reader not in READERS:
        raise SourceError(
            f"{name}: is read as '{reader}'; rows are read of {', '.join(READERS)}: export it as one of them"
        )
    own = f"{posixpath.normpath(place)}/" if place.startswith("/") else f"{place}@"
    for files in (builder.config.data_files or {}).values():
        for file in files:
            # of a local one the links were followed when it was planned
            inside = file.startswith(own) and "::" not in file and ".." not in file.split("/")
            if not inside and not posixpath.realpath(file).startswith(f"{posixpath.realpath(place)}/"):
                _refuse(name, file, "card")


def _refuse(name: str, file: str, card: str) -> None:
    raise SourceError(
        f"{name}: its {card} names files elsewhere ({file[:200]}); name those by `files` instead, if they are meant"
    )
